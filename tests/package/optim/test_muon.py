"""Muon against torch's own, against a loop with a singular value decomposition, and its limits."""

import contextlib
import copy
import warnings

import numpy
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from bigmodel_utils import device, models, training
from bigmodel_utils.optim import Muon, MuonAdamW, orthogonalize
from bigmodel_utils.optim import _muon as muon

CHECKED = settings(deadline=None, derandomize=True, max_examples=60)
SHAPES = [(5, 7), (7, 5), (4, 4), (1, 6), (6, 1), (5, 7), (3, 40), (40, 3), (7, 5)]


def parameters(shapes=SHAPES, dtype=torch.float32, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return [nn.Parameter(torch.randn(s, generator=generator).to(dtype)) for s in shapes]


def set_gradients(params, seed):
    generator = torch.Generator().manual_seed(seed)
    for p in params:
        p.grad = torch.randn(p.shape, generator=generator).to(p.dtype)


def quintic(s, steps=5):
    """What the iteration does to one singular value, in plain numbers."""
    for _ in range(steps):
        s = 3.4445 * s - 4.7750 * s**3 + 2.0315 * s**5
    return s


def plain(matrix):
    """The same through a singular value decomposition: no iteration on matrices."""
    u, s, vh = torch.linalg.svd(matrix, full_matrices=False)
    return u @ torch.diag(quintic(s / s.square().sum().sqrt())) @ vh


# orthogonalize ------------------------------------------------------------------------------------


@given(
    rows=st.integers(1, 9),
    columns=st.integers(1, 9),
    batch=st.lists(st.integers(1, 3), max_size=2),
    seed=st.integers(0, 99),
    steps=st.integers(1, 6),
)
@CHECKED
def test_it_moves_the_singular_values_and_nothing_else(rows, columns, batch, seed, steps):
    generator = torch.Generator().manual_seed(seed)
    matrices = torch.randn(*batch, rows, columns, generator=generator, dtype=torch.float64)
    got = orthogonalize(matrices, steps=steps)
    assert got.shape == matrices.shape and got.dtype == matrices.dtype
    for matrix, result in zip(
        matrices.reshape(-1, rows, columns), got.reshape(-1, rows, columns), strict=True
    ):
        u, s, vh = torch.linalg.svd(matrix, full_matrices=False)
        expected = u @ torch.diag(quintic(s / s.square().sum().sqrt(), steps)) @ vh
        torch.testing.assert_close(result, expected, rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize(("rows", "columns"), [(24, 24), (24, 60), (60, 24), (9, 200)])
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16])
def test_singular_values_end_in_the_published_band(rows, columns, dtype):
    u, _, vh = torch.linalg.svd(torch.randn(rows, columns).double(), full_matrices=False)
    s = torch.logspace(0, -2, min(rows, columns), dtype=torch.float64)
    s = s / s.norm()  # the smallest is above 0.002
    assert s.min() > 0.002
    got = torch.linalg.svdvals(orthogonalize((u * s @ vh).to(dtype)).double())
    slack = 0.06 if dtype == torch.bfloat16 else 1e-4
    assert 0.68 - slack < got.min() and got.max() < 1.21 + slack


def test_the_band_is_that_of_the_quintic():
    values = quintic(torch.linspace(0.002, 1, 100_001, dtype=torch.float64))
    assert 0.68 < values.min() < 0.69 and 1.20 < values.max() < 1.21
    below = quintic(torch.tensor(0.001, dtype=torch.float64))
    assert 0.4 < below < 0.5  # smaller ones have not arrived yet


def test_the_scale_of_the_gradient_does_not_matter():
    matrix = torch.randn(6, 9, dtype=torch.float64)
    for factor in (1e-6, 1e6, 1e30):
        torch.testing.assert_close(orthogonalize(matrix * factor), orthogonalize(matrix))
    torch.testing.assert_close(orthogonalize(-matrix), -orthogonalize(matrix))
    torch.testing.assert_close(orthogonalize(matrix.T), orthogonalize(matrix).T)


