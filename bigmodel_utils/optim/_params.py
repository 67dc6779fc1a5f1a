"""What the optimisers of this folder ask of the parameters that they are given."""

import contextlib

from bigmodel_utils.arguments import describe

__all__ = ["floating", "naming"]


@contextlib.contextmanager
def naming(options):
    """Let torch's own complaints about parameters name ``params``, as those about options do."""
    try:
        yield
    except (TypeError, ValueError) as error:
        named = str(error).startswith(("params:", *(f"{name}:" for name in options)))
        raise error if named else type(error)(f"params: {error}") from None


def floating(params):
    """ValueError for a parameter that is not floating-point or has no entry."""
    for p in params:
        if not p.is_floating_point() or p.numel() == 0:
            raise ValueError(f"params: expected floating-point tensors, got {describe(p)}")
