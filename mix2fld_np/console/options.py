"""What a command is asked to do: command line over configuration file over default, in one vocabulary."""

import argparse
import difflib
import json
import sys
import tomllib
from collections.abc import Callable, Iterable
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any, NoReturn

from mix2fld_np.console.values import filled, number, path, whole
from mix2fld_np.datasets.sources import SOURCES
from mix2fld_np.errors import InputError
from mix2fld_np.federation.protocols import TABLE, protocol_named
from mix2fld_np.federation.settings import CHANNELS, PAIRINGS, SPLITS, Settings
from mix2fld_np.runs.dask_cluster import check_address

NOT_OPTIONS = {"command", "about"}  # what else a settings.json holds
SETTINGS = [field.name for field in fields(Settings)]
WHERE_SETTINGS = "mix2fld_np/federation/settings.py and every settings.json list them"
LONGEST = 200  # characters of a value
LARGEST_CONFIG = 1 << 20  # bytes


def names(text: str) -> list[str]:
    """Names of protocols, separated by commas, for argparse."""
    try:
        chosen = [protocol_named(name).name for name in text.split(",") if name.strip()]
    except InputError as problem:
        raise argparse.ArgumentTypeError(str(problem)) from None
    if not chosen or len(set(chosen)) != len(chosen):
        raise argparse.ArgumentTypeError(f"{text!r} must name one or more protocols, each once; try FL,Mix2FLD")
    return chosen


def one_of(*choices: str) -> Callable[[str], str]:
    """One of some words, for argparse."""

    def choose(text: str) -> str:
        if text not in choices:
            raise argparse.ArgumentTypeError(f"{text!r} is not known; choose one of {', '.join(choices)}")
        return text

    return choose


def between(least: int, most: int) -> Callable[[str], int]:
    """A whole number within limits, for argparse."""

    def choose(text: str) -> int:
        if not least <= (value := whole(text)) <= most:
            raise argparse.ArgumentTypeError(f"{value} is out of range; choose a value from {least} to {most}")
        return value

    return choose


def scheduler(text: str) -> str:
    """The address of a Dask scheduler, for argparse."""
    try:
        check_address(text)
    except InputError as problem:
        raise argparse.ArgumentTypeError(str(problem).removesuffix(".")) from None
    return text


@dataclass(frozen=True)
class Option:
    """One option of the command line and key of a configuration file (with _ for -)."""

    name: str
    kind: Callable[[str], Any]
    explanation: str
    field: str | None = None  # of Settings, where it is one
    default: Any = None  # where it is none
    word: str | None = None  # for the usage

    @property
    def flag(self) -> str:
        """As typed."""
        return "--" + self.name.replace("_", "-")

    def read(self, text: str) -> Any:
        """The value in a text, for argparse."""
        return self.kind(path(text) if self.word == "DIR" else filled(text))


DATA = (
    Option("data", one_of("auto", *SOURCES), "data set; auto is MNIST where it is found, else the embedded digits", default="auto"),
    Option("data_dir", str, "folder to look for data in, instead of $MIX2FLD_DATA, data/ and the user's cache", word="DIR"),
)
CHANNEL = (
    Option("channel", one_of(*CHANNELS), "asymmetric (23 dBm up, 40 dBm down) or symmetric (40 dBm both)", default="asymmetric"),
    Option("devices", whole, "|D|, number of devices", "n_devices"),
    Option("seed_samples", whole, "N_S, seed samples of a device", "n_seed_samples"),
    Option("max_slots", whole, "T_max, slots in which an upload or download must get through; the letter prints 100", "max_slots"),
)
LEARNING = (
    Option("split", one_of(*SPLITS), "how samples are dealt to devices", "split"),
    Option("rounds", whole, "P, number of global updates", "n_rounds"),
    Option("iterations", whole, "K, local iterations per round", "n_local_iterations"),
    Option("distill_iterations", whole, "K_S, iterations of the server's output-to-model conversion", "n_distill_iterations"),
    Option("inverse_samples", whole, "N_I, inversely mixed-up samples per device", "n_inverse_samples"),
    Option("ratio", number, "lambda, mixing ratio; any but 0.5", "mixing_ratio"),
    Option("beta", number, "weight of the distillation regulariser", "beta"),
    Option("pairing", one_of(*PAIRINGS), "who decides which labels a device mixes up: chance, or the server's schedule", "pairing"),
)
RUNNING = (
    Option("protocols", names, f"any of {','.join(row.name for row in TABLE)}", default=[row.name for row in TABLE], word="A,B,..."),
    Option("seeds", between(1, 10_000), "number of repetitions, under seeds SEED, SEED + 1, ...", default=1),
    Option("seed", between(0, 2**63), "first seed", default=0),
)
PLACE = (
    Option("out", str, "directory for results (default results/COMMAND)", word="DIR"),
    Option("workers", between(1, 1_000), "threads; results do not depend on it (default: all cores)"),
    Option("dask", scheduler, "play the runs on the Dask cluster whose scheduler is there, tcp://HOST:PORT", word="ADDRESS"),
)


