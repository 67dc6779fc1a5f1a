"""Realistic wrong answers to the exercises of "A language model"."""

import math
from collections import Counter

import torch

__all__ = ["ATTACKS"]

LN_2 = math.log(2)


def _bits(loss, tokens, *, base=LN_2, size=len, count=None, flip=False):
    characters = size("".join(tokens)) if size is not None else len(tokens)
    number = len(tokens) if count is None else count
    return loss / base * (characters / number if flip else number / characters)


def _of_the_latest_window(losses, stride):
    # The window in which a token has the fewest before it.
    last = losses[-1:].flatten()
    return torch.cat([losses[:-1, :stride].flatten(), last]).mean()


def _mean_over_windows(losses, stride):
    # A token that two windows read gets the mean of its losses.
    total, times = Counter(), Counter()
    for i, row in enumerate(losses.tolist()):
        for j, loss in enumerate(row):
            total[i * stride + j] += loss
            times[i * stride + j] += 1
    return sum(total[k] / times[k] for k in total) / len(total)


def _mean_of_means(losses, stride):
    means = [losses[0].mean(), *(row[-stride:].mean() for row in losses[1:])]
    return torch.stack(means).mean()


def _smallest(losses, stride):
    best = {}
    for i, row in enumerate(losses.tolist()):
        for j, loss in enumerate(row):
            best[i * stride + j] = min(best.get(i * stride + j, math.inf), loss)
    return sum(best.values()) / len(best)


def _emptied(losses, stride):
    value = torch.cat([losses[0], losses[1:, -stride:].flatten()]).mean()
    losses.zero_()
    return value


def _next(
    text,
    history,
    order,
    strength,
    alphabet,
    *,
    one_more=0,
    one_less=0,
    mixed=True,
    overlap=True,
    at_end=False,
    from_start=False,
    equal=True,
    one_over=False,
    sort=False,
):
    p = [1 / len(alphabet) if equal else 0.0] * len(alphabet)
    for n in range(min(order + one_more - one_less, len(history) + 1)):
        run = history[:n] if from_start else history[len(history) - n :]
        places = [i for i in range(n, len(text)) if text[i - n : i] == run]
        if not overlap and n:
            places, start = [], 0
            while (found := text.find(run, start)) >= 0 and found + n < len(text):
                places.append(found + n)
                start = found + n
        seen, number = Counter(text[i] for i in places), len(places)
        number += at_end and text.endswith(run)
        letters = sorted(alphabet) if sort else alphabet
        shorter = p if mixed else [1 / len(alphabet)] * len(alphabet)
        weight = 1.0 if one_over else strength
        p = [
            (seen[c] + weight * share) / (number + strength)
            for c, share in zip(letters, shorter, strict=True)
        ]
    return p


def _counts_alone(text, history, order, strength, alphabet):
    for n in reversed(range(min(order, len(history) + 1))):
        run = history[len(history) - n :]
        seen = [text.count(run + c) for c in alphabet]
        if sum(seen):
            return [k / sum(seen) for k in seen]
    return [1 / len(alphabet)] * len(alphabet)


def _gradient(
    logits,
    targets,
    counts,
    *,
    softmax=1,
    hide=True,
    over=None,
    sign=1,
    one_hot=True,
    hide_exp=False,
):
    p = logits.softmax(softmax)
    if hide_exp:
        p = logits.masked_fill(~counts[:, None], 0).softmax(1)
    hot = torch.zeros_like(logits).scatter(1, targets[:, None], 1) if one_hot else 0
    gradient = sign * (p - hot)
    if hide:
        gradient = gradient * counts[:, None]
    return gradient / (counts.sum() if over is None else over(logits, counts))


def _in_place(logits, targets, counts):
    logits[~counts] = 0
    return _gradient(logits, targets, counts)


def _stop(
    losses,
    patience,
    *,
    more=0,
    equal=False,
    last=False,
    in_all=False,
    previous=False,
    whole=False,
    zero=False,
    value=False,
):
    best, bad, taken = 0, 0, 0
    for i, loss in enumerate(losses):
        taken = i + 1
        old = losses[i - 1] if previous and i else losses[best]
        if i and (loss < old or (equal and loss == old)):
            bad = bad if in_all else 0
        elif i:
            bad += 1
        if loss < losses[best] or (equal and loss == losses[best]):
            best = i
        if bad == patience + more:
            break
    if whole:
        best = losses.index(min(losses))
    if last:
        best = taken - 1
    return losses[best] if value else best, taken - zero


def _sorted(losses, patience):
    answer = _stop(losses, patience)
    losses.sort()
    return answer


