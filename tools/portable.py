"""Execute every page strictly under several disguises of this machine, and keep a report.

    python tools/portable.py [--disguise NAME ...] [--jobs N] [--resume] [--no-report]
                             [--unless-native] [PAGE ...]

What pages compare letter by letter must be equal on any processor, thread count and build. This
machine in disguise is not another machine, but it rounds otherwise in as many places. Every result
is stored at once, so that a run that was killed goes on with ``--resume``: pages that passed under
a disguise and have not changed since are not run again. With ``--unless-native`` a disguise that
changes nothing here is not run, since every run of a page is one; the report says "native".
"""

import argparse
import concurrent.futures
import datetime
import hashlib
import importlib.metadata
import json
import os
import platform
import subprocess
import sys
import threading
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
RECORD = ROOT / "docs" / "portability.json"
REPORT = ROOT / "docs" / "portability.md"
DISGUISES = {
    "no vectors": {
        "ATEN_CPU_CAPABILITY": "default",
        "ONEDNN_MAX_CPU_ISA": "SSE41",
        "MKL_ENABLE_INSTRUCTIONS": "SSE4_2",
    },
    "AVX2": {
        "ATEN_CPU_CAPABILITY": "avx2",
        "ONEDNN_MAX_CPU_ISA": "AVX2",
        "MKL_ENABLE_INSTRUCTIONS": "AVX2",
    },
    "no oneDNN": {"BIGMODEL_ONEDNN": "0"},
    "two threads": {"BIGMODEL_THREADS": "2", "OMP_NUM_THREADS": "2"},
    "no bfloat16": {"BIGMODEL_BFLOAT16": "0"},
    "perturbed": {"BIGMODEL_PERTURB": "1e-6"},
}
WHAT = {
    "no vectors": "kernels for a processor without AVX",
    "AVX2": "kernels for a processor with AVX2 and no more",
    "no oneDNN": "PyTorch's own kernels in place of oneDNN's",
    "two threads": "sums in another order",
    "no bfloat16": "training in float32, as on a processor without bfloat16 units",
    "perturbed": "all starting weights changed by one part in a million",
}
COMMAND = (
    *("-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", "--nbval", "--nbval-current-env"),
    *("--nbval-cell-timeout=900", "--nbval-sanitize-with", "tests/sanitize.cfg"),
)


def all_pages():
    """Return the paths of the pages, from the root, in order."""
    pages = sorted(ROOT.glob("book/**/*.ipynb"))
    return [str(p.relative_to(ROOT)) for p in pages if ".ipynb_checkpoints" not in p.parts]


def read():
    """Return the stored results: {page: {disguise: {...}}}, and when and with what they ran."""
    if RECORD.exists():
        return json.loads(RECORD.read_text(encoding="utf-8"))
    return {"pages": {}}


def execute(page, disguise):
    """Run one page in processes of its own; return its result and what it printed."""
    env = os.environ | {"BIGMODEL_THREADS": "1", "OMP_NUM_THREADS": "1"} | DISGUISES[disguise]
    command = [sys.executable, str(Path(__file__).resolve()), "--one", page]
    done = subprocess.run(
        command, cwd=ROOT, env=env, capture_output=True, text=True, stdin=subprocess.DEVNULL
    )
    *lines, last = done.stdout.strip().split("\n")
    if not last.startswith("{"):  # killed, say
        return {"passed": False}, f"{done.stdout}\n{done.stderr}"
    return {**json.loads(last), "source": digest(page)}, "\n".join(lines)


def run_one(page):
    """Run nbval on ``page`` under this process's environment and print the outcome."""
    import resource  # not on Windows

    done = subprocess.run([sys.executable, *COMMAND, page], cwd=ROOT)
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    seconds = round(usage.ru_utime + usage.ru_stime, 1)
    print(json.dumps({"passed": done.returncode == 0, "cpu_seconds": seconds}))


def digest(page):
    """Return a short hash of a page's code and of the outputs that are compared."""
    cells = json.loads((ROOT / page).read_text(encoding="utf-8"))["cells"]
    kept = []
    for cell in cells:
        if cell["cell_type"] == "code":
            moves = "nbval-ignore-output" in cell["metadata"].get("tags", [])
            kept.append([cell["source"], [] if moves else cell["outputs"]])
    return hashlib.sha256(json.dumps(kept, sort_keys=True).encode()).hexdigest()[:12]


def processor():
    """Return the processor's make in words."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def capability():
    """Return the processor's vectors as torch names them, such as "AVX2" or "AVX512"."""
    import torch

    return torch.backends.cpu.get_cpu_capability()


