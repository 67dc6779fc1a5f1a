"""Sampling from logits, and writing with and without a cache."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from bigmodel_utils.models import GPT, generate, next_token_probabilities
from bigmodel_utils.models import _generation as generation

CHECKED = settings(deadline=None, derandomize=True, max_examples=150)
VOCAB = 11
NAN, INF = math.nan, math.inf


# next_token_probabilities -------------------------------------------------------------------------


def by_hand(logits, temperature, top_k, top_p):
    """One row, in plain Python: sort, cut, cut, scale."""
    if temperature == 0:
        kept = {logits.index(max(logits)): 1.0}
        return [kept.get(i, 0.0) for i in range(len(logits))]
    best = max(logits)
    odds = [math.exp((x - best) / temperature) for x in logits]
    order = sorted(range(len(odds)), key=lambda i: (-odds[i], i))[:top_k]
    if top_p is not None:
        total, mass, kept = sum(odds[i] for i in order), 0.0, []
        for i in order:
            if mass / total >= top_p and top_p < 1:
                break
            kept.append(i)
            mass += odds[i]
        order = kept
    total = sum(odds[i] for i in order)
    return [odds[i] / total if i in order else 0.0 for i in range(len(odds))]


@given(
    logits=st.lists(st.floats(-8, 8) | st.sampled_from([0.0, 1.0, -math.inf]), min_size=1,
                    max_size=9).filter(lambda row: max(row) > -math.inf),
    temperature=st.sampled_from([0, 0.0, 0.3, 1, 1.0, 2.5]),
    top_k=st.none() | st.integers(1, 12),
    top_p=st.none() | st.sampled_from([1e-9, 0.21, 0.5, 0.77, 0.999, 1, 1.0]),
)  # fmt: skip
@CHECKED
def test_probabilities_are_those_worked_out_by_hand(logits, temperature, top_k, top_p):
    row = torch.tensor(logits, dtype=torch.float64)
    options = {"temperature": temperature, "top_k": top_k, "top_p": top_p}
    got = next_token_probabilities(row, **options)
    assert got.tolist() == pytest.approx(by_hand(logits, **options), abs=1e-12)
    assert got.dtype == torch.float64
    batch = torch.stack([row, row.flip(0)]).reshape(2, 1, -1)
    rows = next_token_probabilities(batch, **options)
    assert rows.shape == batch.shape and torch.equal(rows[0, 0], got)


def test_the_plain_distribution_is_a_softmax():
    logits = torch.randn(3, 4, VOCAB)
    torch.testing.assert_close(next_token_probabilities(logits), logits.softmax(-1))
    warm = next_token_probabilities(logits, temperature=2.0)
    torch.testing.assert_close(warm, (logits / 2).softmax(-1))


@pytest.mark.parametrize("temperature", [1e-300, 1e-45, 1e-6, 1e6, 1e300])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_extreme_temperatures_overflow_nowhere(temperature, dtype):
    logits = torch.tensor([[-300.0, 400.0, 200.0, 400.0]], dtype=dtype)
    [row] = next_token_probabilities(logits, temperature=temperature).tolist()
    cold = temperature < 1
    assert row == pytest.approx([0, 0.5, 0, 0.5] if cold else [0.25] * 4, abs=1e-3)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16])
@pytest.mark.parametrize("temperature", [1e-320, 5e-324, 1e-39, 1e39, 1e300, 1.7e308, 10**300])
def test_a_forbidden_token_stays_forbidden(temperature, dtype):
    """Beyond a dtype's range the temperature would be 0 or infinite: -inf / inf is no number."""
    logits = torch.tensor([[-INF, 1.0, 3.0, 2.0]], dtype=dtype)
    [row] = next_token_probabilities(logits, temperature=temperature).tolist()
    assert row == pytest.approx([0, 0, 1, 0] if temperature < 1 else [0] + 3 * [1 / 3], abs=1e-6)
    [row] = next_token_probabilities(logits, temperature=temperature, top_k=10**400).tolist()
    assert math.fsum(row) == pytest.approx(1) and row[0] == 0


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16, torch.float16])
@pytest.mark.parametrize("top_p", [5e-324, 1e-320, 1e-300, 1e-46, 1e-40, 1e-9])
@pytest.mark.parametrize("more", [{}, {"top_k": 3}, {"temperature": 1e-320}])
def test_the_smallest_top_p_leaves_the_most_likely_token(top_p, dtype, more):
    logits = torch.tensor([[0.0, 1.0, 3.0, 2.0], [2.0, 2.0, 1.0, -INF]], dtype=dtype)
    got = next_token_probabilities(logits, top_p=top_p, **more)
    assert got.tolist() == [[0, 0, 1, 0], [1, 0, 0, 0]]


