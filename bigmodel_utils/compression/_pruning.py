"""Which weights stay when others are removed: masks, True where a weight is kept."""

import torch

from bigmodel_utils import arguments
from bigmodel_utils.arguments import real

__all__ = ["largest", "two_of_four"]


def largest(scores, share, *, together=True):
    """Keep the weights with the largest scores.

    Args:
        scores: list of floating-point tensors, one for each layer, such as the sizes of weights.
        share: of the weights, from 0 to 1, that is removed.
        together: True for one threshold for all layers, False for the same share in each.

    Returns:
        list: a bool tensor for each layer. Of equal scores the first ones stay.

    Raises:
        TypeError, ValueError: naming the argument.
    """
    if not isinstance(scores, (list, tuple)) or not scores:
        raise TypeError(f"scores: expected a list of tensors, got {arguments.describe(scores)}")
    for i, one in enumerate(scores):
        arguments.tensor(f"scores[{i}]", one, floating=True)
    share = real("share", share, minimum=0, maximum=1)
    if not together:
        return [largest([one], share)[0] for one in scores]
    flat = torch.cat([one.detach().flatten() for one in scores])
    kept = torch.zeros(len(flat), dtype=torch.bool, device=flat.device)
    stay = len(flat) - round(share * len(flat))
    kept[flat.argsort(descending=True, stable=True)[:stay]] = True
    pieces = kept.split([one.numel() for one in scores])
    return [piece.view_as(one) for piece, one in zip(pieces, scores, strict=True)]


def two_of_four(scores):
    """Keep the two largest of every four neighbours in a row, the pattern of sparse tensor cores.

    Args:
        scores: floating-point tensor (rows, columns), columns a multiple of four.

    Returns:
        bool tensor of the same shape. Of equal scores the first ones stay.

    Raises:
        TypeError, ValueError: naming the argument.
    """
    arguments.tensor("scores", scores, ("rows", "columns"), floating=True)
    if scores.shape[1] % 4:
        raise ValueError(f"scores: expected a multiple of 4 columns, got {scores.shape[1]}")
    fours = scores.detach().unflatten(1, (-1, 4))  # (rows, columns / 4, 4)
    order = fours.argsort(dim=2, descending=True, stable=True)
    kept = torch.zeros_like(fours, dtype=torch.bool)
    return kept.scatter(2, order[..., :2], True).flatten(1)
