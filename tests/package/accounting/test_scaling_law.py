"""The law of loss over size and text, fitted."""

import pytest
import torch

from bigmodel_utils.accounting import fit_scaling_law

N, D = torch.cartesian_prod(
    torch.tensor([1e3, 3e3, 6e3, 1.4e4]).double(), torch.tensor([3e4, 6e4, 1.2e5]).double()
).T


@pytest.mark.parametrize("floor", [None, 2.9])
def test_losses_of_a_law_give_it_back(floor):
    made = (2.9, 40.0, 1500.0, 0.9, 0.95)
    found = fit_scaling_law(N, D, 2.9 + 40 / N**0.9 + 1500 / D**0.95, floor)
    assert found == pytest.approx(made, rel=0.02)


def test_bad_arguments_are_named():
    with pytest.raises(ValueError, match=r"^num_tokens"):
        fit_scaling_law(N, D[:3], D)
    with pytest.raises(TypeError, match=r"^num_params"):
        fit_scaling_law(N.float(), D, D)
    with pytest.raises(ValueError, match=r"^losses"):
        fit_scaling_law(N, D, torch.ones(12).double(), 2.0)
