"""What a command is asked to do: command line over configuration file over default, in one vocabulary."""

import argparse
import difflib
import json
import os
import sys
import tomllib
from collections.abc import Callable, Iterable
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any, NoReturn

from mix2fld_np.console.values import between, filled, number, one_of, path, whole
from mix2fld_np.datasets.own import is_own
from mix2fld_np.datasets.sources import SOURCES
from mix2fld_np.errors import InputError
from mix2fld_np.federation.protocols import ON_REQUEST, TABLE, protocol_named
from mix2fld_np.federation.settings import CHANNELS, PAIRINGS, Distance, Settings, check_split, distance
from mix2fld_np.runs.dask_cluster import check_address

NOT_OPTIONS = {"command", "about"}  # what else a settings.json holds
SETTINGS = {field.name: field for field in fields(Settings)}
WHERE_SETTINGS = "mix2fld_np/federation/settings.py and every settings.json list them"
LONGEST = 200  # characters of a value
LARGEST_CONFIG = 1 << 20  # bytes


def names(text: str) -> list[str]:
    """Names of protocols, separated by commas, for argparse."""
    chosen = [protocol_named(name).name for name in text.split(",") if name.strip()]
    if not chosen or len(set(chosen)) != len(chosen):
        raise argparse.ArgumentTypeError(f"{text!r} must name one or more protocols, each once; try FL,Mix2FLD")
    return chosen


def data_name(text: str) -> str:
    """The name of a data set, or of an .npz file, for argparse."""
    if is_own(text):
        return path(text)
    choices = ("auto", *SOURCES)
    if text not in choices:
        raise argparse.ArgumentTypeError(f"{text!r} is not known; choose one of {', '.join(choices)}, or a .npz file")
    return text


def scheduler(text: str) -> str:
    """The address of a Dask scheduler, for argparse."""
    check_address(text)
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
    alone: str | None = None  # what the option means without a value, where it needs none

    @property
    def flag(self) -> str:
        """As typed."""
        return "--" + self.name.replace("_", "-")

    def read(self, text: str) -> Any:
        """The value in a text, for argparse."""
        try:
            return self.kind(path(text) if self.word == "DIR" else filled(text))
        except InputError as problem:
            raise argparse.ArgumentTypeError(str(problem).removesuffix(".")) from None

    def changes(self, value: Any) -> dict[str, Any]:
        """The settings that a value changes, by field."""
        power = {"uplink_power_dbm": CHANNELS[value]} if self.name == "channel" else {}
        return {self.field: value} if self.field else power


DATA = (
    Option("data", data_name, "data set, or your own file; auto: MNIST if found, else embedded digits", default="auto"),
    Option("data_dir", str, "where to look for data, instead of $MIX2FLD_DATA, data/ and the user's cache", word="DIR"),
)
CHANNEL = (
    Option("channel", one_of(*CHANNELS), "asymmetric (23 dBm up, 40 down), symmetric (40 both)", default="asymmetric"),
    Option("devices", whole, "|D|, number of devices", "n_devices"),
    Option("seed_samples", whole, "N_S, seed samples of a device", "n_seed_samples"),
    Option("distance", distance, "r_d in metres: one, A,B,... of each device, or uniform:RADIUS", "distance_m"),
    Option("max_slots", whole, "T_max, slots of an upload or download; the letter prints 100", "max_slots"),
)
LEARNING = (
    Option("split", check_split, "how samples are dealt to devices: iid, non-iid, dirichlet:ALPHA", "split"),
    Option("participation", number, "share of the devices that train and communicate in a round", "participation"),
    Option("rounds", whole, "P, number of global updates", "n_rounds"),
    Option("iterations", whole, "K, local iterations per round", "n_local_iterations"),
    Option("distill_iterations", whole, "K_S, iterations of the output-to-model conversion", "n_distill_iterations"),
    Option("inverse_samples", whole, "N_I, inversely mixed-up samples per device", "n_inverse_samples"),
    Option("ratio", number, "lambda, mixing ratio; any but 0.5", "mixing_ratio"),
    Option("beta", number, "weight of the distillation regulariser", "beta"),
    Option("pairing", one_of(*PAIRINGS), "whether chance or the server's schedule picks labels to mix", "pairing"),
)
PROTOCOLS, EVERY = ([row.name for row in rows] for rows in (TABLE, (*TABLE, *ON_REQUEST)))
RUNNING = (
    Option("protocols", names, f"any of {','.join(EVERY)}", default=PROTOCOLS, word="A,B,..."),
    Option("seeds", between(1, 10_000), "number of repetitions, under seeds SEED, SEED + 1, ...", default=1),
    Option("seed", between(0, 2**63), "first seed", default=0),
)
PLACE = (
    Option("out", str, "directory for results (default results/COMMAND)", word="DIR"),
    Option("models", one_of("auto", "none", "server", "all"), "which last weights models.npz keeps", default="none"),
    Option("workers", between(1, 1_000), "threads; results do not depend on it (default: all cores)"),
    Option("reuse", one_of("yes", "no"), "do equal work of several runs once (no: for measuring)", default="yes"),
    Option("dask", scheduler, "play the runs on the Dask cluster with this scheduler, tcp://HOST:PORT", word="ADDRESS"),
)


