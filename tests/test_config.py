"""Command line over file over default, in one vocabulary; and a settings.json repeats its run."""

import argparse
import json
import math
from dataclasses import asdict, fields, replace

import pytest
from hypothesis import given, strategies as st
from small_runs import compare, files_of, write_digits

from mix2fld_np import cli, process
from mix2fld_np.console import options, session
from mix2fld_np.console.compare import OPTIONS
from mix2fld_np.console.options import resolve_options
from mix2fld_np.datasets.registry import load
from mix2fld_np.errors import InputError
from mix2fld_np.federation.settings import COMPARISON, Settings
from mix2fld_np.federation.task import Task


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return write_digits(tmp_path_factory.mktemp("data"))


@pytest.fixture
def ask(tmp_path):
    """What is asked for by a line of `mix2fld compare`, with a file or without."""

    def ask(line="", file=None, suffix=".toml"):
        if file is not None:
            (tmp_path / f"file{suffix}").write_text(file)
            line += f" --config={tmp_path}/file{suffix}"
        parser = options.Parser(prog="mix2fld compare")
        options.add_options(parser, OPTIONS)
        return resolve_options(parser.parse_args(line.split()), OPTIONS, COMPARISON, "compare")

    return ask


def refusal(ask, *arguments):
    with pytest.raises(InputError) as caught:
        ask(*arguments)
    message = str(caught.value)
    assert "\n" not in message and message[-1] in ".?"
    return message


# --------------------------------------------------------------------------------------------------------- precedence
def test_without_anything_the_defaults_hold(ask):
    chosen, settings = ask()
    assert settings == COMPARISON
    assert (
        chosen["data"] == "auto"
        and chosen["seeds"] == 1
        and chosen["out"] is chosen["workers"] is chosen["dask"] is None
    )
    assert chosen["protocols"] == ["FL", "FD", "FLD", "MixFLD", "Mix2FLD"]


WORDS = {  # of the options that are settings: a value on the line, another in the file
    "devices": (7, 8),
    "seed_samples": (20, 30),
    "max_slots": (104, 106),
    "split": ("iid", "non-iid"),
    "rounds": (4, 5),
    "iterations": (50, 60),
    "distill_iterations": (70, 80),
    "inverse_samples": (300, 400),
    "ratio": (0.2, 0.3),
    "beta": (0.5, 0.6),
    "pairing": ("scheduled", "random"),
}


@pytest.mark.parametrize("name", WORDS)
def test_the_line_beats_the_file_and_the_file_beats_the_default(ask, name):
    (option,) = (option for option in OPTIONS if option.name == name)
    on_line, in_file = WORDS[name]
    line, file = f"{option.flag}={on_line}", f"{name} = {json.dumps(in_file)}"
    table = f"[settings]\n{option.field} = {json.dumps(in_file)}"
    assert getattr(ask(line)[1], option.field) == on_line
    for content in (file, table):
        assert getattr(ask("", content)[1], option.field) == in_file
        assert getattr(ask(line, content)[1], option.field) == on_line
        assert getattr(ask(f"--set={option.field}={on_line}", content)[1], option.field) == on_line


@pytest.mark.parametrize(
    ("line", "file", "name", "found"),
    [
        ("--seeds=3", "seeds = 4", "seeds", 3),
        ("", "seeds = 4", "seeds", 4),
        ("--protocols=fd", "protocols = ['FL']", "protocols", ["FD"]),
        ("", "protocols = ['FL', 'mix2fld']", "protocols", ["FL", "Mix2FLD"]),
        ("", "protocols = 'FD,FL'", "protocols", ["FD", "FL"]),
        ("--out=a", "out = 'b'", "out", "a"),
        ("", "dask = 'tcp://host:1'", "dask", "tcp://host:1"),
        ("--seed=9223372036854775808", "seed = 1", "seed", 2**63),
    ],
)
def test_options_that_are_no_settings_follow_the_same_order(ask, line, file, name, found):
    assert ask(line, file)[0][name] == found


def test_the_channel_is_a_power_and_may_come_from_anywhere(ask):
    def power(*arguments):
        return ask(*arguments)[1].uplink_power_dbm

    assert power() == 23
    assert power("--channel=symmetric") == power("", 'channel = "symmetric"') == 40
    assert power("", "settings = {uplink_power_dbm = 30}") == 30
    assert power("--channel=asymmetric", "settings = {uplink_power_dbm = 30}") == 23
    assert power("--set=uplink_power_dbm=35", 'channel = "symmetric"') == 35


def test_a_value_on_the_line_mends_one_in_the_file_that_cannot_stand_beside_others(ask):
    file = "[settings]\nn_inverse_samples = 5"  # below the default N_S = 50
    assert "n_inverse_samples = 5" in refusal(ask, "", file).replace("--inverse-samples 5", "n_inverse_samples = 5")
    assert ask("--seed-samples=5", file)[1].n_seed_samples == 5


