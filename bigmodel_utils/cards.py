"""What a claim shows: its card on a page, and its line in the ledger of all claims.

Claims are made in :mod:`bigmodel_utils.claims`. Reading them back from a page needs no torch.
"""

import html
import json
import math
import re
from pathlib import Path
from typing import NamedTuple

from bigmodel_utils.words import say

__all__ = ["Claim", "Trial", "read_page", "table"]

_DATA = re.compile(r'data-claim="([^"]*)"')


class Trial(NamedTuple):
    """One way in which a claim was tried: its name, number of seeds, effect and verdict."""

    name: str
    seeds: int
    effect: float
    uncertainty: float
    verdict: str


class Claim(NamedTuple):
    """A claim as the page shows it and the ledger lists it.

    ``experiment`` is the name of the experiment whose scores it judges.
    ``trials`` begins with the page's own run; those of the stress follow, if it ran. ``rates`` are
    the verdicts with one common factor for every arm's rate. ``doubt`` says why a claim that its
    numbers support is undecided all the same, ``one_rate`` why no learning rate was varied.
    """

    name: str
    experiment: str
    sentence: str
    treatment: str
    control: str
    more_than: float | None
    within: float | None
    unit: str
    verdict: str
    trials: list
    rates: list
    few: str
    test_seen: int | None
    doubt: str
    one_rate: str = ""

    def line(self):
        """Return the claim in one line of plain text."""
        return f"{self.sentence} [{_in_words(self.verdict)}: {self.effect_text()}]"

    def effect_text(self, trial=None):
        """Return the effect of a trial, by default the page's own, with its uncertainty."""
        trial = trial or self.trials[0]
        digits = _digits(trial.uncertainty or trial.effect)
        unit = f" {self.unit}" if self.unit else ""
        return f"{trial.effect:+.{digits}f} ± {trial.uncertainty:.{digits}f}{unit}"

    def margin_text(self):
        """Return what the effect had to be."""
        unit = f" {self.unit}" if self.unit else ""
        if self.more_than is not None:
            return say("more than {margin}", margin=f"{self.more_than:g}{unit}")
        return say("within ± {margin}", margin=f"{self.within:g}{unit}")

    def stress_text(self):
        """Return what the stress found, or that there is none."""
        if len(self.trials) == 1:
            return say("not stressed on this machine: the record stands in the book's repository")
        names = {
            "seeds": say("ten other seeds"),
            "budget": say("4 × the training"),
            "disguise": say("another processor's kernels"),
        }
        said = [
            f"{names[t.name]}: {self.effect_text(t)}, {_in_words(t.verdict)}"
            for t in self.trials[1:]
        ]
        if len(self.rates) > 1:
            said.append(say("held at {held} of {all} common rates", **self._rates_held()))
        elif self.one_rate:
            said.append(say("no learning rate was varied: {why}", why=self.one_rate))
        else:
            said.append(say("no learning rate was varied"))
        return "; ".join(said)

    def short_stress_text(self):
        """Return the effects under stress, without units; a verdict only where it is not held."""
        names = {"seeds": say("seeds"), "budget": say("4 × longer"), "disguise": say("kernels")}
        said = []
        for trial in self.trials[1:]:
            effect = self._replace(unit="").effect_text(trial)
            verdict = "" if trial.verdict == "held" else f", {_in_words(trial.verdict)}"
            said.append(f"{names[trial.name]} {effect}{verdict}")
        if len(self.rates) > 1:
            said.append(say("{held} of {all} rates", **self._rates_held()))
        return "; ".join(said)

    def _rates_held(self):
        return {"held": self.rates.count("held"), "all": len(self.rates)}

    def _repr_html_(self):
        words = {"held": say("Held"), "refuted": say("Refuted"), "undecided": say("Not decided")}
        effect = say(
            "{treatment} less {control}: {effect} over {seeds} paired seeds; claimed: {margin}",
            treatment=self.treatment,
            control=self.control,
            effect=self.effect_text(),
            seeds=self.trials[0].seeds,
            margin=self.margin_text(),
        )
        lines = [effect, say("Stress: {stress}", stress=self.stress_text())]
        if self.few:
            lines.append(say("Fewer than five seeds: {why}", why=self.few))
        if self.test_seen:
            lines.append(say("{n} networks of this experiment saw the test part", n=self.test_seen))
        if self.doubt:
            lines.append(say("Doubt: {why}", why=self.doubt))
        data = html.escape(json.dumps(self._asdict(), ensure_ascii=False))
        return (
            f'<div class="claim claim-{self.verdict}" id="claim-{self.name}" data-claim="{data}" '
            'style="border-left: 0.25rem solid; padding-left: 0.75rem; line-height: 1.4">'
            f"<div><strong>{words[self.verdict]}.</strong> {html.escape(self.sentence)}</div>"
            + "".join(f"<div><small>{html.escape(line)}.</small></div>" for line in lines)
            + "</div>"
        )

    def __repr__(self):
        return self.line()


def read_page(path):
    """Return the claims of a page (``.ipynb`` with stored outputs), in order."""
    cells = json.loads(Path(path).read_text(encoding="utf-8"))["cells"]
    found = []
    for cell in cells:
        for output in cell.get("outputs", []):
            text = "".join(output.get("data", {}).get("text/html", ""))
            for data in _DATA.findall(text):
                fields = json.loads(html.unescape(data))
                fields["trials"] = [Trial(*trial) for trial in fields["trials"]]
                found.append(Claim(**fields))
    return found


def table(pages):
    """Return the claims of pages as a Markdown table.

    Args:
        pages: mapping of a page's address, as a link in the table, to its path.
    """
    rows = [
        say("| claim | verdict | effect against its control | effect under stress |"),
        "|---|---|---|---|",
    ]
    for address, path in pages.items():
        for one in read_page(path):
            text = re.sub(r"([\\[\]])", r"\\\1", one.sentence)  # else they would end the link
            sentence = f"[{text}]({address}#claim-{one.name})"
            effect = say(
                "{treatment} less {control}: {effect}; {margin}",
                treatment=one.treatment,
                control=one.control,
                effect=one.effect_text(),
                margin=one.margin_text(),
            )
            cells = sentence, _in_words(one.verdict), effect, one.short_stress_text()
            rows.append("| " + " | ".join(c.replace("|", r"\|") for c in cells) + " |")
    return "\n".join(rows)


def _in_words(verdict):
    words = {"held": say("held"), "refuted": say("refuted"), "undecided": say("not decided")}
    return words[verdict]


def _digits(size):
    """Decimals that show two digits of ``size``."""
    size = abs(size)
    return 2 if size == 0 else min(6, max(0, 1 - math.floor(math.log10(size))))
