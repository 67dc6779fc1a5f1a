"""Replaced activations: by the arithmetic of a projection, and by what the other run gives."""

import pytest
import torch
from test_capture import gpt, tokens

from bigmodel_utils import interventions


@pytest.mark.parametrize("options", [{}, {"positions": "learned"}, {"window": 4}])
@torch.no_grad()
def test_the_rest_of_a_model_needs_the_states_alone(options):
    model, x = gpt(**options), tokens()
    states = interventions.capture_states(model, x)
    for block in range(4):
        torch.testing.assert_close(interventions.run_from(model, states[block], block), model(x))
    assert not torch.allclose(interventions.run_from(model, states[0], 1), model(x))


@torch.no_grad()
def test_a_position_cannot_reach_those_before_it():
    model, x, other = gpt(), tokens(), tokens(seed=2)
    state = interventions.capture_states(model, x)[1].clone()
    state[:, 4] = interventions.capture_states(model, other)[1][:, 4]
    got, whole = interventions.run_from(model, state, 1), model(x)
    torch.testing.assert_close(got[:, :4], whole[:, :4])
    assert (got - whole)[:, 4:].abs().amax((0, 2)).min() > 1e-6


@torch.no_grad()
def test_zero_is_what_a_projection_without_the_columns_gives():
    model, x = gpt(), tokens()
    heads = [(0, 5), (2, 1), (2, 3)]
    with interventions.without_heads(model, heads) as same:
        assert same is model
        got = model(x)
    for block, head in heads:
        model.blocks[block].attention.out_proj.weight[:, 4 * head : 4 * head + 4] = 0
    torch.testing.assert_close(got, model(x))


@torch.no_grad()
def test_means_are_a_bias_in_the_columns_place():
    model, x = gpt(out_bias=True), tokens()
    means = torch.randn(3, 6, 4).double()
    with interventions.without_heads(model, [(1, 2)], means):
        got = model(x)
    out = model.blocks[1].attention.out_proj
    out.bias += out.weight[:, 8:12] @ means[1, 2]
    out.weight[:, 8:12] = 0
    torch.testing.assert_close(got, model(x))


@torch.no_grad()
def test_all_heads_of_a_donor_at_the_last_place_give_its_answer_if_nothing_else_differs():
    """Two prompts that differ in an earlier token: attention alone can tell the last place."""
    model, x = gpt(), tokens()
    other = x.clone()
    other[:, 3] = (x[:, 3] + 1) % 7
    heads = interventions.capture_heads(model, other)
    changes = {(k, h): heads[k][:, -1:, h] for k in range(3) for h in range(6)}
    with interventions.replaced_heads(model, changes, places=[-1]):
        got = model(x)
    torch.testing.assert_close(got[:, -1], model(other)[:, -1])
    torch.testing.assert_close(got[:, :-1], model(x)[:, :-1])
    with interventions.replaced_heads(model, changes, slice(8, 9)):
        torch.testing.assert_close(model(x), got)


@torch.no_grad()
def test_own_outputs_change_nothing_and_nothing_stays():
    model, x = gpt(), tokens()
    before = model(x)
    heads = interventions.capture_heads(model, x)
    with interventions.replaced_heads(model, {(1, 4): heads[1][:, :, 4]}):
        torch.testing.assert_close(model(x), before)
    with pytest.raises(ZeroDivisionError), interventions.without_heads(model, [(0, 0)]):
        assert not torch.allclose(model(x), before)
        raise ZeroDivisionError
    torch.testing.assert_close(model(x), before)


@torch.no_grad()
def test_what_others_read_of_the_run_is_not_overwritten():
    model, x, seen = gpt(), tokens(), []
    out = model.blocks[1].attention.out_proj
    hook = out.register_forward_pre_hook(lambda module, inputs: seen.append(inputs[0]))
    with interventions.without_heads(model, [(1, 0), (1, 3)]):
        model(x)
    hook.remove()
    torch.testing.assert_close(
        seen[0].unflatten(-1, (6, 4)), interventions.capture_heads(model, x)[1]
    )


