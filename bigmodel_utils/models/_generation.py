"""Writing with a language model: from logits to probabilities, from a prompt to a text."""

import inspect

import torch

from bigmodel_utils import arguments, sequences
from bigmodel_utils.arguments import describe, flag, integer, real
from bigmodel_utils.modules import device_of, evaluating

__all__ = ["generate", "next_token_probabilities"]


def next_token_probabilities(logits, *, temperature=1.0, top_k=None, top_p=None):
    """Return the distribution that the next token is drawn from.

    In this order: the logits are divided by the temperature; all but the ``top_k`` most likely
    tokens are dropped; of the others' distribution the fewest most likely are kept whose
    probabilities add up to ``top_p`` at least; what is kept is scaled to add up to 1. Of equally
    likely tokens the one with the smaller number goes first.

    Args:
        logits: floating-point tensor (..., vocab_size). Minus infinity forbids a token.
        temperature: 0 for the most likely token alone, 1 for the model's own distribution.
        top_k: tokens to keep, at least 1; None, or more than there are, keeps all.
        top_p: probability to keep, more than 0 and at most 1; None or 1 keeps all. The most likely
            token always stays.

    Returns:
        Tensor (..., vocab_size), float32, or float64 for such logits.

    Raises:
        TypeError, ValueError: naming the argument; ValueError also for logits that are NaN, plus
            infinity, or minus infinity for every token.

    Source of top-p: Holtzman et al., The curious case of neural text degeneration, 2020
    (arXiv:1904.09751).
    """
    arguments.tensor("logits", logits, floating=True)
    _check_sampling(temperature, top_k, top_p)
    if logits.ndim == 0:
        raise ValueError("logits: expected shape (..., vocab_size), got ()")
    arguments.filled("logits", logits)
    logits = logits.float() if logits.dtype in (torch.bfloat16, torch.float16) else logits
    best = logits.amax(-1, keepdim=True)  # NaN if any is
    if not best.isfinite().all():
        raise ValueError(
            "logits: expected finite numbers, minus infinity for some tokens at most, got "
            f"{describe(logits)} with a largest one of {best[~best.isfinite()][0].item()}"
        )
    if temperature == 0:
        return torch.zeros_like(logits).scatter_(-1, logits.argmax(-1, keepdim=True), 1)
    # The best becomes 0 first: then nothing overflows, however low the temperature. Outside of the
    # dtype's range a temperature would become 0 or infinity, and a forbidden token NaN.
    limits = torch.finfo(logits.dtype)
    scaled = (logits - best) / min(max(float(temperature), limits.tiny), limits.max)
    probabilities = scaled.softmax(-1)
    top_k = None if top_k is None or top_k >= logits.shape[-1] else top_k
    top_p = None if top_p == 1 else top_p
    if top_k is None and top_p is None:
        return probabilities
    ordered, tokens = probabilities.sort(dim=-1, descending=True, stable=True)
    if top_k is not None:
        ordered[..., top_k:] = 0
        ordered = ordered / ordered.sum(-1, keepdim=True)
    if top_p is not None:
        before = ordered.cumsum(-1).roll(1, -1)  # what the more likely tokens add up to
        dropped = before >= top_p
        dropped[..., 0] = False  # the most likely one stays, also if top_p is rounded to 0
        ordered = ordered.masked_fill(dropped, 0)
        ordered = ordered / ordered.sum(-1, keepdim=True)
    return torch.zeros_like(ordered).scatter_(-1, tokens, ordered)


