"""Whatever is typed, or stands in a file: exit code 0, or 2 and one line that says why; no traceback, no warning,
nothing half-written."""

import contextlib
import gzip
import io
import json
import os
import secrets
import shutil
import struct
import time
import warnings
from dataclasses import fields

import pytest
from hypothesis import HealthCheck, given, seed, settings, strategies as st
from small_runs import compare, job, write_digits
from test_config import commands

from mix2fld_np import cli, process
from mix2fld_np.console import attack, data as data_command, session, table, verify
from mix2fld_np.datasets.formats import read_cifar, read_idx
from mix2fld_np.errors import InputError
from mix2fld_np.federation.settings import Settings
from mix2fld_np.runs.store import StoredRun

FIELDS = [field.name for field in fields(Settings)]
PATIENCE_S = 60.0  # of a machine with other things to do
FUZZ_S = float(os.environ.get("MIX2FLD_FUZZ_S", "2"))  # how long new cases are tried
fuzzed = settings(suppress_health_check=list(HealthCheck), deadline=None, max_examples=int(6 * FUZZ_S) + 1)
FUZZ_SEED = int(os.environ.get("MIX2FLD_FUZZ_SEED") or secrets.randbits(32))  # of these cases; another one each time


def refuse(*arguments, **named):
    raise InputError("what takes long is patched out.")


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return write_digits(tmp_path_factory.mktemp("data"))


