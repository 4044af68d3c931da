"""The form of a lesson that makes its reader think first: what stands where, and that nothing gives an answer away.

What a cell is for stands in its metadata under "mix2fld":

    {"role": "guard"}                       written by lessons/links.py, the same in all lessons
    {"role": "check", "break": CODE}        after CODE, which spoils one of two ways, the cell has to fail
    {"role": "exercise", "name": "05.2"}    where a reader writes: an empty function, or `answer_3 = None`
    {"role": "solution", "name": "05.2"}    Markdown in <details>, whose Python block takes the exercise's place
"""

import ast
import base64
import importlib
import io
import re

import matplotlib.image
import nbformat
import pytest
from lesson_books import LESSONS, NOTEBOOKS, code_cells, each, outputs, read

from mix2fld_np.datasets.registry import load
from mix2fld_np.federation.protocols import TABLE, seed_bits
from mix2fld_np.federation.settings import PRINTED
from mix2fld_np.federation.task import Task, first_state
from mix2fld_np.nn.network import Network
from mix2fld_np.pictures.curves import LOOKS

diagrams, edit, figures, letter_drawn, written = map(
    importlib.import_module, ("diagrams", "edit", "figures", "letter_drawn", "written")
)
lesson = each(NOTEBOOKS)
INK = "#222222"


def markdown(book):
    return [cell.source for cell in book.cells if cell.cell_type == "markdown"]


def exercises(path):
    """What the answers file of a lesson says of its exercises."""
    return importlib.import_module(f"answers.lesson_{path.name[:2]}").EXERCISES


def n_words(text):
    """Words of a cell of text; formulas, code and link targets are none."""
    for pattern in (r"```.*?```", r"\$\$.*?\$\$", r"\$[^$]*\$", r"\]\([^)]*\)", r"<[^>]*>"):
        text = re.sub(pattern, " x ", text, flags=re.S)
    return len(re.findall(r"[^\W\d_][\w'-]*", text))


def checks_in(book):
    """The cells that are a check of an exercise, by its name."""
    found = ((re.search(r'\bcheck\("(\d\d\.\d+)"', cell.source), cell) for cell in code_cells(book))
    return {match.group(1): cell for match, cell in found if match}


# ------------------------------------------------------------------------------------------------------------ the order
@lesson
def test_a_lesson_opens_with_a_picture_a_question_and_the_map(path):
    first, number = read(path).cells[0], path.name[:2]
    assert first.source.startswith(f"# {number} · ")
    pictures = re.findall(r"!\[([^\]]+)\]\(([^)]+)\)", first.source)
    assert [file for _, file in pictures] == [f"pictures/head_{number}.svg", f"pictures/map_{number}.svg"]
    assert all((LESSONS / file).exists() and len(words) >= 30 for words, file in pictures)
    assert re.search(r"\*\*[^*]*\?\*\*", first.source)


@lesson
def test_a_lesson_names_its_goal_and_the_minutes_of_each_part(path):
    second = read(path).cells[1].source
    total, parts = re.search(r"\*\*Time: (\d+) minutes\.\*\*(.*)", second, re.S).groups()
    assert second.startswith("**Goal.**") and "**You need**" in second
    assert sum(map(int, re.findall(r"\b(\d+)(?= ·|\.$|\.\n)", parts))) == int(total)


@lesson
def test_the_set_up_is_one_short_cell_below_the_guard(path):
    book = read(path)
    assert len([line for line in code_cells(book)[1].source.splitlines() if line.strip()]) <= 8
    assert book.cells[2:4] == code_cells(book)[:2] and edit.cells_of(book, "guard") == book.cells[2:3]


@lesson
def test_a_lesson_has_three_to_five_sections_each_with_something_to_do_or_to_see(path):
    text = edit.as_text(read(path)).partition("## Common mistakes")[0]
    sections = re.split(r"^## \d · ", text, flags=re.M)[1:]
    assert 3 <= len(sections) <= 5
    assert not [part[:40] for part in sections if not re.search(r"\b(predict|check|show|moving)\(", part)]


@lesson
def test_a_lesson_ends_with_mistakes_exercises_recall_practice_and_the_way_on(path):
    text = "\n".join(markdown(read(path)))
    titles = ["## Common mistakes", "## Exercises", "## You can now", "## In practice", "## Further reading"]
    places = [text.index(title) for title in titles]
    assert places == sorted(places)
    common, recall = (text[places[k] : places[k + 1]] for k in (0, 2))
    assert re.findall(r"^\d\. ", common, re.M) == ["1. ", "2. ", "3. "]
    asked, answers = recall.split("<details><summary>Answers</summary>")
    assert re.findall(r"^\d\. ", asked, re.M) == re.findall(r"^\d\. ", answers, re.M) == ["1. ", "2. ", "3. "]
    names = [other.name for other in NOTEBOOKS]
    here = names.index(path.name)
    for word, other in (("Previous", here - 1), ("Next", here + 1)):
        assert not 0 <= other < len(names) or re.search(rf"\[{word}: [^\]]+\]\({names[other]}\)", text)


