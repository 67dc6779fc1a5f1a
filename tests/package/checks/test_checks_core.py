"""What all exercise checkers share: which answers are right, wrong and unsolved."""

import pytest
import torch

from bigmodel_utils.checks import AUTOGRAD, Verdict, grade


def double(x):
    return 2 * x


X = torch.tensor([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]], dtype=torch.float64)


def test_the_oracle_itself_is_right():
    verdict = grade(double, [(X,), (X + 1,)], double)
    assert verdict == ("right", "2 cases agree with the oracle.")
    assert repr(verdict) == "Correct. 2 cases agree with the oracle."


def test_a_wrong_answer_names_its_case_and_hints():
    def wrong_from_two_rows(x):
        return 2 * x if len(x) == 1 else 2 * x + 1e-3

    verdict = grade(wrong_from_two_rows, [(X[:1],), (X,)], double, hint="Mind the rows.")
    assert verdict.status == "wrong"
    assert verdict.message == "Case 2: the largest error is 0.001. Mind the rows."
    assert repr(verdict).startswith("Not yet. Case 2")


def test_tolerance():
    def near(x):
        return 2 * x + 1e-6

    assert grade(near, [(X,)], double).status == "wrong"
    assert grade(near, [(X,)], double, atol=1e-5).status == "right"
    assert grade(lambda n: n + 1e-6, [(3,)], lambda n: n).status == "wrong"
    assert grade(lambda n: n + 1e-6, [(3,)], lambda n: n, atol=1e-5).status == "right"


WRONG = {
    "shape that broadcasts": (lambda x: 2 * x[None], "expected shape (2, 3), got (1, 2, 3)"),
    "one row of equal rows": (lambda x: (2 * x)[:1], "got (1, 3)"),
    "transposed": (lambda x: (2 * x).T, "got (3, 2)"),
    "flat": (lambda x: (2 * x).flatten(), "got (6,)"),
    "a list": (lambda x: (2 * x).tolist(), "expected a tensor, got [[2.0"),
    "an array": (lambda x: (2 * x).numpy(), "expected a tensor"),
    "NaN": (lambda x: 2 * x + torch.nan, "not finite"),
    "one NaN": (lambda x: (2 * x).where(x < 6, torch.nan), "not finite"),
    "inf": (lambda x: x / 0, "not finite"),
    "too small": (lambda x: 2 * x - 1, "the largest error is 1"),
    "single precision": (lambda x: (2 * x).float() + 1e-6, "the largest error"),
    "complex": (lambda x: 2 * x + 1j, "expected real numbers, got complex numbers"),
    "bool": (lambda x: x > 0, "expected real numbers, got booleans"),
    "a tuple": (lambda x: (2 * x,), "expected a tensor"),
    "exception": (lambda x: x.nonsense, "raised AttributeError: "),
    "too many arguments": (lambda x, y: x, "raised TypeError: "),
    "no arguments": (lambda: 0, "raised TypeError: "),
    "endless": (lambda x: grade.__globals__["grade"] and WRONG["endless"][0](x), "RecursionError"),
    "in place": (lambda x: x.mul_(2), "changed its argument in place"),
    "a cell in place": (lambda x: (2 * x, x.__setitem__((0, 0), 9.0))[0], "changed its argument"),
    "resized": (lambda x: (2 * x, x.resize_(1, 6))[0], "changed its argument in place"),
}


@pytest.mark.parametrize("name", WRONG)
def test_wrong_answers(name):
    function, words = WRONG[name]
    before = X.clone()
    verdict = grade(function, [(X,)], double)
    assert verdict.status == "wrong"
    assert verdict.message.startswith("Case 1") and words in verdict.message, verdict.message
    assert torch.equal(X, before)


@pytest.mark.parametrize("value", [42, None, "double", X, ...])
def test_what_is_no_function_is_wrong(value):
    assert grade(value, [(X,)], double).status == "wrong"


def stub(x):
    raise NotImplementedError


