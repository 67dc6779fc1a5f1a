"""A study's numbers outlive a kill, which may cut the last line."""

import importlib

import pytest


@pytest.fixture
def journal(monkeypatch, request):
    monkeypatch.syspath_prepend(str(request.config.rootpath / "tools"))
    return importlib.import_module("journal").Journal


def test_values_are_made_once_and_a_cut_line_is_made_again(journal, tmp_path):
    path, made = tmp_path / "runs.jsonl", []

    def make(value):
        made.append(value)
        return value

    first = journal(path)
    assert first.get("a", lambda: make(0.5)) == first.get("a", lambda: make(9)) == 0.5
    assert first.get("b", lambda: make(7)) == 7
    path.write_text(path.read_text()[:-6])  # killed while it wrote b
    for _ in range(2):
        again = journal(path)
        assert again.get("a", lambda: make(1)) == 0.5
        assert again.get("b", lambda: make(8)) == 8
    assert made == [0.5, 7, 8]