@torch.no_grad()
def generate(
    model, prompt, max_new_tokens, *, lengths=None, temperature=1.0, top_k=None, top_p=None, seed=0,
    use_cache=True,
):  # fmt: skip
    """Continue the rows of ``prompt``, token by token, each drawn given all before it.

    The model reads a window of at most ``model.context`` tokens, at first the prompt's last ones.
    When a token more would not fit, the window restarts at the last ``context // 2`` tokens, and
    they get positions from 0 on. With a cache, a step computes the new position alone; the result
    is the same up to rounding.

    Args:
        model: nn.Module with an attribute ``context``; model(tokens) (b, t) -> logits
            (b, t, vocab_size). With use_cache also model.new_cache(b) and model(tokens, cache), and
            with lengths also an argument mask, as :class:`bigmodel_utils.models.GPT` has them.
        prompt: integer tensor (b, t), at least one token a row.
        max_new_tokens: tokens to add to each row.
        lengths: integer tensor (b,) for prompts of different lengths, padded at the start: of row i
            the last ``lengths[i]`` tokens are read, as if the row were alone. None reads all.
        temperature, top_k, top_p: see :func:`next_token_probabilities`. Temperature 0 draws
            nothing: each token is the most likely one.
        seed: of the draws, which no other generator takes part in.
        use_cache: True to compute each position's keys and values once.

    Returns:
        Tensor (b, t + max_new_tokens), int64, on the device of ``prompt``; padding stays what it
        was. The model works where it is, in evaluation mode, and keeps the mode it was in.

    Raises:
        TypeError, ValueError: naming the argument, what came and what was expected.
    """
    _check_model(model)
    prompt, starts = _check_prompt(model, prompt, lengths)
    integer("max_new_tokens", max_new_tokens, minimum=0)
    _check_sampling(temperature, top_k, top_p)
    integer("seed", seed, minimum=0, maximum=2**63 - 1)
    if flag("use_cache", use_cache) and not hasattr(model, "new_cache"):
        raise TypeError(
            f"use_cache: expected False for {type(model).__name__}, which has no new_cache"
        )
    device = device_of(model, prompt.device)
    generator = torch.Generator(device).manual_seed(seed)
    tokens, cache, context = prompt.to(device), None, model.context
    starts = [max(start, tokens.shape[1] - context) for start in starts]  # of each row's window
    with evaluating(model):
        for _ in range(max_new_tokens):
            length = tokens.shape[1]
            if length - min(starts) > context:
                restart = length - max(1, context // 2)
                starts = [restart if length - start > context else start for start in starts]
                cache = None
            if use_cache and cache is None:
                cache = model.new_cache(len(tokens))
            logits = _logits(model, tokens, starts, cache)
            probabilities = next_token_probabilities(
                logits, temperature=temperature, top_k=top_k, top_p=top_p
            )
            if temperature == 0:
                new = probabilities.argmax(-1, keepdim=True)
            else:
                new = torch.multinomial(probabilities, 1, generator=generator)  # (b, 1)
            tokens = torch.cat([tokens, new], dim=1)
    return tokens.to(prompt.device)


def _logits(model, tokens, starts, cache):
    # Of the last position, (b, vocab_size); the windows are read from their first start on.
    first, options = min(starts), {}
    held = 0 if cache is None else cache.length
    if not held and max(starts) > first:
        places = torch.arange(first, tokens.shape[1], device=tokens.device)
        options = {"mask": places >= torch.tensor(starts, device=tokens.device)[:, None]}
    inputs = tokens[:, first + held :]
    if options:  # padding may hold anything
        inputs = inputs.masked_fill(~options["mask"], 0)
    logits = model(inputs, **options) if cache is None else model(inputs, cache, **options)
    if not isinstance(logits, torch.Tensor) or logits.ndim != 3:
        raise TypeError(
            f"model: expected logits (b, t, vocab_size) for tokens {tuple(inputs.shape)}, got "
            f"{describe(logits)}"
        )
    return logits[:, -1]


def _check_model(model):
    arguments.module("model", model)
    if not isinstance(getattr(model, "context", None), int) or model.context < 1:
        raise TypeError(
            "model: expected an attribute context, the most tokens that it reads, got "
            f"{describe(getattr(model, 'context', None))} in {type(model).__name__}"
        )


def _check_prompt(model, prompt, lengths):
    # Return the prompt as int64 and the place of each row's first real token.
    arguments.integers("prompt", prompt, ("b", "t"))
    if prompt.numel() == 0:
        raise ValueError(
            "prompt: expected at least one token to continue in at least one row, got shape "
            f"{tuple(prompt.shape)}"
        )
    prompt, (b, t) = prompt.long(), prompt.shape
    starts, real = [0] * b, prompt
    if lengths is not None:
        lengths = sequences.check_lengths(lengths, b, t)
        starts = (t - lengths).tolist()
        real = torch.cat([row[start:] for row, start in zip(prompt, starts, strict=True)])
        if max(starts) > 0 and not _takes_mask(model):
            raise TypeError(
                f"lengths: expected None for {type(model).__name__}, whose forward has no argument "
                "mask"
            )
    embedding = next((m for m in model.modules() if isinstance(m, torch.nn.Embedding)), None)
    known = None if embedding is None else embedding.num_embeddings
    low, high = int(real.min()), int(real.max())
    if low < 0 or (known is not None and high >= known):
        limit = "0 up" if known is None else f"0 to {known - 1}, as the model has {known}"
        raise ValueError(
            f"prompt: expected tokens from {limit}, got {low} to {high} in shape "
            f"{tuple(prompt.shape)}"
        )
    return prompt, starts


def _takes_mask(model):
    parameters = inspect.signature(model.forward).parameters.values()
    return any(p.name == "mask" or p.kind is p.VAR_KEYWORD for p in parameters)


def _check_sampling(temperature, top_k, top_p):
    real("temperature", temperature, minimum=0)
    if top_k is not None:
        integer("top_k", top_k, minimum=1)
    if top_p is not None:
        real("top_p", top_p, above=0, maximum=1)
