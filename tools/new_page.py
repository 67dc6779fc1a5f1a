"""Begin a page that passes all tests, or take one away again without a trace.

    python tools/new_page.py 5_challenges/interpretability [--title TITLE] [--number 5.2]
    python tools/new_page.py --remove 5_challenges/interpretability [--yes]

The new page is a small real one, about the mean, with every part that a page has. Written are the
notebook, executed; `bigmodel_utils/checks/NAME.py`; `tests/pages/attacks/NAME.py`; the line in
`_toc.yml`, for a new chapter its overview too; and whatever repeats the contents. All of it is
written, or nothing.
"""

import argparse
import keyword
import re
import sys
from pathlib import Path

import contents
import files
import page_parts
import toc

ROOT = Path(__file__).resolve().parent.parent
_NAME = re.compile(r"([1-9]\d*_[a-z0-9]+(?:_[a-z0-9]+)*)/([a-z][a-z0-9]*(?:_[a-z0-9]+)*)")
_TITLE = re.compile(r"[\w][\w ,:;?!()'.&/+-]*")
_NUMBER = re.compile(r"[1-9]\d*(\.[1-9]\d*)+")


class Refused(Exception):
    """What was asked for is wrong; nothing was written."""


def create(root, name, title=None, number=None):
    """Write a new page and all that belongs to it.

    Args:
        root: the repository.
        name: chapter folder and stem: "5_challenges/interpretability".
        title: of the page; made from the stem by default.
        number: its place, such as "5.2"; at the chapter's end by default.

    Returns:
        The files that changed, and sentences of other pages that should be read again.

    Raises:
        Refused: an argument is wrong.
    """
    chapter, stem = _parts(name)
    title = _title(title, stem)
    pages = toc.read(root)
    _refuse_known(root, pages, chapter, stem)
    listed = f"book/{chapter}/{stem}"
    text, overview = _contents_with(root, pages, chapter, listed, number)
    notebook = root / f"{listed}.ipynb"
    address = contents.settings(root)["repository"]["url"]
    with files.Together() as changes:
        if overview is not None:
            changes.write(root / f"book/{chapter}/index.md", overview)
        changes.write(root / toc.FILE, text)
        for path, part in _own_files(root, stem).items():
            changes.write(path, page_parts.text(part, stem=stem, title=title))
        page = page_parts.notebook(stem=stem, title=title, address=address)
        changes.write(notebook, files.of_notebook(page))
        page_parts.execute(root, notebook)
        _, doubts = contents.write(root, changes)
        return changes.changed(), doubts


def remove(root, name):
    """Take a page away and all that belongs to it.

    A chapter goes with its last page if its overview is as it was written with its first.
    Returned is the same as by :func:`create`.

    Raises:
        Refused: there is no such page, or something written by hand speaks of it.
    """
    chapter, stem = _parts(name)
    listed = f"book/{chapter}/{stem}"
    pages = toc.read(root)
    page = next((page for page in pages if page.name == listed), None)
    if page is None:
        known = ", ".join(p.name.removeprefix("book/") for p in pages if p.is_lesson)
        raise Refused(f"NAME: expected a page of {toc.FILE}, got {name!r}; there are {known}")
    below = toc.chapter_pages(pages, page)
    if below:
        raise Refused(f"NAME: {name} has pages below it: {', '.join(p.name for p in below)}")
    text = toc.without((root / toc.FILE).read_text(encoding="utf-8"), listed)
    overview = root / f"book/{chapter}/index.md"
    with files.Together() as changes:
        for path in (page.path, *_own_files(root, stem)):
            if path.exists():
                changes.remove(path)
        if not list(overview.parent.glob("*.ipynb")) and _is_as_written(overview, chapter):
            text = toc.without(text, f"book/{chapter}/index")
            changes.remove(overview)
        changes.write(root / toc.FILE, text)
        _, doubts = contents.write(root, changes)
        mentions = page_parts.mentions(root, stem, listed)
        if mentions:
            raise Refused(
                f"NAME: {name} is named in {', '.join(mentions)}: take it out there first"
            )
        return changes.changed(), doubts


def _own_files(root, stem):
    return {
        root / "bigmodel_utils" / "checks" / f"{stem}.py": "checks",
        root / "tests" / "pages" / "attacks" / f"{stem}.py": "attacks",
    }


def _parts(name):
    match = _NAME.fullmatch(name or "")
    if not match or keyword.iskeyword(match[2]):
        raise Refused(
            "NAME: expected a chapter and a page in lower case, such as "
            f"5_challenges/interpretability, got {name!r}"
        )
    return match[1], match[2]


