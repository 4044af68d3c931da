"""What several files of tests read: small data, and what the commands make of it, once for all tests."""

import contextlib
import io
import os

import pytest
from small_runs import SHORT, STUDY, write_digits

from mix2fld_np.cli import main
from mix2fld_np.nn.network import Network
from mix2fld_np.study.sweeps import SWEEPS


@pytest.fixture(scope="session", autouse=True)
def compiled():
    """The letter's network, so that no command has to say that compiling takes a while."""
    if not os.environ.get("NUMBA_DISABLE_JIT"):
        Network().compile()


@pytest.fixture(scope="session")
def small_data(tmp_path_factory):
    """A folder with a thousand digits called mnist."""
    return write_digits(tmp_path_factory.mktemp("data"), 1_000, 30)


@pytest.fixture(scope="session")
def figure_2(small_data, tmp_path_factory):
    """A tiny Figure 2 of two rounds under two seeds; nobody writes there."""
    out = tmp_path_factory.mktemp("figure-2")
    assert main(["figure", "2", *SHORT, "--rounds=2", "--seeds=2", f"--data-dir={small_data}", f"--out={out}"]) == 0
    return out


@pytest.fixture(scope="session")
def figure_3(small_data, tmp_path_factory):
    """A tiny Figure 3 of one round; nobody writes there."""
    out = tmp_path_factory.mktemp("figure-3")
    assert main(["figure", "3", *SHORT, "--rounds=1", f"--data-dir={small_data}", f"--out={out}"]) == 0
    return out


@pytest.fixture(scope="session")
def compared(small_data, tmp_path_factory):
    """A tiny comparison of all protocols under two seeds; nobody writes there."""
    out = tmp_path_factory.mktemp("compare")
    sizes = "--rounds=2 --devices=3 --seed-samples=10 --inverse-samples=10 --seeds=2".split()
    assert main(["compare", *SHORT, *sizes, f"--data-dir={small_data}", f"--out={out}"]) == 0
    return out


@pytest.fixture(scope="session")
def studies(small_data, tmp_path_factory):
    """All sweeps at a tiny size, by name; that over T_max with the letter's ten devices. Nobody writes there."""
    top = tmp_path_factory.mktemp("studies")
    more = {"slots": ["--devices=10"]}
    for name in SWEEPS:
        assert (
            main(
                ["study", name, *SHORT, *STUDY, *more.get(name, ()), f"--data-dir={small_data}", f"--out={top / name}"]
            )
            == 0
        )
    return {name: top / name for name in SWEEPS}


@pytest.fixture(scope="session")
def readings(small_data, tmp_path_factory):
    """A tiny study of readings, which still plays some two hundred runs; nobody writes there."""
    out = tmp_path_factory.mktemp("readings")
    sizes = "--rounds=1 --devices=3 --held-out=2 --seeds=2".split()
    assert main(["study", "readings", *SHORT, *sizes, f"--data-dir={small_data}", f"--out={out}"]) == 0
    return out


@pytest.fixture(scope="session")
def table_outputs(small_data, tmp_path_factory):
    """Tables 2 and 3 on small data and the embedded digits, by number: the directory and what was printed."""
    made = {}
    for number in "23":
        out, printed = tmp_path_factory.mktemp(f"table-{number}"), io.StringIO()
        asked = [
            f"--data-dir={small_data}",
            f"--out={out}",
            "--seeds=2",
            "--set=n_samples=60",
            "--set=n_seed_samples=15",
        ]
        with contextlib.redirect_stdout(printed):
            assert main(["table", number, *asked]) == 0
        made[number] = (out, printed.getvalue())
    return made
