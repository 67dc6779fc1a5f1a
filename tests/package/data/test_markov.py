"""The source with a known floor."""

import pytest
import torch

from bigmodel_utils import data


def test_rows_follow_the_chain():
    P = data.markov_chain(5, 3)
    torch.testing.assert_close(P.sum(1), torch.ones(5).double())
    tokens = data.markov_rows(P, 400, 100, 0)
    assert tokens.shape == (400, 100) and tokens.dtype == torch.int64
    counts = torch.zeros(5, 5).double()
    pairs = (tokens[:, :-1].flatten(), tokens[:, 1:].flatten())
    counts.index_put_(pairs, torch.ones(39_600).double(), accumulate=True)
    torch.testing.assert_close(counts / counts.sum(1, keepdim=True), P, atol=0.03, rtol=0)
    assert data.markov_rows(P, 4, 9, 1).equal(data.markov_rows(P, 4, 9, 1))
    assert not data.markov_rows(P, 4, 9, 1).equal(data.markov_rows(P, 4, 9, 2))


def test_entropy_rate_of_two_tokens_by_hand():
    P = torch.tensor([[0.9, 0.1], [0.3, 0.7]], dtype=torch.float64)
    H, pi = data.entropy_rate(P)
    torch.testing.assert_close(pi, torch.tensor([0.75, 0.25]).double())
    rows = -(P * P.log()).sum(1)
    torch.testing.assert_close(H, 0.75 * rows[0] + 0.25 * rows[1])


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: data.markov_chain(1, 0), ValueError, "size"),
        (lambda: data.markov_chain(4, -1), ValueError, "seed"),
        (lambda: data.entropy_rate(torch.ones(2, 2)), TypeError, "P"),
        (lambda: data.entropy_rate(torch.ones(2, 3).double()), ValueError, "P"),
        (lambda: data.markov_rows(data.markov_chain(3, 0), 0, 4, 0), ValueError, "rows"),
    ],
)
def test_bad_arguments_are_named(call, error, message):
    with pytest.raises(error, match=f"^{message}"):
        call()