def test_zeros_stay_zeros_beside_other_matrices():
    matrices = torch.stack([torch.zeros(3, 5), torch.randn(3, 5)])
    got = orthogonalize(matrices)
    assert (got[0] == 0).all() and got.isfinite().all()
    torch.testing.assert_close(got[1], orthogonalize(matrices[1]))
    assert orthogonalize(torch.zeros(2, 0, 3)).shape == (2, 0, 3)


@pytest.mark.parametrize(
    ("matrices", "steps", "error", "words"),
    [
        ([[1.0]], 5, TypeError, "matrices: expected a tensor"),
        (torch.ones(3), 5, ValueError, r"matrices: expected \(..., rows, columns\), got \(3,\)"),
        (torch.ones(3, 2).long(), 5, TypeError, "matrices: expected a floating-point"),
        (torch.ones(3, 2), 0, ValueError, "steps: expected an integer of at least 1"),
        (torch.ones(3, 2), 5.0, TypeError, "steps: expected an integer"),
    ],
)
def test_bad_matrices_are_named(matrices, steps, error, words):
    with pytest.raises(error, match=words):
        orthogonalize(matrices, steps=steps)


FORMATS = [torch.float64, torch.float32, torch.bfloat16, torch.float16]


@pytest.mark.parametrize("dtype", FORMATS)
@pytest.mark.parametrize(("rows", "columns"), [(5, 9), (9, 5)])
def test_no_scale_is_too_large_or_too_small(dtype, rows, columns):
    """From the smallest number of the format to the largest."""
    info = torch.finfo(dtype)
    diagonal = torch.linspace(0.5, 1, 5, dtype=torch.float64).diag()
    matrix = torch.zeros(rows, columns, dtype=torch.float64)
    matrix[:5, :5] = diagonal
    expected = orthogonalize(matrix).diagonal()
    assert expected.min() > 0.6
    slack = 0.06 if info.bits == 16 else 1e-5
    for scale in (1e30, 1e-30, info.max, 4 * info.tiny, 1e-6, 1.0):
        if scale > info.max or scale < 4 * info.tiny:
            continue
        got = orthogonalize((matrix * scale).to(dtype))
        assert got.dtype == dtype and got.isfinite().all()
        torch.testing.assert_close(got.double().diagonal(), expected, rtol=0, atol=slack)
    smallest = torch.eye(3, 4, dtype=torch.float64) * info.tiny * info.eps  # below the normal ones
    got = orthogonalize(smallest.to(dtype)).double()
    torch.testing.assert_close(
        got, orthogonalize(torch.eye(3, 4, dtype=torch.float64)), rtol=0, atol=slack
    )


def test_the_scale_changes_no_bit_where_it_did_not_matter_before():
    """By a power of two: numbers of the usual size are rounded as by the plain division."""
    for dtype in (torch.float64, torch.float32, torch.bfloat16):
        x = torch.randn(4, 7, 11, generator=torch.Generator().manual_seed(0)).to(dtype) * 0.01
        expected = x / x.norm(dim=(-2, -1), keepdim=True)
        for _ in range(5):
            gram = x_gram(expected)
            polynomial = torch.baddbmm(gram, gram, gram, beta=-4.7750, alpha=2.0315)
            expected = torch.baddbmm(expected, polynomial, expected, beta=3.4445)
        assert torch.equal(orthogonalize(x), expected)


def x_gram(x):
    return x @ x.mT


@pytest.mark.parametrize("dtype", FORMATS)
@pytest.mark.parametrize("bad", [float("nan"), float("inf"), -float("inf")])
def test_what_is_not_finite_comes_back_as_nan_and_stays_in_its_matrix(dtype, bad):
    good = torch.randn(3, 5, generator=torch.Generator().manual_seed(1)).to(dtype)
    broken = good.clone()
    broken[2, 1] = bad
    got = orthogonalize(torch.stack([good, broken, good]))
    assert got[1].isnan().all() and got[0].isfinite().all() and torch.equal(got[0], got[2])


