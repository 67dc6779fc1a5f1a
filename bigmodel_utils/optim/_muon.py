"""Muon: steepest descent for weight matrices, every direction of the update equally long.

Sources: Jordan et al., Muon: An optimizer for hidden layers in neural networks, 2024
(kellerjordan.github.io/posts/muon); the scale of the update: Liu et al., Muon is scalable for LLM
training, 2025 (arXiv:2502.16982).
"""

import warnings

import torch

from bigmodel_utils import arguments
from bigmodel_utils.arguments import describe, flag, integer, real
from bigmodel_utils.device import number_format

__all__ = ["Muon", "MuonAdamW", "orthogonalize"]

_FORMATS = (torch.float64, torch.float32, torch.bfloat16, torch.float16)
# The published quintic. It rises steeply at 0 and ends near 1, not at it, for a fast start.
_A, _B, _C = 3.4445, -4.7750, 2.0315


def orthogonalize(matrices, *, steps=5):
    """Return the matrices with all singular values moved near 1, by the Newton-Schulz iteration.

    With X = U S Vᵀ, one step a X + b (X Xᵀ) X + c (X Xᵀ)² X is U p(S) Vᵀ, p(s) = a s + b s³ + c s⁵.
    It starts from X / ‖X‖ (Frobenius), whatever the scale. After five steps, singular values of at
    least 0.002 of the norm have come to between 0.68 and 1.21.

    Args:
        matrices: floating-point tensor (..., rows, columns).
        steps: of the iteration.

    Returns:
        Tensor like ``matrices``. Zeros stay zeros. A matrix with an entry that is not finite comes
        back as NaN, the others beside it as if alone.

    Raises:
        TypeError, ValueError: naming the argument.
    """
    arguments.tensor("matrices", matrices, floating=True)
    if matrices.dtype not in _FORMATS:
        raise TypeError(f"matrices: expected a float of 16 to 64 bits, got {describe(matrices)}")
    if matrices.ndim < 2:
        raise ValueError(f"matrices: expected (..., rows, columns), got {tuple(matrices.shape)}")
    steps = integer("steps", steps, minimum=1)
    tall = matrices.shape[-2] > matrices.shape[-1]
    x = matrices.mT if tall else matrices  # the smaller Gram matrix: less work
    x = x.flatten(0, -3) if x.ndim > 2 else x[None]  # (n, rows, columns)
    x = _near_one(x)
    x = x / x.norm(dim=(-2, -1), keepdim=True).clamp(min=torch.finfo(x.dtype).tiny)
    for _ in range(steps):
        gram = x @ x.mT
        polynomial = torch.baddbmm(gram, gram, gram, beta=_B, alpha=_C)
        x = torch.baddbmm(x, polynomial, x, beta=_A)
    return (x.mT if tall else x).reshape(matrices.shape)


def _near_one(x):
    # Over a power of two, which rounds nothing: the squares in the norm must not leave the format.
    if x.numel() == 0:
        return x
    largest = x.abs().amax(dim=(-2, -1), keepdim=True)
    largest = largest if x.dtype == torch.float64 else largest.float()
    kind, exponent = (torch.int32, 0x7F800000)
    if x.dtype == torch.float64:
        kind, exponent = (torch.int64, 0x7FF0000000000000)
    power = (largest.view(kind) & exponent).view(largest.dtype)  # 0 below the normal numbers
    return x / power.clamp(min=torch.finfo(x.dtype).tiny).to(x.dtype)


