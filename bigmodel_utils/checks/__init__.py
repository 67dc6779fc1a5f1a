"""Exercise checkers: each takes the reader's function and returns a :class:`Verdict`.

One module per topic holds the checkers of a page. This one holds what they share.
A checker is itself attacked: tests/pages/test_checkers.py feeds every one of them wrong answers.
"""

from typing import NamedTuple

from bigmodel_utils.words import say

__all__ = [
    "AUTOGRAD",
    "CONVOLUTIONS",
    "Verdict",
    "bisection",
    "grade",
    "padded_batch",
    "random_tensor",
]

# What an exercise forbids that asks for a gradient by hand.
AUTOGRAD = ("backward", "grad", "vjp", "jvp", "jacobian", "jacrev", "jacfwd", "requires_grad_")


# What an exercise forbids that asks for a convolution by hand.
CONVOLUTIONS = (
    "conv1d", "conv2d", "conv3d", "conv_transpose1d", "conv_transpose2d", "conv_transpose3d",
    "convolution", "unfold", "fold", "conv2d_input", "conv2d_weight",
)  # fmt: skip


class Verdict(NamedTuple):
    """What a checker says: ``status`` is "right", "wrong" or "unsolved"."""

    status: str
    message: str

    def __repr__(self):
        marks = {
            "right": say("Correct."), "wrong": say("Not yet."), "unsolved": say("Not solved yet.")
        }  # fmt: skip
        return f"{marks[self.status]} {self.message}"


def grade(
    function, cases, oracle, *, atol=1e-9, hint="", forbidden=(), most_calls=None, gradients=False
):
    """Compare ``function`` with ``oracle`` on every case and return a Verdict.

    The function receives copies, so changing an argument in place cannot reach the
    oracle, and a change is reported. Shapes are compared before values, since
    broadcasting hides a transposed answer.

    Args:
        function: the reader's function. An unsolved stub raises NotImplementedError,
            or returns None or ``...``.
        cases: list of argument tuples; each should break another wrong answer.
        oracle: the trusted function, called with the same arguments.
        atol: largest absolute difference allowed.
        hint: a sentence added to a wrong verdict, in English; see :func:`bigmodel_utils.words.say`.
        forbidden: names of PyTorch's functions and methods that the exercise forbids, such as
            ``"logsumexp"`` or those of ``AUTOGRAD``; a call of one is wrong, whatever it gives.
        most_calls: how many calls of PyTorch a case may take, where the exercise forbids loops: a
            loop over entries takes more, and the more the larger the case.
        gradients: whether the gradients of the answer by the floating-point arguments, for a
            random upstream gradient, must agree with the oracle's too.

    Raises:
        ValueError: without cases, since every function would pass.
    """
    if not cases:
        raise ValueError("cases: expected at least one, got none")
    if not callable(function):
        return Verdict(
            "wrong", say("Expected a function, got {kind}.", kind=type(function).__name__)
        )
    for number, arguments in enumerate(cases, start=1):
        given = tuple(_copy(a) for a in arguments)
        leaves = _leaves(given) if gradients else []
        try:
            answer, called = _watched(function, given)
        except NotImplementedError:
            return Verdict("unsolved", say("Replace the line that raises NotImplementedError."))
        except Exception as error:  # the reader's code may raise anything
            text = say(
                "Case {number} raised {kind}: {error}",
                number=number, kind=type(error).__name__, error=error,
            )  # fmt: skip
            return Verdict("wrong", text)
        if answer is None or answer is ...:
            text = say("The function returned {answer} instead of a result.", answer=answer)
            return Verdict("unsolved", text)
        if any(not _same(a, b) for a, b in zip(given, arguments, strict=True)):
            text = say("Case {number}: the function changed its argument in place.", number=number)
            return Verdict("wrong", text)
        used = sorted(set(called) & set(forbidden))
        if used:
            text = say("Case {number}: the exercise forbids {used}.", number=number, used=used[0])
            return Verdict("wrong", text)
        if most_calls is not None and len(called) > most_calls:
            text = say(
                "Case {number}: {count} calls of PyTorch; without a loop over entries it takes at "
                "most {most}.",
                number=number, count=len(called), most=most_calls,
            )  # fmt: skip
            return Verdict("wrong", text)
        copies = tuple(_copy(a) for a in arguments)
        others = _leaves(copies) if gradients else []
        expected = oracle(*copies)
        fault = _difference(answer, expected, atol)
        if gradients and not fault:
            fault = _difference_of_gradients(answer, expected, leaves, others, atol)
        if fault:
            text = say("Case {number}: {fault}", number=number, fault=fault)
            return Verdict("wrong", f"{text} {say(hint)}" if hint else text)
    return Verdict("right", say("{count} cases agree with the oracle.", count=len(cases)))


def random_tensor(seed, *shape):
    """Return the same standard normal float64 tensor of this shape at every call."""
    import torch

    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def padded_batch(seed, lengths, size, d, fill, *, mean=0.0):
    """Return random sequences (b, size, d) with ``fill`` in the padding, and lengths (b,)."""
    import torch

    x = mean + random_tensor(seed, len(lengths), size, d)
    for row, length in zip(x, lengths, strict=True):
        row[length:] = fill
    return x, torch.tensor(lengths)


