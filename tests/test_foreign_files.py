"""No file that we did not write is ever changed or deleted, whatever its name, whatever the command,
and however the command ends."""

import os
from pathlib import Path
from types import SimpleNamespace

import pytest
from small_runs import compare, write_digits

from mix2fld_np.cli import main
from mix2fld_np.console import claims, session, table
from mix2fld_np.federation.settings import PRINTED
from mix2fld_np.pictures.canvas import new_figure
from mix2fld_np.runs import directory as stored
from mix2fld_np.runs.jobs import Source

pytestmark = pytest.mark.slow  # many whole commands

FEW = "--rounds=1 --iterations=50 --distill-iterations=9 --seeds=1 --set=n_samples=60 --set=n_evaluations=1".split()
FIGURE = ("rounds.csv", "curve.csv", "summary.json", "figure_2.png", "figure_2.svg")
COMMANDS = {  # arguments, results, and the name of a run
    "compare": (
        [],
        ("rounds.csv", "curve.csv", "per_label.csv", "summary.json", "models.npz", "learning_curves.png",
         "learning_curves.svg", "labels.png", "labels.svg"),
        "FL-seed0",
    ),
    "figure 2": (FEW, FIGURE, "c-FL-seed0"),
    "figure 3": (
        FEW,
        ("devices.csv", "distribution.csv", "summary.json", "figure_3.png", "figure_3.svg"),
        "iid-10-seed0",
    ),
    "study ratio": (FEW, ("rows.csv", "summary.json", "ratio.png", "ratio.svg"), None),
    "table 2": (["--seeds=1"], ("table.csv", "table.json", "measures.csv", "table_2.png", "table_2.svg"), None),
    "claims": ([], ("claims.csv", "claims.json", "claims_time.png", "claims_time.svg"), None),
    "verify": (["--only=eq. (6)"], ("equations.csv", "equations.json"), None),
}
FOREIGN = (
    "notes.txt", "settings.json.bak", "rounds.csv~", ".film.part", "video.123.part", ".mix2fld-film.part",
    ".mix2fld-draft", ".lock", "runs/events", "runs/notes.json", "runs/FL-seed0.json.bak",
    "runs/deep/FL-seed0.json", "runs/.mix2fld-draft.part",
    "unfinished/symphony.txt", "unfinished/settings.json.bak", "unfinished/.lock", "more/settings.json",
    "more/.mix2fld-a.json.1.part", "checkpoint", "results/compare/settings.json", "FL-seed0.json",
)  # fmt: skip
CONTENTS = (b"{}\n", b"", b"in b minor", b'{"command": "compare", "about": {"checksum": "0"}}')


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return write_digits(tmp_path_factory.mktemp("data"), 1_000)


@pytest.fixture
def run(data, monkeypatch):
    """Runs a command in a directory, quietly; what claims are checked on is not there, and needs not be."""
    # drawing digits takes a while
    monkeypatch.setattr(table, "found", lambda data_dir, quiet: [Source("mnist", str(data))])
    monkeypatch.setattr(claims, "read_figure_2", lambda path: SimpleNamespace(settings=PRINTED))
    monkeypatch.setattr(claims, "read_figure_3", lambda path: None)
    monkeypatch.setattr(claims.findings, "findings", lambda results: [{"claim": 1}])
    monkeypatch.setattr(claims, "flat", dict)
    monkeypatch.setattr(claims.findings, "time_curves", lambda results: [])
    monkeypatch.setattr(claims, "claims_time", lambda curves, marked_us: new_figure()[0])
    for name in ("heading", "claims_table", "steps_table", "one_step", "ruled_out", "reasons", "count"):
        monkeypatch.setattr(claims, name, lambda found: "")

    def carry_out(command, out, *more):
        if command == "compare":
            return main(compare(data, out, "--protocols=FL,FD", "--rounds=1", *more))
        where = [f"--data-dir={data}"] if command.split()[0] in ("figure", "study", "table") else []
        quiet = [] if command == "claims" else ["--quiet"]
        named = ["--data=mnist"] if command.split()[0] in ("figure", "study") else []
        return main([*command.split(), *COMMANDS[command][0], *where, *named, *quiet, f"--out={out}", *more])

    return carry_out


def everything(directory):
    """All that is in a directory, byte for byte: files, links with where they lead to, and folders."""

    def content(path):
        return os.readlink(path) if path.is_symlink() else path.read_bytes() if path.is_file() else None

    return {str(path.relative_to(directory)): content(path) for path in sorted(directory.rglob("*"))}


def plant(directory):
    """A directory full of foreign names, and of links to foreign files elsewhere."""
    out, elsewhere = directory / "out", directory / "elsewhere"
    for n, name in enumerate(FOREIGN):
        for path in (out / name, elsewhere / name):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(CONTENTS[n % len(CONTENTS)])
    (out / "runs" / "linked.json").symlink_to(elsewhere / "notes.txt")
    (out / "runs" / "dangling.json").symlink_to("nowhere")
    (out / "unfinished" / "linked").symlink_to(elsewhere / "checkpoint")
    (out / "unfinished" / "folder").symlink_to(elsewhere)
    return out


def commands(*chosen):
    """Commands with and without --resume, where they have it."""
    return [(name, more) for name in chosen for more in ([], ["--resume"])[: 2 if name == "compare" else 1]]


def assert_nothing_foreign_changed(tmp_path, before):
    after = everything(tmp_path)
    assert {name: after.get(name, "is gone") for name in before} == before


