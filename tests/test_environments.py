"""Whatever the environment: an answer, or one line that says what is wrong; no traceback."""

import os
import re
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest
from small_runs import compare, write_digits

from mix2fld_np import cli

pytestmark = [pytest.mark.slow, pytest.mark.skipif(os.name != "posix", reason="limits and signals of POSIX")]
ROOT = Path(__file__).parents[1]
NOBODY = 54_321  # a user without an entry
MB = 1 << 20


DRAW = """
import hashlib, sys
from mix2fld_np.pictures import canvas, curves
if "before" in sys.argv:
    import matplotlib
    matplotlib.rcParams.update({"lines.linewidth": 9, "font.size": 20, "axes.grid": True, \
"savefig.bbox": "tight", "svg.fonttype": "path"})
rows = [{"protocol": "FL", "seed": seed, "elapsed_s": t, "accuracy": 0.1 * t + seed / 50} \
for seed in (0, 1) for t in range(5)]
for content in canvas.render(curves.learning_curves(rows, "$N_S$ = 50"), "curves").values():
    print(hashlib.sha256(content).hexdigest())
if "before" in sys.argv:
    assert matplotlib.rcParams["lines.linewidth"] == 9
"""


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return write_digits(tmp_path_factory.mktemp("data"))


def program(*arguments, start=("-m", "mix2fld_np")):
    return [sys.executable, *start, *arguments]


def limited(**limits):
    """Limits for a new process, by name."""

    def set_them():
        for name, value in limits.items():
            resource.setrlimit(getattr(resource, f"RLIMIT_{name}"), (value, value))

    return set_them


def ended(command, environment=None, **options):
    """What became of a command: (exit code, stdout, stderr), with variables set or, where they are None, unset."""
    changed = {"PYTHONPATH": str(ROOT), **os.environ} | (environment or {})
    there = {name: value for name, value in changed.items() if value is not None}
    options = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "timeout": 120, **options}
    done = subprocess.run(command, env=there, check=False, **options)
    return done.returncode, *((text or b"").decode() for text in (done.stdout, done.stderr))


def is_one_line(said):
    """Whether one line was said, apart from what a slow machine says of its compiler."""
    said = re.sub(r"^Compiling the network .*\n", "", said)
    return said.startswith("mix2fld: ") and said.count("\n") == 1 and said.endswith("\n") and "Traceback" not in said


# ------------------------------------------------------------------------------------------------------------ variables
FINE = {  # an answer, and not a word more
    "nothing is where it should be": {
        "HOME": None, "XDG_CACHE_HOME": None, "TMPDIR": "/nowhere", "NUMBA_CACHE_DIR": "/proc/nowhere",
        "MPLBACKEND": "nonsense",
    },
    "nothing has the form that it should have": {
        "LC_ALL": "C", "PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", "COLUMNS": "x",
        "LINES": "-1", "OPENBLAS_NUM_THREADS": "x", "OMP_NUM_THREADS": "-3", "HOME": "/nowhere/at/all",
        "MPLBACKEND": "module://not_there",
    },
    # which this command does not need
    "no compiler and no assertions": {"NUMBA_DISABLE_JIT": "1", "PYTHONOPTIMIZE": "2"},
}  # fmt: skip
SAID = {  # an answer and a line
    "a number of threads that is none": {"NUMBA_NUM_THREADS": "x"},
    "an optimisation that is none": {"NUMBA_OPT": "much"},
}
REFUSED = {  # a line, and nothing is written
    "no threads": {"NUMBA_NUM_THREADS": "0"},
    "fewer than no threads": {"NUMBA_NUM_THREADS": "-1"},
    "a bar of no width": {"TQDM_NCOLS": "wide"},
}