def test_gradients_reach_what_was_put_in():
    model, x = gpt(), tokens()
    value = torch.randn(2, 1, 4).double().requires_grad_()
    with interventions.replaced_heads(model, {(1, 1): value}, [-1]):
        model(x)[:, -1].sum().backward()
    assert value.grad.abs().min() > 0


STATE = torch.zeros(2, 9, 12).double()
WRONG = [
    (lambda m: interventions.run_from("m", STATE, 0), TypeError, "model: expected a GPT"),
    (lambda m: interventions.run_from(m, STATE[0], 0), ValueError, r"x: expected shape"),
    (lambda m: interventions.run_from(m, STATE[..., :5], 0), ValueError, "x: expected shape"),
    (lambda m: interventions.run_from(m, STATE[:, :0], 0), ValueError, "x: expected no empty"),
    (lambda m: interventions.run_from(m, STATE.long(), 0), TypeError, "x: expected a floating"),
    (lambda m: interventions.run_from(m, STATE.repeat(1, 2, 1), 0), ValueError, "x: expected at"),
    (lambda m: interventions.run_from(m, STATE, 4), ValueError, "block: .*at most 3"),
    (lambda m: interventions.run_from(m, STATE, -1), ValueError, "block: .*at least 0"),
    (lambda m: interventions.run_from(m, STATE, True), TypeError, "block: expected an integer"),
    (lambda m: interventions.without_heads(None, []), TypeError, "model: expected a GPT"),
    (lambda m: interventions.without_heads(m, [3]), TypeError, "heads: expected pairs"),
    (lambda m: interventions.without_heads(m, [(3, 0)]), ValueError, "heads, block: .*at most 2"),
    (lambda m: interventions.without_heads(m, [(0, 6)]), ValueError, "heads, head: .*at most 5"),
    (lambda m: interventions.without_heads(m, [(0, -1)]), ValueError, "heads, head: .*least 0"),
    (lambda m: interventions.without_heads(m, [(0, 0)], STATE), ValueError, "means: expected"),
    (lambda m: interventions.without_heads(m, 5), TypeError, "heads: expected pairs"),
]
CHANGES = [
    ([(0, 0)], slice(None), TypeError, "changes: expected a dict"),
    ({0: 1.0}, slice(None), TypeError, "changes: expected pairs"),
    ({(0, 0): "0"}, slice(None), TypeError, r"changes\[0, 0\]: expected a number or a tensor"),
    ({(0, 0): True}, slice(None), TypeError, r"changes\[0, 0\]: expected a number or a tensor"),
    ({(0, 0): 0.0}, 3, TypeError, "places: expected a slice or a list"),
    ({(0, 0): 0.0}, [1.5], TypeError, r"places\[0\]: expected an integer"),
    ({(0, 2): torch.zeros(5)}, slice(None), ValueError, r"changes\[0, 2\]: expected a shape"),
    ({(0, 0): torch.zeros(3, 2, 9, 4)}, slice(None), ValueError, r"changes\[0, 0\]: expected a"),
    ({(0, 0): 0.0}, [9], ValueError, r"places\[0\]: expected -9 to 8"),
]


@pytest.mark.parametrize(("call", "kind", "message"), WRONG)
def test_bad_arguments_are_named(call, kind, message):
    with pytest.raises(kind, match=message):
        call(gpt())


@pytest.mark.parametrize(("changes", "places", "kind", "message"), CHANGES)
def test_bad_changes_are_named_and_no_hook_is_left(changes, places, kind, message):
    model = gpt()
    with (
        pytest.raises(kind, match=message),
        interventions.replaced_heads(model, changes, places),
    ):
        model(tokens())
    assert not any(module._forward_pre_hooks for module in model.modules())
