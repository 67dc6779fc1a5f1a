"""Tiled attention equals the slow loops and autograd, with memory linear in the length."""

import math

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from bigmodel_utils import reference
from bigmodel_utils.accounting import peak_bytes
from bigmodel_utils.models import tiled_attention


def random(*shape, seed=0, dtype=torch.float64):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)


def case(*lead, t, s, d=3, d_v=2, seed=0):
    shapes = [(*lead, t, d), (*lead, s, d), (*lead, s, d_v), (*lead, t, d_v)]
    return [random(*x, seed=seed + n) for n, x in enumerate(shapes)]


def run(q, k, v, grad, **options):
    """Output and gradients of the function under test."""
    leaves = [x.clone().requires_grad_() for x in (q, k, v)]
    out = tiled_attention(*leaves, **options)
    return out.detach(), *torch.autograd.grad(out, leaves, grad)


def dense(q, k, v, grad, *, causal=False, mask=None, scale=None):
    """The same by autograd through all scores at once, 0 for a query without a key."""
    leaves = [x.clone().requires_grad_() for x in (q, k, v)]
    t, s = q.shape[-2], k.shape[-2]
    keep = torch.ones(t, s, dtype=torch.bool) if mask is None else mask
    if causal:
        keep = keep & (torch.arange(s) <= torch.arange(t)[:, None] + s - t)
    scale = 1 / math.sqrt(q.shape[-1]) if scale is None else scale
    scores = (leaves[0] @ leaves[1].mT * scale).masked_fill(~keep, -torch.inf)
    some = keep.any(-1, keepdim=True)
    p = torch.where(some, scores.masked_fill(~some, 0).softmax(-1), 0)
    out = p @ leaves[2]
    return out.detach(), *torch.autograd.grad(out, leaves, grad)


def agree(got, expected, **tolerance):
    tolerance = tolerance or {"atol": 1e-11, "rtol": 0}
    for ours, theirs in zip(got, expected, strict=True):
        torch.testing.assert_close(ours, theirs, **tolerance)


TILES = [1, (2, 3), (3, 1), (5, 4), 64]


@pytest.mark.parametrize("tile_size", TILES, ids=str)
@pytest.mark.parametrize(("t", "s"), [(7, 7), (5, 8), (8, 5), (1, 6), (6, 1)])
@pytest.mark.parametrize("causal", [False, True])
def test_equals_the_loops(t, s, causal, tile_size):
    q, k, v, grad = case(2, t=t, s=s)
    keep = (torch.arange(s) <= torch.arange(t)[:, None] + s - t) if causal else None
    expected = (
        reference.attention(q, k, v, keep),
        *reference.attention_backward(q, k, v, grad, keep),
    )
    agree(run(q, k, v, grad, causal=causal, tile_size=tile_size), expected)


@settings(max_examples=60, deadline=None)
@given(
    lead=st.sampled_from([(), (1,), (3,), (2, 3)]),
    sizes=st.tuples(*[st.integers(1, n) for n in (11, 11, 4, 4)]),
    tile_size=st.tuples(st.integers(1, 13), st.integers(1, 13)),
    causal=st.booleans(),
    kept=st.sampled_from([None, 0.0, 0.1, 0.5, 1.0]),
    seed=st.integers(0, 1000),
)
def test_equals_autograd_for_any_shape_mask_and_tile(lead, sizes, tile_size, causal, kept, seed):
    t, s, d, d_v = sizes
    q, k, v, grad = case(*lead, t=t, s=s, d=d, d_v=d_v, seed=seed)
    generator = torch.Generator().manual_seed(seed)
    mask = None if kept is None else torch.rand(*lead, t, s, generator=generator) < kept
    got = run(q, k, v, grad, causal=causal, mask=mask, tile_size=tile_size)
    agree(got, dense(q, k, v, grad, causal=causal, mask=mask))


def test_padding_and_broadcast_masks():
    q, k, v, grad = case(2, 3, t=5, s=7)
    padding = (torch.arange(7) < torch.tensor([4, 6])[:, None])[:, None, None]  # (b, 1, 1, s)
    per_query = torch.rand(5, 1, generator=torch.Generator().manual_seed(1)) < 0.5
    for mask in (padding, per_query, torch.tensor(True)):
        got = run(q, k, v, grad, mask=mask, tile_size=(2, 3))
        agree(got, dense(q, k, v, grad, mask=mask))