@pytest.mark.parametrize("name", [*FINE, *SAID, *REFUSED])
def test_no_variable_ends_in_a_traceback(name, data, tmp_path):
    command = ("channel",) if name in FINE else compare(data, tmp_path / "out", "--protocols=FD", "--rounds=1")
    code, out, said = ended(program(*command), (FINE | SAID | REFUSED)[name])
    assert (code, bool(out), bool(said)) == ((2, False, True) if name in REFUSED else (0, True, name in SAID))
    assert is_one_line(said) or not said
    for variable in REFUSED.get(name, ()):
        assert variable in said and not list(tmp_path.iterdir())


# -------------------------------------------------------------------------------------------------------------- streams
@pytest.mark.parametrize(
    ("line", "code"),
    [
        pytest.param("channel >&-", 0, marks=pytest.mark.slow),
        ("channel <&- >&- 2>&-", 0),
        ("no-such-command 2>&-", 2),
        pytest.param("no-such-command 2>/dev/full", 2, marks=pytest.mark.slow),
        ("no-such-command >/dev/full 2>/dev/full", 2),
        ("--help >/dev/full", 2),
        pytest.param("--help >&-", 0, marks=pytest.mark.slow),
        ("channel >/dev/full", 2),
        pytest.param("--version | true", None, marks=pytest.mark.slow),
        ("--help | true", None),
        ("channel | head -1", None),
    ],
)
def test_streams_that_are_closed_full_or_deserted(line, code):
    shell = f'"{sys.executable}" -m mix2fld_np {line.partition(" |")[0]}'
    if "|" in line:
        shell = f'({shell}; echo "code $?" >&2) | {line.partition(" | ")[2]}'
    found, _, said = ended(["bash", "-c", shell])
    if code is None:
        assert said in ("code 0\n", "code 141\n")  # where the reader went before or after the last word
    else:
        assert found == code
        assert is_one_line(said) if code and "2>" not in line else not said


def test_a_comparison_with_all_streams_closed_writes_all_its_files(data, tmp_path):
    arguments = " ".join(f"'{word}'" for word in compare(data, tmp_path / "out", "--protocols=FD", "--rounds=1"))
    arguments = arguments.replace("'--quiet'", "")
    assert ended(["bash", "-c", f'"{sys.executable}" -m mix2fld_np {arguments} <&- >&- 2>&-']) == (0, "", "")
    assert (tmp_path / "out" / "settings.json").read_bytes().endswith(b"}\n")
    assert (tmp_path / "out" / ".lock").read_bytes() == b""  # which had been opened in the place of stdout


def test_the_file_of_the_command_line_is_a_program_as_well():
    code, out, said = ended(program("channel", start=("-m", "mix2fld_np.cli")))
    assert (code, said) == (0, "") and "FL" in out


# --------------------------------------------------------------------------------------------------------------- limits
@pytest.mark.parametrize("limit", [64 * MB, 200 * MB, 400 * MB])
def test_short_memory_is_said_in_a_line(limit, tmp_path):
    code, out, said = ended(program("verify", "--only=eq. (7)"), cwd=tmp_path, preexec_fn=limited(AS=limit))
    assert (code, out) == (2, "") and is_one_line(said) and "ulimit -v" in said
    assert not list(tmp_path.iterdir())


def test_a_full_disk_is_said_in_a_line(data, tmp_path):
    command = program(*compare(data, tmp_path / "out", "--protocols=FD", "--rounds=1"))
    code, _, said = ended(command, preexec_fn=limited(FSIZE=0))
    assert code == 2 and is_one_line(said) and str(tmp_path / "out") in said


def test_in_a_directory_that_was_removed(tmp_path):
    for arguments, wanted in (("channel", 0), ("verify --only 'eq. (7)'", 2)):
        (tmp_path / "gone").mkdir()
        shell = f'cd "{tmp_path}/gone" && rmdir "{tmp_path}/gone" && "{sys.executable}" -m mix2fld_np {arguments}'
        code, _, said = ended(["bash", "-c", shell])
        assert code == wanted and (is_one_line(said) if code else not said)


