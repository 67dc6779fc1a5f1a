"""Every text of the repository is clean, that of a page which is not yet added included."""

import json
import re
import unicodedata

import pytest
from tracked import ROOT, with_new

# The glossary, the corrections and the pages that quote the article hold its Chinese; the tokenizer
# is tested on some.
CHINESE = ("book/appendix/", "book/4_practice/recognition.ipynb", "tests/package/data/test_token")
# And this page stores tokens of Python's reference, one of which is a curly apostrophe with an s.
CURLY = (*CHINESE, "book/4_practice/generation.ipynb")
TEXTS = [ROOT / name for name in with_new()]


def words(name):
    """Return what a person can read in a file: of a notebook the sources and text outputs.

    Outputs that move are left out: what a model writes is not the book's own text.
    """
    raw = (ROOT / name).read_bytes()
    if b"\0" in raw:
        return ""
    text = raw.decode("utf-8")
    if not name.endswith(".ipynb"):
        return text
    parts = []
    for cell in json.loads(text)["cells"]:
        parts.append(cell["source"])
        moves = "nbval-ignore-output" in cell["metadata"].get("tags", [])
        for output in [] if moves else cell.get("outputs", []):
            parts.append(output.get("text", ""))
            data = output.get("data", {})
            parts += [value for mime, value in data.items() if mime != "image/png"]
    return "\n".join("".join(part) for part in parts)


def faults(name):
    """Return what is wrong with the text of a file, given as a path from the root."""
    text = words(name)
    # Written in pieces, or this file would find itself.
    folders = "|".join(("work", "tmp/w", "home", "root", "Users", "mnt"))
    wrong = {
        "names a machine's folder": rf"(?<![\w.~/-])/(?:{folders})/[\w.-]*",
        "marks unfinished work": r"\b(?:TO" + r"DO|FIX" + r"ME|XX" + r"X|lorem ip" + r"sum)\b",
    }
    if not name.startswith(CHINESE):
        wrong["Chinese that quotes no article"] = "[\u3000-\u303f\u3400-\u9fff\uff00-\uffef]+"
    if not name.startswith(CURLY):
        wrong["curly quotes"] = "[\u2018\u2019\u201c\u201d\u00ab\u00bb]"
    found = [f"{fault}: {match[0]}" for fault, p in wrong.items() for match in re.finditer(p, text)]
    found += [
        f"an invisible character: {unicodedata.name(character, hex(ord(character)))}"
        for character in sorted(set(text))
        if unicodedata.category(character) in ("Cf", "Co", "Cn", "Cc")
        and character not in "\n\t\x1b"
    ]
    content = (ROOT / name).read_bytes()
    if content and b"\0" not in content:
        found += [] if content.endswith(b"\n") else ["no newline at the end"]
        found += ["a carriage return"] if b"\r\n" in content else []
    return found


@pytest.mark.parametrize("path", TEXTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_text_is_clean(path):
    """No machine's folder, no unfinished work, no foreign signs, no invisible characters."""
    assert faults(path.relative_to(ROOT).as_posix()) == []


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("see /ho" + "me/someone/x\n", "machine's folder"),
        ("TO" + "DO\n", "unfinished"),
        ("\u4e2d\n", "Chinese"),
        ("it\u2019s\n", "curly"),
        ("a\u200bb\n", "ZERO WIDTH SPACE"),
        ("a", "newline"),
        ("a\r\n", "carriage"),
    ],
)
def test_each_fault_of_a_text_is_seen(tmp_path, monkeypatch, text, fault):
    monkeypatch.setitem(globals(), "ROOT", tmp_path)
    (tmp_path / "file.md").write_bytes(text.encode())
    assert any(fault in found for found in faults("file.md"))
    (tmp_path / "file.md").write_text("Clean.\n")
    assert faults("file.md") == []
