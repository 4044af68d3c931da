"""A command loads what it needs and no more, matplotlib while runs are played, and ends at once."""

import hashlib
import os
import subprocess
import sys
import threading
from argparse import Namespace
from pathlib import Path

import pytest
from small_runs import job

from mix2fld_np import process
from mix2fld_np.console import session
from mix2fld_np.nn import network
from mix2fld_np.pictures import canvas, curves

ROOT = Path(__file__).parents[1]
ROWS = [{"protocol": "FL", "seed": 0, "elapsed_s": float(t), "accuracy": 0.1 * t} for t in range(5)]
DRAW = f"""
import hashlib
from mix2fld_np.pictures import canvas, curves
canvas.load_in_background()
for content in canvas.render(curves.learning_curves({ROWS}, "$N_S$ = 50"), "curves").values():
    print(hashlib.sha256(content).hexdigest())
"""
LOAD = """
import sys, numba, numpy as np
from mix2fld_np.nn.network import Network
network = Network()
network.compile()
print(*network.compiled.descend.stats.cache_hits.values(), "numba.cpython.printimpl" in sys.modules)
print(numba.njit(lambda x: np.median(x))(np.arange(9.0)))
"""
END = """
import atexit, gc, sys
from mix2fld_np import cli
atexit.register(lambda: print("frozen" if gc.get_freeze_count() else "to be searched"))
sys.argv = ["mix2fld", "channel"]
sys.exit(cli.main())
"""


def said_by(code, where=None):
    """The lines that a fresh Python prints."""
    command, there = [sys.executable, "-c", code], {"PYTHONPATH": str(ROOT), **os.environ}
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=where, env=there)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout.splitlines()


# --- the compiler -----------------------------------------------------------------------------------------------------


def test_code_that_was_kept_runs_without_the_registries_of_the_compiler_and_new_code_finds_them():
    assert said_by(LOAD) == ["1 False", "4.0"]


# --- commands ---------------------------------------------------------------------------------------------------------


def test_numba_waits_until_something_is_computed_and_is_loaded_while_data_are_read(monkeypatch, small_data):
    assert "False" in said_by("import sys; from mix2fld_np import cli; cli.parser(); print('numba' in sys.modules)")
    order = []
    monkeypatch.setattr(process, "in_background", lambda load: order.append(load))
    monkeypatch.setattr(session, "find", lambda name, folder: order.append("data") or small_data)
    session.data_source({"data": "auto", "data_dir": str(small_data)}, quiet=True)
    assert order == [network.kernels, "data"]


@pytest.mark.parametrize("command", ["compare", "channel"])
def test_a_command_loads_no_other_command(command):
    loaded = said_by(f"import sys; from mix2fld_np import cli; cli.parser({command!r}); print(*sys.modules)")[0].split()
    assert f"mix2fld_np.console.{command}" in loaded
    assert not {"mix2fld_np.console.data", "mix2fld_np.console.figure", "mix2fld_np.verify.check", "ssl"} & set(loaded)


def test_a_program_ends_without_a_search_through_all_that_it_loaded():
    assert said_by(END)[-1] == "frozen"


# --- pictures ---------------------------------------------------------------------------------------------------------


def digests():
    made = canvas.render(curves.learning_curves(ROWS, "$N_S$ = 50"), "curves")
    return [hashlib.sha256(content).hexdigest() for content in made.values()]


@pytest.mark.parametrize("content", [None, "lines.linewidth: 9"], ids=["plain", "settings in the folder"])
def test_a_picture_is_the_same_when_matplotlib_was_loaded_in_the_background(tmp_path, content):
    if content:
        (tmp_path / "matplotlibrc").write_text(content)
    assert said_by(DRAW, tmp_path) == digests()


@pytest.fixture
def fresh(monkeypatch):
    """As if nothing had been loaded in the background yet."""
    monkeypatch.setattr(canvas, "loading", [])


def test_without_a_further_thread_a_picture_is_drawn_all_the_same(fresh, monkeypatch):
    def refused(self):
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refused)
    canvas.load_in_background()
    assert canvas.loading == [] and len(digests()) == 2


def test_what_cannot_be_loaded_is_an_error_when_it_is_drawn_and_not_before(fresh, monkeypatch, capfd):
    monkeypatch.setattr(canvas, "load_matplotlib", lambda: 1 / 0)
    canvas.load_in_background()
    canvas.loading[0].join()
    assert capfd.readouterr().err == ""
    with pytest.raises(ZeroDivisionError):
        digests()


def test_matplotlib_is_loaded_while_runs_are_played(fresh, monkeypatch, tmp_path, small_data):
    order = []
    monkeypatch.setattr(canvas, "load_all", lambda: order.append("load"))
    monkeypatch.setattr(session, "play_all", lambda *arguments: order.append("play"))
    a, out = job(small_data), {"out": str(tmp_path)}
    session.play(session.Request("compare", out, a.settings, [a.source], [a], (), Namespace(quiet=True)), [a])
    canvas.loading[0].join()
    assert order == ["load", "play"]


def test_a_figure_is_laid_out_once_for_all_its_files(monkeypatch):
    from matplotlib.layout_engine import ConstrainedLayoutEngine

    laid_out, execute = [], ConstrainedLayoutEngine.execute
    monkeypatch.setattr(
        ConstrainedLayoutEngine, "execute", lambda self, figure: laid_out.append(figure) or execute(self, figure)
    )
    assert len(digests()) == 2 and len(laid_out) == 1


def test_a_title_that_fits_is_not_measured_word_by_word():
    short, long = (curves.learning_curves(ROWS, title) for title in ("$N_S$ = 50", "a word and another " * 20))
    assert (short._suptitle.get_wrap(), long._suptitle.get_wrap()) == (False, True)
