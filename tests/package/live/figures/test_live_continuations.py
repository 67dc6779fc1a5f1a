"""What the figure "continuations" accepts as data, and the errors that name what is wrong."""

import copy

import pytest
from schemas import follows_limits, rejected

from bigmodel_utils.live import LiveFigure

HEATS = {"temperatures": [0.5, 1]}
TREE = {
    "log_z": [0.7, 1.2],
    "next": [
        {"token": " a", "logit": 0, "log_z": [0.2, 0.9], "next": [{"token": ".", "logit": 0}]},
        {"token": " b", "logit": -1.5},
    ],
}


def changed(**first):
    """The tree with other values in its first token; None takes a key away."""
    tree = copy.deepcopy(TREE)
    token = {**tree["next"][0], **first}
    tree["next"][0] = {key: value for key, value in token.items() if value is not None}
    return {"tree": tree, **HEATS}


def chain(depth):
    """A tree of one token after the other."""
    node = {"token": "x", "logit": 0}
    for _ in range(depth - 1):
        node = {"token": "x", "logit": 0, "log_z": [0, 0], "next": [node]}
    return {"tree": {"log_z": [0, 0], "next": [node]}, **HEATS}


def wide(width, logit=-5):
    tokens = [{"token": str(i), "logit": logit - i} for i in range(width)]
    return {"tree": {"log_z": [0, 4], "next": tokens}, **HEATS}


def test_a_tree_is_kept_as_it_is():
    figure = LiveFigure("continuations", data={"tree": TREE, **HEATS}, alt="A tree.")
    assert figure.data["tree"] == TREE
    assert figure.data["temperatures"] == [0.5, 1]


def test_without_data_it_shows_the_stored_tree_of_a_real_model():
    figure = LiveFigure("continuations", alt="A tree.")
    assert figure.data["prompt"] == "A good friend is someone who"
    assert len(figure.data["tree"]["next"]) == 5
    assert len(figure._repr_html_().encode()) <= 30_000


def test_markup_stays_text():
    data = {"prompt": "</script>", **changed(token="<b>")}
    html = LiveFigure("continuations", data=data, alt="A tree.")._repr_html_()
    assert html.count("</script>") == 1 and "<b>" not in html


def test_a_tree_of_two_hundred_tokens_stays_small():
    def place(depth):
        widths = (5, 4, 3, 2)
        return {
            "log_z": [1.2345, 2.3456, 3.4567, 4.5678],
            "next": [
                {"token": f" token{i}", "logit": -0.1234 * i}
                | (place(depth + 1) if depth < 3 else {})
                for i in range(widths[depth])
            ],
        }

    data = {"temperatures": [0.5, 0.8, 1, 1.5], "tree": place(0)}
    html = LiveFigure("continuations", data=data, alt="A tree.")._repr_html_()
    assert len(html.encode()) <= 30_000


WRONG = [
    ({"prompt": 3}, TypeError, "prompt: expected text"),
    ({"prompt": ""}, ValueError, "prompt, length: .*at least 1"),
    ({"prompt": "x" * 301}, ValueError, "prompt, length: .*at most 300"),
    ({"temperatures": 1}, TypeError, "temperatures: expected a list"),
    ({"temperatures": []}, ValueError, "temperatures, number: .*at least 1"),
    ({"temperatures": [1, 1]}, ValueError, "temperatures: expected different"),
    ({"temperatures": [0, 1]}, ValueError, r"temperatures\[0\]: .*at least 0.05"),
    (
        {"temperature": 0.9, **HEATS},
        ValueError,
        r"temperature: expected one of \[0.5, 1.0\], got 0.9",
    ),
    ({"seed": -1}, ValueError, "seed: .*at least 0"),
    ({"tree": []}, TypeError, "tree: expected a dict"),
    ({"tree": {"next": []}}, ValueError, "tree: expected the keys .*log_z"),
    (
        {"tree": {"log_z": [0, 0], "next": []}, **HEATS},
        ValueError,
        "tree.next, number: .*at least 1",
    ),
    ({"tree": {"log_z": [0, 0], "next": "ab"}, **HEATS}, TypeError, "tree.next: expected a list"),
    ({"tree": {**TREE, "log_z": [1]}, **HEATS}, ValueError, "tree.log_z: expected 2 numbers"),
    (changed(logit=0.5), ValueError, r"tree.next\[0\].logit: .*at most 0"),
    (changed(logit=-2), ValueError, "tree.next: expected the most likely token first"),
    (changed(token=" b"), ValueError, "tree.next: expected different tokens"),
    (changed(token=None), ValueError, r"tree.next\[0\]: expected the keys"),
    (changed(log_z=None), ValueError, r"tree.next\[0\]: expected the keys"),
    (changed(log_z=[0, -1]), ValueError, r"next\[0\].log_z\[1\]: .*at least 0"),
    (
        {"tree": {**TREE, "log_z": [0, 0]}, **HEATS},
        ValueError,
        "tree: expected probabilities of at most 1",
    ),
    (chain(9), ValueError, "depth: .*at most 8"),
    (wide(9), ValueError, "next, number: .*at most 8"),
    ({"nodes": 3}, ValueError, "unknown key 'nodes'"),
]


@pytest.mark.parametrize(("data", "kind", "message"), WRONG)
def test_wrong_data_is_named(data, kind, message):
    rejected("continuations", data, kind, message)


def full():
    """More tokens than a tree may hold, within all other limits."""
    logits = [-5 - i for i in range(8)]

    def place(depth):
        return {
            "log_z": [0, 4],
            "next": [
                {"token": str(i), "logit": logit} | (place(depth + 1) if depth < 3 else {})
                for i, logit in enumerate(logits)
            ],
        }

    return {"tree": place(1), **HEATS}


def heats(number):
    tree = {"log_z": [0] * number, "next": [{"token": "x", "logit": 0}]}
    return {"temperatures": [1 + i / 2 for i in range(number)], "tree": tree}


BEYOND = {
    "temperature": ({"temperatures": [6, 1], "tree": TREE}, (0.05, 6)),
    "temperatures": (heats(7), (1, 7)),
    "depth": (chain(9), (1, 9)),
    "width": (wide(9), (1, 9)),
    "nodes": (full(), (1, 1000)),
    "token": (changed(token="x" * 25), (1, 25)),
    "prompt": ({"prompt": ""}, (0, 300)),
    "logit": (wide(1, -1001), (-2000, 0)),
    "log_z": (changed(log_z=[0, 1001]), (0, 2000)),
    "seed": ({"seed": -1}, (-1, 9)),
}


def test_limits_are_those_of_the_figure(monkeypatch):
    follows_limits("continuations", monkeypatch, BEYOND)
