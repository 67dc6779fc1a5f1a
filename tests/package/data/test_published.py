"""The table of published models: what it holds, and what a wrong row is told."""

import csv

import pytest

from bigmodel_utils.data import PublishedModel, load_published_models

HEAD = "model,date,kind,parameters,active,data,unit,flops,source,key,place"
ROW = "A,2020-01,dense,10,10,20,tokens,1e5,Someone 2020,someone2020,table 1"


@pytest.fixture
def table(tmp_path):
    """``table(row, ...)``: the path of a file with these rows."""

    def write(*rows, head=HEAD):
        path = tmp_path / "own.csv"
        path.write_text("\n".join([head, *rows]) + "\n", encoding="utf-8")
        return path

    return write


def changed(**columns):
    row = dict(zip(HEAD.split(","), ROW.split(","), strict=True)) | columns
    return ",".join(row.values())


def test_the_books_table():
    models = load_published_models()
    assert len(models) == 35 and all(isinstance(m, PublishedModel) for m in models)
    by_name = {m.name: m for m in models}
    assert by_name["GPT-3"].parameters == 174_604_259_328
    assert by_name["GPT-3"].year == 2020 + 4 / 12 and by_name["GPT-3"].tokens == 300 * 10**9
    assert by_name["DeepSeek-V3"].active == 37 * 10**9
    assert by_name["LeNet-5"].data == 1_200_000 and by_name["LeNet-5"].tokens is None
    assert by_name["NETtalk"].parameters == 203 * 80 + 80 * 26 + 80 + 26
    assert by_name["BLOOM"].parameters == 176_247_271_424


def test_every_source_is_in_the_bibliography(pytestconfig):
    text = (pytestconfig.rootpath / "book/appendix/bibliography.md").read_text(encoding="utf-8")
    for model in load_published_models():
        entry = text.partition(f"(ref-{model.key})=")[2].partition("\n(ref-")[0]
        first = model.source.replace(",", "").split()[0]
        assert first in entry and model.source.split()[-1].strip("b") in entry, model.source


def test_a_table_of_your_own(table):
    (one,) = load_published_models(table(changed(active="", kind="experts", data="", unit="")))
    assert one.active is None and one.data is None and one.unit is None and one.flops == 1e5
    assert load_published_models(str(table(ROW)))[0].tokens == 20


WRONG = [
    ([], "expected at least one model"),
    ([changed(date="2020")], "line 2, date: expected year and month"),
    ([changed(date="2020-13")], "line 2, date"),
    ([changed(date="1020-01")], "line 2, date"),
    ([changed(kind="sparse")], "line 2, kind: expected one of 'dense'"),
    ([changed(parameters="1e9")], "line 2, parameters: expected an integer"),
    ([changed(parameters="")], "line 2, parameters: expected an integer, got nothing"),
    ([changed(parameters="0")], "line 2, parameters"),
    ([changed(parameters="9" * 20)], "line 2, parameters"),
    ([changed(active="11")], "line 2, active: expected at most 10"),
    ([changed(active="")], "line 2, active: expected a number for a dense model"),
    ([changed(unit="")], "line 2, unit: expected one if and only if"),
    ([changed(data="")], "line 2, unit: expected one if and only if"),
    ([changed(unit="pages")], "line 2, unit: expected one of 'images'"),
    ([changed(flops="-1")], "line 2, flops: expected a positive number"),
    ([changed(flops="inf")], "line 2, flops"),
    ([changed(flops="many")], "line 2, flops"),
    ([changed(model=" ")], "line 2, model: expected a text"),
    ([changed(key="")], "line 2, key: expected a text"),
    ([ROW, changed(date="2021-01")], "each model once, got A twice"),
    ([ROW, changed(model="B", date="2019-01")], "order of time, got B"),
    ([ROW, ROW + ",more"], "line 3: expected 11 columns"),
    ([ROW, "B,2021-01,dense"], "line 3: expected 11 columns"),
]


@pytest.mark.parametrize(("rows", "message"), WRONG)
def test_wrong_rows_are_named(table, rows, message):
    with pytest.raises(ValueError, match=message):
        load_published_models(table(*rows))


def test_wrong_columns_and_paths_are_named(table, tmp_path):
    with pytest.raises(ValueError, match="expected the columns"):
        load_published_models(table(ROW, head=HEAD.replace("date", "year")))
    with pytest.raises(FileNotFoundError):
        load_published_models(tmp_path / "none.csv")
    with pytest.raises(TypeError, match="path: expected a path"):
        load_published_models(3)
    with pytest.raises((ValueError, csv.Error)):
        load_published_models(table('"unclosed,' + ROW))