def _title(title, stem):
    if not title:
        return stem.replace("_", " ").capitalize()
    if not _TITLE.fullmatch(title) or title != title.strip():
        raise Refused(f"TITLE: expected letters, digits and plain punctuation, got {title!r}")
    return title


def _refuse_known(root, pages, chapter, stem):
    for page in pages:
        if page.path.stem == stem:
            raise Refused(
                f"NAME: expected a stem that no page has, got {stem!r}, which is {page.name}"
            )
    for path in (root / f"book/{chapter}/{stem}.ipynb", *_own_files(root, stem)):
        if path.exists():
            file = path.relative_to(root).as_posix()
            raise Refused(f"NAME: {file} exists, though {toc.FILE} lists no such page")
    taken = page_parts.labels(root) & page_parts.own_labels(stem)
    if taken:
        raise Refused(f"NAME: {stem!r} gives equation labels that exist: {', '.join(taken)}")


def _contents_with(root, pages, chapter, listed, number):
    """Return `_toc.yml` with the page, and the overview's text if the chapter is new."""
    text = (root / toc.FILE).read_text(encoding="utf-8")
    chapters = [page for page in pages if page.is_chapter]
    overview = None
    above = next((page for page in chapters if page.name == f"book/{chapter}/index"), None)
    if above is None:
        new, known = len(chapters) + 1, [page.path.parent.name for page in chapters]
        if not chapter.startswith(f"{new}_"):
            raise Refused(
                f"NAME: expected a chapter of {', '.join(known)} or a new one that begins with "
                f"{new}_, got {chapter!r}"
            )
        text = toc.with_chapter(text, f"book/{chapter}/index", chapters[-1].name)
        overview = page_parts.overview(chapter)
        above = toc.Page(f"book/{chapter}/index", str(new), root / f"book/{chapter}/index.md")
    above, before = _place(pages, above, number)
    return toc.with_page(text, listed, (above.name, before)), overview


def _place(pages, chapter, number):
    """Return the page above the new one, and how many stand there before it."""
    if not number:
        return chapter, len(_children(pages, chapter))
    if not _NUMBER.fullmatch(number) or number.split(".")[0] != chapter.number:
        raise Refused(
            f"NUMBER: expected a number of chapter {chapter.number}, such as {chapter.number}.1, "
            f"got {number!r}"
        )
    parent, _, last = number.rpartition(".")
    candidates = [chapter, *toc.chapter_pages(pages, chapter)]
    above = next((page for page in candidates if page.number == parent), None)
    if above is None:
        raise Refused(f"NUMBER: expected a page {parent} above {number}, found none")
    free = len(_children(pages, above)) + 1
    if int(last) > free:
        raise Refused(f"NUMBER: expected at most {parent}.{free}, got {number}")
    return above, int(last) - 1


def _children(pages, above):
    depth = above.number.count(".") + 1
    return [p for p in toc.chapter_pages(pages, above) if p.number.count(".") == depth]


def _is_as_written(overview, chapter):
    written = page_parts.overview(chapter)
    with_table = contents.filled(written, overview.name, "pages", "")
    try:
        now = contents.filled(overview.read_text(encoding="utf-8"), overview.name, "pages", "")
    except ValueError:  # without the marks: someone's own text
        return False
    return now == with_table


def main():
    """Create or remove a page; return 1 if it was refused."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("name", nargs="?", default="", help="5_challenges/interpretability")
    parser.add_argument("--title", help="by default made from the name")
    parser.add_argument("--number", help="such as 5.2; by default the chapter's next")
    parser.add_argument("--remove", action="store_true", help="take the page away")
    parser.add_argument("--yes", action="store_true", help="remove without asking")
    options = parser.parse_args()
    try:
        if not options.remove:
            changed, doubts = create(ROOT, options.name, options.title, options.number)
        elif options.yes or input(f"Type {options.name} to remove it: ") == options.name:
            changed, doubts = remove(ROOT, options.name)
        else:
            raise Refused("nothing was removed: another name was typed")
    except (Refused, ValueError, RuntimeError) as error:
        print(error, file=sys.stderr)
        return 1
    print("\n".join([*(path.relative_to(ROOT).as_posix() for path in changed), *doubts]))
    if not options.remove:
        print(f"Now write it, and test it alone: make check PAGES=book/{options.name}.ipynb")
    return 0


if __name__ == "__main__":
    sys.exit(main())
