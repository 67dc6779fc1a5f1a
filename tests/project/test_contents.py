"""What repeats the table of contents is fresh, and each way to make it stale is seen."""

import importlib
import json
import os
import re
import sys
from pathlib import Path

import pytest
from tool_copies import ROOT, changed_for_a_while, content_of, contents, copy_of, toc

BOOK = Path(os.environ.get("BOOK_HTML", ROOT / "_build" / "html"))
DOORS = [
    ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
    for pattern in ("*.py", "*/__init__.py", "checks/*.py")
    for path in sorted((ROOT / "bigmodel_utils").glob(pattern))
    if path.name == "__init__.py" or not path.name.startswith("_")
]
DOORS = sorted(set(DOORS) - {"bigmodel_utils"})


def stale(root):
    """Return what is stale as "file: part"."""
    return {f"{file}: {part}" for file, (_, parts) in contents.generated(root)[0].items()
            for part in parts}  # fmt: skip


def test_the_book_is_fresh():
    assert stale(ROOT) == set(), "run: make contents"


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    folder = tmp_path_factory.mktemp("copy")
    names = ("README.md", "_toc.yml", "_config.yml", "book", "bigmodel_utils")
    copy_of(ROOT, folder, *names, slim=True)
    assert stale(folder) == set()
    return folder


@pytest.fixture
def copy(shared):
    """A fresh copy of the repository; what a test changes is put back."""
    with changed_for_a_while(shared):
        yield shared


def edit(root, file, old, new):
    """Replace the first match of a pattern in a file, which must have one."""
    text = (root / file).read_text(encoding="utf-8")
    assert re.search(old, text), f"{file} does not have {old!r}"
    (root / file).write_text(re.sub(old, lambda _: new, text, count=1), encoding="utf-8")


GATES = "book/3_algorithms/gates.ipynb"
_NAMES = [page.name for page in toc.read(ROOT)]
BEFORE_GATES, BEFORE_FAQ = (
    f"{_NAMES[_NAMES.index(name) - 1]}.ipynb"
    for name in ("book/3_algorithms/gates", "book/6_faq/index")
)
README, MAP, TABLE = "README.md: colab", "book/index.md: map", "book/3_algorithms/index.md: pages"
NEXT, LEDGER = f"{BEFORE_GATES}: next", f"{contents.LEDGER}: ledger"
API = "book/appendix/api.md: api"
# What is changed: file, pattern, new text; and what is stale then.
ATTACKS = {
    "a page's title": ((GATES, "# Gates", "# Doors"), {README, MAP, TABLE, NEXT, LEDGER}),
    "a page's time": ((GATES, r"at most \d+ CPU", "at most 7 CPU"), {MAP, TABLE}),
    "a page's objective": ((GATES, r'"- \w+ ', '"- guess '), {TABLE}),
    "a chapter's title": (
        ("book/6_faq/index.md", "# Questions", "# Doubts"), {MAP, f"{BEFORE_FAQ}: next"},
    ),
    "a page less": (
        ("_toc.yml", " +- file: book/3_algorithms/gates\n", ""),
        {README, MAP, TABLE, NEXT, LEDGER, API},
    ),
    "the repository's address": (("_config.yml", "github.com/big-", "github.com/small-"), {README}),
    "the branch": (("_config.yml", "branch: main", "branch: live"), {README}),
    "README, edited": (("README.md", r"- 3.3 \[A", "- 3.3 [B"), {README}),
    "the map, edited": (("book/index.md", r"\| 3.3 \|", "| 3.4 |"), {MAP}),
    "a chapter's table, edited": ((f"{TABLE[:-7]}", r"\| 3.3 \|", "| 3.4 |"), {TABLE}),
    "the reference, edited": (("book/appendix/api.md", "utils.words\n", "utils.word\n"), {API}),
    "a link to the next page, edited": (
        (BEFORE_GATES, r"Next:\*\* \[Gates\]\(gates", "Next:** [G](g"), {NEXT},
    ),
    "the ledger, edited": ((contents.LEDGER, r"\[Gates\]\(\.\.", "[Doors](.."), {LEDGER}),
    "a public value": (("bigmodel_utils/plotting.py", '"COLORS",', '"COLORS", "SIZES",'), {API}),
}  # fmt: skip


