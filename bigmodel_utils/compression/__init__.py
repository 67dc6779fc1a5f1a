"""Models with fewer bytes: codes on a grid, layers made of them, kernels; masks, ranks, inputs."""

from bigmodel_utils.compression._grid import Codes, to_codes
from bigmodel_utils.compression._inputs import in_turn, low_rank
from bigmodel_utils.compression._kernels import packed_product
from bigmodel_utils.compression._linear import QuantizedLinear
from bigmodel_utils.compression._models import rounded_weights
from bigmodel_utils.compression._pruning import largest, two_of_four

__all__ = [
    "Codes",
    "QuantizedLinear",
    "in_turn",
    "largest",
    "low_rank",
    "packed_product",
    "rounded_weights",
    "to_codes",
    "two_of_four",
]
