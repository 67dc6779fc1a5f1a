"""Every claim of a page is the page's own, stressed with the code that stands there, and true.

The records of the stress stand beside the pages. Nothing is trained here: a record that does not
fit the page's code is stale, and `make stress` makes it anew.
"""

import json
import re

import pytest
from page import LESSONS, ROOT, by_stem, cells, name, tags

from bigmodel_utils import cards, claims

PAGES = by_stem(LESSONS)
EXPERIMENTS = [
    (stem, experiment) for stem, path in PAGES.items() for experiment in claims.experiments_of(path)
]
RECORDS = sorted(ROOT.glob("book/*/claims/*.json"))
LINK = re.compile(r"\(#claim-([a-z0-9-]+)\)")


def summary(page):
    """Return the text of a page's last section."""
    text = "\n\n".join(cell.source for cell in cells(page, "markdown"))
    return text.rpartition("\n## Summary")[2]


@pytest.mark.parametrize(("page", "experiment"), EXPERIMENTS)
def test_the_record_is_of_this_code(page, experiment):
    path = PAGES[page]
    record = claims.read(experiment, path.parent)
    assert record is not None, f"never stressed: make stress PAGES={path.relative_to(ROOT)}"
    code = claims.code_hash(claims.experiments_of(path)[experiment])
    assert record["code"] == code, f"stale: make stress PAGES={path.relative_to(ROOT)}"
    assert record["page"] == str(path.relative_to(ROOT))
    for key in ("date", "versions", "device", "cpu_seconds", "trials"):
        assert record[key], key
    assert "disguise" in record["trials"] and len(record["trials"]["seeds"]["seeds"]) >= 10
    for knob, trial in (("rate", "rate x 3"), ("rate", "rate / 3"), ("budget", "budget")):
        assert (knob in record["knobs"]) == (trial in record["trials"])
    if "budget" in record["knobs"]:
        assert record["trials"]["budget"]["budget"] >= 4


@pytest.mark.parametrize("record", RECORDS, ids=lambda path: path.stem)
def test_no_record_is_left_over(record):
    content = json.loads(record.read_text(encoding="utf-8"))
    assert content["experiment"] == record.stem
    names = {experiment for _, experiment in EXPERIMENTS}
    assert record.stem in names, "no page has this experiment any more: delete its record"
    assert (ROOT / content["page"]).parent == record.parent.parent


@pytest.mark.parametrize("page", LESSONS, ids=name)
def test_claims_are_shown_folded_and_stressed(page):
    shown = {one.name: one for one in cards.read_page(page)}
    for cell in cells(page, "code"):
        for called in re.findall(r"(?m)^claim\(\s*\"([a-z0-9-]+)\"", cell.source):
            assert {"claim", "hide-input", "nbval-ignore-output"} <= tags(cell), called
            assert called in shown, f"{called} is not the last expression of its cell"
            found = shown.pop(called)
            assert len(found.trials) > 1, f"{called} was executed before it was stressed"
    assert shown == {}, "cards that no cell makes"


@pytest.mark.parametrize("page", LESSONS, ids=name)
def test_every_experiment_supports_a_claim(page):
    source = "\n".join(cell.source for cell in cells(page, "code"))
    for statement in claims.experiments_of(page).values():
        (scores,) = statement[-1].targets
        assert re.search(rf"claim\([^)]*?\b{scores.id}\b", source, re.DOTALL), scores.id


def numbers(trial, label):
    """Return the numbers that a label of a card stands for: an arm, "arm, quantity" or a number."""
    for arm, found in trial["values"].items():
        for quantity, values in (found or {}).items():
            if label in (arm, f"{arm}, {quantity}") and (quantity == "" or label != arm):
                return values
    return [float(label.partition(" (")[0])] * len(trial["seeds"])


@pytest.mark.parametrize("page", LESSONS, ids=name)
def test_the_stored_card_follows_from_the_record(page):
    """Effects and verdicts of the stress on a card are those that its record gives."""
    for one in cards.read_page(page):
        record = claims.read(one.experiment, page.parent)
        for told in one.trials[1:]:
            trial = record["trials"][told.name]
            pairs = zip(numbers(trial, one.treatment), numbers(trial, one.control), strict=True)
            margins = {"more_than": one.more_than, "within": one.within}
            found = claims.judge([a - b for a, b in pairs], **margins)
            assert told.effect == pytest.approx(found.effect, abs=1e-9)
            assert told.uncertainty == pytest.approx(found.uncertainty, abs=1e-9)
            assert told.verdict == found.verdict
        wanted = claims.combined(trial.verdict for trial in one.trials)
        assert one.verdict == ("undecided" if one.doubt and wanted == "held" else wanted)


def test_claims_have_names_of_their_own():
    found = [one.name for page in LESSONS for one in cards.read_page(page)]
    assert len(found) == len(set(found))
    names = [experiment for _, experiment in EXPERIMENTS]
    assert len(names) == len(set(names))


@pytest.mark.parametrize("page", LESSONS, ids=name)
def test_the_summary_names_claims_that_the_page_makes(page):
    made = {one.name for one in cards.read_page(page)}
    text = "\n\n".join(cell.source for cell in cells(page, "markdown"))
    assert set(LINK.findall(text)) <= made
    unsaid = made - set(LINK.findall(summary(page)))
    assert len(unsaid) < len(made) or not made, "the summary states none of the claims"


def test_all_experiments_together_are_stressed_in_four_hours_on_two_cores():
    seconds = [json.loads(path.read_text(encoding="utf-8"))["cpu_seconds"] for path in RECORDS]
    assert sum(seconds) <= 2 * 4 * 3600
