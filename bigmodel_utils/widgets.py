"""Labs that need a kernel: the only module that imports ipywidgets.

Every lab first shows a static default, which is what the built book keeps, with a line
that says how to use the lab.
"""

import torch
import torch.nn.functional as F

from bigmodel_utils import arguments, plotting

__all__ = ["filter_lab", "train_lab"]

_NOTE = (
    "Run this page to use the lab: open it on Colab or in JupyterLab with the rocket button "
    "at the top of the page."
)

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
            titles=["original", f"{name}, {size} × {size}, stride {stride}"],
        )
        plotting.show(
            fig, f"A photograph and the same filtered by the kernel {name!r}.", kind="png"
        )

    draw("vertical edges", 3, 1)
    print(_NOTE)
    controls = {
        "name": ipywidgets.Dropdown(options=list(FILTERS), description="kernel"),
        "size": ipywidgets.IntSlider(3, 3, 15, 2, description="size"),
        "stride": ipywidgets.IntSlider(1, 1, 6, description="stride"),
    }
    _show(draw, controls)


def _show(draw, controls):
    import ipywidgets
    from IPython.display import display

    output = ipywidgets.interactive_output(draw, controls)
    display(ipywidgets.VBox([ipywidgets.HBox(list(controls.values())), output]))


def train_lab(train, test):
    """Train a small CNN on a part of the data and watch loss and test accuracy.

    Args:
        train, test: pairs ``(x, y)`` of images (n, 1, 28, 28) in [0, 1] and labels (n,).
    """
    import ipywidgets
    from IPython.display import display

    from bigmodel_utils.models import RecognitionCNN
    from bigmodel_utils.training import fit

    def run(examples, log_lr, epochs, progress=True):
        torch.manual_seed(0)
        model = RecognitionCNN()
        part = tuple(t[:examples] for t in train)
        record = fit(model, part, test, epochs=epochs, lr=10.0**log_lr, progress=progress)
        fig, axes = plotting.figure(1, 2, width=7, height=2.6)
        plotting.history(record, axes[0])
        accuracy = [100 * row["test_accuracy"] for row in record.epochs]
        axes[1].plot(range(1, len(accuracy) + 1), accuracy, "o-")
        axes[1].set_xlabel("epoch")
        axes[1].set_ylabel("test accuracy (%)")
        plotting.show(
            fig,
            f"Training loss by step and test accuracy by epoch, ending at {accuracy[-1]:.1f} %.",
        )

    run(min(500, len(train[0])), -2.5, 3, progress=False)
    print(_NOTE)
    examples = ipywidgets.IntSlider(500, 100, len(train[0]), 100, description="examples")
    log_lr = ipywidgets.FloatSlider(value=-2.5, min=-5, max=0, step=0.25, description="log10 lr")
    epochs = ipywidgets.IntSlider(3, 1, 10, description="epochs")
    button = ipywidgets.Button(description="train")
    output = ipywidgets.Output()

    def on_click(_):
        button.disabled = True
        try:
            with output:
                output.clear_output()
                run(examples.value, log_lr.value, epochs.value)
        finally:
            button.disabled = False

    button.on_click(on_click)
    display(ipywidgets.VBox([ipywidgets.HBox([examples, log_lr, epochs]), button, output]))