def test_a_huge_gradient_is_stepped_like_any_other():
    for scale in (1e30, 1e-30):
        one, other = parameters([(4, 6)]), parameters([(4, 6)])
        for params, factor in ((one, 1.0), (other, scale)):
            set_gradients(params, 3)
            params[0].grad *= factor
            Muon(params, 0.1, dtype=torch.float32).step()
        torch.testing.assert_close(one[0], other[0], rtol=1e-4, atol=1e-6)
        assert not torch.equal(other[0], parameters([(4, 6)])[0])


# Muon ---------------------------------------------------------------------------------------------


@pytest.mark.skipif(not hasattr(torch.optim, "Muon"), reason="torch.optim.Muon came with torch 2.9")
@pytest.mark.parametrize("nesterov", [True, False])
@pytest.mark.parametrize("weight_decay", [0.0, 0.3])
def test_it_equals_torch_s_own(nesterov, weight_decay):
    ours, theirs = parameters(), parameters()
    options = {"lr": 0.02, "weight_decay": weight_decay, "momentum": 0.9, "nesterov": nesterov}
    a = Muon(ours, dtype=torch.bfloat16, **options)
    b = torch.optim.Muon(theirs, adjust_lr_fn="match_rms_adamw", **options)
    for step in range(6):
        for params, optimizer in ((ours, a), (theirs, b)):
            set_gradients(params, step)
            optimizer.step()
    for p, q, start in zip(ours, theirs, parameters(), strict=True):
        # Both round to bfloat16 in the iteration, in an order that the kernels choose.
        torch.testing.assert_close(
            p, q, rtol=0, atol=float(0.02 * (q - start).detach().abs().max())
        )


@pytest.mark.parametrize("nesterov", [True, False])
def test_it_equals_a_plain_loop(nesterov):
    """In float64, one matrix at a time; the published form of the momentum, not a moving average.

    With m <- mu m + g the sum is a moving average over 1 - mu: the direction is the same.
    """
    params = parameters(dtype=torch.float64)
    optimizer = Muon(params, 0.02, weight_decay=0.3, momentum=0.9, nesterov=nesterov)
    expected = [p.detach().clone() for p in params]
    sums = [torch.zeros_like(p) for p in expected]
    for step in range(5):
        set_gradients(params, step)
        if step == 3:
            for group in optimizer.param_groups:
                group["lr"] = 0.005  # as a schedule does
        lr = 0.005 if step >= 3 else 0.02
        for p, weight, m in zip(params, expected, sums, strict=True):
            m.mul_(0.9).add_(p.grad)
            update = plain(p.grad + 0.9 * m if nesterov else m)
            weight.mul_(1 - lr * 0.3)
            weight.sub_(lr * 0.2 * max(weight.shape) ** 0.5 * update)
        optimizer.step()
    for p, weight in zip(params, expected, strict=True):
        torch.testing.assert_close(p.detach(), weight, rtol=1e-9, atol=1e-10)


def test_an_update_is_as_large_as_adamw_s():
    """The root mean square of an update over lr: about 0.2, whatever the shape."""
    params = parameters([(64, 64), (64, 200), (200, 64)])
    before = [p.detach().clone() for p in params]
    set_gradients(params, 1)
    Muon(params, 0.01).step()
    for p, start in zip(params, before, strict=True):
        size = (p - start).square().mean().sqrt() / 0.01
        assert 0.2 * 0.68 < size < 0.2 * 1.21


def test_zero_and_missing_gradients():
    params = parameters()
    before = [p.detach().clone() for p in params]
    optimizer = Muon(params, 0.1, weight_decay=0.5)
    optimizer.step()  # no gradient at all
    assert all(torch.equal(p, q) for p, q in zip(params, before, strict=True))
    params[0].grad = torch.zeros_like(params[0])
    optimizer.step()
    torch.testing.assert_close(params[0].detach(), before[0] * (1 - 0.1 * 0.5))
    assert all(torch.equal(p, q) for p, q in zip(params[1:], before[1:], strict=True))
    assert params[0].isfinite().all()
    for p in params:
        p.grad = torch.zeros_like(p)
    optimizer.step()
    assert all(p.isfinite().all() for p in params)


