"""Realistic wrong answers to the exercises of "Deployment and inference"."""

import heapq
import math

__all__ = ["ATTACKS"]


def _free(
    b, s, r, M, L, n, n_kv, d, c, *, sides=2, cache=True, pairs=4, own=True, floor=math.floor,
    least=0, per=2, heads=None, rows=True,
):  # fmt: skip
    kept = {"queries": n, None: n_kv}[heads]
    moved = c * M + (sides * L * kept * d * c * s * (b if rows else 1) if cache else 0)
    flops = (2 * b * M + pairs * L * b * s * n * d) if own else 0
    return max(least, floor((r * moved - flops) / (per * M)))


def _askers(
    memory, s, M, L, n_kv, d, c, w, p, *, sides=2, window=True, page="up", weights=True, size=None,
    least=0,
):  # fmt: skip
    kept = min(s, w) if window else s
    places = {"up": p * -(-kept // p), "down": p * (kept // p), "none": kept, "one": kept + p}[page]
    each = sides * L * n_kv * d * (size or c) * max(places, 1)
    return max(least, (memory - (c * M if weights else 0)) // each)


def _order(key, *, by_arrival=True):
    def starts(arrivals, lengths, slots):
        free, out, waiting, came = [0.0] * slots, [0.0] * len(lengths), [], 0
        for _ in lengths:
            now = heapq.heappop(free)
            if not waiting and by_arrival:
                now = max(now, arrivals[came])
            while came < len(arrivals) and (arrivals[came] <= now or not by_arrival):
                heapq.heappush(waiting, (key(lengths[came], came), came))
                came += 1
            _, i = heapq.heappop(waiting)
            out[i] = now
            heapq.heappush(free, now + lengths[i])
        return out

    return starts


def _sorted_at_first(arrivals, lengths, slots):
    free, out = [0.0] * slots, [0.0] * len(lengths)
    for i in sorted(range(len(lengths)), key=lambda i: lengths[i]):
        out[i] = max(arrivals[i], heapq.heappop(free))
        heapq.heappush(free, out[i] + lengths[i])
    return out


def _static(arrivals, lengths, slots):
    left, now, out = list(range(len(lengths))), 0.0, [0.0] * len(lengths)
    while left:
        now = max(now, arrivals[left[0]])
        waiting = sorted((i for i in left if arrivals[i] <= now), key=lambda i: lengths[i])[:slots]
        for i in waiting:
            out[i] = now
            left.remove(i)
        now += max(lengths[i] for i in waiting)
    return out


def _sorted_starts(arrivals, lengths, slots):
    return sorted(_order(lambda length, i: (length, i))(arrivals, lengths, slots))


def _rounded(
    weight, x, *, levels=127, rows=True, norm=True, over=12, root=True, flat=False, same=False,
    asymmetric=False, turned=False,
):  # fmt: skip
    size = weight.abs()
    scale = (size.amax(1, keepdim=True) if rows else size.amax()) / levels
    if asymmetric:
        scale = (weight.amax(1, keepdim=True) - weight.amin(1, keepdim=True)) / 255
    scale = scale.expand(len(weight), 1)
    codes = (weight / scale).trunc() if flat else (weight / scale).round()
    y = x @ (codes * scale).T if not same else x @ weight.T
    length = x.norm(dim=1)[:, None] if norm else x.abs().sum(1)[:, None]
    spread = length * scale.T / over**0.5
    spread = spread if root else spread**2
    return y, spread.T if turned else spread


def _with(function, **options):
    return lambda *arguments: function(*arguments, **options)


ATTACKS = {
    "free_positions": {
        "the cache is not moved": _with(_free, cache=False),
        "keys alone": _with(_free, sides=1),
        "one asker's cache": _with(_free, rows=False),
        "a cache of query heads": _with(_free, heads="queries"),
        "without attention's FLOPs": _with(_free, pairs=0),
        "half of attention's FLOPs": _with(_free, pairs=2),
        "the writing is for nothing too": _with(_free, own=False),
        "one FLOP a product and sum": _with(_free, per=1),
        "rounded up": _with(_free, floor=math.ceil),
        "less than nothing": _with(_free, least=-(10**9)),
        "at least one": _with(_free, least=1),
        "a constant": lambda *_: 5,
    },
    "askers": {
        "keys alone": _with(_askers, sides=1),
        "no window": _with(_askers, window=False),
        "no pages": _with(_askers, page="none"),
        "pages rounded down": _with(_askers, page="down"),
        "a page more": _with(_askers, page="one"),
        "without the weights": _with(_askers, weights=False),
        "numbers of two bytes": _with(_askers, size=2),
        "less than nothing": _with(_askers, least=-(10**9)),
        "at least one": _with(_askers, least=1),
        "no whole number": lambda m, s, M, L, k, d, c, w, p: max(
            0, (m - c * M) / (-(-min(s, w) // p) * p * 2 * L * k * d * c)
        ),
        "a constant": lambda *_: 3,
    },
    "shortest_first": {
        "first come": _order(lambda length, i: i),
        "longest first": _order(lambda length, i: (-length, i)),
        "the last of equals": _order(lambda length, i: (length, -i)),
        "before they arrive": _order(lambda length, i: (length, i), by_arrival=False),
        "sorted once": _sorted_at_first,
        "in batches": _static,
        "in the order of time": _sorted_starts,
        "the arrivals": lambda arrivals, lengths, slots: list(arrivals),
        "ends": lambda a, n, s: [
            t + k for t, k in zip(_order(lambda x, i: (x, i))(a, n, s), n, strict=True)
        ],
    },
    "weight_only": {
        "one scale for all": _with(_rounded, rows=False),
        "128 levels": _with(_rounded, levels=128),
        "cut off, not rounded": _with(_rounded, flat=True),
        "from least to largest": _with(_rounded, asymmetric=True),
        "the weights as they were": _with(_rounded, same=True),
        "sum of sizes": _with(_rounded, norm=False),
        "the variance": _with(_rounded, root=False),
        "the largest error": _with(_rounded, over=4),
        "no twelve": _with(_rounded, over=1),
        "turned over": _with(_rounded, turned=True),
        "outputs alone": lambda w, x: _rounded(w, x)[0],
    },
}
