"""The recurrent oracles against PyTorch's layers and autograd, by hand, and their bad inputs."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from bigmodel_utils import reference

CHECKED = settings(deadline=None, derandomize=True, max_examples=60)
LAYERS = {"rnn": nn.RNN, "lstm": nn.LSTM, "gru": nn.GRU}
GATES = {"rnn": 1, "lstm": 4, "gru": 3}
CELLS = pytest.mark.parametrize("cell", LAYERS)
PARAMETERS = ("weight_ih", "weight_hh", "bias_ih", "bias_hh")


def randn(seed, *shape, dtype=torch.float64):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(shape, generator=generator, dtype=torch.float64).to(dtype)


def close(got, expected, atol=1e-12):
    assert got.dtype == expected.dtype
    torch.testing.assert_close(got, expected, rtol=0, atol=atol)


def inputs(cell, seed=0, b=3, t=4, d=2, m=5):
    """Return random arguments of a cell, all given but the lengths."""
    rows = GATES[cell] * m
    shapes = {"x": (b, t, d), "weight_ih": (rows, d), "weight_hh": (rows, m), "bias_ih": (rows,),
              "bias_hh": (rows,), "h0": (b, m)}  # fmt: skip
    if cell == "lstm":
        shapes["c0"] = (b, m)
    return {name: randn(seed + k, *shape) for k, (name, shape) in enumerate(shapes.items())}


@st.composite
def cases(draw, cell):
    """Arguments of a cell on sizes that differ, perhaps without bias, state or lengths."""
    b, t = draw(st.integers(1, 4)), draw(st.integers(1, 6))
    d, m = draw(st.integers(1, 4)), draw(st.integers(1, 4))
    case = inputs(cell, draw(st.integers(0, 10**6)), b, t, d, m + (m == d))
    for names in (("bias_ih", "bias_hh"), ("h0", "c0")):
        if draw(st.booleans()):
            case |= {name: None for name in names if name in case}
    if draw(st.booleans()):
        lengths = draw(st.lists(st.integers(1, t), min_size=b, max_size=b))
        case["lengths"] = torch.tensor(lengths, dtype=draw(st.sampled_from([torch.int32, None])))
    return case


def torch_layer(cell, case):
    """Return the outputs (b, t, m), the final state or states and the leaves, by torch.nn."""
    case = dict(case)
    lengths = case.pop("lengths", None)
    x, m = case["x"], case["weight_hh"].shape[1]
    bias = case["bias_ih"] is not None
    layer = LAYERS[cell](x.shape[2], m, bias=bias, batch_first=True).double()
    leaves = {"x": x.clone().requires_grad_()}
    for name in PARAMETERS[: 4 if bias else 2]:
        leaves[name] = getattr(layer, f"{name}_l0")
        leaves[name].data.copy_(case[name])
    states = [name for name in ("h0", "c0") if case.get(name) is not None]
    for name in states:
        leaves[name] = case[name].clone().requires_grad_()
    start = [leaves[name][None] for name in states]
    start = tuple(start) if cell == "lstm" and start else (start or [None])[0]
    if lengths is None:
        out, final = layer(leaves["x"], start)
    else:
        packed = pack_padded_sequence(
            leaves["x"], lengths.long(), batch_first=True, enforce_sorted=False
        )
        out, final = layer(packed, start)
        out, _ = pad_packed_sequence(out, batch_first=True, total_length=x.shape[1])
    return out, final, leaves


def ends(case):
    """Return the index of each row's last real step."""
    b, t, _ = case["x"].shape
    lengths = case.get("lengths")
    return torch.full((b,), t - 1) if lengths is None else lengths.long() - 1


def backward(cell, case, grad_h, **options):
    """Return the oracle's gradients by the names of the arguments."""
    grads = getattr(reference, f"{cell}_backward")(**case, grad_h=grad_h, **options)
    return dict(zip([name for name in case if name != "lengths"], grads, strict=True))


@CELLS
@given(data=st.data())
@CHECKED
def test_the_forward_pass_equals_torch(cell, data):
    case = data.draw(cases(cell))
    out, final, _ = torch_layer(cell, case)
    got = getattr(reference, cell)(**case)
    rows = torch.arange(len(case["x"]))
    if cell == "lstm":
        got, c = got
        close(c[rows, ends(case)], final[1][0].detach())
        final = final[0]
    close(got, out.detach())
    close(got[rows, ends(case)], final[0].detach())


