"""The rule of drafts: what comes out has the target's distribution, enumerated and counted."""

import itertools

import pytest
import torch

from bigmodel_utils import speculation
from bigmodel_utils.speculation import (
    acceptance,
    expected_tokens,
    residual,
    speculative_tokens,
    speedup,
)


def distributions(*shape, seed=0):
    g = torch.Generator().manual_seed(seed)
    return (1.5 * torch.randn(*shape, generator=g, dtype=torch.float64)).softmax(-1)


def outcomes(p, q):
    """{tokens: probability} of a step with drafts from q, for chains of two tables.

    p and q are tables (vocab, vocab) of the next token given the last, and the text ended in 0.
    Every draft, every acceptance and every replacement is a branch; k = 2.
    """
    found = {}

    def add(tokens, chance):
        found[tokens] = found.get(tokens, 0.0) + chance

    vocab = range(len(p))
    for drafted in itertools.product(vocab, repeat=2):
        reached, last, kept = 1.0, 0, ()
        for token in drafted:
            reached *= q[last, token].item()
            last = token
        last = 0
        for token in drafted:
            chance = min(1.0, (p[last, token] / q[last, token]).item())
            left = residual(p[last], q[last])
            for other in vocab:
                add((*kept, other), reached * (1 - chance) * left[other].item())
            reached, kept, last = reached * chance, (*kept, token), token
        for token in vocab:
            add((*kept, token), reached * p[last, token].item())
    return found


def completed(found, p, length):
    """Probabilities of the first ``length`` tokens, where the target writes what is missing."""
    total = {}
    for tokens, chance in found.items():
        for more in itertools.product(range(len(p)), repeat=max(0, length - len(tokens))):
            whole, weight, last = (*tokens, *more)[:length], chance, tokens[-1]
            for token in more:
                weight, last = weight * p[last, token].item(), token
            total[whole] = total.get(whole, 0.0) + weight
    return total


@pytest.mark.parametrize("vocab", [2, 3])
def test_a_whole_step_has_the_targets_distribution(vocab):
    p, q = distributions(vocab, vocab, seed=vocab), distributions(vocab, vocab, seed=9)
    got = completed(outcomes(p, q), p, 3)
    for tokens, chance in got.items():
        expected, last = 1.0, 0
        for token in tokens:
            expected, last = expected * p[last, token].item(), token
        assert chance == pytest.approx(expected, abs=1e-12)


def test_a_wrong_replacement_is_caught_by_enumeration(monkeypatch):
    p, q = distributions(3, 3, seed=3), distributions(3, 3, seed=9)
    monkeypatch.setitem(globals(), "residual", lambda p, q: p)
    got = completed(outcomes(p, q), p, 1)
    assert max(abs(got[(t,)] - p[0, t].item()) for t in range(3)) > 0.01


def chi_square(counts, p):
    expected = p * counts.sum()
    return ((counts - expected).square() / expected).sum().item()


LIMIT = 29.6  # of 1 in a thousand for 9 free cells is 27.9; a fixed seed stays below


def counted(p, q, number=6000, seed=1):
    g = torch.Generator().manual_seed(seed)
    counts = torch.zeros(p.shape[1]).double()
    for drafted in torch.multinomial(q[0], number, replacement=True, generator=g):
        counts[speculative_tokens(p, q, drafted[None], g)[0]] += 1
    return counts


def test_counts_agree_with_the_target_and_a_wrong_rule_does_not(monkeypatch):
    p, q = distributions(2, 10, seed=5), distributions(1, 10, seed=6)
    assert chi_square(counted(p, q), p[0]) < LIMIT
    assert chi_square(counted(p, q), q[0]) > 10 * LIMIT
    from bigmodel_utils.speculation import _rule

    monkeypatch.setattr(_rule, "residual", lambda p, q: p)  # without the correction
    assert chi_square(counted(p, q), p[0]) > 4 * LIMIT
    monkeypatch.setattr(_rule, "residual", lambda p, q: q)
    assert chi_square(counted(p, q), p[0]) > 4 * LIMIT