def test_temperature_zero_is_the_first_of_the_most_likely_tokens():
    logits = torch.tensor([[1.0, 3.0, 3.0], [2.0, 2.0, 2.0]])
    for more in ({}, {"top_k": 2}, {"top_p": 0.1}):
        got = next_token_probabilities(logits, temperature=0, **more)
        assert got.tolist() == [[0, 1, 0], [1, 0, 0]]


def test_exactly_k_tokens_stay_and_ties_go_to_the_smaller_number():
    logits = torch.tensor([0.0, 1.0, 1.0, 1.0, -1.0])
    assert next_token_probabilities(logits, top_k=2).tolist() == [0, 0.5, 0.5, 0, 0]
    assert next_token_probabilities(logits, top_k=1).tolist() == [0, 1, 0, 0, 0]
    equal = torch.zeros(1000)
    kept = next_token_probabilities(equal, top_k=7).nonzero().flatten()
    assert kept.tolist() == list(range(7))
    kept = next_token_probabilities(equal.double(), top_p=0.0205).nonzero().flatten()
    assert kept.tolist() == list(range(21))


@pytest.mark.parametrize("top_k", [5, 6, 1000, 10**30])
def test_k_above_the_vocabulary_keeps_all(top_k):
    logits = torch.randn(5)
    assert torch.equal(next_token_probabilities(logits, top_k=top_k), logits.softmax(-1))


def test_top_p_keeps_the_fewest_that_reach_it():
    logits = torch.tensor([0.125, 0.5, 0.25, 0.125], dtype=torch.float64).log()
    for top_p, kept in [(1e-9, [1]), (0.4, [1]), (0.6, [1, 2]), (0.74, [1, 2]), (0.76, [0, 1, 2]),
                        (0.99, [0, 1, 2, 3])]:  # fmt: skip
        got = next_token_probabilities(logits, top_p=top_p)
        assert got.nonzero().flatten().tolist() == kept
        assert got.sum().item() == pytest.approx(1)
    # A half is reached by the first token alone, to the last digit.
    assert next_token_probabilities(torch.zeros(2), top_p=0.5).tolist() == [1, 0]


def test_top_p_of_one_drops_no_tail_by_rounding():
    logits = torch.cat([torch.full((5,), 20.0), torch.full((50_000,), -9.0)])
    assert torch.equal(next_token_probabilities(logits, top_p=1), logits.softmax(-1))
    assert (next_token_probabilities(logits, top_p=1, top_k=49_000) > 0).sum() == 49_000


def test_top_p_is_of_what_top_k_left():
    logits = torch.tensor([0.4, 0.3, 0.2, 0.1], dtype=torch.float64).log()
    # Of 0.4 and 0.3 the first holds 0.57.
    assert next_token_probabilities(logits, top_k=2, top_p=0.55).tolist() == [1, 0, 0, 0]


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_comes_back_in_single(dtype):
    logits = torch.randn(2, VOCAB).to(dtype)
    got = next_token_probabilities(logits, top_k=4, top_p=0.9)
    assert got.dtype == torch.float32
    assert torch.equal(got, next_token_probabilities(logits.float(), top_k=4, top_p=0.9))