def test_a_closure_is_called_first_with_gradients():
    [p] = parameters([(3, 4)])
    optimizer = Muon([p], 0.1)

    def closure():
        optimizer.zero_grad()
        loss = p.square().sum()
        loss.backward()
        return loss

    first = optimizer.step(closure)
    assert first.requires_grad and optimizer.step(closure) < first


def test_matrices_of_a_shape_run_as_one_batch(monkeypatch):
    seen = []
    monkeypatch.setenv("BIGMODEL_BFLOAT16", "0")  # else the first batch is run twice

    def watched(x, **options):
        seen.append(tuple(x.shape))
        return orthogonalize(x, **options)

    monkeypatch.setattr(muon, "orthogonalize", watched)
    params = parameters()
    set_gradients(params, 0)
    Muon(params).step()
    assert sorted(seen) == [(1, 4, 4), (2, 1, 6), (2, 3, 40), (4, 5, 7)]


@pytest.mark.parametrize("fast", [torch.bfloat16, torch.float32])
def test_it_rounds_to_bfloat16_only_where_the_device_is_fast_with_it(monkeypatch, fast):
    seen = []

    def watched(x, **options):
        seen.append(x.dtype)
        return orthogonalize(x, **options)

    monkeypatch.setattr(muon, "orthogonalize", watched)
    monkeypatch.setattr(muon, "number_format", lambda where: fast)
    for dtype, wanted, expected in [
        (torch.float32, None, fast),
        (torch.float64, None, torch.float64),
        (torch.bfloat16, None, torch.bfloat16),
        (torch.float32, torch.float64, torch.float64),
    ]:
        params = parameters([(3, 4)], dtype)
        set_gradients(params, 0)
        optimizer = Muon(params, dtype=wanted)
        optimizer.step()
        seen.clear()  # the first step held bfloat16 against float32
        optimizer.step()
        assert seen == [expected] and params[0].dtype == dtype


@pytest.mark.parametrize("fault", ["nan", "sign", "half"])
def test_a_wrong_bfloat16_is_noticed_and_float32_used(monkeypatch, fault):
    factor = {"nan": float("nan"), "sign": -1.0, "half": 0.5}[fault]

    def spoiled(x, **options):
        return orthogonalize(x, **options) * (factor if x.dtype == torch.bfloat16 else 1)

    results = []
    for fast in (torch.float32, torch.bfloat16):
        monkeypatch.setattr(muon, "number_format", lambda where, fast=fast: fast)
        params = parameters([(3, 4), (4, 3), (6, 5)], torch.float32)
        optimizer = Muon(params, lr=0.1)
        if fast == torch.bfloat16:
            monkeypatch.setattr(muon, "orthogonalize", spoiled)
        for seed in range(2):
            set_gradients(params, seed)
            with (
                contextlib.nullcontext()
                if fast == torch.float32 or seed
                else pytest.warns(
                    RuntimeWarning, match="Muon orthogonalises matrices .* in float32"
                )
            ):
                optimizer.step()
        results.append([p.detach().clone() for p in params])
    assert all(map(torch.equal, *results))


@pytest.mark.parametrize("rank", [1, 5, 40])
def test_a_sound_bfloat16_is_trusted_whatever_the_rank(monkeypatch, rank):
    monkeypatch.setattr(muon, "number_format", lambda where: torch.bfloat16)
    (p,) = parameters([(40, 60)], torch.float32)
    generator = torch.Generator().manual_seed(rank)
    left, right = (torch.randn(n, rank, generator=generator) for n in (40, 60))
    p.grad = 1e-4 * left @ right.T
    optimizer = Muon([p], lr=0.1)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        optimizer.step()
    assert optimizer.state[p]["bfloat16_is_sound"] is True