def test_share_accepted_and_residual():
    p, q = distributions(4, 6), distributions(4, 6, seed=1)
    far = (p - q).abs().sum(-1) / 2
    torch.testing.assert_close(acceptance(p, q), 1 - far)
    left = residual(p, q)
    torch.testing.assert_close(left.sum(-1), torch.ones(4).double())
    torch.testing.assert_close(left * far[:, None], (p - q).clamp(min=0))
    assert torch.equal(residual(p, p), p) and acceptance(p, p).sum() == pytest.approx(4)


def test_all_drafts_of_an_equal_model_are_kept():
    p, g = distributions(5, 7), torch.Generator().manual_seed(0)
    drafted = torch.multinomial(p[:4], 1, generator=g)[:, 0]
    found = speculative_tokens(p, p[:4], drafted, g)
    assert found[:4] == drafted.tolist() and len(found) == 5
    assert len(speculative_tokens(p[:1], p[:0], drafted[:0], g)) == 1


def test_impossible_drafts_are_never_kept():
    p = torch.tensor([[0.0, 0.4, 0.6], [1.0, 0.0, 0.0]]).double()
    q, g = torch.tensor([[0.5, 0.25, 0.25]]).double(), torch.Generator().manual_seed(0)
    for _ in range(50):
        assert speculative_tokens(p, q, torch.tensor([0]), g)[0] in (1, 2)


def test_expected_tokens_by_all_outcomes():
    for a in (0.0, 0.3, 0.85, 1.0):
        for k in (0, 1, 4):
            total = 0.0
            for fates in itertools.product((True, False), repeat=k):
                chance = 1.0
                for fate in fates:
                    chance *= a if fate else 1 - a
                kept = next((i for i, fate in enumerate(fates) if not fate), k)
                total += chance * (kept + 1)
            assert expected_tokens(a, k) == pytest.approx(total)
            assert speedup(a, k, 0.1) == pytest.approx(total / (1 + 0.1 * k))


def test_wrong_arguments_are_named():
    p, q, g = distributions(3, 4), distributions(2, 4), torch.Generator()
    drafted = torch.tensor([1, 2])
    for call, kind, message in (
        (lambda: acceptance(3, q), TypeError, "p: expected a tensor"),
        (lambda: acceptance(p, q), ValueError, "q: expected the shape of p"),
        (lambda: acceptance(2 * p, p), ValueError, "p: expected distributions"),
        (lambda: residual(p, p - 1), ValueError, "q: expected distributions"),
        (lambda: residual(p.long(), p), TypeError, "p: expected a floating"),
        (lambda: residual(torch.tensor(1.0), p), ValueError, "p: expected shape"),
        (lambda: speculative_tokens(p[:2], q, drafted, g), ValueError, "p: expected shape"),
        (lambda: speculative_tokens(p, q, drafted.double(), g), TypeError, "drafted: "),
        (lambda: speculative_tokens(p, q, drafted + 3, g), ValueError, "drafted: expected tokens"),
        (lambda: speculative_tokens(p, q, drafted, 3), TypeError, "generator: "),
        (lambda: expected_tokens(1.5, 2), ValueError, "a: "),
        (lambda: expected_tokens(0.5, -1), ValueError, "k: "),
        (lambda: speedup(0.5, 2, -1), ValueError, "cost: "),
    ):
        with pytest.raises(kind, match=message):
            call()
    none = torch.tensor([[1.0, 0, 0, 0], [1.0, 0, 0, 0]]).double()
    with pytest.raises(ValueError, match="drafted: expected tokens that q can draw, got 1 at 0"):
        speculative_tokens(p, none, drafted, g)


def test_the_door_shows_what_there_is():
    assert set(speculation.__all__) <= set(dir(speculation))