@CELLS
@given(data=st.data())
@CHECKED
def test_the_backward_pass_equals_autograd_through_torch(cell, data):
    case = data.draw(cases(cell))
    out, final, leaves = torch_layer(cell, case)
    grad_h, options = randn(7, *out.shape), {}
    loss = (out * grad_h).sum()
    if cell == "lstm" and data.draw(st.booleans()):  # torch shows the last cell alone
        grad_last = randn(8, *final[1][0].shape)
        loss = loss + (final[1][0] * grad_last).sum()
        options["grad_c"] = torch.zeros_like(grad_h)
        options["grad_c"][torch.arange(len(out)), ends(case)] = grad_last
    expected = dict(zip(leaves, torch.autograd.grad(loss, list(leaves.values())), strict=True))
    got = backward(cell, case, grad_h, **options)
    for name, grad in expected.items():
        close(got[name], grad, atol=1e-11)


@given(data=st.data())
@settings(CHECKED, max_examples=20)
def test_the_gradient_of_every_cell_equals_autograd_through_lstm_cell(data):
    case = data.draw(cases("lstm"))
    leaves = {k: v.clone().requires_grad_() for k, v in case.items()
              if k != "lengths" and v is not None}  # fmt: skip
    b, t, d = case["x"].shape
    m = case["weight_hh"].shape[1]
    real = torch.arange(t) <= ends(case)[:, None]
    grad_h, grad_c = randn(1, b, t, m), randn(2, b, t, m)
    cell = nn.LSTMCell(d, m, bias="bias_ih" in leaves).double()
    weights = {name: leaves[name] for name in PARAMETERS if name in leaves}
    zeros = torch.zeros(b, m, dtype=torch.float64)
    state = tuple(leaves.get(name, zeros) for name in ("h0", "c0"))
    loss = 0
    for n in range(t):  # rows that have ended run on, but nothing reads them
        state = torch.func.functional_call(cell, weights, (leaves["x"][:, n], state))
        for value, grad in zip(state, (grad_h, grad_c), strict=True):
            loss = loss + (value * grad[:, n])[real[:, n]].sum()
    got = backward("lstm", case, grad_h, grad_c=grad_c)
    grads = torch.autograd.grad(loss, list(leaves.values()), materialize_grads=True)
    for name, grad in zip(leaves, grads, strict=True):
        close(got[name], grad, atol=1e-11)


@CELLS
@given(data=st.data())
@settings(CHECKED, max_examples=20)
def test_the_oracle_is_differentiable_and_agrees_with_its_own_backward(cell, data):
    case = data.draw(cases(cell))
    leaves = {k: v.clone().requires_grad_() for k, v in case.items()
              if k != "lengths" and v is not None}  # fmt: skip
    before = {name: leaf.detach().clone() for name, leaf in leaves.items()}
    out = getattr(reference, cell)(**case | leaves)
    out = torch.stack(out) if cell == "lstm" else out[None]
    grads = randn(3, *out.shape)
    expected = torch.autograd.grad(out, list(leaves.values()), grads)
    options = {"grad_c": grads[1]} if cell == "lstm" else {}
    got = backward(cell, case, grads[0], **options)
    for name, grad in zip(leaves, expected, strict=True):
        close(got[name], grad, atol=1e-11)
        assert torch.equal(leaves[name], before[name])


@CELLS
@pytest.mark.parametrize("garbage", [9.0, float("nan"), float("inf")])
@given(data=st.data())
@settings(CHECKED, max_examples=15)
def test_padding_changes_nothing(cell, garbage, data):
    case = data.draw(cases(cell).filter(lambda case: "lengths" in case))
    b, t, _ = case["x"].shape
    m = case["weight_hh"].shape[1]
    real = torch.arange(t) <= ends(case)[:, None]
    more = t + data.draw(st.integers(0, 3))

    def padded(value):
        filled = torch.full((b, more, value.shape[2]), garbage, dtype=torch.float64)
        filled[:, :t][real] = value[real]
        return filled

    grads = {"grad_h": randn(4, b, t, m)}
    if cell == "lstm":
        grads["grad_c"] = randn(5, b, t, m)
    longer = case | {"x": padded(case["x"])}
    function = getattr(reference, cell)
    out, other = function(**case), function(**longer)
    for one, two in zip(*((o if cell == "lstm" else (o,)) for o in (out, other)), strict=True):
        close(two[:, :t], one, atol=0)
        assert not two[:, t:].any()
        assert not two[:, :t][~real].any()
    got = backward(cell, case, **grads)
    again = backward(cell, longer, **{name: padded(grad) for name, grad in grads.items()})
    assert not again["x"][:, t:].any()
    assert not again["x"][:, :t][~real].any()
    again["x"] = again["x"][:, :t]
    for name, grad in got.items():
        close(again[name], grad, atol=0)


