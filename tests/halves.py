"""Plain `pytest` on two cores: a second process runs half of them, and what it says stands at the end."""

import os
import subprocess
import sys
from tempfile import TemporaryFile

import pytest

from mix2fld_np.nn.network import Network
from mix2fld_np.process import n_cores

SECOND = "MIX2FLD_SECOND_HALF"  # set in the second process, which is asked for its files by name
EVERYTHING = {"-q", "--quiet", "-v", "--verbose"}  # whoever says no more than this asks for all tests
FIGURES = ("claims", "compare", "energy", "letter", "output_files", "pictures", "readings", "schedule", "sweeps")
NETWORKS = ("arguments", "equations", "gradients", "kernels", "network", "rounding", "training", "web_live")
OTHER = pytest.StashKey[tuple]()


def compile_network():
    """The letter's network, unless nothing is to be compiled."""
    if not os.environ.get("NUMBA_DISABLE_JIT"):
        Network().compile()


def pytest_collection_modifyitems(config, items):
    """Starts the second process, and leaves its files to it."""
    asked, files = config.invocation_params.args, sorted({item.path for item in items})
    if not EVERYTHING.issuperset(asked) or len(files) < 2 or n_cores() < 2 or SECOND in os.environ:
        return
    compile_network()  # or both processes would
    said, theirs = TemporaryFile(), second_half(files)  # noqa: SIM115
    command = [sys.executable, "-m", "pytest", *asked, *map(str, theirs)]
    other = subprocess.Popen(command, cwd=config.rootpath, env=os.environ | {SECOND: "1"}, stdout=said, stderr=said)
    config.stash[OTHER] = other, said
    items[:] = [item for item in items if item.path not in theirs]


def second_half(files):
    """Every other file; but those that read the same figures stay here, and those that compile the same networks go."""
    names = [path.stem.removeprefix("test_") for path in files]
    rest = [path for path, name in zip(files, names, strict=True) if name not in FIGURES + NETWORKS]
    return [path for path, name in zip(files, names, strict=True) if name in NETWORKS] + rest[1::2]


@pytest.hookimpl(wrapper=True)
def pytest_sessionfinish(session, exitstatus):
    """Waits for the second process, or ends it when this one was interrupted; fails where it failed."""
    if found := session.config.stash.get(OTHER, None):
        other, _ = found
        if exitstatus == pytest.ExitCode.INTERRUPTED:
            other.terminate()
        session.exitstatus = other.wait() or session.exitstatus
    return (yield)


def pytest_terminal_summary(terminalreporter, config):
    """What the second process said."""
    if found := config.stash.get(OTHER, None):
        _, said = found
        said.seek(0)
        terminalreporter.section("the other half of the files, in a second process")
        terminalreporter.write(said.read().decode(errors="replace"))
