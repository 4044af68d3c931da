"""What several files of tests read: small data, and what the commands make of it, once for all tests."""

import contextlib
import io
import os

import pytest
from halves import compile_network, pytest_collection_modifyitems, pytest_sessionfinish, pytest_terminal_summary  # noqa: F401
from hypothesis import settings
from quick_pictures import pictures_by, quick_render
from small_runs import SHORT, STUDY, write_digits
from strategies import EXAMPLES

from mix2fld_np.cli import main
from mix2fld_np.datasets import registry
from mix2fld_np.pictures.canvas import render
from mix2fld_np.runs.jobs import dataset
from mix2fld_np.study.sweeps import SWEEPS

settings.register_profile("properties", max_examples=EXAMPLES, deadline=None)
settings.load_profile("properties")


@pytest.fixture(scope="session", autouse=True)
def compiled():
    """The letter's network, so that no command has to say that compiling takes a while."""
    compile_network()


@pytest.fixture(scope="session", autouse=True)
def no_power_cut():
    """Nothing waits for the disk: what is written in this process need not survive a power cut."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", lambda descriptor: None)
        yield


@pytest.fixture(scope="session", autouse=True)
def quick_pictures():
    """Commands draw what their tests need; those whose results stand here below, and `real_pictures`, draw in full."""
    with pictures_by(quick_render):
        yield


@pytest.fixture
def real_pictures():
    """For tests that look at pictures, or hold them against what stands here below."""
    with pictures_by(render):
        yield


def in_full(*arguments):
    """A command that has to succeed, with its pictures."""
    with pictures_by(render):
        assert main(list(arguments)) == 0


@pytest.fixture(scope="session")
def small_data(tmp_path_factory):
    """A folder with a thousand digits called mnist."""
    return write_digits(tmp_path_factory.mktemp("data"), 1_000, 30)


@pytest.fixture(scope="session")
def figure_2(small_data, tmp_path_factory):
    """A tiny Figure 2 of two rounds under two seeds; nobody writes there."""
    out = tmp_path_factory.mktemp("figure-2")
    in_full("figure", "2", *SHORT, "--rounds=2", "--seeds=2", f"--data-dir={small_data}", f"--out={out}")
    return out


@pytest.fixture(scope="session")
def figure_3(small_data, tmp_path_factory):
    """A tiny Figure 3 of one round; nobody writes there."""
    out = tmp_path_factory.mktemp("figure-3")
    in_full("figure", "3", *SHORT, "--rounds=1", f"--data-dir={small_data}", f"--out={out}")
    return out


@pytest.fixture(scope="session")
def compared(small_data, tmp_path_factory):
    """A tiny comparison of all protocols under two seeds; nobody writes there."""
    out = tmp_path_factory.mktemp("compare")
    sizes = "--rounds=2 --devices=3 --seed-samples=10 --inverse-samples=10 --seeds=2".split()
    in_full("compare", *SHORT, *sizes, f"--data-dir={small_data}", f"--out={out}")
    return out


@pytest.fixture(scope="session")
def studies(small_data, tmp_path_factory):
    """All sweeps at a tiny size, by name; that over T_max with the letter's ten devices. Nobody writes there."""
    top = tmp_path_factory.mktemp("studies")
    more = {"slots": ["--devices=10"]}
    for name in SWEEPS:
        in_full("study", name, *SHORT, *STUDY, *more.get(name, ()), f"--data-dir={small_data}", f"--out={top / name}")
    return {name: top / name for name in SWEEPS}


@pytest.fixture(scope="session")
def readings(small_data, tmp_path_factory):
    """A tiny study of readings, which still plays some two hundred runs; nobody writes there."""
    out = tmp_path_factory.mktemp("readings")
    sizes = "--rounds=1 --devices=3 --held-out=2 --seeds=2".split()
    in_full("study", "readings", *SHORT, *sizes, f"--data-dir={small_data}", f"--out={out}")
    return out


@pytest.fixture(scope="session")
def table_outputs(small_data, tmp_path_factory):
    """Tables 2 and 3 on small data and few embedded digits, by number: the directory and what was printed."""
    made = {}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(registry, "DIGITS_SIZES", (1_000, 100))
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
                in_full("table", number, *asked)
            made[number] = (out, printed.getvalue())
    dataset.cache_clear()  # of the few
    return made
