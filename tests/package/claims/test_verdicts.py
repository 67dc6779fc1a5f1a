"""Effects, their uncertainty, and the three verdicts."""

import math

import pytest
import torch
from scipy import stats

from bigmodel_utils import claims


def test_the_interval_is_student_s():
    values = [0.3, 0.1, 0.45, 0.2, 0.28]
    found = claims.judge(values, more_than=0.0)
    low, high = stats.t.interval(0.95, 4, sum(values) / 5, stats.sem(values))
    assert found.effect == pytest.approx(sum(values) / 5)
    assert found.uncertainty == pytest.approx((high - low) / 2, rel=1e-4)


@pytest.mark.parametrize("n", range(2, 32))
def test_the_table_is_student_s_for_every_number_of_seeds(n):
    values = [float(i % 3 + i / n) for i in range(n)]
    found = claims.judge(values, more_than=0.0)
    low, high = stats.t.interval(0.95, n - 1, sum(values) / n, stats.sem(values))
    assert found.uncertainty == pytest.approx((high - low) / 2, rel=1e-4)


def test_beyond_the_table_the_interval_is_no_narrower():
    values = [float(i % 7) for i in range(60)]
    low, high = stats.t.interval(0.95, 59, sum(values) / 60, stats.sem(values))
    assert (high - low) / 2 <= claims.judge(values, more_than=0.0).uncertainty


@pytest.mark.parametrize(
    ("values", "margin", "verdict"),
    [
        ([1.0, 1.1, 0.9], 0.5, "held"),
        ([1.0, 1.1, 0.9], 1.0, "undecided"),
        ([1.0, 1.1, 0.9], 1.5, "refuted"),
        ([-1.0, -1.1, -0.9], 0.5, "refuted"),
        ([-1.0, -1.1, -0.9], -2.0, "held"),
        ([2.0, 2.0], 1.0, "held"),
        ([2.0, 2.0], 2.0, "refuted"),
    ],
)
def test_more_than(values, margin, verdict):
    assert claims.judge(values, more_than=margin).verdict == verdict


@pytest.mark.parametrize(
    ("values", "margin", "verdict"),
    [
        ([0.1, -0.1, 0.0], 0.5, "held"),
        ([0.1, -0.1, 0.0], 0.1, "undecided"),
        ([1.0, 1.1, 0.9], 0.5, "refuted"),
        ([-1.0, -1.1, -0.9], 0.5, "refuted"),
        ([0.4, 0.6, 0.5], 0.5, "undecided"),
    ],
)
def test_within(values, margin, verdict):
    assert claims.judge(values, within=margin).verdict == verdict


def test_an_interval_holds_the_truth_in_95_of_100_cases():
    generator = torch.Generator().manual_seed(0)
    draws = torch.randn(2000, 5, generator=generator, dtype=torch.float64) + 0.7
    inside = 0
    for row in draws.tolist():
        found = claims.judge(row, more_than=0.0)
        inside += abs(found.effect - 0.7) <= found.uncertainty
    assert 0.935 < inside / 2000 < 0.965


def test_bad_input_is_named():
    with pytest.raises(ValueError, match="more_than, within: expected one of the two"):
        claims.judge([1.0, 2.0])
    with pytest.raises(ValueError, match="more_than, within: expected one of the two"):
        claims.judge([1.0, 2.0], more_than=0, within=1)
    with pytest.raises(ValueError, match="differences: expected at least two, got 1"):
        claims.judge([1.0], more_than=0)
    with pytest.raises(ValueError, match=r"differences\[1\]: expected a finite number"):
        claims.judge([1.0, math.nan], more_than=0)
    with pytest.raises(ValueError, match="within: expected more than 0"):
        claims.judge([1.0, 2.0], within=0.0)


@pytest.mark.parametrize(
    ("several", "verdict"),
    [
        (["held", "held"], "held"),
        (["held", "undecided"], "undecided"),
        (["undecided", "refuted"], "refuted"),
        (["held", "refuted"], "refuted"),
        ([], "undecided"),
    ],
)
def test_a_claim_holds_if_it_held_in_every_trial(several, verdict):
    assert claims.combined(several) == verdict
