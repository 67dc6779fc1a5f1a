"""Checks that the schemas of several live figures share; limits come from the figure.

A limit is ``(lowest, highest)`` or ``(lowest, highest, step)``; None where there is none, or where
it follows from other data. The checks of ``arguments`` are imported when a figure is made, since
they import torch, which importing ``bigmodel_utils.live`` must not.
"""

__all__ = ["both", "matrix", "number", "numbers", "option", "settings", "shaped", "switch", "whole"]


def settings(name, data, defaults):
    """Return ``data`` completed with ``defaults``; ValueError for a key that these do not have."""
    for key in data:
        if key not in defaults:
            known = ", ".join(sorted(defaults))
            raise ValueError(f"{name}: unknown key {key!r}; the keys are {known}")
    return {**defaults, **data}


def whole(name, value, limit):
    """Return an integer within the limit."""
    from bigmodel_utils.arguments import integer

    return integer(name, value, minimum=limit[0], maximum=limit[1])


def number(name, value, limit):
    """Return a float within the limit."""
    from bigmodel_utils.arguments import real

    return real(name, value, minimum=limit[0], maximum=limit[1])


def option(name, value, choices):
    """Return ``value`` if it is one of the choices."""
    from bigmodel_utils.arguments import one_of

    return one_of(name, value, choices)


def switch(name, value):
    """Return ``value`` if it is True or False."""
    from bigmodel_utils.arguments import flag

    return flag(name, value)


def both(name, value, limit):
    """Return an integer or a pair of them, each within the limit, as ``[rows, columns]``."""
    from bigmodel_utils.arguments import pair

    return [whole(name, v, limit) for v in pair(name, value)]


def numbers(value):
    """Return a list, tuple, array or tensor as nested lists; anything else as it is."""
    return value.tolist() if hasattr(value, "tolist") else value


def matrix(name, value, limit, rows, columns):
    """Return a nested list, array or tensor of bounded numbers as a list of equal rows.

    Args:
        name: in messages.
        value: the matrix.
        limit: of each number.
        rows, columns: limits of how many there are.
    """
    lines = numbers(value)
    nested = isinstance(lines, (list, tuple)) and all(isinstance(r, (list, tuple)) for r in lines)
    if not nested or not lines:
        raise TypeError(f"{name}: expected a matrix (a list of rows), got {lines!r:.60}")
    widths = sorted({len(line) for line in lines})
    if len(widths) > 1:
        raise ValueError(f"{name}: expected rows of one length, got lengths {widths}")
    whole(f"{name}, rows", len(lines), rows)
    whole(f"{name}, columns", widths[0], columns)

    def cell(row, column, v):
        v = number(f"{name}[{row}][{column}]", v, limit)
        return int(v) if v.is_integer() else v

    return [[cell(r, c, v) for c, v in enumerate(line)] for r, line in enumerate(lines)]


def shaped(name, value, limit, shape):
    """Return a matrix of bounded numbers that must have exactly this shape."""
    found = matrix(name, value, limit, (1, None), (1, None))
    if (len(found), len(found[0])) != tuple(shape):
        got = (len(found), len(found[0]))
        raise ValueError(f"{name}: expected shape {tuple(shape)}, got {got}")
    return found
