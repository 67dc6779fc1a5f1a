"""Run the experiments of pages under stress and store the records beside the pages.

    python tools/stress.py [--jobs N] [--again] [PAGE ...]

Each experiment is taken from its page's cells and run off the page: a third and three times the
learning rate for every arm, four times the training, ten other seeds, another processor's kernels.
Every run is written down as soon as it ends (in `_build/stress/`), so a stress that was stopped
goes on where it was. A record that fits the page's code is not made again.
"""

import argparse
import concurrent.futures
import json
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import files
import portable
import toc
from check import THREADS

from bigmodel_utils import claims

ROOT = Path(__file__).resolve().parent.parent
RUNS = ROOT / "_build" / "stress"
DISGUISE = "no vectors"  # other kernels than any processor of the last ten years would choose


class Runs:
    """The runs of one experiment, kept in a file line by line, for one machine or disguise."""

    def __init__(self, experiment, code, disguise="", only_read=False):
        self.experiment, self.only_read = experiment, only_read
        self.path = RUNS / f"{experiment.name}-{code}{'-disguised' if disguise else ''}.jsonl"
        self.known, self.cpu_seconds = {}, 0.0
        if self.path.exists():
            for line in self.path.read_text(encoding="utf-8").splitlines():
                try:
                    row = json.loads(line)
                except ValueError:  # the line that a kill cut short
                    continue
                self.known[row["key"]] = row["values"]
                self.cpu_seconds += row["cpu_seconds"]
        self.run = claims.plain(experiment)

    def __call__(self, arm, seeds, options):
        """Return the numbers of an arm, from the file or by running what is missing there."""
        if self.experiment.side_by_side:
            return self.one(arm, seeds, options)
        rows = [self.one(arm, [seed], options) for seed in seeds]
        if any(row is None for row in rows):
            return None
        return {key: [row[key][0] for row in rows] for key in rows[0]}

    def one(self, arm, seeds, options):
        """Return the numbers of one call of the experiment's function."""
        told = {k: v for k, v in options.items() if k in self.experiment.knobs}
        told["exchanged"] = "parts" in options
        key = json.dumps([arm, seeds, told], sort_keys=True)
        if key not in self.known:
            if self.only_read:
                raise ValueError(f"{self.path}: expected the run {key}, it was not made")
            before = time.process_time()
            values = self.run(arm, seeds, options)
            seconds = time.process_time() - before
            self.known[key] = values
            self.cpu_seconds += seconds
            self.path.parent.mkdir(parents=True, exist_ok=True)
            row = {"key": key, "values": values, "cpu_seconds": round(seconds, 3)}
            with self.path.open("a", encoding="utf-8") as file:
                file.write(json.dumps(row) + "\n")
        return self.known[key]


def taken(page, name):
    """Return an experiment, taken out of its page, and the hash of its code."""
    path = ROOT / page
    return claims.load(path, name), claims.code_hash(claims.experiments_of(path)[name])


def store(record, folder):
    """Write a record beside the pages of a folder, whole or not at all."""
    path = claims.record_path(record["experiment"], folder)
    text = claims.record_text(record)
    path.parent.mkdir(exist_ok=True)
    files.write(path, text)


def run_one(page, name):
    """Stress one experiment of a page in this process; the disguised runs are there already."""
    experiment, code = taken(page, name)
    runs = Runs(experiment, code)
    disguised = Runs(experiment, code, DISGUISE, only_read=True)
    record = claims.stress(experiment, runs, disguised)
    device = f"{portable.processor()}, {portable.capability()}"
    record |= {
        "page": page,
        "code": code,
        "device": device,
        "disguise": DISGUISE,
        "cpu_seconds": round(runs.cpu_seconds + disguised.cpu_seconds, 1),
    }
    store(record, (ROOT / page).parent)
    print(f"{name}: {record['cpu_seconds']:.0f} CPU-s")


def run_disguised(page, name):
    """Make the runs of one experiment under a disguise that this process wears."""
    experiment, code = taken(page, name)
    runs = Runs(experiment, code, DISGUISE)
    for arm in experiment.arms:
        options = {"rate": 1.0, "budget": 1.0, "part": "test"}
        runs(arm, list(experiment.seeds), options)


def wanted(pages, again):
    """Return (page, name of the experiment) of all whose record is missing or stale."""
    found = []
    for page in pages:
        for name, statements in claims.experiments_of(ROOT / page).items():
            record = claims.read(name, (ROOT / page).parent)
            if again or record is None or record["code"] != claims.code_hash(statements):
                found.append((page, name))
    return found


def execute(page, name):
    """Stress one experiment in processes of its own; return whether it went through."""
    env = os.environ | THREADS
    command = [sys.executable, __file__, "--one", page, name]
    for more, extra in ((["--disguised"], portable.DISGUISES[DISGUISE]), ([], {})):
        done = subprocess.run(
            [*command, *more], cwd=ROOT, env=env | extra, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace",
        )  # fmt: skip
        if done.returncode:
            return False, done.stdout
    return True, done.stdout


def main():
    """Stress what is wanted; return 1 if an experiment failed, 2 if a page is not known."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("pages", nargs="*", metavar="PAGE.ipynb")
    parser.add_argument("--jobs", type=int, default=2, help="experiments at a time")
    parser.add_argument("--again", action="store_true", help="also those with a fresh record")
    parser.add_argument("--disguised", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--one", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        (run_disguised if options.disguised else run_one)(*options.pages)
        return 0
    known = [f"{page.name}.ipynb" for page in toc.read(ROOT) if page.path.suffix == ".ipynb"]
    pages = [os.path.relpath(Path(page).resolve(), ROOT) for page in options.pages] or known
    for page in pages:
        if page not in known:
            print(f"PAGES: expected a notebook of {toc.FILE}, got {page}", file=sys.stderr)
            return 2
    todo = wanted(pages, options.again)
    print(f"{len(todo)} experiments to stress", flush=True)
    failed, change = [], threading.Lock()
    start = time.monotonic()

    def work(one):
        passed, said = execute(*one)
        with change:
            print(said.strip() if passed else f"FAILED {one[1]}\n{said}", flush=True)
            failed.extend([] if passed else [one[1]])

    with concurrent.futures.ThreadPoolExecutor(max(1, options.jobs)) as pool:
        list(pool.map(work, todo))
    print(f"{time.monotonic() - start:.0f} s, failed: {', '.join(failed) or 'none'}")
    return int(bool(failed))


if __name__ == "__main__":
    sys.exit(main())
