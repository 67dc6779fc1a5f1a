"""fit under torchrun: one process's weights, also after one of the processes was killed."""

import os
import socket
import subprocess
import sys
import textwrap

import psutil
import pytest
import torch

from bigmodel_utils.training import load_model

SCRIPT = """
    import os, signal, sys
    import torch
    from bigmodel_utils.models import MLP
    from bigmodel_utils.training import fit, ranks

    folder, victim, sharded = sys.argv[1], int(sys.argv[2]), sys.argv[3] == "sharded"
    torch.manual_seed(3)
    model = MLP([5, 7, 7, 3]).double()
    draw = torch.Generator().manual_seed(0)
    x = torch.randn(23, 5, generator=draw, dtype=torch.float64)
    y = torch.randint(0, 3, (23,), generator=draw)
    first = os.environ.get("TORCHELASTIC_RESTART_COUNT") == "0"

    def look(model, step):
        if first and step == 7 and int(os.environ["RANK"]) == victim:
            os.kill(os.getpid(), signal.SIGKILL)

    history = fit(
        model, (x, y), (x, y), epochs=3, batch_size=5, lr=0.02, device="cpu", progress=False,
        checkpoint=folder + "/run", checkpoint_every=2, on_step=look, sharded=sharded,
    )
    if ranks("cpu").rank == 0:
        losses = torch.tensor(history.losses, dtype=torch.float64)
        torch.save({"weights": model.state_dict(), "losses": losses}, folder + "/end.pt")
"""

ENVIRONMENT = {**os.environ, "OMP_NUM_THREADS": "1"}


def command(folder, *arguments, launch=()):
    """Write the script and return what starts it."""
    folder.mkdir(exist_ok=True)
    script = folder / "script.py"
    script.write_text(textwrap.dedent(SCRIPT), encoding="utf-8")
    launch = ["-m", "torch.distributed.run", *launch] if launch else []
    return [sys.executable, *launch, str(script), str(folder), *arguments]


def start(folder, *arguments, processes=2, restarts=1):
    """Run the script, alone or under torchrun, and return how it ended and what it left."""
    launch = ["--standalone", f"--nproc-per-node={processes}", f"--max-restarts={restarts}"]
    whole = command(folder, *arguments, launch=launch if processes > 1 else ())
    done = subprocess.run(
        whole, capture_output=True, text=True, timeout=240, check=False, env=ENVIRONMENT
    )
    return done, left(folder)


def left(folder):
    end = folder / "end.pt"
    return torch.load(end, weights_only=True) if end.is_file() else None


def close(group, alone):
    torch.testing.assert_close(group["losses"], alone["losses"], rtol=1e-9, atol=1e-10)
    for name, value in alone["weights"].items():
        torch.testing.assert_close(group["weights"][name], value, rtol=1e-9, atol=1e-10)


def still_there(folder):
    """Return the processes whose command line names the folder."""
    found = []
    for process in psutil.process_iter(["cmdline"]):
        if any(str(folder) in part for part in process.info["cmdline"] or ()):
            found.append(process)
    return found


@pytest.mark.parametrize(("victim", "kind"), [("0", "whole"), ("1", "sharded")])
def test_a_killed_process_is_replaced_and_the_run_ends_as_if_nothing_had_been(
    tmp_path, victim, kind
):
    done, alone = start(tmp_path / "alone", "-1", "whole", processes=1)
    assert done.returncode == 0, done.stderr
    done, group = start(tmp_path / "group", victim, kind)
    assert done.returncode == 0, done.stderr
    assert f"(exitcode: -9) local_rank: {victim}" in done.stderr  # it did happen
    assert "which lost touch with another rank" in done.stderr  # the other one says so
    assert len(alone["losses"]) == len(group["losses"]) == 15
    close(group, alone)
    assert not still_there(tmp_path)


def test_two_launchers_make_one_group_as_on_two_machines(tmp_path):
    _, alone = start(tmp_path / "alone", "-1", "whole", processes=1)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    meeting = [
        "--nnodes=2", "--nproc-per-node=1", "--rdzv-backend=c10d", "--rdzv-id=test",
        f"--rdzv-endpoint=127.0.0.1:{port}", "--local-addr=127.0.0.1",
    ]  # fmt: skip
    whole = command(tmp_path / "group", "-1", "whole", launch=meeting)
    launchers = [
        subprocess.Popen(
            whole, env=ENVIRONMENT, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
        )
        for _ in range(2)
    ]
    try:
        errors = [launcher.communicate(timeout=240)[1] for launcher in launchers]
    finally:
        for launcher in launchers:
            launcher.kill()
    assert [launcher.returncode for launcher in launchers] == [0, 0], errors
    close(left(tmp_path / "group"), alone)
    assert not still_there(tmp_path)


def test_the_death_of_a_process_ends_all_and_names_it(tmp_path):
    done, group = start(tmp_path / "group", "1", "whole", restarts=0)
    assert done.returncode != 0 and group is None
    assert "rank      : 1" in done.stderr and "Signal 9 (SIGKILL)" in done.stderr
    assert not still_there(tmp_path)


def test_weights_are_read_from_the_checkpoint_of_several_processes(tmp_path):
    from bigmodel_utils.models import MLP

    _, group = start(tmp_path / "group", "-1", "sharded")
    model = load_model(tmp_path / "group" / "run", MLP([5, 7, 7, 3]).double())
    for name, value in model.state_dict().items():
        torch.testing.assert_close(value, group["weights"][name], rtol=0, atol=0)
    with pytest.raises(ValueError, match=r"expected weights for MLP; 'layers\.0\.weight' is"):
        load_model(tmp_path / "group" / "run", MLP([5, 6, 3]).double())
