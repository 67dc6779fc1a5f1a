"""Captured states, head outputs and weights against what a model written out computes."""

import pytest
import torch

from bigmodel_utils import interventions, models

SHAPE = dict(context=11, d_model=12, num_layers=3, num_heads=6, num_kv_heads=3, d_head=4)


def gpt(**options):
    torch.manual_seed(0)
    return models.GPT(7, **{**SHAPE, "init": "gpt2", **options}).double().eval()


def tokens(b=2, t=9, seed=1):
    return torch.randint(7, (b, t), generator=torch.Generator().manual_seed(seed))


def by_hand(model, x):
    """States, heads' outputs and weights, from the weights of the model alone."""
    t = x.shape[1]
    rotary = None
    state = model.embedding.weight[x]
    if model.positions == "learned":
        state = state + model.position_embedding.weight[:t]
    elif model.positions == "rotary":
        rotary = model.rotary_cos[:t], model.rotary_sin[:t]
    states, heads, weights = [state], [], []
    for block in model.blocks:
        part, y = block.attention, block.norm1(state)
        q, k, v = (y @ w.weight.T for w in (part.q_proj, part.k_proj, part.v_proj))
        q, k, v = (z.unflatten(-1, (-1, part.d_head)).transpose(1, 2) for z in (q, k, v))
        if rotary:
            q, k = models.rotate(q, *rotary), models.rotate(k, *rotary)
        group = part.num_heads // part.num_kv_heads
        outs, rows = [], []
        for h in range(part.num_heads):
            scores = q[:, h] @ k[:, h // group].mT / part.d_head**0.5
            hidden = torch.ones(t, t).triu(1).bool()
            rows.append(scores.masked_fill(hidden, -torch.inf).softmax(-1))
            outs.append(rows[-1] @ v[:, h // group])
        heads.append(torch.stack(outs, 2))  # (b, t, n, d)
        weights.append(torch.stack(rows, 1))
        state = state + heads[-1].flatten(2) @ part.out_proj.weight.T
        state = state + block.feed_forward(block.norm2(state))
        states.append(state)
    return torch.stack(states), torch.stack(heads), torch.stack(weights)


@pytest.mark.parametrize("positions", ["rotary", "learned", "none"])
@torch.no_grad()
def test_all_three_are_those_written_out(positions):
    model, x = gpt(positions=positions), tokens()
    states, heads, weights = by_hand(model, x)
    torch.testing.assert_close(interventions.capture_states(model, x), states)
    torch.testing.assert_close(interventions.capture_heads(model, x), heads)
    torch.testing.assert_close(interventions.capture_weights(model, x), weights)
    assert heads.shape == (3, 2, 9, 6, 4) and weights.shape == (3, 2, 6, 9, 9)


def test_no_hook_is_left_even_after_an_error():
    model = gpt()
    for read in (
        interventions.capture_states, interventions.capture_heads, interventions.capture_weights
    ):  # fmt: skip
        with pytest.raises(ValueError, match="tokens"):
            read(model, torch.full((1, 2), 99))
        read(model, tokens())
    for module in model.modules():
        assert not module._forward_hooks and not module._forward_pre_hooks


def test_gradients_flow_through_what_is_captured():
    model, x = gpt(), tokens(1, 5)
    interventions.capture_states(model, x)[-1].sum().backward()
    assert model.embedding.weight.grad.abs().sum() > 0


@pytest.mark.parametrize("name", ["capture_states", "capture_heads", "capture_weights"])
def test_bad_arguments_are_named(name):
    read = getattr(interventions, name)
    with pytest.raises(TypeError, match="model: expected a GPT"):
        read(torch.nn.Linear(2, 2), tokens())
    with pytest.raises((TypeError, ValueError), match="tokens"):
        read(gpt(), torch.zeros(2, 3))
    with pytest.raises(ValueError, match="tokens"):
        read(gpt(), tokens()[0])


def test_weights_of_a_window_are_refused():
    with pytest.raises(ValueError, match="model: expected one without a window, got window 4"):
        interventions.capture_weights(gpt(window=4), tokens())
