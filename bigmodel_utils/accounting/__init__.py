"""What a model costs: parameters, FLOPs and activation bytes, by formula and by counting.

:func:`predict` works out the cost from the layers' shapes, :func:`measure` counts it during a
forward pass. The two share no arithmetic, so their agreement proves the formulas.

What is counted:

- Parameters: every number in the model's parameters, once, even where layers share them.
- FLOPs: those of one forward pass in convolutions and matrix products, one multiply-add
  being 2. Biases, normalisation, activation functions, pooling and dropout count as 0:
  this is the field's convention, and that of PyTorch's ``FlopCounterMode``. A product with a
  cell of padding counts in full.
- Activation bytes: the outputs of all layers together, as if each kept its own (an
  in-place ReLU and a flattened view are counted too). Of a layer that returns
  (output, states), such as nn.LSTM, the output alone. Training keeps more: a recurrent
  layer's gates at each step, for the backward pass.

A layer that runs on a packed sequence computes real steps only, so its FLOPs and bytes follow
the sum of the lengths, and its output shape is (sum of the lengths, features). A layer that
runs on the padded tensor pays for the padding too. Attention pays for the keys that a mask hides.

A model whose first layer is an nn.Embedding gets tokens, int64, in place of numbers.
"""

from bigmodel_utils.accounting._measure import counted_flops, measure, saved_tensors
from bigmodel_utils.accounting._memory import peak_bytes
from bigmodel_utils.accounting._predict import predict
from bigmodel_utils.accounting._report import LayerCost, Report
from bigmodel_utils.accounting._scaling_law import fit_scaling_law

__all__ = [
    "LayerCost",
    "Report",
    "counted_flops",
    "fit_scaling_law",
    "measure",
    "peak_bytes",
    "predict",
    "saved_tensors",
]
