"""A page is begun and taken away whole or not at all."""

import sys

import pytest
from tool_copies import (
    ROOT,
    changed_for_a_while,
    content_of,
    contents,
    copy_of,
    files,
    new_page,
    page_parts,
    toc,
)

NAMES = ("README.md", "_toc.yml", "_config.yml", "book", "bigmodel_utils", "tests/pages")


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    return copy_of(ROOT, tmp_path_factory.mktemp("copy"), *NAMES, slim=True)


@pytest.fixture
def copy(shared, monkeypatch):
    """A copy of the repository in which pages are begun without being executed."""
    monkeypatch.setattr(page_parts, "execute", lambda root, path: None)
    with changed_for_a_while(shared):
        yield shared


def places(root):
    """Return {name: number} of all pages, without "book/"."""
    return {page.name.removeprefix("book/"): page.number for page in toc.read(root)}


NEW = {
    "at a chapter's end": ("4_practice/last", None, "4.{next}"),
    "before others": ("3_algorithms/early", "3.1", "3.1"),
    "between two": ("3_algorithms/middle", "3.2", "3.2"),
    "below a page with pages": ("3_algorithms/deep", "3.1.1", "3.1.1"),
    "below a page without": ("4_practice/deep", "4.1.1", "4.1.1"),
    "in a chapter of its own": ("7_far_away/alone", None, "7.1"),
}


def test_a_chapter_without_pages_begins_with_one(copy):
    new_page.create(copy, "7_far_away/alone")
    overview = copy / "book/7_far_away/index.md"
    overview.write_text(overview.read_text() + "\nA sentence of our own keeps the chapter.\n")
    new_page.remove(copy, "7_far_away/alone")
    assert places(copy)["7_far_away/index"] == "7"
    with pytest.raises(new_page.Refused, match=r"NUMBER: expected at most 7\.1"):
        new_page.create(copy, "7_far_away/first", number="7.2")
    new_page.create(copy, "7_far_away/first")
    assert places(copy)["7_far_away/first"] == "7.1"


@pytest.mark.parametrize(("name", "number", "place"), NEW.values(), ids=NEW)
def test_a_page_comes_where_it_was_asked_for_and_goes_without_a_trace(copy, name, number, place):
    before, old = content_of(copy), places(copy)
    siblings = [n for n in old.values() if n.startswith("4.") and n.count(".") == 1]
    new_page.create(copy, name, number=number)
    new = places(copy)
    assert new[name] == place.format(next=len(siblings) + 1)
    kept = [page for page in new if page in old]
    assert kept == list(old), "the others keep their order"
    stem = name.partition("/")[2]
    assert (copy / f"bigmodel_utils/checks/{stem}.py").exists()
    assert (copy / f"tests/pages/attacks/{stem}.py").exists()
    assert contents.generated(copy) == ({}, [])
    for file in ("README.md", "book/index.md", f"book/{name.partition('/')[0]}/index.md"):
        assert f"{stem}.ipynb" in (copy / file).read_text(), file
    new_page.remove(copy, name)
    assert content_of(copy) == before


def test_the_contents_keep_their_comments(copy):
    new_page.create(copy, "5_challenges/first")
    old, new = ((root / "_toc.yml").read_text().splitlines() for root in (ROOT, copy))
    added = [line for line in new if line not in old]
    assert added == ["          - file: book/5_challenges/first"]
    assert [line for line in new if "#" in line] == [line for line in old if "#" in line]


def test_the_title_is_the_stem_s_or_the_author_s(copy):
    new_page.create(copy, "5_challenges/what_it_costs")
    new_page.create(copy, "5_challenges/below", title="What is inside?")
    pages = {page.name: page for page in toc.read(copy)}
    assert pages["book/5_challenges/what_it_costs"].title() == "What it costs"
    assert pages["book/5_challenges/below"].title() == "What is inside?"


REFUSED = {
    "no name": (("",), "NAME: expected a chapter and a page"),
    "no chapter": (("interpretability",), "NAME: expected a chapter and a page"),
    "capitals": (("5_challenges/Inside",), "got '5_challenges/Inside'"),
    "a hyphen": (("5_challenges/in-side",), "NAME: expected a chapter and a page"),
    "a way out": (("5_challenges/../x",), "NAME: expected a chapter and a page"),
    "a word of Python": (("5_challenges/class",), "NAME: expected a chapter and a page"),
    "the appendix": (("appendix/extra",), "NAME: expected a chapter and a page"),
    "a page that exists": (("3_algorithms/gates",), "'gates', which is book/3_algorithms/gates"),
    "another page's stem": (("5_challenges/gates",), "'gates', which is book/3_algorithms/gates"),
    "a stem of the appendix": (("5_challenges/ledger",), "which is book/appendix/ledger"),
    "a chapter too far": (("9_far/away",), "a new one that begins with 7_, got '9_far'"),
    "a chapter's number": (("3_other/away",), "a new one that begins with 7_, got '3_other'"),
    "a title with quotes": (("5_challenges/x", 'a "b"'), "TITLE: expected letters"),
    "a title of two lines": (("5_challenges/x", "a\nb"), "TITLE: expected letters"),
    "a title with a bar": (("5_challenges/x", "a | b"), "TITLE: expected letters"),
    "a number in words": (("5_challenges/x", None, "first"), "NUMBER: expected a number of ch"),
    "another chapter's number": (("5_challenges/x", None, "4.1"), "of chapter 5, such as 5.1"),
    "a chapter's own number": (("5_challenges/x", None, "5"), "NUMBER: expected a number of"),
    "a number too high": (("6_faq/x", None, "6.99"), r"NUMBER: expected at most 6\.\d"),
    "a number below nothing": (("6_faq/x", None, "6.98.1"), r"a page 6\.98 above 6\.98\.1"),
}