def test_a_resumed_run_asks_no_other_gradient_whether_bfloat16_is_sound(monkeypatch):
    monkeypatch.setattr(muon, "number_format", lambda where: torch.bfloat16)
    factor = {torch.bfloat16: -1.0}

    def spoiled(x, **options):
        return orthogonalize(x, **options) * factor.get(x.dtype, 1)

    monkeypatch.setattr(muon, "orthogonalize", spoiled)
    first, second = (parameters([(3, 4), (4, 3), (6, 5)], torch.float32) for _ in range(2))
    before, after = Muon(first, lr=0.1), Muon(second, lr=0.1)
    set_gradients(first, 0)
    with pytest.warns(RuntimeWarning, match="Muon orthogonalises matrices"):
        before.step()
    for p, q in zip(first, second, strict=True):
        q.data.copy_(p.data)
    after.load_state_dict(copy.deepcopy(before.state_dict()))
    factor.clear()  # from here on bfloat16 would pass
    for optimizer, params in ((before, first), (after, second)):
        set_gradients(params, 1)
        optimizer.step()
    assert all(map(torch.equal, first, second))
    asked_again = Muon(second, lr=0.1)  # the control: without the state it would be trusted
    set_gradients(second, 2)
    asked_again.step()
    assert asked_again.state[second[0]]["bfloat16_is_sound"] is True


def test_both_formats_go_the_same_way():
    matrices = torch.randn(4, 48, 64)
    exact = orthogonalize(matrices)
    rounded = orthogonalize(matrices.bfloat16()).float()
    assert (rounded - exact).norm() / exact.norm() < 0.05
    assert device.number_format("cpu") in (torch.float32, torch.bfloat16)


@pytest.mark.parametrize(
    ("params", "options", "error", "words"),
    [
        (
            [torch.ones(3)],
            {},
            ValueError,
            r"params: expected floating-point matrices, got .*\(3,\)",
        ),
        ([torch.ones(3, 2, 2)], {}, ValueError, "params: expected floating-point matrices"),
        ([torch.ones(3, 2).long()], {}, ValueError, "params: expected floating-point matrices"),
        ([torch.ones(0, 2)], {}, ValueError, "params: expected floating-point matrices"),
        ([torch.ones(3, 2)], {"lr": -1}, ValueError, "lr: expected at least 0"),
        ([torch.ones(3, 2)], {"lr": "1"}, TypeError, "lr: expected a number"),
        ([torch.ones(3, 2)], {"weight_decay": -1}, ValueError, "weight_decay: expected at least"),
        ([torch.ones(3, 2)], {"momentum": 1.5}, ValueError, "momentum: expected at most 1"),
        ([torch.ones(3, 2)], {"nesterov": 1}, TypeError, "nesterov: expected True or False"),
        ([torch.ones(3, 2)], {"dtype": torch.int8}, TypeError, "dtype: expected a floating"),
        ([torch.ones(3, 2)], {"dtype": "float32"}, TypeError, "dtype: expected a floating"),
    ],
)
def test_bad_arguments_are_named(params, options, error, words):
    with pytest.raises(error, match=words):
        Muon(params, **options)


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: Muon([]), ValueError, "params: optimizer got an empty"),
        (lambda: Muon("matrix"), TypeError, "params: "),
        (lambda: Muon(None), TypeError, "params: "),
        (lambda: Muon([3.0]), TypeError, "params: "),
        (lambda: Muon([torch.ones(3, 2) + 0j]), ValueError, "params: expected floating-point"),
        (lambda: Muon([{"params": [torch.ones(3, 2)], "lr": -1}]), ValueError, "lr: expected"),
        (lambda: Muon([{"params": [torch.ones(3, 2)], "momentum": 7}]), ValueError, "momentum: "),
        (lambda: Muon([{"params": [torch.ones(3, 2)], "nesterov": 0}]), TypeError, "nesterov: "),
        (lambda: Muon([torch.ones(3, 2)]).step("closure"), TypeError, "closure: expected a calla"),
        (lambda: MuonAdamW(gpt(), betas=(0.9, 1.5)), ValueError, "betas: expected at most 1"),
        (lambda: MuonAdamW(gpt(), betas=0.9), TypeError, "betas: expected two numbers"),
        (lambda: MuonAdamW(gpt()).load_state_dict({}), ValueError, "state: expected what state_"),
        (lambda: MuonAdamW(gpt()).load_state_dict([1]), ValueError, "state: expected what state_"),
        (lambda: MuonAdamW(gpt()).load_state_dict({"parts": [{}]}), ValueError, "state: expected"),
        (lambda: orthogonalize(torch.ones(3, 2).to(torch.float8_e5m2)), TypeError, "matrices: exp"),
        (lambda: orthogonalize(torch.ones(3, 2) + 0j), TypeError, "matrices: expected a floating"),
    ],
)
def test_bad_calls_are_named(call, error, words):
    with pytest.raises(error, match=f"^{words}"):
        call()


