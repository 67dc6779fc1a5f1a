"""The tools as modules, and copies of the repository for them to work on."""

import json
import shutil
import sys
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools"))
try:
    import check
    import contents
    import files
    import new_page
    import page_parts
    import toc
finally:
    sys.path.pop(0)

__all__ = ["ROOT", "check", "contents", "copy_of", "files", "new_page", "page_parts", "toc"]
__all__ += ["changed_for_a_while", "content_of"]

_LEFT_OUT = shutil.ignore_patterns("__pycache__", ".ipynb_checkpoints", "_build")


def copy_of(root, folder, *names, slim=False):
    """Copy files and folders of the repository, and write the contents anew.

    ``slim`` drops figures from the pages, for tests that read them again and again.
    """
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        if (root / name).is_dir():
            shutil.copytree(root / name, folder / name, ignore=_LEFT_OUT)
        else:
            shutil.copyfile(root / name, folder / name)
    for path in folder.glob("book/**/*.ipynb") if slim else ():
        page = json.loads(path.read_text(encoding="utf-8"))
        for cell in page["cells"]:
            if "outputs" in cell:
                cell["outputs"] = [out for out in cell["outputs"] if _is_text(out)]
        path.write_text(files.of_notebook(page), encoding="utf-8")
    contents.write(folder)
    return folder


def _is_text(output):
    return output.get("name") == "stdout" or "text/markdown" in output.get("data", {})


def content_of(root):
    """Return {path: bytes} of all files below a folder."""
    return {
        path.relative_to(root).as_posix(): path.read_bytes()
        for path in root.rglob("*")
        if path.is_file() and not {"__pycache__", "_build", ".git"} & set(path.parts)
    }


@contextmanager
def changed_for_a_while(root):
    """Put every file back as it was, at the end."""
    before = content_of(root)
    try:
        yield before
    finally:
        after = content_of(root)
        for name in before.keys() | after.keys():
            path = root / name
            if name not in before:
                path.unlink()
            elif after.get(name) != before[name]:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(before[name])