class Parser(argparse.ArgumentParser):
    """An argparse parser whose complaints are one line long."""

    def error(self, message: str) -> NoReturn:
        """Raised, so that `main` says it like every other error."""
        raise InputError(f"{message.removeprefix('argument ')} (see {self.prog} --help).")

    def _print_message(self, message: str, file: Any = None) -> None:
        """Written like all other output: argparse would hide that it cannot be."""
        print(message, end="", file=file or sys.stdout, flush=True)

    def parse_known_args(self, args=None, namespace=None):  # type: ignore[no-untyped-def]
        """As ever, but `--option=--` is refused, which argparse would hand on as an empty list."""
        for text in sys.argv[1:] if args is None else args:
            if text.startswith("--") and text.endswith("=--"):
                self.error(f"{text.removesuffix('=--')}: expected one argument")
        return super().parse_known_args(args, namespace)


def add_options(parser: argparse.ArgumentParser, options: Iterable[Option], settings: bool = True) -> None:
    """Adds options, --config and, with `settings`, --set; what is not given does not appear in the result."""
    for option in options:
        default = SETTINGS[option.field].default if option.field else option.default
        shown = ",".join(default) if isinstance(default, list) else default
        words = option.explanation + ("" if shown is None or option.field == "max_slots" else f" (default {shown})")
        metavar, n_values = option.word or option.name.split("_")[-1].upper(), "?" if option.alone else None
        parser.add_argument(option.flag, type=option.read, help=words, metavar=metavar, default=argparse.SUPPRESS,
                            nargs=n_values, const=option.alone)  # fmt: skip
    if settings:
        words = "any other setting, such as beta=1 or noise_dbm_per_hz=-170"
        parser.add_argument("--set", type=filled, action="append", metavar="NAME=VALUE", help=words)
    words = "read options from a TOML file, or from the settings.json of a finished run"
    parser.add_argument("--config", type=path, metavar="FILE", default=argparse.SUPPRESS, help=words)


def resolve_options(
    args: argparse.Namespace, options: tuple[Option, ...], base: Settings, command: str
) -> tuple[dict[str, Any], Settings]:
    """(value of each option that is no setting, settings): line over file over default; InputError if it cannot be."""
    config = getattr(args, "config", None)
    file, table = read_config(Path(config), command) if config is not None else ({}, {})
    check_known(file, [option.name for option in options], str(config), f"mix2fld {command} --help lists them")
    check_known(table, SETTINGS, f"{config}, settings", WHERE_SETTINGS)
    in_file = [(option, from_config(option, file[option.name])) for option in options if option.name in file]
    on_line = [(option, getattr(args, option.name)) for option in options if hasattr(args, option.name)]
    free = parsed_set(getattr(args, "set", None) or [])
    twice = "{option.name} and {name} of the table settings set the same in the configuration file"
    layers = [layer(in_file, table, twice, may_agree=True)]
    layers.append(layer(on_line, free, "{option.flag} and --set {name} set the same"))
    settings = changed(base, layers, [option for option, _ in in_file + on_line])
    power = {value: name for name, value in CHANNELS.items()}.get(settings.uplink_power_dbm)
    given = {option.name: value for option, value in in_file + on_line} | {"channel": power}
    return {option.name: given.get(option.name, option.default) for option in options if not option.field}, settings


def layer(own: list[tuple[Option, Any]], free: dict[str, Any], clash: str, may_agree: bool = False) -> dict[str, Any]:
    """All settings of the file or of the line; InputError where an option and a setting by its own name clash."""
    changes = dict(free)
    for option, value in own:
        for name, new in option.changes(value).items():
            if name in free and not (may_agree and free[name] == new):  # as in a settings.json
                raise InputError(f"{clash.format(option=option, name=name)}; give one of them.")
            changes[name] = new
    return changes