def test_a_sparse_gradient_is_refused():
    table = nn.Embedding(5, 3, sparse=True)
    table(torch.tensor([1, 4])).square().sum().backward()
    with pytest.raises(RuntimeError, match="does not support sparse gradients"):
        Muon(table.parameters()).step()


def test_options_are_numbers_that_a_checkpoint_can_hold(tmp_path):
    optimizer = Muon([{"params": parameters([(3, 4)]), "lr": numpy.float64(0.5)}], numpy.float32(1))
    training.save_checkpoint(tmp_path / "muon.pt", optimizer.state_dict())
    assert training.load_checkpoint(tmp_path / "muon.pt")["param_groups"][0]["lr"] == 0.5


# MuonAdamW ----------------------------------------------------------------------------------------


def gpt(**options):
    torch.manual_seed(0)
    return models.GPT(11, context=8, d_model=8, num_layers=2, num_heads=2, **options)


def names(model, params):
    by_id = {id(p): name for name, p in model.named_parameters()}
    return {by_id[id(p)] for p in params}


def matrices_of(model):
    return names(model, MuonAdamW(model).muon.param_groups[0]["params"])


def test_muon_takes_the_hidden_matrices_of_a_gpt_and_adamw_the_rest():
    model = gpt(activation="swiglu", bias=True, positions="learned")
    optimizer = MuonAdamW(model, 0.01, weight_decay=0.1)
    taken = matrices_of(model)
    assert len(taken) == 2 * 7
    assert all(name.startswith("blocks.") and name.endswith("_proj.weight") for name in taken)
    muon_group, decayed, others = optimizer.param_groups
    assert names(model, decayed["params"]) == {
        "embedding.weight", "position_embedding.weight", "head.weight"
    }  # fmt: skip
    everything = [p for group in optimizer.param_groups for p in group["params"]]
    assert len(everything) == len({id(p) for p in everything}) == len(list(model.parameters()))
    assert [g["weight_decay"] for g in (muon_group, decayed, others)] == [0.1, 0.1, 0.0]
    assert all(p.ndim == 1 for p in others["params"])


def test_shared_frozen_and_other_weights():
    model = nn.Sequential(nn.Conv1d(3, 4, 2), nn.Linear(5, 6), nn.Linear(6, 6), nn.Linear(6, 2))
    assert matrices_of(model) == {"1.weight", "2.weight"}
    model[1].weight.requires_grad_(False)
    assert matrices_of(model) == {"2.weight"}
    tied = nn.Sequential(nn.Embedding(7, 6), nn.Linear(6, 7), nn.Linear(7, 6), nn.Linear(6, 7))
    tied[1].weight = tied[0].weight  # the embedding's too
    tied[2].weight = nn.Parameter(tied[2].weight.detach())
    assert matrices_of(tied) == {"2.weight"}
    ends = nn.Sequential(nn.Linear(6, 6), nn.Linear(6, 6), nn.Linear(6, 6))
    ends[0].weight = ends[2].weight  # the output layer's too
    assert matrices_of(ends) == {"1.weight"}
    twice = nn.Sequential(nn.Linear(6, 6), nn.Linear(6, 6), nn.Linear(6, 6))
    twice[0].weight = twice[1].weight
    [group] = MuonAdamW(twice).muon.param_groups
    assert len(group["params"]) == 1