@lesson
def test_two_to_five_results_are_guessed_first(path):
    guesses = re.findall(r"^\w+ = predict\((.*)\)$", edit.as_text(read(path)), re.M)
    assert 2 <= len(guesses) <= 5
    assert all(guess.endswith(", None") for guess in guesses)


# ------------------------------------------------------------------------------------------------------------ the sizes
@lesson
def test_cells_are_short_and_the_lesson_is_not_long(path):
    book = read(path)
    assert all(cell.source.strip() for cell in book.cells)
    lines = [(cell.id, cell.source.splitlines()) for cell in code_cells(book)]
    assert not [name for name, own in lines if len(own) > 25 or max(map(len, own)) > 100]
    assert not [(text[:40], n_words(text)) for text in markdown(book) if n_words(text) > 150]
    assert 900 <= sum(map(n_words, markdown(book))) <= 2_500
    assert path.stat().st_size < 600_000


@lesson
def test_every_picture_says_what_it_shows_to_those_who_cannot_see_it(path):
    made = [output for output in outputs(read(path)) if output.output_type == "display_data"]
    pictures = [output for output in made if "image/png" in output.data]
    assert len(pictures) >= 3
    assert all(len(output.metadata["image/png"]["alt"]) >= 40 for output in pictures)
    assert all(len(output.data["text/plain"]) >= 40 for output in made)


@lesson
def test_no_picture_is_cut_off_at_its_edge(path):
    bundles = [output.data for output in outputs(read(path)) if "data" in output]
    drawn = [data["image/png"] for data in bundles if "image/png" in data]
    drawn += re.findall(r"data:image/png;base64,([^\"]+)", "".join(data.get("text/html", "") for data in bundles))
    pixels = [matplotlib.image.imread(io.BytesIO(base64.b64decode(one)))[..., :3] for one in drawn]
    assert pixels and not [k for k, one in enumerate(pixels) if min(one[[0, -1]].min(), one[:, [0, -1]].min()) < 0.9]


@lesson
def test_a_moving_picture_needs_nothing_but_the_page_and_stands_beside_a_film_strip(path):
    pages = [output.data["text/html"] for output in outputs(read(path)) if "text/html" in output.get("data", {})]
    assert pages or path.name[:2] not in {"00", "03", "05", "07", "08"}
    for page in pages:
        assert not re.search(r"<script|(?:src|href)=\"(?!data:)", page)
        assert page.count("<figure") == page.count("<img alt=") == 1 + int(re.search(r'max="(\d+)"', page).group(1))
        assert page.count("display:none") == page.count("<figure") - 1
    assert not pages or "film strip" in "\n".join(markdown(read(path)))


# -------------------------------------------------------------------------------------------------------- the exercises
@lesson
def test_exercises_checks_and_solutions_belong_together(path):
    book, names = read(path), list(exercises(path))
    assert list(checks_in(book)) == names
    assert [cell.metadata.mix2fld.name for cell in edit.cells_of(book, "exercise")] == names
    assert [cell.metadata.mix2fld.name for cell in edit.cells_of(book, "solution")] == names
    assert all("<details><summary>Solution</summary>" in cell.source for cell in edit.cells_of(book, "solution"))


@lesson
def test_a_lesson_has_something_to_write_to_compute_and_to_find_out(path):
    text, wanted = "\n".join(markdown(read(path))), exercises(path)
    assert [name for name, one in wanted.items() if isinstance(one, written.Written)]
    assert re.search(r"^\*\*\d\d\.\d+ · compute\.\*\*", text, re.M)
    assert re.search(rf"^\*\*{list(wanted)[-1]} · find out\.\*\*", text, re.M)


@lesson
def test_an_exercise_is_committed_open(path):
    for cell in edit.cells_of(read(path), "exercise"):
        (*_, last) = ast.parse(cell.source).body
        if isinstance(last, ast.FunctionDef):
            assert ast.get_docstring(last) and ast.unparse(last.body[-1]) == "raise NotImplementedError"
        else:
            assert isinstance(last.value, ast.Constant) and last.value.value is None


@lesson
def test_a_check_is_one_line_with_nothing_but_the_name_of_what_it_checks(path):
    for cell in checks_in(read(path)).values():
        (line,) = ast.parse(cell.source).body
        call = line.value
        assert isinstance(line, (ast.Expr, ast.Assign)) and len(cell.source.splitlines()) == 1
        assert call.func.id == "check" and [type(part) for part in call.args] == [ast.Constant, ast.Name]
        assert call.keywords == []


