"""What a command is asked to do: command line over configuration file over default, in one vocabulary."""

import argparse
import difflib
import json
import tomllib
from collections.abc import Callable, Iterable
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any, NoReturn

from mix2fld_np.errors import InputError
from mix2fld_np.federation.protocols import TABLE, protocol_named
from mix2fld_np.federation.settings import CHANNELS, PAIRINGS, SPLITS, Settings

NOT_OPTIONS = {"command", "about", "settings"}  # what else a settings.json holds


def whole(text: str) -> int:
    """A whole number, for argparse."""
    try:
        return int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number; give one such as 10") from None


def number(text: str) -> float:
    """A number, for argparse."""
    try:
        return float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no number; give one such as 0.1") from None


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


def positive(text: str) -> int:
    """A whole number of at least one, for argparse."""
    if whole(text) < 1:
        raise argparse.ArgumentTypeError(f"{text} is too few; at least 1 is needed")
    return whole(text)


def counting(text: str) -> int:
    """A whole number of at least zero, for argparse."""
    if whole(text) < 0:
        raise argparse.ArgumentTypeError(f"{text} is negative; give 0 or more")
    return whole(text)


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


DATA_NAMES = ("auto", "mnist", "fashion-mnist", "cifar-10", "cifar-100", "digits")
DATA = (
    Option("data", one_of(*DATA_NAMES), "data set; auto is MNIST where it is found, else the embedded digits", default="auto"),
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
    Option("seeds", positive, "number of repetitions, under seeds SEED, SEED + 1, ...", default=1),
    Option("seed", counting, "first seed", default=0),
)
PLACE = (
    Option("out", str, "directory for results (default results/COMMAND)", word="DIR"),
    Option("workers", positive, "threads; results do not depend on it (default: all cores)"),
)


class Parser(argparse.ArgumentParser):
    """An argparse parser whose complaints are one line long."""

    def error(self, message: str) -> NoReturn:
        """Raised, so that `main` says it like every other error."""
        raise InputError(f"{message.removeprefix('argument ')} (see {self.prog} --help).")


def add_options(parser: argparse.ArgumentParser, options: Iterable[Option]) -> None:
    """Adds options and what every command understands; what is not given does not appear in the result."""
    for option in options:
        known = {field.name: field.default for field in fields(Settings)}
        default = option.default if option.field is None else known[option.field]
        shown = ",".join(default) if isinstance(default, list) else default
        explanation = option.explanation + ("" if shown is None or option.field == "max_slots" else f" (default {shown})")
        kind, word = option.kind, option.word or option.name.split("_")[-1].upper()
        parser.add_argument(option.flag, type=kind, help=explanation, metavar=word, default=argparse.SUPPRESS)
    parser.add_argument("--set", action="append", metavar="NAME=VALUE", help="any other setting, such as beta=1 or noise_dbm_per_hz=-170")
    parser.add_argument("--config", metavar="FILE", help="read options from a TOML file, or from the settings.json of a finished run")


def asked(args: argparse.Namespace, options: tuple[Option, ...], base: Settings, command: str) -> tuple[dict[str, Any], Settings]:
    """(value of each option that is no setting, settings): command line over file over default. InputError for what cannot be."""
    file = read_config(Path(args.config), command) if args.config else {}
    table = file.pop("settings", {})
    check_known(file, [option.name for option in options], args.config)
    check_known(table, [field.name for field in fields(Settings)], args.config)
    from_file = {option.name: from_config(option, file[option.name]) for option in options if option.name in file}
    given = from_file | {option.name: getattr(args, option.name) for option in options if hasattr(args, option.name)}
    settings = changed(base, {name: tuple(value) if isinstance(value, list) else value for name, value in table.items()}, options)
    if "channel" in given:
        settings = changed(settings, {"uplink_power_dbm": CHANNELS[given["channel"]]}, options)
    settings = changed(settings, {option.field: given[option.name] for option in options if option.field and option.name in given}, options)
    settings = changed(settings, dict(parse_set(text) for text in args.set or []), options)
    return {option.name: given.get(option.name, option.default) for option in options if not option.field}, settings


def changed(settings: Settings, changes: dict[str, Any], options: tuple[Option, ...]) -> Settings:
    """Settings with changes; an error speaks of the option that the user typed, not of the field behind it."""
    if "n_seed_samples" in changes and "n_inverse_samples" not in changes:  # asking for more seeds alone is no contradiction
        changes = changes | {"n_inverse_samples": max(settings.n_inverse_samples, changes["n_seed_samples"])}
    try:
        return replace(settings, **changes)
    except InputError as problem:
        text = str(problem)
        for option in options:
            if option.field and text.startswith(f"{option.field} = "):
                text = f"{option.flag} " + text.removeprefix(f"{option.field} = ")
        raise InputError(text) from None


def parse_set(text: str) -> tuple[str, Any]:
    """NAME=VALUE of --set, the value as TOML would read it, or a bare word."""
    name, equals, value = text.partition("=")
    check_known({name: value}, [field.name for field in fields(Settings)], "--set")
    if not equals:
        raise InputError(f"--set {text} gives no value; write --set {name}=VALUE.")
    try:
        parsed = tomllib.loads(f"value = {value}")["value"]
    except tomllib.TOMLDecodeError:
        parsed = value
    return name, tuple(parsed) if isinstance(parsed, list) else parsed


def read_config(path: Path, command: str) -> dict[str, Any]:
    """The content of a TOML file, or of a settings.json, without what is only information; InputError where it is unusable."""
    try:
        content = path.read_bytes().decode()
        read = json.loads(content) if path.suffix == ".json" else tomllib.loads(content)
    except OSError as problem:
        raise InputError(f"--config {path} cannot be read ({problem.strerror or problem}); check the path.") from None
    except (ValueError, RecursionError) as problem:
        kind = "JSON" if path.suffix == ".json" else "TOML"
        raise InputError(f"--config {path} is no valid {kind}: {problem}; the README shows an example.") from None
    if not isinstance(read, dict) or not isinstance(read.get("settings", {}), dict):
        raise InputError(f"--config {path} holds no table of options; the README shows an example.")
    if read.get("command", command) != command:
        raise InputError(f"--config {path} belongs to mix2fld {read['command']}, not to mix2fld {command}; run that command with it.")
    return {name: value for name, value in read.items() if name not in NOT_OPTIONS - {"settings"} and value is not None}


def from_config(option: Option, value: Any) -> Any:
    """The value of an option in a file, checked as on the command line."""
    text = ",".join(map(str, value)) if isinstance(value, list) else str(value)
    try:
        return option.kind(text)
    except argparse.ArgumentTypeError as problem:
        raise InputError(f"{option.name} in the configuration file: {problem}.") from None


def check_known(given: Iterable[str], known: list[str], where: str) -> None:
    """InputError for the first unknown name, with the nearest known one."""
    for name in given:
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1, cutoff=0)
            raise InputError(f"{where}: {name!r} is no setting of this command; did you mean {near[0]!r}?")
