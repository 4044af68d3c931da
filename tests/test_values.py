"""Values as they are typed: one rule for numbers, none is empty, and ~ is the home directory."""

import argparse
import json

import pytest
from hypothesis import given, settings, strategies as st
from test_config import commands

from mix2fld_np import cli
from mix2fld_np.console import options
from mix2fld_np.console.compare import OPTIONS
from mix2fld_np.console.options import resolve_options
from mix2fld_np.errors import InputError
from mix2fld_np.federation.settings import COMPARISON, Settings
from mix2fld_np.verify import rows

NUMBERS = {option.flag: option for option in OPTIONS if option.kind is options.number}
WHOLE = {option.flag: option for option in OPTIONS if option.kind is options.whole}
FIGURES = st.sampled_from(
    ".5 5. 0.5 5e-1 5E-1 +.5 0_1.2_5 1 1e3 1_000 -0 0x10 nan inf 1e999 ٣ 1__0 _1 5e .e1 1,5 1e-400".split()
)


def ask(*words):
    """What is asked for by some words of `mix2fld compare`."""
    parser = options.Parser(prog="mix2fld compare")
    options.add_options(parser, OPTIONS)
    return resolve_options(parser.parse_args(words), OPTIONS, COMPARISON, "compare")


def read_by(word):
    """The settings, or why there are none; without the name of the option, which may differ."""
    try:
        return ask(word)[1]
    except InputError as problem:
        return str(problem).partition(": ")[2].partition(" (see")[0].rstrip(".")


@settings(max_examples=40, deadline=None)
@given(text=FIGURES | st.floats(0, 99).map(str) | st.integers(-9, 10**30).map(str))
def test_an_option_and_set_read_numbers_by_one_rule(text):
    for flag, option in {**NUMBERS, **WHOLE}.items():
        assert read_by(f"{flag}={text}") == read_by(f"--set={option.field}={text}")


@pytest.mark.parametrize("text", [
    "500", ".5", "1,2,3,4,5,6,7,8,9,1_0", "1, 2,3,4,5,6,7,8,9,1e1", "uniform:100", "uniform:.5", "uniform:1e3", "1,2",
    "5,", "uniform:", "uniform:x", "uniform", "disc:100", "[1,2]", "nan", "uniform:nan", "0", "uniform:0",
])  # fmt: skip
def test_an_option_and_set_and_a_file_read_distances_by_one_rule(text, tmp_path):
    found, by_set = read_by(f"--distance={text}"), read_by(f"--set=distance_m={text}")
    assert found == by_set or isinstance(found, str) and isinstance(by_set, str) and by_set in found
    if isinstance(found, Settings):
        (tmp_path / "settings.json").write_text(json.dumps({"settings": {"distance_m": found.distance_m}}))
        (tmp_path / "my.toml").write_text(f"distance = {json.dumps(found.distance_m)}")
        assert ask(f"--config={tmp_path}/settings.json")[1] == ask(f"--config={tmp_path}/my.toml")[1] == found


def test_numbers_are_read_as_people_write_them():
    for text in (".3", "0.3", "3e-1", "+.3", "0.30"):
        assert ask(f"--ratio={text}")[1].mixing_ratio == ask(f"--set=mixing_ratio={text}")[1].mixing_ratio == 0.3
    assert ask("--rounds=1_000")[1].n_rounds == ask("--set=n_rounds=1000")[1].n_rounds == 1000


def value_options(command):
    """The options of a command that take a value."""
    return [action for action in command._actions if action.option_strings and action.nargs != 0]


@pytest.mark.parametrize("words", sorted(set(commands(cli.parser())) - {"study"}))
def test_no_option_of_any_command_takes_an_empty_value(words, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    start = [*words.split(), *(["2"] if words in ("figure", "table") else ["mnist"] if words == "data fetch" else [])]
    for action in value_options(commands(cli.parser())[words]):
        for empty in ("", " "):
            flag = action.option_strings[0]
            assert cli.main([*start, f"{flag}={empty}"]) == cli.main([*start, flag, empty]) == 2
            first, second = capsys.readouterr().err.splitlines()
            assert first == second and flag in first
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["out", "data_dir", "dask", "data", "protocols", "split", "rounds"])
def test_an_empty_value_in_a_file_is_refused_as_well(name, tmp_path):
    (tmp_path / "file.toml").write_text(f"{name} = ''")
    with pytest.raises(InputError, match=f"{name} in the configuration file: the value is empty"):
        ask(f"--config={tmp_path}/file.toml")


@pytest.mark.parametrize("words", sorted(set(commands(cli.parser())) - {"study"}))
def test_a_tilde_is_the_home_directory_in_every_path_of_every_command(words, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    paths = [action for action in value_options(commands(cli.parser())[words]) if action.metavar in ("DIR", "FILE")]
    assert paths
    for action in paths:
        assert action.type("~/a") == f"{tmp_path}/a"
        assert action.type("a/~") == "a/~"
        with pytest.raises(argparse.ArgumentTypeError, match="no such home directory"):
            action.type("~nobody-of-this-name/a")


@pytest.mark.parametrize("suffix", [".toml", ".json"])
def test_a_tilde_in_a_file_is_the_home_directory(suffix, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    content = {"out": "~/res", "data_dir": "~"}
    file = (
        json.dumps(content)
        if suffix == ".json"
        else "\n".join(f"{name} = {json.dumps(value)}" for name, value in content.items())
    )
    (tmp_path / f"file{suffix}").write_text(file)
    chosen, _ = ask(f"--config={tmp_path}/file{suffix}")
    assert (chosen["out"], chosen["data_dir"]) == (f"{tmp_path}/res", str(tmp_path))


@pytest.mark.parametrize("typed", ["eq.(7)", "EQ. ( 7 )", "eq. (7)", "proposition1", "Line 8"])
def test_rows_of_verify_are_found_whatever_the_blanks_and_case(typed):
    found = [check.equation for check in rows.chosen(typed)]
    wanted = {"proposition1": "Proposition 1", "Line 8": "line 8"}.get(typed, "eq. (7)")
    assert found and all(wanted in name for name in found)