@pytest.mark.parametrize("function", [stub, lambda x: None, lambda x: ...])
def test_stubs_are_unsolved_not_wrong(function):
    verdict = grade(function, [(X,)], double)
    assert verdict.status == "unsolved" and repr(verdict).startswith("Not solved yet. ")


def test_a_function_cannot_reach_the_oracle_s_arguments():
    """Changed arguments would make wrong and right agree."""
    seen = []

    def oracle(x, nested):
        seen.append((x.clone(), nested["a"][0].clone()))
        return x.sum()

    def cheat(x, nested):
        return x.sum()

    case = (X, {"a": [X + 1]})
    assert grade(cheat, [case], oracle).status == "right"
    for spoil in (lambda x, n: x.zero_(), lambda x, n: n["a"][0].zero_(), lambda x, n: n.clear(),
                  lambda x, n: n["a"].append(0), lambda x, n: n.update(b=1)):  # fmt: skip

        def spoiler(x, nested, spoil=spoil):
            result = x.sum()
            spoil(x, nested)
            return result

        verdict = grade(spoiler, [case], oracle)
        assert "changed its argument in place" in verdict.message
    assert all(torch.equal(x, X) and torch.equal(n, X + 1) for x, n in seen)
    assert torch.equal(case[0], X) and list(case[1]) == ["a"] and len(case[1]["a"]) == 1


def test_arguments_with_nan_bool_and_integers_are_left_alone():
    cases = [(torch.tensor([1.0, torch.nan]),), (torch.tensor([True, False]),), (torch.arange(3),)]
    assert grade(lambda x: x.shape[0], cases, lambda x: x.shape[0]).status == "right"


NUMBERS = {
    "int for int": (lambda: 3, 3, "right"),
    "float for int": (lambda: 3.0, 3, "right"),
    "tensor for int": (lambda: torch.tensor(3), 3, "right"),
    "int for float": (lambda: 2, 2.0, "right"),
    "off by one": (lambda: 4, 3, "wrong"),
    "NaN": (lambda: float("nan"), 3, "wrong"),
    "huge": (lambda: 10**400, 3, "wrong"),
    "True for one": (lambda: True, 1, "wrong"),
    "tensor True for one": (lambda: torch.tensor(True), 1, "wrong"),
    "one for True": (lambda: 1, True, "wrong"),
    "True for True": (lambda: True, True, "right"),
    "tensor True for True": (lambda: torch.tensor(True), True, "right"),
    "False for True": (lambda: False, True, "wrong"),
    "text for number": (lambda: "3", 3, "wrong"),
    "same text": (lambda: "max", "max", "right"),
    "other text": (lambda: "mean", "max", "wrong"),
    "tensor of many": (lambda: torch.full((3,), 3.0), 3, "wrong"),
    "tensor of one with an axis": (lambda: torch.full((1,), 3.0), 3, "wrong"),
    "list": (lambda: [3], 3, "wrong"),
    "complex": (lambda: 3 + 0j, 3, "wrong"),
}


@pytest.mark.parametrize("name", NUMBERS)
def test_numbers(name):
    function, expected, status = NUMBERS[name]
    assert grade(function, [()], lambda: expected).status == status


def test_several_results_are_compared_one_by_one():
    def oracle(x):
        return x.sum(0), x.shape[1]

    assert grade(lambda x: [x.sum(0), 3], [(X,)], oracle).status == "right"
    assert "result 1: expected 3" in grade(lambda x: (x.sum(0), 2), [(X,)], oracle).message
    assert "result 0: expected shape" in grade(lambda x: (x.sum(1), 3), [(X,)], oracle).message
    for answer in (lambda x: x.sum(0), lambda x: (x.sum(0),), lambda x: (x.sum(0), 3, 4)):
        assert "expected 2 results" in grade(answer, [(X,)], oracle).message
    assert grade(lambda x: (None, None), [(X,)], oracle).status == "wrong"


def test_masks_are_booleans():
    def oracle(x):
        return x > 2

    assert grade(oracle, [(X,)], oracle).status == "right"
    verdict = grade(lambda x: (x > 2).double(), [(X,)], oracle)
    assert "expected booleans, got real numbers" in verdict.message
    assert grade(lambda x: x >= 2, [(X,)], oracle).status == "wrong"


