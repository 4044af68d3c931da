"""The playground as a reader meets it: current, self-contained, playing, readable on a phone, kept by a link."""

import base64
import re
from pathlib import Path

import pytest
from browser import Browser, found

import mix2fld_np
from mix2fld_np.errors import InputError
from mix2fld_np.web.playground import playground
from mix2fld_np.web.wasm import WASM, about, build, digest, linker

BUILT = Path(mix2fld_np.__file__).parent.parent / "lessons" / "playground.html"
PARTS = ("round", "channel", "mixup", "digit")
SKIPPED = pytest.mark.skipif(found() is None, reason="no Chromium was found; MIX2FLD_BROWSER may name one")


def in_a_browser(test):
    """Marks a test that plays in a browser, which takes a while."""
    return pytest.mark.slow(SKIPPED(test))


# ----------------------------------------------------------------------------------------------------------- the file
def test_the_kernels_of_the_page_are_those_of_the_source():
    assert about(WASM.read_bytes())["kernels"] == digest(), "run python -m mix2fld_np.web.wasm"


@pytest.mark.slow
def test_the_kernels_can_be_built_anew(tmp_path):
    try:
        linker()
    except InputError as problem:
        pytest.skip(str(problem))
    build(tmp_path / "kernels.wasm")
    made = (tmp_path / "kernels.wasm").read_bytes()
    assert made.startswith(b"\0asm") and about(made) == about(WASM.read_bytes())


def test_the_committed_page_is_what_its_sources_make_and_small():
    assert BUILT.read_text(encoding="utf-8") == playground(), "run python -m mix2fld_np.web.playground"
    assert BUILT.stat().st_size < 1_500_000


def test_the_page_names_no_address_but_its_own_and_carries_the_kernels():
    text = BUILT.read_text(encoding="utf-8")
    assert set(re.findall(r"https?://[^\s\"'<>`)]+", text)) <= {"http://www.w3.org/2000/svg"}
    assert base64.b64encode(WASM.read_bytes()).decode() in text


# --------------------------------------------------------------------------------------------------------- in a browser
@pytest.fixture(scope="module")
def browser():
    one = Browser()
    yield one
    one.close()


def opened(browser, link="", **look):
    """The page, opened with some settings."""
    browser.look(**look)
    browser.open(BUILT.as_uri() + link)
    browser.wait_for("typeof settings !== 'undefined' && network !== null")
    return browser


@in_a_browser
@pytest.mark.parametrize("protocol", ["FL", "FD", "FLD", "MixFLD", "Mix2FLD"])
def test_every_protocol_plays_by_itself_and_learns(browser, protocol):
    page = opened(browser, f"#protocol={protocol}&race=none&K=160&T_max=120&P=40")
    page.wait_for("runs().length && runs()[0].view.p >= 2")
    start, *_, last = page.evaluate("runs()[0].view.curve.map(([, share]) => share)")
    assert last > start + 0.1
    assert page.evaluate("byId('now').textContent.length") > 40
    assert page.problems == [] and all(re.match("file|data|blob", address) for address in page.requests)


@in_a_browser
def test_with_the_printed_slots_no_upload_of_fl_arrives_and_the_page_says_so(browser):
    page = opened(browser, "#protocol=FL&race=none&K=40&T_max=100")
    page.wait_for("byId('now').textContent.includes('no upload can ever arrive')")
    page.wait_for("runs()[0].view.p >= 1")
    assert page.evaluate("runs()[0].view.delivered") == 0


@in_a_browser
def test_two_protocols_that_race_meet_the_same_split_and_start(browser):
    page = opened(browser, "#protocol=Mix2FLD&race=FLD&K=40", still=True)
    page.evaluate("byId('step').click()")
    page.wait_for("runs().length === 2 && runs().every(({ view }) => view.p === 1)")
    one, other = page.evaluate(
        "runs().map(({ view }) => [view.reference, view.devices.map(({ counts }) => counts), view.curve.slice(0, 5)])"
    )
    assert one == other
    one, other = page.evaluate("runs().map(({ view }) => view.curve.slice(0, 5))")
    assert one == other


