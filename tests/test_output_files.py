"""data/README.md lists every file that the commands write, with every column and key, and no other."""

import csv
import json
import re
from pathlib import Path

import pytest
from small_runs import SHORT

import mix2fld_np
from mix2fld_np.cli import main

PAGE = (Path(__file__).parent.parent / "data" / "README.md").read_text(encoding="utf-8")
PLAYED = ("compare", "figure-2", "figure-3", "study")


@pytest.fixture(scope="module")
def written(
    compared, figure_2, figure_3, studies, readings, table_outputs, small_data, tmp_path_factory
):
    """Every directory that a command has written, by command."""
    top = tmp_path_factory.mktemp("written")
    assert main(["claims", f"--figure-2={figure_2}", f"--figure-3={figure_3}", f"--out={top / 'claims'}"]) == 0
    assert main(["verify", "--only=eq. (10)", "--quiet", f"--out={top / 'verify'}"]) == 0
    tables = {f"table {number}": directory for number, (directory, _) in table_outputs.items()}
    small = ["--data=mnist", "--set=n_samples=60", "--seed-samples=5", "--candidates=300", f"--data-dir={small_data}"]
    assert main(["attack", "--quiet", *small, f"--out={top / 'attack'}"]) == 0
    swept = {f"study {name}": directory for name, directory in studies.items()}
    single = {
        "compare": compared,
        "figure 2": figure_2,
        "figure 3": figure_3,
        "claims": top / "claims",
        "attack": top / "attack",
        "verify": top / "verify",
        "study readings": readings,
    }
    return single | tables | swept


def listed():
    """The columns and keys of each file on the page."""
    found = {}
    for section in PAGE.split("# Files that the commands write")[1].split("\n## ")[1:]:
        title, *lines = section.splitlines()
        cells = [line.split("|")[1] for line in lines if line.startswith("| `")]
        columns = {word for cell in cells for word in quoted(cell)}
        around = {
            word for line in lines for word in quoted(line.partition("in JSON")[2])
        }  # such as the key that holds all rows
        found |= {name: columns | around if name.endswith(".json") else columns for name in quoted(title)}
    return found


def quoted(text):
    """The words that stand in backticks."""
    return re.findall(r"`([^`]+)`", text)


def names_in(path, command):
    """The columns of a CSV file, or the keys of a JSON file that are no names of protocols, panels or curves."""
    if path.suffix == ".csv":
        with open(path, newline="") as file:
            return set(next(csv.reader(file)))
    content = json.loads(path.read_text())
    if path.name == "summary.json" and command in ("compare", "figure 2"):
        entries = (
            content.values() if command == "compare" else [one for panel in content.values() for one in panel.values()]
        )
        return {key for entry in entries for key in entry}
    rows = [row for value in content.values() if isinstance(value, list) for row in value if isinstance(row, dict)]
    return set(content) | {key for row in rows for key in row}


@pytest.mark.slow
def test_every_column_and_key_is_listed_once_and_every_one_that_is_listed_is_written(written):
    page, found = listed(), {}
    for command, directory in written.items():
        for path in (*directory.glob("*.csv"), *directory.glob("*.json")):
            found.setdefault(path.name, set()).update(names_in(path, command))
        for path in directory.glob("runs/*.json"):
            found.setdefault("runs/NAME.json", set()).update(json.loads(path.read_text()))
    found["summary.json"] -= page["rows.csv"] - page["summary.json"]  # which the page says of studies
    assert found == page


def test_every_table_on_the_page_names_a_column_once():
    for section in PAGE.split("\n## ")[1:]:
        for table in section.split("| column |")[1:]:
            cells = [line.split("|")[1] for line in table.splitlines() if line.startswith("| `")]
            names = [word for cell in cells for word in quoted(cell)]
            assert len(names) == len(set(names))


@pytest.mark.slow
def test_a_settings_json_lists_the_files_beside_it(written):
    for directory in written.values():
        described = json.loads((directory / "settings.json").read_text())
        there = {path.name for path in directory.iterdir() if path.is_file()} - {"settings.json", ".lock"}
        assert there == set(described["about"]["files"])


def test_a_stored_result_has_what_the_page_says(compared):
    result = json.loads((compared / "runs" / "FL-seed0.json").read_text())["result"]
    (row,) = (line for line in PAGE.splitlines() if line.startswith("| `result`"))
    assert set(result) == set(quoted(row)) - {"result", "rounds.csv"}


def test_the_letter_is_cited_in_full():
    top = Path(__file__).parent.parent
    readme, cff = ((top / name).read_text(encoding="utf-8") for name in ("README.md", "CITATION.cff"))
    for part in ("arXiv:2006.09801", "vol. 24, no. 10, pp. 2211-2215"):
        assert part in readme.split("## Citation")[1]
    for part in ("volume: 24", "issue: 10", "start: 2211", "end: 2215", "arXiv:2006.09801"):
        assert part in cff
    assert f"version: {mix2fld_np.__version__}\n" in cff


JSON = {
    "compare": ("summary.json", ["--rounds=1", "--protocols=FL,FD", *SHORT]),
    "figure 3": ("summary.json", ["--rounds=1", *SHORT]),
    "table 2": ("table.json", ["--set=n_samples=60", "--set=n_seed_samples=15", "--seeds=1"]),
    "claims": ("claims.json", None),
    "verify": ("equations.json", ["--only=eq. (10)"]),
}


@pytest.mark.parametrize("command", JSON)
def test_json_prints_the_result_and_nothing_else(command, small_data, figure_2, figure_3, tmp_path, capsys):
    name, arguments = JSON[command]
    if arguments is None:
        arguments = [f"--figure-2={figure_2}", f"--figure-3={figure_3}"]
    elif command != "verify":
        arguments = [*arguments, f"--data-dir={small_data}"]
    assert main([*command.split(), *arguments, f"--out={tmp_path}", "--json"]) == 0
    printed = capsys.readouterr()
    assert printed.out == (tmp_path / name).read_text(encoding="utf-8")
    assert json.loads(printed.out) and f"Written to {tmp_path}" in printed.err


def test_json_of_the_channel_has_the_rows_of_its_table(capsys):
    assert main(["channel", "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)["rows"]
    assert main(["channel"]) == 0
    shown = capsys.readouterr().out
    assert rows and all(f"{row['bits']:,}" in shown for row in rows)
