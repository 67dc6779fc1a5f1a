"""A model's forward pass in the number format and the memory order that are fast on its device."""

import contextlib
import warnings

import torch
from torch.overrides import TorchFunctionMode

from bigmodel_utils import numerics
from bigmodel_utils.arguments import one_of
from bigmodel_utils.device import number_format
from bigmodel_utils.modules import evaluating, parameter_dtype
from bigmodel_utils.training._ranks import Ranks

__all__ = ["Forward", "precision"]

_TINY = 2**15  # parameters; measured on a CPU with bfloat16 units, batches of 128
_TOLERANCE = 0.2  # between bfloat16 and float32, in norm: a few per cent are usual


class Forward:
    """Call ``model`` under autocast, and with channels-last convolutions where they work.

    Channels-last order gives the same numbers, on a CPU about twice as fast. It is used inside a
    ``with`` block, on a CPU or CUDA device, for a model with a Conv2d and 4-D batches. Whether
    the model's own code works in it is tried once, on two examples of the first batch. A model
    that says ``x.view(b, -1)`` after a convolution gets ``reshape`` instead. On leaving, the
    weights return to the order they had, and their gradients are dropped.

    bfloat16 is held against float32 once, on the first batch: the outputs and, where gradients are
    recorded, the gradient of every parameter. If they disagree, a warning says where, and the
    model goes on in float32: some processors and compilers get some of them wrong.

    Several ranks settle all this together. Where gradients are recorded, they call the model
    through DistributedDataParallel, which is put around it at the first such call, unless its
    parameters are sharded.

    Args:
        model: torch.nn.Module on ``device``.
        device: torch.device.
        dtype: torch.bfloat16 for autocast; any other leaves the model as it is.
        ranks: Ranks that train the model together, or None for a process alone.
    """

    def __init__(self, model, device, dtype, ranks=None):
        self.ranks, self._replica = Ranks() if ranks is None else ranks, None
        self.model, self.device, self.dtype = model, torch.device(device), dtype
        self.parameter_dtype = parameter_dtype(model)
        has_conv = any(isinstance(m, torch.nn.Conv2d) for m in model.modules())
        may = has_conv and self.device.type in ("cpu", "cuda") and not self.ranks.sharded
        self.channels_last = None if may else False  # None: not tried yet
        self._before = [(p, p.stride()) for p in model.parameters() if p.ndim == 4]
        recurrent = (m for m in model.modules() if isinstance(m, torch.nn.RNNBase))
        self._time_first = [m for m in recurrent if not m.batch_first]
        self._trusted = dtype != torch.bfloat16

    @property
    def settled(self):
        """The name of the format in use, as ``"torch.float32"``; None before the first batch."""
        return str(self.dtype) if self._trusted else None

    def settle(self, name):
        """Compute in the format that :attr:`settled` named in an earlier part of the run.

        Another batch might be judged otherwise, and a run must not change its format on the way.
        """
        if name is not None:
            self.dtype = torch.bfloat16 if name == str(torch.bfloat16) else torch.float32
            self._trusted = True

    @contextlib.contextmanager
    def syncing(self, yes):
        """Average the gradients of all ranks in the backward passes of the block, or do not."""
        if self.ranks.sharded:
            self.model.set_requires_gradient_sync(yes)
        with contextlib.nullcontext() if yes or self._replica is None else self._replica.no_sync():
            yield

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        if self.channels_last:
            self._put_back()
        return False

    def __call__(self, x, *rest):
        """Return the model's output for the batch ``x``; ``rest`` is passed on.

        Raises:
            ValueError: a recurrent layer without ``batch_first=True`` got the batch as it is.
        """
        if not self._time_first:
            return self._call(x, *rest)
        # Such a layer would mix the examples without an error.
        hooks = [m.register_forward_pre_hook(_refuse(x.shape[:2])) for m in self._time_first]
        try:
            return self._call(x, *rest)
        finally:
            for hook in hooks:
                hook.remove()

    def _call(self, x, *rest):
        if self.channels_last is None:
            self.channels_last = x.ndim == 4 and not rest and self._try(x[:2])
        if not self._trusted:
            self._trusted = True
            self._hold_against_float32(x, *rest)
        model = self.model
        if torch.is_grad_enabled() and not (self.ranks.alone or self.ranks.sharded):
            if self._replica is None:
                unused = not self.ranks.every(self._all_used(x, *rest))
                self._replica = self.ranks.replica(model, unused=unused)
            model = self._replica
        return self._run(x, *rest, channels_last=self.channels_last, model=model)

    def _all_used(self, x, *rest):
        # Whether every parameter gets a gradient from the output.
        with evaluating(self.model):
            found = self._trial(x[:2], *(r[:2] if isinstance(r, torch.Tensor) else r for r in rest))
        trained = sum(p.requires_grad for p in self.model.parameters())
        return trained == sum(name.startswith("gradient of ") for name in found)

    def _hold_against_float32(self, x, *rest):
        if not rest and self.device.type != "cpu":
            x = x[:8]  # float32 takes more of a memory that may be full
        with evaluating(self.model):  # nothing random, and batch norm must not learn from it
            fast = self._trial(x, *rest)
            self.dtype = torch.float32
            plain = self._trial(x, *rest)
        problem = numerics.disagreement(fast, plain, tolerance=_TOLERANCE)
        if self.ranks.every(problem is None):
            self.dtype = torch.bfloat16
            return
        warnings.warn(
            f"bfloat16 disagrees with float32 on the first batch: {problem}. The model is "
            f"computed in float32 on this {self.device.type}",
            RuntimeWarning,
            stacklevel=2,
        )

    def _trial(self, x, *rest):
        # The output and, where gradients are recorded, those of a random sum of it.
        output = self._run(x, *rest, channels_last=self.channels_last)
        output = output[0] if isinstance(output, tuple) else output
        if not isinstance(output, torch.Tensor) or not output.is_floating_point():
            return {}  # the caller will say what is wrong with it
        results = {"output": output.detach()}
        # cuDNN has no backward pass for recurrent layers in evaluation mode.
        skip = self.device.type == "cuda" and _is_recurrent(self.model)
        skip = skip or self.ranks.sharded  # whole parameters are not at hand
        if output.requires_grad and not skip:
            generator = torch.Generator().manual_seed(0)
            upstream = torch.randn(output.shape, generator=generator).to(output)
            named = [(n, p) for n, p in self.model.named_parameters() if p.requires_grad]
            gradients = torch.autograd.grad(
                output, [p for _, p in named], upstream, allow_unused=True
            )
            found = zip(named, gradients, strict=True)
            results |= {f"gradient of {n}": g for (n, _), g in found if g is not None}
        return results

    def _run(self, x, *rest, channels_last, model=None):
        model = self.model if model is None else model
        autocast = torch.autocast(
            self.device.type, torch.bfloat16, enabled=self.dtype == torch.bfloat16
        )
        if not channels_last:
            with autocast:
                return model(x, *rest)
        with autocast, _Flattening():
            return model(_to_channels_last(x), *rest)

    @torch.no_grad()
    def _try(self, x):
        self.model.to(memory_format=torch.channels_last)
        try:
            with evaluating(self.model):  # batch norm must not learn from the trial
                self._run(x, channels_last=True)
            return True
        except RuntimeError:
            # Also where the fault is another one: it then shows in the usual order.
            self._put_back()
            return False

    def _put_back(self):
        # Not by `.to(contiguous_format)`: it takes a weight with one channel for contiguous
        # already, and the convolution goes by the strides.
        with torch.no_grad():
            for parameter, stride in self._before:
                usual = torch.empty_strided(
                    parameter.shape, stride, dtype=parameter.dtype, device=parameter.device
                )
                parameter.data = usual.copy_(parameter)
                parameter.grad = None


