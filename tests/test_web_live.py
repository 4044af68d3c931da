"""Python in a browser: the package without Numba and without threads, and the lessons in JupyterLite."""

import functools
import http.server
import json
import os
import re
import subprocess
import sys
import threading
from inspect import getsource

import numpy as np
import pytest
from browser import Browser, found
from numpy.testing import assert_allclose

from mix2fld_np.cli import main
from mix2fld_np.nn.network import Network
from mix2fld_np.nn.training import local_update
from mix2fld_np.randomness import stream
from mix2fld_np.web import lessons, live, wasm

PYODIDE = os.environ.get("MIX2FLD_PYODIDE")
LIKE_A_BROWSER = """
import sys, threading, time
sys.platform = "emscripten"
del time.thread_time
def start(thread):
    raise RuntimeError("can't start new thread")
threading.Thread.start = start
sys.modules |= dict.fromkeys(["numba", "llvmlite"])  # importing them is an ImportError
import mix2fld_np
sys.platform = "linux"  # others would look for what only a browser has
"""


def run(code, **options):
    """The end of Python that runs this code."""
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, **options)


def learned(shape, n_labels):
    """Weights, outputs and gradient of a small network after a few steps."""
    rng, network = stream(3, "live"), Network(shape, (3, 2), n_labels)
    images, targets = rng.random((9, *shape), np.float32), rng.dirichlet(np.ones(n_labels), 9).astype(np.float32)
    start, order = network.initial_weights(rng), rng.integers(9, size=20)
    after, outputs = local_update(network, start, images, targets, order, 0.1)
    return np.concatenate([after, outputs.ravel(), network.gradient(after, images, targets)])


IMPORTS = """import json
import numpy as np
from mix2fld_np.nn.network import Network
from mix2fld_np.nn.training import local_update
from mix2fld_np.randomness import stream
"""


# -------------------------------------------------------------------------------------------- as in a browser, but here
def test_without_numba_the_kernels_run_as_plain_python_and_leave_the_same_weights(tmp_path):
    save = f"np.save({str(tmp_path / 'there.npy')!r}, learned((2, 4, 4), 3))"
    end = run(f"{LIKE_A_BROWSER}{IMPORTS}{getsource(learned)}\n{save}")
    assert end.returncode == 0 and "is not compiled" in end.stderr, end.stderr
    assert_allclose(np.load(tmp_path / "there.npy"), learned((2, 4, 4), 3), atol=1e-6, rtol=0)


def test_a_command_needs_neither_numba_nor_threads_nor_a_clock_for_each(tmp_path):
    images, labels = stream(1, "live").integers(256, size=(60, 4, 4), dtype=np.uint8), np.arange(60) % 3
    mine = tmp_path / "mine.npz"
    np.savez(mine, x_train=images, y_train=labels, x_test=images[:9], y_test=labels[:9])
    asked = "--rounds=1 --devices=2 --iterations=4 --distill-iterations=4 --seed-samples=4 --inverse-samples=4"
    asked += " --set=n_samples=10 --split=iid --protocols=FD,Mix2FLD --workers=2"
    command = ["compare", f"--data={mine}", f"--out={tmp_path / 'out'}", *asked.split()]
    end = run(f"{LIKE_A_BROWSER}from mix2fld_np.cli import main; sys.exit(main({command!r}))")
    assert end.returncode == 0, end.stderr
    assert json.loads((tmp_path / "out/settings.json").read_text())["about"]["numbers"]["numba"] == "none"


def test_anywhere_else_a_missing_numba_is_an_error():
    end = run("import sys; sys.modules['numba'] = None; import mix2fld_np; mix2fld_np.Network().compile()")
    assert end.returncode and "ModuleNotFoundError" in end.stderr and "numba" in end.stderr