@pytest.mark.parametrize(("change", "expected"), ATTACKS.values(), ids=ATTACKS)
def test_what_is_stale_is_named_and_written(copy, change, expected):
    before = content_of(copy)
    edit(copy, *change)
    assert stale(copy) >= expected
    contents.write(copy)
    assert stale(copy) == set()
    edited = {name for name, content in content_of(copy).items() if content != before[name]}
    written = {name.partition(":")[0] for name in expected}
    assert edited <= written | {change[0]}


@pytest.mark.parametrize("name", [name for name in ATTACKS if "edited" in name])
def test_what_was_edited_by_hand_is_written_as_it_was(copy, name):
    before = content_of(copy)
    edit(copy, *ATTACKS[name][0])
    contents.write(copy)
    assert content_of(copy) == before


def test_more_cases_of_a_proof_are_seen(copy):
    page = json.loads((copy / GATES).read_text(encoding="utf-8"))
    proof = next(
        output
        for cell in page["cells"]
        for output in cell.get("outputs", [])
        if "proved " in "".join(output.get("text", ""))
    )
    proof["text"] = re.sub(r"(proved \S+:) \d+", r"\1 77", "".join(proof["text"]))
    (copy / GATES).write_text(json.dumps(page), encoding="utf-8")
    assert stale(copy) == {LEDGER}


def test_a_new_module_and_a_new_checker_are_seen(copy):
    for name in ("bigmodel_utils/extra.py", "bigmodel_utils/checks/extra.py"):
        with changed_for_a_while(copy):
            (copy / name).write_text('"""Extra."""\n\n__all__ = ["SIZE"]\n\nSIZE = 1\n')
            assert stale(copy) == {API}


def test_pages_in_another_order_take_the_ledger_along(copy):
    """The ledger follows the contents: by path, attention would come before convolution."""
    table = (copy / contents.LEDGER).read_text(encoding="utf-8")
    assert table.index("3_algorithms/convolution.ipynb") < table.index("3_algorithms/attention.i")
    edit(copy, "_toc.yml", "4_practice/speech\n", "4_practice/other\n")
    edit(copy, "_toc.yml", "4_practice/language_model\n", "4_practice/speech\n")
    edit(copy, "_toc.yml", "4_practice/other\n", "4_practice/language_model\n")
    assert LEDGER in stale(copy)
    contents.write(copy)
    table = (copy / contents.LEDGER).read_text(encoding="utf-8")
    assert table.index("4_practice/language_model") < table.index("4_practice/speech")


def test_a_sentence_that_follows_a_changed_link_is_named(copy):
    why = "**Next:** [Gates](gates.ipynb), where doors open."
    edit(copy, BEFORE_GATES, r"\*\*Next:\*\* \[Gates\]\(gates\.ipynb\)[^\n]*?\.", why)
    edit(copy, "_toc.yml", " +- file: book/3_algorithms/gates\n", "")
    _, doubts = contents.write(copy)
    assert len(doubts) == 1
    assert doubts[0].startswith(f"{BEFORE_GATES}: ") and "where doors open" in doubts[0]
    line = re.search(r"\*\*Next:\*\*.*", (copy / BEFORE_GATES).read_text(encoding="utf-8"))[0]
    assert "gates" not in line and "), where doors open." in line


