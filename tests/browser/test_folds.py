"""Folds and equations of the built pages.

Badges open their proofs, equations are drawn whole, and a page is not longer than promised.
"""

import os
from pathlib import Path

import equations
import pytest

from bigmodel_utils import ledger

pytestmark = pytest.mark.browser

ROOT = Path(__file__).resolve().parents[2]
BOOK = Path(os.environ.get("BOOK_HTML", ROOT / "_build" / "html"))
LESSONS = sorted(
    path
    for path in (ROOT / "book").glob("[0-9]*/*.ipynb")
    if ".ipynb_checkpoints" not in path.parts
)
SCREEN = (1300, 900)
MOST_SCREENS = 22


@pytest.fixture(scope="module", params=LESSONS, ids=lambda path: path.stem)
def lesson(request, open_shared):
    """A page of a chapter at the size by which its length is judged."""
    name = request.param.relative_to(ROOT).with_suffix(".html")
    width, height = SCREEN
    page = open_shared(BOOK / name, width=width, height=height)
    page.evaluate("window.MathJax?.startup?.promise")
    page.wait_for_function("!document.querySelector('figure.live-figure:not([data-ready])')")
    page.wait_for_timeout(300)
    page.source = request.param
    yield page
    page.context.close()
    open_shared.contexts.clear()


def test_is_at_most_22_screens_long(lesson):
    height = lesson.evaluate("document.documentElement.scrollHeight")
    assert height / SCREEN[1] <= MOST_SCREENS, f"{height / SCREEN[1]:.1f} screens: split the page"


def test_every_equation_is_drawn_whole(lesson):
    wanted = ledger.equations(lesson.source)
    assert wanted
    drawn = lesson.evaluate(equations.SEEN)
    assert set(wanted) <= set(drawn)
    assert equations.lost(wanted, drawn) == {}


def test_an_equation_that_lost_something_would_be_seen():
    tex = r"\begin{aligned} a &= b \\ [Q, K]\, \log x &= 2c \end{aligned}"
    assert equations.lost({"one": tex}, {"one": "a = b [ Q , K ] log x = 2 c"}) == {}
    assert equations.lost({"one": tex}, {"one": "a = b log x = 2 c"}) == {"one": "KQ"}
    assert equations.lost({"one": tex}, {}) == {"one": "2KQabcglox"}


def test_each_proved_equation_has_a_badge_that_says_what_was_proved(lesson):
    badges = lesson.evaluate(
        """() => [...document.querySelectorAll('.proof-badge')].map((badge) => ({
            label: badge.parentElement.id.replace('equation-', ''),
            href: badge.getAttribute('href'), name: badge.getAttribute('aria-label'),
            text: badge.textContent,
            number: badge.parentElement.querySelector('.eqno').firstChild.textContent}))"""
    )
    entries = {entry.label: entry for entry in ledger.read_page(lesson.source)}
    assert sorted(badge["label"] for badge in badges) == sorted(entries)
    for badge in badges:
        entry = entries[badge["label"]]
        noun = "case" if entry.cases == 1 else "cases"
        assert badge["text"] == f"proved: {entry.cases} {noun}, {entry.tolerance}"
        number = badge["number"].strip("()")
        assert badge["name"].startswith(f"Equation {number} is proved: {entry.cases} {noun}")
        assert badge["href"] == f"#proof-{badge['label']}"


def test_every_badge_leads_into_a_closed_fold(lesson):
    folds = lesson.evaluate(
        """() => [...document.querySelectorAll('.proof-badge')].map((badge) => {
            const fold = document.querySelector(badge.getAttribute('href')).closest('details');
            return [fold?.className, fold?.open, fold?.querySelector('summary').textContent,
                    badge.parentElement.querySelector('.eqno').firstChild.textContent];
        })"""
    )
    assert folds
    for kind, is_open, summary, number in folds:
        assert kind == "fold fold-proof" and not is_open
        assert summary.startswith("Proof of ") and number in summary


def test_a_badge_opens_its_proof_by_keyboard_and_by_mouse(lesson):
    badges = lesson.locator(".proof-badge")
    first, last = badges.first, badges.last
    for badge, act in ((first, lambda b: b.press("Enter")), (last, lambda b: b.click())):
        target = badge.get_attribute("href")
        badge.focus()
        act(badge)
        lesson.wait_for_function(
            """(target) => {
                const fold = document.querySelector(target).closest('details');
                return fold.open && document.activeElement === fold.querySelector('summary');
            }""",
            arg=target,
        )
        fold = lesson.locator(f"details:has({target})")
        assert fold.locator(".cell_input").first.is_visible()
        assert "proved " in fold.inner_text()
    # The same badge again, after its fold was closed.
    lesson.evaluate("document.querySelectorAll('details.fold').forEach((d) => { d.open = false; })")
    last.click()
    lesson.wait_for_function(
        "(target) => document.querySelector(target).closest('details').open",
        arg=last.get_attribute("href"),
    )


def test_the_contents_tell_the_short_route(lesson):
    assert lesson.locator(".page-toc .short-route").count() == 1
    told = lesson.evaluate(
        """() => [...document.querySelectorAll('.page-toc a')].map(
            (link) => [link.textContent.trim().startsWith('Deeper:'),
                       link.classList.contains('deeper')])"""
    )
    assert any(deeper for deeper, _ in told)
    assert all(deeper == marked for deeper, marked in told)


def test_setup_and_verdicts_are_lines(lesson):
    assert lesson.locator("details.fold-setup").count() == 1
    lines = lesson.locator("details.fold-verdict > summary").all_inner_texts()
    assert all(line.startswith("Checked: ") and len(line) > 12 for line in lines)
