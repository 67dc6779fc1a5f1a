"""Lion: steps of one size for every weight, with a single memory.

Source: Chen et al., Symbolic discovery of optimization algorithms, 2023 (arXiv:2302.06675).
"""

import torch

from bigmodel_utils import arguments
from bigmodel_utils.arguments import real
from bigmodel_utils.optim._params import floating, naming

__all__ = ["Lion"]


class Lion(torch.optim.Optimizer):
    """The sign of an average of gradients: every weight moves by ``lr``, up or down.

    With an average m and a gradient g, a step takes the sign of ``beta1 m + (1 - beta1) g`` and
    then turns m into ``beta2 m + (1 - beta2) g``. A weight whose sign is 0 stays.

    Args:
        params: tensors, or groups of them, as for every torch optimizer.
        lr: learning rate: the length of a step in every weight. A tenth to a third of Adam's.
        betas: share of the old average in the step, and in the average.
        weight_decay: share of a weight, times lr, taken off in each step.

    Raises:
        TypeError, ValueError: naming the argument, what came and what was expected.
    """

    def __init__(self, params, lr=1e-4, *, betas=(0.9, 0.99), weight_decay=0.0):
        defaults = {"lr": lr, "betas": betas, "weight_decay": weight_decay}
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
            beta1, beta2 = group["betas"]
            for p in group["params"]:
                if p.grad is None:
                    continue
                if "average" not in self.state[p]:
                    self.state[p]["average"] = torch.zeros_like(p)
                average = self.state[p]["average"]
                p.mul_(1 - group["lr"] * group["weight_decay"])
                p.sub_(group["lr"] * average.lerp(p.grad, 1 - beta1).sign_())
                average.lerp_(p.grad, 1 - beta2)
        return loss


def _checked(options):
    return {
        "lr": real("lr", options["lr"], minimum=0),
        "betas": arguments.betas("betas", options["betas"]),
        "weight_decay": real("weight_decay", options["weight_decay"], minimum=0),
    }
