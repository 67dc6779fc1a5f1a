"""What the figure "graph" accepts as data, and the errors that name what is wrong."""

import pytest
from schemas import follows_limits, rejected

from bigmodel_utils.live.figures.graph.figure import GRAPHS

WRONG = [
    ({"graph": "paths"}, ValueError, "unknown key 'graph'; the keys are numbers, preset, step"),
    ({"preset": "net"}, ValueError, "preset: expected one of 'paths', 'unit'"),
    ({"numbers": {"c": 1}}, ValueError, "numbers: unknown key 'c'; the keys are a, b"),
    ({"numbers": {"a": 3.5}}, ValueError, r"numbers\['a'\]: expected at most 3"),
    ({"numbers": {"b": "1"}}, TypeError, r"numbers\['b'\]: expected a number"),
    ({"step": -1}, ValueError, "step: .*at least 0, got -1"),
    ({"step": 1.5}, TypeError, "step: expected an integer"),
]


@pytest.mark.parametrize(("data", "kind", "message"), WRONG)
def test_wrong_data_is_named(data, kind, message):
    rejected("graph", data, kind, message)


BEYOND = {
    "number": ({"numbers": {"a": 3.5}}, (-3, 3.5, 0.1)),
    "step": ({"step": -1}, (-1, None)),
}


def test_limits_are_those_of_the_figure(monkeypatch):
    follows_limits("graph", monkeypatch, BEYOND)


@pytest.mark.parametrize("name", GRAPHS)
def test_a_graph_reads_what_comes_before(name):
    graph = GRAPHS[name]
    known = list(graph["inputs"])
    for node, _, parents in graph["nodes"]:
        assert set(parents) <= set(known) and node not in known
        known.append(node)
    assert set(graph["places"]) == set(known)
    read = {parent for _, _, parents in graph["nodes"] for parent in parents}
    assert set(known) - read == {known[-1]}, "the last node alone is the result"
