"""Every exercise checker accepts the page's solution and rejects wrong answers.

The attack itself is attacked: a checker that accepts everything must be caught.
"""

import importlib
import inspect

import pytest
from page import PAGES, ROOT, cells, tags

from bigmodel_utils.checks import Verdict, grade

TOPICS = sorted(
    path.stem for path in (ROOT / "bigmodel_utils" / "checks").glob("*.py") if path.stem[0] != "_"
)
CHECKERS = [
    (topic, name)
    for topic in TOPICS
    for name in importlib.import_module(f"bigmodel_utils.checks.{topic}").__all__
]


def checker(topic, name):
    return getattr(importlib.import_module(f"bigmodel_utils.checks.{topic}"), name)


def attacks(topic, name):
    """Return the wrong answers listed for a checker: a mapping of names to functions."""
    return importlib.import_module(f"attacks.{topic}").ATTACKS.get(name, {})


def accepted(check, answers):
    """Return the names of the wrong answers that ``check`` does not call wrong."""
    return [name for name, answer in answers.items() if check(answer).status != "wrong"]


@pytest.mark.parametrize(("topic", "name"), CHECKERS)
def test_rejects_at_least_three_wrong_answers(topic, name):
    answers = attacks(topic, name)
    assert len(answers) >= 3, f"{topic}.{name} has {len(answers)} attacks, three are needed"
    assert accepted(checker(topic, name), answers) == []


@pytest.mark.parametrize(("topic", "name"), CHECKERS)
def test_a_broken_checker_is_caught(topic, name):
    def accepts_everything(function):
        return Verdict("right", "whatever it is")

    assert accepted(accepts_everything, attacks(topic, name)) != []


@pytest.mark.parametrize(("topic", "name"), CHECKERS)
def test_an_unsolved_stub_is_no_error(topic, name):
    def stub(*args, **kwargs):
        raise NotImplementedError

    check = checker(topic, name)
    assert check(stub).status == "unsolved"
    assert check(lambda *args, **kwargs: None).status == "unsolved"


@pytest.mark.parametrize(("topic", "name"), CHECKERS)
def test_what_is_no_function_is_rejected(topic, name):
    check = checker(topic, name)
    assert check(42).status == "wrong"
    assert check(lambda: 0).status == "wrong"  # takes no arguments


def exercises():
    """Yield (page, "exercise" or "solution", cell) for every stub and solution in the book."""
    for page in PAGES:
        for cell in cells(page, "code"):
            for kind in tags(cell) & {"exercise", "solution"}:
                yield page, kind, cell


def test_every_checker_is_used_by_a_stub_and_a_solution():
    used = {"exercise": set(), "solution": set()}
    for page, kind, cell in exercises():
        assert page.stem in TOPICS, f"{page.name} has exercises and no checks/{page.stem}.py"
        name = cell.source.rsplit("check.", 1)[-1].split("(")[0]
        used[kind].add((page.stem, name))
    assert used["exercise"] == used["solution"] == set(CHECKERS)


def test_solutions_are_accepted_and_stubs_are_friendly():
    verdicts = {"exercise": [], "solution": []}
    for _, kind, cell in exercises():
        text = "".join(
            out.get("data", {}).get("text/plain", "") for out in cell.outputs if "data" in out
        )
        verdicts[kind].append(text)
    assert verdicts["solution"], "no solution was found"
    assert all(text.startswith("Correct.") for text in verdicts["solution"])
    assert all(text.startswith("Not solved yet.") for text in verdicts["exercise"])


def test_checkers_do_not_accept_a_wrong_dtype_of_answer():
    def oracle(x):
        return x + 1

    import torch

    case = [(torch.arange(3.0),)]
    assert grade(lambda x: [1.0, 2.0, 3.0], case, oracle).status == "wrong"
    assert grade(lambda x: (x + 1)[None], case, oracle).status == "wrong"
    assert grade(lambda x: x + float("nan"), case, oracle).status == "wrong"
    assert grade(lambda x: x.add_(1), case, oracle).status == "wrong"
    assert grade(lambda x: x + 1, case, oracle).status == "right"


def test_every_checker_takes_one_function_and_says_how():
    for topic, name in CHECKERS:
        function = checker(topic, name)
        assert list(inspect.signature(function).parameters) == ["function"]
        assert "``function(" in inspect.getdoc(function)
