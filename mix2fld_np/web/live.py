"""The lessons in JupyterLite: static files with which a browser runs Python, this package and every cell."""

import hashlib
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

from packaging.requirements import Requirement

import mix2fld_np
from mix2fld_np.browser import SIDE_MODULE
from mix2fld_np.errors import InputError
from mix2fld_np.web import side_module, wasm
from mix2fld_np.web.lessons import LESSONS

PACKAGE, VERSION = Path(mix2fld_np.__file__).parent, mix2fld_np.__version__
LOADED = ["micropip", "comm", "jedi", "ipython", "matplotlib", "tqdm"]  # at the start of every lesson
WHEEL = f"mix2fld_np-{VERSION}-py3-none-any.whl"
LOCK = "pyodide-lock.json"  # names the packages of a folder of Pyodide
COMMAND = "-m jupyter lite build --no-sourcemaps --apps lab --lite-dir . --output-dir site".split()


def check(pyodide: Path | None) -> None:
    """InputError where JupyterLite, a linker, or a part of the folder of Pyodide is missing."""
    lacking = [name for name in ("jupyterlite_core", "jupyterlite_pyodide_kernel") if not find_spec(name)]
    if lacking:
        raise InputError(f"--live needs {' and '.join(lacking)}; try pip install -e '.[live]'.")
    wasm.linker()
    if pyodide:
        files = ["pyodide.mjs", LOCK]
        if all((pyodide / name).is_file() for name in files):
            packages = json.loads((pyodide / LOCK).read_bytes())["packages"]
            files = [name for name in absent(packages, pyodide) if not pure(name)]
        if files:
            raise InputError(f"--pyodide {pyodide} lacks {', '.join(files)}; unpack pyodide-VERSION.tar.bz2, a full "
                             "release of Pyodide, and name the folder in it.")


def build(out: Path, pyodide: Path | None) -> None:
    """Writes the site to `out`, which is not there yet; with Pyodide from a folder, or else from its public place."""
    with TemporaryDirectory() as folder:
        top = Path(folder)
        shutil.copytree(LESSONS, top / "files", ignore=shutil.ignore_patterns("__pycache__", "playground.html"))
        write_package(top / "pypi")
        if pyodide:
            write_pyodide(pyodide, top / "static" / "pyodide")
        (top / "jupyter-lite.json").write_text(json.dumps(settings(bool(pyodide))), encoding="utf-8")
        done = subprocess.run([sys.executable, *COMMAND], cwd=top, capture_output=True, text=True)
        if done.returncode:
            raise InputError(f"JupyterLite could not be built: {(done.stderr or done.stdout).strip()[-500:]}")
        shutil.move(top / "site", out)


def settings(alone: bool) -> dict[str, Any]:
    """What JupyterLite does at its start; `alone`: it asks no other host."""
    loaded = {"packages": [*LOADED, f"../../../../pypi/{WHEEL}"]}  # the wheel as seen from the kernel's own script
    kernel = {"disablePyPIFallback": alone, "loadPyodideOptions": loaded}
    about = {"litePluginSettings": {"@jupyterlite/pyodide-kernel-extension:kernel": kernel}}
    return {"jupyter-lite-schema-version": 0, "jupyter-config-data": about}


def write_package(folder: Path) -> None:
    """Writes a wheel of this package with the compiled kernels."""
    files = {str(path.relative_to(PACKAGE.parent)): path.read_bytes() for path in PACKAGE.rglob("*.py")}
    with TemporaryDirectory() as scratch:
        side_module.write(Path(scratch, "kernels"))
        files[str(SIDE_MODULE.relative_to(PACKAGE.parent))] = Path(scratch, "kernels").read_bytes()
    about = f"mix2fld_np-{VERSION}.dist-info"
    files[f"{about}/METADATA"] = f"Metadata-Version: 2.1\nName: mix2fld_np\nVersion: {VERSION}\n".encode()
    files[f"{about}/WHEEL"] = b"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    folder.mkdir()
    write_wheel(folder / WHEEL, files)


def write_pyodide(source: Path, target: Path) -> None:
    """Copies a folder of Pyodide; wheels of pure Python that it lacks are made of what is installed here."""
    shutil.copytree(source, target, ignore=shutil.ignore_patterns("*.map"))
    lock = json.loads((source / LOCK).read_bytes())
    for name in absent(lock["packages"], source):
        found = metadata.distribution(name)
        wheel = target / f"{name.replace('-', '_')}-{found.version}-py3-none-any.whl"
        parts = [file for file in found.files or () if ".." not in file.parts and file.suffix != ".pyc"]
        write_wheel(wheel, {str(file): file.locate().read_bytes() for file in parts})  # type: ignore[attr-defined]
        lock["packages"][name] = {
            "name": name, "version": found.version, "file_name": wheel.name, "depends": requirements(name),
            "sha256": hashlib.sha256(wheel.read_bytes()).hexdigest(), "imports": [], "install_dir": "site",
            "package_type": "package",
        }  # fmt: skip
    (target / LOCK).write_text(json.dumps(lock), encoding="utf-8")


def absent(packages: dict[str, Any], folder: Path) -> list[str]:
    """What LOADED needs and the folder of Pyodide, with this list of packages, has no wheel of."""
    there = {name for name, package in packages.items() if (folder / package["file_name"]).is_file()}
    needed: list[str] = []
    for name in (waiting := list(LOADED)):
        if (key := name.lower().replace("_", "-")) not in needed:
            needed.append(key)
            waiting += packages[key]["depends"] if key in there else requirements(key)
    return [name for name in needed if name not in there]


def requirements(name: str) -> list[str]:
    """What a package that is installed here needs in a browser."""
    asked = map(Requirement, metadata.requires(name) or () if pure(name) else ())
    where = {"sys_platform": "emscripten", "extra": ""}
    return [one.name.lower().replace("_", "-") for one in asked if not one.marker or one.marker.evaluate(where)]


def pure(name: str) -> bool:
    """Whether a package of pure Python is installed here under this name."""
    try:
        return "Root-Is-Purelib: true" in str(metadata.distribution(name).read_text("WHEEL"))
    except metadata.PackageNotFoundError:
        return False


def write_wheel(path: Path, files: dict[str, bytes]) -> None:
    """Writes a wheel of these files."""
    with ZipFile(path, "w", ZIP_DEFLATED) as wheel:
        for name, content in files.items():
            wheel.writestr(name, content)