def test_queries_without_a_key_are_exactly_zero_and_disturb_nobody():
    q, k, v, grad = case(2, t=6, s=7)
    mask = torch.rand(6, 7, generator=torch.Generator().manual_seed(2)) < 0.5
    mask[[1, 4]] = False
    out, grad_q, grad_k, grad_v = run(q, k, v, grad, mask=mask, tile_size=(2, 3))
    assert (out[:, [1, 4]] == 0).all() and (grad_q[:, [1, 4]] == 0).all()
    rest = [0, 2, 3, 5]
    assert mask[rest].any(1).all()
    others = dense(q[:, rest], k, v, grad[:, rest], mask=mask[rest])
    agree((out[:, rest], grad_q[:, rest], grad_k, grad_v), others)
    nothing = run(q, k, v, grad, mask=torch.zeros(6, 7, dtype=torch.bool), tile_size=4)
    assert all((x == 0).all() for x in nothing)


def test_causal_is_aligned_at_the_end_and_early_queries_may_see_nothing():
    q, k, v, grad = case(t=5, s=3)
    out = run(q, k, v, grad, causal=True, tile_size=2)[0]
    assert (out[:2] == 0).all()
    agree([out[2]], [v[0]])  # the third query sees the first key alone
    whole = case(t=8, s=8)
    tail = tiled_attention(whole[0][5:], whole[1], whole[2], causal=True, tile_size=3)
    agree([tail], [tiled_attention(*whole[:3], causal=True, tile_size=4)[5:]])


def test_leading_axes_broadcast_and_their_gradients_are_summed():
    q, k, v, _ = case(4, 2, t=5, s=6)
    k, v = k[:1, :1], v[0, 0]
    grad = random(4, 2, 5, 2, seed=9)
    agree(run(q, k, v, grad, tile_size=(2, 4)), dense(q, k, v, grad))


def test_gradcheck():
    q, k, v, _ = case(2, t=4, s=5)
    mask = torch.rand(4, 5, generator=torch.Generator().manual_seed(2)) < 0.6
    leaves = [x.requires_grad_() for x in (q, k, v)]
    for options in ({}, {"causal": True}, {"mask": mask}, {"scale": 1.3}):
        assert torch.autograd.gradcheck(
            lambda *x, o=options: tiled_attention(*x, tile_size=(3, 2), **o), leaves
        )


def test_scores_that_overflow_exp_are_safe():
    q, k, v, grad = (x.float() for x in case(t=5, s=6))
    got = run(300 * q, 300 * k, v, grad, tile_size=2)
    assert all(torch.isfinite(x).all() for x in got)
    double = [x.double() for x in (300 * q, 300 * k, v, grad)]
    agree([got[0]], [dense(*double)[0].float()], atol=1e-5, rtol=1e-4)
    low = run(q, k - 1e30, v, grad, tile_size=2)  # scores near -1e30, far from 0
    assert all(torch.isfinite(x).all() for x in low)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_is_summed_in_float32(dtype):
    q, k, v, grad = (x.to(dtype) for x in case(2, t=40, s=50, d=8, d_v=8))
    got = run(q, k, v, grad, causal=True, tile_size=(16, 8))
    assert all(x.dtype == dtype for x in got)
    expected = dense(*(x.double() for x in (q, k, v, grad)), causal=True)
    step = torch.finfo(dtype).eps
    for ours, theirs in zip(got, expected, strict=True):
        assert (ours.double() - theirs).abs().max() <= 4 * step * theirs.abs().max()


def test_a_long_sum_in_half_precision_does_not_stop_growing():
    # In bfloat16 itself 256 + 1 = 256: the second half of the keys would not count.
    q, k = torch.zeros(1, 4, dtype=torch.bfloat16), torch.zeros(1000, 4, dtype=torch.bfloat16)
    v = (torch.arange(1000) < 500).bfloat16()[:, None]
    assert tiled_attention(q, k, v, tile_size=1).item() == 0.5


def test_float32_is_as_exact_as_the_fused_kernel():
    q, k, v, _ = (x.float() for x in case(2, t=300, s=300, d=16, d_v=16))
    exact = F.scaled_dot_product_attention(*(x.double() for x in (q, k, v)), is_causal=True)
    fused = F.scaled_dot_product_attention(q, k, v, is_causal=True)
    ours = tiled_attention(q, k, v, causal=True, tile_size=(64, 32))
    assert (ours - exact).abs().max() <= 4 * (fused - exact).abs().max()


def test_strides_do_not_matter():
    q, k, v, grad = case(2, t=5, s=6)
    views = [x.mT.contiguous().mT for x in (q, k, v, grad)]
    agree(run(*views, tile_size=(2, 4)), run(q, k, v, grad, tile_size=(2, 4)))


def test_a_second_derivative_raises_and_inputs_are_not_changed():
    q, k, v, grad = case(t=4, s=5)
    before = [x.clone() for x in (q, k, v, grad)]
    run(q, k, v, grad, causal=True, tile_size=2)
    agree((q, k, v, grad), before, atol=0, rtol=0)
    q.requires_grad_()
    with pytest.raises(RuntimeError, match="tiled_attention: differentiable once"):
        torch.autograd.grad(tiled_attention(q, k, v), q, grad, create_graph=True)


