"""The words of the package in another language: found, filled in, and none left behind."""

import importlib
import re
import sys
from pathlib import Path

import matplotlib.pyplot as plt
import pytest
import torch

from bigmodel_utils import checks, plotting, words
from bigmodel_utils.training import History
from bigmodel_utils.words import say

ROOT = Path(__file__).resolve().parents[2]
TOPICS = sorted(p.stem for p in (ROOT / "bigmodel_utils/checks").glob("*.py") if p.stem[0] != "_")
WRAPPED = re.compile(r"⟦.*⟧", re.DOTALL)


@pytest.fixture
def tool(monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / "tools"))
    sys.modules.pop("words", None)
    return importlib.import_module("words")


@pytest.fixture
def pseudo(tool, publish):
    """A language in which every text stands in brackets."""
    publish(tool.catalogue("eo", lambda text: f"⟦{text}⟧"), "eo")


def test_english_needs_no_catalogue(monkeypatch):
    monkeypatch.delenv("BIGMODEL_LANGUAGE", raising=False)
    assert say("a {b}") == "a {b}"
    assert say("a {b:.1f} and {c!r}", b=2.25, c="x") == "a 2.2 and 'x'"


def test_a_translation_moves_its_places(tool, publish):
    own = tool.Catalog()
    own.add("{count} of {total}", "el {total}: {count}")
    own.add("step", "paŝo")
    publish(own, "eo")
    assert say("{count} of {total}", count=1, total=3) == "el 3: 1"
    assert say("step") == "paŝo"
    assert say("nobody translated {this}", this=1) == "nobody translated 1"


def test_a_place_that_is_not_there_is_named(tool, publish):
    own = tool.Catalog()
    own.add("step {n}", "paŝo {m}")
    publish(own, "eo")
    with pytest.raises(ValueError, match=r"eo: expected the places of 'step \{n\}'.* got m too"):
        say("step {n}", n=1)


def test_a_language_without_a_catalogue_is_named(tmp_path, monkeypatch):
    monkeypatch.setenv("BIGMODEL_LANGUAGE", "tlh")
    monkeypatch.setenv("BIGMODEL_LOCALE", str(tmp_path))
    words._catalogue.cache_clear()
    with pytest.raises(FileNotFoundError, match=r"BIGMODEL_LANGUAGE=tlh: expected a file .*tlh"):
        say("step")


@pytest.mark.parametrize("topic", TOPICS)
def test_no_word_of_a_checker_is_left_in_english(topic, pseudo):
    module = importlib.import_module(f"bigmodel_utils.checks.{topic}")
    attacks = importlib.import_module(f"attacks.{topic}").ATTACKS
    assert set(attacks) == set(module.__all__)
    for name in module.__all__:
        checker = getattr(module, name)
        answers = [*attacks[name].values(), lambda *args, **options: None, "no function"]
        for answer in answers:
            verdict = checker(answer)
            assert verdict.status != "right"
            assert WRAPPED.fullmatch(repr(verdict)), repr(verdict)
            mark, *_ = repr(verdict).partition(" ")
            assert mark.startswith("⟦") and WRAPPED.fullmatch(verdict.message), verdict.message


def test_a_right_answer_is_praised_in_the_language(pseudo):
    verdict = checks.grade(abs, [(-2,), (3,)], abs)
    assert repr(verdict) == "⟦Correct.⟧ ⟦2 cases agree with the oracle.⟧"


def test_no_word_of_a_plot_is_left_in_english(pseudo):
    _, axes = plotting.figure(1, 2)
    plotting.confusion(torch.tensor([[3, 1], [0, 2]]), axes[0])
    losses = [3.0, 2.0, 1.5, 1.2]
    record = History(epochs=[], losses=losses, steps=list(range(4)))
    plotting.history(record, axes[1])
    for ax in axes:
        assert all(WRAPPED.fullmatch(text) for text in (ax.get_xlabel(), ax.get_ylabel()))
    plt.close("all")


def test_texts_are_found_where_they_stand(tool):
    source = (
        'say("one {n}", n=1)\nwords.say("two " "parts")\ngrade(f, hint="three")\n'
        'WORDS = {"key": "four"}\nFILTERS = {"five": 1}\nsay(name)\nOTHER = {"key": "no"}\n'
    )
    found = [text for text, _ in tool.texts(tool.ast.parse(source))]
    assert sorted(found) == ["five", "four", "one {n}", "three", "two parts"]
    everything = tool.collect()
    assert len(everything) > 100
    assert any(file.startswith("bigmodel_utils/labs/") for file, _ in everything["kernel"])


def test_the_tool_writes_a_template(tool, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["words.py", str(tmp_path / "deep" / "words.pot")])
    tool.main()
    text = (tmp_path / "deep" / "words.pot").read_text(encoding="utf-8")
    assert 'msgid "truth"' in text and "bigmodel_utils/plotting.py" in text
    assert re.search(r"\d+ texts in", capsys.readouterr().out)
