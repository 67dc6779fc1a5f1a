"""A claim: one sentence that an experiment supports, its effect, its control and its verdict."""

from bigmodel_utils import arguments
from bigmodel_utils.cards import Claim, Trial
from bigmodel_utils.claims import _record
from bigmodel_utils.claims._experiment import Scores, check_name
from bigmodel_utils.claims._verdict import combined, judge
from bigmodel_utils.words import say

__all__ = ["claim"]

VERDICTS = ("held", "refuted", "undecided")
_JUDGED = ("seeds", "budget", "disguise")  # the trials of a record that decide, beside the page
_RATES = ("page", "rate / 3", "rate x 3")


def claim(
    name,
    sentence,
    scores,
    treatment,
    *,
    control,
    more_than=None,
    within=None,
    unit="",
    verdict="held",
    can_succeed=None,
    because="",
):
    """Show a claim with its evidence; stop the page if the verdict is not the stated one.

    The effect is the mean over seeds of treatment less control, seed by seed. The claim holds if
    it does on the page and in every trial of its record: ten other seeds, four times the training,
    another processor's kernels. Every arm is there at its own best learning rate.

    Args:
        name: lower-case words joined by hyphens, its own in the whole book.
        sentence: what is claimed.
        scores: the Scores of an experiment.
        treatment: an arm of it, or a pair (arm, quantity).
        control: another one, able to refute the claim; or a number, with the reason ``because``.
        more_than: margin that treatment less control has to exceed.
        within: or margin that its size has to stay below.
        unit: of the scores, such as "points".
        verdict: what the page states: "held", "refuted" or "undecided".
        can_succeed: an arm, or pair (arm, quantity), that shows that the control's score can rise,
            needed where the control's never moved.
        because: why the number given as ``control`` is the one to beat.

    Returns:
        Claim: Jupyter shows it if it is a cell's last expression; else display it.

    Raises:
        AssertionError: another verdict, with the evidence.
        TypeError, ValueError: naming the argument, what came and what was expected.
    """
    check_name("name", name)
    arguments.one_of("verdict", verdict, VERDICTS)
    if not isinstance(sentence, str) or not sentence.strip():
        raise ValueError(f"sentence: expected a text, got {arguments.describe(sentence)}")
    if not isinstance(scores, Scores):
        raise TypeError(f"scores: expected what experiment() returned, got {type(scores).__name__}")
    number = isinstance(control, (int, float)) and not isinstance(control, bool)
    if number != bool(because):
        raise ValueError("because: expected the reason if and only if control is a number")
    margins = {"more_than": more_than, "within": within}
    made = _made(scores, treatment, control, margins, can_succeed)
    found = Claim(
        name=name,
        experiment=scores.experiment.name,
        sentence=sentence.strip(),
        treatment=_label(treatment),
        control=f"{control:g} ({because})" if number else _label(control),
        unit=unit,
        few=scores.experiment.few,
        one_rate=scores.experiment.one_rate,
        **margins,
        **made,
    )
    if found.verdict != verdict:
        told = "; ".join(f"{t.name} {t.verdict} ({found.effect_text(t)})" for t in found.trials)
        raise AssertionError(
            f"{name}: expected {verdict}, found {found.verdict} {found.doubt}: {told}; "
            f"claimed {found.margin_text()}"
        )
    return found


def _made(scores, treatment, control, margins, can_succeed):
    """Return verdict, trials, rates, test_seen and doubt of a claim."""
    asked = scores.experiment
    record = _record.read(asked.name)
    own = {"seeds": list(asked.seeds), "values": scores.values}
    trials = [_tried("page", own, asked, treatment, control, margins)]
    rates, doubt = [], _dead(asked, scores, record, treatment, control, margins, can_succeed)
    if record is not None:
        tried = {
            key: _tried(key, trial, asked, treatment, control, margins)
            for key, trial in record["trials"].items()
        }
        trials += [tried[key] for key in _JUDGED if tried.get(key)]
        rates = [tried[key] for key in _RATES if key in tried]
        rates = ["undecided" if one is None else one.verdict for one in rates]
        if any(key in tried and tried[key] is None for key in _JUDGED):
            doubt = say("an arm diverged under stress at its best learning rate")
        if record["leak"] and record["leak"]["found"]:
            doubt = say("the test part can be told from what was trained on")
    verdict = combined(t.verdict for t in trials)
    return {
        "verdict": "undecided" if doubt and verdict == "held" else verdict,
        "trials": trials,
        "rates": rates,
        "test_seen": record and record["test_seen"],
        "doubt": doubt,
    }


def _tried(name, trial, asked, treatment, control, margins):
    """Judge one trial; None where an arm of it diverged."""
    if any(trial["values"].get(_arm(one)) is None for one in (treatment, control) if _arm(one)):
        return None
    seen = Scores(asked, trial["values"])
    one = seen[treatment]
    other = seen[control] if _arm(control) else control
    differences = (one - other).tolist()
    return Trial(name, len(differences), *judge(differences, **margins))


def _dead(asked, scores, record, treatment, control, margins, can_succeed):
    """Say why the control could not have refuted the claim, or nothing."""
    if margins["more_than"] is None or not _arm(control):
        return ""
    trials = list(record["trials"].values()) if record else []
    every = [scores.values, *(trial["values"] for trial in trials)]
    numbers = [
        number
        for values in every
        if values.get(_arm(control)) is not None
        for number in Scores(asked, values)[control].tolist()
    ]
    if max(numbers) > min(numbers):
        return ""
    if can_succeed is not None and scores[can_succeed].mean() > max(numbers) + abs(
        margins["more_than"]
    ):
        return ""
    return say("the control gave the same number in every trial, so it could not refute anything")


def _arm(key):
    if isinstance(key, (int, float)):
        return None
    return key[0] if isinstance(key, tuple) else key


def _label(key):
    return ", ".join(key) if isinstance(key, tuple) else str(key)
