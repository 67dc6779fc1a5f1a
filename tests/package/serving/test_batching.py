"""When requests begin: against a simulation that walks from event to event."""

import pytest

from bigmodel_utils.serving import continuous_starts, requests, static_starts


def by_events(arrivals, lengths, slots, *, static):
    """Starts, found by walking through all times at which anything may happen."""
    starts, ends, now = [None] * len(arrivals), [], 0.0
    while None in starts:
        running = [end for end in ends if end > now]
        waiting = [i for i, at in enumerate(arrivals) if starts[i] is None and at <= now]
        room = slots - len(running) if not (static and running) else 0
        for i in waiting[:room]:
            starts[i] = now
            ends.append(now + lengths[i])
        later = [t for t in [*ends, *arrivals] if t > now]
        now = min(later, default=now)
    return starts


@pytest.mark.parametrize("slots", [1, 2, 5])
@pytest.mark.parametrize("rate", [0.05, 0.4, 5.0])
def test_starts_are_those_of_a_walk_through_the_events(slots, rate):
    arrivals, lengths = requests(rate, 9, 60, seed=7)
    for ways, static in ((static_starts, True), (continuous_starts, False)):
        got = ways(arrivals, lengths, slots)
        assert got == pytest.approx(by_events(arrivals, lengths, slots, static=static), abs=1e-9)


def test_all_at_once_and_of_one_length_both_are_the_same():
    for slots in (1, 3, 4):
        given = [0.0] * 12, [5] * 12, slots
        assert static_starts(*given) == continuous_starts(*given)


def test_continuous_is_at_most_the_later_for_one_slot():
    arrivals, lengths = requests(0.1, 8, 300, seed=3)
    assert continuous_starts(arrivals, lengths, 1) == static_starts(arrivals, lengths, 1)


def test_requests_have_the_rate_and_the_lengths_asked_for():
    arrivals, lengths = requests(0.25, 20, 40_000)
    assert arrivals == sorted(arrivals)
    assert len(arrivals) / arrivals[-1] == pytest.approx(0.25, rel=0.02)
    assert sum(lengths) / len(lengths) == pytest.approx(20.5, rel=0.02)
    assert set(requests(0.25, 20, 50, lengths="equal")[1]) == {20}
    assert requests(0.25, 20, 50) == requests(0.25, 20, 50) != requests(0.25, 20, 50, seed=2)


def test_wrong_arguments_are_named():
    for options, name in [
        (dict(rate=0), "rate"), (dict(mean_length=0), "mean_length"), (dict(count=0), "count"),
        (dict(lengths="long"), "lengths"), (dict(seed=0), "seed"),
    ]:  # fmt: skip
        with pytest.raises(ValueError, match=f"^{name}: "):
            requests(**dict(rate=1.0, mean_length=2, count=3) | options)
    for way in (static_starts, continuous_starts):
        for given, name in [
            (([0.0], [1], 0), "slots"), (([0.0], [1, 2], 1), "lengths"),
            (([1.0, 0.0], [1, 2], 1), "arrivals"), (([0.0], [0], 1), "lengths"),
        ]:  # fmt: skip
            with pytest.raises(ValueError, match=f"^{name}: "):
                way(*given)


def test_static_gives_no_place_to_whoever_comes_while_a_batch_runs():
    starts = static_starts([0.0, 1.0, 2.0, 11.0], [10, 3, 4, 1], 4)
    assert starts == [0.0, 10.0, 10.0, 14.0]
