"""The longer run of the language model: it survives a kill; its stored result is of its code."""

import importlib.util
import json
from pathlib import Path

import pytest
import torch

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "book" / "4_practice" / "language_model.ipynb"


@pytest.fixture
def tool(monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / "tools"))
    spec = importlib.util.spec_from_file_location("longrun_tool", ROOT / "tools" / "longrun.py")
    longrun = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(longrun)
    return longrun


def small(tool):
    size = {"context": 64, "d_model": 16, "num_layers": 1, "num_heads": 2, "dropout": 0.1}
    few = {"size": size, "rows": 2, "steps": 6, "warm_up": 2, "look": 100}
    return tool.RECIPE | few | {"temperatures": [1], "characters": 20, "lr": 0.01}


def test_the_stored_result_is_of_the_tools_code_and_the_page_reads_it(tool):
    stored = json.loads(tool.RESULT.read_text(encoding="utf-8"))
    assert stored["code"] == tool.code_hash(), "stale: make longrun"
    assert stored["recipe"] == tool.RECIPE
    assert stored["curve"][-1]["step"] == tool.RECIPE["steps"]
    assert stored["held_out_bits_a_byte"] > 0
    page = json.loads(PAGE.read_text(encoding="utf-8"))
    code = "\n".join("".join(c["source"]) for c in page["cells"] if c["cell_type"] == "code")
    assert tool.RESULT.relative_to(PAGE.parent).as_posix() in code
    printed = json.dumps(page)
    assert f"{stored['parameters']:,} parameters" in printed
    assert f"{stored['cpu_seconds']} CPU-seconds" in printed, "execute the page"


def test_a_run_that_was_stopped_goes_on_to_the_same_weights(tool, tmp_path):
    recipe = small(tool) | {"look": 6}
    whole, _, state = tool.train(recipe, tmp_path / "whole.pt")
    tool.train(recipe, tmp_path / "parts.pt", stop=4)
    parts, _, again = tool.train(recipe, tmp_path / "parts.pt")
    assert again["losses"] == state["losses"] and len(again["losses"]) == 6
    for a, b in zip(whole.parameters(), parts.parameters(), strict=True):
        assert torch.equal(a, b)
    assert len(again["curve"]) == 1
    assert not list(tmp_path.glob("*.partial"))


def test_the_hash_changes_with_the_recipe_and_not_with_docstrings(tool, tmp_path):
    source = (ROOT / "tools" / "longrun.py").read_text(encoding="utf-8")
    copy = tmp_path / "longrun.py"
    copy.write_text(source.replace('"""Train, from', '"""Learn, from'), encoding="utf-8")
    assert tool.code_hash(copy) == tool.code_hash()
    copy.write_text(source.replace('"steps": 4500', '"steps": 4501'), encoding="utf-8")
    assert tool.code_hash(copy) != tool.code_hash()


def test_induction_is_found_where_it_is(tool):
    """A head that looks at the place after the first occurrence alone scores 1."""
    length = 5
    query = torch.arange(length, 2 * length)
    maps = torch.zeros(1, 1, 1, 2 * length, 2 * length)
    maps[..., 0] = 1
    maps[..., query, 0], maps[..., query, query - length + 1] = 0, 1

    class Model(torch.nn.Module):
        def forward(self, tokens):
            return torch.zeros(*tokens.shape, 9)

    tool.attention_maps = lambda model, tokens: maps
    scores, (first, second) = tool.induction(Model(), torch.arange(length)[None])
    assert scores.tolist() == [[1.0]] and first == pytest.approx(second)
