"""Files for shells, generated from the parsers: what bash really offers, and that no other shell's file is broken."""

import shutil
import subprocess
import sys

import pytest

from mix2fld_np import cli, completion
from mix2fld_np.console.options import EVERY
from mix2fld_np.datasets.sources import SOURCES
from mix2fld_np.study.sweeps import SWEEPS

needs_shtab = pytest.mark.skipif(not completion.find_spec("shtab"), reason="shtab is not installed: .[completion]")
needs_bash = pytest.mark.skipif(shutil.which("bash") is None or sys.platform == "win32", reason="there is no bash")
PRESS_TAB = """
source "$1"; shift
COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1))
$(complete -p mix2fld | sed 's/.*-F \\([^ ]*\\).*/\\1/') mix2fld "${COMP_WORDS[COMP_CWORD]}"
printf '%s\\n' "${COMPREPLY[@]}"
"""


@pytest.fixture(scope="module")
def file_for_bash(tmp_path_factory):
    """The file that completes `mix2fld` in bash."""
    file = tmp_path_factory.mktemp("completion") / "mix2fld"
    file.write_text(completion.shtab_file("bash"))
    return file


def offered(file, *words):
    """What bash offers where Tab is pressed right behind the last of these words."""
    command = ["bash", "--norc", "-c", PRESS_TAB, "bash", str(file), "mix2fld", *words]
    return set(subprocess.run(command, capture_output=True, text=True, check=True).stdout.split())


@needs_shtab
@needs_bash
def test_bash_completes_commands_studies_options_and_values(file_for_bash):
    assert offered(file_for_bash, "") >= set(cli.EXPLANATIONS)
    assert offered(file_for_bash, "st") == {"study"}
    assert offered(file_for_bash, "study", "") >= {*SWEEPS, "readings", "vary"}
    assert offered(file_for_bash, "compare", "--se") == {"--seed", "--seeds", "--seed-samples", "--set"}
    assert offered(file_for_bash, "compare", "--protocols", "") == set(EVERY)
    assert offered(file_for_bash, "study", "beta", "--channel", "as") == {"asymmetric"}
    assert offered(file_for_bash, "data", "fetch", "") >= set(SOURCES)
    assert offered(file_for_bash, "figure", "2", "--data", "mn") == {"mnist"}


@needs_shtab
@needs_bash
def test_a_value_that_is_a_folder_is_completed_as_one(file_for_bash, tmp_path):
    (tmp_path / "results").mkdir()
    (tmp_path / "results.txt").touch()
    assert offered(file_for_bash, "compare", "--out", f"{tmp_path}/re") == {f"{tmp_path}/results"}


@needs_shtab
@pytest.mark.parametrize("shell", completion.SHELLS)
def test_each_shell_has_a_file_with_every_option_of_every_command(shell, capsys):
    assert completion.main([shell]) == 0
    file = capsys.readouterr().out
    assert all(f"{word}" in file for word in (*cli.EXPLANATIONS, *SWEEPS, *EVERY, *SOURCES, "printed", "participation"))
    if shutil.which(shell):
        assert subprocess.run([shell, "-n"], input=file, text=True, check=True, capture_output=True).stderr == ""


@pytest.mark.parametrize("arguments", [[], ["sh"], ["bash", "zsh"]])
def test_what_is_no_shell_gets_the_list_of_shells(arguments, capsys):
    assert completion.main(arguments) == 2
    said = capsys.readouterr()
    assert said.out == "" and "bash, zsh, fish" in said.err


def test_without_shtab_the_remedy_is_named_and_the_commands_do_without_it(monkeypatch, capsys):
    monkeypatch.setattr(completion, "find_spec", lambda name: None)
    assert completion.main(["bash"]) == 2
    assert "pip install shtab" in capsys.readouterr().err
    command = [sys.executable, "-c", "import sys, mix2fld_np.cli as cli; cli.parser(); print('shtab' in sys.modules)"]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout == "False\n"
