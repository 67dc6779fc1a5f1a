"""Labs that need a kernel: the only module that imports ipywidgets.

Every lab first shows a static default, which is what the built book keeps, with a line
that says how to use the lab.
"""

import functools

import torch

from bigmodel_utils import arguments, plotting, sequences
from bigmodel_utils.labs import _drawings
from bigmodel_utils.labs._drawings import FILTERS, apply_filter, draw_arrival, prefix_probabilities
from bigmodel_utils.words import say

__all__ = ["filter_lab", "sequence_lab", "text_lab", "train_lab"]


def filter_lab(photo):
    """Filter a photograph with a kernel, size and stride of the reader's choice.

    Args:
        photo: (3, h, w) or (1, h, w) floating-point tensor in [0, 1].
    """
    import ipywidgets

    photo = arguments.tensor("photo", photo, ("c", "h", "w"), floating=True)
    if photo.shape[0] not in (1, 3):
        raise ValueError(f"photo: expected 1 or 3 channels, got {photo.shape[0]}")
    grey = photo.mean(0)[::2, ::2]

    def draw(name, size, stride):
        fig, axes = plotting.figure(1, 2, width=7, height=2.7)
        result = apply_filter(grey, name, size, stride)
        plotting.images(
            [grey, result.clamp(-1, 1)],
            axes,
            titles=[
                say("original"),
                say(
                    "{name}, {size} × {size}, stride {stride}",
                    name=say(name),
                    size=size,
                    stride=stride,
                ),
            ],
        )
        plotting.show(
            fig,
            say("A photograph and the same filtered by the kernel {name!r}.", name=say(name)),
            kind="png",
        )

    first = "vertical edges"
    draw(first, 3, 1)
    print(_note())
    controls = {
        "name": ipywidgets.Dropdown(
            options=[(say(one), one) for one in FILTERS], value=first, description=say("kernel")
        ),
        "size": ipywidgets.IntSlider(3, 3, 15, 2, description=say("size")),
        "stride": ipywidgets.IntSlider(1, 1, 6, description=say("stride")),
    }
    _show(draw, controls)


def _note():
    return say(
        "Run this page to use the lab: open it on Colab or in JupyterLab with the rocket button "
        "at the top of the page."
    )


def _show(draw, controls):
    import ipywidgets
    from IPython.display import display

    output = ipywidgets.interactive_output(draw, controls)
    display(ipywidgets.VBox([ipywidgets.HBox(list(controls.values())), output]))


def train_lab(train, test):
    """Train a small CNN with settings of the reader's choice; watch its loss and accuracy.

    Args:
        train, test: pairs ``(x, y)`` of images (n, c, h, w), floating point, and class labels
            (n,). ``test`` should be a validation part: playing is choosing.

    Raises:
        TypeError, ValueError: naming the part, what came and what was expected.
    """
    import ipywidgets
    from IPython.display import display

    train, test = _checked_part("train", train), _checked_part("test", test)
    classes = int(max(train[1].max(), test[1].max())) + 1
    total = len(train[0])
    smallest = min(100, total)

    def run(examples, log_lr, epochs, relu=True, jitter=False, progress=True):
        _train_and_draw(
            (train[0][:examples], train[1][:examples]),
            test,
            classes,
            lr=10.0**log_lr,
            epochs=epochs,
            relu=relu,
            jitter=jitter,
            progress=progress,
        )

    start = min(300, total)
    run(start, -2.5, 3, progress=False)
    print(_note())
    sliders = {
        "examples": ipywidgets.IntSlider(
            start, smallest, total, smallest, description=say("examples")
        ),
        "log_lr": ipywidgets.FloatSlider(
            value=-2.5, min=-5, max=0.5, step=0.25, description=say("log10 lr")
        ),
        "epochs": ipywidgets.IntSlider(3, 1, 10, description=say("epochs")),
    }
    boxes = {
        "relu": ipywidgets.Checkbox(True, description=say("ReLU")),
        "jitter": ipywidgets.Checkbox(False, description=say("augment")),
    }
    button = ipywidgets.Button(description=say("train"))
    output = ipywidgets.Output()

    def on_click(_):
        button.disabled = True
        try:
            with output:
                output.clear_output()
                run(**{name: control.value for name, control in (sliders | boxes).items()})
        finally:
            button.disabled = False

    button.on_click(on_click)
    rows = [ipywidgets.HBox(list(group.values())) for group in (sliders, boxes)]
    display(ipywidgets.VBox([*rows, button, output]))


def _checked_part(name, part):
    if not isinstance(part, (tuple, list)) or len(part) != 2:
        raise TypeError(f"{name}: expected a pair (x, y), got {arguments.describe(part)}")
    x = arguments.tensor(f"{name}: x", part[0], ("n", "c", "h", "w"), floating=True)
    y = arguments.tensor(f"{name}: y", part[1], ("n",), dtype=torch.int64)
    if len(x) != len(y) or len(x) == 0:
        raise ValueError(f"{name}: expected as many labels as images, got {len(y)} for {len(x)}")
    return x, y


