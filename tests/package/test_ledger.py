"""A proof that proves nothing is refused, and the ledger reads back what was printed."""

import json
import re
import subprocess
import sys

import pytest
import torch

from bigmodel_utils import ledger

F64 = torch.float64


def values(*shape, seed=0):
    return torch.randn(*shape, dtype=F64, generator=torch.Generator().manual_seed(seed))


def test_equal_values_are_recorded(capsys):
    x = values(2, 3)
    ledger.prove("conv-forward", x, x.clone())
    ledger.prove("conv-forward", [x, x[0]], [x + 1e-9, x[0].clone()], atol=1e-8)
    assert capsys.readouterr().out.splitlines() == [
        "proved conv-forward: 1 case, largest error at most 1e-10",
        "proved conv-forward: 2 cases, largest error at most 1e-08",
    ]


def test_record_does_not_depend_on_the_last_bits(capsys):
    x = values(5)
    for noise in (0.0, 1e-15, 1e-11):
        ledger.prove("a", x, x + noise)
    assert len(set(capsys.readouterr().out.splitlines())) == 1


def test_a_wrong_value_is_located(capsys):
    x = values(2, 3, 4)
    wrong = x.clone()
    wrong[1, 2, 0] += 1e-3
    with pytest.raises(AssertionError, match=r"softmax: case 1 .* 0\.001 at \(1, 2, 0\)"):
        ledger.prove("softmax", [x, x], [x.clone(), wrong])
    assert "proved" not in capsys.readouterr().out


@pytest.mark.parametrize("error", [1e-9, -1e-9, 1.0])
def test_one_wrong_element_among_many_fails(error):
    x = values(30, 40)
    wrong = x.clone()
    wrong[-1, -1] += error
    with pytest.raises(AssertionError):
        ledger.prove("a", x, wrong)
    with pytest.raises(AssertionError):
        ledger.prove("a", wrong, x)


def test_tolerance_itself_is_allowed():
    x = torch.tensor([0.0, 8.0], dtype=F64)
    ledger.prove("a", x, torch.tensor([0.5, 8.0], dtype=F64), atol=0.5)
    with pytest.raises(AssertionError):
        ledger.prove("a", x, torch.tensor([0.5, 8.0], dtype=F64), atol=0.49)


def test_numbers_and_integers_are_compared_exactly():
    ledger.prove("a", [3, 4], [3, 4])
    ledger.prove("a", [0.5, 4.0], [0.5, 4.0])
    ledger.prove("a", torch.tensor([True, False]), torch.tensor([True, False]))
    with pytest.raises(AssertionError):
        ledger.prove("a", torch.tensor([True, False]), torch.tensor([True, True]))
    with pytest.raises(AssertionError):
        ledger.prove("a", [2**53, 1], [2**53 + 1, 1])  # the same number in float64
    with pytest.raises(AssertionError):
        ledger.prove("a", torch.tensor([1, 2], dtype=torch.uint8), torch.tensor([2, 2]))


