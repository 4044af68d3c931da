"""Says where the repository lives in public: `python lessons/links.py OWNER/NAME` writes it into CITATION.cff, from
where packaging takes it, into the first cell of each lesson, which fetches the rest from there in Colab, and points
all links of this folder's README.md and the badges of the project's there."""

import json
import re
import sys
from pathlib import Path

LESSONS = Path(__file__).parent
BRANCH = "main"
GITHUB = "https://github.com/"
MARKER = "<!-- From here on written by links.py: `python lessons/links.py OWNER/NAME` sets the address. -->"
BADGES = "<!-- Badges are written by lessons/links.py. -->\n"
ADDRESS = r"(?:https?://github\.com/)?([A-Za-z0-9-]+/[\w.-]+?)(?:\.git)?/?"
BINDER_FILES = {"runtime.txt": "python-3.12\n", "postBuild": "#!/bin/bash\nset -e\npip install --no-cache-dir .\n"}

NO_ADDRESS = """
This copy of the repository has no public address yet, so the links of the table lead here. Whoever publishes \
it on GitHub runs
`python lessons/links.py OWNER/NAME` once, and commits what it says.
"""

IN_A_BROWSER = """
**Binder** is ready when it has started, which may take minutes. **Colab** opens the notebook alone; \
its first cell fetches the package and what lies beside the lessons, which may take a minute.
"""

GUARD = """\
# In Colab, which opens a notebook alone, this fetches the package and the files beside it.
import subprocess
import sys
from importlib import invalidate_caches
from importlib.util import find_spec

ADDRESS = "{address}"  # of the public repository; links.py writes it
sys.path[:0] = ["lessons", "mix2fld/lessons"]  # checks.py, from a clone's root; in Colab
if not (find_spec("checks") and find_spec("mix2fld_np")):
    if not (ADDRESS and "google.colab" in sys.modules):
        raise SystemExit("The package mix2fld_np is missing, or the files beside this lesson: "
                         f"clone {ADDRESS or 'the repository'}, run pip install -e '.[lessons]' "
                         "there, and start Jupyter from there.")
    for command in (f"git clone -q --depth 1 {ADDRESS} mix2fld", "pip install -q ./mix2fld"):
        subprocess.run(command.split(), check=True)
    invalidate_caches()"""


def page_with(page: str, repository: str | None) -> str:
    """README.md with its last part written anew: how to open a lesson in a browser,
    and where each link of the table leads."""
    words = IN_A_BROWSER if repository else NO_ADDRESS
    definitions = [
        definition for notebook in notebooks_in(page) for definition in link_definitions(notebook, repository)
    ]
    return "\n".join([page.partition(MARKER)[0] + MARKER, words, *definitions, ""])


def notebooks_in(page: str) -> list[str]:
    """The file names of the lessons in the table of contents."""
    return re.findall(r"\]\((\d\d_\w+\.ipynb)\)", page)


def link_definitions(notebook: str, repository: str | None) -> list[str]:
    """The Markdown definitions of a lesson's links, [c00] to Colab and [b00] to Binder."""
    number, here = notebook[:2], "#in-a-browser-without-installing-anything"
    colab = (
        f"https://colab.research.google.com/github/{repository}/blob/{BRANCH}/lessons/{notebook}"
        if repository
        else here
    )
    binder = (
        f"https://mybinder.org/v2/gh/{repository}/{BRANCH}?urlpath=lab/tree/lessons/{notebook}" if repository else here
    )
    return [f"[c{number}]: {colab}", f"[b{number}]: {binder}"]


def with_badges(readme: str, repository: str) -> str:
    """The project's README.md with what can be tried at once, below its marker."""
    owner, name = repository.split("/")
    first = "00_the_letter_on_one_page.ipynb"
    where = {
        "playground": f"https://{owner}.github.io/{name}/",
        "live lessons": f"https://{owner}.github.io/{name}/live/lab/index.html?path={first}",
        "Colab": f"https://colab.research.google.com/github/{repository}/blob/{BRANCH}/lessons/{first}",
        "Binder": f"https://mybinder.org/v2/gh/{repository}/{BRANCH}?urlpath=lab/tree/lessons/{first}",
    }
    before, _, after = readme.partition(BADGES)
    rest = after if after.startswith("\n") else after.partition("\n")[2]  # without those that stood there
    return f"{before}{BADGES}{' '.join(f'[{text}]({link})' for text, link in where.items())}\n{rest}"


def with_address(citation: str, repository: str) -> str:
    """CITATION.cff with the address of the repository."""
    line = f'repository-code: "{GITHUB}{repository}"\n'
    return re.sub("repository-code: .*\n", "", citation).replace("license:", f"{line}license:", 1)


def with_guard(notebook: str, repository: str | None) -> str:
    """The file of a lesson whose first cell of code knows the address, or knows that there is none."""
    book = json.loads(notebook)
    (cell,) = (cell for cell in book["cells"] if cell["metadata"].get("mix2fld", {}).get("role") == "guard")
    cell["source"] = GUARD.replace("{address}", f"{GITHUB}{repository}" if repository else "").splitlines(keepends=True)
    return json.dumps(book, indent=1, ensure_ascii=False, sort_keys=True) + "\n"


def address_in(page: str) -> str | None:
    """OWNER/NAME as the page has it, or None where it has none yet."""
    found = re.search(rf"research\.google\.com/github/([^/\s]+/[^/\s]+)/blob/{BRANCH}/", page)
    return found.group(1) if found else None


def main(arguments: list[str]) -> int:
    """Writes README.md and what Binder needs to build; exit code 2 for an address that is none."""
    given = re.fullmatch(ADDRESS, arguments[0]) if len(arguments) == 1 else None
    if given is None:
        print(
            f"'{' '.join(arguments)}' is no repository on GitHub: "
            "give OWNER/NAME, such as python lessons/links.py ada/mix2fld_np."
        )
        return 2
    top = LESSONS.parent
    written = {LESSONS / "README.md": page_with, top / "README.md": with_badges, top / "CITATION.cff": with_address}
    written |= dict.fromkeys(LESSONS.glob("[0-9][0-9]_*.ipynb"), with_guard)
    for path, change in written.items():
        path.write_text(change(path.read_text(encoding="utf-8"), given.group(1)), encoding="utf-8")
    binder = top / ".binder"
    binder.mkdir(exist_ok=True)
    for name, content in BINDER_FILES.items():
        (binder / name).write_text(content, encoding="utf-8")
        (binder / name).chmod(0o755)
    print(f"All links lead to {given.group(1)} now; commit README.md, CITATION.cff, lessons/ and .binder/.")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
