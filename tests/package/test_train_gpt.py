"""One configuration file trains a GPT alone and under torchrun, and goes on where it was."""

import functools
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from bigmodel_utils import train_gpt
from bigmodel_utils.models import GPT
from bigmodel_utils.training import load_model

ROOT = Path(__file__).resolve().parents[2]
CONFIG = """
[data]
text = "text.txt"
vocab_size = 270
[model]
context = 16
d_model = 8
num_layers = 2
num_heads = 2
[training]
epochs = 2
batch_size = 24
lr = 0.01
[run]
folder = "out"
device = "cpu"
checkpoint_every = 5
sample = 12
"""


@pytest.fixture
def file(tmp_path):
    lines = [f"{i} plus {i % 7} is {i + i % 7}, said the {i % 5}. bird\n" for i in range(300)]
    (tmp_path / "text.txt").write_text("".join(lines), encoding="utf-8")
    path = tmp_path / "gpt.toml"
    path.write_text(CONFIG, encoding="utf-8")
    return path


def summary(file):
    return json.loads((file.parent / "out" / "summary.json").read_text(encoding="utf-8"))


def test_a_run_leaves_weights_losses_and_a_sample(file):
    train_gpt.main(["--config", str(file)])
    found, config = summary(file), train_gpt.read_config(file)
    assert len(found["losses"]) == found["steps"] > 20
    assert sum(found["losses"][-5:]) < 0.9 * sum(found["losses"][:5])
    assert 0 < found["bits_per_byte"] < found["test_loss"] / 0.69
    model = load_model(file.parent / "out" / "model.pt", GPT(270, **config["model"]))
    assert sum(p.numel() for p in model.parameters()) == found["parameters"]
    assert found["sample"].startswith("\n") and len(found["sample"]) > 8
    before = summary(file)
    train_gpt.main(["--config", str(file)])  # it is finished: nothing is trained again
    assert summary(file)["losses"] == before["losses"]


@pytest.mark.skipif(os.name == "nt", reason="launch/torchrun.sh is for sh, which Windows lacks")
def test_torchrun_takes_the_same_file(file):
    train_gpt.main(["--config", str(file)])
    alone = summary(file)
    other = file.parent / "again.toml"
    other.write_text(CONFIG.replace('"out"', '"out2"') + "sharded = true\n", encoding="utf-8")
    command = ["sh", str(ROOT / "launch" / "torchrun.sh"), "2", str(other)]
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=240, check=False, cwd=ROOT,
        env={**os.environ, "OMP_NUM_THREADS": "1", "PATH": path},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("parameters,") == 1  # rank 0 alone reports
    group = json.loads((file.parent / "out2" / "summary.json").read_text(encoding="utf-8"))
    assert group["ranks"] == 2 and group["steps"] == alone["steps"]
    for mine, theirs in zip(group["losses"], alone["losses"], strict=True):
        assert mine == pytest.approx(theirs, abs=1e-3)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (("[run]", "[ruin]"), r"gpt\.toml: expected the sections data, model, .*, got ruin"),
        (("vocab_size", "vocabulary"), r"gpt\.toml: no entry 'vocabulary' .* in section data"),
        (("lr = 0.01", "seed = 1"), r"gpt\.toml: no entry 'seed' is known in section training"),
        (('folder = "out"', ""), r"gpt\.toml: expected in section run a folder"),
        (("epochs = 2", "epochs = = 2"), r"gpt\.toml: expected a TOML file"),
    ],
)
def test_what_is_wrong_in_the_file_is_named(file, change, told):
    file.write_text(CONFIG.replace(*change), encoding="utf-8")
    with pytest.raises(ValueError, match=told):
        train_gpt.read_config(file)
    with pytest.raises(SystemExit, match="train_gpt: "):
        train_gpt.main(["--config", str(file)])


def test_a_folder_of_another_text_is_left_alone(file):
    config = train_gpt.read_config(file)
    train_gpt.train(config, progress=False)
    with pytest.raises(ValueError, match="holds a run on another text"):
        train_gpt.train({**config, "data": {**config["data"], "vocab_size": 260}}, progress=False)
    assert summary(file)["steps"] > 20


@pytest.mark.skipif(shutil.which("bash") is None, reason="no bash to read the Slurm file with")
def test_the_slurm_file_starts_one_launcher_a_node_with_the_file_it_is_given(tmp_path):
    # Slurm's commands are stood in for: what they would start is printed.
    for name, does in (("srun", 'echo "$@"'), ("scontrol", "echo node-a; echo node-b")):
        (tmp_path / name).write_text(f"#!/bin/sh\n{does}\n", encoding="utf-8")
        (tmp_path / name).chmod(0o755)
    slurm = {"SLURM_JOB_NODELIST": "node-[a-b]", "SLURM_NNODES": "2", "SLURM_JOB_ID": "7"}
    slurm["SLURM_GPUS_ON_NODE"] = "8"
    path = os.pathsep.join([str(tmp_path), os.environ["PATH"]])
    command = ["bash", str(ROOT / "launch" / "train_gpt.sbatch")]
    environment = {**os.environ, **slurm, "PATH": path}
    run = functools.partial(
        subprocess.run, capture_output=True, text=True, check=False, env=environment
    )
    said = run([*command, "my.toml"]).stdout.split()
    assert said[0] == "torchrun" and said[-1] == "my.toml"
    for option, value in (("--nnodes", "2"), ("--nproc-per-node", "8"), ("--rdzv-id", "7")):
        assert said[said.index(option) + 1] == value
    assert said[said.index("--rdzv-endpoint") + 1] == "node-a:29500"
    assert "a configuration such as" in run(command).stderr


def test_the_example_is_read_and_names_every_entry():
    config = train_gpt.read_config(ROOT / "launch" / "gpt.toml")
    text = (ROOT / "launch" / "gpt.toml").read_text(encoding="utf-8")
    for section in ("data", "run"):
        for entry in config[section]:
            assert f"{entry} =" in text or entry == "prompt"
    assert Path(config["run"]["folder"]).name == "gpt"
