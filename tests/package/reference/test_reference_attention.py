"""The loops of reference_attention against PyTorch and autograd, and their errors."""

import math

import pytest
import torch
import torch.nn.functional as F

from bigmodel_utils import reference


def case(*lead, t=4, s=5, d=3, d_v=2, seed=0):
    generator = torch.Generator().manual_seed(seed)
    shapes = [(*lead, t, d), (*lead, s, d), (*lead, s, d_v), (*lead, t, d_v)]
    return [torch.randn(*x, generator=generator, dtype=torch.float64) for x in shapes]


def masks(lead, t, s):
    generator = torch.Generator().manual_seed(3)
    some = torch.rand(*lead, t, s, generator=generator) < 0.6
    some[..., 0] = True  # PyTorch defines nothing for a query without a key
    return [None, torch.ones(t, s, dtype=torch.bool).tril(), some]


@pytest.mark.parametrize("lead", [(), (2,), (2, 3)])
@pytest.mark.parametrize("scale", [None, 0.7])
def test_equals_pytorch_and_autograd(lead, scale):
    q, k, v, grad = case(*lead)
    for mask in masks(lead, 4, 5):
        leaves = [x.clone().requires_grad_() for x in (q, k, v)]
        expected = F.scaled_dot_product_attention(*leaves, attn_mask=mask, scale=scale)
        got = reference.attention(q, k, v, mask, scale=scale)
        torch.testing.assert_close(got, expected.detach())
        gradients = reference.attention_backward(q, k, v, grad, mask, scale=scale)
        expected = torch.autograd.grad(expected, leaves, grad)
        torch.testing.assert_close(gradients, expected)


def test_a_query_without_a_key_gives_zero():
    q, k, v, grad = case(2)
    mask = torch.ones(4, 5, dtype=torch.bool)
    mask[1] = False
    out = reference.attention(q, k, v, mask)
    grad_q, grad_k, grad_v = reference.attention_backward(q, k, v, grad, mask)
    assert (out[:, 1] == 0).all() and (grad_q[:, 1] == 0).all()
    rest = [0, 2, 3]
    gradients = reference.attention_backward(q[:, rest], k, v, grad[:, rest])
    torch.testing.assert_close((grad_k, grad_v), gradients[1:])


def test_large_scores_stay_finite_and_inputs_are_raised_to_float64():
    q, k, v, _ = case()
    out = reference.attention(1e4 * q.float(), k.float(), v.float())
    best = (q @ k.T).argmax(1)
    torch.testing.assert_close(out, v[best].float().double(), atol=1e-6, rtol=0)


def test_by_hand():
    q, k = torch.tensor([[1.0]]), torch.tensor([[0.0], [math.log(3)]])
    v = torch.tensor([[0.0], [4.0]])
    assert reference.attention(q, k, v).item() == pytest.approx(3)
    gradients = reference.attention_backward(q, k, v, torch.tensor([[1.0]]))
    slope = 0.25 * 0.75 * 4  # p (1 - p) times the difference of the values
    assert gradients[0].item() == pytest.approx(slope * math.log(3))
    assert gradients[1].flatten().tolist() == pytest.approx([-slope, slope])
    assert gradients[2].flatten().tolist() == pytest.approx([0.25, 0.75])


@pytest.mark.parametrize(
    ("change", "kind", "message"),
    [
        ({"q": torch.zeros(3)}, ValueError, "q: expected at least 2 axes"),
        ({"q": torch.zeros(4, 3, dtype=torch.long)}, TypeError, "q: expected a floating"),
        ({"k": torch.zeros(5, 2)}, ValueError, r"k: expected shape \(s, 3\)"),
        ({"v": torch.zeros(4, 2)}, ValueError, r"v: expected shape \(5, d_v\)"),
        ({"v": torch.zeros(5, 0)}, ValueError, "v: expected no empty axis"),
        ({"mask": torch.ones(3, 5).bool()}, ValueError, r"mask: .* broadcasts to \(4, 5\)"),
        ({"mask": torch.ones(4, 5)}, TypeError, "mask: expected dtype torch.bool"),
        ({"scale": "1"}, TypeError, "scale: expected a number"),
        ({"grad_output": torch.zeros(4, 3)}, ValueError, r"grad_output: expected shape \(4, 2\)"),
    ],
)
def test_bad_arguments_are_named(change, kind, message):
    q, k, v, grad = case()
    given = {"q": q, "k": k, "v": v, "grad_output": grad, **change}
    with pytest.raises(kind, match=message):
        reference.attention_backward(**given)