X = values(3, 4)
REFUSED = {
    "float32 got": (X.float(), X, TypeError, "got: case 0 is torch.float32"),
    "float32 expected": (X, X.float(), TypeError, "expected: case 0 is torch.float32"),
    "half precision": (X.bfloat16(), X.bfloat16(), TypeError, "bfloat16"),
    "complex": (X + 1j, X + 2j, TypeError, "complex128"),
    "the same tensor": (X, X, ValueError, "very tensor"),
    "a view of the same tensor": (X, X.view(3, 4), ValueError, "very tensor"),
    "the same in a later case": ([X, X], [X.clone(), X], ValueError, "case 1"),
    "shapes that broadcast": (X, X[:1].clone(), ValueError, r"\(3, 4\), expected has \(1, 4\)"),
    "a number for a tensor": (X, 1.0, ValueError, r"\(\)"),
    "a missing axis": (X[None], X.clone(), ValueError, r"\(1, 3, 4\)"),
    "transposed": (X, X.T.contiguous(), ValueError, r"\(4, 3\)"),
    "NaN in got": (X.where(X > 0, torch.nan), X, ValueError, "got: case 0 .* not finite"),
    "NaN in both": (
        X.where(X > 0, torch.nan),
        X.where(X > 0, torch.nan),
        ValueError,
        "not finite",
    ),
    "inf in expected": (X, X / 0, ValueError, "expected: case 0 .* not finite"),
    "no elements": (X[:0], X[:0].clone(), ValueError, "no elements"),
    "no cases": ([], [], ValueError, "got: expected at least one"),
    "fewer cases than expected": ([X], [X.clone(), X], ValueError, "1 cases in got, 2"),
    "a constant oracle": (torch.ones(3, dtype=F64), torch.ones(3, dtype=F64), ValueError, "within"),
    "one number": (2.5, 2.5, ValueError, "within"),
    "constant in all cases": ([0.0, 0.0], [0.0, 0.0], ValueError, "within"),
    "text": ("X", "X", TypeError, "got: expected tensors or numbers, got str"),
    "a bool": (True, True, TypeError, "got bool"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_proves_nothing_is_refused(case, capsys):
    got, expected, error, words = REFUSED[case]
    with pytest.raises(error, match=words):
        ledger.prove("a", got, expected)
    assert capsys.readouterr().out == ""


def test_a_tolerance_as_wide_as_the_oracle_is_refused():
    with pytest.raises(ValueError, match="within 2"):
        ledger.prove("a", [1.0, 3.0], [3.0, 1.0], atol=2)


@pytest.mark.parametrize("atol", [float("nan"), float("inf"), -1e-9, "1e-9", None, True])
def test_a_tolerance_that_lets_all_pass_is_refused(atol):
    with pytest.raises(ValueError, match="atol"):
        ledger.prove("a", [1.0, 2.0], [5.0, 9.0], atol=atol)


def test_gradients_are_not_followed(capsys):
    x = values(3).requires_grad_()
    ledger.prove("a", x * 2, (x + x).detach())
    assert capsys.readouterr().out


@pytest.mark.parametrize(
    "label", ["Conv", "conv_forward", "conv forward", "conv-", "-conv", "conv--a", "", "é", 3, None]
)
def test_bad_labels_are_refused(label):
    with pytest.raises(ValueError, match="label"):
        ledger.prove(label, X, X.clone())


def test_a_definition_needs_no_proof():
    with pytest.raises(ValueError, match="definition"):
        ledger.prove("def-convolution", X, X.clone())
    assert ledger.label_of_definition("def-convolution")
    assert not ledger.label_of_definition("definite")


def markdown(*texts):
    return [
        {"cell_type": "markdown", "source": [*text.splitlines(keepends=True)]} for text in texts
    ]


def code(*outputs, name="stdout"):
    return {
        "cell_type": "code",
        "source": ["prove()"],
        "outputs": [{"output_type": "stream", "name": name, "text": [out]} for out in outputs],
    }


def page(folder, *cells, name="page.ipynb"):
    path = folder / name
    path.write_text(json.dumps({"cells": list(cells)}), encoding="utf-8")
    return path


RECORD = "proved a-sum: 3 cases, largest error at most 1e-10\n"


def test_an_equation_meets_its_proof(tmp_path, capsys):
    ledger.prove("a-sum", X, X.clone())
    printed = capsys.readouterr().out
    path = page(
        tmp_path,
        *markdown("# Title\n", "Text.\n\n$$\na + b = c\n$$ (a-sum)\n\nand $x$.\n"),
        code("before\n" + printed),
    )
    assert ledger.read_page(path) == [ledger.Entry("a-sum", "a + b = c", 1, "1e-10")]


def test_an_equation_without_proof_and_a_proof_without_equation(tmp_path):
    path = page(
        tmp_path,
        *markdown("$$\nx\n$$ (a)\n\n$$\ny\n$$ (b)\n"),
        code("proved b: 2 cases, largest error at most 1e-08\n"),
        code("proved c: 1 case, largest error at most 1e-10\n"),
    )
    assert ledger.read_page(path) == [
        ledger.Entry("a", "x", 0, ""),
        ledger.Entry("b", "y", 2, "1e-08"),
        ledger.Entry("c", "", 1, "1e-10"),
    ]


def test_definitions_are_left_out(tmp_path):
    path = page(tmp_path, *markdown("$$\nx\n$$ (def-x)\n\n$$\ny\n$$ (y)\n"))
    assert [entry.label for entry in ledger.read_page(path)] == ["y"]


def test_two_equations_of_one_label_are_an_error(tmp_path):
    path = page(tmp_path, *markdown("$$\nx\n$$ (a)\n", "$$\ny\n$$ (a)\n"))
    with pytest.raises(ValueError, match=r"page\.ipynb: two equations are labelled 'a'"):
        ledger.read_page(path)


def test_several_proofs_of_one_label_add_up_with_the_widest_tolerance(tmp_path):
    records = [
        f"proved a: 2 cases, largest error at most {t}\n" for t in ("1e-10", "0.001", "9e-08")
    ]
    path = page(tmp_path, *markdown("$$\nx\n$$ (a)\n"), code(records[0]), code(*records[1:]))
    assert ledger.read_page(path) == [ledger.Entry("a", "x", 6, "0.001")]


def test_only_whole_records_in_outputs_count(tmp_path):
    path = page(
        tmp_path,
        *markdown("$$\nx\n$$ (a-sum)\n", RECORD),
        code("not " + RECORD, "# " + RECORD, "proved a-sum: 3 cases\n"),
        {"cell_type": "code", "source": [RECORD], "outputs": []},
        {
            "cell_type": "code",
            "source": ["x"],
            "outputs": [{"output_type": "display_data", "data": {"text/plain": RECORD}}],
        },
    )
    assert ledger.read_page(path) == [ledger.Entry("a-sum", "x", 0, "")]


def test_table_shows_each_formula_its_place_and_its_proof(tmp_path):
    text = "# One\n\n$$\nx \\| y\n\\\\ |z|\n$$ (a-sum)\n\n$$\ny\n$$ (b)\n"
    one = page(tmp_path, *markdown(text), code(RECORD), name="1.ipynb")
    two = page(tmp_path, *markdown("# Two\n"), code(RECORD), name="2.ipynb")
    head, rule, *rows = ledger.table({"../1.ipynb": one, "2.ipynb": two}).splitlines()
    assert len({line.count("|") for line in (head, rule, *rows)}) == 1
    assert rows == [
        r"| $\displaystyle x \Vert y \\ \vert z\vert$ | [One](../1.ipynb#equation-a-sum) "
        "| [3 cases, 1e-10](../1.ipynb#proof-a-sum) |",
        r"| $\displaystyle y$ | [One](../1.ipynb#equation-b) | none |",
        "| `a-sum` | Two | [3 cases, 1e-10](2.ipynb#proof-a-sum) |",
    ]


def test_title_is_the_first_heading(tmp_path):
    path = page(tmp_path, *markdown("# Convolution, backward\n\nText.\n", "# Other\n"))
    assert ledger.page_title(path) == "Convolution, backward"


def test_reading_a_page_needs_no_torch(tmp_path):
    path = page(tmp_path, *markdown("$$\nx\n$$ (a)\n"), code(RECORD))
    script = (
        "import sys; from bigmodel_utils import ledger;"
        f"assert len(ledger.read_page({str(path)!r})) == 2; assert 'torch' not in sys.modules"
    )
    assert subprocess.run([sys.executable, "-c", script]).returncode == 0


def test_the_printed_line_and_the_pattern_agree(capsys):
    """One changed without the other would empty the ledger."""
    for atol in (1e-10, 0.5, 1, 0, 1e-300):
        ledger.prove("a", [1.0, 3.0], [1.0, 3.0], atol=atol)
        line = capsys.readouterr().out.rstrip("\n")
        assert re.fullmatch(r"proved a: 2 cases, largest error at most (\S+)", line)
        assert float(line.rsplit(" ", 1)[1]) == atol
