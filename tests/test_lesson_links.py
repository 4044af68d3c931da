"""The table of contents of the lessons: complete, true to the notebooks,
and pointed at the repository from one place."""

import importlib.util
import re
import shutil
from pathlib import Path

import nbformat
import pytest

LESSONS = Path(__file__).parents[1] / "lessons"
NOTEBOOKS = sorted(path.name for path in LESSONS.glob("[0-9][0-9]_*.ipynb"))
PAGES = {page.name: page.read_text(encoding="utf-8") for page in sorted(LESSONS.glob("*.md"))}
PAGE = PAGES["README.md"]


def script(folder=LESSONS):
    """lessons/links.py (or a copy of it elsewhere), which is no part of the package."""
    spec = importlib.util.spec_from_file_location("links", folder / "links.py")
    links = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(links)
    return links


links = script()
TABLE = "[First](00_first.ipynb) [Colab][c00] [Binder][b00]\n[Second](01_second.ipynb) [Colab][c01] [Binder][b01]\n"


@pytest.fixture
def copy(tmp_path):
    """links.py in a repository of its own, with a table of two lessons."""
    folder = tmp_path / "lessons"
    folder.mkdir()
    for name in ("links.py", *NOTEBOOKS[:2]):
        shutil.copy(LESSONS / name, folder)
    (folder / "README.md").write_text(f"{TABLE}{links.MARKER}\nold words\n", encoding="utf-8")
    for name in ("README.md", "CITATION.cff"):
        shutil.copy(LESSONS.parent / name, tmp_path)
    return folder


@pytest.mark.parametrize("notebook", NOTEBOOKS)
def test_a_lesson_stands_once_in_the_table_with_the_time_it_states_itself(notebook):
    rows = [line for line in PAGE.splitlines() if f"]({notebook})" in line]
    assert len(rows) == 1
    text = "\n".join(
        cell.source for cell in nbformat.read(LESSONS / notebook, as_version=4).cells if cell.cell_type == "markdown"
    )
    minutes = re.search(r"(\d+) minutes", text).group(1)
    assert f"| {minutes} min |" in rows[0]
    assert f"[Colab][c{notebook[:2]}] [Binder][b{notebook[:2]}]" in rows[0]


def test_the_table_names_every_lesson_in_order_and_nothing_else():
    assert links.notebooks_in(PAGE) == NOTEBOOKS


def links_in(text):
    """Where the links and pictures of a Markdown text lead to, within the repository."""
    targets = re.findall(r"\]\(([^)\s]+)\)|^\[\w+\]: (\S+)$", text, re.M)
    return [target for target in map("".join, targets) if not target.startswith("http")]


