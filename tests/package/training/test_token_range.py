"""Integers that a model's embedding has no row for, narrow integer dtypes, and tokens on disk."""

import numpy
import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.data import DataLoader, Dataset, TensorDataset

from bigmodel_utils.data import windows
from bigmodel_utils.models import GPT, MLP
from bigmodel_utils.training import _integers as _integers
from bigmodel_utils.training import evaluate, fit
from bigmodel_utils.training._integers import bounds, outside, under

VOCAB, LENGTH = 7, 8
PLAIN = {"epochs": 2, "batch_size": 5, "device": "cpu", "dtype": torch.float32, "progress": False}
TOKENS = torch.randint(0, VOCAB, (12, LENGTH), generator=torch.Generator().manual_seed(0))
CALL = {
    "tensors": lambda x: (x, TOKENS),
    "dataset": lambda x: TensorDataset(x, TOKENS),
    "loader": lambda x: DataLoader(TensorDataset(x, TOKENS), 5),
}


class Rows(Dataset):
    def __init__(self, x):
        self.x = x

    def __len__(self):
        return len(self.x)

    def __getitem__(self, i):
        return self.x[i], TOKENS[i]


def gpt(seed=0, **options):
    torch.manual_seed(seed)
    options = {"context": LENGTH, "d_model": 8, "num_layers": 1, "num_heads": 2, **options}
    return GPT(VOCAB, **options)


def same(a, b):
    pairs = zip(a.state_dict().values(), b.state_dict().values(), strict=True)
    return all(torch.equal(p, q) for p, q in pairs)


def with_one(value, row=11, column=3):
    x = TOKENS.clone()
    x[row, column] = value
    return x


# Out of range -------------------------------------------------------------------------------------


@pytest.mark.parametrize("positions", ["rotary", "learned"])
@pytest.mark.parametrize("wrap", [*CALL.values(), lambda x: Rows(x)])
@pytest.mark.parametrize(("value", "found"), [(VOCAB, "0 to 7"), (-1, "-1 to 6"), (900, "0 to 90")])
def test_a_token_out_of_range_is_named(wrap, value, found, positions):
    data = wrap(with_one(value))
    words = f"expected integers from 0 to 6, .*embedding has 7 rows, got integers from {found}"
    with pytest.raises(ValueError, match=f"^train: {words}"):
        fit(gpt(positions=positions), data, **PLAIN)
    with pytest.raises(ValueError, match=f"^data: {words}"):
        evaluate(gpt(positions=positions), data)
    with pytest.raises(ValueError, match=f"^test: {words}"):
        fit(gpt(positions=positions), (TOKENS, TOKENS), data, **PLAIN)


def test_tensors_are_told_before_anything_is_trained_whichever_the_batch():
    """And those of the test data, too: not after an epoch."""
    x = TOKENS.repeat(30, 1)
    bad = x.clone()
    bad[-1, 0] = VOCAB
    for train, test, name in [(bad, x, "train"), (x, bad, "test")]:
        model = gpt()
        with pytest.raises(ValueError, match=f"^{name}: expected integers from 0 to 6"):
            fit(model, (train, train % VOCAB), (test, test % VOCAB), **PLAIN)
        assert same(model, gpt())


def test_tensors_are_checked_once(monkeypatch):
    calls = []

    def counted(values, *rest):
        calls.append(tuple(values.shape))
        return bounds(values, *rest)

    monkeypatch.setattr(_integers, "bounds", counted)
    model = gpt(positions="none")
    fit(model, (TOKENS, TOKENS), (TOKENS[:9], TOKENS[:9]), **PLAIN)
    whole, test = tuple(TOKENS.shape), (9, LENGTH)
    assert calls.count(whole) == 2  # x and its labels
    # The test data: labels once; x against train's embedding at the first step and its own once.
    assert calls.count(test) == 3 and len(calls) == 5
    assert not model.embedding._forward_pre_hooks


def test_what_augmentation_makes_of_tokens_is_checked_batch_by_batch():
    calls = 0

    def masked(x, generator):
        nonlocal calls
        calls += 1
        return x if calls < 3 else torch.where(x == x.max(), VOCAB, x)

    with pytest.raises(ValueError, match=r"^train: expected integers from 0 to 6, .*from \d to 7"):
        fit(gpt(), (TOKENS, TOKENS), augment=masked, **PLAIN)
    assert calls == 3


class Shifted(nn.Module):
    """Makes its own indices."""

    def __init__(self, shift):
        super().__init__()
        torch.manual_seed(1)
        self.table, self.head, self.shift = nn.Embedding(VOCAB, 4), nn.Linear(4, VOCAB), shift

    def forward(self, x):
        return self.head(self.table(x + self.shift))


class Functional(Shifted):
    def forward(self, x):
        return self.head(F.embedding(x, self.table.weight))