def test_answers_may_carry_gradients():
    case = [(X.clone().requires_grad_(),)]
    assert grade(double, case, double).status == "right"
    assert grade(lambda x: 3 * x, case, double).status == "wrong"


def test_every_case_is_tried():
    calls = []

    def count(x):
        calls.append(1)
        return 2 * x

    grade(count, [(X,)] * 5, double)
    assert len(calls) == 5


def test_without_cases_nothing_would_be_tested():
    with pytest.raises(ValueError, match="cases"):
        grade(double, [], double)


def test_a_broken_oracle_is_the_book_s_fault_not_the_reader_s():
    with pytest.raises(ZeroDivisionError):
        grade(double, [(X,)], lambda x: 1 / 0)


@pytest.mark.parametrize("status", ["right", "wrong", "unsolved"])
def test_verdicts_print_as_sentences(status):
    text = repr(Verdict(status, "Because."))
    assert text.endswith(". Because.") and status not in text


def softmax_by_hand(x):
    powers = (x - x.amax(-1, keepdim=True)).exp()
    return powers / powers.sum(-1, keepdim=True)


def test_what_an_exercise_forbids_is_wrong_however_it_is_called():
    import torch.nn.functional as F

    ways = [
        lambda x: x.softmax(-1),
        lambda x: F.softmax(x, dim=-1),
        lambda x: torch.softmax(x, -1),
        lambda x: torch.nn.Softmax(-1)(x),
    ]
    for way in ways:
        assert grade(way, [(X,)], softmax_by_hand).status == "right"
        verdict = grade(way, [(X,)], softmax_by_hand, forbidden=("softmax",))
        assert verdict.message == "Case 1: the exercise forbids softmax."
    kept = grade(softmax_by_hand, [(X,)], softmax_by_hand, forbidden=("softmax",))
    assert kept.status == "right"


def by_autograd(x):
    leaf = x.clone().requires_grad_()
    return torch.autograd.grad((leaf**3).sum(), leaf)[0]


def by_backward(x):
    leaf = torch.nn.Parameter(x.clone())
    (leaf**3).sum().backward()
    return leaf.grad


def by_functions(x):
    return torch.func.grad(lambda y: (y**3).sum())(x)


def by_vjp(x):
    return torch.autograd.functional.vjp(lambda y: (y**3).sum(), x)[1]


@pytest.mark.parametrize("way", [by_autograd, by_backward, by_functions, by_vjp])
def test_autograd_is_seen_where_it_is_forbidden(way):
    def by_hand(x):
        return 3 * x**2

    assert grade(way, [(X,)], by_hand).status == "right"
    assert "forbids" in grade(way, [(X,)], by_hand, forbidden=AUTOGRAD).message
    assert grade(by_hand, [(X,)], by_hand, forbidden=AUTOGRAD).status == "right"


def test_a_loop_over_entries_is_seen():
    def loops(x):
        return torch.stack([torch.stack([2 * entry for entry in row]) for row in x])

    assert grade(loops, [(X,)], double).status == "right"
    assert "calls of PyTorch" in grade(loops, [(X,)], double, most_calls=4).message
    assert grade(double, [(X,)], double, most_calls=1).status == "right"


def test_gradients_are_compared_where_they_are_the_point():
    def square_root(x):
        return (x**2).clamp(min=0).sqrt()

    def right(x):
        return x.abs()

    def same_values_wrong_gradient(x):
        return x.abs().detach() + 0 * x

    def no_gradient(x):
        return x.abs().detach()

    zero = X - 1.0  # one entry is zero: the gradient of the root is not finite there
    assert grade(right, [(X,)], square_root, gradients=True).status == "right"
    for way, said in [
        (same_values_wrong_gradient, "gradient of argument 1: the largest error"),
        (no_gradient, "no gradient can flow"),
    ]:
        assert grade(way, [(X,)], square_root).status == "right"
        assert said in grade(way, [(X,)], square_root, gradients=True).message
    assert "not finite" in grade(square_root, [(zero,)], right, gradients=True).message