def bisection(below, low, high):
    """Return the number between ``low`` and ``high`` up to which ``below(number)`` is true.

    An oracle's way to invert a formula without the inverse that an exercise asks for.
    """
    for _ in range(200):
        middle = (low + high) / 2
        low, high = (middle, high) if below(middle) else (low, middle)
    return low


def _watched(function, given):
    """Return what ``function`` gives, and the names of PyTorch's functions that it called."""
    from torch.overrides import TorchFunctionMode

    called = []

    class Watch(TorchFunctionMode):
        def __torch_function__(self, called_function, types, args=(), kwargs=None):
            name = getattr(called_function, "__name__", "")
            if name == "__get__":  # an attribute, such as x.shape
                name = ""
            called.extend([name] if name else [])
            return called_function(*args, **(kwargs or {}))

    with Watch():
        return function(*given), called


def _leaves(values):
    """Ask for gradients of the floating-point tensors among ``values``, and return these."""
    import torch

    found = [v for v in values if isinstance(v, torch.Tensor) and v.is_floating_point()]
    return [leaf.requires_grad_() for leaf in found]


def _difference_of_gradients(answer, expected, leaves, others, atol):
    import torch

    if not isinstance(expected, torch.Tensor):
        raise ValueError("gradients: expected an oracle that returns one tensor")
    if not answer.requires_grad:
        return say("no gradient can flow through the result.")
    upstream = random_tensor(97, *expected.shape).to(expected.dtype)
    got, wanted = (
        torch.autograd.grad(result, of, upstream.to(result.dtype), allow_unused=True)
        for result, of in ((answer, leaves), (expected, others))
    )
    for index, (one, other) in enumerate(zip(got, wanted, strict=True), start=1):
        one, other = (torch.zeros_like(leaves[index - 1]) if g is None else g for g in (one, other))
        if fault := _difference(one, other, atol):
            return say("gradient of argument {index}: {fault}", index=index, fault=fault)
    return ""


def _copy(value):
    import torch

    if isinstance(value, dict):
        return {key: _copy(item) for key, item in value.items()}
    if type(value) in (list, tuple):
        return type(value)(_copy(item) for item in value)
    return value.clone() if isinstance(value, torch.Tensor) else value


def _same(left, right):
    import torch

    if isinstance(right, dict):
        return list(left) == list(right) and all(_same(left[key], right[key]) for key in right)
    if type(right) in (list, tuple):
        return len(left) == len(right) and all(map(_same, left, right))
    if isinstance(right, torch.Tensor):
        # NaN is equal to itself here: the question is whether the memory was changed.
        return left.shape == right.shape and torch.allclose(
            left, right, rtol=0, atol=0, equal_nan=True
        )
    return left == right


def _difference(answer, expected, atol):
    """Return what is wrong with ``answer``, or "" if it agrees."""
    import torch

    if isinstance(expected, (tuple, list)):
        if not isinstance(answer, (tuple, list)) or len(answer) != len(expected):
            return say(
                "expected {count} results, got {got}.", count=len(expected), got=_show(answer)
            )
        for index, (a, e) in enumerate(zip(answer, expected, strict=True)):
            if fault := _difference(a, e, atol):
                return say("result {index}: {fault}", index=index, fault=fault)
        return ""
    if isinstance(expected, torch.Tensor):
        if not isinstance(answer, torch.Tensor):
            return say("expected a tensor, got {got}.", got=_show(answer))
        if answer.shape != expected.shape:
            shapes = {"expected": tuple(expected.shape), "got": tuple(answer.shape)}
            return say("expected shape {expected}, got {got}.", **shapes)
        if _kind(answer) != _kind(expected):
            return say(
                "expected {expected}, got {got}.", expected=_kind(expected), got=_kind(answer)
            )
        if not torch.isfinite(answer.double()).all():
            return say("the result holds values that are not finite.")
        error = (answer.detach().double() - expected.double()).abs()
        if error.numel() and error.max() > atol:
            return say("the largest error is {error}.", error=f"{error.max():.3g}")
        return ""
    if getattr(answer, "ndim", None) == 0:
        answer = answer.item()
    if isinstance(expected, (bool, str)) or isinstance(answer, (bool, str)):
        # True == 1 in Python, but a yes is no count.
        right = type(answer) is type(expected) and answer == expected
        return "" if right else _expected(repr(expected), answer)
    try:
        close = getattr(answer, "ndim", 0) == 0 and abs(float(answer) - float(expected)) <= atol
    except (TypeError, ValueError, OverflowError):
        close = False
    return "" if close else _expected(expected, answer)


def _expected(expected, answer):
    return say("expected {expected}, got {got}.", expected=expected, got=_show(answer))


def _kind(tensor):
    import torch

    if tensor.dtype == torch.bool:
        return say("booleans")
    return say("complex numbers") if tensor.is_complex() else say("real numbers")


def _show(value):
    import torch

    if isinstance(value, torch.Tensor):
        return say("a tensor of shape {shape}", shape=tuple(value.shape))
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."
