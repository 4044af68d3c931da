"""The lessons as static pages: what the notebooks hold, with formulas as MathML, so that no page asks another host."""

import html
import json
import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Any

LESSONS = Path(__file__).parents[2] / "lessons"  # of a clone; an installed package has none
NEEDED = ("mistune", "latex2mathml", "pygments", "pdoc")
FRAME = Path(__file__).parent / "page" / "lesson.html"
DOLLARS = r"\$\$(?P<block>.+?)\$\$|(?<![\\$])\$(?P<inline>(?:[^$\n]|\n(?!\n))+?)\$"
CODE = r"```.*?```|`[^`\n]*`"


def missing() -> str | None:
    """Why lessons and API reference cannot be made here, and what to do, in a sentence; None where they can."""
    if not sorted(LESSONS.glob("[0-9][0-9]_*.ipynb")):
        return f"{LESSONS} holds no lessons: they come with a clone of the repository."
    lacking = [name for name in NEEDED if not find_spec(name)]
    return f"lessons and API reference need {', '.join(lacking)}: pip install -e '.[site]'." if lacking else None


def pages(live: bool = False) -> dict[str, bytes]:
    """The files of all lessons by their path in the site: a page each, an index, what stands beside them, pictures.

    With `live`, the page of a lesson links to where it runs.
    """
    books = sorted(LESSONS.glob("[0-9][0-9]_*.ipynb"))
    titles = {book.stem: title(notebook(book)) for book in books}
    names, made = list(titles), {}
    for k, book in enumerate(books):
        beside = {"previous": names[k - 1] if k else None, "next": names[k + 1] if k + 1 < len(names) else None}
        body = "\n".join(cell_html(cell) for cell in notebook(book))
        neighbours = {word: (name, titles[name]) for word, name in beside.items() if name}
        made[f"lessons/{book.stem}.html"] = framed(titles[book.stem], body, neighbours, book.name if live else "")
    for file in LESSONS.glob("*.md"):
        name = "index" if file.stem == "README" else file.stem
        made[f"lessons/{name}.html"] = framed(name.capitalize(), markdown(file.read_text(encoding="utf-8")), {})
    pictures = (LESSONS / "pictures").iterdir()
    return made | {f"lessons/pictures/{picture.name}": picture.read_bytes() for picture in pictures}


def write_reference(out: Path) -> None:
    """Writes the API reference, a page for each module, to a directory."""
    subprocess.run([sys.executable, "-m", "pdoc", "mix2fld_np", "--output-directory", str(out)], check=True)


def notebook(path: Path) -> list[dict[str, Any]]:
    """The cells of a notebook."""
    return json.loads(path.read_text(encoding="utf-8"))["cells"]


def title(cells: list[dict[str, Any]]) -> str:
    """The first heading of a lesson."""
    return "".join(cells[0]["source"]).splitlines()[0].removeprefix("# ")


def framed(heading: str, body: str, beside: dict[str, tuple[str, str]], live: str = "") -> bytes:
    """A whole page: the frame that all lessons share, with links to its neighbours and to the live notebook."""
    links = [f'<a rel="{word[:4]}" href="{name}.html">{word}: {html.escape(text)}</a>'
             for word, (name, text) in beside.items()]  # fmt: skip
    links += [f'<a href="../live/lab/index.html?path={live}">run it here</a>'] if live else []
    filled = {"{{title}}": html.escape(heading), "{{beside}}": " ".join(links), "{{body}}": body}
    page = FRAME.read_text(encoding="utf-8")
    for mark, content in filled.items():
        page = page.replace(mark, content)
    return page.encode()


def cell_html(cell: dict[str, Any]) -> str:
    """A cell: prose, or code with what it printed and drew."""
    source = "".join(cell["source"])
    if cell["cell_type"] == "markdown":
        return f'<section class="prose">{markdown(source)}</section>'
    outputs = "".join(map(output_html, cell["outputs"]))
    return f'<section class="code">{highlighted(source)}{outputs}</section>'


def output_html(output: dict[str, Any]) -> str:
    """What a cell printed or drew; pictures with their words."""
    data = output.get("data", {})
    if "text/html" in data:
        return f'<div class="output">{"".join(data["text/html"])}</div>'
    if "image/png" in data:
        words = output["metadata"].get("image/png", {}).get("alt", "a figure that the text around it explains")
        image = "".join(data["image/png"]).replace("\n", "")
        return f'<div class="output"><img alt="{html.escape(words)}" src="data:image/png;base64,{image}"></div>'
    text = "".join(output.get("text") or data.get("text/plain", ""))
    return f'<pre class="output">{html.escape(text)}</pre>' if text else ""


def markdown(source: str) -> str:
    """Prose as HTML: formulas become MathML, links to notebooks links to pages; code is left as it is."""
    import mistune

    kept: list[str] = []

    def keep(found: re.Match) -> str:
        if not (found["block"] or found["inline"]):
            return found[0]
        kept.append(formula(found["block"] or found["inline"], bool(found["block"])))
        return f"FORMULA{len(kept) - 1}STANDSHERE"

    render = mistune.create_markdown(escape=False, plugins=["table"])
    text = str(render(re.sub(f"{CODE}|{DOLLARS}", keep, source, flags=re.DOTALL)))
    text = re.sub(r'(href="[^":]*)\.ipynb', r"\1.html", text)
    text = text.replace('"README.md', '"index.html').replace('"playground.html"', '"../index.html"')
    text = re.sub(r'(href="\w+)\.md', r"\1.html", text)
    text = re.sub("<(h[1-6])>(.*?)</h", anchored, text)
    return re.sub(r"FORMULA(\d+)STANDSHERE", lambda found: kept[int(found[1])], text)


def anchored(heading: re.Match) -> str:
    """A heading with the id that links to it have on GitHub."""
    words = re.sub(r"<.*?>|[^\w\- ]", "", heading[2]).lower().replace(" ", "-")
    return f'<{heading[1]} id="{words}">{heading[2]}</h'


def formula(latex: str, block: bool) -> str:
    """A formula as MathML; the number of an equation stands behind it."""
    from latex2mathml.converter import convert

    plain = re.sub(r"\\tag\{(.*?)\}", r"\\qquad (\1)", latex.strip())
    return convert(re.sub(r"\\(?:big|Big)(?![a-z])", "", plain), display="block" if block else "inline")


def highlighted(code: str) -> str:
    """Python in colours."""
    from pygments import highlight
    from pygments.formatters import HtmlFormatter
    from pygments.lexers import PythonLexer

    return highlight(code, PythonLexer(), HtmlFormatter(cssclass="source"))