@pytest.mark.parametrize(
    "model",
    [nn.Linear(3, 2), nn.Conv2d(3, 4, 3), nn.Embedding(3, 4), nn.Sequential(nn.LSTM(3, 4))],
)
def test_a_model_without_a_hidden_matrix_is_named(model):
    with pytest.raises(ValueError, match=r"model: Muon needs a weight .* use optimizer='adamw'"):
        MuonAdamW(model)


def test_a_bad_model_or_rate_is_named():
    with pytest.raises(TypeError, match=r"model: expected a torch\.nn\.Module"):
        MuonAdamW("gpt")
    with pytest.raises(ValueError, match="weight_decay: expected at least 0"):
        MuonAdamW(gpt(), weight_decay=-1)
    with pytest.raises(TypeError, match="lr: expected a number"):
        MuonAdamW(gpt(), "fast")


def test_both_parts_step_as_they_do_alone():
    model, other = gpt(), gpt()
    joint = MuonAdamW(model, 0.02, weight_decay=0.1)
    hidden = [p for n, p in other.named_parameters() if "blocks" in n and p.ndim == 2]
    rest = [p for n, p in other.named_parameters() if not ("blocks" in n and p.ndim == 2)]
    groups = [{"params": [p for p in rest if p.ndim == d], "weight_decay": w}
              for d, w in ((2, 0.1), (1, 0.0))]  # fmt: skip
    alone = [Muon(hidden, 0.02, weight_decay=0.1), torch.optim.AdamW(groups, 0.02, fused=True)]
    for step in range(3):
        for m, optimizers in ((model, [joint]), (other, alone)):
            set_gradients(list(m.parameters()), step)
            for optimizer in optimizers:
                optimizer.step()
    pairs = zip(model.parameters(), other.parameters(), strict=True)
    assert all(torch.equal(p, q) for p, q in pairs)
    joint.zero_grad()
    assert all(p.grad is None for p in model.parameters())


def test_its_state_goes_through_a_checkpoint(tmp_path):
    model = gpt()
    optimizer = MuonAdamW(model, 0.02, weight_decay=0.1)
    for step in range(2):
        set_gradients(list(model.parameters()), step)
        optimizer.step()
    training.save_checkpoint(tmp_path / "state.pt", optimizer.state_dict())
    other = copy.deepcopy(model)
    again = MuonAdamW(other, 0.5)
    again.load_state_dict(training.load_checkpoint(tmp_path / "state.pt"))
    assert [g["lr"] for g in again.param_groups] == [0.02] * 3
    assert again.param_groups[0]["weight_decay"] == 0.1
    for group in [*optimizer.param_groups, *again.param_groups]:
        group["lr"] = 0.01  # a schedule reaches both after loading
    for m, o in ((model, optimizer), (other, again)):
        set_gradients(list(m.parameters()), 7)
        o.step()
    pairs = zip(model.parameters(), other.parameters(), strict=True)
    assert all(torch.equal(p, q) for p, q in pairs)


def test_a_model_of_hidden_matrices_alone():
    model = nn.Sequential(nn.Linear(3, 4, bias=False), nn.Linear(4, 2).requires_grad_(False))
    optimizer = MuonAdamW(model, 0.1)
    assert len(optimizer.param_groups) == 1
    before = model[0].weight.detach().clone()
    model(torch.ones(1, 3)).sum().backward()
    optimizer.step()
    assert not torch.equal(model[0].weight, before)
    optimizer.load_state_dict(optimizer.state_dict())
