"""Optimizers that PyTorch does not have."""

from bigmodel_utils.optim._muon import Muon, MuonAdamW, orthogonalize

__all__ = ["Muon", "MuonAdamW", "orthogonalize"]