@pytest.fixture(scope="module")
def as_nobody():
    """The beginning of a command of a user without home and entry;
    skipped where this test may not become somebody else."""
    if os.geteuid() != 0 or not shutil.which("setpriv"):
        pytest.skip("only root can become a user without entry")
    become = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", "--no-new-privs"]
    code, _, said = ended([*become, sys.executable, "-c", "import mix2fld_np.nn.network"], {"HOME": None})
    if code:
        pytest.skip(f"another user cannot run this Python: {said[-200:]}")
    return become


@pytest.fixture(scope="module")
def everybodys():
    """A folder in which everybody may write, with data that everybody may read."""
    place = Path(tempfile.mkdtemp(prefix="mix2fld-test-"))
    write_digits(place / "data")
    for path in (place, *place.rglob("*")):
        path.chmod(0o777 if path.is_dir() else 0o644)
    yield place
    shutil.rmtree(place)


@pytest.mark.parametrize(
    "start", [("-m", "mix2fld_np", "verify", "--only=eq. (7)"), ("-c", DRAW)], ids=["verify", "draw"]
)
def test_a_user_without_home_and_entry_is_served_and_gets_no_folder_called_tilde(everybodys, as_nobody, start):
    command = [*as_nobody, *program(start=start)]
    code, out, said = ended(command, {"HOME": None, "XDG_CACHE_HOME": None, "MPLCONFIGDIR": None}, cwd=everybodys)
    assert (code, bool(out), said) == (0, True, "")
    assert not (everybodys / "~").exists()


def test_no_further_thread_is_said_in_a_line(everybodys, as_nobody):
    command = ["prlimit", "--nproc=1", *as_nobody, *program("verify", "--only=eq. (7)", "--out=few")]
    code, _, said = ended(command, {"HOME": None}, cwd=everybodys)
    assert (code, said) == (0, "") or code == 2 and is_one_line(said) and "ulimit -u" in said


# ------------------------------------------------------------------------------------------------------------- pictures
MESSY = b"""
lines.linewidth: 9
font.family: serif
text.usetex: True
axes.facecolor: red
savefig.dpi: 7
backend: nonsense
foo: bar
"""


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    """What a picture is in an ordinary environment."""
    return picture(tmp_path_factory.mktemp("drawn"))


def picture(place, *more, **environment):
    code, out, said = ended(program(*more, start=("-c", DRAW)), environment, cwd=place)
    assert (code, said) == (0, "")
    return out.splitlines()


@pytest.mark.parametrize("content", [MESSY, b"\xff\xfe\0", None], ids=["messy", "broken", "folder"])
def test_settings_of_the_user_change_no_picture(drawn, tmp_path, content):
    (tmp_path / "config" / "stylelib").mkdir(parents=True)
    (tmp_path / "config" / "stylelib" / "mine.mplstyle").write_bytes(b"\xff\xfe\0")
    (tmp_path / "named").mkdir()
    for file in (tmp_path / folder / "matplotlibrc" for folder in (".", "config", "named")):
        file.mkdir() if content is None else file.write_bytes(content)
    places = {"MPLCONFIGDIR": str(tmp_path / "config"), "MATPLOTLIBRC": str(tmp_path / "named" / "matplotlibrc")}
    assert picture(tmp_path, MPLBACKEND="nonsense", **places) == drawn


def test_settings_of_a_session_change_no_picture_and_stay(drawn, tmp_path):
    assert picture(tmp_path, "before") == drawn


def test_without_a_place_for_fonts_a_picture_is_the_same(drawn, tmp_path):
    assert picture(tmp_path, HOME="/nowhere", MPLCONFIGDIR=None, XDG_CONFIG_HOME=None, XDG_CACHE_HOME=None) == drawn


