"""Files written whole or not at all, one at a time or several together."""

import json
import os
import tempfile
from pathlib import Path


def write(path, text):
    """Write ``text`` to ``path`` atomically; return whether the file changed."""
    path = Path(path)
    if path.exists() and path.read_bytes() == text.encode():
        return False
    handle, partial = tempfile.mkstemp(dir=path.parent, prefix=".", suffix=".tmp")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(text.encode())
        os.chmod(partial, 0o644)
        os.replace(partial, path)
    except BaseException:  # Ctrl-C too: leave the old file and nothing else
        os.unlink(partial)
        raise
    return True


def of_notebook(notebook):
    """Return a notebook as the text that is stored: keys sorted, so that equal is equal.

    Args:
        notebook: what nbformat reads, or the plain content of a stored one.
    """
    if type(notebook) is not dict:
        import nbformat  # slow, and the contents can do without it

        notebook = json.loads(nbformat.writes(notebook, version=4))
    return json.dumps(notebook, indent=1, ensure_ascii=False, sort_keys=True) + "\n"


class Together:
    """Changes of several files that are kept together or taken back together.

    with Together() as changes:
        changes.write(path, text)
        changes.remove(other)

    What is raised inside, Ctrl-C too, puts every file back as it was, and takes away the folders
    that were made for them.
    """

    def __init__(self):
        self.before, self.folders = {}, []

    def __enter__(self):
        return self

    def __exit__(self, kind, error, trace):
        if kind is not None:
            self.undo()

    def watch(self, path):
        """Keep what a file holds now, for whoever changes it in another way."""
        path = Path(path)
        if path not in self.before:
            self.before[path] = path.read_bytes() if path.exists() else None

    def write(self, path, text):
        """Write a file whole; return whether it changed."""
        self.watch(path)
        for folder in reversed([p for p in Path(path).parents if not p.exists()]):
            folder.mkdir()
            self.folders.append(folder)
        return write(path, text)

    def remove(self, path):
        """Take a file away, and the folder that it was the last file of."""
        self.watch(path)
        Path(path).unlink()
        if not any(Path(path).parent.iterdir()):
            Path(path).parent.rmdir()

    def changed(self):
        """Return the files whose content is another now, in the order of their change."""
        return [
            path
            for path, before in self.before.items()
            if (path.read_bytes() if path.exists() else None) != before
        ]

    def undo(self):
        """Put back what every file held before."""
        for path, content in self.before.items():
            if content is None:
                path.unlink(missing_ok=True)
            elif not path.exists() or path.read_bytes() != content:
                path.parent.mkdir(parents=True, exist_ok=True)
                write(path, content.decode())
        for folder in reversed(self.folders):
            if folder.exists() and not any(folder.iterdir()):
                folder.rmdir()
