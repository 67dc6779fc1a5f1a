"""The labs without a kernel: a static default with an alt text, and controls that draw."""

import IPython.display
import ipywidgets
import pytest
import torch

from bigmodel_utils import models
from bigmodel_utils.data import CharTokenizer
from bigmodel_utils.labs import _controls as widgets
from bigmodel_utils.labs import _drawings as labs
from bigmodel_utils.models import generate, next_token_probabilities


@pytest.fixture
def shown(monkeypatch):
    """Collect what is displayed, in order: (object, options)."""
    calls = []
    monkeypatch.setattr(IPython.display, "display", lambda *a, **kw: calls.append((a[0], kw)))
    yield calls
    ipywidgets.Widget.close_all()


def walk(widget):
    yield widget
    for child in getattr(widget, "children", ()):
        yield from walk(child)


def controls(shown):
    lab = [thing for thing, _ in shown if isinstance(thing, ipywidgets.Widget)]
    assert len(lab) == 1
    return {w.description: w for w in walk(lab[0]) if getattr(w, "description", "")}


def photo(*shape, seed=0):
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed))


def figures(shown):
    return [data for data, _ in shown if isinstance(data, dict)]


def assert_default_comes_first(shown, capsys):
    data, options = shown[0]
    mime = next(iter(data))
    assert mime in ("image/png", "image/svg+xml") and len(data[mime]) > 500
    assert len(options["metadata"][mime]["alt"]) >= 20
    assert isinstance(shown[-1][0], ipywidgets.Widget)
    assert "Run this page to use the lab" in capsys.readouterr().out


@pytest.mark.parametrize("channels", [1, 3])
def test_filter_lab_shows_a_static_default(shown, capsys, monkeypatch, channels):
    # The controls draw too, inside a widget, which the built book leaves out.
    monkeypatch.setattr(ipywidgets, "interactive_output", lambda *args: ipywidgets.Output())
    widgets.filter_lab(photo(channels, 41, 60))
    assert_default_comes_first(shown, capsys)


def test_filter_lab_draws_again_for_each_control(shown):
    widgets.filter_lab(photo(3, 40, 60))
    named = controls(shown)
    assert set(named) == {"kernel", "size", "stride"}
    before = figures(shown)
    named["kernel"].value = "blur"
    named["size"].value = 15
    named["stride"].value = 6
    after = figures(shown)
    assert len(after) == len(before) + 3
    assert len({data["image/png"] for data in after[-4:]}) == 4
    assert "'blur'" in after[-1]["text/plain"]


def test_filter_lab_offers_odd_sizes_alone():
    assert all(len(kernel(size)) == size for kernel in widgets.FILTERS.values() for size in (3, 15))


@pytest.mark.parametrize("size", [3, 5, 15])
def test_filters_do_what_their_names_say(size):
    flat = torch.full((20, 30), 0.5)
    inside = (slice(size, -size), slice(size, -size)) if size < 10 else (9, slice(14, 16))
    ramp = torch.arange(30.0).expand(20, 30) / 30
    for name, on_flat in (("blur", 0.5), ("sharpen", 0.5), ("vertical edges", 0.0)):
        filtered = widgets.apply_filter(flat, name, size, 1)
        assert filtered.shape == flat.shape
        torch.testing.assert_close(
            filtered[inside], torch.full_like(filtered[inside], on_flat), atol=1e-5, rtol=0
        )
    vertical = widgets.apply_filter(ramp, "vertical edges", size, 1)[inside]
    horizontal = widgets.apply_filter(ramp, "horizontal edges", size, 1)[inside]
    assert (vertical > 0.05).all() and horizontal.abs().max() < 1e-5
    turned = widgets.apply_filter(ramp.T, "horizontal edges", size, 1).T[inside]
    torch.testing.assert_close(turned, vertical)


def test_the_random_kernel_is_the_same_at_every_draw():
    first, second = (widgets.FILTERS["random"](5) for _ in range(2))
    assert torch.equal(first, second)


def test_stride_leaves_every_other_pixel():
    x = photo(20, 31)
    full, strided = (widgets.apply_filter(x, "blur", 3, stride) for stride in (1, 2))
    torch.testing.assert_close(strided, full[::2, ::2])


@pytest.mark.parametrize(
    ("bad", "error", "words"),
    [
        (photo(20, 30), ValueError, r"photo: .*\(20, 30\)"),
        (photo(2, 20, 30), ValueError, "photo: .*channels, got 2"),
        (photo(3, 20, 30).byte(), TypeError, "photo: .*uint8"),
        (photo(3, 20, 30).numpy(), TypeError, "photo: .*ndarray"),
        ("china", TypeError, "photo"),
    ],
)
def test_filter_lab_names_a_bad_photo(shown, bad, error, words):
    with pytest.raises(error, match=words):
        widgets.filter_lab(bad)
    assert shown == []


