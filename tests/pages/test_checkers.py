"""Every exercise checker accepts the page's solution and rejects wrong answers.

The attack itself is attacked: a checker that accepts everything must be caught.
"""

import importlib
import inspect

import pytest
from page import LESSONS, PAGES, ROOT, by_stem, cells, tags
from page import name as name_of

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


def exercises(topic):
    """Return the stubs and the solutions of a page."""
    kinds = {"exercise": [], "solution": []}
    for cell in cells(by_stem(PAGES)[topic], "code"):
        for kind in tags(cell) & set(kinds):
            kinds[kind].append(cell)
    return kinds


@pytest.mark.parametrize("topic", sorted({*TOPICS, *map(name_of, LESSONS)}))
def test_every_checker_is_used_by_a_stub_and_a_solution(topic):
    assert topic in TOPICS, f"there is no bigmodel_utils/checks/{topic}.py"
    assert topic in by_stem(PAGES), f"bigmodel_utils/checks/{topic}.py has no page {topic}.ipynb"
    checkers = {name for other, name in CHECKERS if other == topic}
    for kind, found in exercises(topic).items():
        used = {cell.source.rsplit("check.", 1)[-1].split("(")[0] for cell in found}
        assert used == checkers, f"in the {kind} cells"


@pytest.mark.parametrize("topic", sorted(map(name_of, LESSONS)))
def test_solutions_are_accepted_and_stubs_are_friendly(topic):
    kinds = exercises(topic)
    assert kinds["solution"], "no solution was found"
    for kind, start in (("solution", "Correct."), ("exercise", "Not solved yet.")):
        for cell in kinds[kind]:
            said = [out["data"].get("text/plain", "") for out in cell.outputs if "data" in out]
            assert "".join(said).startswith(start), cell.source


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
