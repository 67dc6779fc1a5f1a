#!/bin/sh
# Train on this machine with N processes: launch/torchrun.sh N launch/gpt.toml
# A process that dies is replaced up to three times; all go on from the last checkpoint.
set -eu
exec torchrun --standalone --nproc-per-node "${1:?number of processes}" --max-restarts 3 \
    -m bigmodel_utils.train_gpt --config "${2:?a configuration such as launch/gpt.toml}"
