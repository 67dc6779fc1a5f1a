"""Seeds, threads, the number format and the stopwatch."""

import os
import random
import subprocess
import sys
import time

import numpy
import pytest
import torch

from bigmodel_utils import device


@pytest.fixture(autouse=True)
def restored(monkeypatch):
    """Put back the number of threads and the generators, which other tests share."""
    threads, state = torch.get_num_threads(), torch.get_rng_state()
    python, arrays = random.getstate(), numpy.random.get_state()  # noqa: NPY002
    yield
    torch.set_num_threads(threads)
    torch.set_rng_state(state)
    random.setstate(python)
    numpy.random.set_state(arrays)  # noqa: NPY002


def draws():
    return random.random(), numpy.random.rand(), torch.rand(()).item()  # noqa: NPY002


def test_equal_seeds_give_equal_numbers_in_every_library():
    device.setup(3)
    first = draws()
    device.setup(3)
    assert draws() == first
    device.setup(4)
    assert not set(draws()) & set(first)


def test_seed_is_zero_by_default():
    device.setup()
    first = draws()
    device.setup(0)
    assert draws() == first


@pytest.mark.parametrize("seed", [0, 2**32 - 1, numpy.int64(7)])
def test_seeds_of_the_whole_range(seed):
    device.setup(seed)


@pytest.mark.parametrize(
    ("seed", "error"),
    [(-1, ValueError), (2**32, ValueError), (1.0, TypeError), (True, TypeError), (None, TypeError)],
)
def test_bad_seeds_change_nothing(seed, error):
    device.setup(5, threads=1)
    expected = draws()
    device.setup(5, threads=1)
    with pytest.raises(error, match=r"^seed: "):
        device.setup(seed, threads=2)
    assert draws() == expected
    assert torch.get_num_threads() == 1


def test_threads_as_asked():
    for threads in (2, 1):
        device.setup(threads=threads)
        assert torch.get_num_threads() == threads


@pytest.mark.parametrize(
    ("threads", "error"), [(0, ValueError), (-2, ValueError), (1.5, TypeError), (True, TypeError)]
)
def test_bad_threads_are_named(threads, error):
    with pytest.raises(error, match=r"^threads: "):
        device.setup(threads=threads)


def test_environment_sets_the_threads_up_to_the_cores(monkeypatch):
    monkeypatch.setattr(os, "cpu_count", lambda: 3)
    for wished, got in (("1", 1), ("2", 2), ("64", 3)):
        monkeypatch.setenv("BIGMODEL_THREADS", wished)
        device.setup()
        assert torch.get_num_threads() == got
    device.setup(threads=1)  # the argument wins
    assert torch.get_num_threads() == 1


@pytest.mark.parametrize(("cores", "threads"), [(8, 2), (1, 1), (None, 1)])
def test_two_threads_where_there_are_two_cores(monkeypatch, cores, threads):
    monkeypatch.delenv("BIGMODEL_THREADS", raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: cores)
    device.setup()
    assert torch.get_num_threads() == threads


@pytest.mark.parametrize("wished", ["0", "-1", "two", "", "1.5", " 2", "²"])
def test_bad_environment_is_named(monkeypatch, wished):
    monkeypatch.setenv("BIGMODEL_THREADS", wished)
    with pytest.raises(ValueError, match=r"^BIGMODEL_THREADS: expected a positive integer"):
        device.setup()


def test_waiting_policy_is_set_before_torch_is_loaded_and_never_overwritten():
    code = (
        "import os, sys; from bigmodel_utils.device import setup;"
        "assert 'torch' not in sys.modules; setup();"
        "print(os.environ['OMP_WAIT_POLICY'], os.environ['GOMP_SPINCOUNT'])"
    )
    env = {k: v for k, v in os.environ.items() if k not in ("OMP_WAIT_POLICY", "GOMP_SPINCOUNT")}
    for before, expected in (({}, "PASSIVE 0"), ({"OMP_WAIT_POLICY": "ACTIVE"}, "ACTIVE 0")):
        done = subprocess.run(
            [sys.executable, "-c", code], env=env | before, capture_output=True, text=True
        )
        assert done.stdout.strip() == expected, done.stderr


