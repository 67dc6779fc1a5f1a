"""Greedy writing with drafts: the same tokens as `generate`, whatever the drafts are."""

import pytest
import torch

from bigmodel_utils.models import GPT, generate
from bigmodel_utils.speculation import generate_greedily, lookup_draft, replay


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(3)
    sizes = dict(context=60, d_model=12, num_layers=2, num_heads=2, positions="rotary")
    return GPT(7, **sizes).double().eval()


def always(tokens):
    return [1, 2, 3, 4]


@pytest.mark.parametrize("new", [0, 1, 2, 25])
@pytest.mark.parametrize("length", [1, 6])
def test_tokens_are_those_without_drafts(model, new, length):
    prompt = [3, 1, 4, 1, 5, 2][:length]
    expected = generate(model, torch.tensor([prompt]), new, temperature=0)[0].tolist()
    oracle = dict(enumerate(expected))

    def perfect(tokens):
        return [oracle[i] for i in range(len(tokens), len(expected))][:5]

    def half(tokens):
        return [(t + (i == 2)) % 7 for i, t in enumerate(perfect(tokens))]

    drafts = (lambda t: []), always, perfect, half, lambda t: lookup_draft(t, 6)
    counts = []
    for draft in drafts:
        found, passes = generate_greedily(model, prompt, new, draft)
        assert found == expected
        assert passes == replay(expected, length, draft)
        counts.append(passes)
    assert counts[0] == new and counts[2] == -(-new // 6)
    assert all(count <= new for count in counts)


def test_a_cache_that_is_not_cut_back_would_be_noticed(model, monkeypatch):
    from bigmodel_utils.models import KVCache

    prompt = [3, 1, 4, 1, 5, 2]
    expected = generate(model, torch.tensor([prompt]), 20, temperature=0)[0].tolist()
    setter = KVCache.length.fset
    keep = property(KVCache.length.fget, lambda self, value: setter(self, value) if False else None)
    monkeypatch.setattr(KVCache, "length", keep)
    with pytest.raises(Exception):  # noqa: B017 - tokens that were read are read again, or none are
        assert generate_greedily(model, prompt, 20, always)[0] == expected


def test_lookup_by_hand():
    text = [1, 2, 3, 9, 1, 2, 3, 8, 7, 1, 2, 3]
    assert lookup_draft(text, 3) == [8, 7, 1]  # the last earlier place
    assert lookup_draft(text, 20) == [8, 7, 1, 2, 3]
    assert lookup_draft(text, 0) == []
    assert lookup_draft([5, 5], 4) == [5]
    assert lookup_draft([1, 2, 4, 1, 3, 1], 2) == [3, 1]  # one token alone
    assert lookup_draft([1, 2, 9, 3, 2, 8, 1, 2], 1) == [9]  # two tokens before one
    assert lookup_draft([1, 2, 9, 3, 2, 8, 1, 2], 1, longest=1) == [8]
    assert lookup_draft([1, 2, 3], 4) == [] == lookup_draft([1], 4) == lookup_draft([], 4)


def test_replay_counts_passes():
    assert replay([1, 2, 3, 4], 1, lambda t: []) == 3
    assert replay([1, 1, 1, 1, 1, 1], 2, lambda t: lookup_draft(t, 2)) == 2
    assert replay([1, 2], 2, always) == 0


def test_wrong_arguments_are_named(model):
    for call, kind, message in (
        (lambda: generate_greedily(3, [1], 2, always), TypeError, "model: "),
        (lambda: generate_greedily(model, [], 2, always), ValueError, "prompt: "),
        (lambda: generate_greedily(model, [1], -2, always), ValueError, "max_new_tokens: "),
        (lambda: generate_greedily(model, [1], 60, always), ValueError, "max_new_tokens: .*60"),
        (lambda: lookup_draft([1], -1), ValueError, "k: "),
        (lambda: lookup_draft([1], 1, longest=0), ValueError, "longest: "),
        (lambda: replay([1], 2, always), ValueError, "start: "),
        (lambda: replay([1], 0, always), ValueError, "start: "),
    ):
        with pytest.raises(kind, match=message):
            call()
