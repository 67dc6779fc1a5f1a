"""Optimizers that PyTorch does not have."""

from bigmodel_utils.optim._lion import Lion
from bigmodel_utils.optim._muon import Muon, MuonAdamW, orthogonalize
from bigmodel_utils.optim._shampoo import Shampoo

__all__ = ["Lion", "Muon", "MuonAdamW", "Shampoo", "orthogonalize"]
