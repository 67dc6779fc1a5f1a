"""Drive a run to its end, to Ctrl-C or on from its checkpoint, with a bar that tells how far."""

import contextlib
import os
import signal
import threading

from bigmodel_utils.training._folder import newest
from bigmodel_utils.training._resume import resume, save

__all__ = ["drive"]


def drive(run, path, every, progress):
    """Resume ``run`` if ``path`` exists, step it to its end or to Ctrl-C, return its history."""
    run.start()
    if path is not None and (os.path.isfile(path) or newest(path) is not None):
        resume(run, path)
    with _ctrl_c() as asked, _bar(run, progress) as bar:
        run.asked = asked
        try:
            for epoch_ended in run.steps():
                bar.update()
                if epoch_ended:
                    bar.set_postfix(_summary(run.history))
                due = epoch_ended or (every is not None and len(run.history.steps) % every == 0)
                stop = asked.is_set() if run.ranks.alone else run.stop
                if path is not None and (due or stop):
                    save(run, path)
                if stop:
                    run.history.interrupted = not run.finished
                    break
        except KeyboardInterrupt:  # the second Ctrl-C: amid a step, which is no state to save
            run.history.interrupted = True
    return run.history


@contextlib.contextmanager
def _ctrl_c():
    """Turn the first Ctrl-C into an event, so that a step is never cut in two."""
    asked = threading.Event()
    in_main = threading.current_thread() is threading.main_thread()
    before = signal.getsignal(signal.SIGINT)
    if not in_main or before in (None, signal.SIG_IGN):
        yield asked
        return

    def handler(signum, frame):
        if asked.is_set():
            raise KeyboardInterrupt
        asked.set()

    signal.signal(signal.SIGINT, handler)
    try:
        yield asked
    finally:
        signal.signal(signal.SIGINT, before)


def _bar(run, progress):
    from tqdm.auto import tqdm

    return tqdm(
        total=run.num_steps,
        initial=len(run.history.steps),
        unit="step",
        disable=not progress,
        postfix=_summary(run.history),
    )


def _summary(history):
    if not history.epochs:
        return {}
    last = history.epochs[-1]
    names = ("train_loss", "test_loss", "test_accuracy")
    return {name: f"{last[name]:.3f}" for name in names if last[name] is not None}
