"""What one process of a pool does: join the group, then run what it is sent until it is let go."""

import contextlib
import io
import multiprocessing
import os
import shutil
import signal
import sys
import threading
import traceback
import warnings
from datetime import timedelta

import cloudpickle

__all__ = ["work"]


def work(connection, folder, rank, num_ranks, timeout):
    """Join a gloo group, then answer every job with (how it went, its result, what it printed).

    A job is a pickled (function, arguments, keyword arguments). The process ends when
    ``connection`` closes, and at once when the process that started it has ended in whatever way.

    Args:
        connection: this end of the pipe to the process that started this one.
        folder: where the processes of the group find each other.
        rank, num_ranks: place in the group, and its size.
        timeout: seconds after which a process that waits for another gives up.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the process that started it
    threading.Thread(target=_end_with_parent, args=(folder,), daemon=True).start()
    # Processes of one machine talk through its own interface, which no other machine reaches.
    loopback = {"linux": "lo", "darwin": "lo0"}.get(sys.platform)
    if loopback is not None:
        os.environ.setdefault("GLOO_SOCKET_IFNAME", loopback)
    os.environ.update(RANK=str(rank), WORLD_SIZE=str(num_ranks), LOCAL_RANK=str(rank))

    from bigmodel_utils.device import setup

    setup(0, threads=1)
    import torch
    from torch import distributed

    warnings.simplefilter("ignore")  # of torch's own, about names that will change
    distributed.init_process_group(
        "gloo",
        store=distributed.FileStore(os.path.join(folder, "store"), num_ranks),
        rank=rank,
        world_size=num_ranks,
        timeout=timedelta(seconds=timeout),
    )
    connection.send_bytes(cloudpickle.dumps(("ready", None, "")))
    # The pipe closes when the pool is closed: between jobs, or amid one whose answer nobody wants.
    with contextlib.suppress(EOFError, BrokenPipeError, ConnectionResetError):
        while True:
            job = connection.recv_bytes()
            torch.manual_seed(0)
            connection.send_bytes(_answer(job))
    distributed.destroy_process_group()


def _answer(job):
    printed = io.StringIO()
    try:
        with contextlib.redirect_stdout(printed):
            function, args, kwargs = cloudpickle.loads(job)
            result = function(*args, **kwargs)
        return cloudpickle.dumps(("done", result, printed.getvalue()))
    except BaseException as error:  # whatever it is, the other end must hear of it
        told = "".join(traceback.format_exception(error))
        short = f"{type(error).__name__}: {error}"
        return cloudpickle.dumps(("failed", (short, told), printed.getvalue()))


def _end_with_parent(folder):
    multiprocessing.parent_process().join()
    shutil.rmtree(folder, ignore_errors=True)
    os._exit(1)
