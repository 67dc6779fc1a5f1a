"""Simulated time follows from the messages alone, and the messages really arrive."""

import pytest
import torch

from bigmodel_utils.distributed import Clock, Pool, RankError

LATENCY, SECONDS_PER_BYTE = 0.25, 0.5


@pytest.fixture(scope="module")
def pool():
    with Pool(3) as pool:
        yield pool


def test_a_message_arrives_when_it_was_sent_plus_its_way(pool):
    def work():
        from torch import distributed as dist

        rank, clock = dist.get_rank(), Clock(LATENCY, SECONDS_PER_BYTE)
        x = torch.arange(3.0)
        if rank == 0:
            clock.compute(2.0, "forward")
            clock.send(x, 1)
            x.zero_()  # what was sent is a copy
        elif rank == 1:
            clock.receive(x.fill_(-1), 0)
            clock.send(x[:2] * 10, 2)
        else:
            clock.compute(100.0, "long")
            x = clock.receive(torch.empty(2), 1)
        clock.wait()
        return clock.now, clock.bytes_sent, clock.events, x

    first, second, third = pool.run(work)
    assert first[:3] == (2.0, 12, [("forward", 0.0, 2.0)])
    assert second[:3] == (2.0 + LATENCY + 12 * SECONDS_PER_BYTE, 8, [])
    assert third[:3] == (100.0, 0, [("long", 0.0, 100.0)])  # it came long before
    assert second[3].tolist() == [0, 1, 2] and third[3].tolist() == [0, 10]


def test_messages_of_one_process_leave_one_after_another(pool):
    def work():
        from torch import distributed as dist

        rank, clock = dist.get_rank(), Clock(LATENCY, SECONDS_PER_BYTE)
        if rank == 0:
            clock.send(torch.ones(5, dtype=torch.float64), 1)
            clock.send(torch.ones(2, dtype=torch.float64), 2)
        else:
            clock.receive(torch.empty(5 if rank == 1 else 2, dtype=torch.float64), 0)
        clock.wait()
        return clock.now

    assert pool.run(work) == [0.0, 20.25, 28.25]


@pytest.mark.parametrize(
    ("arguments", "error", "text"),
    [
        ((-1.0,), ValueError, "latency: expected at least 0"),
        ((0.0, "fast"), TypeError, "seconds_per_byte: expected a number"),
    ],
)
def test_arguments_are_refused_by_name(arguments, error, text):
    with pytest.raises(error, match=text):
        Clock(*arguments)


def test_a_rank_that_does_not_exist_is_refused(pool):
    with pytest.raises(ValueError, match="seconds: expected at least 0"):
        Clock().compute(-1.0)
    with pytest.raises(RankError, match="dst: expected an integer of at most 2, got 3"):
        pool.run(lambda: Clock().send(torch.ones(1), 3))
    with pytest.raises(RankError, match="x: expected a tensor"):
        pool.run(lambda: Clock().send([1.0], 0))
    with pytest.raises(RankError, match="src: expected an integer of at least 0, got -1"):
        pool.run(lambda: Clock().receive(torch.ones(1), -1))
