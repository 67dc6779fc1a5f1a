"""What the live figure about rotary positions accepts as data; see ``schema``."""

from .schema import keys, matrix

__all__ = ["SCHEMAS"]

MOST = 32
BASES = (10, 100, 10000)
Q = [[1.5, 1, -0.5, 1], [0.5, -1, 1, 0.5]]
K = [[1, 1.5, 0.5, 1], [1, -0.5, 1, -1]]


def rotary(data):
    """A query and a key of a few pairs of features, turned by their positions.

    ``q``, ``k`` (2, pairs): first and second feature of each pair, 1 to 4 pairs, as many in both;
    ``m``, ``n``: positions of the query and the key, 0 to 32; ``shift``: moves both, 0 to 32;
    ``base``: 10, 100 or 10000; pair i turns by ``base ** (-i / pairs)`` radians a position;
    ``turn``: "on" or "off".
    """
    from bigmodel_utils.arguments import integer, one_of

    defaults = {"q": Q, "k": K, "m": 6, "n": 2, "shift": 0, "base": 100, "turn": "on"}
    keys("rotary", data, defaults)
    data = {**defaults, **data}
    q, k = (matrix(name, data[name], (2, 4)) for name in ("q", "k"))
    for name, value in (("q", q), ("k", k)):
        if (len(value), len(value[0])) != (2, len(q[0])):
            got = (len(value), len(value[0]))
            raise ValueError(f"{name}: expected shape (2, {len(q[0])}), got {got}")
    return {
        "q": q,
        "k": k,
        **{
            name: integer(name, data[name], minimum=0, maximum=MOST) for name in ("m", "n", "shift")
        },
        "base": one_of("base", data["base"], BASES),
        "turn": one_of("turn", data["turn"], ("on", "off")),
        "most": MOST,
    }


SCHEMAS = {"rotary": rotary}