def test_asking_for_more_seed_samples_alone_is_no_contradiction(ask):
    assert ask("--seed-samples=200")[1].n_inverse_samples == 200
    assert ask("--seed-samples=20")[1].n_inverse_samples == 100
    assert ask("--seed-samples=200", json.dumps({"settings": asdict(COMPARISON)}), ".json")[1].n_inverse_samples == 200
    assert "below n_seed_samples" in refusal(ask, "--seed-samples=200 --inverse-samples=100")


@given(values=st.fixed_dictionaries({}, optional={
    "n_rounds": st.integers(1, 99), "beta": st.floats(0, 9), "printed_sign": st.booleans(),
    "filters": st.tuples(*[st.integers(1, 9)] * 2), "split": st.sampled_from(["iid", "non-iid"]),
    "noise_dbm_per_hz": st.integers(-200, -100),
}))  # fmt: skip
def test_set_reads_numbers_words_truth_and_pairs_as_toml_does(values):
    parser = options.Parser(prog="mix2fld compare")
    options.add_options(parser, OPTIONS)
    words = [f"--set={name}={value if isinstance(value, str) else json.dumps(value)}" for name, value in values.items()]
    assert resolve_options(parser.parse_args(words), OPTIONS, COMPARISON, "compare")[1] == replace(COMPARISON, **values)


# ----------------------------------------------------------------------------------------------------------- refusals
@pytest.mark.parametrize(
    ("line", "file", "words"),
    [
        ("--set=n_roundz=3", None, "'n_roundz' is no setting of this command; did you mean 'n_rounds'?"),
        ("--set=rounds=3", None, "did you mean 'n_rounds'?"),
        ("--set=N-Rounds=3", None, "did you mean 'n_rounds'?"),
        ("--set=foo=1", None, "federation/settings.py and every settings.json list them"),
        ("", "devizes = 3", "'devizes' is no setting of this command; did you mean 'devices'?"),
        ("", "seed-samples = 3", "did you mean 'seed_samples'?"),
        ("", "foo = 3", "mix2fld compare --help lists them"),
        ("", "[settings]\nbata = 3", "settings: 'bata' is no setting of this command; did you mean 'beta'?"),
        ("", "[settings]\ndevices = 3", "did you mean 'n_devices'?"),
        ("--set=beta", None, "write --set beta=VALUE"),
        ("--set=beta=", None, "write --set beta=VALUE"),
        ("--set=beta=fast", None, "--set beta: 'fast' is no finite number"),
        ("--set=beta=nan", None, "--set beta: 'nan' is no finite number"),
        ("--set=n_rounds=1e3", None, "give one in digits alone, such as 10 (1000, not 1e3)"),
        ("--rounds=1e3", None, "give one in digits alone, such as 10 (1000, not 1e3)"),
        ("--ratio=0.5", None, "--ratio 0.5 cannot be inverted"),
        ("--devices=0", None, "--devices 0 is out of range"),
        ("", "rounds = '3'", "rounds = '3' in the configuration file cannot be used: it is to be like 3"),
        ("", "rounds = 3.5", "'3.5' is no whole number"),
        ("", "out = 5", "it is to be like '5'"),
        ("", "ratio = true", "'True' is no finite number"),
        ("", "protocols = [1, 2]", "no protocol '1'"),
        ("", "command = 'channel'", "belongs to mix2fld channel, not to mix2fld compare"),
        ("", "settings = 3", "holds no table of options"),
        ("", "rounds = ", "is no valid TOML"),
        ("", "rounds = 0x" + "f" * 5000, "Exceeds the limit"),
        ("", "out = [[0x" + "f" * 5000 + "]]", "Exceeds the limit"),
        ("", "[settings]\nn_rounds = " + "9" * 1000, "is out of range"),
        ("--beta=0.1 --set=beta=0.3", None, "--beta and --set beta set the same; give one of them."),
        ("--set=beta=0.3 --beta=0.3", None, "--beta and --set beta set the same"),
        ("--channel=symmetric --set=uplink_power_dbm=23", None, "--channel and --set uplink_power_dbm set the same"),
        ("--set=beta=0.3 --set=beta=0.3", None, "--set beta is given twice"),
        ("", "beta = 0.1\n[settings]\nbeta = 0.3", "beta and beta of the table settings set the same in "),
        ("", "channel = 'symmetric'\n[settings]\nuplink_power_dbm = 30", "channel and uplink_power_dbm of the table"),
    ],
)
def test_each_mistake_is_told_in_a_sentence(ask, line, file, words):
    assert words in refusal(ask, line, file)


def test_no_suggestion_is_far_off():
    names = [field.name for field in fields(Settings)]
    for strange in ("foo", "x", "qwertz", "1", ""):
        with pytest.raises(InputError) as caught:
            options.check_known([strange], names, "--set", "look there")
        assert "did you mean" not in str(caught.value)


@pytest.mark.parametrize("name", [field.name for field in fields(Settings)])
def test_one_slip_of_the_pen_finds_every_setting(name):
    for slip in (name[:-1], name[1:], name + "s", name.replace("_", "-").upper()):
        with pytest.raises(InputError) as caught:
            options.check_known([slip], [name], "--set", "look there")
        assert f"did you mean {name!r}?" in str(caught.value)


