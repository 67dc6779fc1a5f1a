"""Writing with a language model: from logits to probabilities, from a prompt to a text."""

import torch

from bigmodel_utils import arguments
from bigmodel_utils.arguments import describe, flag, integer, real
from bigmodel_utils.modes import evaluating

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
    # The best becomes 0 first: then nothing overflows, however low the temperature.
    scaled = (logits - best) / max(temperature, torch.finfo(logits.dtype).tiny)
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
        before[..., 0] = 0
        ordered = ordered.masked_fill(before >= top_p, 0)
        ordered = ordered / ordered.sum(-1, keepdim=True)
    return torch.zeros_like(ordered).scatter_(-1, tokens, ordered)


@torch.no_grad()
def generate(
    model, prompt, max_new_tokens, *, temperature=1.0, top_k=None, top_p=None, seed=0,
    use_cache=True,
):  # fmt: skip
    """Continue the rows of ``prompt``, token by token, each drawn given all before it.

    The model reads a window of at most ``model.context`` tokens, at first the prompt's last ones.
    When a token more would not fit, the window restarts at the last ``context // 2`` tokens, and
    they get positions from 0 on. With a cache, a step computes the new position alone; the result
    is the same up to rounding.

    Args:
        model: nn.Module with an attribute ``context``; model(tokens) (b, t) -> logits
            (b, t, vocab_size). With use_cache also model.new_cache(b) and model(tokens, cache), as
            :class:`bigmodel_utils.transformer.GPT` has them.
        prompt: integer tensor (b, t), at least one token a row.
        max_new_tokens: tokens to add to each row.
        temperature, top_k, top_p: see :func:`next_token_probabilities`. Temperature 0 draws
            nothing: each token is the most likely one.
        seed: of the draws, which no other generator takes part in.
        use_cache: True to compute each position's keys and values once.

    Returns:
        Tensor (b, t + max_new_tokens), int64, on the device of ``prompt``. The model works where it
        is, in evaluation mode, and keeps the mode it was in.

    Raises:
        TypeError, ValueError: naming the argument, what came and what was expected.
    """
    tokens = _check(model, prompt)
    integer("max_new_tokens", max_new_tokens, minimum=0)
    _check_sampling(temperature, top_k, top_p)
    integer("seed", seed, minimum=0, maximum=2**63 - 1)
    if flag("use_cache", use_cache) and not hasattr(model, "new_cache"):
        raise TypeError(
            f"use_cache: expected False for {type(model).__name__}, which has no new_cache"
        )
    generator = torch.Generator(tokens.device).manual_seed(seed)
    start, cache, context = max(0, tokens.shape[1] - model.context), None, model.context
    with evaluating(model):
        for _ in range(max_new_tokens):
            length = tokens.shape[1]
            if length - start > context:
                start, cache = length - max(1, context // 2), None
            if use_cache:
                cache = model.new_cache(len(tokens)) if cache is None else cache
                logits = _logits(model, tokens[:, start + cache.length :], cache)
            else:
                logits = _logits(model, tokens[:, start:])
            probabilities = next_token_probabilities(
                logits, temperature=temperature, top_k=top_k, top_p=top_p
            )
            if temperature == 0:
                new = probabilities.argmax(-1, keepdim=True)
            else:
                new = torch.multinomial(probabilities, 1, generator=generator)  # (b, 1)
            tokens = torch.cat([tokens, new], dim=1)
    return tokens.to(prompt.device)


def _logits(model, *inputs):
    # Of the last position, (b, vocab_size).
    logits = model(*inputs)
    if not isinstance(logits, torch.Tensor) or logits.ndim != 3:
        raise TypeError(
            f"model: expected logits (b, t, vocab_size) for tokens {tuple(inputs[0].shape)}, got "
            f"{describe(logits)}"
        )
    return logits[:, -1]


def _check(model, prompt):
    if not isinstance(model, torch.nn.Module):
        raise TypeError(f"model: expected a torch.nn.Module, got {describe(model)}")
    if not isinstance(getattr(model, "context", None), int) or model.context < 1:
        raise TypeError(
            "model: expected an attribute context, the most tokens that it reads, got "
            f"{describe(getattr(model, 'context', None))} in {type(model).__name__}"
        )
    arguments.tensor("prompt", prompt, ("b", "t"))
    if prompt.is_floating_point() or prompt.is_complex() or prompt.dtype == torch.bool:
        raise TypeError(f"prompt: expected integers (int64), got {describe(prompt)}")
    if prompt.numel() == 0:
        raise ValueError(
            "prompt: expected at least one token to continue in at least one row, got shape "
            f"{tuple(prompt.shape)}"
        )
    embedding = next((m for m in model.modules() if isinstance(m, torch.nn.Embedding)), None)
    known = None if embedding is None else embedding.num_embeddings
    low, high = int(prompt.min()), int(prompt.max())
    if low < 0 or (known is not None and high >= known):
        limit = "0 up" if known is None else f"0 to {known - 1}, as the model has {known}"
        raise ValueError(
            f"prompt: expected tokens from {limit}, got {low} to {high} in shape "
            f"{tuple(prompt.shape)}"
        )
    device = next((p.device for p in model.parameters()), prompt.device)
    return prompt.to(device, torch.int64)


def _check_sampling(temperature, top_k, top_p):
    real("temperature", temperature, minimum=0)
    if top_k is not None:
        integer("top_k", top_k, minimum=1)
    if top_p is not None:
        real("top_p", top_p, above=0, maximum=1)
