"""Processes that stay for a whole page: each cell sends them a function and gets its results."""

import multiprocessing
import os
import shutil
import signal
import tempfile
import time
import weakref
from multiprocessing.connection import wait

from bigmodel_utils.arguments import integer, real
from bigmodel_utils.distributed import _worker

__all__ = ["Pool", "RankError"]

_PRELOADED = ["bigmodel_utils.distributed._worker", "torch.distributed", "torch._dynamo"]
_START_SECONDS = 120  # of a first start, which imports torch, on a busy machine


class RankError(RuntimeError):
    """A process of a group raised an error or ended: the message names the rank.

    Attributes:
        rank: the rank, or None if none in particular is to blame (a time limit).
    """

    def __init__(self, message, rank=None):
        super().__init__(message)
        self.rank = rank


class Pool:
    """``num_ranks`` processes in one gloo group, for as many calls of :meth:`run` as are wanted.

    The processes start at the first call and stay. They compute with one thread each, talk over
    the machine's own interface, and end when the pool is closed or collected, when Python ends,
    and at once when the process that owns the pool is killed. After an error the group is ended
    too, and the next call starts another: processes that wait for a message which will never come
    cannot be trusted with the next job.

    Args:
        num_ranks: how many processes, from 1 to 64.
        timeout: seconds that one call of :meth:`run` may take.

    Raises:
        TypeError, ValueError: naming the argument.
    """

    def __init__(self, num_ranks, *, timeout=60):
        self.num_ranks = integer("num_ranks", num_ranks, minimum=1, maximum=64)
        self.timeout = real("timeout", timeout, above=0)
        self._group = None

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.close()

    @property
    def pids(self):
        """Process numbers by rank; empty while no process runs."""
        return [] if self._group is None else [p.pid for p in self._group.processes]

    def run(self, function, *args, **kwargs):
        """Call ``function(*args, **kwargs)`` in every process and return the results by rank.

        Inside, ``torch.distributed`` knows the group: ``get_rank()``, ``all_reduce(...)`` and so
        on. The function may be one that a cell defines; it travels by value, with what it
        mentions, so that what it changes stays in the processes and only what it returns comes
        back. Tensors are copied. PyTorch's generator starts every call from seed 0 in all ranks
        alike. What the processes print is printed here, rank by rank.

        Raises:
            RankError: naming the rank, if a process raised an error, ended, or if time ran out.
            TypeError: if ``function`` cannot be called or cannot travel.
        """
        import cloudpickle

        if not callable(function):
            raise TypeError(f"function: expected a callable, got {type(function).__name__}")
        try:
            job = cloudpickle.dumps((function, args, kwargs))
        except Exception as error:
            raise TypeError(
                f"function: expected a function and arguments that can be sent to another "
                f"process ({error})"
            ) from error
        if self._group is None:
            self._group = _Group(self.num_ranks, self.timeout)
        try:
            self._group.send(job)
            answers = self._group.answers(self.timeout)
        except BaseException:  # an interrupt, too, leaves the processes amid a job
            self._group.kill()
            self.close()
            raise
        for rank, (_, printed) in enumerate(answers):
            for line in printed.splitlines():
                print(f"rank {rank}: {line}")
        return [result for result, _ in answers]

    def close(self):
        """End the processes. The next call of :meth:`run` starts others."""
        if self._group is not None:
            self._group.end()
            self._group = None


class _Group:
    """The processes that run now, and the pipes to them."""

    def __init__(self, num_ranks, timeout):
        # A server that has imported torch gives birth to a process in a tenth of a second. Where
        # there is none (Windows), each process imports for itself.
        methods = multiprocessing.get_all_start_methods()
        context = multiprocessing.get_context("forkserver" if "forkserver" in methods else "spawn")
        if context.get_start_method() == "forkserver":
            context.set_forkserver_preload(_PRELOADED)
        self.folder = tempfile.mkdtemp(prefix="bigmodel-ranks-")
        self.processes, self.connections = [], []
        # Not a bound method: it must not keep the group alive.
        self.end = weakref.finalize(
            self, _end, self.processes, self.connections, self.folder, os.getpid()
        )
        try:
            for rank in range(num_ranks):
                here, there = context.Pipe()
                process = context.Process(
                    target=_worker.work,
                    args=(there, self.folder, rank, num_ranks, timeout),
                    daemon=True,
                    name=f"rank {rank} of {num_ranks}",
                )
                process.start()
                there.close()
                self.processes.append(process)
                self.connections.append(here)
            self.answers(_START_SECONDS)
        except BaseException:
            self.kill()
            self.end()
            raise

    def kill(self):
        for process in self.processes:
            process.kill()

    def send(self, job):
        for rank, connection in enumerate(self.connections):
            try:
                connection.send_bytes(job)
            except (BrokenPipeError, ConnectionResetError):
                raise self._ended(rank) from None

    def answers(self, timeout):
        """Return (result, what was printed) of each rank, or raise of the first that failed."""
        import cloudpickle

        deadline = time.monotonic() + timeout
        found, ranks = {}, {connection: r for r, connection in enumerate(self.connections)}
        while len(found) < len(ranks):
            waiting = [connection for connection, r in ranks.items() if r not in found]
            ready = wait(waiting, max(0.0, deadline - time.monotonic()))
            if not ready:
                names = ", ".join(str(ranks[connection]) for connection in waiting)
                raise RankError(
                    f"no answer from rank {names} within {timeout:g} s: a process that waits for "
                    "a message which nobody sends waits for ever"
                )
            for connection in ready:
                rank = ranks[connection]
                try:
                    state, result, printed = cloudpickle.loads(connection.recv_bytes())
                except (EOFError, ConnectionResetError):
                    raise self._ended(rank) from None
                if state == "failed":
                    self._blame_the_dead()
                    short, told = result
                    raise RankError(f"rank {rank}: {short}\n\n{told}", rank)
                found[rank] = result, printed
        return [found[rank] for rank in range(len(ranks))]

    def _blame_the_dead(self):
        # Those that talked to a process hear of its end before it is seen here.
        ended = wait([process.sentinel for process in self.processes], 0.5)
        for rank, process in enumerate(self.processes):
            if process.sentinel in ended:
                raise self._ended(rank)

    def _ended(self, rank):
        process = self.processes[rank]
        process.join(5)
        code = process.exitcode
        if code is not None and code < 0:
            how = f"was ended by {signal.Signals(-code).name}"
        else:
            how = f"ended with exit status {code}"
        return RankError(f"rank {rank}: its process {how} before it answered", rank)


def _end(processes, connections, folder, owner):
    if os.getpid() != owner:  # a copy of the pool in a forked process owns nothing
        return
    for connection in connections:
        connection.close()
    deadline = time.monotonic() + 2
    for process in processes:
        # Idle processes leave by themselves when their pipe closes; others are made to.
        process.join(max(0.0, deadline - time.monotonic()))
        if process.is_alive():
            process.kill()
            process.join()
    shutil.rmtree(folder, ignore_errors=True)
    processes.clear()
    connections.clear()