@pytest.mark.parametrize(
    ("cuda", "mps", "expected"),
    [(True, True, "cuda"), (True, False, "cuda"), (False, True, "mps"), (False, False, "cpu")],
)
def test_the_fastest_device_at_hand(monkeypatch, cuda, mps, expected):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: cuda)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: mps)
    assert device.choose_device() == torch.device(expected)
    monkeypatch.setattr(torch, "manual_seed", lambda seed: None)  # no GPU to seed
    assert device.setup() == torch.device(expected)


PROBES = ("_is_avx512_bf16_supported", "_is_amx_tile_supported")


@pytest.mark.parametrize("answers", [(True, False), (False, True), (False, False)])
def test_number_format_of_a_cpu_follows_its_units(monkeypatch, answers):
    for name, answer in zip(PROBES, answers, strict=True):
        monkeypatch.setattr(torch.cpu, name, lambda answer=answer: answer, raising=False)
    expected = torch.bfloat16 if any(answers) else torch.float32
    assert device.number_format("cpu") == expected
    assert device.number_format(torch.device("cpu")) == expected


def test_number_format_falls_back_where_torch_does_not_tell(monkeypatch):
    for name in PROBES:
        monkeypatch.delattr(torch.cpu, name, raising=False)
    assert device.number_format("cpu") == torch.float32


@pytest.mark.parametrize("native", [True, False])
def test_number_format_of_a_gpu_counts_no_emulation(monkeypatch, native):
    monkeypatch.setattr(
        torch.cuda,
        "is_bf16_supported",
        lambda including_emulation=True: including_emulation or native,
    )
    assert device.number_format("cuda") == (torch.bfloat16 if native else torch.float32)
    assert device.number_format("mps") == torch.float32


def test_number_format_follows_the_environment(monkeypatch):
    for answer, expected in (("1", torch.bfloat16), ("0", torch.float32)):
        for name in PROBES:
            monkeypatch.setattr(torch.cpu, name, lambda a=answer: a == "0", raising=False)
        monkeypatch.setenv("BIGMODEL_BFLOAT16", answer)
        assert device.number_format("cpu") == expected
    monkeypatch.setenv("BIGMODEL_BFLOAT16", "no")
    with pytest.raises(ValueError, match=r"^BIGMODEL_BFLOAT16: expected 0 or 1, got 'no'"):
        device.number_format("cpu")


@pytest.mark.parametrize(("value", "error"), [("gpu", ValueError), (None, TypeError)])
def test_bad_devices_are_named(value, error):
    with pytest.raises(error, match=r"^device: "):
        device.number_format(value)


def test_stopwatch_tells_waiting_from_work():
    with device.Stopwatch() as waited:
        time.sleep(0.1)
    assert waited.seconds >= 0.1
    assert waited.cpu_seconds < 0.05
    with device.Stopwatch("cpu") as worked:
        end = time.process_time() + 0.1
        while time.process_time() < end:
            pass
    assert worked.cpu_seconds >= 0.1


def test_stopwatch_has_no_time_before_its_end_and_lets_errors_pass():
    watch = device.Stopwatch()
    assert watch.seconds != watch.seconds and watch.cpu_seconds != watch.cpu_seconds  # NaN
    with pytest.raises(ZeroDivisionError), watch:
        1 / 0  # noqa: B018
    assert 0 <= watch.seconds < 60


def test_stopwatch_waits_for_the_device_at_both_ends(monkeypatch):
    calls = []
    monkeypatch.setattr(torch.cuda, "synchronize", lambda which: calls.append(str(which)))
    with device.Stopwatch("cuda:0"):
        assert calls == ["cuda:0"]
    assert calls == ["cuda:0", "cuda:0"]
    device.synchronize("cpu")
    assert len(calls) == 2


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU")
def test_stopwatch_counts_the_queue_of_a_gpu():
    x = torch.randn(4096, 4096, device="cuda")
    x @ x
    with device.Stopwatch("cuda") as watch:
        for _ in range(50):
            x @ x
    start = time.perf_counter()
    torch.cuda.synchronize()
    assert watch.seconds > 10 * (time.perf_counter() - start)