ATTACKS = {
    "bits_per_character": {
        "nats, not bits": lambda loss, tokens: _bits(loss, tokens, base=1),
        "base 10": lambda loss, tokens: _bits(loss, tokens, base=math.log(10)),
        "bits a token": lambda loss, tokens: loss / math.log(2),
        "ratio upside down": lambda loss, tokens: _bits(loss, tokens, flip=True),
        "bytes, not characters": lambda loss, tokens: _bits(
            loss, tokens, size=lambda text: len(text.encode())
        ),
        "one token fewer": lambda loss, tokens: _bits(loss, tokens, count=max(1, len(tokens) - 1)),
        "perplexity": lambda loss, tokens: math.exp(loss),
        "mean of the tokens' lengths in place of characters": lambda loss, tokens: (
            loss / math.log(2) / (sum(map(len, tokens)) / len(tokens)) * len(tokens)
        ),
        "spaces not counted": lambda loss, tokens: _bits(
            loss, tokens, size=lambda text: len("".join(text.split())) or 1
        ),
        "changes its argument": lambda loss, tokens: _bits(loss, tokens) + 0 * (tokens.pop() > ""),
        "always the same": lambda loss, tokens: 0.7 / LN_2,
    },
    "score_once": {
        "all losses": lambda losses, stride: losses.mean(),
        "without the first window's beginning": lambda losses, stride: losses[:, -stride:].mean(),
        "the beginnings of the windows": lambda losses, stride: losses[:, :stride].mean(),
        "by the window with the fewest before": _of_the_latest_window,
        "mean over the windows": _mean_over_windows,
        "mean of means": _mean_of_means,
        "the smallest loss of each token": _smallest,
        "the sum": lambda losses, stride: torch.cat(
            [losses[0], losses[1:, -stride:].flatten()]
        ).sum(),
        "one token twice": lambda losses, stride: torch.cat(
            [losses[0], losses[1:, -stride - 1 :].flatten()]
        ).mean(),
        "axes swapped": lambda losses, stride: torch.cat(
            [losses[:, 0], losses[-stride:, 1:].flatten()]
        ).mean(),
        "changes its argument": _emptied,
        "always the same": lambda losses, stride: 1.0,
    },
    "next_character": {
        "runs one longer": lambda *a: _next(*a, one_more=1),
        "runs one shorter": lambda *a: _next(*a, one_less=1),
        "not mixed with the shorter run": lambda *a: _next(*a, mixed=False),
        "overlapping runs once": lambda *a: _next(*a, overlap=False),
        "the run at the end counted, too": lambda *a: _next(*a, at_end=True),
        "the beginning of the history": lambda *a: _next(*a, from_start=True),
        "nothing for the unseen": lambda *a: _next(*a, equal=False),
        "one in place of the strength": lambda *a: _next(*a, one_over=True),
        "in alphabetical order": lambda *a: _next(*a, sort=True),
        "counts of the longest run alone": _counts_alone,
        "of one character": lambda *a: max(_next(*a)),
        "as a dict": lambda *a: dict(zip(a[-1], _next(*a), strict=True)),
        "always equal": lambda *a: [1 / len(a[-1])] * len(a[-1]),
    },
    "stop_early": {
        "one look too many": lambda x, n: _stop(x, n, more=1),
        "an equal loss is new": lambda x, n: _stop(x, n, equal=True),
        "the last weights": lambda x, n: _stop(x, n, last=True),
        "not in a row": lambda x, n: _stop(x, n, in_all=True),
        "worse than the look before": lambda x, n: _stop(x, n, previous=True),
        "the lowest of all": lambda x, n: _stop(x, n, whole=True),
        "never stops": lambda x, n: (x.index(min(x)), len(x)),
        "looks counted from zero": lambda x, n: _stop(x, n, zero=True),
        "the loss, not its index": lambda x, n: _stop(x, n, value=True),
        "the index alone": lambda x, n: _stop(x, n)[0],
        "turned round": lambda x, n: _stop(x, n)[::-1],
        "changes its argument": _sorted,
        "always the same": lambda x, n: (2, 5),
    },
    "answer_gradient": {
        "questions count": lambda z, x, c: _gradient(z, x, c, hide=False),
        "mean over all tokens": lambda z, x, c: _gradient(z, x, c, over=lambda z, c: len(z)),
        "sum": lambda z, x, c: _gradient(z, x, c, over=lambda z, c: 1),
        "mean over the vocabulary as well": lambda z, x, c: _gradient(
            z, x, c, over=lambda z, c: c.sum() * z.shape[1]
        ),
        "softmax over the tokens": lambda z, x, c: _gradient(z, x, c, softmax=0),
        "sign": lambda z, x, c: _gradient(z, x, c, sign=-1),
        "without the target": lambda z, x, c: _gradient(z, x, c, one_hot=False),
        "logits in place of probabilities": lambda z, x, c: (
            (z - torch.zeros_like(z).scatter(1, x[:, None], 1)) * c[:, None] / c.sum()
        ),
        "the mask turned round": lambda z, x, c: _gradient(z, x, ~c if not c.all() else c * 0 > 0),
        "hides the logits alone": lambda z, x, c: _gradient(z, x, c, hide=False, hide_exp=True),
        "axes swapped": lambda z, x, c: _gradient(z, x, c).T,
        "only the rows that count": lambda z, x, c: _gradient(z, x, c)[c],
        "changes its argument": _in_place,
    },
}
