"""What a package index and a source distribution show: links that lead somewhere, and all that the tests need."""

import os
import re
import runpy
import shlex
import shutil
import subprocess
import sys
import tarfile
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace

import pytest

from mix2fld_np.cli import parser

ROOT = Path(__file__).parents[1]
ADDRESS = "https://github.com/ada/mix2fld_np"
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
STAYS_OUT = re.compile(r"\.gitignore|\.binder/.*")  # of what the repository holds: nothing to build or to test
COMES_IN = re.compile(r"PKG-INFO|setup\.cfg|mix2fld_np\.egg-info/.*")  # written by setuptools
SELF_TESTS = ("packaging", "lesson_links", "architecture", "formats", "payload")


def metadata(monkeypatch, address=""):
    """What setup.py says to setuptools, of a repository with this address."""
    said = {}
    known = f'repository-code: "{address}"' if address else ""
    known += '\n    email: "ada@example.org"\n' if address else ""
    citation = re.sub("repository-code: .*\n", "", (ROOT / "CITATION.cff").read_text(encoding="utf-8")) + known
    packaging = SimpleNamespace(setup=lambda **about: said.update(about), find_packages=lambda include: [])
    monkeypatch.setitem(sys.modules, "setuptools", packaging)
    read = Path.read_text
    monkeypatch.setattr(Path, "read_text", lambda p, **how: citation if p.suffix == ".cff" else read(p, **how))
    runpy.run_path(str(ROOT / "setup.py"))
    return said


# --------------------------------------------------------------------------------------------------------- the metadata
@pytest.mark.parametrize("address", ["", ADDRESS])
def test_no_link_of_the_long_description_is_relative(monkeypatch, address):
    text = metadata(monkeypatch, address)["long_description"]
    assert re.findall(r"\]\((?!https?://)[^)]*\)", text) == []
    assert ("](" + ADDRESS in text) == bool(address) and "citation.cff" in text.lower()


def test_with_an_address_links_lead_to_files_that_exist_and_pictures_to_their_bytes(monkeypatch):
    text = metadata(monkeypatch, ADDRESS)["long_description"]
    found = re.findall(rf"(!?)\[[^\]]*\]\({ADDRESS}(?:/(raw|blob)/main/([^)#]+))?(?:#[^)]*)?\)", text)
    assert len(found) > 10
    assert all((ROOT / file).exists() for _, _, file in found)
    assert {(mark, kind) for mark, kind, file in found if file} == {("!", "raw"), ("", "blob")}


def test_the_public_address_comes_from_the_citation_alone(monkeypatch):
    said = metadata(monkeypatch)
    assert said["url"] is said["author_email"] is None and "github" not in str(said["project_urls"])
    said = metadata(monkeypatch, ADDRESS)
    assert said["url"] == ADDRESS and said["author_email"] == "ada@example.org"
    assert {"The letter", "Source", "Issues", "Changelog"} == set(said["project_urls"])


def test_the_citation_is_of_this_version(monkeypatch):
    citation = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    assert re.search("^version: (.*)$", citation, re.MULTILINE)[1] == metadata(monkeypatch)["version"]


def test_the_pythons_of_the_metadata_are_those_that_are_tested(monkeypatch):
    named = re.findall(r"Python :: (3\.\d+)", " ".join(metadata(monkeypatch)["classifiers"]))
    tested = (ROOT / ".github" / "workflows" / "tests.yml").read_text(encoding="utf-8")
    assert named == re.findall(r'"(3\.\d+)"', tested.partition("python:")[2].partition("\n")[0])
    assert named == ["3.11", "3.12", "3.13", "3.14"]


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_a_workflow_is_valid_and_runs_what_the_repository_has(path):
    workflow = pytest.importorskip("yaml").safe_load(path.read_text(encoding="utf-8"))
    assert workflow["permissions"] == {"contents": "read"} and workflow[True]  # YAML 1.1 reads the key `on` as true
    for job in workflow["jobs"].values():
        assert job.get("needs") in {None, *workflow["jobs"]}
        for step in job["steps"]:
            assert ("run" in step) != bool(re.fullmatch(r"[\w.-]+/[\w.-]+@(v\d+|release/v1)", step.get("uses", "")))
            for script in re.findall(r"\bbash (\S+)", step.get("run", "")):
                assert (ROOT / script).exists()
            for line in re.findall(r"^mix2fld (.*)", step.get("run", ""), re.MULTILINE):
                assert parser().parse_args(shlex.split(line)).run


# ------------------------------------------------------------------------------------------------------------ the sdist
def tracked():
    """The files of the repository, by their paths in it."""
    found = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True)
    return set(found.stdout.splitlines())


@pytest.fixture(scope="module")
def unpacked(tmp_path_factory):
    """A source distribution of the repository as it is, unpacked."""
    if not find_spec("setuptools") or not (ROOT / ".git").exists():
        pytest.skip("needs setuptools, and a clone of the repository")
    tree, folder = tmp_path_factory.mktemp("tree"), tmp_path_factory.mktemp("unpacked")
    for name in tracked():
        (tree / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, tree / name)
    subprocess.run([sys.executable, "setup.py", "-q", "sdist"], cwd=tree, check=True, capture_output=True)
    (packed,) = (tree / "dist").iterdir()
    with tarfile.open(packed) as files:
        files.extractall(folder, filter="data")
    return next(folder.iterdir())


@pytest.mark.slow
def test_a_source_distribution_holds_what_the_repository_holds(unpacked):
    inside = {file.relative_to(unpacked).as_posix() for file in unpacked.rglob("*") if file.is_file()}
    assert {name for name in tracked() - inside if not STAYS_OUT.fullmatch(name)} == set()
    assert {name for name in inside - tracked() if not COMES_IN.fullmatch(name)} == set()


@pytest.mark.slow
def test_a_source_distribution_tests_itself(unpacked):
    files = [f"tests/test_{name}.py" for name in SELF_TESTS]
    own, command = {**os.environ, "PYTHONPATH": str(unpacked)}, [sys.executable, "-m", "pytest", *files]
    ended = subprocess.run(command, cwd=unpacked, env=own, capture_output=True, text=True)
    assert ended.returncode == 0, ended.stdout[-2_000:]
