"""What the labs compute and draw; their controls are in ``widgets``."""

import math

import torch
import torch.nn.functional as F

from bigmodel_utils import plotting
from bigmodel_utils.models import generate, next_token_probabilities
from bigmodel_utils.modules import evaluating
from bigmodel_utils.words import say

__all__ = [
    "FILTERS",
    "apply_filter",
    "draw_arrival",
    "draw_writing",
    "prefix_probabilities",
    "surprise",
]

FILTERS = {
    "blur": lambda size: torch.full((size, size), 1 / size**2),
    "vertical edges": lambda size: _derivative(size),
    "horizontal edges": lambda size: _derivative(size).T,
    "sharpen": lambda size: _sharpen(size),
    "random": lambda size: torch.randn(
        size, size, generator=torch.Generator().manual_seed(size)
    ) / size,
}  # fmt: skip


def _derivative(size):
    ramp = torch.linspace(-1, 1, size)
    smooth = torch.hann_window(size + 2, periodic=False)[1:-1]
    kernel = smooth[:, None] * ramp
    return kernel / kernel.abs().sum() * 4


def _sharpen(size):
    kernel = -torch.full((size, size), 1 / size**2)
    kernel[size // 2, size // 2] += 2
    return kernel


def apply_filter(photo, name, size, stride):
    """Return the grey photo (h, w) filtered by the named kernel, with zero padding."""
    kernel = FILTERS[name](size).to(photo)
    return F.conv2d(photo[None, None], kernel[None, None], padding=size // 2, stride=stride)[0, 0]


def prefix_probabilities(model, sequence):
    """Return the probabilities (t, classes) after each step of one sequence (t, d)."""
    size = len(sequence)
    with torch.no_grad(), evaluating(model):
        prefixes = sequence.expand(size, *sequence.shape)
        return model(prefixes, torch.arange(1, size + 1)).softmax(1)


def draw_arrival(seen, step, truth):
    """Draw the probabilities seen (t, classes) as they change, and those after ``step``."""
    classes = seen.shape[1]
    fig, axes = plotting.figure(1, 2, width=7, height=2.6)
    span = (0.5, len(seen) + 0.5, classes - 0.5, -0.5)
    image = axes[0].imshow(seen.T.numpy(), vmin=0, vmax=1, cmap="Blues", aspect="auto", extent=span)
    axes[0].axvline(step, color=plotting.COLORS[1], lw=1.5)
    axes[0].set(xlabel=say("step"), ylabel=say("class"), yticks=range(classes))
    fig.colorbar(image, ax=axes[0], label=say("probability"))
    colors = [plotting.COLORS[2 if c == truth else 0] for c in range(classes)]
    axes[1].bar(range(classes), (100 * seen[step - 1]).tolist(), color=colors)
    axes[1].set(
        xlabel=say("class"), ylabel=say("probability (%)"), ylim=(0, 100), xticks=range(classes)
    )
    answer = int(seen[step - 1].argmax())
    values = {"step": step, "steps": len(seen), "answer": answer, "truth": truth}
    title = say("after {step} of {steps} steps: {answer}, truth {truth}", **values)
    axes[1].set_title(title, fontsize=10)
    plotting.show(
        fig,
        say(
            "Probabilities of {classes} classes after each step, as a heat map, and after step "
            "{step} as bars: the answer is {answer}, the truth {truth}, drawn in green.",
            classes=classes,
            **values,
        ),
        kind="png",
    )


@torch.no_grad()
def surprise(model, tokens, **options):
    """Return -log2 of the probability of each token of a row after the first, (t - 1,).

    Args:
        model: a GPT; no longer row than its context.
        tokens: (t,) integers.
        options: temperature, top_k, top_p of ``next_token_probabilities``, by which the tokens were
            drawn.
    """
    with evaluating(model):
        q = next_token_probabilities(model(tokens[None, :-1])[0], **options)  # (t - 1, vocab)
    return -q.gather(1, tokens[1:, None])[:, 0].log2()


def draw_writing(model, tokenizer, prompt, length, **options):
    """Let a model continue a prompt; print the text and draw how sure it was of each token.

    ``options`` are those of ``generate``. What cannot be encoded is printed as a message.
    """
    try:
        first = torch.tensor([tokenizer.encode(prompt)], dtype=torch.int64)
        tokens = generate(model, first, length, **options)[0]
    except ValueError as error:  # no token for a character, or nothing to begin with
        print(error)
        return
    print(tokenizer.decode(tokens.tolist()))
    shown = tokens[-min(len(tokens), model.context) :].to(first.device)
    device = next(model.parameters()).device
    bits = surprise(model, shown.to(device)).cpu()  # of the model itself, not of the cut
    fig, ax = plotting.figure(width=7, height=2.2)
    place = range(len(tokens) - len(bits) + 1, len(tokens) + 1)
    written = [p > first.shape[1] for p in place]
    for kind, color, label in ((False, 5, say("prompt")), (True, 0, say("written"))):
        if kind not in written:  # the prompt may lie before what the model still sees
            continue
        height = [b if w is kind else math.nan for b, w in zip(bits.tolist(), written, strict=True)]
        ax.bar(place, height, width=0.9, color=plotting.COLORS[color], label=label)
    ax.set(xlabel=say("token"), ylabel=say("surprise (bits)"))
    ax.legend()
    mean = bits[torch.tensor(written)].mean().item() if any(written) else math.nan
    plotting.show(
        fig,
        say(
            "Bits of surprise of each of the last {count} tokens; the written ones have "
            "{mean:.1f} on average.",
            count=len(bits),
            mean=mean,
        ),
        kind="png",
    )
