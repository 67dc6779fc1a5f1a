"""What a model is like: modes come back, the dtype and the device are those of its parameters."""

import torch
from torch import nn

from bigmodel_utils.modules import device_of, evaluating, parameter_dtype


def test_each_layer_gets_its_own_mode_back():
    model = nn.Sequential(nn.Dropout(), nn.BatchNorm1d(3)).train()
    model[1].eval()
    try:
        with evaluating(model):
            assert not any(module.training for module in model.modules())
            raise KeyError
    except KeyError:
        pass
    assert [module.training for module in model.modules()] == [True, True, False]


def test_dtype_and_device_are_those_of_the_parameters():
    model = nn.Linear(2, 3, device="meta", dtype=torch.float64)
    assert parameter_dtype(model) == torch.float64
    assert device_of(model) == torch.device("meta")
    integers = nn.ParameterList([nn.Parameter(torch.ones(2).long(), requires_grad=False)])
    assert parameter_dtype(integers) == torch.float32
    assert parameter_dtype(nn.ReLU(), torch.float16) == torch.float16
    assert device_of(nn.ReLU()) == torch.device("cpu")
    assert device_of(nn.ReLU(), "meta") == torch.device("meta")