class Muon(torch.optim.Optimizer):
    """Momentum, made orthogonal: for weight matrices of hidden layers, not for other parameters.

    A step adds the gradient to its moving average, takes the next average as Nesterov does, makes
    it orthogonal and scales it by ``lr * 0.2 * sqrt(max(rows, columns))``: its entries are then as
    large as AdamW's, so that both take one learning rate and one weight decay. It equals
    ``torch.optim.Muon(adjust_lr_fn="match_rms_adamw")`` (torch 2.9 and later), but runs all
    matrices of a shape, transposed or not, as one batch, and goes as far for a gradient whose norm
    is below 1e-7 as for any other.

    Args:
        params: matrices, or groups of them, as for every torch optimizer.
        lr: learning rate.
        weight_decay: share of a weight, times lr, taken off in each step.
        momentum: share of the old average that is kept.
        nesterov: True for Nesterov's momentum.
        dtype: of the orthogonalisation; by default bfloat16 for float32 weights where the device
            has it in hardware and its first result for matrices of a shape is as long along the
            gradient as float32's (else a warning says so), or else the weights' own.

    Raises:
        TypeError, ValueError: naming the argument, what came and what was expected.
    """

    def __init__(
        self, params, lr=1e-3, *, weight_decay=0.0, momentum=0.95, nesterov=True, dtype=None
    ):
        if dtype is not None and not (isinstance(dtype, torch.dtype) and dtype.is_floating_point):
            raise TypeError(f"dtype: expected a floating torch.dtype, got {describe(dtype)}")
        self.dtype = dtype
        defaults = _checked(
            {"lr": lr, "weight_decay": weight_decay, "momentum": momentum, "nesterov": nesterov}
        )
        try:
            super().__init__(params, defaults)
        except (TypeError, ValueError) as error:  # torch's own do not name the argument
            named = str(error).startswith(("params:", *(f"{name}:" for name in defaults)))
            raise error if named else type(error)(f"params: {error}") from None

    def add_param_group(self, param_group):
        """Add a dict of ``params``, matrices, and the options in which they differ."""
        super().add_param_group(param_group)
        group = self.param_groups[-1]
        group.update(_checked(group))
        for p in group["params"]:
            if p.ndim != 2 or not p.is_floating_point() or p.numel() == 0:
                raise ValueError(f"params: expected floating-point matrices, got {describe(p)}")

    @torch.no_grad()
    def step(self, closure=None):
        """Update every matrix that has a gradient; return ``closure()``, called first, or None."""
        loss = None
        if closure is not None:
            if not callable(closure):
                raise TypeError(f"closure: expected a callable or None, got {describe(closure)}")
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            batches = {}
            for p in group["params"]:
                if p.grad is not None:
                    if p.grad.is_sparse:
                        raise RuntimeError("Muon does not support sparse gradients")
                    batches.setdefault((p.device, p.dtype, *sorted(p.shape)), []).append(p)
            for matrices in batches.values():
                self._step(group, matrices)
        return loss

    def _step(self, group, matrices):
        gradients, averages = [p.grad for p in matrices], []
        for p in matrices:
            if "momentum_buffer" not in self.state[p]:
                self.state[p]["momentum_buffer"] = torch.zeros_like(p.grad)
            averages.append(self.state[p]["momentum_buffer"])
        momentum = group["momentum"]
        torch._foreach_lerp_(averages, gradients, 1 - momentum)
        updates = averages
        if group["nesterov"]:
            updates = torch._foreach_lerp(gradients, averages, momentum)
        tall = [p.shape[0] > p.shape[1] for p in matrices]
        first = matrices[0]
        x = torch.stack([u.mT if t else u for u, t in zip(updates, tall, strict=True)])
        x = self._orthogonal(x, self.state[first]).to(first.dtype)  # (n, rows, columns)
        updates = [u.mT if t else u for u, t in zip(x.unbind(), tall, strict=True)]
        torch._foreach_mul_(matrices, 1 - group["lr"] * group["weight_decay"])
        scale = 0.2 * max(first.shape) ** 0.5
        torch._foreach_add_(matrices, updates, alpha=-group["lr"] * scale)

    def _orthogonal(self, x, state):
        # Whether bfloat16 is sound for matrices of a shape stands in the state of the first of
        # them: a resumed run must not ask another batch.
        if self.dtype is not None:
            return orthogonalize(x.to(self.dtype))
        if x.dtype != torch.float32 or number_format(x.device) == torch.float32:
            return orthogonalize(x)
        if not state.get("bfloat16_is_sound", True):
            return orthogonalize(x)
        result = orthogonalize(x.bfloat16())
        if "bfloat16_is_sound" in state or not bool(x.any()):
            return result
        # Along the gradient: in directions that it hardly has, bfloat16 is all rounding error.
        plain = orthogonalize(x)
        along, wanted = ((part.float() * x).sum() for part in (result, plain))
        state["bfloat16_is_sound"] = bool((along - wanted).abs() <= 0.25 * wanted)  # no for NaN
        if state["bfloat16_is_sound"]:
            return result
        warnings.warn(
            f"Muon orthogonalises matrices {tuple(x.shape)} in float32: bfloat16 gave "
            f"{along:.3g} along the gradient, expected {wanted:.3g}",
            RuntimeWarning,
            stacklevel=2,
        )
        return plain


