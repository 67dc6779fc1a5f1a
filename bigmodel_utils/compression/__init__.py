"""Weights of few bits: codes on a grid, linear layers made of them, and the processor's kernels."""

from bigmodel_utils.compression._grid import Codes, to_codes
from bigmodel_utils.compression._kernels import packed_product
from bigmodel_utils.compression._linear import QuantizedLinear
from bigmodel_utils.compression._models import rounded_weights

__all__ = ["Codes", "QuantizedLinear", "packed_product", "rounded_weights", "to_codes"]