def anchors_in(text):
    """What the headings of a Markdown text are called in links."""
    headings = re.findall(r"^#+ (.+)$", text, re.M)
    return {"#" + re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def text_of(notebook):
    book = nbformat.read(LESSONS / notebook, as_version=4)
    return "\n".join(cell.source for cell in book.cells if cell.cell_type == "markdown")


@pytest.mark.parametrize("name", [*PAGES, *NOTEBOOKS])
def test_no_link_of_a_page_or_a_lesson_is_dead(name):
    text = PAGES.get(name) or text_of(name)
    links = links_in(text)
    assert links or name in NOTEBOOKS
    here = {link for link in links if link.startswith("#")}
    assert here <= anchors_in(text)
    assert [link for link in links if link not in here and not (LESSONS / link.partition("#")[0]).exists()] == []


def test_the_glossary_and_the_page_for_teachers_are_found_from_the_table_of_contents():
    assert {"GLOSSARY.md", "TEACHING.md"} <= set(links_in(PAGE))


def test_every_word_and_symbol_of_the_glossary_says_what_it_means_and_where_it_is_built():
    rows = [line.split(" | ") for line in PAGES["GLOSSARY.md"].splitlines() if line.startswith("| ")]
    rows = [row for row in rows if row[0] not in ("| word", "| symbol")]
    assert len(rows) > 70 and len({row[0] for row in rows}) > 70
    assert [row[0] for row in rows if not (len(row[1]) > 15 and links_in(row[-1]))] == []


def test_the_plan_for_a_course_fits_into_its_hours_and_names_exercises_that_exist():
    plan = PAGES["TEACHING.md"].partition("## The plan")[2].partition("\n## ")[0]
    weeks = re.split(r"^\| (?=\d)", plan, flags=re.M)[1:]
    minutes = [sum(map(int, re.findall(r"\| (\d+) \|", week))) for week in weeks]
    assert len(weeks) == 4 and max(minutes) <= 90
    assert sorted(set(links_in(plan))) == NOTEBOOKS
    texts = {name[:2]: text_of(name) for name in NOTEBOOKS}
    for exercise in re.findall(r"\b\d\d\.\d\b", plan):
        assert f"{exercise} ·" in texts[exercise[:2]] or f'"{exercise}"' in code_of(exercise[:2])


def code_of(number):
    """All of a notebook, as its file has it."""
    (path,) = LESSONS.glob(f"{number}_*.ipynb")
    return path.read_text(encoding="utf-8").replace('\\"', '"')


def test_the_links_of_the_page_and_the_guards_of_the_lessons_are_those_that_the_script_writes():
    repository = links.address_in(PAGE)
    assert links.page_with(PAGE, repository) == PAGE
    for name in NOTEBOOKS:
        notebook = (LESSONS / name).read_text(encoding="utf-8")
        assert links.with_guard(notebook, repository) == notebook


@pytest.mark.parametrize(
    "given", ["ada/mix2fld_np", "https://github.com/ada/mix2fld_np", "https://github.com/ada/mix2fld_np.git"]
)
def test_one_command_points_every_link_at_the_repository(copy, given):
    assert script(copy).main([given]) == 0
    page = (copy / "README.md").read_text(encoding="utf-8")
    assert "[c00]: https://colab.research.google.com/github/ada/mix2fld_np/blob/main/lessons/00_first.ipynb\n" in page
    assert "[b01]: https://mybinder.org/v2/gh/ada/mix2fld_np/main?urlpath=lab/tree/lessons/01_second.ipynb\n" in page
    assert page.startswith(TABLE)
    assert "old words" not in page
    assert (copy.parent / ".binder" / "postBuild").read_text(encoding="utf-8").startswith("#!/bin/bash\n")


def test_moving_house_leaves_nothing_of_the_old_address(copy):
    assert script(copy).main(["ada/one"]) == 0
    assert script(copy).main(["eve/two"]) == 0
    written = [*copy.glob("*.ipynb"), copy / "README.md", copy.parent / "README.md", copy.parent / "CITATION.cff"]
    pages = [path.read_text(encoding="utf-8") for path in written]
    assert not any("ada/one" in page or "ada.github.io" in page for page in pages)
    assert all("eve/two" in page for page in pages) and links.address_in(pages[2]) == "eve/two"


def test_badges_and_address_are_added_and_nothing_else(copy):
    names = ("README.md", "CITATION.cff", f"lessons/{NOTEBOOKS[0]}", f"lessons/{NOTEBOOKS[1]}")
    before = [(LESSONS.parent / name).read_text(encoding="utf-8").splitlines() for name in names]
    for _ in range(2):
        assert script(copy).main(["ada/one"]) == 0
        after = [(copy.parent / name).read_text(encoding="utf-8").splitlines() for name in names]
        pairs = list(zip(before, after, strict=True))
        (badges,), (address,), *cells = ([line for line in new if line not in old] for old, new in pairs)
        assert re.findall(r"\[(.*?)\]", badges) == ["playground", "live lessons", "Colab", "Binder"]
        assert address == 'repository-code: "https://github.com/ada/one"'
        told = r'    "ADDRESS = \"https://github.com/ada/one\"  # of the public repository; links.py writes it\n",'
        assert cells == [[told], [told]]
        assert [len(new) - len(old) for old, new in pairs] == [1, 1, 0, 0]


def test_without_an_address_nothing_of_the_project_leads_to_one():
    assert links.address_in(PAGE) or "github.com" not in (LESSONS.parent / "CITATION.cff").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    "arguments", [[], ["mix2fld_np"], ["ada/mix2fld_np", "main"], ["https://example.org/ada/mix2fld_np"], [""]]
)
def test_what_is_no_repository_changes_nothing(copy, arguments, capsys):
    before = (copy / "README.md").read_text(encoding="utf-8")
    assert script(copy).main(arguments) == 2
    assert "give OWNER/NAME" in capsys.readouterr().out
    assert (copy / "README.md").read_text(encoding="utf-8") == before