def _checked(options):
    # The options of a group as Python's own numbers, which a checkpoint can hold.
    return {
        "lr": real("lr", options["lr"], minimum=0),
        "weight_decay": real("weight_decay", options["weight_decay"], minimum=0),
        "momentum": real("momentum", options["momentum"], minimum=0, maximum=1),
        "nesterov": flag("nesterov", options["nesterov"]),
    }


class MuonAdamW:
    """Muon for the hidden matrices of a model beside AdamW for all its other parameters.

    Muon takes the weights of all ``nn.Linear`` but the last one registered, which makes the
    outputs; AdamW takes that one, embeddings, convolutions, biases and gains. A weight that one of
    these shares with a hidden layer is AdamW's.

    Args:
        model: nn.Module; parameters that require no gradient are left alone.
        lr: learning rate of both.
        weight_decay: of both, for parameters of two axes or more.
        betas: of AdamW, as in torch.

    Attributes:
        param_groups: the groups of both, Muon's first, whose "lr" a schedule may set.

    Raises:
        TypeError, ValueError: naming the argument; ValueError also for a model without a hidden
            matrix.
    """

    def __init__(self, model, lr=1e-3, *, weight_decay=0.0, betas=(0.9, 0.999)):
        matrices, others = _split(model)
        weight_decay = real("weight_decay", weight_decay, minimum=0)
        self.muon = Muon(matrices, lr, weight_decay=weight_decay)
        betas = arguments.betas("betas", betas)
        groups = [
            {"params": [p for p in others if p.ndim >= 2], "weight_decay": weight_decay},
            {"params": [p for p in others if p.ndim < 2], "weight_decay": 0.0},
        ]
        groups = [group for group in groups if group["params"]]
        fused = all(p.device.type in ("cpu", "cuda") and p.is_floating_point() for p in others)
        # A model may be all hidden matrices but for one frozen output layer.
        self.adamw = None
        if groups:
            self.adamw = torch.optim.AdamW(groups, lr=lr, betas=betas, fused=fused)

    @property
    def _parts(self):
        return [self.muon] if self.adamw is None else [self.muon, self.adamw]

    @property
    def param_groups(self):
        return [group for part in self._parts for group in part.param_groups]

    def zero_grad(self, set_to_none=True):
        """Drop the gradients, as every torch optimizer does."""
        for part in self._parts:
            part.zero_grad(set_to_none)

    def step(self):
        """Update every parameter that has a gradient."""
        for part in self._parts:
            part.step()

    def state_dict(self):
        """Return the states of both, of types that a checkpoint can hold."""
        return {"parts": [part.state_dict() for part in self._parts]}

    def load_state_dict(self, state):
        """Take over what :meth:`state_dict` returned; ValueError if it is of other parameters."""
        parts = state.get("parts") if isinstance(state, dict) else None
        if not isinstance(parts, list) or len(parts) != len(self._parts):
            raise ValueError(f"state: expected what state_dict() returned, got {describe(state)}")
        for part, saved in zip(self._parts, parts, strict=True):
            part.load_state_dict(saved)


def _split(model):
    # (hidden matrices, the rest), in the order of model.parameters().
    arguments.module("model", model)
    linear = [m for m in model.modules() if isinstance(m, torch.nn.Linear)]  # in their order
    hidden = {id(m.weight) for m in linear}
    for module in model.modules():
        if module in linear[-1:] or module not in linear:
            hidden -= {id(p) for p in module.parameters(recurse=False)}
    trained = [p for p in model.parameters() if p.requires_grad]
    matrices = [p for p in trained if id(p) in hidden]
    if not matrices:
        raise ValueError(
            "model: Muon needs a weight of an nn.Linear before the last one to train, found none "
            f"in {type(model).__name__}; use optimizer='adamw'"
        )
    return matrices, [p for p in trained if id(p) not in hidden]