class Parser(argparse.ArgumentParser):
    """An argparse parser whose complaints are one line long."""

    def error(self, message: str) -> NoReturn:
        """Raised, so that `main` says it like every other error."""
        raise InputError(f"{message.removeprefix('argument ')} (see {self.prog} --help).")

    def _print_message(self, message: str, file: Any = None) -> None:
        """Written like all other output: argparse would hide that it cannot be."""
        (file or sys.stdout).write(message)

    def parse_known_args(self, args=None, namespace=None):  # type: ignore[no-untyped-def]
        """As ever, but `--option=--` is refused, which argparse would hand on as an empty list."""
        for text in sys.argv[1:] if args is None else args:
            if text.startswith("--") and text.endswith("=--"):
                self.error(f"{text.removesuffix('=--')}: expected one argument")
        return super().parse_known_args(args, namespace)


def add_options(parser: argparse.ArgumentParser, options: Iterable[Option], settings: bool = True) -> None:
    """Adds options and what every command understands; what is not given does not appear in the result.

    A command without `settings` has no --set.
    """
    for option in options:
        known = {field.name: field.default for field in fields(Settings)}
        default = option.default if option.field is None else known[option.field]
        shown = ",".join(default) if isinstance(default, list) else default
        explanation = option.explanation + ("" if shown is None or option.field == "max_slots" else f" (default {shown})")
        word = option.word or option.name.split("_")[-1].upper()
        parser.add_argument(option.flag, type=option.read, help=explanation, metavar=word, default=argparse.SUPPRESS)
    if settings:
        words = "any other setting, such as beta=1 or noise_dbm_per_hz=-170"
        parser.add_argument("--set", type=filled, action="append", metavar="NAME=VALUE", help=words)
    words = "read options from a TOML file, or from the settings.json of a finished run"
    parser.add_argument("--config", type=path, metavar="FILE", default=argparse.SUPPRESS, help=words)


def resolve_options(args: argparse.Namespace, options: tuple[Option, ...], base: Settings, command: str) -> tuple[dict[str, Any], Settings]:
    """(value of each option that is no setting, settings): command line over file over default. InputError for what cannot be."""
    config = getattr(args, "config", None)
    file = read_config(Path(config), command) if config is not None else {}
    table = {name: tuple(value) if isinstance(value, list) else value for name, value in file.pop("settings", {}).items()}
    check_known(file, [option.name for option in options], str(config), f"mix2fld {command} --help lists them")
    check_known(table, SETTINGS, f"{config}, settings", WHERE_SETTINGS)
    in_file = {option.name: from_config(option, file[option.name]) for option in options if option.name in file}
    on_line = {option.name: getattr(args, option.name) for option in options if hasattr(args, option.name)}
    free = parsed_set(getattr(args, "set", None) or [])
    check_once(in_file, table, options, lambda option: option.name, lambda name: f"{name} of the table settings", f" in {config}")
    check_once(on_line, free, options, lambda option: option.flag, lambda name: f"--set {name}")
    settings = changed(base, [table | as_settings(in_file, options), as_settings(on_line, options) | free], options)
    given = in_file | on_line
    return {option.name: given.get(option.name, option.default) for option in options if not option.field}, settings


def check_once(
    given: dict[str, Any], free: dict[str, Any], options: tuple[Option, ...], own: Callable, other: Callable, where: str = ""
) -> None:
    """InputError where an option and a setting by its own name both say what holds."""
    for option in options:
        for name in as_settings({option.name: given[option.name]}, options) if option.name in given else ():
            if name in free:
                raise InputError(f"{own(option)} and {other(name)} set the same{where}; give one of them.")


def as_settings(given: dict[str, Any], options: tuple[Option, ...]) -> dict[str, Any]:
    """The options that are settings, by field."""
    power = {"uplink_power_dbm": CHANNELS[given["channel"]]} if "channel" in given else {}
    return power | {option.field: given[option.name] for option in options if option.field and option.name in given}