WRONG = {
    "README without marks": (
        ("README.md", "<!-- generated: colab -->", ""), "README.md.*generated: colab.*found 0",
    ),
    "README without an end": (("README.md", "<!-- end -->", ""), r"README.md.*found 0"),
    "a page without the line": ((GATES, r"\*\*Next:\*\*", "Next:"), "gates.*Next.*found 0 lines"),
    "a line without a link": ((GATES, r"Next:\*\* \[", "Next:** the ["), "gates.*found 'the"),
    "a page that is not there": (("_toc.yml", "algorithms/gates", "algorithms/doors"), "neither"),
    "a page listed twice": (("_toc.yml", "algorithms/gates", "algorithms/pooling"), "twice"),
    "a page without a title": ((GATES, "# Gates", "Gates"), "gates: expected a title"),
    "a module that hides": (
        ("bigmodel_utils/words.py", "__all__ = ", "ALL = "), "words.py: expected a list __all__",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("change", "message"), WRONG.values(), ids=WRONG)
def test_what_cannot_be_written_is_an_error(copy, change, message, monkeypatch, capsys):
    edit(copy, *change)
    with pytest.raises(ValueError, match=message):
        contents.generated(copy)
    monkeypatch.setattr(contents, "ROOT", copy)
    monkeypatch.setattr(sys, "argv", ["contents.py"])
    assert contents.main() == 1
    assert re.search(message, capsys.readouterr().err)


def test_the_command_checks_and_writes(copy, monkeypatch, capsys):
    monkeypatch.setattr(contents, "ROOT", copy)
    edit(copy, "README.md", r"- 3.3 \[A", "- 3.3 [B")
    monkeypatch.setattr(sys, "argv", ["contents.py", "--check"])
    before = content_of(copy)
    assert contents.main() == 1
    assert capsys.readouterr().err == "stale: README.md: colab (run: make contents)\n"
    assert content_of(copy) == before
    monkeypatch.setattr(sys, "argv", ["contents.py"])
    assert contents.main() == 0 and capsys.readouterr().out == "README.md: colab\n"
    assert contents.main() == 0 and capsys.readouterr().out == "nothing to write\n"


def test_a_bar_in_a_title_does_not_end_the_cell(copy):
    edit(copy, GATES, "# Gates", "# Gates | doors")
    contents.write(copy)
    row = re.search(r".*gates\.ipynb.*", (copy / "book/index.md").read_text())[0]
    assert re.split(r"(?<!\\)\|", row)[2].strip().startswith(r"[Gates \| doors]")


@pytest.mark.parametrize("door", DOORS)
def test_the_reference_has_every_public_name_once(door):
    text = (ROOT / "book/appendix/api.md").read_text(encoding="utf-8")
    block = re.findall(rf"(?s)```{{eval-rst}}\n(\.\. automodule:: {re.escape(door)}\n.*?)```", text)
    assert len(block) == 1, f"{door} stands {len(block)} times in the reference"
    public = importlib.import_module(door).__all__
    members = re.search(r"(?m)^   :members:(.*)$", block[0])[1].strip()
    named = members.split(", ") if members else list(public)
    named += re.findall(r"(?m)^\.\. py:data:: (\w+)$", block[0])
    assert sorted(named) == sorted(public)


def test_the_built_reference_has_every_public_name():
    inventory = BOOK / "objects.inv"
    if not inventory.exists():
        pytest.skip("the book is not built: run make book")
    from sphinx.util.inventory import InventoryFile

    with inventory.open("rb") as file:
        found = InventoryFile.load(file, "", lambda a, b: b)
    names = {name for kind, items in found.items() if kind.startswith("py:") for name in items}
    for door in DOORS:
        public = importlib.import_module(door).__all__
        missing = [name for name in public if f"{door}.{name}" not in names]
        assert missing == [], f"{door}: not in the built book, or it is old: run make book"


def test_no_page_is_promised_that_is_not_there():
    promises = re.compile(r"not yet written|to be written|is planned|coming soon|will follow", re.I)
    for page in [toc.Page("book/index", "", ROOT / "book/index.md"), *toc.read(ROOT)]:
        text = page.path.read_text(encoding="utf-8")
        if page.path.suffix == ".ipynb":
            cells = json.loads(text)["cells"]
            text = "\n".join("".join(c["source"]) for c in cells if c["cell_type"] == "markdown")
        assert promises.findall(text) == [], page.name