def digits(n, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.rand(n, 1, 28, 28, generator=generator), torch.arange(n) % 10


def test_train_lab_shows_a_static_default_and_trains_at_a_click(shown, capsys, monkeypatch):
    widgets.train_lab(digits(120), digits(40, seed=1))
    assert_default_comes_first(shown, capsys)
    named = controls(shown)
    assert {"examples", "epochs", "train"} <= set(named)
    assert named["examples"].max == 120
    named["epochs"].value = 1
    named["examples"].value = 100
    before = len(figures(shown))
    named["train"].click()
    assert len(figures(shown)) == before + 1
    assert not named["train"].disabled

    # After a failure, too, the button can be pressed again.
    states = []

    def fail(*args, **kwargs):
        states.append(named["train"].disabled)
        raise RuntimeError("no memory")

    monkeypatch.setattr("bigmodel_utils.training.fit", fail)
    named["train"].click()
    assert states == [True] and not named["train"].disabled


@pytest.mark.parametrize(
    ("train", "test", "error", "words"),
    [
        (digits(10)[0], digits(10), TypeError, "train"),
        (digits(10), None, TypeError, "test"),
        ((digits(10)[0], digits(9)[1]), digits(10), ValueError, "train"),
        (digits(10), (digits(10)[0].flatten(1), digits(10)[1]), ValueError, r"test.*\(10, 784\)"),
        (digits(10), (digits(10)[0], digits(10)[1].double()), TypeError, "test"),
        (digits(0), digits(10), ValueError, "train"),
    ],
)
def test_train_lab_names_bad_data(shown, train, test, error, words):
    with pytest.raises(error, match=words):
        widgets.train_lab(train, test)
    assert shown == []


def sequences(n=4, t=6):
    x = torch.randn(n, t, 3, generator=torch.Generator().manual_seed(2))
    return x, torch.tensor([4, 6, 1, 3])[:n], torch.arange(n) % 5


def sequence_model(**options):
    torch.manual_seed(0)
    return models.SequenceClassifier(3, 4, 5, dropout=0.5, **options).train()


@pytest.mark.parametrize("bidirectional", [False, True])
def test_sequence_lab_shows_a_static_default(shown, capsys, monkeypatch, bidirectional):
    monkeypatch.setattr(ipywidgets, "interactive_output", lambda *args: ipywidgets.Output())
    model = sequence_model(bidirectional=bidirectional)
    widgets.sequence_lab(model, sequences())
    assert_default_comes_first(shown, capsys)
    assert model.training


def test_sequence_lab_draws_again_for_each_control(shown):
    widgets.sequence_lab(sequence_model(), sequences())
    named = controls(shown)
    assert set(named) == {"sequence", "step"}
    assert (named["sequence"].max, named["step"].max) == (3, 6)
    before = len(figures(shown))
    named["step"].value = 4
    named["sequence"].value = 1
    named["sequence"].value = 2  # one step only: the slider stands beyond its end
    after = figures(shown)
    assert len(after) == before + 3
    assert len({data["image/png"] for data in after[-3:]}) == 3
    assert "after step 1 as bars" in after[-1]["text/plain"]


@pytest.mark.parametrize("bidirectional", [False, True])
def test_the_lab_s_probabilities_are_those_of_each_beginning(bidirectional):
    model = sequence_model(bidirectional=bidirectional)
    x = sequences()[0][1]
    seen = widgets.prefix_probabilities(model, x)
    assert model.training
    model.eval()
    for step in range(1, 7):
        alone = model(x[None, :step], torch.tensor([step])).softmax(1)[0]
        torch.testing.assert_close(seen[step - 1], alone)
    assert seen.std() > 0.01


@pytest.mark.parametrize(
    ("model", "data", "error", "words"),
    [
        (len, sequences(), TypeError, "model: "),
        (sequence_model(), sequences()[:2], TypeError, "data: "),
        (sequence_model(), sequences()[0], TypeError, "data: "),
        (sequence_model(), (sequences()[0][0], *sequences()[1:]), ValueError, "data: x"),
        (sequence_model(), (*sequences()[:2], torch.arange(3)), ValueError, "data: y"),
        (sequence_model(), (*sequences()[:2], torch.rand(4)), TypeError, "data: y"),
        (sequence_model(), (*sequences()[:2], torch.arange(4) + 7), ValueError, "data: y: .*7,"),
        (sequence_model(), (*sequences()[:2], torch.arange(4) - 1), ValueError, "data: y: .*-1"),
        (sequence_model(), (sequences()[0], torch.tensor([4, 7, 1, 3]), torch.arange(4)),
         ValueError, "data: lengths: .*7 in row 1"),
    ],
)  # fmt: skip
def test_sequence_lab_names_bad_data(shown, model, data, error, words):
    with pytest.raises(error, match=words):
        widgets.sequence_lab(model, data)
    assert shown == []


def writer(context=24):
    torch.manual_seed(0)
    tokenizer = CharTokenizer("the quick brown fox, and so on.")
    model = models.GPT(tokenizer.vocab_size, context=context, d_model=16, num_layers=1, num_heads=2)
    torch.nn.init.normal_(model.head.weight)
    return model.train(), tokenizer


def test_text_lab_shows_a_static_default(shown, capsys, monkeypatch):
    monkeypatch.setattr(ipywidgets, "interactive_output", lambda *args: ipywidgets.Output())
    model, tokenizer = writer()
    widgets.text_lab(model, tokenizer, prompt="the fox")
    assert "written" in shown[0][0]["text/plain"] and model.training
    prompt = torch.tensor([tokenizer.encode("the fox")])
    expected = generate(model, prompt, 60, temperature=0.7, top_p=0.95, seed=0)[0]
    output = capsys.readouterr()
    assert output.out.startswith(tokenizer.decode(expected) + "\n")
    print(output.out)
    assert_default_comes_first(shown, capsys)


def test_text_lab_writes_again_for_each_control(shown, capsys):
    widgets.text_lab(*writer(), prompt="the fox")
    named = controls(shown)
    assert set(named) == {"prompt", "tokens", "temp", "top-p", "seed"}
    assert not any(control.continuous_update for control in named.values())
    before = len(figures(shown))
    named["seed"].value = 3
    named["temp"].value = 0.0
    named["top-p"].value = 0.5
    named["tokens"].value = 10
    named["prompt"].value = "so"
    after = figures(shown)
    assert len(after) == before + 5 and len({data["image/png"] for data in after[-5:]}) >= 4
    assert "last 11 tokens" in after[-1]["text/plain"]
    capsys.readouterr()
    named["prompt"].value = "Zebra"
    assert len(figures(shown)) == len(after), "what cannot be encoded draws nothing"


def test_what_cannot_be_written_is_said_and_no_error(shown, capsys):
    model, tokenizer = writer()
    labs.draw_writing(model, tokenizer, "a Z", 5)
    assert "no token for the character 'Z'" in capsys.readouterr().out
    labs.draw_writing(model, tokenizer, "", 5)
    assert "prompt: expected at least one token" in capsys.readouterr().out
    assert shown == []


@pytest.mark.parametrize("options", [{}, {"temperature": 0.6, "top_p": 0.9}, {"top_k": 3}])
def test_surprise_is_that_of_each_beginning(options):
    model, tokenizer = writer()
    tokens = generate(model, torch.tensor([tokenizer.encode("the ")]), 12, seed=4, **options)[0]
    bits = labs.surprise(model, tokens, **options)
    assert model.training and bits.shape == (15,)
    model.eval()
    for step in range(1, 16):
        logits = model(tokens[None, :step])[0, -1].detach()
        q = next_token_probabilities(logits, **options)
        torch.testing.assert_close(bits[step - 1], -q[tokens[step]].log2())
    assert bits[3:].isfinite().all(), "what was drawn could be drawn"


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        ({"model": len}, TypeError, "model: expected a GPT"),
        ({"model": torch.nn.Linear(1, 1)}, TypeError, "model: expected a GPT"),
        ({"tokenizer": "abc"}, TypeError, "tokenizer: expected one with encode and decode, got"),
        ({"tokenizer": None}, TypeError, "tokenizer: .*NoneType"),
        ({"prompt": ""}, ValueError, "prompt: expected a text of a token or more, got ''"),
        ({"prompt": 7}, ValueError, "prompt: "),
        ({"prompt": "Z"}, ValueError, "no token for the character 'Z'"),
    ],
)
def test_text_lab_names_bad_arguments(shown, change, error, words):
    model, tokenizer = writer()
    given = {"model": model, "tokenizer": tokenizer, "prompt": "the"} | change
    with pytest.raises(error, match=words):
        widgets.text_lab(given["model"], given["tokenizer"], prompt=given["prompt"])
    assert shown == []