# --------------------------------------------------------------------------------------------------------------- Ctrl-C
@pytest.fixture(scope="module")
def long_run(data, tmp_path_factory):
    """A comparison that would go on for hours."""
    arguments = compare(
        data, tmp_path_factory.mktemp("long") / "out", "--protocols=FD", "--rounds=100000", "--iterations=3000"
    )
    return program(*arguments)


def is_loading(process):
    """Whether a new process has come as far as to load NumPy;
    until then it is Python's own start that is interrupted."""
    maps = Path(f"/proc/{process.pid}/maps")
    return "numpy" in maps.read_text() if maps.exists() else time.sleep(1) is None


def interrupted(command, times_s):
    """What becomes of a command that gets SIGINT at some times after it began to load its modules."""
    there = {"PYTHONPATH": str(ROOT), **os.environ}
    with subprocess.Popen(command, env=there, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as running:
        while running.poll() is None and not is_loading(running):
            time.sleep(0.005)
        begun = time.monotonic()
        for at in times_s:
            time.sleep(max(0.0, begun + at - time.monotonic()))
            running.send_signal(signal.SIGINT)
        _, said = running.communicate(timeout=60)
    return running.returncode, said


@pytest.mark.parametrize("at_s", [0.0, 0.2, 0.6, 1.1, 3.0])
def test_an_interruption_at_any_time_is_one_line(long_run, at_s):
    code, said = interrupted(long_run, [at_s])
    assert code == 130 and is_one_line(said) and "interrupted" in said


@pytest.mark.parametrize("first_s", [0.1, 2.0])
def test_an_impatient_user_gets_one_line_as_well(long_run, first_s):
    code, said = interrupted(long_run, [first_s + 0.02 * n for n in range(5)])
    assert code == 130 and is_one_line(said)


STUCK = """
import sys, time
from mix2fld_np import cli
from mix2fld_np.console import channel
def run(args):
    try:
        print("working", flush=True)
        time.sleep(30)
    finally:
        print("leaving", flush=True)
        time.sleep(30)
channel.run, sys.argv = run, ["mix2fld", "channel"]
sys.exit(cli.main())
"""


def test_an_interruption_of_what_is_read_by_somebody_who_goes_as_well_is_one_line(long_run):
    reader, writer = os.pipe()
    there = {"PYTHONPATH": str(ROOT), **os.environ}
    command = [word for word in long_run if word != "--quiet"]  # so that there is something to read
    with subprocess.Popen(command, env=there, stdout=writer, stderr=subprocess.PIPE, text=True) as running:
        os.close(writer)
        time.sleep(2.0)
        os.close(reader)
        running.send_signal(signal.SIGINT)
        _, said = running.communicate(timeout=60)
    assert running.returncode == 130 and is_one_line(said)


@pytest.mark.parametrize("command", list(cli.EXPLANATIONS))
def test_after_an_interruption_each_command_says_what_is_left(command, monkeypatch, capsys):
    def interrupt(args):
        raise KeyboardInterrupt

    monkeypatch.setattr(f"mix2fld_np.console.{command}.run", interrupt)
    more = {"figure": ["2"], "table": ["2"], "study": ["beta"]}.get(command, [])
    assert cli.main([command, *more]) == 130
    said = capsys.readouterr().err
    assert is_one_line(said)
    assert ("from the last finished round" in said) == (command in ("compare", "figure", "study"))
    assert ("--resume" in said) == (command == "compare")
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_whoever_still_waits_after_a_second_is_let_go():
    there = {"PYTHONPATH": str(ROOT), **os.environ}
    command = [sys.executable, "-c", STUCK]
    with subprocess.Popen(command, env=there, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as running:
        for word, wait_s in (("working\n", 0.0), ("leaving\n", 1.5)):
            assert running.stdout.readline() == word
            time.sleep(wait_s)
            running.send_signal(signal.SIGINT)
        _, said = running.communicate(timeout=20)
    assert (running.returncode, said) == (130, "mix2fld: interrupted.\n")