# --------------------------------------------------------------------------------------- foreign files with other names
@pytest.mark.parametrize(("command", "more"), commands(*COMMANDS))
def test_an_interrupted_command_changes_nothing_foreign(run, tmp_path, monkeypatch, command, more):
    def interrupt(*asked):
        raise KeyboardInterrupt

    out = plant(tmp_path)
    before = everything(tmp_path)
    monkeypatch.setattr(session, "play", interrupt)
    for _ in range(2):
        assert run(command, out, *more) == 130
        assert_nothing_foreign_changed(tmp_path, before)
    assert set(everything(tmp_path)) - set(before) == {"out/unfinished/settings.json"}


SLOW = [
    pytest.param(*case, marks=pytest.mark.slow) for case in commands("figure 2", "figure 3", "study ratio", "table 2")
]


@pytest.mark.parametrize(("command", "more"), [*commands("compare", "claims", "verify"), *SLOW])
def test_a_command_that_ends_changes_nothing_foreign(run, tmp_path, command, more):
    out = plant(tmp_path)
    before = everything(tmp_path)
    for _ in range(2):  # the second time over its own results
        assert run(command, out, *more) == 0
        assert_nothing_foreign_changed(tmp_path, before)
    made = {name.removeprefix("out/") for name in set(everything(tmp_path)) - set(before)}
    assert made >= {*COMMANDS[command][1], "settings.json"}
    assert all(name in (*COMMANDS[command][1], "settings.json") or name.startswith("runs/") for name in made)


@pytest.mark.parametrize("more", [[], ["--resume"]])
def test_another_experiment_over_ours_changes_nothing_foreign(run, tmp_path, more):
    out = plant(tmp_path)
    before = everything(tmp_path)
    assert run("compare", out, "--seed=3") == 0
    assert run("compare", out, *more) == (2 if more else 0)
    assert_nothing_foreign_changed(tmp_path, before)
    assert ("out/runs/FL-seed3.json" in everything(tmp_path)) == bool(more)


# --------------------------------------------------------------------------------------------- foreign files in the way
def in_the_way():
    """Commands, and what each of them would replace."""
    for name, (_, files, run) in COMMANDS.items():
        ours = [
            *files, "settings.json", "unfinished/settings.json",
            *([f"runs/{run}.json", f"unfinished/{run}"] if run else []),
        ]
        for _, more in commands(name):
            yield from (pytest.param(name, more, file, id=f"{name} {' '.join(more)} {file}") for file in ours)


def kinds_of(path, elsewhere):
    """What may stand under a name: another file, a link to one or to nowhere, a folder."""
    yield lambda: path.write_bytes(b'{"editor": "dark"}')
    yield lambda: path.symlink_to(elsewhere)
    yield lambda: path.symlink_to("nowhere")
    yield path.mkdir


@pytest.mark.parametrize(("command", "more", "name"), list(in_the_way()))
def test_what_would_be_replaced_is_refused_before_anything_is_made(run, tmp_path, capsys, command, more, name):
    out, elsewhere = tmp_path / "out", tmp_path / "elsewhere"
    path = out / name
    path.parent.mkdir(parents=True)
    elsewhere.write_bytes(b'{"editor": "dark"}')
    for make in kinds_of(path, elsewhere):
        make()
        before = everything(tmp_path)
        capsys.readouterr()
        assert run(command, out, *more) == 2
        said = capsys.readouterr().err
        assert (
            f"holds {name}, which mix2fld {command} did not write and would replace" in said and said.count("\n") == 1
        )
        assert everything(tmp_path) == before
        path.rmdir() if path.is_dir() else path.unlink()


@pytest.mark.parametrize(
    ("first", "second"), [("verify", "compare"), ("compare", "verify"), ("claims", "compare"), ("verify", "claims")]
)
@pytest.mark.parametrize("more", [[], ["--resume"]])
def test_the_results_of_one_command_are_foreign_to_another(run, tmp_path, first, second, more):
    (tmp_path / "runs").mkdir()
    (tmp_path / "runs" / "events").write_bytes(b"of the user")
    assert run(first, tmp_path) == 0
    before = everything(tmp_path)
    assert run(second, tmp_path, *(more if second == "compare" else [])) == 2
    assert everything(tmp_path) == before


def test_a_lock_proves_nothing(run, tmp_path):
    Path(tmp_path, ".lock").touch()
    Path(tmp_path, "rounds.csv").write_bytes(b"of the user")
    before = everything(tmp_path)
    assert run("compare", tmp_path) == 2
    assert everything(tmp_path) == before


# ----------------------------------------------------------------------------- what is ours and is taken away meanwhile
@pytest.mark.parametrize("name", ["runs/FL-seed0.json", "rounds.csv", ""])
def test_results_that_are_removed_meanwhile_are_named_and_nothing_is_said_to_be_written(
    run, tmp_path, monkeypatch, capsys, name
):
    out = tmp_path / "out"
    gone, write = out / name, stored.files.write_whole

    def write_and_remove(path, content):
        write(path, content)
        if path.name == "curve.csv":
            gone.rename(tmp_path / "taken away")

    monkeypatch.setattr(stored.files, "write_whole", write_and_remove)
    assert run("compare", out) == 2
    said = capsys.readouterr()
    assert (
        f"{gone}" in said.err and "was removed while this command was running" in said.err and said.err.count("\n") == 1
    )
    assert "Written to" not in said.out