def changed(base: Settings, layers: list[dict[str, Any]], options: tuple[Option, ...]) -> Settings:
    """Settings with layers of changes, each over the one before; an error speaks of the option that the user typed, not of the field."""
    changes: dict[str, Any] = {}
    for layer in layers:
        changes |= layer
        n_seed, n_inverse = layer.get("n_seed_samples"), changes.get("n_inverse_samples", base.n_inverse_samples)
        if "n_inverse_samples" not in layer and isinstance(n_seed, int) and isinstance(n_inverse, int):
            changes["n_inverse_samples"] = max(n_seed, n_inverse)  # asking for more seeds alone is no contradiction
    try:
        return replace(base, **changes)
    except InputError as problem:
        text = str(problem)
        for option in options:
            if option.field and text.startswith(f"{option.field} = "):
                text = f"{option.flag} " + text.removeprefix(f"{option.field} = ")
        raise InputError(text) from None


def parsed_set(texts: Iterable[str]) -> dict[str, Any]:
    """The settings of all --set NAME=VALUE; InputError where one is unknown, given twice or has no value that can be used."""
    free: dict[str, Any] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        check_known([name], SETTINGS, "--set", WHERE_SETTINGS)
        if not equals or not value.strip() or len(value) > LONGEST:
            raise InputError(f"--set {text!r} gives no value that can be used; write --set {name}=VALUE.")
        if name in free:
            raise InputError(f"--set {name} is given twice; give it once.")
        free[name] = read_set(name, value)
    return free


def read_set(name: str, value: str) -> Any:
    """The value of one setting: numbers as every option reads them; truth, pairs and words in quotes as TOML has them; or a bare word."""
    kind = {field.name: field.type for field in fields(Settings)}[name]
    try:
        if kind in (int, float):
            return whole(value) if kind is int else number(value)
        parsed = tomllib.loads(f"value = {value}")["value"]
    except argparse.ArgumentTypeError as problem:
        raise InputError(f"--set {name}: {problem}.") from None
    except (ValueError, RecursionError):
        parsed = value
    return tuple(parsed) if isinstance(parsed, list) else parsed


def read_config(path: Path, command: str) -> dict[str, Any]:
    """The content of a TOML file, or of a settings.json, without what is only information; InputError where it is unusable."""
    try:
        if not path.is_file() or path.stat().st_size > LARGEST_CONFIG:
            raise InputError(f"--config {path} is no file of settings; name a TOML file, or the settings.json of a finished run.")
        content = path.read_bytes().decode("utf-8-sig")
        read = json.loads(content, object_pairs_hook=table) if path.suffix.lower() == ".json" else tomllib.loads(content)
        repr(read)  # fails here, and not in a message, where a whole number has thousands of digits
    except OSError as problem:
        raise InputError(f"--config {path} cannot be read ({problem.strerror or problem}); check the path.") from None
    except InputError:
        raise
    except (ValueError, RecursionError) as problem:
        kind = "JSON" if path.suffix.lower() == ".json" else "TOML"
        raise InputError(f"--config {path} is no valid {kind} ({problem}); the README shows an example.") from None
    if not isinstance(read, dict) or not isinstance(read.get("settings", {}), dict):
        raise InputError(f"--config {path} holds no table of options; the README shows an example.")
    if read.get("command", command) != command:
        raise InputError(f"--config {path} belongs to mix2fld {read['command']}, not to mix2fld {command}; run that command with it.")
    return {name: value for name, value in read.items() if name not in NOT_OPTIONS and value is not None}


def table(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """A table of JSON; ValueError where a name stands in it twice, as TOML has it."""
    if len(names := [name for name, _ in pairs]) > len(set(names)):
        raise ValueError(f"{max(names, key=names.count)!r} stands twice in one table")
    return dict(pairs)


def from_config(option: Option, value: Any) -> Any:
    """The value of an option in a file, checked as on the command line."""
    try:
        found = option.read(",".join(map(str, value)) if isinstance(value, list) else str(value))
    except argparse.ArgumentTypeError as problem:
        raise InputError(f"{option.name} in the configuration file: {problem}.") from None
    is_word = isinstance(value, str)
    if isinstance(value, bool) or not isinstance(found, list) and (isinstance(value, list) or is_word != isinstance(found, str)):
        raise InputError(f"{option.name} = {value!r} in the configuration file cannot be used: it is to be like {found!r}.")
    return found


def check_known(given: Iterable[str], known: list[str], where: str, look: str) -> None:
    """InputError for the first unknown name, with a known one that is like it, or where to look."""
    for name in given:
        if name not in known:
            near = difflib.get_close_matches(name.lower().replace("-", "_"), known, n=1)
            hint = f"did you mean {near[0]!r}?" if near else f"{look}."
            raise InputError(f"{where}: {name!r} is no setting of this command; {hint}")
