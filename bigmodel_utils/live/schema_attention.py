"""What the live figure about attention accepts as data; see ``schema``."""

from .schema import keys, matrix

__all__ = ["SCHEMAS"]

TOKENS = (2, 6)
TEMPERATURES = (0.1, 5)
# Row i belongs to token i: no two alike, so that rows cannot be exchanged unseen.
VECTORS = {
    "q": [[2, 0], [1, 1.5], [-1, 2], [0.5, -2], [3, 1], [0, 0]],
    "k": [[1.5, 0.5], [-1, 1], [0, 2], [2, -1], [0.5, 1.5], [1, -2]],
    "v": [[4, 0], [0, 3], [-2, 1], [1, -4], [2, 5], [-3, -1]],
    "g": [[1, 0], [0.5, -1], [-2, 1], [0, 2], [1.5, -0.5], [1, 1]],
}
SHOWN = 5


def attention(data):
    """Attention of a few tokens over themselves, with queries, keys and values of two numbers.

    ``q``, ``k``, ``v`` (t, 2), one row a token, two to six tokens, the same number in each; ``g``
    (t, 2): upstream gradient of the outputs, by default ones where vectors are given; ``tokens``:
    how many of them are shown at first; ``scaled``: whether scores are divided by the root of
    d_k; ``temperature``: 0.1 to 5; ``mask``: "none", "causal" or "padding"; ``length``: real
    tokens under the padding mask, from 0; ``view``: "forward" or "backward"; ``select``: the
    (row, column) lit at first, of the output or, backward, of the gradient of the values.
    """
    from bigmodel_utils.arguments import flag, integer, one_of, real

    settings = {
        "tokens": None,
        "scaled": True,
        "temperature": 1,
        "mask": "none",
        "length": None,
        "view": "forward",
        "select": (1, 0),
    }
    keys("attention", data, {**VECTORS, **settings})
    given = [name for name in VECTORS if name in data]
    vectors = {name: rows(name, data[name]) for name in given}
    most = len(vectors[given[0]]) if given else TOKENS[1]
    for name in VECTORS:
        if name not in vectors:
            vectors[name] = [[1, 1]] * most if given and name == "g" else VECTORS[name][:most]
        if len(vectors[name]) != most:
            raise ValueError(
                f"{name}: expected {most} rows as in {given[0]}, got {len(vectors[name])}"
            )
    data = {**settings, **data}
    shown = most if given else SHOWN
    if data["tokens"] is not None:
        shown = integer("tokens", data["tokens"], minimum=TOKENS[0], maximum=most)
    length = max(1, shown - 2) if data["length"] is None else data["length"]
    select = data["select"]
    if not isinstance(select, (list, tuple)) or len(select) != 2:
        raise TypeError(f"select: expected (row, column), got {select!r:.60}")
    return {
        **vectors,
        "tokens": shown,
        "scaled": flag("scaled", data["scaled"]),
        "temperature": real(
            "temperature", data["temperature"], minimum=TEMPERATURES[0], maximum=TEMPERATURES[1]
        ),
        "mask": one_of("mask", data["mask"], ("none", "causal", "padding")),
        "length": integer("length", length, minimum=0, maximum=shown),
        "view": one_of("view", data["view"], ("forward", "backward")),
        "select": [
            integer("select, row", select[0], minimum=0, maximum=shown - 1),
            integer("select, column", select[1], minimum=0, maximum=1),
        ],
    }


def rows(name, value):
    """Return a matrix of two columns with a row for each token."""
    from bigmodel_utils.arguments import integer

    found = matrix(name, value, (TOKENS[1], 2))
    integer(f"{name}, rows", len(found), minimum=TOKENS[0])
    integer(f"{name}, columns", len(found[0]), minimum=2)
    return found


SCHEMAS = {"attention": attention}
