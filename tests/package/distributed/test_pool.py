"""A pool of processes: results by rank, errors that name the rank, and nothing left behind."""

import os
import signal
import subprocess
import sys
import tempfile
import textwrap
import time
from pathlib import Path

import psutil
import pytest
import torch

from bigmodel_utils.distributed import Pool, RankError


@pytest.fixture(scope="module")
def pool():
    with Pool(3) as pool:
        yield pool


def folders():
    return set(Path(tempfile.gettempdir()).glob("bigmodel-ranks-*"))


def gone(pids, seconds=10):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        alive = [p for p in pids if psutil.pid_exists(p)]
        alive = [p for p in alive if psutil.Process(p).status() != psutil.STATUS_ZOMBIE]
        if not alive:
            return True
        time.sleep(0.05)
    return False


def test_results_come_by_rank_and_the_group_computes_together(pool):
    def work(factor, *, shift):
        from torch import distributed as dist

        x = torch.arange(5.0) * factor + dist.get_rank() + shift
        dist.all_reduce(x)
        return dist.get_rank(), dist.get_world_size(), x

    results = pool.run(work, 2.0, shift=0.5)
    assert [rank for rank, _, _ in results] == [0, 1, 2]
    assert {size for _, size, _ in results} == {3}
    for _, _, x in results:
        torch.testing.assert_close(x, 3 * (2 * torch.arange(5.0) + 0.5) + 3)


def test_processes_stay_and_start_each_call_from_the_same_seed(pool):
    first = pool.run(lambda: (os.getpid(), torch.randn(4), torch.get_num_threads()))
    assert [pid for pid, _, _ in first] == pool.pids
    again = pool.run(lambda: (os.getpid(), torch.randn(4), torch.get_num_threads()))
    for (pid, x, threads), (pid2, x2, _) in zip(first, again, strict=True):
        assert pid == pid2 != os.getpid() and threads == 1
        torch.testing.assert_close(x, x2, rtol=0, atol=0)
        torch.testing.assert_close(x, first[0][1], rtol=0, atol=0)


def test_what_processes_print_comes_in_order_of_the_ranks(pool, capfd):
    def talk():
        from torch import distributed as dist

        time.sleep(0.02 * (3 - dist.get_rank()))
        print(f"I am {dist.get_rank()}\nand that is all")

    pool.run(talk)
    lines = capfd.readouterr().out.splitlines()
    expected = [f"rank {r}: {text}" for r in range(3) for text in (f"I am {r}", "and that is all")]
    assert lines == expected


def test_a_call_changes_nothing_here(pool):
    x = torch.zeros(3)
    (result, *_), before = pool.run(lambda: x.add_(1)), torch.random.get_rng_state()
    assert x.sum() == 0 and result.sum() == 3
    assert torch.equal(before, torch.random.get_rng_state())


def test_an_error_names_its_rank_and_the_next_call_works(pool):
    def fail():
        from torch import distributed as dist

        if dist.get_rank() == 1:
            raise KeyError("nothing there")
        dist.barrier()

    pool.run(os.getpid)
    pids = pool.pids
    with pytest.raises(RankError, match=r"rank 1: KeyError: 'nothing there'\n[\s\S]*in fail") as e:
        pool.run(fail)
    assert e.value.rank == 1
    assert gone(pids), "processes that wait for a failed one are left"
    assert len(set(pool.run(os.getpid))) == 3


def test_a_killed_process_is_named_and_the_next_call_works(pool):
    def fall():
        from torch import distributed as dist

        if dist.get_rank() == 2:
            os.kill(os.getpid(), signal.SIGKILL)
        dist.barrier()

    pool.run(os.getpid)
    pids = pool.pids
    with pytest.raises(RankError, match=r"rank \d: ") as e:
        pool.run(fall)
    assert e.value.rank == 2 and "SIGKILL" in str(e.value), e.value
    assert gone(pids)
    # Between two calls, too.
    pool.run(os.getpid)
    os.kill(pool.pids[1], signal.SIGKILL)
    time.sleep(0.2)
    with pytest.raises(RankError, match="rank 1: its process was ended by SIGKILL"):
        pool.run(os.getpid)
    assert len(pool.run(os.getpid)) == 3


def test_a_message_that_nobody_sends_is_told_in_time():
    def wait():
        from torch import distributed as dist

        if dist.get_rank() == 0:
            dist.recv(torch.zeros(1), src=1)

    with Pool(2, timeout=2) as pool:
        pool.run(os.getpid)
        pids = pool.pids
        with pytest.raises(RankError, match="rank 0"):
            pool.run(wait)
        assert gone(pids)


@pytest.mark.parametrize("ended", ["closed", "collected"])
def test_nothing_is_left_of_a_pool_that_is(ended):
    before = folders()
    pool = Pool(2)
    pool.run(os.getpid)
    pids = pool.pids
    assert len(folders() - before) == 1
    if ended == "closed":
        pool.close()
        pool.close()
        assert pool.pids == []
    del pool
    assert gone(pids)
    assert folders() == before


ENDS = {
    "killed": "os.kill(os.getpid(), signal.SIGKILL)",
    "killed amid a call": """
        import threading
        threading.Timer(0.5, os.kill, (os.getpid(), signal.SIGKILL)).start()
        pool.run(time.sleep, 60)
    """,
    "at its end": "pass",
    "by an error": "raise SystemExit(3)",
}


@pytest.mark.parametrize("end", ENDS.values(), ids=ENDS)
def test_nothing_is_left_when_the_owner_ends(end, tmp_path):
    before = folders()
    script = tmp_path / "owner.py"
    body = textwrap.indent(textwrap.dedent(end).strip(), "    ")
    script.write_text(
        "import os, signal, time\n"
        "from bigmodel_utils.distributed import Pool\n"
        "if __name__ == '__main__':\n"
        "    pool = Pool(3)\n"
        "    pool.run(os.getpid)\n"
        "    print(*pool.pids, flush=True)\n" + body + "\n"
    )
    done = subprocess.run(
        [sys.executable, script], capture_output=True, text=True, timeout=120, env=os.environ
    )
    pids = [int(text) for text in done.stdout.split()]
    assert len(pids) == 3, done.stderr
    assert gone(pids)
    assert folders() == before


REFUSED = {
    "no rank": ({"num_ranks": 0}, ValueError, "num_ranks: expected an integer of at least 1"),
    "too many": ({"num_ranks": 65}, ValueError, "num_ranks: expected an integer of at most 64"),
    "half a rank": ({"num_ranks": 2.5}, TypeError, "num_ranks: expected an integer, got float"),
    "no time": ({"num_ranks": 2, "timeout": 0}, ValueError, "timeout: expected more than 0"),
    "words": ({"num_ranks": 2, "timeout": "long"}, TypeError, "timeout: expected a number"),
}


@pytest.mark.parametrize(("arguments", "error", "text"), REFUSED.values(), ids=REFUSED)
def test_arguments_are_refused_by_name(arguments, error, text):
    with pytest.raises(error, match=text):
        Pool(**arguments)


def test_what_cannot_be_called_or_sent_is_refused(pool):
    with pytest.raises(TypeError, match="function: expected a callable, got int"):
        pool.run(3)
    with pytest.raises(TypeError, match="function: expected a function and arguments that can be"):
        pool.run(print, (line for line in "ab"))
