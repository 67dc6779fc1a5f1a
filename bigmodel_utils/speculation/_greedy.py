"""Greedy writing with drafts: the same tokens as without, in fewer steps of the model."""

import torch

from bigmodel_utils import arguments
from bigmodel_utils.arguments import integer
from bigmodel_utils.modules import device_of, evaluating

__all__ = ["generate_greedily", "lookup_draft", "replay"]


def lookup_draft(tokens, k, longest=3):
    """Return what followed the last earlier occurrence of the text's last tokens.

    The longest run of at most ``longest`` last tokens that occurred before is looked up. (Saxena,
    Prompt lookup decoding, 2023.)

    Args:
        tokens: list of integers.
        k: most tokens to return, from 0 up.
        longest: length of the run to begin with.

    Returns:
        list: at most k tokens; empty where even the last token is new.
    """
    integer("k", k, minimum=0)
    integer("longest", longest, minimum=1)
    for n in range(min(longest, len(tokens) - 1), 0, -1):
        last = tokens[-n:]
        for start in range(len(tokens) - n - 1, -1, -1):
            if tokens[start : start + n] == last:
                return tokens[start + n : start + n + k]
    return []


@torch.no_grad()
def generate_greedily(model, prompt, max_new_tokens, draft):
    """Continue one row, each token the most likely one, and let ``draft`` guess ahead.

    A step reads the tokens that are not in the cache yet and the drafts behind them in one pass.
    Drafts that equal the model's own choice are kept, then comes that choice where they end.

    Args:
        model: :class:`bigmodel_utils.models.GPT`, or one with the same cache.
        prompt: list of integers, at least one.
        max_new_tokens: from 0 up.
        draft: function of a list of tokens that returns a list of guesses, perhaps empty.

    Returns:
        tuple: all tokens, a list, the same as without drafts up to rounding; and the number of
        passes of the model.

    Raises:
        TypeError, ValueError: naming the argument; the text must fit the model's context.
    """
    arguments.module("model", model)
    tokens, new = list(prompt), integer("max_new_tokens", max_new_tokens, minimum=0)
    end, passes = len(tokens) + new, 0
    if not tokens:
        raise ValueError("prompt: expected at least one token, got none")
    if end > model.context:
        raise ValueError(f"max_new_tokens: expected {model.context} tokens in all, got {end}")
    device = device_of(model)
    with evaluating(model):
        cache = model.new_cache(1)
        while len(tokens) < end:
            guess = list(draft(tokens))[: end - len(tokens) - 1]
            read = torch.tensor([tokens[cache.length :] + guess], device=device)
            own = model(read, cache)[0, -len(guess) - 1 :].argmax(-1).tolist()
            kept = agreed(guess, own)
            tokens += own[: kept + 1]
            cache.length = len(tokens) - 1  # forget what was read behind the last agreed one
            passes += 1
    return tokens, passes


def agreed(guess, own):
    """Return how many first guesses are the model's own choices."""
    return next((i for i, (a, b) in enumerate(zip(guess, own, strict=False)) if a != b), len(guess))


def replay(tokens, start, draft):
    """Return the passes that :func:`generate_greedily` takes to write ``tokens[start:]``.

    Args:
        tokens: list, a prompt and the model's own greedy text behind it.
        start: length of the prompt, at least 1.
        draft: as there.
    """
    integer("start", start, minimum=1, maximum=len(tokens))
    place, passes = start, 0
    while place < len(tokens):
        guess = list(draft(tokens[:place]))[: len(tokens) - place - 1]
        place += agreed(guess, tokens[place:]) + 1
        passes += 1
    return passes