def natives():
    """Return the names of the disguises that this processor wears anyway."""
    import torch

    from bigmodel_utils.device import number_format

    plain = number_format(torch.device("cpu")) == torch.float32
    return {"AVX2"} & {capability()} | ({"no bfloat16"} if plain else set())


def write(record):
    """Store the results and the report made of them, each file whole or not at all."""
    record["date"] = datetime.date.today().isoformat()
    record["processor"] = f"{processor()}, {capability()}"
    record["python"] = platform.python_version()
    record["versions"] = {n: importlib.metadata.version(n) for n in ("torch", "numpy", "nbval")}
    texts = {RECORD: json.dumps(record, indent=1, sort_keys=True) + "\n", REPORT: report(record)}
    for path, text in texts.items():
        partial = path.with_suffix(".partial")
        partial.write_text(text, encoding="utf-8")
        os.replace(partial, path)


def report(record):
    """Return the results as a Markdown page."""
    names = [name for name in DISGUISES if any(name in row for row in record["pages"].values())]
    versions = ", ".join(f"{name} {v}" for name, v in sorted(record["versions"].items()))
    lines = [
        "# Pages under disguises of one machine",
        "",
        "Each page executed strictly (outputs compared letter by letter, figures by what they",
        "show) while the machine computes otherwise. Numbers are CPU-seconds, kernel start and",
        "comparison included; *native* stands where the machine computes so anyway and `make test`",
        "is the run. `make test-portable` writes this file.",
        "",
        f"{record['date']}, {record['processor']}, Python {record['python']}, {versions}.",
        "",
        *(f"- **{name}**: {WHAT[name]}{_variables(name)}" for name in names),
        "",
        "| page | " + " | ".join(names) + " |",
        "|---" * (len(names) + 1) + "|",
    ]
    for page in sorted(record["pages"]):
        row = record["pages"][page]
        cells = [_cell(row[name]) if name in row else "not run" for name in names]
        lines.append(f"| {page.removeprefix('book/')} | " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def _variables(name):
    pairs = " ".join(f"{key}={value}" for key, value in DISGUISES[name].items())
    return f" (`{pairs}`)" if pairs else ""


def _cell(result):
    if result.get("native"):
        return "native"
    return f"{result['cpu_seconds']:.0f}" if result["passed"] else "**failed**"


def main():
    """Run what was asked for; return 1 if a page failed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("pages", nargs="*")
    parser.add_argument("--disguise", action="append", choices=list(DISGUISES))
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="pages at a time")
    parser.add_argument("--resume", action="store_true", help="leave out what passed before")
    parser.add_argument("--no-report", action="store_true", help="store nothing")
    parser.add_argument(
        "--unless-native", action="store_true", help="leave out what this processor is anyway"
    )
    parser.add_argument("--one", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        run_one(options.pages[0])
        return 0
    known = all_pages()
    pages = [str(Path(p).resolve().relative_to(ROOT)) for p in options.pages] or known
    for page in pages:
        if page not in known:
            parser.error(f"no page: {page}")
    record, lock, failed = read(), threading.Lock(), []
    record["pages"] = {page: row for page, row in record["pages"].items() if page in known}
    disguises = list(options.disguise or DISGUISES)
    native = natives() if options.unless_native else set()
    for name in [d for d in disguises if d in native]:
        disguises.remove(name)
        print(f"{name}: this processor has no more, so every run of a page is one", flush=True)
        for page in pages:
            record["pages"].setdefault(page, {})[name] = {"passed": True, "native": True}
        if not options.no_report:
            write(record)
    tasks = [(page, d) for d in disguises for page in pages]

    def finish(page, disguise):
        before = record["pages"].get(page, {}).get(disguise, {})
        if options.resume and before.get("passed") and before.get("source") == digest(page):
            return
        result, text = execute(page, disguise)
        with lock:
            record["pages"].setdefault(page, {})[disguise] = result
            if not options.no_report:
                write(record)
            outcome = "passed" if result["passed"] else "FAILED"
            print(f"{disguise}: {page}: {outcome}, {result.get('cpu_seconds')} CPU-s", flush=True)
            if not result["passed"]:
                failed.append((page, disguise))
                print(text, flush=True)

    with concurrent.futures.ThreadPoolExecutor(max(1, options.jobs)) as pool:
        for future in [pool.submit(finish, *task) for task in tasks]:
            future.result()
    print(f"{len(tasks) - len(failed)} of {len(tasks)} passed")
    return int(bool(failed))


if __name__ == "__main__":
    sys.exit(main())
