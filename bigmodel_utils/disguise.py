"""One machine in the disguise of others: what a test of portability can change from outside.

Another processor rounds otherwise, and after a few dozen training steps everything differs. What a
page compares letter by letter must not notice. :func:`bigmodel_utils.device.setup` reads these
variables of the environment; the rest of a disguise (``ATEN_CPU_CAPABILITY`` and the like) is read
by torch itself.

- ``BIGMODEL_ONEDNN``: 0 turns the oneDNN kernels off.
- ``BIGMODEL_PERTURB``: a positive number, say 1e-6: every parameter handed to a torch optimizer is
  multiplied by 1 + that number times a standard normal draw, entry by entry. float64, in which
  proofs are computed, is left alone.
- ``BIGMODEL_ROUNDING``: 1 moves the results of products, sums and transcendental functions by up to
  four units in their last place, as another order of summation would. Equal inputs still give equal
  results, and exact results (numbers of few binary digits) stay exact.
- ``BIGMODEL_BFLOAT16``: 0 or 1, see :func:`bigmodel_utils.device.number_format`.
"""

import functools
import math

__all__ = ["apply", "switch"]


def apply(environment):
    """Put on what ``environment``, a mapping such as os.environ, asks for.

    Raises:
        ValueError: naming the variable, what came and what was expected.
    """
    import torch  # not above: the caller sets how OpenMP threads wait before torch is loaded

    onednn = switch(environment, "BIGMODEL_ONEDNN")
    relative = _positive(environment, "BIGMODEL_PERTURB")
    _round_otherwise(bool(switch(environment, "BIGMODEL_ROUNDING")))
    if onednn is not None:
        torch.backends.mkldnn.enabled = onednn
    current = torch.optim.Optimizer.add_param_group
    original = getattr(current, "undisguised", current)
    torch.optim.Optimizer.add_param_group = (
        original if relative is None else _perturbing(original, relative)
    )


def switch(environment, name):
    """Return whether the variable ``name`` is "1", or None if it is not set.

    Raises:
        ValueError: neither "0" nor "1".
    """
    value = environment.get(name)
    if value not in (None, "0", "1"):
        raise ValueError(f"{name}: expected 0 or 1, got {value!r}")
    return None if value is None else value == "1"


def _positive(environment, name):
    value = environment.get(name)
    if value is None:
        return None
    try:
        number = float(value)
    except ValueError:
        number = math.nan
    if not 0 < number < 1:
        raise ValueError(f"{name}: expected a number between 0 and 1 such as 1e-6, got {value!r}")
    return number


def _perturbing(add_param_group, relative):
    import torch

    # Every optimizer hands its parameters to this method when it is made: before the first step,
    # and after the weights have been drawn or loaded.
    @functools.wraps(add_param_group)
    def wrapper(self, group):
        add_param_group(self, group)
        for parameter in self.param_groups[-1]["params"]:
            if parameter.dtype != torch.float64:
                _perturb(parameter, relative)

    wrapper.undisguised = add_param_group
    return wrapper


def _perturb(parameter, relative):
    import torch

    # A generator a parameter, on the CPU: no other draw moves, and equal weights stay equal.
    generator = torch.Generator().manual_seed(parameter.numel())
    noise = torch.randn(parameter.shape, generator=generator, dtype=torch.float64)
    factor = (1 + relative * noise).to(parameter.device, parameter.dtype)
    with torch.no_grad():
        parameter.mul_(factor)


# Names of operations, or parts of them, whose last digits depend on the processor. What IEEE 754
# fixes (addition, multiplication, comparison) and what moves numbers about is not among them.
_ROUNDED = (
    *("mm", "convolution", "attention", "sum", "mean", "var", "std", "norm", "prod", "linalg"),
    *("exp", "log", "sin", "cos", "tanh", "sigmoid", "erf", "softmax", "gelu", "silu", "pow"),
    *("lstm", "gru", "rnn", "mkldnn", "sqrt", "addcdiv", "lerp", "fft", "pool2d", "dot"),
)
_entered = []  # modes that are on, the last one last


def _round_otherwise(wanted):
    if wanted and not _entered:
        mode = _rounding_mode()
        mode.__enter__()
        _entered.append(mode)
    elif not wanted and _entered:
        _entered.pop().__exit__(None, None, None)


def _rounding_mode():
    import torch
    from torch.utils._python_dispatch import TorchDispatchMode

    class Rounding(TorchDispatchMode):
        def __torch_dispatch__(self, func, types, args=(), kwargs=None):
            result = func(*args, **(kwargs or {}))
            name = func.name().removeprefix("aten::")
            returned = isinstance(result, (tuple, list))
            if not any(part in name for part in _ROUNDED):
                return result
            if func._schema.is_mutable or any(r.alias_info for r in func._schema.returns):
                return result
            if returned:
                return type(result)(_moved(r) for r in result)
            return _moved(result)

    def _moved(value):
        kinds = {torch.float32: torch.int32, torch.float64: torch.int64}
        if not isinstance(value, torch.Tensor) or value.dtype not in kinds:
            return value
        bits = value.view(kinds[value.dtype])
        by = ((bits * 1_103_515_245) >> 9).bitwise_and_(7).sub_(3)
        inexact = (bits.bitwise_and(255) != 0) & value.isfinite()
        return (bits + by * inexact).view(value.dtype)

    return Rounding()