@CELLS
def test_rows_do_not_meet(cell):
    case = inputs(cell) | {"lengths": torch.tensor([4, 2, 3])}
    row = {name: value[1:2] if name in ("x", "h0", "c0", "lengths") else value
           for name, value in case.items()}  # fmt: skip
    row["x"] = row["x"][:, :2]
    whole, alone = (getattr(reference, cell)(**c) for c in (case, row))
    whole, alone = (o[0] if cell == "lstm" else o for o in (whole, alone))
    close(whole[1:2, :2], alone, atol=1e-15)


def test_steps_by_hand():
    one = {"x": torch.tensor([[[2.0], [1.0]]]), "h0": torch.tensor([[0.5]])}
    # h1 = tanh(3 * 2 - 4 * 0.5 + 0.1 + 0.2), h2 = tanh(3 * 1 - 4 h1 + 0.3).
    weights = {"weight_ih": [[3.0]], "weight_hh": [[-4.0]], "bias_ih": [0.1], "bias_hh": [0.2]}
    weights = {name: torch.tensor(value) for name, value in weights.items()}
    h1 = torch.tensor(4.3).tanh()
    expected = torch.stack([h1, (3.3 - 4 * h1).tanh()])
    close(reference.rnn(**one, **weights)[0, :, 0], expected, atol=1e-6)
    # Saturated gates. LSTM: input shut, forget open, output open: the cell stays.
    gates = torch.tensor([-99.0, 99.0, 0.0, 99.0])
    still = {"weight_ih": torch.ones(4, 1), "weight_hh": torch.ones(4, 1), "bias_ih": gates}
    h, c = reference.lstm(**one, **still, c0=torch.tensor([[0.7]]))
    close(c.flatten(), torch.tensor([0.7, 0.7]), atol=1e-6)
    close(h.flatten(), torch.tensor([0.7, 0.7]).tanh(), atol=1e-6)
    # GRU: z open: the state stays, whatever r and n are.
    gates = torch.tensor([0.0, 99.0, 0.0])
    still = {"weight_ih": torch.ones(3, 1), "weight_hh": torch.ones(3, 1), "bias_ih": gates}
    close(reference.gru(**one, **still).flatten(), torch.tensor([0.5, 0.5]), atol=1e-6)


@CELLS
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
def test_results_keep_the_dtype(cell, dtype):
    case = inputs(cell)
    low = {name: value.to(dtype) for name, value in case.items()}
    out, expected = (getattr(reference, cell)(**c) for c in (low, case))
    out, expected = (o[0] if cell == "lstm" else o for o in (out, expected))
    close(out.double(), expected, atol=0.2)
    results = [out, *backward(cell, low, out).values()]
    assert {r.dtype for r in results} == {dtype}
    # Zeros in the place of what is missing have it too.
    bare = low | {name: None for name in ("bias_ih", "bias_hh", "h0", "c0") if name in low}
    assert {g.dtype for g in backward(cell, bare, out).values()} == {dtype}


@CELLS
def test_results_stay_on_the_device(cell):
    case = {name: value.to("meta") for name, value in inputs(cell).items()}
    case["lengths"] = torch.tensor([4, 1, 2])
    out = getattr(reference, cell)(**case)
    out = out[0] if cell == "lstm" else out
    results = [out, *backward(cell, case, out).values()]
    assert {r.device.type for r in results} == {"meta"}


