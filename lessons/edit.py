"""Lessons as text, for whoever changes them: `text` writes a notebook's cells to a file that any editor can change,
`build` makes the notebook of such a file and runs it, `solve` writes a copy with all solutions in place.

    python lessons/edit.py text 05 05.txt      python lessons/edit.py build 05 05.txt
    python lessons/edit.py solve 05 05_solved.ipynb
"""

import copy
import json
import re
import sys
from pathlib import Path
from typing import Any

import nbformat

LESSONS = Path(__file__).parent
MARK = re.compile(r"^%%% (markdown|code)(?: (\{.*\}))?\n", re.M)
METADATA = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}


def path_of(number: str) -> Path:
    """The notebook of a lesson, by its two digits."""
    (path,) = LESSONS.glob(f"{number}_*.ipynb")
    return path


def as_text(book: Any) -> str:
    """All cells, each below a line such as `%%% code {"role": "exercise", "name": "05.2"}`; no outputs."""
    parts = []
    for cell in book.cells:
        about = cell.metadata.get("mix2fld")
        mark = f"%%% {cell.cell_type}" + (f" {json.dumps(about, sort_keys=True)}" if about else "")
        parts.append(f"{mark}\n{cell.source}\n")
    return "\n".join(parts)


def from_text(text: str, number: str) -> Any:
    """The notebook that `as_text` writes so, not run yet."""
    _, *parts = MARK.split(text)
    cells = []
    for kind, about, source in zip(parts[::3], parts[1::3], parts[2::3], strict=True):
        new = nbformat.v4.new_code_cell if kind == "code" else nbformat.v4.new_markdown_cell
        metadata = {"mix2fld": json.loads(about)} if about else {}
        cells.append(new(source.strip("\n"), id=f"lesson{number}-cell{len(cells):02d}", metadata=metadata))
    return nbformat.v4.new_notebook(cells=cells, metadata=METADATA)


def solved(book: Any) -> Any:
    """A copy in which every exercise holds its solution: the one switch between the two states of a lesson."""
    book = copy.deepcopy(book)
    solutions = {cell.metadata.mix2fld.name: code_of(cell) for cell in cells_of(book, "solution")}
    for cell in cells_of(book, "exercise"):
        cell.source = solutions[cell.metadata.mix2fld.name]
    return book


def cells_of(book: Any, role: str) -> list[Any]:
    """The cells that are there for this: "exercise", "solution", "check" or "exercise-check"."""
    return [cell for cell in book.cells if cell.metadata.get("mix2fld", {}).get("role") == role]


def code_of(solution: Any) -> str:
    """The Python block of a folded solution."""
    found = re.search(r"```python\n(.*?)\n```", solution.source, re.S)
    if found is None:
        raise ValueError(f"the solution {solution.id} has no block of Python")
    return found.group(1)


def run(book: Any) -> Any:
    """The notebook with the outputs of one run, from inside lessons/."""
    from nbclient import NotebookClient

    client = NotebookClient(book, timeout=120, kernel_name="python3", resources={"metadata": {"path": str(LESSONS)}})
    client.execute()
    for cell in book.cells:
        cell.metadata.pop("execution", None)
    return book


def main(arguments: list[str]) -> int:
    """Does what the first word says; exit code 2 where it says nothing known."""
    if len(arguments) != 3 or arguments[0] not in ("text", "build", "solve"):
        print(__doc__)
        return 2
    command, number, file = arguments
    path = path_of(number)
    if command == "text":
        Path(file).write_text(as_text(nbformat.read(path, as_version=4)), encoding="utf-8")
    elif command == "build":
        nbformat.write(run(from_text(Path(file).read_text(encoding="utf-8"), number)), path)
    else:
        nbformat.write(solved(nbformat.read(path, as_version=4)), file)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