class Hashing(nn.Embedding):
    def forward(self, x):
        return super().forward(x % self.num_embeddings)


class Packed(nn.Module):
    def __init__(self):
        super().__init__()
        torch.manual_seed(1)
        self.table, self.head = nn.Embedding(VOCAB, 4), nn.Linear(4, VOCAB)

    def forward(self, x, lengths):
        return self.head(self.table(input=x))


def test_indices_that_the_model_makes_are_named_too():
    with pytest.raises(ValueError, match=r"^train: expected integers from 0 to 6, as the model's "
                       "embedding table has 7 rows, got integers from 1 to 7"):  # fmt: skip
        fit(Shifted(1), (TOKENS, TOKENS), **PLAIN)
    for wrap in CALL.values():  # x itself may be out of range
        fit(Shifted(1), wrap(TOKENS - 1), wrap(TOKENS - 1), **PLAIN)

    # Later in the run: torch's error, in words.
    order = torch.randperm(12, generator=torch.Generator().manual_seed(0))
    late = with_one(VOCAB, row=int(order[-1]))
    words = r"^train: the model asked an embedding .*from -?\d to 6, table has 7 rows"
    with pytest.raises(ValueError, match=words) as error:
        fit(Shifted(1), (late - 1, TOKENS), **{**PLAIN, "batch_size": 11})
    assert isinstance(error.value.__cause__, IndexError)
    with pytest.raises(ValueError, match=r"^train: the model asked an embedding .*from 0 to 7, ta"):
        fit(Functional(0), (with_one(VOCAB), TOKENS), **PLAIN)


def test_an_embedding_that_hashes_takes_any_integer():
    model = nn.Sequential(Hashing(VOCAB, 4), nn.Linear(4, VOCAB))
    fit(model, (TOKENS + 1000, TOKENS), **PLAIN)


def test_padding_that_no_batch_holds_may_be_anything():
    lengths = torch.full((12,), LENGTH - 2)
    x = TOKENS.clone()
    x[:, LENGTH - 2 :] = -1
    fit(Packed(), (x, lengths, TOKENS), **PLAIN)
    lengths[4] = LENGTH
    with pytest.raises(ValueError, match=r"^train: expected integers from 0 to 6, .*from -1 to"):
        fit(Packed(), (x, lengths, TOKENS), **PLAIN)


def test_what_goes_wrong_in_the_model_is_told_with_the_data():
    x = torch.randn(12, 4)
    with pytest.raises(RuntimeError, match="cannot be multiplied") as error:
        fit(MLP([6, 5, 3]), (x, torch.arange(12) % 3), **PLAIN)
    assert error.value.__notes__ == [
        "train: the model was called with x, a float32 tensor of shape (5, 4)"
    ]
    with pytest.raises(RuntimeError, match="same dtype") as error:
        evaluate(MLP([4, 3]), (x.long(), torch.arange(12) % 3))
    assert error.value.__notes__[0].startswith("data: the model was called with x, an int64 tensor")


def test_a_compiled_model_is_left_without_hooks(monkeypatch):
    """They would be compiled in. Compilation itself is not needed here."""
    model = Shifted(0)
    monkeypatch.setattr(model.table, "_compiled_call_impl", model.table._call_impl)
    monkeypatch.setattr(
        nn.Module, "register_forward_pre_hook", lambda *_, **__: pytest.fail("hooked")
    )
    fit(model, (TOKENS, TOKENS), **PLAIN)
    with pytest.raises(ValueError, match=r"^train: the model asked an embedding .*from \d to 7"):
        fit(model, (with_one(VOCAB), TOKENS), **{**PLAIN, "batch_size": 12})


# Bounds -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("at_once", [1, 5, 2**22])
def test_bounds_are_those_of_the_entries_that_count(monkeypatch, at_once):
    monkeypatch.setattr(_integers, "_AT_ONCE", at_once)
    values = torch.tensor([[3, -100, 5], [4, 4, -100], [-100, -100, -100], [7, 2, -100]])
    assert bounds(values) == (-100, 7) and bounds(values, -100) == (2, 7)
    assert bounds(values[2:3], -100) is None and bounds(values[:0]) is None
    assert outside(values, 8, -100) is None and outside(values, 7, -100) == (2, 7)
    assert outside(values, 8) == (-100, 7)
    for dtype in (torch.uint8, torch.int16, torch.uint16, torch.uint32, torch.uint64):
        assert bounds(torch.tensor([5, 9, 2]).to(dtype)) == (2, 9)


