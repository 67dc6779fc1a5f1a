"""An experiment is taken out of its page, and its hash changes when it does."""

import json

import pytest

from bigmodel_utils import claims

CELLS = [
    "import torch\nfrom bigmodel_utils.claims import claim, experiment\n"
    "from bigmodel_utils import training",
    "%pip list\nsizes = [2, 3]",
    "def helper(x):\n    return scale(x) + offset",
    "offset = 1.0",
    "def scale(x):\n    '''Twice.'''\n    return 2 * x  # why",
    "x = 1 / 0\nfor k in sizes:\n    x += k",
    "def run(arm, seed, rate=1.0):\n    x = torch.tensor(float(seed))\n    return helper(x).item()",
    "settings = {}\nsettings['a'] = 'a'\nsettings.update(b='b')",
    "scores = experiment('one', run, settings)",
    "claim('c', 'It is.', scores, 'a', control='b', within=1.0)",
]


def page(tmp_path, cells=CELLS, name="page"):
    path = tmp_path / f"{name}.ipynb"
    content = [{"cell_type": "code", "source": text, "outputs": []} for text in cells]
    path.write_text(json.dumps({"cells": content}))
    return path


def changed(tmp_path, old, new):
    cells = [text.replace(old, new) for text in CELLS]
    assert cells != CELLS
    return hash_of(page(tmp_path, cells, "changed"))


def hash_of(path, name="one"):
    return claims.code_hash(claims.experiments_of(path)[name])


def test_a_slice_runs_without_the_rest_of_the_page(tmp_path):
    found = claims.load(page(tmp_path), "one")
    assert found.name == "one" and found.arms == {"a": "a", "b": "b"}
    assert found.knobs == ("rate",)
    assert found.results("a", [3], rate=1.0) == {"": [7.0]}


def test_a_local_name_is_not_taken_for_one_of_the_page(tmp_path):
    # x of the page divides by zero; the x of run is another.
    assert claims.load(page(tmp_path), "one")


def test_the_hash_follows_the_code_and_nothing_else(tmp_path):
    before = hash_of(page(tmp_path))
    assert changed(tmp_path, "2 * x", "3 * x") != before
    assert changed(tmp_path, "offset = 1.0", "offset = 2.0") != before
    assert changed(tmp_path, "'one', run, settings", "'one', run, settings, seeds=6") != before
    assert changed(tmp_path, "update(b='b')", "update(b='c')") != before
    assert changed(tmp_path, "# why", "# because") == before
    assert changed(tmp_path, "'''Twice.'''", "'''Two times.'''") == before
    assert changed(tmp_path, "def scale(x):", "def scale(x: float):") == before
    assert changed(tmp_path, "sizes = [2, 3]", "sizes = [2, 4]") == before
    assert changed(tmp_path, "within=1.0", "within=2.0") == before
    assert changed(tmp_path, "'one', run, settings", "'one', run, settings, one_rate='a'") == before


def test_the_hash_follows_the_package(tmp_path):
    package = tmp_path / "bigmodel_utils"
    (package / "training").mkdir(parents=True)
    (package / "__init__.py").write_text("")
    (package / "training" / "__init__.py").write_text(
        "from bigmodel_utils.training._fit import fit\n"
    )
    code = "from bigmodel_utils import words\n\n\ndef fit(x):\n    return step(x)\n\n\n"
    rest = "def step(x):\n    return words.say(x)\n\n\ndef other(x):\n    return 1\n"
    (package / "words.py").write_text("def say(x):\n    return x\n")
    cells = [*CELLS]
    cells[6] = "def run(arm, seed):\n    return training.fit(helper(seed))"
    slice_ = claims.experiments_of(page(tmp_path, cells))["one"]

    def with_code(text):
        (package / "training" / "_fit.py").write_text(text)
        return claims.code_hash(slice_, package)

    before = with_code(code + rest)
    assert with_code(code + rest.replace("words.say(x)", "words.say(x) + 1")) != before
    assert with_code(code + rest.replace("return 1", "return 2")) == before
    assert with_code(code + "# a comment\n" + rest) == before
    (package / "words.py").write_text("def say(x):\n    return x + '!'\n")
    assert with_code(code + rest) == before  # words have no effect on a result

    rest = "TABLE = 'sizes.csv'\n\n\ndef step(x):\n    return len(TABLE) * x\n"
    table = package / "training" / "sizes.csv"
    named = with_code(code + rest)
    table.write_text("1,2")
    small = with_code(code + rest)
    table.write_text("1,3")
    large = with_code(code + rest)
    assert len({named, small, large}) == 3
    assert with_code(code + rest.replace("sizes", "other")) != large
    unread = with_code(code + rest.replace("len(TABLE)", "3"))
    table.write_text("1,4")
    assert with_code(code + rest.replace("len(TABLE)", "3")) == unread  # not reached


def test_what_cannot_be_taken_out_is_named(tmp_path):
    with pytest.raises(ValueError, match="two experiments are called 'one'"):
        claims.experiments_of(page(tmp_path, [*CELLS, CELLS[8]]))
    inside = "if True:\n    scores = experiment('two', run, settings)"
    with pytest.raises(ValueError, match="two has to stand alone at the top level"):
        claims.experiments_of(page(tmp_path, [*CELLS, inside]))
    with pytest.raises(ValueError, match="name has to be written out"):
        claims.experiments_of(page(tmp_path, [*CELLS, "experiment(name, run, settings)"]))
    with pytest.raises(ValueError, match="expected one of one, got 'two'"):
        claims.load(page(tmp_path), "two")
