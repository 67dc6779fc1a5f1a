"""Masks, rounding in turn and low rank, against least squares and sorting."""

import pytest
import torch

from bigmodel_utils.compression import in_turn, largest, low_rank, to_codes, two_of_four


def drawn(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def test_the_largest_stay_together_or_in_each_layer():
    scores = [drawn(3, 4).abs(), drawn(5, 2, seed=1).abs() / 100]
    kept = largest(scores, 0.5)
    assert [int(k.sum()) for k in kept] == [11, 0]
    least = min(scores[0][kept[0]].tolist())
    assert all(v <= least for v in scores[0][~kept[0]].tolist())
    assert [int(k.sum()) for k in largest(scores, 0.5, together=False)] == [6, 5]
    assert int(largest([torch.ones(4)], 0.5)[0].sum()) == 2
    with pytest.raises(ValueError, match="share"):
        largest(scores, 1.5)
    with pytest.raises(TypeError, match="scores"):
        largest(scores[0], 0.5)


def test_two_of_every_four_stay():
    scores = drawn(3, 12).abs()
    kept = two_of_four(scores)
    for row, mask in zip(scores, kept, strict=True):
        for i in range(0, 12, 4):
            assert mask[i : i + 4].sum() == 2
            assert row[i : i + 4][mask[i : i + 4]].min() >= row[i : i + 4][~mask[i : i + 4]].max()
    with pytest.raises(ValueError, match="multiple of 4"):
        two_of_four(scores[:, :7])


@pytest.mark.parametrize("pruned", [False, True])
def test_each_step_is_a_least_squares_problem(pruned):
    w, x = drawn(4, 6), drawn(30, 6, seed=1)
    keep = drawn(4, 6, seed=2) > 0 if pruned else None
    bits = None if pruned else 3
    scale = None if pruned else to_codes(w.float(), bits=3).scale.double()
    expected = w.clone()
    for q in range(6):
        column = expected[:, q].clone()
        if pruned:
            new = column * keep[:, q]
        else:
            new = (column / scale[:, 0]).round().clamp(-3, 3) * scale[:, 0]
        expected[:, q] = new
        if q < 5:
            lost = x[:, q : q + 1] * (column - new)
            expected[:, q + 1 :] += torch.linalg.lstsq(x[:, q + 1 :], lost).solution.T
    got = in_turn(w, x.T @ x, bits=bits, keep=keep, damping=0)
    torch.testing.assert_close(got, expected)


def test_groups_have_scales_of_their_own():
    w, x = drawn(5, 8), drawn(40, 8, seed=1)
    got = in_turn(w, x.T @ x, bits=2, group_size=4)
    for row in got.unflatten(1, (-1, 4)).flatten(0, 1):
        assert len(row.abs().unique()) <= 2
    with pytest.raises(ValueError, match="divisor"):
        in_turn(w, x.T @ x, bits=2, group_size=3)
    with pytest.raises(ValueError, match="bits"):
        in_turn(w, x.T @ x)
    with pytest.raises(ValueError, match="positive definite"):
        in_turn(w, -x.T @ x, bits=3)
    with pytest.raises(ValueError, match="keep"):
        in_turn(w, x.T @ x, keep=torch.ones(5, 8))


def test_low_rank_is_the_projection_on_the_largest_outputs():
    w, x = drawn(4, 7), drawn(30, 7, seed=1)
    left, right = low_rank(w, 2)
    tail = torch.linalg.svdvals(w)[2:].square().sum()
    torch.testing.assert_close((w - left @ right).square().sum(), tail)
    h = x.T @ x
    left, right = low_rank(w, 2, h, damping=0)
    top = torch.linalg.eigh(w @ h @ w.T).eigenvectors[:, -2:]
    torch.testing.assert_close(left @ right, top @ top.T @ w)
    with pytest.raises(ValueError, match="rank"):
        low_rank(w, 5)
    with pytest.raises(ValueError, match="positive definite"):
        low_rank(w, 2, -h)