@pytest.mark.parametrize(("arguments", "message"), REFUSED.values(), ids=REFUSED)
def test_what_is_wrong_is_refused_and_nothing_written(copy, arguments, message):
    before = content_of(copy)
    with pytest.raises(new_page.Refused, match=message):
        new_page.create(copy, *arguments)
    assert content_of(copy) == before


@pytest.mark.parametrize(
    "file", ["book/5_challenges/x.ipynb", "bigmodel_utils/checks/x.py", "tests/pages/attacks/x.py"]
)
def test_a_file_that_is_in_the_way_is_named_and_kept(copy, file):
    (copy / file).write_text("mine")
    with pytest.raises(new_page.Refused, match=f"NAME: {file} exists"):
        new_page.create(copy, "5_challenges/x")
    assert (copy / file).read_text() == "mine"


def test_labels_that_exist_are_refused(copy):
    new_page.create(copy, "5_challenges/a_b")
    notebook = copy / "book/5_challenges/a_b.ipynb"
    text = notebook.read_text().replace("(a-b-nearest)", "(other-nearest)")
    notebook.write_text(text)
    with pytest.raises(new_page.Refused, match=r"'other' gives equation labels.*other-nearest"):
        new_page.create(copy, "5_challenges/other")


@pytest.mark.parametrize("error", [RuntimeError("a cell failed"), KeyboardInterrupt()])
@pytest.mark.parametrize("name", ["5_challenges/x", "7_far/x"])
def test_a_failure_half_way_leaves_nothing(copy, monkeypatch, name, error):
    before = content_of(copy)

    def fail(root, path):
        assert path.exists(), "the page is written before it is executed"
        raise error

    monkeypatch.setattr(page_parts, "execute", fail)
    with pytest.raises(type(error)):
        new_page.create(copy, name)
    assert content_of(copy) == before
    assert not (copy / "book/7_far").exists()


def test_a_failure_at_the_very_end_leaves_nothing(copy, monkeypatch):
    before = content_of(copy)
    real = contents.write

    def fail(root, changes):
        real(root, changes)
        raise ValueError("a part cannot be written")

    monkeypatch.setattr(contents, "write", fail)
    with pytest.raises(ValueError, match="cannot be written"):
        new_page.create(copy, "5_challenges/x")
    assert content_of(copy) == before


KEPT = {
    "an unknown page": ("5_challenges/x", "expected a page of _toc.yml, got '5_challenges/x'"),
    "an overview": ("3_algorithms/index", "has pages below it"),
    "a page with pages below": ("3_algorithms/convolution", "pages below it: .*convolution_back"),
    "a page that others name": ("3_algorithms/gates", r"named in .*\.ipynb.*tests/pages/taught.py"),
}


@pytest.mark.parametrize(("name", "message"), KEPT.values(), ids=KEPT)
def test_what_others_need_is_not_removed(copy, name, message):
    before = content_of(copy)
    with pytest.raises(new_page.Refused, match=message):
        new_page.remove(copy, name)
    assert content_of(copy) == before


def test_a_chapter_that_someone_wrote_stays(copy):
    new_page.create(copy, "7_far/x")
    overview = copy / "book/7_far/index.md"
    overview.write_text(overview.read_text().replace("own: the", "own, and more: the"))
    new_page.remove(copy, "7_far/x")
    assert "7_far/index" in places(copy) and overview.exists()
    assert "whole chapter" in overview.read_text()


def run(monkeypatch, root, *arguments):
    monkeypatch.setattr(new_page, "ROOT", root)
    monkeypatch.setattr(sys, "argv", ["new_page.py", *arguments])
    return new_page.main()


def test_the_command_says_what_changed_and_asks_before_it_removes(copy, monkeypatch, capsys):
    before = content_of(copy)
    assert run(monkeypatch, copy, "5_challenges/x", "--title", "X") == 0
    out = capsys.readouterr().out
    assert "_toc.yml\n" in out and "make check PAGES=book/5_challenges/x.ipynb" in out
    after = content_of(copy)
    asked = []
    monkeypatch.setattr("builtins.input", lambda text: asked.append(text) or "5_challenges/y")
    assert run(monkeypatch, copy, "--remove", "5_challenges/x") == 1
    assert "5_challenges/x" in asked[0] and "nothing was removed" in capsys.readouterr().err
    assert content_of(copy) == after
    assert run(monkeypatch, copy, "--remove", "5_challenges/x", "--yes") == 0
    assert content_of(copy) == before
    assert run(monkeypatch, copy, "5_challenges/Bad") == 1
    assert capsys.readouterr().err.startswith("NAME: ")


def test_several_files_change_together_or_not_at_all(tmp_path):
    for name in ("a", "b"):
        (tmp_path / name).write_text(name)
    before = content_of(tmp_path)

    def work(changes):
        changes.write(tmp_path / "a", "new")
        changes.write(tmp_path / "deep" / "er" / "c", "c")
        changes.remove(tmp_path / "b")
        changes.write(tmp_path / "a", "newer")

    with pytest.raises(KeyboardInterrupt), files.Together() as changes:
        work(changes)
        raise KeyboardInterrupt
    assert content_of(tmp_path) == before and not (tmp_path / "deep").exists()
    with files.Together() as changes:
        work(changes)
        changes.write(tmp_path / "same", "")
        changes.remove(tmp_path / "same")
    assert content_of(tmp_path) == {"a": b"newer", "deep/er/c": b"c"}
    assert [p.name for p in changes.changed()] == ["a", "c", "b"]
