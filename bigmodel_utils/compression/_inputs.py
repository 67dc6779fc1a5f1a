"""Compression of a matrix that looks at what the matrix is multiplied by.

A layer computes x Wᵀ for inputs x. What counts is the error of that product over the inputs, and
it depends on them through their second moment H = XᵀX alone.
"""

import torch

from bigmodel_utils import arguments
from bigmodel_utils.arguments import integer, real
from bigmodel_utils.compression._grid import to_codes

__all__ = ["in_turn", "low_rank"]


def in_turn(weight, moment, *, bits=None, group_size=None, keep=None, damping=0.01):
    """Round or remove the weights of a matrix column by column, the later ones making up for it.

    After each column the columns that are still free move to the place where the squared error of
    the product is least (Frantar et al. 2023, "GPTQ", and 2023, "SparseGPT"). Groups have symmetric
    grids, set by their weights as they are when their turn comes.

    Args:
        weight: floating-point tensor (rows, columns).
        moment: (columns, columns), XᵀX of inputs X (n, columns).
        bits: 2 to 8, or None to leave kept weights as they are.
        group_size: neighbours in a row that share a scale, a divisor of columns; None for the row.
        keep: bool tensor of the weight's shape, False where a weight becomes zero; None for all.
        damping: the mean of the moment's diagonal times this is added to the diagonal, so that it
            can be inverted; 0 or more.

    Returns:
        Tensor (rows, columns) in the weight's format.

    Raises:
        TypeError, ValueError: naming the argument; a moment that cannot be inverted is refused.
    """
    w, h = _checked(weight, moment, damping)
    rows, columns = w.shape
    size = columns if group_size is None else integer("group_size", group_size, minimum=1)
    if columns % size:
        raise ValueError(f"group_size: expected a divisor of {columns} columns, got {size}")
    if bits is None and keep is None:
        raise ValueError("bits: expected a number of bits where all weights are kept")
    if keep is not None and (keep.dtype != torch.bool or keep.shape != w.shape):
        raise ValueError(f"keep: expected booleans {tuple(w.shape)}, got {tuple(keep.shape)}")
    lower, failed = torch.linalg.cholesky_ex(h)
    if failed:
        raise ValueError("moment: expected a positive definite matrix, or more damping")
    upper = torch.linalg.cholesky(torch.cholesky_inverse(lower), upper=True)
    scale = None
    for start in range(0, columns, size):
        end = start + size
        if bits is not None:
            part = w[:, start:end]
            if keep is not None:
                part = part * keep[:, start:end]
            scale = to_codes(part.float(), bits=bits).scale.to(w.dtype)  # (rows, 1)
        errors = torch.empty(rows, size, dtype=w.dtype)
        for q in range(start, end):
            column = w[:, q : q + 1]
            new = column if bits is None else _rounded(column, scale, bits)
            if keep is not None:
                new = new * keep[:, q : q + 1]
            error = (column - new) / upper[q, q]
            w[:, q + 1 : end] -= error * upper[q, q + 1 : end]
            w[:, q : q + 1] = new
            errors[:, q - start] = error[:, 0]
        w[:, end:] -= errors @ upper[start:end, end:]
    return w.to(weight.dtype)


def _rounded(column, scale, bits):
    top = 2 ** (bits - 1) - 1
    return (column / scale).round().clamp(-top, top) * scale


def low_rank(weight, rank, moment=None, *, damping=0.01):
    """Return factors of the matrix of some rank that is nearest, by its entries or by its product.

    Args:
        weight: floating-point tensor (rows, columns).
        rank: at most the smaller of both.
        moment: (columns, columns), XᵀX of inputs X; None for the nearest in its entries.
        damping: as in :func:`in_turn`.

    Returns:
        tuple: left (rows, rank) and right (rank, columns), in the weight's format.

    Raises:
        TypeError, ValueError: naming the argument.
    """
    arguments.tensor("weight", weight, ("rows", "columns"), floating=True)
    integer("rank", rank, minimum=1, maximum=min(weight.shape))
    root = None
    w = weight.detach().clone()
    if moment is not None:
        w, h = _checked(weight, moment, damping)
        root, failed = torch.linalg.cholesky_ex(h)
        if failed:
            raise ValueError("moment: expected a positive definite matrix, or more damping")
        w = w @ root
    left, sizes, right = torch.linalg.svd(w, full_matrices=False)
    left, right = left[:, :rank] * sizes[:rank], right[:rank]
    if root is not None:  # right @ inverse of root
        right = torch.linalg.solve_triangular(root, right, upper=False, left=False)
    return left.to(weight.dtype), right.to(weight.dtype)


def _checked(weight, moment, damping):
    arguments.tensor("weight", weight, ("rows", "columns"), floating=True)
    columns = weight.shape[1]
    arguments.tensor("moment", moment, (columns, columns), floating=True)
    real("damping", damping, minimum=0)
    work = torch.promote_types(weight.dtype, torch.float32)
    h = moment.detach().to(work).clone()
    h.diagonal().add_(damping * h.diagonal().mean())
    return weight.detach().to(work).clone(), h