def test_overlapping_windows_are_judged_by_the_row_under_them():
    row = torch.arange(1000) % 50
    x, _ = windows(row, 100, stride=1)
    assert under(x).shape == (999,) and under(row) is row
    assert outside(x, 50) is None and outside(x, 49) == (0, 49)
    gaps, _ = windows(torch.tensor([1, 2, 90, 3, 4, 91, 5, 6, 92, 0]), 2, stride=3)
    assert gaps.tolist() == [[1, 2], [3, 4], [5, 6]]
    assert outside(gaps, 7) is None  # what lies between windows is no matter
    both, _ = windows(torch.tensor([1, 2, 3, 90]), 2, stride=1)
    assert both.shape == (2, 2) and outside(both, 4) is None
    row = torch.tensor([1, 90] * 20)
    odd = windows(row, 6, stride=2)[0][:, ::2]  # overlapping, and never at 90
    assert under(odd).numel() < odd.numel() and under(odd).max() == 90
    assert outside(odd, 2) is None and outside(odd, 1) == (1, 1)
    assert under(torch.ones(3, 1).long().expand(3, 9)).numel() == 3


# Narrow dtypes ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "dtype",
    [torch.uint8, torch.int8, torch.int16, torch.int32, torch.uint16, torch.uint32, torch.uint64],
)
@pytest.mark.parametrize("wrap", [lambda *t: t, lambda *t: DataLoader(TensorDataset(*t), 5)])
def test_tokens_of_every_integer_dtype_train_alike(dtype, wrap):
    expected, model = gpt(), gpt()
    long = wrap(TOKENS, TOKENS.flip(0))
    narrow = wrap(TOKENS.to(dtype), TOKENS.flip(0).to(dtype))
    assert fit(expected, long, long, **PLAIN) == fit(model, narrow, narrow, **PLAIN)
    assert same(expected, model)
    result = evaluate(model, narrow)
    assert torch.equal(result.predictions, evaluate(model, long).predictions)


def test_labels_of_every_integer_dtype():
    x, y = torch.randn(12, 6), torch.arange(12) % 3
    results = []
    for dtype in (torch.int64, torch.uint8, torch.uint16, torch.int8, torch.uint64):
        torch.manual_seed(0)
        results.append(fit(MLP([6, 5, 3]), (x, y.to(dtype)), (x, y.to(dtype)), **PLAIN))
    assert all(result == results[0] for result in results)


def test_booleans_and_wide_integers_reach_the_model_as_they_are():
    class Seeing(nn.Linear):
        def forward(self, x):
            seen.add(x.dtype)
            return super().forward(x.float())

    seen, y = set(), torch.arange(12) % 3
    for dtype in (torch.bool, torch.int64, torch.int32):
        fit(Seeing(LENGTH, 3), (TOKENS.to(dtype), y), **PLAIN)
    assert seen == {torch.bool, torch.int64, torch.int32}
    seen.clear()
    fit(Seeing(LENGTH, 3), (TOKENS.double(), y), **PLAIN)
    assert seen == {torch.float32}


def test_data_with_a_history_of_their_own_are_cut_from_it():
    layer = nn.Linear(4, 6)
    features = layer(torch.randn(12, 4))
    fit(MLP([6, 5, 3]), (features, torch.arange(12) % 3), **PLAIN)
    assert layer.weight.grad is None


# Tokens on disk -----------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", ["uint16", "int32", "int64", ">u2"])
def test_a_memory_map_trains_as_its_tokens_do(tmp_path, dtype, recwarn):
    row = torch.arange(300) * 3 % VOCAB
    row.numpy().astype(dtype).tofile(tmp_path / "tokens.bin")
    tokens = numpy.memmap(tmp_path / "tokens.bin", dtype=dtype, mode="r")
    rows, expected = windows(tokens, LENGTH, stride=5), windows(row, LENGTH, stride=5)
    first, second = gpt(), gpt()
    options = {**PLAIN, "optimizer": "muon", "lr": 0.02}
    assert fit(first, rows, rows, **options) == fit(second, expected, expected, **options)
    assert same(first, second)
    assert not [w for w in recwarn if "writable" in str(w.message)]


def test_a_memory_map_out_of_range_is_named_and_goes_on_only_with_its_own_tokens(tmp_path):
    row = (torch.arange(300) * 3 % VOCAB).numpy().astype("uint16")
    path = tmp_path / "run.pt"
    fit(gpt(), windows(row, LENGTH), checkpoint=path, **PLAIN)
    other = row.copy()
    other[:LENGTH] = 1
    with pytest.raises(ValueError, match="train: checksum of x"):
        fit(gpt(), windows(other, LENGTH), checkpoint=path, **PLAIN)
    other[130] = 65_535
    with pytest.raises(ValueError, match=r"^train: expected integers .*from 0 to 65535"):
        fit(gpt(), (windows(other, LENGTH)[0], windows(row, LENGTH)[1]), **PLAIN)
    with pytest.raises(ValueError, match=r"^train: expected labels from 0 to 6.*from 0 to 65535"):
        fit(gpt(), (windows(row, LENGTH)[0], windows(other, LENGTH)[1]), **PLAIN)