@in_a_browser
def test_pause_step_and_another_seed_do_what_they_say(browser):
    page = opened(browser, "#race=none&K=40", still=True)
    page.wait_for("runs().length && runs()[0].view.phase === 'ready'")
    assert page.evaluate("[playing, runs()[0].view.p]") == [False, 0]
    for p in (1, 2):
        page.evaluate("byId('step').click()")
        page.wait_for(f"runs()[0].idle && runs()[0].view.p === {p}")
    counts = page.evaluate("runs()[0].view.devices[0].counts")
    page.evaluate("byId('seed').click()")
    page.wait_for("runs()[0].view.phase === 'ready' && runs()[0].view.p === 0")
    assert page.evaluate("runs()[0].view.devices[0].counts") != counts and "seed=" in page.evaluate("location.hash")


@in_a_browser
def test_a_link_keeps_every_setting_and_ignores_what_it_cannot_know(browser):
    page = opened(browser, "", still=True)
    changed = {
        "protocol": "FD", "rival": "FLD", "seed": 7, "split": "iid", "max_slots": 120, "uplink_power_dbm": 30,
        "mixing_ratio": 0.25, "n_seed_samples": 20, "n_inverse_samples": 60, "beta": 0.3, "n_local_iterations": 320,
        "phones": "nfonnnnnnn", "tab": "channel", "payload": "seeds", "reach": 800, "threshold": 2, "ratio": 0.2,
        "signed": 0, "pair": 4,
    }  # fmt: skip
    for key, value in changed.items():
        page.evaluate(f"change({{ {key}: {value!r} }})")
    link = page.evaluate("location.hash")
    again = opened(browser, link, still=True)
    assert again.evaluate("settings") | changed == again.evaluate("settings")
    odd = opened(
        browser, "#K=-3&lambda=0.5&protocol=%3Cb%3E&seed=1e99&T_max=abc&phones=oooooooooo&nobody=1", still=True
    )
    assert odd.evaluate("JSON.stringify(settings) === JSON.stringify(DEFAULTS)") and odd.problems == []


@in_a_browser
@pytest.mark.parametrize(
    ("width", "height", "dark"),
    [
        (1280, 800, False),
        (390, 844, True),
        pytest.param(1280, 800, True, marks=pytest.mark.slow),
        pytest.param(390, 844, False, marks=pytest.mark.slow),
    ],
)
@pytest.mark.parametrize("part", PARTS)
def test_no_part_is_wider_than_the_screen_and_no_text_leaves_its_box(browser, part, width, height, dark):
    page = opened(
        browser, f"#tab={part}&race=FL&K=40", width=width, height=height, dark=dark, still=True, mobile=width < 500
    )
    if part == "round":
        page.evaluate("byId('step').click()")
        page.wait_for("runs()[0].view.p === 1")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.ask("cutOff") == []
    assert page.ask("overlaps") == []
    assert page.problems == []


@in_a_browser
def test_every_control_has_a_name_and_is_reached_by_the_keyboard(browser):
    page = opened(browser, "", still=True)
    page.wait_for("runs().length && runs()[0].view.phase === 'ready'")
    assert page.ask("unnamed") == []


@in_a_browser
def test_a_phone_that_is_moved_away_or_switched_off_changes_the_run(browser):
    page = opened(browser, "#race=none&K=40", still=True)
    page.wait_for("runs().length && runs()[0].view.phase === 'ready'")
    page.evaluate("phones[2].card.click(); phones[2].card.click(); byId('step').click()")
    page.wait_for("runs()[0].view.devices[2]?.there === false && runs()[0].view.p === 1")
    assert page.evaluate("[settings.phones, runs()[0].view.sent]") == ["nnonnnnnnn", 9]


@in_a_browser
def test_models_trained_in_the_page_answer_for_a_digit(browser):
    page = opened(browser, "#tab=digit&K=40", still=True)
    page.evaluate("byId('train-missing').click()")
    page.wait_for("byId('train-missing').hidden", seconds=120)
    page.evaluate("digitPad.show(imageOf(3))")
    answers = page.evaluate("[...document.querySelectorAll('.answer .columns')].map((one) => one.ariaLabel)")
    assert len(answers) == 3 and all(re.match(r"\w+ answers \d with \d+ %", one) for one in answers)