# ----------------------------------------------------------------------------------------------------------- the switch
def test_solving_a_lesson_changes_its_exercises_and_nothing_else():
    for path in NOTEBOOKS:
        book = read(path)
        solved = edit.solved(book)
        changed = [old.id for old, new in zip(book.cells, solved.cells, strict=True) if old.source != new.source]
        assert changed == [cell.id for cell in edit.cells_of(book, "exercise")]
        assert book == read(path)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_lesson_becomes_text_and_a_lesson_again(path):
    book = read(path)
    again = edit.from_text(edit.as_text(book), path.name[:2])
    assert [(a.cell_type, a.source) for a in again.cells] == [(b.cell_type, b.source.strip("\n")) for b in book.cells]
    assert [cell.metadata.get("mix2fld") for cell in again.cells] == [
        cell.metadata.get("mix2fld") for cell in book.cells
    ]
    nbformat.validate(again)


# --------------------------------------------------------------------------------------------------------- the pictures
def test_the_pictures_at_the_head_are_those_that_the_program_draws():
    drawn = diagrams.drawings()
    committed = {file.name: file.read_text(encoding="utf-8") for file in diagrams.PICTURES.glob("*.svg")}
    assert sorted(drawn) == sorted(committed)
    assert [name for name in drawn if drawn[name] != committed[name]] == []


def test_the_map_has_every_lesson_and_marks_the_one_that_is_open():
    assert [number for number, *_ in diagrams.COURSE] == [path.name[:2] for path in NOTEBOOKS]
    for number, *_ in diagrams.COURSE:
        marked = re.search(rf'fill="{diagrams.HERE}"[^>]*/>\n<text[^>]*>(\d\d)<', diagrams.course_map(number))
        assert marked.group(1) == number


def test_a_pipe_is_as_wide_as_its_bits_and_never_too_thin_to_be_seen():
    def width(bits):
        return 2 * (100 - float(re.search(r"M([\d.]+)", letter_drawn.arrow(100, 300, 160, bits, INK)).group(1)))

    assert width(400_000) == pytest.approx(2 * width(200_000)) and width(1) == width(3_200) > 1


def test_the_picture_of_the_protocols_has_every_payload_of_the_table():
    drawing = letter_drawn.protocols()
    for row in TABLE:
        sizes = [payload.bits(PRINTED, Network()) for payload in (row.uplink, row.downlink)]
        assert f">{row.name}<" in drawing and LOOKS[row.name].colour in drawing
        assert all(f">{size:,}<" in drawing for size in [*sizes, seed_bits(row, PRINTED, Network())] if size)


def test_the_picture_of_algorithm_1_has_its_lines_in_order_and_the_shapes_of_a_state():
    state = first_state(Task(PRINTED, load("digits", n_train=6_000, n_test=10)))
    assert [number for number, *_ in letter_drawn.steps()] == ["4", "5", "6", "8", "9", "10", "11", "13"]
    for name in ("weights", "outputs", "server"):
        assert f"{name} {getattr(state, name).shape}" in letter_drawn.algorithm_1()


def test_negative_ink_is_orange_and_paper_is_white_whatever_the_scale():
    colours = figures.signed_map()
    assert colours(0.5)[:3] == pytest.approx((1, 1, 1), abs=0.01)
    assert colours(1.0)[:3] == (0, 0, 0)
    red, _, blue, _ = colours(0.0)
    assert red > 0.8 and blue < 0.1


def test_a_figure_outside_jupyter_is_its_text(capsys):
    figure, _ = figures.canvas()
    figures.show(figure, "an empty picture")
    figures.moving([figure, figure], ["one", "two"], "which", "two empty pictures")
    assert capsys.readouterr().out == "an empty picture\ntwo empty pictures\n"


def test_a_download_replaces_the_model_at_once():
    curve = [[0.1 * k, 0.5 + 0.01 * k] for k in range(5)] + [[0.6, 0.9], [0.7, 0.8]]
    seconds, accuracy = figures.saw(curve)
    assert seconds.tolist() == [0, 0.1, 0.2, pytest.approx(0.3), 0.4, 0.6, 0.6, 0.7]
    assert accuracy.tolist() == pytest.approx([50, 51, 52, 53, 54, 54, 90, 80])


def test_the_picture_of_the_network_counts_all_weights():
    picture = letter_drawn.network()
    counts = [int(n.replace(",", "")) for n in re.findall(r">([\d,]+) weights<", picture)]
    assert sum(counts) == Network().n_weights and f"{Network().n_weights:,} weights</title>" in picture