@pytest.fixture
def here(data, tmp_path, monkeypatch):
    """An empty directory to be in, with small data to be found; whatever would play for long, or use the network,
    refuses instead."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MIX2FLD_DATA", str(data))
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(session, "play_all", refuse)
    monkeypatch.setattr(session, "connected", refuse)
    monkeypatch.setattr(process, "memory_bytes", lambda: 2e8)
    monkeypatch.setattr(table, "measured", refuse)
    monkeypatch.setattr(attack.attack, "rows_of", refuse)
    monkeypatch.setattr(verify, "judged", refuse)
    monkeypatch.setattr(verify.equations, "compile_networks", lambda checks: None)
    monkeypatch.setattr(data_command, "fetch_data", refuse)
    return tmp_path


def outcome(arguments):
    """Exit code and stderr of a command that behaves: it warns of nothing, takes its time but not long,
    and says one line if it refuses."""
    begun, said = time.monotonic(), io.StringIO()
    with (
        contextlib.redirect_stdout(io.TextIOWrapper(io.BytesIO(), "utf-8")),
        contextlib.redirect_stderr(said),
        warnings.catch_warnings(),
    ):
        warnings.simplefilter("error")
        try:
            code = cli.main(arguments)
        except SystemExit as end:  # --help and --version
            code = end.code
    message = said.getvalue()
    assert time.monotonic() - begun < PATIENCE_S
    assert code in (0, 2)
    if code == 2:
        assert message.startswith("mix2fld: ") and message.count("\n") == 1 and len(message) < 3_000
    return code, message


# ------------------------------------------------------------------------------------------------------- command line
typed = st.text(st.characters(exclude_characters="\0/", exclude_categories=("Cs",)), max_size=12)
bytes_typed = st.binary(max_size=6).map(
    lambda raw: raw.replace(b"\0", b"").replace(b"/", b"").decode("utf-8", "surrogateescape")
)
numbers = st.one_of(
    st.integers(-3, 40).map(str),
    st.integers(-(10**30), 10**30).map(str),
    st.floats().map(str),
    st.sampled_from(
        [
            "", " ", "1e999", "-0", "0x10", "1_0", "٣", "1" * 5_000, "9" * 25, "nan", "0.5", "+5", "--", "-h", "1e-400",
            "5 5",
        ]
    ),
)
words = st.sampled_from(
    "iid non-iid random scheduled symmetric asymmetric mnist auto cifar-10 digit FL,Mix2FLD fd FL,FL , 1 2 3 "
    "uniform:100 uniform: uniform:x 5,6 1,2,3,4,5,6,7,8,9,10".split(),
)
values = st.one_of(words, numbers, typed, bytes_typed)
toml = ["[1, 2]", "[[1]]", "{a = 1}", "true", "2020-01-01", "'x'", '"', "[" * 3_000, "[1e5, 2]", "1\nbeta = 2"]
equals = st.sampled_from(["=", "", "=="])
settings_typed = st.builds("{}{}{}".format, st.sampled_from(FIELDS) | typed, equals, values | st.sampled_from(toml))
places = st.one_of(
    typed, st.sampled_from(["/dev/null", "/dev/null/x", "/proc/nothing/x", "x" * 300, "a\nb", "\udcff", "~", "-"])
)
OWN = {
    "--set": settings_typed, "--out": places, "--data-dir": places, "--config": places,
    "--dask": typed | st.just("tcp://[::1]:1"),
}
SEEDS = st.sampled_from(["1", "2", "0", "-1", "10001", "x", "1e3", "9" * 20])
LINES = {words: command for words, command in commands(cli.parser()).items() if words != "study"}


@st.composite
def lines(draw):
    """A command and any of its options, with any values; now and then something else altogether."""
    name = draw(st.sampled_from(sorted(LINES)))
    arguments = name.split()
    actions = [
        action for action in LINES[name]._actions if action.dest not in ("help", "command") and not action.choices
    ]
    for action in draw(st.lists(st.sampled_from(actions), max_size=5)) if actions else []:
        value = draw(
            SEEDS if "--seeds" in action.option_strings else OWN.get((action.option_strings or [""])[0], values)
        )
        arguments += (
            [f"{action.option_strings[0]}={value}"]
            if action.option_strings and action.nargs != 0
            else action.option_strings
        )
        arguments += [] if action.option_strings else [value]
    if name in ("figure", "table", "data fetch") and draw(st.booleans()):
        arguments.append(draw(st.sampled_from(["1", "2", "3", "mnist"])))
    return arguments + draw(st.lists(values, max_size=1)) if draw(st.integers(0, 9)) == 0 else arguments


@settings(fuzzed, max_examples=int(20 * FUZZ_S) + 1)
@given(arguments=lines())
def test_any_line_is_done_or_refused_in_one_line(here, arguments):
    outcome(arguments)
    assert not list(here.rglob("*.part"))


@fuzzed
@given(
    arguments=st.lists(typed | st.sampled_from("compare data fetch --help -h --version --set -- -".split()), max_size=4)
)
def test_lines_of_no_sense_are_refused_in_one_line(here, arguments):
    outcome(arguments)


@fuzzed
@given(free=st.lists(st.tuples(st.sampled_from(FIELDS), numbers), max_size=4))
def test_the_channel_in_closed_form_stands_any_numbers(here, free):
    outcome(["channel", *(f"--set={name}={value}" for name, value in free)])


# -------------------------------------------------------------------------------------------------------------- files
OTHER_KEYS = "settings command about out data seeds protocols channel rounds dask workers".split()
keys = st.sampled_from([*FIELDS, *OTHER_KEYS]) | typed
leaves = st.one_of(
    st.none(), st.booleans(), st.integers(), st.integers(-(10**40), 10**40), st.floats(), typed, words,
    st.just("\0"), st.just("\ud800"),
)  # fmt: skip
trees = st.dictionaries(
    keys, st.recursive(leaves, lambda deeper: st.lists(deeper, max_size=3) | st.dictionaries(keys, deeper, max_size=4))
)


@fuzzed
@given(tree=trees | st.builds(lambda table: {"settings": table}, trees))
def test_any_json_as_configuration(here, tree):
    (here / "any.json").write_bytes(
        json.dumps(tree | ({"out": "o"} if "out" in tree else {})).encode("utf-8", "surrogatepass")
    )
    outcome(["compare", "--config=any.json", "--protocols=FD"])
    outcome(["channel", "--config=any.json"])


more_toml = [*toml, "\"\\u0000\"", "[]", "{}", "{a = {b = 1}}", "-nan", "0x" + "f" * 5_000, "'''a\nb'''"]
toml_lines = st.one_of(
    st.builds("{} = {}".format, keys, numbers | st.sampled_from(more_toml)),
    st.sampled_from(["[settings]", "[[settings]]", "[a.b]", "# x", "a.b = 1"]),
    typed,
)


@fuzzed
@given(content=st.lists(toml_lines, max_size=6).map("\n".join).filter(lambda content: "out" not in content))
def test_any_toml_as_configuration(here, content):
    (here / "any.toml").write_text(content)
    outcome(["compare", "--config=any.toml", "--protocols=FD"])


@fuzzed
@given(
    content=st.binary(max_size=200)
    | st.sampled_from([b"\xff\xfe", b"\xef\xbb\xbfmax_slots = 3", b"\0", b"{", b"a = ["])
)
def test_any_bytes_as_configuration(here, content):
    for suffix in ("toml", "json"):
        (here / f"any.{suffix}").write_bytes(content)
        outcome(["channel", f"--config=any.{suffix}"])


@st.composite
def lines_with_files(draw):
    """A command with any of its options, and (suffix, content) of a configuration file for it, or None."""
    arguments, tree = draw(lines()), draw(trees | st.builds(lambda table: {"settings": table}, trees))
    as_json = json.dumps(tree | ({"out": "o"} if "out" in tree else {})).encode("utf-8", "surrogatepass")
    as_toml = "\n".join(draw(st.lists(toml_lines, max_size=6))).encode()
    return arguments, draw(st.sampled_from([None, ("json", as_json), ("toml", as_toml)]))


def test_lines_and_files_together_for_a_fixed_time_from_a_fresh_seed(here, capfd):
    """Goes on for MIX2FLD_FUZZ_S seconds; MIX2FLD_FUZZ_SEED repeats what it printed."""
    with capfd.disabled():
        print(f"\nMIX2FLD_FUZZ_SEED={FUZZ_SEED} MIX2FLD_FUZZ_S={FUZZ_S:g} repeats these cases")
    begun, batch = time.monotonic(), 0
    while time.monotonic() - begun < FUZZ_S:

        @seed(FUZZ_SEED + batch)
        @settings(fuzzed, max_examples=50, database=None)
        @given(case=lines_with_files())
        def one_batch(case):
            arguments, file = case
            if file:
                (here / f"both.{file[0]}").write_bytes(file[1])
                arguments = [*arguments, f"--config=both.{file[0]}"]
            outcome(arguments)

        one_batch()
        batch += 1
    assert not list(here.rglob("*.part"))


@pytest.mark.parametrize(
    "content", [b"[" * 100_000, b'{"a":' * 100_000, b"a = " + b"[" * 100_000], ids=["lists", "tables", "arrays"]
)
def test_a_configuration_nested_without_end(here, content):
    for suffix in ("toml", "json"):
        (here / f"any.{suffix}").write_bytes(content)
        assert outcome(["channel", f"--config=any.{suffix}"])[0] == 2


@fuzzed
@given(
    tree=trees,
    where=st.sampled_from(["settings.json", "unfinished/settings.json", "runs/FD-seed0.json"]),
    ours=st.booleans(),
)
def test_any_json_in_the_place_of_our_files(here, data, tree, where, ours):
    shutil.rmtree(here / "results", ignore_errors=True)
    path = here / "results" / where
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps(tree | ({"about": {}} if ours else {})))
    code, _ = outcome(compare(data, here / "results", "--protocols=FD", "--resume"))
    assert code == 2
    assert path.exists()


@fuzzed
@given(tree=trees, framed=st.booleans())
def test_any_json_in_the_place_of_a_result(here, data, tree, framed):
    run = StoredRun(job(data, "FD"), here)
    run.path.parent.mkdir(exist_ok=True)
    content = {"identity": run.identity, "checksum": "0" * 64, "result": tree} if framed else tree
    run.path.write_text(json.dumps(content))
    with pytest.raises(InputError, match="damaged"):
        run.result()


# --------------------------------------------------------------------------------------------------------------- data
@fuzzed
@given(
    content=st.binary(max_size=400),
    packed=st.booleans(),
    start=st.sampled_from([b"", b"\0\0\x08\x01", b"\0\0\x08\x03\0\0\0\x01"]),
)
def test_any_bytes_in_the_place_of_images(here, data, content, packed, start):
    there = here / "data" / "mnist"
    there.mkdir(parents=True, exist_ok=True)
    for file in (data / "mnist").iterdir():
        (there / file.name).write_bytes(file.read_bytes())
    (there / "t10k-images-idx3-ubyte").write_bytes(gzip.compress(start + content) if packed else start + content)
    code, said = outcome(compare(here / "data", here / "out"))
    assert code == 2 and "t10k-images-idx3-ubyte" in said
    assert outcome(["data", f"--data-dir={here}/data"])[0] == 0
    assert not (here / "out").exists()


@fuzzed
@given(
    content=st.binary(max_size=60), n_records=st.integers(0, 2), cut=st.integers(-2, 2),
    n_label_bytes=st.sampled_from([1, 2]),
)
def test_any_bytes_in_the_place_of_cifar_records(here, content, n_records, cut, n_label_bytes):
    size = max(0, n_records * (3_072 + n_label_bytes) + cut)
    (here / "batch.bin").write_bytes((content * (size // max(1, len(content)) + 1))[:size].ljust(size, b"\0"))
    try:
        images, labels = read_cifar(here / "batch.bin", n_label_bytes)
        assert images.shape == (n_records, 3, 32, 32) and labels.max() < 10**n_label_bytes and cut == 0
    except InputError as problem:
        assert str(here / "batch.bin") in str(problem) and "\n" not in str(problem)


@fuzzed
@given(lengths=st.lists(st.integers(0, 2**32 - 1), min_size=3, max_size=3), packed=st.booleans())
def test_any_declared_size_is_refused_without_taking_memory_for_it(here, lengths, packed):
    content = struct.pack(">BBBBIII", 0, 0, 8, 3, *lengths) + b"\0" * 64
    (here / "images").write_bytes(gzip.compress(content) if packed else content)
    try:
        assert read_idx(here / "images").size == lengths[0] * lengths[1] * lengths[2] == 64 or 0 in lengths
    except InputError as problem:
        assert str(here / "images") in str(problem)