def peaks(lengths, passes, **options):
    found = []
    for n in lengths:
        q, k, v, grad = (random(2, n, 16, seed=i, dtype=torch.float32) for i in range(4))

        def work(q=q, k=k, v=v, grad=grad):
            return passes(q, k, v, grad, tile_size=(16, 32), **options)

        found.append(peak_bytes(work))
    return found


@pytest.mark.parametrize("causal", [False, True])
def test_memory_is_linear_in_the_length(causal):
    def forward(q, k, v, grad, **options):
        return tiled_attention(q, k, v, **options)

    for passes in (forward, run):
        small, middle, large = peaks((256, 512, 1024), passes, causal=causal)
        assert large - middle == pytest.approx(2 * (middle - small), rel=0.02)
        scores = 2 * 1024 * 1024 * 4
        assert large < scores / 4


def test_a_full_mask_is_not_copied():
    mask = torch.ones(1024, 1024, dtype=torch.bool)
    q = random(8, 1024, 16, dtype=torch.float32)
    most = peak_bytes(lambda: tiled_attention(q, q, q, mask=mask, tile_size=(16, 32)))
    assert most < mask.nbytes, "the mask of all eight would be eight times as large"


def count_products(work):
    from torch.utils._python_dispatch import TorchDispatchMode

    class Count(TorchDispatchMode):
        made = 0

        def __torch_dispatch__(self, operation, types, args=(), kwargs=None):
            self.made += operation is torch.ops.aten.bmm.out
            return operation(*args, **(kwargs or {}))

    with Count() as count:
        work()
    return count.made


def test_tiles_that_are_masked_as_a_whole_are_skipped():
    q = random(1, 64, 4)
    whole = count_products(lambda: tiled_attention(q, q, q, tile_size=8))
    causal = count_products(lambda: tiled_attention(q, q, q, causal=True, tile_size=8))
    assert (whole, causal) == (64, 36)
    near = (torch.arange(64)[:, None] - torch.arange(64)).abs() < 1  # the diagonal alone
    assert count_products(lambda: tiled_attention(q, q, q, mask=near, tile_size=8)) == 8


@pytest.mark.parametrize(
    ("change", "kind", "message"),
    [
        ({"q": [1.0]}, TypeError, "q: expected a tensor, got list"),
        ({"q": torch.zeros(3)}, ValueError, "q: expected at least 2 axes"),
        ({"q": torch.zeros(4, 3).long()}, TypeError, "q: expected a floating-point"),
        ({"q": torch.zeros(0, 3)}, ValueError, "q: expected no empty axis"),
        ({"k": torch.zeros(5, 2)}, ValueError, r"k: expected shape \(..., s, 3\), got \(5, 2\)"),
        ({"k": torch.zeros(3)}, ValueError, "k: expected shape"),
        ({"k": torch.zeros(5, 3).double()}, TypeError, "k: expected dtype torch.float32"),
        ({"k": torch.zeros(5, 3, device="meta")}, ValueError, "k: expected a tensor on cpu"),
        ({"v": torch.zeros(4, 2)}, ValueError, r"v: expected shape \(..., 5, d_v\), got \(4, 2\)"),
        ({"v": torch.zeros(5, 0)}, ValueError, "v: expected no empty axis"),
        (
            {"q": torch.zeros(2, 4, 3), "k": torch.zeros(3, 5, 3)},
            ValueError,
            "q, k, v: .*broadcast",
        ),
        ({"causal": 1}, TypeError, "causal: expected True or False"),
        ({"mask": torch.ones(4, 5)}, TypeError, "mask: expected dtype torch.bool"),
        ({"mask": torch.ones(5, 4).bool()}, ValueError, r"mask: .*broadcasts to \(4, 5\)"),
        ({"mask": torch.ones(2, 4, 5).bool()}, ValueError, r"mask: .*broadcasts to \(4, 5\)"),
        ({"scale": "1"}, TypeError, "scale: expected a number"),
        ({"scale": math.inf}, ValueError, "scale: expected a finite number"),
        ({"tile_size": 0}, ValueError, "tile_size: expected an integer of at least 1"),
        ({"tile_size": (4, 2.5)}, TypeError, r"tile_size\[1\]: expected an integer"),
        ({"tile_size": (1, 2, 3)}, ValueError, "tile_size: expected one integer or two"),
    ],
)
def test_bad_arguments_are_named(change, kind, message):
    given = {"q": torch.zeros(4, 3), "k": torch.zeros(5, 3), "v": torch.zeros(5, 2), **change}
    with pytest.raises(kind, match=message):
        tiled_attention(**given)
