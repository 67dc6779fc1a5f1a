"""Test some pages: all that concerns them, and nothing else.

    python tools/check.py book/3_algorithms/attention.ipynb [...]

Steps run two at a time. Each prints its time and the command that repeats it alone; after one that
failed the others go on.
"""

import argparse
import os
import re
import shlex
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import NamedTuple

import toc

ROOT = Path(__file__).resolve().parent.parent
PYTEST = ("-m", "pytest", "-q", "-p", "no:cacheprovider")
NBVAL = (
    *("--nbval", "--nbval-current-env", "--nbval-cell-timeout=300"),
    *("--nbval-sanitize-with", "tests/sanitize.cfg"),
)
# Where a page is tested: its anatomy, checkers, attacks and taught code, its imports, its text.
TESTS = ("tests/pages", "tests/package/test_imports.py", "tests/project/test_wording.py")
THREADS = {
    "BIGMODEL_THREADS": "1",
    "OMP_NUM_THREADS": "1",
    "OMP_WAIT_POLICY": "PASSIVE",
    "GOMP_SPINCOUNT": "0",
}

_COLOUR = re.compile(r"\x1b\[[0-9;]*m")


class Step(NamedTuple):
    """One thing to run: its name, its command, and the step that has to come before it."""

    name: str
    command: tuple
    after: str = ""


def steps(pages, python=sys.executable):
    """Return the steps for pages, given as paths from the root."""
    stems = [Path(page).stem for page in pages]
    own = [
        file
        for stem in stems
        for file in (f"bigmodel_utils/checks/{stem}.py", f"tests/pages/attacks/{stem}.py")
        if (ROOT / file).exists()
    ]
    only = [option for stem in stems for option in ("--page", stem)]
    build = str(Path(python).with_name("jupyter-book"))
    return [  # quick ones first, then the longest first
        Step("lint", (python, "-m", "ruff", "check", *pages, *own)),
        Step("format", (python, "-m", "ruff", "format", "--check", *pages, *own)),
        Step("contents", (python, "tools/contents.py", "--check")),
        Step("execute", (python, *PYTEST, *NBVAL, *pages)),
        Step("build", (build, "build", ".", "-q", "-W", "-n", "--keep-going")),
        Step("browser", (python, *PYTEST, "tests/browser", *only), after="build"),
        Step("page", (python, *PYTEST, *TESTS, *only)),
        Step("ledger", (python, *PYTEST, *NBVAL, "book/appendix/ledger.ipynb")),
    ]


def known(paths):
    """Return pages as paths from the root.

    Raises:
        ValueError: none was given, or one is no notebook of `_toc.yml`.
    """
    pages = [f"{page.name}.ipynb" for page in toc.read(ROOT) if page.path.suffix == ".ipynb"]
    if not paths:
        raise ValueError(f'PAGES: expected pages, such as PAGES="{pages[0]}", got none')
    found = [_from_root(path) for path in paths]
    for given, page in zip(paths, found, strict=True):
        if page not in pages:
            raise ValueError(f"PAGES: expected a notebook of {toc.FILE}, got {given}")
    return list(dict.fromkeys(found))


def run(plan):
    """Run steps, two at a time, each after the one that it names; return the names that failed."""
    pending, ended, failed = list(plan), set(), []
    change = threading.Condition()
    env = os.environ | THREADS

    def next_step():
        with change:
            while pending:
                for step in pending:
                    if not step.after or step.after in ended:
                        pending.remove(step)
                        return step
                change.wait()
        return None

    def work():
        while (step := next_step()) is not None:
            start = time.monotonic()
            done = subprocess.run(
                step.command, cwd=ROOT, env=env, stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace",
            )  # fmt: skip
            with change:
                report(step, done, time.monotonic() - start)
                failed.extend([step.name] if done.returncode else [])
                ended.add(step.name)
                change.notify_all()

    workers = [threading.Thread(target=work) for _ in range(2)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    return [step.name for step in plan if step.name in failed]


def report(step, done, seconds):
    """Print the line of a step that ended, and of one that failed the end of what it said."""
    outcome = "FAILED" if done.returncode else "passed"
    print(f"{outcome} {step.name:9}{seconds:6.1f} s   {shown(step)}", flush=True)
    if done.returncode:
        lines = _COLOUR.sub("", done.stdout).splitlines()
        print("\n".join(f"    {line}" for line in lines[-60:]), flush=True)


def shown(step):
    """Return a step's command as one would type it at the root."""
    return shlex.join(_from_root(w) if os.path.isabs(w) else w for w in step.command)


def _from_root(path):
    """Return a path as it is from the root; one that is elsewhere in full."""
    path = Path(os.path.abspath(path))
    return (path.relative_to(ROOT) if path.is_relative_to(ROOT) else path).as_posix()


def main():
    """Check the pages; return 1 if a step failed, 2 if there is nothing to check."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("pages", nargs="*", metavar="PAGE.ipynb")
    try:
        pages = known(parser.parse_args().pages)
    except ValueError as error:
        print(error, file=sys.stderr)
        return 2
    start = time.monotonic()
    for page in pages:  # Sphinx warns of a page when it reads it, so it has to read it again
        os.utime(ROOT / page)
    failed = run(steps(pages))
    total = f"{time.monotonic() - start:.0f} s"
    print(f"failed: {', '.join(failed)} ({total})" if failed else f"all passed ({total})")
    return int(bool(failed))


if __name__ == "__main__":
    sys.exit(main())
