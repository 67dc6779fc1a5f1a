"""A page's cost counts the processes that it starts, those that outlive it included."""

import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SPEND = "t = time.process_time()\nwhile time.process_time() - t < {}: pass\n"


def measured(program):
    """Return (CPU-seconds, MB) of ``program`` from a process that adopts what it leaves behind."""
    script = f"""
        import subprocess, sys
        sys.path.insert(0, {str(ROOT / "tools")!r})
        from cost import Cost
        with Cost() as cost:
            subprocess.run([sys.executable, "-c", sys.argv[1]], check=True)
        print(cost.cpu_seconds, cost.peak_mb)
    """
    command = [sys.executable, "-c", textwrap.dedent(script), "import os, time\n" + program]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    return tuple(float(word) for word in done.stdout.split())


def test_a_process_that_outlives_its_parent_is_waited_for_and_counted():
    orphan = "if os.fork() == 0:\n    if os.fork() == 0:\n        " + SPEND.format(1.0).replace(
        "\n", "\n        "
    )
    cpu, _ = measured(orphan)
    if sys.platform != "linux":
        pytest.skip("only Linux lets a process adopt what another leaves behind")
    assert 1.0 <= cpu < 3.0


def test_memory_is_the_sum_over_processes_that_run_together():
    hold = "x = bytearray(os.urandom(1)) * (64 * 2**20)\ntime.sleep(1.5)\n"
    _, one = measured(hold)
    three = "for _ in range(2):\n    if os.fork() == 0: break\n" + hold
    _, sum_of_three = measured(three)
    if sys.platform != "linux":
        pytest.skip("only Linux tells how memory is shared")
    assert 64 < one < 120
    assert 2.5 * 64 < sum_of_three < 4.5 * 64