def test_the_logits_are_left_alone():
    logits = torch.randn(2, VOCAB)
    before = logits.clone()
    next_token_probabilities(logits, temperature=0.5, top_k=3, top_p=0.5)
    assert torch.equal(logits, before)


@pytest.mark.parametrize(
    ("logits", "options", "error", "words"),
    [
        ([0.0, 1.0], {}, TypeError, "logits: expected a tensor"),
        (torch.tensor([1, 2]), {}, TypeError, "logits: expected a floating-point tensor"),
        (torch.tensor(1.0), {}, ValueError, r"logits: expected shape \(\.\.\., vocab_size\)"),
        (torch.ones(2, 0), {}, ValueError, r"logits: expected no empty axis, got shape \(2, 0\)"),
        (torch.tensor([[0, 1], [NAN, 1]]), {}, ValueError, "logits: expected finite .* one of nan"),
        (torch.tensor([0, INF]), {}, ValueError, "logits: expected finite .* one of inf"),
        (torch.tensor([-INF, -INF]), {}, ValueError, "logits: expected finite .* one of -inf"),
        (torch.ones(2), {"temperature": -0.1}, ValueError, "temperature: expected at least 0"),
        (torch.ones(2), {"temperature": NAN}, ValueError, "temperature: expected a finite number"),
        (torch.ones(2), {"temperature": INF}, ValueError, "temperature: expected a finite number"),
        (torch.ones(2), {"temperature": "1"}, TypeError, "temperature: expected a number"),
        (torch.ones(2), {"temperature": None}, TypeError, "temperature: expected a number"),
        (torch.ones(2), {"top_k": 0}, ValueError, "top_k: expected an integer of at least 1"),
        (torch.ones(2), {"top_k": 2.0}, TypeError, "top_k: expected an integer"),
        (torch.ones(2), {"top_p": 0}, ValueError, "top_p: expected more than 0"),
        (torch.ones(2), {"top_p": 1.01}, ValueError, "top_p: expected at most 1"),
        (torch.ones(2), {"top_p": NAN}, ValueError, "top_p: expected a finite number"),
    ],
)
def test_bad_settings_are_named(logits, options, error, words):
    with pytest.raises(error, match=words):
        next_token_probabilities(logits, **options)
    if options:
        with pytest.raises(error, match=words):
            generate(gpt(), torch.ones(1, 2).long(), 0, **options)


# generate -----------------------------------------------------------------------------------------


def gpt(seed=0, **options):
    """A small model whose outputs are random from the start: no projection is zero."""
    torch.manual_seed(seed)
    sizes = {"context": 8, "d_model": 16, "num_layers": 2, "num_heads": 4, **options}
    model = GPT(VOCAB, **sizes).double()
    for p in model.parameters():
        nn.init.normal_(p, std=0.4)
    return model


def prompt(b, t, seed=1):
    return torch.randint(0, VOCAB, (b, t), generator=torch.Generator().manual_seed(seed))


@pytest.fixture
def seen(monkeypatch):
    """The logits that each step sampled from."""
    rows, real = [], next_token_probabilities

    def watched(logits, **options):
        rows.append(logits.clone())
        return real(logits, **options)

    monkeypatch.setattr(generation, "next_token_probabilities", watched)
    return rows


@pytest.mark.parametrize("positions", ["rotary", "learned", "sinusoidal", "none"])
@pytest.mark.parametrize("num_kv_heads", [4, 2, 1])
@pytest.mark.parametrize(("b", "t"), [(1, 1), (3, 5), (2, 8), (2, 13)])
def test_the_cache_is_an_exact_rewrite(seen, positions, num_kv_heads, b, t):
    """Across the edge of the context several times; the logits, not the tokens alone."""
    model = gpt(positions=positions, num_kv_heads=num_kv_heads)
    start = prompt(b, t)
    with_cache = generate(model, start, 21, seed=4)
    cached, seen[:] = list(seen), []
    without = generate(model, start, 21, seed=4, use_cache=False)
    assert torch.equal(with_cache, without)
    assert len(cached) == len(seen) == 21
    for got, expected in zip(cached, seen, strict=True):
        torch.testing.assert_close(got, expected, rtol=1e-10, atol=1e-10)