def changed(base: Settings, layers: Iterable[dict[str, Any]], options: Iterable[Option]) -> Settings:
    """Settings with layers of changes, each over the one before; an error names the option that was given."""
    changes: dict[str, Any] = {}
    for own in layers:
        changes |= own
        n_seed, n_inverse = own.get("n_seed_samples"), changes.get("n_inverse_samples", base.n_inverse_samples)
        if "n_inverse_samples" not in own and isinstance(n_seed, int) and isinstance(n_inverse, int):
            changes["n_inverse_samples"] = max(n_seed, n_inverse)  # asking for more seeds alone is no contradiction
    try:
        return replace(base, **changes)
    except InputError as problem:
        field, equals, rest = str(problem).partition(" = ")
        flags = {option.field: option.flag for option in options if option.field}
        raise InputError(f"{flags[field]} {rest}" if field in flags else str(problem)) from None


def parsed_set(texts: Iterable[str], word: str = "--set") -> dict[str, Any]:
    """The settings of all --set NAME=VALUE; InputError where one is unknown, given twice or without a value."""
    free: dict[str, Any] = {}
    for text in texts:
        name, _, value = text.partition("=")
        check_known([name], SETTINGS, word, WHERE_SETTINGS)
        if not value.strip() or len(value) > LONGEST:
            raise InputError(f"{word} {text!r} gives no value that can be used; write {word} {name}=VALUE.")
        if name in free:
            raise InputError(f"{word} {name} is given twice, or beside an option that sets the same; give it once.")
        free[name] = read_set(name, value, word)
    return free


def read_set(name: str, value: str, word: str) -> Any:
    """The value of a setting: numbers as options read them; truth (or yes, no), pairs, quoted words as TOML; a word."""
    kind = SETTINGS[name].type
    try:
        if read := {int: whole, float: number, Distance: distance}.get(kind):
            return read(value)
        parsed = tomllib.loads(f"value = {value}")["value"]
    except argparse.ArgumentTypeError as problem:
        raise InputError(f"{word} {name}: {problem}.") from None
    except (ValueError, RecursionError):
        parsed = {"yes": True, "no": False}.get(value.strip(), value) if kind is bool else value
    return tuple(parsed) if isinstance(parsed, list) else parsed


def read_config(path: Path, command: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """(options, settings) of a TOML file or a settings.json; InputError where it is unusable."""
    if not os.path.isfile(path) or os.path.getsize(path) > LARGEST_CONFIG:
        raise InputError(f"--config {path} is no file of settings; name a TOML file or a settings.json.")
    kind = "JSON" if path.suffix.lower() == ".json" else "TOML"
    try:
        content = path.read_bytes().decode("utf-8-sig")
        read = json.loads(content, object_pairs_hook=unique) if kind == "JSON" else tomllib.loads(content)
        repr(read)  # fails here, and not in a message, where a whole number has thousands of digits
    except OSError as problem:
        raise InputError(f"--config {path} cannot be read ({problem.strerror or problem}); check the path.") from None
    except (ValueError, RecursionError) as problem:
        raise InputError(f"--config {path} is no valid {kind} ({problem}); the README shows an example.") from None
    if not isinstance(read, dict) or not isinstance(read.get("settings", {}), dict):
        raise InputError(f"--config {path} holds no table of options; the README shows an example.")
    if read.get("command", command) != command:
        whose = f"belongs to mix2fld {read['command']}, not to mix2fld {command}"
        raise InputError(f"--config {path} {whose}; run that command with it.")
    settings = read.pop("settings", {}).items()
    table = {name: tuple(value) if isinstance(value, list) else value for name, value in settings}
    return {name: value for name, value in read.items() if name not in NOT_OPTIONS and value is not None}, table


def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
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
    alike = isinstance(value, list | str if isinstance(found, list) else str) == isinstance(found, list | str)
    if not alike or isinstance(value, bool):
        given = f"{option.name} = {value!r} in the configuration file"
        raise InputError(f"{given} cannot be used: it is to be like {found!r}.")
    return found


def check_known(given: Iterable[str], known: Iterable[str], where: str, look: str) -> None:
    """InputError for the first unknown name, with a known one that is like it, or where to look."""
    for name in given:
        if name not in known:
            near = difflib.get_close_matches(name.lower().replace("-", "_"), known, n=1)
            hint = f"did you mean {near[0]!r}?" if near else f"{look}."
            raise InputError(f"{where}: {name!r} is no setting of this command; {hint}")