class _Flattening(TorchFunctionMode):
    """Make the step from images to rows of features work well in channels-last order.

    ``view`` cannot flatten such a tensor, ``reshape`` can. The gradient comes back through it in
    the usual order, with which the pooling before it would be several times slower.
    """

    def __torch_function__(self, func, types, args=(), kwargs=None):
        if func in _FLATTENING and not kwargs and args[0].ndim == 4 and len(args) > 1:
            x = args[0]
            if func is torch.Tensor.view and not isinstance(args[1], torch.dtype):
                func = torch.Tensor.reshape
            if x.requires_grad and x.is_contiguous(memory_format=torch.channels_last):
                x.register_hook(_to_channels_last)
        return func(*args, **(kwargs or {}))


_FLATTENING = {
    torch.flatten,
    torch.reshape,
    torch.Tensor.flatten,
    torch.Tensor.reshape,
    torch.Tensor.view,
}


def _to_channels_last(x):
    return x.contiguous(memory_format=torch.channels_last)


def precision(model, device, dtype):
    """Return the format to compute in: ``dtype``, or by default what is fast.

    That is the device's fast format for a float32 model. A tiny model without convolutions stays
    as it is: there autocast takes more time than it saves. So does a model with recurrent layers:
    it saves little, and rounding adds up over the steps.

    Raises:
        ValueError: if ``dtype`` is not None, torch.float32 or torch.bfloat16.
    """
    if dtype is None:
        own = parameter_dtype(model)
        stays = own != torch.float32 or _is_tiny(model) or _is_recurrent(model)
        return own if stays else number_format(device)
    return one_of("dtype", dtype, (torch.float32, torch.bfloat16))


def _is_tiny(model):
    has_conv = any(isinstance(m, torch.nn.Conv2d) for m in model.modules())
    return not has_conv and sum(p.numel() for p in model.parameters()) < _TINY


def _is_recurrent(model):
    kinds = (torch.nn.RNNBase, torch.nn.RNNCellBase)
    return any(isinstance(m, kinds) for m in model.modules())


def _refuse(sizes):
    # A hook for a layer that takes (t, b, d): an error where it gets (b, t, d), as sizes say.
    def hook(module, args):
        got = tuple(args[0].shape) if args and isinstance(args[0], torch.Tensor) else ()
        if len(got) == 3 and got[:2] == tuple(sizes) and sizes[0] != sizes[1]:
            raise ValueError(
                f"model: {type(module).__name__} takes (t, b, d) and got (b, t, d) = {got}; make "
                "it with batch_first=True"
            )

    return hook
