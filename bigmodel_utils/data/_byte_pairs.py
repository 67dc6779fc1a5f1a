"""Byte-pair merges: learnt from counted pieces, and applied to one piece, in almost linear time."""

import heapq
from array import array
from itertools import pairwise

import numpy

__all__ = ["byte_tokens", "learn_merges", "merge_bytes"]


def byte_tokens():
    """Return the 256 bytes in the order of GPT-2: those that Latin-1 shows as a sign come first."""
    visible = [*range(33, 127), *range(161, 173), *range(174, 256)]
    rest = [b for b in range(256) if b not in visible]
    return [bytes([b]) for b in visible + rest]


def learn_merges(pieces, vocab_size):
    """Return the pairs of tokens to merge, in order: the most frequent, the smallest of equals.

    Token i below 256 is ``byte_tokens()[i]``, and merge m makes token 256 + m. No two merges make
    the same bytes: what happens within them depends on them alone, unless a merge crosses their
    border, and then they never are a token.

    The pieces lie in one row, as a doubly linked list. Each pair keeps the places where it began,
    and a heap the pairs by their counts. A merge touches its own places and their neighbours only;
    places and heap entries that went out of date are noticed when their turn comes. So the time is
    linear in the bytes of the different pieces, but for the logarithm of the heap, and does not
    depend on how long a piece is.

    Args:
        pieces: dict from the different pieces (strings) to how often each occurs.
        vocab_size: tokens wanted, at least 256; fewer merges if no pair is left.
    """
    ids, times, counts, where = _laid_out(pieces, vocab_size)
    before, after = array("q", range(-1, len(ids) - 1)), array("q", range(1, len(ids) + 1))
    # A pair (x, y) is the number x * vocab_size + y, and a heap entry one number too: the largest
    # count comes first, then the smallest pair.
    scale = vocab_size * vocab_size
    heap = [pair - count * scale for pair, count in counts.items()]
    heapq.heapify(heap)
    merges = []
    while heap and 256 + len(merges) < vocab_size:
        count, pair = -(heap[0] // scale), heap[0] % scale
        now = counts.get(pair, 0)
        if now != count:  # it lost places to other merges since it was pushed
            if now:
                heapq.heapreplace(heap, pair - now * scale)
            else:
                heapq.heappop(heap)
            continue
        heapq.heappop(heap)
        x, y = divmod(pair, vocab_size)
        new = 256 + len(merges)
        merges.append((x, y))
        left, right = {}, {}  # neighbour: [how often, places...]
        for place in sorted(where.pop(pair)):  # of places that overlap, as in "aaa", the leftmost
            second = after[place]
            if ids[place] != x or ids[second] != y:
                continue
            previous, following, weight = before[place], after[second], times[place]
            ids[place], ids[second] = new, -1
            after[place], before[following] = following, place
            neighbour = ids[previous]
            if neighbour >= 0:
                found = left.setdefault(neighbour, [0])
                found[0] += weight
                found.append(previous)
            neighbour = ids[following]
            if neighbour >= 0:
                found = right.setdefault(neighbour, [0])
                found[0] += weight
                found.append(place)
        lost = [(a * vocab_size + x, weight) for a, (weight, *_) in left.items()]
        lost += [(y * vocab_size + b, weight) for b, (weight, *_) in right.items()]
        won = [(a * vocab_size + new, found) for a, found in left.items()]
        won += [(new * vocab_size + b, found) for b, found in right.items()]
        for changed, (weight, *places) in won:
            where[changed] = places  # the token is new, and so is each pair with it
            counts[changed] = weight
            heapq.heappush(heap, changed - weight * scale)
        for changed, weight in lost:
            counts[changed] -= weight
            if not counts[changed]:
                del counts[changed]
                where.pop(changed, None)  # gone already if it is the pair itself, as in "aaa"
    return merges


def _laid_out(pieces, vocab_size):
    """Lay the pieces in a row with -1 between them; find the places and the count of each pair.

    Returns:
        tuple: the tokens of the row; how often the piece around each occurs; dicts from a pair to
        its count and to the places of its first token, from left to right.
    """
    encoded = [piece.encode() for piece in pieces]
    lengths = numpy.fromiter(map(len, encoded), numpy.int64, len(encoded))
    number = numpy.empty(256, numpy.int64)
    number[[token[0] for token in byte_tokens()]] = numpy.arange(256)
    places = numpy.arange(lengths.sum()) + numpy.repeat(numpy.arange(1, len(encoded) + 1), lengths)
    ids = numpy.full(len(places) + len(encoded) + 1, -1)
    ids[places] = number[numpy.frombuffer(b"".join(encoded), numpy.uint8)]
    times = numpy.zeros_like(ids)
    times[places] = numpy.repeat(
        numpy.fromiter(pieces.values(), numpy.int64, len(encoded)), lengths
    )
    starts = numpy.flatnonzero((ids[:-1] >= 0) & (ids[1:] >= 0))
    pairs = ids[starts] * vocab_size + ids[starts + 1]
    order = numpy.argsort(pairs, kind="stable")
    starts, pairs = starts[order], pairs[order]
    cuts = numpy.flatnonzero(numpy.diff(pairs, prepend=-1))
    counts = numpy.add.reduceat(times[starts], cuts) if len(cuts) else cuts
    keys, where = pairs[cuts].tolist(), _as_array(starts)
    ends = [*cuts[1:].tolist(), len(starts)]
    where = {
        pair: where[a:b] for pair, a, b in zip(keys, cuts.tolist(), ends[: len(keys)], strict=True)
    }
    counts = dict(zip(keys, counts.tolist(), strict=True))
    return _as_array(ids), _as_array(times), counts, where


def _as_array(values):
    """The array module's: its elements are read faster than numpy's, in less memory than a list."""
    return array("q", values.astype(numpy.int64).tobytes())


def merge_bytes(word, ranks, made):
    """Apply merges to the tokens of one piece: the lowest rank first, of equals the leftmost.

    Args:
        word: list of tokens.
        ranks: dict from a pair of tokens to its rank.
        made: list of the tokens that the merges make, by rank.

    Returns:
        list: tokens. The time grows with n log n for n tokens.
    """
    size, rank_of = len(word), ranks.get
    # A heap entry is rank * size + place of the left token.
    heap = [r * size + i for i, r in enumerate(map(rank_of, pairwise(word))) if r is not None]
    heapq.heapify(heap)
    word = [*word, -1]
    before, after = list(range(-1, size)), list(range(1, size + 2))
    while heap:
        rank, place = divmod(heapq.heappop(heap), size)
        second = after[place]
        if word[place] < 0 or rank_of((word[place], word[second])) != rank:
            continue  # one of the two was merged before
        new = word[place] = made[rank]
        word[second] = -1
        following = after[place] = after[second]
        if following < size:
            before[following] = place
            rank = rank_of((new, word[following]))
            if rank is not None:
                heapq.heappush(heap, rank * size + place)
        previous = before[place]
        if previous >= 0:
            rank = rank_of((word[previous], new))
            if rank is not None:
                heapq.heappush(heap, rank * size + previous)
    return [token for token in word if token >= 0]