def _train_and_draw(train, test, classes, *, lr, epochs, relu, jitter, progress):
    """Train once; draw the loss of each step and the accuracy after each epoch."""
    from bigmodel_utils.models import RecognitionCNN
    from bigmodel_utils.training import fit

    torch.manual_seed(0)
    model = RecognitionCNN(
        image_size=tuple(train[0].shape[2:]),
        in_channels=train[0].shape[1],
        num_classes=classes,
        relu=relu,
    )
    augment = _jitter if jitter else None
    try:
        record = fit(
            model, train, test, epochs=epochs, batch_size=64, lr=lr, augment=augment,
            progress=progress,
        )  # fmt: skip
    except FloatingPointError as error:
        print(error)  # a rate that is too high is a result too
        return
    if not record.epochs:
        print(say("Stopped before the first epoch ended."))
        return
    accuracy = [100 * value for value in record.column("test_accuracy")]
    fig, axes = plotting.figure(1, 2, width=7, height=2.6)
    plotting.history(record, axes[0])
    axes[1].plot(range(1, len(accuracy) + 1), accuracy, "o-")
    axes[1].set_xlabel(say("epoch"))
    axes[1].set_ylabel(say("accuracy, held out (%)"))
    axes[1].xaxis.get_major_locator().set_params(integer=True)
    plotting.show(
        fig,
        say(
            "Training loss by step and accuracy on held-out images by epoch, ending at "
            "{accuracy:.0f} %.",
            accuracy=accuracy[-1],
        ),
    )


def _jitter(x, generator):
    from bigmodel_utils.data import random_affine

    return random_affine(x, degrees=10, scale=(0.9, 1.1), translate=2, generator=generator)


def sequence_lab(model, data):
    """Watch a sequence classifier change its mind as the steps of a sequence arrive.

    Args:
        model: torch.nn.Module called with (x, lengths) for logits (b, classes), on the CPU.
        data: triple ``(x, lengths, y)`` of sequences (n, t, d), lengths (n,) and classes (n,).

    Raises:
        TypeError, ValueError: naming the argument, what came and what was expected.
    """
    import ipywidgets

    arguments.module("model", model)
    if not isinstance(data, (tuple, list)) or len(data) != 3:
        raise TypeError(f"data: expected a triple (x, lengths, y), got {arguments.describe(data)}")
    x = arguments.tensor("data: x", data[0], ("n", "t", "d"), floating=True)
    lengths = sequences.check_lengths(data[1], *x.shape[:2], name="data: lengths")
    y = arguments.tensor("data: y", data[2], (len(x),), dtype=torch.int64)

    @functools.lru_cache(maxsize=1)  # the step slider asks for one sequence again and again
    def seen_of(sequence):
        return prefix_probabilities(model, x[sequence, : lengths[sequence]])  # (t, classes)

    if not set(y.tolist()) <= set(range(seen_of(0).shape[1])):
        raise ValueError(f"data: y: expected classes below {seen_of(0).shape[1]}, got {y.unique()}")

    def draw(sequence, step):
        draw_arrival(seen_of(sequence), min(step, int(lengths[sequence])), int(y[sequence]))

    first = min(2, int(lengths[0]))
    draw(0, first)
    print(_note())
    controls = {
        "sequence": ipywidgets.IntSlider(0, 0, len(x) - 1, description=say("sequence")),
        "step": ipywidgets.IntSlider(first, 1, int(lengths.max()), description=say("step")),
    }
    _show(draw, controls)


def text_lab(model, tokenizer, *, prompt):
    """Let a language model write, with a prompt and settings of the reader's choice.

    Args:
        model: a GPT (``context``, ``new_cache``), as :func:`bigmodel_utils.models.generate`
            needs it.
        tokenizer: with ``encode`` and ``decode``, the one that the model was trained with.
        prompt: text to begin with, of at least one token.

    Raises:
        TypeError, ValueError: naming the argument, what came and what was expected.
    """
    import ipywidgets

    if not isinstance(model, torch.nn.Module) or not hasattr(model, "context"):
        raise TypeError(f"model: expected a GPT with a context, got {arguments.describe(model)}")
    if not all(callable(getattr(tokenizer, name, None)) for name in ("encode", "decode")):
        described = arguments.describe(tokenizer)
        raise TypeError(f"tokenizer: expected one with encode and decode, got {described}")
    if not isinstance(prompt, str) or not tokenizer.encode(prompt):
        raise ValueError(f"prompt: expected a text of a token or more, got {prompt!r:.60}")

    draw = functools.partial(_drawings.draw_writing, model, tokenizer)
    first = {"prompt": prompt, "length": 60, "temperature": 0.7, "top_p": 0.95, "seed": 0}
    draw(**first)
    print(_note())
    slow = {"continuous_update": False}  # writing takes a moment: only where the slider stops
    slider = ipywidgets.FloatSlider
    controls = {
        "prompt": ipywidgets.Text(prompt, description=say("prompt"), **slow),
        "length": ipywidgets.IntSlider(60, 10, 500, 10, description=say("tokens"), **slow),
        "temperature": slider(value=0.7, min=0, max=2, step=0.1, description=say("temp"), **slow),
        "top_p": slider(value=0.95, min=0.05, max=1, step=0.05, description=say("top-p"), **slow),
        "seed": ipywidgets.IntSlider(0, 0, 99, description=say("seed"), **slow),
    }
    _show(draw, controls)
