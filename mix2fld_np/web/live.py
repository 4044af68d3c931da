"""The lessons in JupyterLite: static files with which a browser runs Python, this package and every cell."""

import json
import shutil
import subprocess
import sys
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from zipfile import ZIP_DEFLATED, ZipFile

import mix2fld_np
from mix2fld_np.browser import SIDE_MODULE
from mix2fld_np.errors import InputError
from mix2fld_np.web import lessons, wasm

PACKAGE = Path(mix2fld_np.__file__).parent
NAME = f"mix2fld_np-{mix2fld_np.__version__}"
WHEEL = f"{NAME}-py3-none-any.whl"
NEEDED = ("jupyterlite_core", "jupyterlite_pyodide_kernel", "comm")  # besides a linker
LOADED = ["micropip", "jedi", "ipython", "matplotlib", "tqdm"]  # of Pyodide's packages, at the start of every lesson
COMMAND = "-m jupyter lite build --no-sourcemaps --apps lab --lite-dir . --output-dir site".split()


def check(pyodide: str | None) -> None:
    """InputError where lessons, JupyterLite, a linker, or a part of the folder of Pyodide are missing."""
    if no_pages := lessons.missing():
        raise InputError(f"--live: {no_pages}")
    if lacking := [name for name in NEEDED if not find_spec(name)]:
        raise InputError(f"--live needs {', '.join(lacking)}; try pip install -e '.[live]'.")
    wasm.linker()
    if pyodide and (lacking := absent(Path(pyodide))):
        raise InputError(f"--pyodide {pyodide} lacks {', '.join(lacking)}; unpack pyodide-VERSION.tar.bz2, a full "
                         "release of Pyodide, and name the folder in it.")  # fmt: skip


def absent(pyodide: Path) -> list[str]:
    """The files of Pyodide and of what LOADED needs that are not in a folder."""
    lock = pyodide / "pyodide-lock.json"
    if not lock.is_file():
        return [lock.name]
    packages, needed = json.loads(lock.read_bytes())["packages"], ["pyodide.mjs"]
    for name in (waiting := list(LOADED)):
        package = packages.get(name.lower().replace("_", "-"), {"file_name": name, "depends": []})
        if package["file_name"] not in needed:
            needed.append(package["file_name"])
            waiting += package["depends"]
    return [name for name in needed if not (pyodide / name).is_file()]


def build(out: Path, pyodide: str | None) -> None:
    """Writes JupyterLite with the lessons in place of an earlier one; InputError for what is missing.

    Pyodide comes from a folder, or else from its public place when a lesson is opened.
    """
    check(pyodide)
    with TemporaryDirectory() as folder:
        top = Path(folder)
        shutil.copytree(lessons.LESSONS, top / "files", ignore=shutil.ignore_patterns("__pycache__", "playground.html"))
        write_wheels(top / "pypi")
        if pyodide:
            shutil.copytree(pyodide, top / "static" / "pyodide", ignore=shutil.ignore_patterns("*.map"))
        (top / "jupyter-lite.json").write_text(json.dumps(settings(bool(pyodide))), encoding="utf-8")
        done = subprocess.run([sys.executable, *COMMAND], cwd=top, capture_output=True, text=True)
        if done.returncode:
            raise InputError(f"JupyterLite could not be built: {(done.stderr or done.stdout).strip()[-500:]}")
        shutil.rmtree(out, ignore_errors=True)
        shutil.copytree(top / "site", out)
    if not pyodide:
        print("The live lessons load Pyodide from its public place; with --pyodide FOLDER they ask no other host.")


def settings(alone: bool) -> dict[str, Any]:
    """What JupyterLite does at its start; `alone`: it asks no other host."""
    loaded = {"packages": [*LOADED, f"../../../../pypi/{WHEEL}"]}  # the wheel as seen from the kernel's own script
    kernel = {"disablePyPIFallback": alone, "loadPyodideOptions": loaded}
    about = {"litePluginSettings": {"@jupyterlite/pyodide-kernel-extension:kernel": kernel}}
    return {"jupyter-lite-schema-version": 0, "jupyter-config-data": about}


def write_wheels(folder: Path) -> None:
    """Writes wheels of this package with the compiled kernels, and of what JupyterLite needs and Pyodide has not."""
    folder.mkdir()
    comm = metadata.distribution("comm")
    with ZipFile(folder / f"comm-{comm.version}-py3-none-any.whl", "w") as wheel:
        for part in filter(lambda part: part.suffix != ".pyc", comm.files or ()):
            wheel.write(str(part.locate()), str(part))
    about = f"Metadata-Version: 2.1\nName: mix2fld_np\nVersion: {mix2fld_np.__version__}\n"
    with ZipFile(folder / WHEEL, "w", ZIP_DEFLATED) as wheel:
        for path in PACKAGE.rglob("*.py"):
            wheel.write(path, path.relative_to(PACKAGE.parent))
        wasm.build(folder / SIDE_MODULE.name, "mix2fld_np.web.side_module")
        wheel.write(folder / SIDE_MODULE.name, f"mix2fld_np/{SIDE_MODULE.name}")
        wheel.writestr(f"{NAME}.dist-info/METADATA", about)
        wheel.writestr(f"{NAME}.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
