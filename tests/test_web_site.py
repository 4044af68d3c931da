"""`mix2fld site`: lessons as pages that ask no other host, with words for pictures; and what it says without them."""

import re
from html.parser import HTMLParser

import pytest

from mix2fld_np.cli import main
from mix2fld_np.web import lessons
from mix2fld_np.web.playground import playground

can_be_made = pytest.mark.skipif(lessons.missing() is not None, reason=str(lessons.missing()))


class Parts(HTMLParser):
    """What a page loads, links to and shows."""

    def __init__(self, text):
        super().__init__()
        self.tags = []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))


@pytest.fixture(scope="module")
def pages():
    return lessons.pages()


def texts(pages):
    """The pages in HTML, by name."""
    return {name: content.decode() for name, content in pages.items() if name.endswith(".html")}


@can_be_made
def test_every_lesson_has_a_page_and_the_way_leads_through_all_of_them_and_back(pages):
    names = [name for name in sorted(texts(pages)) if re.match(r"lessons/\d\d_", name)]
    assert len(names) == len(list(lessons.LESSONS.glob("*.ipynb")))
    for way, through in (("next", names), ("prev", names[::-1])):
        for name, other in zip(through, through[1:], strict=False):
            found = {a.get("href") for tag, a in Parts(texts(pages)[name]).tags if tag == "a" and a.get("rel") == way}
            assert found == {other.removeprefix("lessons/")}


@can_be_made
def test_no_lesson_loads_anything_from_elsewhere_and_every_picture_has_words(pages):
    for name, text in texts(pages).items():
        for tag, a in Parts(text).tags:
            source = a.get("src") or (a.get("href") if tag == "link" else None)
            assert not source or source.startswith("data:") or f"lessons/{source}" in pages, (name, source)
            assert tag != "img" or a.get("alt"), name
            local = tag == "a" and not re.match(r"https?:|#|\.\./|data:", a.get("href", "#"))
            assert not local or f"lessons/{a['href'].split('#')[0]}" in pages, (name, a)


@can_be_made
def test_a_link_to_a_heading_leads_to_it(pages):
    parts = {name: Parts(text).tags for name, text in texts(pages).items()}
    ids = {name: {a.get("id") for _, a in tags} for name, tags in parts.items()}
    leading = [(name, a["href"]) for name, tags in parts.items() for tag, a in tags if "#" in a.get("href", "")]
    inside = [(name, *href.split("#")) for name, href in leading if not href.startswith("http")]
    assert inside and all(where in ids[f"lessons/{page}" if page else name] for name, page, where in inside)


@can_be_made
def test_formulas_become_mathml_but_not_in_code(pages):
    for name, text in texts(pages).items():
        prose = re.sub(r"<pre.*?</pre>|<code.*?</code>|<[^>]*>", "", text, flags=re.DOTALL)
        assert "$" not in prose and "\\frac" not in prose and "STANDSHERE" not in text, name
    assert lessons.markdown("a $x_1$ and `$y`").count("<math") == 1


def test_without_its_packages_the_playground_stands_alone_and_the_remedy_is_named(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(lessons, "find_spec", lambda name: None)
    (tmp_path / "mine.txt").write_text("mine")
    assert main(["site", "--out", str(tmp_path)]) == 0
    assert (tmp_path / "index.html").read_text(encoding="utf-8") == playground()
    assert (tmp_path / "mine.txt").read_text() == "mine" and "pip install -e '.[site]'" in capsys.readouterr().out


@can_be_made
@pytest.mark.slow
def test_the_whole_site_is_written(tmp_path):
    assert main(["site", "--out", str(tmp_path)]) == 0
    assert {"index.html", "lessons/index.html", "api/mix2fld_np.html"} <= {
        str(file.relative_to(tmp_path)) for file in tmp_path.rglob("*.html")
    }
    assert 'href="lessons/index.html"' in (tmp_path / "index.html").read_text(encoding="utf-8")


@pytest.mark.parametrize("there", ["index.html", "api/mine.html", "lessons/mine.html", None])
def test_a_site_replaces_an_earlier_one_and_nothing_else(there, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(lessons, "missing", lambda: "nothing is there.")
    out = tmp_path / "site"
    foreign = out / there if there else out  # a file in the place of the folder
    foreign.parent.mkdir(parents=True, exist_ok=True)
    foreign.write_text("mine")
    assert main(["site", f"--out={out}"]) == 2
    assert "mix2fld site did not write" in capsys.readouterr().err
    assert [path.read_text() for path in tmp_path.rglob("*") if path.is_file()] == ["mine"]
    foreign.unlink()
    for folder in sorted(out.rglob("*"), reverse=True):
        folder.rmdir()
    for _ in range(2):
        assert main(["site", f"--out={out}"]) == 0
    assert (out / "index.html").read_text(encoding="utf-8") == playground()