@pytest.mark.parametrize(
    "content", ['{"rounds": 1, "rounds": 1}', '{"settings": {"beta": 1, "n_rounds": 1, "beta": 2}}']
)
def test_a_name_that_stands_twice_in_a_file_is_refused(ask, content):
    assert f"{'beta' if 'beta' in content else 'rounds'!r} stands twice in one table" in refusal(
        ask, "", content, ".json"
    )


def test_a_folder_a_missing_file_and_one_that_is_too_large_are_refused(ask, tmp_path):
    (tmp_path / "large.toml").write_text("#" * (options.LARGEST_CONFIG + 1))
    for path in (tmp_path, tmp_path / "missing.toml", tmp_path / "large.toml", "/dev/zero"):
        assert "is no file of settings" in refusal(ask, f"--config={path}")


# -------------------------------------------------------------------------------------------------------- every command
def commands(parser):
    """Every command below a parser, by its words."""
    found = {}
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for name, command in action.choices.items():
                found |= {name: command} | {f"{name} {below}": deeper for below, deeper in commands(command).items()}
    return found


@pytest.mark.parametrize("words", sorted(set(commands(cli.parser())) - {"study"}))
def test_every_command_takes_a_file(words):
    assert any("--config" in action.option_strings for action in commands(cli.parser())[words]._actions)


def test_the_place_of_data_can_stand_in_a_file(data, tmp_path, capsys):
    (tmp_path / "my.toml").write_text(f"data_dir = {json.dumps(str(data))}")
    assert cli.main(["data", "--config", str(tmp_path / "my.toml")]) == 0
    assert f"{data}/mnist" in capsys.readouterr().out


# -------------------------------------------------------------------------------------------------------- settings.json
def test_the_settings_of_a_finished_run_repeat_it(data, tmp_path):
    odd = (
        "--protocols=FD,Mix2FLD --seeds=2 --seed=4 --ratio=0.3 --channel=symmetric "
        "--set=epsilon=0.25 --set=filters=[4,3]"
    ).split()
    assert cli.main(compare(data, tmp_path / "first", *odd)) == 0
    again = ["compare", "--quiet", f"--config={tmp_path}/first/settings.json", f"--out={tmp_path}/again"]
    assert cli.main(again) == 0
    assert files_of(tmp_path / "again") == files_of(tmp_path / "first")


def test_a_changed_word_on_the_line_changes_only_that(data, tmp_path):
    assert cli.main(compare(data, tmp_path / "first", "--protocols=FD", "--ratio=0.3")) == 0
    again = ["compare", "--quiet", f"--config={tmp_path}/first/settings.json", f"--out={tmp_path}/again", "--rounds=1"]
    assert cli.main(again) == 0
    first, second = (json.loads((tmp_path / name / "settings.json").read_text()) for name in ("first", "again"))
    about = first["about"] | {"checksum": second["about"]["checksum"]}
    assert second == first | {"settings": first["settings"] | {"n_rounds": 1}, "about": about}


@pytest.mark.parametrize("power", [23.0, 40.0, 30.0])
def test_the_channel_beside_all_settings_says_what_they_say_and_is_refused_otherwise(ask, power):
    chosen, settings = ask(f"--set=uplink_power_dbm={power}")
    everything = {"channel": chosen["channel"], "settings": asdict(settings)}
    assert ask("", json.dumps(everything), ".json") == (chosen, settings)
    other = {"asymmetric": "symmetric"}.get(chosen["channel"], "asymmetric")
    assert "set the same" in refusal(ask, "", json.dumps(everything | {"channel": other}), ".json")


@pytest.mark.parametrize("words", [["--printed", "--set=max_slots=7"], ["--set=max_slots=100", "--printed"]])
def test_the_printed_slots_and_others_are_refused_together(words, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert cli.main(["figure", "2", *words]) == 2
    assert "--set max_slots is given twice" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_settings_of_another_command_are_refused(data, tmp_path, capsys):
    assert cli.main(compare(data, tmp_path / "first", "--protocols=FD", "--rounds=1")) == 0
    assert cli.main(["channel", f"--config={tmp_path}/first/settings.json"]) == 2
    assert "belongs to mix2fld compare, not to mix2fld channel" in capsys.readouterr().err


# --------------------------------------------------------------------------------------------------------------- memory
@pytest.mark.parametrize("limit", [1e9, math.inf])
def test_the_limit_of_the_process_counts_where_it_is_below_the_memory_of_the_machine(monkeypatch, limit):
    machine = process.memory_bytes()
    monkeypatch.setattr(process, "memory_limit", lambda: limit)
    assert process.memory_bytes() == min(limit, machine) < math.inf


def test_a_run_that_would_not_fit_into_memory_is_refused_before_it_begins():
    task = Task(replace(COMPARISON, n_devices=200), load("digits", n_train=1_000, n_test=10))
    session.check_memory(task, 1e9)
    with pytest.raises(InputError, match="200 devices .* need about 0 GB of memory"):
        session.check_memory(task, 1e7)
    with pytest.raises(InputError, match="200 devices with 500 samples, 12,544 weights and 100,000 slots"):
        session.check_memory(Task(replace(task.settings, max_slots=100_000), task.data), 5e8)
