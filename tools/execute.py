"""Execute pages in clean kernels and store their outputs so that a second run gives no diff.

    python tools/execute.py [--dry-run] [PAGE.ipynb ...]      (all pages by default)

What is stored besides the outputs: the page's measured CPU-seconds and memory in the badge
line below its title (only when the stored ones no longer fit), the alt text of each figure
where the built book looks for it, and the repository's address in the install guard.
"""

import argparse
import math
import os
import re
import subprocess
import sys
from pathlib import Path

import files
import nbformat
import yaml
from cost import Cost
from nbclient import NotebookClient
from nbclient.output_widget import OutputWidget

from bigmodel_utils import drawn

ROOT = Path(__file__).resolve().parent.parent
WIDGET = "application/vnd.jupyter.widget-view+json"
BADGE = re.compile(r"\*\*Runs in\*\* [^·\n]* · \*\*memory\*\* [^·\n]*?(?= ·|$)", re.MULTILINE)
FOLDED = {"setup", "proof", "verdict", "hide-input", "remove-input"}
ADDRESS = re.compile(r"git\+https?://\S+")


def repository_address():
    """Return the public repository's address: `_config.yml` is the one place that sets it."""
    return yaml.safe_load((ROOT / "_config.yml").read_text())["repository"]["url"]


def normalise(notebook):
    """Drop what changes from run to run, in place, and put alt texts where the book looks."""
    notebook.metadata = nbformat.from_dict(
        {
            "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
            "language_info": {"name": "python"},
        }
        | {k: v for k, v in notebook.metadata.items() if k == "book"}
    )
    for cell in notebook.cells:
        if cell.cell_type != "code":
            continue
        kept = {"tags", "mystnb", "objectives"}
        cell.metadata = nbformat.from_dict({k: v for k, v in cell.metadata.items() if k in kept})
        if FOLDED & set(cell.metadata.get("tags", [])):  # in JupyterLab, too
            cell.metadata["jupyter"] = {"source_hidden": True}
        if "nbval-ignore-output" in cell.metadata.get("tags", []):  # nobody compares it
            for out in cell.outputs:
                out.get("data", {}).pop(drawn.MIME, None)
        # A widget without a kernel is a slider that moves nothing; progress bars are widgets too.
        cell.outputs = [out for out in cell.outputs if WIDGET not in out.get("data", {})]
        cell.outputs = [out for out in cell.outputs if out.get("name") != "stderr"]
        alts = [
            meta["alt"]
            for out in cell.outputs
            for meta in out.get("metadata", {}).values()
            if isinstance(meta, dict) and "alt" in meta
        ]
        if len(alts) > 1:
            first = cell.source.partition("\n")[0]
            raise ValueError(
                f"a cell shows {len(alts)} figures, and a cell has one alt text: {first!r}"
            )
        if alts:
            cell.metadata.setdefault("mystnb", {})["image"] = {"alt": alts[0]}
        else:
            cell.metadata.pop("mystnb", None)
    return notebook


def set_address(notebook, address):
    """Write the repository's address into the install guard, in place."""
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.source = ADDRESS.sub(f"git+{address}", cell.source)


def set_badge(notebook, cpu_seconds, peak_mb):
    """Write the measured cost into the badge line, rounded up, unless the stored one still fits."""
    title = notebook.cells[0]
    if not BADGE.search(title.source):
        return  # an appendix page; a test asks every lesson for its badge
    steps = (5, 10, 15, 20, 30, 40, 50, 60, 75, 90, 100, 120, 180, 300, 600)
    stored = notebook.metadata.get("book", {})
    seconds = stored.get("cpu_seconds_label", 0)
    if not 0.4 * seconds <= cpu_seconds <= seconds:  # steps overlap: no label flips to and fro
        seconds = next((s for s in steps if s >= cpu_seconds), None)
        if seconds is None:
            raise ValueError(
                f"the page took {cpu_seconds:.0f} CPU-seconds, the limit is {steps[-1]}"
            )
    memory = stored.get("memory_mb_label", 0)
    if not 0.7 * memory <= peak_mb <= memory:
        memory = 100 * math.ceil(peak_mb / 100)
    notebook.metadata["book"] = {"cpu_seconds_label": seconds, "memory_mb_label": memory}
    text = f"**Runs in** at most {seconds} CPU-seconds · **memory** {memory} MB"
    title.source = BADGE.sub(text, title.source)


def write(path, notebook):
    """Write the page atomically; return whether its bytes changed."""
    return files.write(path, files.of_notebook(notebook))


class QuietOutput(OutputWidget):
    """A widget's captured output that is kept here and not reported back to the kernel.

    nbclient reports it over the socket on which it waits for the cell's end. That can swallow the
    wake-up, and the cell then waits until its timeout. No page reads the report.
    """

    def sync_state(self):
        """Send nothing."""


def run(path, dry_run=False):
    """Execute one page in a kernel of its own and store the result, or only see it pass."""
    notebook = nbformat.read(path, as_version=4)
    set_address(notebook, repository_address())
    client = NotebookClient(
        notebook,
        timeout=300,
        kernel_name="python3",
        coalesce_streams=True,
        resources={"metadata": {"path": str(path.parent)}},
    )
    client.widget_registry = {"@jupyter-widgets/output": {"OutputModel": QuietOutput}}
    with Cost() as cost:
        client.execute()
    outcome = "passed"
    if not dry_run:
        normalise(notebook)
        set_badge(notebook, cost.cpu_seconds, cost.peak_mb)
        outcome = "changed" if write(path, notebook) else "unchanged"
    spent = f"{cost.cpu_seconds:.1f} CPU-s, {cost.peak_mb:.0f} MB"
    print(f"{path.relative_to(ROOT)}: {spent}, {outcome}", flush=True)


def main():
    """Run each page in a process of its own, so that peak memory is that page's."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("pages", nargs="*", type=Path)
    parser.add_argument("--dry-run", action="store_true", help="execute, store nothing")
    parser.add_argument("--one", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    pages = [p.resolve() for p in options.pages] or sorted(ROOT.glob("book/**/*.ipynb"))
    pages = [p for p in pages if ".ipynb_checkpoints" not in p.parts]
    if options.one:
        run(pages[0], options.dry_run)
        return 0
    # One thread, as in the tests: sums then run in the same order on every machine of a kind.
    env = os.environ | {"BIGMODEL_THREADS": "1", "OMP_NUM_THREADS": "1"}
    command = [sys.executable, __file__, "--one"] + ["--dry-run"] * options.dry_run
    failed = [
        page
        for page in pages
        if subprocess.run([*command, page], env=env, stdin=subprocess.DEVNULL).returncode
    ]
    for page in failed:
        print(f"failed: {page.relative_to(ROOT)}", file=sys.stderr)
    return bool(failed)


if __name__ == "__main__":
    sys.exit(main())