BAD = [
    ({"x": randn(0, 4, 2)}, ValueError, r"x: expected shape \(b, t, d_in\), got \(4, 2\) \(2 axes"),
    ({"x": torch.zeros(3, 4, 2).long()}, TypeError, "x: expected a floating-point tensor"),
    ({"x": [[[1.0]]]}, TypeError, "x: expected a tensor, got list"),
    ({"x": randn(0, 3, 0, 2)}, ValueError, r"x: expected no empty axis, got shape \(3, 0, 2\)"),
    ({"x": randn(0, 4, 3, 2)}, ValueError, r"h0: expected shape \(4, 5\), got \(3, 5\); x has "
     r"shape \(4, 3, 2\), the batch first"),
    ({"x": randn(0, 3, 4, 6)}, ValueError, r"weight_ih: expected shape \(\d+, 6\), got \(\d+, 2\)"
     r"; x has shape \(3, 4, 6\)"),
    ({"h0": randn(0, 1, 3, 5)}, ValueError, r"h0: expected shape \(3, 5\), got \(1, 3, 5\) \(3 axes"
     r".* of nn\.RNN's \(layers, b, d_hidden\) give h0\[0\]"),
    ({"h0": randn(0, 3, 4)}, ValueError, r"h0: expected shape \(3, 5\), got \(3, 4\)"),
    ({"h0": randn(0, 3, 5).float()}, TypeError, "h0: expected dtype torch.float64, got a float32"),
    ({"h0": randn(0, 3, 5).to("meta")}, ValueError, "h0: expected a tensor on cpu as x, got one"),
    ({"weight_hh": randn(0, 10, 5)}, ValueError, r"weight_hh: expected shape \(\d+, 5\) for d_hidd"
     r"en = 5 and .*gates.*, got \(10, 5\)"),
    ({"weight_hh": randn(0, 5)}, ValueError, r"weight_hh: expected shape \(rows, d_hidden\)"),
    ({"weight_hh": randn(0, 0, 0)}, ValueError, "weight_hh: expected no empty axis"),
    ({"weight_hh": None}, TypeError, "weight_hh: expected a tensor, got NoneType"),
    ({"weight_ih": randn(0, 10, 2)}, ValueError, r"weight_ih: expected shape \(\d+, 2\), got \(10"),
    ({"weight_ih": randn(0, 2)}, ValueError, r"weight_ih: expected shape \(\d+, 2\), got \(2,\)"),
    ({"weight_ih": 1.0}, TypeError, "weight_ih: expected a tensor, got float"),
    ({"bias_ih": randn(0, 7)}, ValueError, r"bias_ih: expected shape \(\d+,\), got \(7,\)"),
    ({"bias_hh": randn(0, 7)}, ValueError, r"bias_hh: expected shape \(\d+,\), got \(7,\)"),
    ({"bias_hh": 0}, TypeError, "bias_hh: expected a tensor, got int"),
    ({"lengths": torch.tensor([4, 5, 1])}, ValueError, r"lengths: .*1 to 4 .*got 5 in row 1"),
    ({"lengths": torch.tensor([4, 1, 0])}, ValueError, r"lengths: .*got 0 in row 2"),
    ({"lengths": torch.tensor([4, 1])}, ValueError, r"lengths: expected .*\(3,\).*got .*\(2"),
    ({"lengths": torch.tensor([3, 2, 1, 1])}, ValueError, r"lengths: .*3.*got \(4,\); if x is \(t,"
     r" b, d_in\), give x\.transpose\(0, 1\)"),
    ({"lengths": torch.tensor([4.0, 1.0, 2.0])}, TypeError, "lengths: expected integers"),
    ({"lengths": [4, 1, 2]}, TypeError, "lengths: expected a tensor, got list"),
]  # fmt: skip


@CELLS
@pytest.mark.parametrize(("bad", "error", "message"), BAD)
def test_bad_arguments_are_refused_forward_and_backward(cell, bad, error, message):
    good = inputs(cell)
    with pytest.raises(error, match=message):
        getattr(reference, cell)(**good | bad)
    with pytest.raises(error, match=message):
        backward(cell, good | bad, randn(0, 3, 4, 5))


@CELLS
@pytest.mark.parametrize(
    ("bad", "error", "message"),
    [
        (randn(0, 3, 5), ValueError, r"grad_h: expected shape \(3, 4, 5\), got \(3, 5\)"),
        (randn(0, 4, 3, 5), ValueError, r"grad_h: expected shape \(3, 4, 5\), got \(4, 3, 5\)"),
        (randn(0, 3, 4, 5).half(), TypeError, "grad_h: expected dtype torch.float64"),
        (randn(0, 3, 4, 5).to("meta"), ValueError, "grad_h: expected a tensor on cpu as x"),
        (None, TypeError, "grad_h: expected a tensor, got NoneType"),
    ],
)
def test_bad_gradients_are_refused(cell, bad, error, message):
    with pytest.raises(error, match=message):
        backward(cell, inputs(cell), bad)
    if cell == "lstm" and bad is not None:
        with pytest.raises(error, match=message.replace("grad_h", "grad_c")):
            backward(cell, inputs(cell), randn(0, 3, 4, 5), grad_c=bad)


def test_the_cell_of_the_lstm_is_checked():
    good = inputs("lstm")
    with pytest.raises(ValueError, match=r"c0: expected shape \(3, 5\), got \(1, 3, 5\).*c0\[0\]"):
        reference.lstm(**good | {"c0": good["c0"][None]})
    with pytest.raises(TypeError, match=r"c0: expected dtype torch\.float64"):
        reference.lstm(**good | {"c0": good["c0"].float()})


def test_the_message_names_the_gates():
    lstm = inputs("lstm")
    del lstm["c0"]
    with pytest.raises(ValueError, match=r"\(15, 5\) for d_hidden = 5 and gates r, z, n, got \(20"):
        reference.gru(**lstm)
    with pytest.raises(ValueError, match=r"\(20, 5\) .* and gates i, f, g, o, got \(15, 5\)"):
        reference.lstm(**inputs("gru"))
    with pytest.raises(ValueError, match=r"\(5, 5\) .* and no gates, got \(15, 5\)"):
        reference.rnn(**inputs("gru"))
