"""What a piece of work costs, its processes and theirs included."""

import contextlib
import ctypes
import sys
import threading

import psutil

_SUBREAPER = 36  # PR_SET_CHILD_SUBREAPER of Linux


class Cost:
    """CPU-seconds and peak memory of all processes started within a ``with`` block.

    A page may start processes that outlive it for a moment, such as a server that gives birth to
    others: nobody waits for those, and their time would be lost. On Linux they are adopted here
    and waited for. Memory is the largest resident set of one process, or, when there are several
    at once, the largest sum of their shares seen by looking four times a second.

    Attributes:
        cpu_seconds, peak_mb: the cost, after the block.
    """

    def __enter__(self):
        import resource  # not on Windows, where tests import this module for the rest of it

        self._usage = lambda: resource.getrusage(resource.RUSAGE_CHILDREN)
        self._others = {child.pid for child in psutil.Process().children(recursive=True)}
        _adopt_orphans()
        self._before = self._usage()
        self._shared_mb = 0.0
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *error):
        self._over.set()
        self._thread.join()
        self._wait_for_orphans()
        after = self._usage()
        self.cpu_seconds = (after.ru_utime + after.ru_stime) - (
            self._before.ru_utime + self._before.ru_stime
        )
        self.peak_mb = max(after.ru_maxrss / 1024, self._shared_mb)

    def _new(self):
        found = psutil.Process().children(recursive=True)
        return [child for child in found if child.pid not in self._others]

    def _watch(self):
        while not self._over.wait(0.25):
            processes = self._new()
            if len(processes) > 2:  # more than the kernel and what watches over it
                self._shared_mb = max(self._shared_mb, sum(map(_share, processes)) / 2**20)

    def _wait_for_orphans(self, seconds=10):
        _, alive = psutil.wait_procs(self._new(), timeout=seconds)
        for process in alive:
            with contextlib.suppress(psutil.Error):
                process.kill()
        psutil.wait_procs(alive, timeout=seconds)


def _adopt_orphans():
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_SUBREAPER, 1, 0, 0, 0)


def _share(process):
    try:
        return process.memory_full_info().pss  # shared pages are counted once, in parts
    except (psutil.Error, AttributeError, OSError):
        return 0
