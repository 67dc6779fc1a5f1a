"""What the figure "sampler" accepts as data, and the errors that name what is wrong."""

import pytest
import torch
from schemas import follows_limits, rejected

from bigmodel_utils.live import LiveFigure


def test_data_may_be_a_tensor_and_is_completed():
    logits = torch.tensor([1.5, -2.0, 0.25], dtype=torch.float64)
    figure = LiveFigure(
        "sampler", data={"tokens": ["a", "b", " c"], "logits": logits}, alt="A sampler."
    )
    assert figure.data["logits"] == [1.5, -2.0, 0.25]
    assert figure.data["top_k"] == 3 and figure.data["top_p"] == figure.data["temperature"] == 1


def test_forty_tokens_stay_small_and_markup_stays_text():
    tokens = [f"<b>{i} token</b>" for i in range(40)]
    data = {"tokens": tokens, "logits": [-i / 7 for i in range(40)], "context": "</script>"}
    html = LiveFigure("sampler", data=data, alt="A sampler.")._repr_html_()
    assert len(html.encode()) <= 30_000
    assert html.count("</script>") == 1 and "<b>" not in html


WRONG = [
    ({"tokens": "ab"}, TypeError, "tokens: expected a list of texts"),
    ({"tokens": ["a", 1]}, TypeError, "tokens: expected a list of texts"),
    ({"tokens": ["a"], "logits": [1]}, ValueError, "tokens, number: .*at least 2"),
    ({"tokens": ["a", "a"], "logits": [1, 2]}, ValueError, "different texts"),
    ({"tokens": ["a", ""], "logits": [1, 2]}, ValueError, r"tokens\[1\], length: .*at least 1"),
    ({"tokens": ["a", "b" * 25], "logits": [1, 2]}, ValueError, r"tokens\[1\], length"),
    ({"tokens": [str(i) for i in range(41)], "logits": [0] * 41}, ValueError, "at most 40"),
    ({"tokens": ["a", "b"]}, ValueError, "logits: expected 2 numbers"),
    ({"tokens": ["a", "b"], "logits": 3}, ValueError, "logits: expected 2 numbers"),
    ({"tokens": ["a", "b"], "logits": [1, float("inf")]}, ValueError, r"logits\[1\]: .*finite"),
    ({"tokens": ["a", "b"], "logits": ["1", 2]}, TypeError, r"logits\[0\]: expected a number"),
    ({"context": None}, TypeError, "context: expected text"),
    ({"context": "x" * 301}, TypeError, "context: expected text of at most 300"),
    ({"temperature": -0.1}, ValueError, "temperature: .*at least 0"),
    ({"temperature": 4}, ValueError, "temperature: .*at most 3"),
    ({"top_k": 0}, ValueError, "top_k: .*at least 1"),
    ({"top_p": 0}, ValueError, "top_p: .*at least 0.01"),
    ({"top_p": 1.5}, ValueError, "top_p: .*at most 1"),
    ({"seed": -1}, ValueError, "seed: .*at least 0"),
    ({"topk": 3}, ValueError, "unknown key 'topk'; the keys are context, logits"),
]


@pytest.mark.parametrize(("data", "kind", "message"), WRONG)
def test_wrong_data_is_named(data, kind, message):
    rejected("sampler", data, kind, message)


BEYOND = {
    "temperature": ({"temperature": 4}, (0, 4, 0.05)),
    "top_k": ({"top_k": 0}, (0, None)),
    "top_p": ({"top_p": 0}, (0, 1, 0.01)),
    "seed": ({"seed": -1}, (-1, 9)),
    "tokens": ({"tokens": ["a"], "logits": [1]}, (1, 40)),
    "token": ({"tokens": ["a", ""], "logits": [1, 2]}, (0, 24)),
    "context": ({"context": "x" * 301}, (0, 301)),
    "draws": None,
    "logit": ({"tokens": ["a", "b"], "logits": [1, 2000]}, (-1000, 2000)),
}


def test_limits_are_those_of_the_figure(monkeypatch):
    follows_limits("sampler", monkeypatch, BEYOND)