def windows_read(tokens, t, context):
    """The window before each new token: grow, and restart at the last half when full."""
    start = max(0, t - context)
    for length in range(t, tokens.shape[1]):
        if length - start > context:
            start = length - max(1, context // 2)
        yield tokens[:, start:length], tokens[:, length]


@pytest.mark.parametrize("use_cache", [True, False])
@pytest.mark.parametrize("context", [1, 2, 7, 8])
@pytest.mark.parametrize("t", [1, 6, 8, 9, 20])
def test_greedy_tokens_are_the_model_s_own_choice(use_cache, context, t):
    model = gpt(context=context)
    start = prompt(2, t)
    tokens = generate(model, start, 15, temperature=0, use_cache=use_cache)
    assert tokens.shape == (2, t + 15) and torch.equal(tokens[:, :t], start)
    for window, chosen in windows_read(tokens, t, context):
        assert 1 <= window.shape[1] <= context
        with torch.no_grad():
            assert torch.equal(model(window)[:, -1].argmax(-1), chosen)


def test_the_cache_reads_each_token_once_but_for_restarts():
    model, sizes = gpt(), []
    model.embedding.register_forward_hook(lambda m, args, out: sizes.append(args[0].shape[1]))
    generate(model, prompt(1, 5), 10)
    # The window of 8 fills after 3 more; then it restarts with its last 4, twice.
    assert sizes == [5, 1, 1, 1, 4, 1, 1, 1, 1, 4]
    sizes.clear()
    generate(model, prompt(1, 5), 10, use_cache=False)
    assert sizes == [5, 6, 7, 8, 4, 5, 6, 7, 8, 4]


@pytest.mark.parametrize("positions", ["rotary", "learned", "sinusoidal", "none"])
@pytest.mark.parametrize("options", [{}, {"num_kv_heads": 1, "window": 3}, {"context": 3}])
@pytest.mark.parametrize("use_cache", [True, False])
def test_a_padded_prompt_is_continued_as_if_alone(seen, positions, options, use_cache):
    """Each row restarts its window when it is full itself, which is at another step in each."""
    model = gpt(positions=positions, **options)
    start, lengths = prompt(4, 10), torch.tensor([3, 10, 1, 7])
    written = generate(model, start, 14, lengths=lengths, temperature=0, use_cache=use_cache)
    batch, seen[:] = list(seen), []
    assert written.shape == (4, 24) and torch.equal(written[:, :10], start)
    for row, n in enumerate(lengths.tolist()):
        seen.clear()
        alone = generate(model, start[row : row + 1, 10 - n :], 14, temperature=0)
        assert torch.equal(written[row, 10 - n :], alone[0])
        for got, expected in zip(batch, seen, strict=True):
            torch.testing.assert_close(got[row], expected[0], rtol=1e-10, atol=1e-10)


def test_padding_may_hold_anything():
    model, lengths = gpt(), torch.tensor([4, 2])
    start = prompt(2, 4)
    start[1, :2] = torch.tensor([-100, 10**9])
    got = generate(model, start, 9, lengths=lengths, seed=3)
    assert torch.equal(got[:, :4], start)
    start[1, :2] = 0
    clean = generate(model, start, 9, lengths=lengths, seed=3)
    assert torch.equal(got[:, 4:], clean[:, 4:])


def test_full_lengths_are_no_lengths():
    model, start = gpt(), prompt(2, 5)
    for dtype in (torch.int64, torch.int32, torch.uint8):
        lengths = torch.full((2,), 5, dtype=dtype)
        got = generate(model, start, 9, lengths=lengths, seed=3)
        assert torch.equal(got, generate(model, start, 9, seed=3))
    same = generate(Bigram(), start, 3, lengths=lengths, use_cache=False, temperature=0)
    assert torch.equal(same, generate(Bigram(), start, 3, use_cache=False, temperature=0))
    with pytest.raises(TypeError, match="lengths: expected None for Bigram, whose forward has no"):
        generate(Bigram(), start, 3, lengths=torch.tensor([5, 4]), use_cache=False)


def test_samples_follow_the_distribution():
    model = gpt()
    start = torch.ones(20_000, 1).long()
    with torch.no_grad():
        expected = next_token_probabilities(model(start[:1])[0, -1], temperature=0.7, top_k=5)
    tokens = generate(model, start, 1, temperature=0.7, top_k=5, seed=2)
    shares = tokens[:, 1].bincount(minlength=VOCAB) / len(start)
    assert (shares[expected == 0] == 0).all()
    assert (shares - expected).abs().max() < 5 * (0.25 / len(start)) ** 0.5


def test_the_seed_decides_and_nothing_else():
    model = gpt()
    torch.manual_seed(1)
    first = generate(model, prompt(2, 3), 12, seed=5)
    state = torch.get_rng_state()
    torch.manual_seed(2)
    assert torch.equal(generate(model, prompt(2, 3), 12, seed=5), first)
    assert not torch.equal(generate(model, prompt(2, 3), 12, seed=6), first)
    torch.set_rng_state(state)
    generate(model, prompt(2, 3), 2)
    assert torch.equal(torch.get_rng_state(), state)  # the global numbers are not drawn from
    rows = generate(model, prompt(1, 3).expand(4, 3), 12, seed=5)
    assert len({tuple(row.tolist()) for row in rows}) > 1  # each row draws its own
    greedy = [generate(model, prompt(2, 3), 12, temperature=0, seed=s) for s in (0, 1)]
    assert torch.equal(*greedy)
    near = generate(model, prompt(2, 3), 12, top_p=1e-9)
    assert torch.equal(near, greedy[0])


@pytest.mark.parametrize("training", [True, False])
def test_the_model_stays_as_it_was(training):
    model = gpt(dropout=0.5).train(training)
    model.blocks[1].train(not training)
    modes = [m.training for m in model.modules()]
    before = {k: v.clone() for k, v in model.state_dict().items()}
    start = prompt(2, 3)
    tokens = generate(model, start, 6, temperature=0)
    assert [m.training for m in model.modules()] == modes
    assert torch.equal(tokens, generate(model, start, 6, temperature=0))  # dropout was off
    assert all(torch.equal(v, before[k]) for k, v in model.state_dict().items())
    assert all(p.grad is None for p in model.parameters()) and not tokens.requires_grad
    assert torch.equal(start, prompt(2, 3))
    with pytest.raises(TypeError):
        generate(Broken(), start, 6, use_cache=False)


class Broken(nn.Module):
    """Has a context and no logits."""

    def __init__(self, context=4):
        super().__init__()
        self.context = context

    def forward(self, tokens):
        return tokens


def test_the_mode_returns_after_an_error():
    model = Broken().train()
    with pytest.raises(TypeError, match=r"model: expected logits \(b, t, vocab_size\)"):
        generate(model, prompt(1, 2), 1, use_cache=False)
    assert model.training


class Bigram(nn.Module):
    """No cache, no embedding: any model with a context will do."""

    context = 5

    def __init__(self):
        super().__init__()
        self.table = nn.Parameter(torch.eye(VOCAB).roll(1, 1) * 50)

    def forward(self, tokens):
        assert tokens.shape[1] <= self.context
        return self.table[tokens]


def test_a_model_without_a_cache_writes_too():
    tokens = generate(Bigram(), torch.tensor([[9]]), 12, use_cache=False)
    assert tokens.tolist() == [[(9 + i) % VOCAB for i in range(13)]]
    with pytest.raises(TypeError, match="use_cache: expected False for Bigram, which has no"):
        generate(Bigram(), torch.tensor([[9]]), 12)


def test_nothing_to_write_is_the_prompt_itself():
    start = prompt(2, 3)
    tokens = generate(gpt(), start, 0)
    assert torch.equal(tokens, start)


@pytest.mark.parametrize("dtype", [torch.int32, torch.uint8, torch.int16, torch.uint16])
def test_prompts_of_other_integers_are_understood(dtype):
    start = prompt(2, 3)
    tokens = generate(gpt(), start.to(dtype), 5)
    assert tokens.dtype == torch.int64 and torch.equal(tokens, generate(gpt(), start, 5))


@pytest.mark.parametrize(
    ("model", "start", "options", "error", "words"),
    [
        ("gpt", prompt(1, 2), {}, TypeError, r"model: expected a torch\.nn\.Module"),
        (nn.Linear(3, 2), prompt(1, 2), {}, TypeError, "model: expected an attribute context"),
        (Broken("8"), prompt(1, 2), {}, TypeError, "model: expected an attribute context.*'8'"),
        (Broken(0), prompt(1, 2), {}, TypeError, "model: expected an attribute context.*int 0"),
        (None, [[1]], {}, TypeError, "prompt: expected a tensor"),
        (None, prompt(1, 2)[0], {}, ValueError, r"prompt: expected shape \(b, t\), got \(2,\)"),
        (None, prompt(1, 2).double(), {}, TypeError, "prompt: expected integers"),
        (None, prompt(1, 0), {}, ValueError, r"prompt: .*at least one token.*got shape \(1, 0\)"),
        (None, prompt(0, 2), {}, ValueError, r"prompt: .*at least one row, got shape \(0, 2\)"),
        (None, prompt(1, 2) - 99, {}, ValueError, "prompt: expected tokens from 0 to 10, as the"),
        (None, prompt(1, 2) + VOCAB, {}, ValueError, "prompt: expected tokens from 0 to 10"),
        (Bigram(), prompt(1, 2) - 99, {}, ValueError, "prompt: expected tokens from 0 up"),
        (None, prompt(1, 2), {"lengths": [2]}, TypeError, "lengths: expected a tensor"),
        (None, prompt(1, 2), {"lengths": torch.ones(1)}, TypeError, "lengths: expected integers"),
        (
            None,
            prompt(1, 2),
            {"lengths": torch.tensor([0])},
            ValueError,
            "lengths: expected 1 to 2",
        ),
        (
            None,
            prompt(1, 2),
            {"lengths": torch.tensor([3])},
            ValueError,
            "lengths: expected 1 to 2",
        ),
        (None, prompt(1, 2), {"lengths": torch.tensor([1, 1])}, ValueError, "lengths: expected sh"),
        (None, prompt(1, 2) > 3, {}, TypeError, "prompt: expected integers"),
        (None, prompt(1, 2).numpy(), {}, TypeError, "prompt: expected a tensor"),
        (None, prompt(1, 2), {"max_new_tokens": -1}, ValueError, "max_new_tokens: expected an int"),
        (None, prompt(1, 2), {"max_new_tokens": 1.0}, TypeError, "max_new_tokens: expected an int"),
        (None, prompt(1, 2), {"seed": -1}, ValueError, "seed: expected an integer of at least 0"),
        (None, prompt(1, 2), {"use_cache": 1}, TypeError, "use_cache: expected True or False"),
    ],
)
def test_bad_arguments_are_named(model, start, options, error, words):
    model = gpt() if model is None else model
    with pytest.raises(error, match=words):
        generate(model, start, **{"max_new_tokens": 2, **options})
