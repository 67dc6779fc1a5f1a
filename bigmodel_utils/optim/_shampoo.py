"""Shampoo: a gradient between the inverse roots of its own averaged squares, left and right.

Sources: Gupta, Koren and Singer, Shampoo: Preconditioned stochastic tensor optimization, 2018
(arXiv:1802.09568). Averages in place of sums and momentum follow later practice, lengths that are
set Anil et al., Scalable second order optimization for deep learning, 2020 (arXiv:2002.09018), and
the scale of the update Liu et al., Muon is scalable for LLM training, 2025 (arXiv:2502.16982).
"""

import torch

from bigmodel_utils.arguments import flag, integer, real
from bigmodel_utils.optim._params import floating, naming

__all__ = ["Shampoo"]


class Shampoo(torch.optim.Optimizer):
    """Momentum, multiplied from both sides by roots that undo the usual size of the gradients.

    A gradient of more than two axes is flattened to (n, rest), a vector is a matrix (n, 1). With
    the averages L of G Gᵀ and R of Gᵀ G, a step goes along L^(-1/4) M R^(-1/4), M being the
    momentum, and is ``lr * 0.2 * sqrt(rows * columns)`` long, as Muon's is: its entries are then as
    large as Adam's usually are, so that both take one learning rate. A side of one entry, or longer
    than ``longest``, is left out, and the other side then gets the power -1/2. With ``memory`` and
    ``momentum`` of 0 it is U Vᵀ for G = U S Vᵀ: Muon's step.

    Args:
        params: tensors, or groups of them, as for every torch optimizer.
        lr: learning rate.
        weight_decay: share of a weight, times lr, taken off in each step.
        momentum: share of the old average of the gradients that is kept.
        memory: the same for L and R.
        nesterov: True for Nesterov's momentum.
        every: steps between two computations of the roots; in the first so many it is every step.
        longest: the largest side whose root is computed, since that costs its cube.
        eps: smallest eigenvalue counted, as a share of the largest.

    Raises:
        TypeError, ValueError: naming the argument, what came and what was expected.
    """

    def __init__(
        self, params, lr=1e-3, *, weight_decay=0.0, momentum=0.95, memory=0.95, nesterov=True,
        every=5, longest=256, eps=1e-4,
    ):  # fmt: skip
        defaults = {
            "lr": lr, "weight_decay": weight_decay, "momentum": momentum, "memory": memory,
            "nesterov": nesterov, "every": every, "longest": longest, "eps": eps,
        }  # fmt: skip
        with naming(defaults):
            super().__init__(params, _checked(defaults))

    def add_param_group(self, param_group):
        """Add a dict of ``params`` and the options in which they differ."""
        super().add_param_group(param_group)
        floating(self.param_groups[-1]["params"])
        self.param_groups[-1].update(_checked(self.param_groups[-1]))

    @torch.no_grad()
    def step(self, closure=None):
        """Update every parameter that has a gradient; return ``closure()``, called first."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            for p in group["params"]:
                if p.grad is not None:
                    self._step(p, self.state[p], group)
        return loss

    def _step(self, p, state, group):
        g = p.grad.flatten(1) if p.ndim > 1 else p.grad.reshape(-1, 1)  # (rows, columns)
        sides = [i for i in (0, 1) if 1 < g.shape[i] <= group["longest"]]
        if not state:
            state["step"], state["momentum_buffer"] = 0, torch.zeros_like(g)
            for i in sides:
                state[f"square{i}"] = g.new_zeros(g.shape[i], g.shape[i])
        state["momentum_buffer"].lerp_(g, 1 - group["momentum"])
        # Divided by what the average's weights add up to: a first gradient counts in full.
        memory = group["memory"]
        share = 1.0 if state["step"] == 0 else (1 - memory) / (1 - memory ** (state["step"] + 1))
        update = state["momentum_buffer"]
        if group["nesterov"]:
            update = g.lerp(update, group["momentum"])
        for i in sides:
            square = state[f"square{i}"]
            square.lerp_(g @ g.mT if i == 0 else g.mT @ g, share)
            if state["step"] < group["every"] or state["step"] % group["every"] == 0:
                power = -1 / (2 * len(sides))
                state[f"root{i}"] = _power(square, power, group["eps"])
            root = state[f"root{i}"]
            update = root @ update if i == 0 else update @ root
        state["step"] += 1
        length = update.norm()
        scale = 0.2 * g.numel() ** 0.5 / length if length > 0 else 0.0
        p.mul_(1 - group["lr"] * group["weight_decay"])
        p.sub_((group["lr"] * scale * update).view_as(p))


def _power(square, power, eps):
    # Symmetric, positive semi-definite; of zeros it is zero, so that nothing moves.
    values, vectors = torch.linalg.eigh(square)
    largest = values[-1]
    if not largest > 0:
        return torch.zeros_like(square)
    values = values.clamp(min=eps * largest) ** power
    return (vectors * values) @ vectors.mT


def _checked(options):
    return {
        "lr": real("lr", options["lr"], minimum=0),
        "weight_decay": real("weight_decay", options["weight_decay"], minimum=0),
        "momentum": real("momentum", options["momentum"], minimum=0, maximum=1),
        "memory": real("memory", options["memory"], minimum=0, maximum=0.9999),
        "nesterov": flag("nesterov", options["nesterov"]),
        "every": integer("every", options["every"], minimum=1),
        "longest": integer("longest", options["longest"], minimum=1),
        "eps": real("eps", options["eps"], minimum=0),
    }