# ------------------------------------------------------------------------------------------------- what may be missing
@pytest.mark.parametrize("lacking", ["jupyterlite_core", "linker", "pyodide-lock.json", "numpy"])
def test_what_live_lessons_lack_is_named_with_a_remedy_and_nothing_is_written(lacking, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(lessons, "missing", lambda: None)
    monkeypatch.setattr(live, "find_spec", lambda name: name != lacking)
    monkeypatch.setattr(wasm.shutil, "which", lambda name: lacking != "linker" or None)
    monkeypatch.setattr(wasm.importlib.util, "find_spec", lambda name: None)
    if lacking != "pyodide-lock.json":
        packages = {name: {"file_name": f"{name}.whl", "depends": ["numpy"]} for name in ["numpy", *live.LOADED]}
        (tmp_path / "pyodide-lock.json").write_text(json.dumps({"packages": packages}))
        for name in ("pyodide.mjs", *(f"{name}.whl" for name in packages if name != lacking)):
            (tmp_path / name).touch()
    assert main(["site", f"--out={tmp_path / 'site'}", "--live", f"--pyodide={tmp_path}"]) == 2
    said = capsys.readouterr().err
    assert lacking in said and ("pip install" in said or "full release" in said)
    assert not (tmp_path / "site").exists()


def test_a_lesson_links_to_where_it_runs_only_where_it_does():
    pytest.importorskip("mistune"), pytest.importorskip("latex2mathml")
    for linked in (True, False):
        for name, content in lessons.pages(linked).items():
            notebook = name.replace("lessons/", "").replace(".html", ".ipynb")
            found_there = f'href="../live/lab/index.html?path={notebook}"' in content.decode(errors="replace")
            assert found_there == (linked and (lessons.LESSONS / notebook).is_file() and name.endswith(".html"))


# --------------------------------------------------------------------------------------------------------- in a browser
def in_a_browser(test):
    """Marks a test that runs Python in a browser, for minutes."""
    lacking = "MIX2FLD_PYODIDE names no folder of Pyodide" if not PYODIDE else "no Chromium was found"
    return pytest.mark.slow(pytest.mark.skipif(not PYODIDE or found() is None, reason=lacking)(test))


CHROMIUMS_OWN = r"(http://)?(www|accounts|android.clients|clients2|optimizationguide-pa|content-autofill).google(apis)?.com"


class Host(http.server.SimpleHTTPRequestHandler):
    """Serves a folder; as a proxy of the browser it is asked for all that is elsewhere, and notes it."""

    protocol_version, elsewhere = "HTTP/1.1", []

    def do_GET(self):  # noqa: N802
        if self.path.startswith("/"):
            super().do_GET()
        else:
            self.do_CONNECT()

    def do_CONNECT(self):  # noqa: N802
        if not re.match(CHROMIUMS_OWN, self.path):
            self.elsewhere.append(self.path)
        self.send_error(502)

    do_POST = do_CONNECT  # noqa: N815

    def log_message(self, *words):
        """Nothing."""


@pytest.fixture(scope="module")
def host(tmp_path_factory):
    """The address of the site, on a host of its own."""
    pytest.importorskip("jupyterlite_core")
    out = tmp_path_factory.mktemp("live") / "site"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(lessons, "write_reference", lambda out: None)  # which takes a while, and is tested elsewhere
        assert main(["site", f"--out={out}", "--live", f"--pyodide={PYODIDE}"]) == 0
    assert not list((out / "live").rglob("*.map"))
    file = out / "live" / "jupyter-lite.json"
    config = json.loads(file.read_text())
    config["jupyter-config-data"]["exposeAppInBrowser"] = True  # for `PLAY`
    file.write_text(json.dumps(config))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Host, directory=out))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"127.0.0.1:{server.server_port}"
    server.shutdown()


@pytest.fixture
def browser(host):
    """A browser that asks nobody but this host."""
    quiet = "--disable-background-networking --disable-component-update --disable-sync --no-pings".split()
    one = Browser(flags=(f"--proxy-server={host}", *quiet))
    Host.elsewhere.clear()
    yield one
    one.close()
    assert Host.elsewhere == []


PYTHON = """(async () => {
    const { loadPyodide } = await import("/live/static/pyodide/pyodide.mjs");
    globalThis.py = await loadPyodide();
    await py.loadPackage(["matplotlib", "tqdm", WHEEL]);
})()"""


@pytest.fixture
def python(host, browser):
    """Runs code in the browser's Python."""
    browser.open(f"http://{host}/lessons/index.html")
    browser.evaluate(PYTHON.replace("WHEEL", f'"/live/pypi/{live.WHEEL}"'))
    return lambda code: browser.evaluate(f"py.runPythonAsync({json.dumps(code)})")


@in_a_browser
def test_in_a_browser_the_kernels_are_the_native_ones_for_other_networks_too(python):
    for shape, n_labels in (((1, 28, 28), 10), ((2, 28, 28), 3)):
        code = f"{IMPORTS}{getsource(learned)}\njson.dumps(learned({shape}, {n_labels}).tolist())"
        assert_allclose(json.loads(python(code)), learned(shape, n_labels), atol=1e-6, rtol=0)


@in_a_browser
def test_in_a_browser_every_equation_is_verified(python):
    assert python("from mix2fld_np.cli import main\nmain(['verify', '--out=verify'])") == 0
    found = json.loads(python("open('verify/equations.json').read()"))
    assert found["passed"] and len(found["rows"]) > 50


PLAY = """(async () => {
    const { commands } = jupyterapp, panel = await commands.execute("docmanager:open", { path: NAME });
    await panel.context.ready;
    await panel.sessionContext.ready;
    await commands.execute("notebook:run-all-cells");
    const cells = [...panel.content.model.cells].filter(({ type }) => type === "code").map((cell) => cell.toJSON());
    return JSON.stringify(cells.map((cell) => [cell.execution_count, cell.source, cell.outputs]));
})()"""


@in_a_browser
@pytest.mark.parametrize("lesson", sorted(path.name for path in lessons.LESSONS.glob("[0-9][0-9]_*.ipynb")))
def test_every_lesson_runs_in_the_browser_without_an_error(host, browser, lesson):
    browser.open(f"http://{host}/live/lab/index.html")
    browser.wait_for("globalThis.jupyterapp?.commands.hasCommand('notebook:run-all-cells')", seconds=600)
    for count, source, outputs in json.loads(browser.evaluate(PLAY.replace("NAME", json.dumps(lesson)))):
        assert count, f"not run: {source}"
        assert [output for output in outputs if output["output_type"] == "error"] == [], source
