"""Every objective of a page is trained by an exercise, and every exercise trains an objective.

An exercise's cell names the objectives by their first words, in its metadata: ``"objectives":
["derive the gradients of"]``. So a reworded objective is noticed here, and its exercises are
read again.
"""

import nbformat
import pytest
from page import LESSONS, cells, name, objectives, tags


def trained(page):
    """Return ``[(exercise, [beginning of an objective, ...]), ...]`` in the page's order."""
    return [
        (f"check.{cell.source.rsplit('check.', 1)[-1].split('(')[0]}", cell.metadata.get(KEY, []))
        for cell in cells(page, "code")
        if "exercise" in tags(cell)
    ]


KEY = "objectives"


def faults(page, stated, exercises):
    """Return a sentence for each objective without exercise and each exercise without objective."""
    found, done = [], set()
    for exercise, beginnings in exercises:
        if not beginnings:
            found.append(f"{page}: the exercise {exercise} names no objective of its page")
        for beginning in beginnings:
            meant = [one for one in stated if one.startswith(beginning)]
            if len(meant) != 1 or len(beginning.split()) < 3:
                found.append(
                    f"{page}: the exercise {exercise} names the objective {beginning!r}, which is "
                    f"the beginning of {len(meant)} objectives; name one by three words or more"
                )
            done.update(meant if len(meant) == 1 else ())
    found += [
        f"{page}: no exercise trains the objective {one!r}" for one in stated if one not in done
    ]
    return found


@pytest.mark.parametrize("page", LESSONS, ids=name)
def test_every_objective_has_an_exercise_and_every_exercise_an_objective(page):
    assert objectives(page)
    found = faults(name(page), objectives(page), trained(page))
    assert not found, "\n".join(found)


def test_what_is_missing_is_named():
    stated = ["derive the layer from two demands;", "derive the layer's gradient;", "say why."]
    both = [("check.layer", ["derive the layer from"]), ("check.back", ["derive the layer's"])]
    assert faults("page", stated[:2], both) == []
    assert faults("page", stated, both) == ["page: no exercise trains the objective 'say why.'"]
    (silent,) = faults("page", stated[:2], [*both, ("check.more", [])])
    assert silent == "page: the exercise check.more names no objective of its page"
    for beginning in ("derive the layer", "train the layer", "say"):  # of two, of none, too short
        found = faults("page", stated, [*both, ("check.more", [beginning])])
        assert f"check.more names the objective {beginning!r}" in found[0]


def test_a_page_that_loses_an_exercise_or_rewords_an_objective_fails(tmp_path):
    page = next(page for page in LESSONS if name(page) == "convolution")
    for change, message in (
        ("exercise", "no exercise trains"),
        ("objective", "names the objective"),
    ):
        notebook = nbformat.read(page, 4)
        if change == "objective":
            notebook.cells[0].source = notebook.cells[0].source.replace("- derive", "- find")
        else:
            first = objectives(page)[0]
            for cell in notebook.cells:
                cell.metadata[KEY] = [b for b in cell.metadata.get(KEY, []) if first[:12] != b[:12]]
        copy = tmp_path / f"{change}.ipynb"
        nbformat.write(notebook, copy)
        found = faults(name(copy), objectives(copy), trained(copy))
        assert any(message in one and one.startswith(f"{change}: ") for one in found)
