"""The files of the repository, as git lists them."""

import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def git_files(*options):
    """Return the files that git lists and that are there, as paths from the root."""
    if not (ROOT / ".git").exists():
        return []
    command = ["git", "ls-files", "-z", *options]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, check=True)
    return [name for name in done.stdout.decode().split("\0") if name and (ROOT / name).is_file()]


def tracked():
    """Return the tracked files."""
    return git_files() or pytest.skip("this copy is no git repository")


def with_new():
    """Return the tracked files and what is new and not yet added: a page that was just begun."""
    return git_files("--cached", "--others", "--exclude-standard")
