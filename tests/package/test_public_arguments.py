"""Every argument of every public function: a bad value is refused by an error that names it.

The table lists each function with a call that works and, for each argument, the kinds of
values that are bad for it. Hypothesis draws from every kind. A function or an argument
that is missing in the table is a failure.
"""

import dataclasses
import functools
import importlib
import inspect
import math
import re
import sys
import tempfile
from pathlib import Path

import IPython.display
import numpy
import pytest
import torch
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from torch import nn

from bigmodel_utils import models, plotting, sequences
from bigmodel_utils.models import RotaryScaling
from bigmodel_utils.training import History, WarmUp
from bigmodel_utils.training import _checkpoint as checkpoint

MODULES = (
    "accounting", "data", "models", "optim", "plotting", "reference", "sequences", "training",
)  # fmt: skip

SIZES = st.lists(st.integers(1, 3), max_size=5).map(tuple)
TENSORS = SIZES.map(torch.zeros)
TEXT = st.text(max_size=3)
NONE = st.none()


def one(*values):
    """Return a kind for each of the values: all of them are tried."""
    return [st.just(value) for value in values]


def integer(minimum, *, optional=False):
    """Return the kinds of values that are bad for an integer of at least ``minimum``."""
    fraction = st.floats(allow_nan=True)
    below = st.integers(max_value=minimum - 1)
    return [st.booleans(), fraction, TEXT, TENSORS, below] + ([] if optional else [NONE])


def pair(minimum):
    """... for an integer or two of them."""
    wrong = st.one_of(integer(minimum))
    good = st.just(max(1, minimum))
    lengths = st.lists(good, max_size=4).filter(lambda v: len(v) != 2)
    return [*integer(minimum), lengths, lengths.map(tuple), st.tuples(wrong, good),
            st.tuples(good, wrong)]  # fmt: skip


def real(minimum=-math.inf, maximum=math.inf, *, above=None, optional=False):
    """... for a finite number in a range."""
    kinds = [st.booleans(), TEXT, TENSORS, *one(math.nan, math.inf, -math.inf, 1j)]
    if not optional:
        kinds.append(NONE)
    if minimum > -math.inf:
        kinds.append(st.floats(max_value=minimum, exclude_max=True))
    if maximum < math.inf:
        kinds.append(st.floats(min_value=maximum, exclude_min=True))
    return kinds if above is None else [*kinds, st.floats(max_value=above)]


def tensor(*shape, dtypes):
    """... for a tensor of that shape; ``dtypes`` are wrong ones."""
    rank = SIZES.filter(lambda sizes: len(sizes) != len(shape)).map(
        lambda s: torch.zeros(s).double()
    )
    kinds = [rank, TEXT, NONE, st.floats(), st.just(numpy.zeros(shape)), st.just([[1.0]])]
    return kinds + [st.just(torch.zeros(shape, dtype=dtype)) for dtype in dtypes]


FLAG = [NONE, st.integers(), TEXT, TENSORS]
CHOICE = [NONE, st.integers(), TEXT, TENSORS, st.booleans()]
PATH = [NONE, st.integers(), st.floats(), TENSORS, st.booleans(), st.binary(max_size=3)]
DEVICE = [st.floats(), TENSORS, *one("gpu", "cpu:x", ["cpu"], True)]
ABSENT = one("meta", "xla", *([] if torch.cuda.is_available() else ["cuda", "cuda:3"]))
BAD_CALLABLES = one(lambda: 1, lambda a, b, c, d: 1)
BETAS = [st.floats(), TEXT, TENSORS, NONE,
         *one((0.9,), (0.9, 1), (0.9, "x"), (-0.1, 0.9), (0.9, 0.9, 0.9))]  # fmt: skip
CYCLE = {}
CYCLE["again"] = CYCLE
MODEL = [NONE, st.integers(), TEXT, TENSORS, *one(nn.Linear, len)]
UNMADE = one(nn.LazyLinear(2), nn.Linear(3, 2, device="meta"))
CALLABLE = [st.integers(), TEXT, TENSORS]
GENERATOR = [NONE, st.integers(), TEXT, TENSORS]
AXES = [NONE, st.integers(), TEXT, TENSORS]
SHAPE = [
    NONE,
    st.integers(),
    TEXT,
    TENSORS,
    *one((), (2, 0), (2, -3), (2, 3.0), (True, 3), (2, "3")),
]
PASSED_ON = []  # checked where it is used, or by matplotlib under its own names

X = torch.linspace(-1, 1, 2 * 4 * 5 * 6, dtype=torch.float64).reshape(2, 4, 5, 6)
IMAGE = tensor(2, 4, 5, 6, dtypes=[torch.int64, torch.bool]) + one(torch.zeros(2, 0, 5, 6).double())
LIKE_X = [torch.float32, torch.int64, torch.bool]
ROWS, CLASSES = torch.linspace(0, 1, 24).reshape(8, 3), torch.arange(8) % 2
PART = [
    NONE, st.integers(), TEXT, TENSORS, *one({"x": ROWS}, ROWS.numpy()),
    *one((ROWS,), (ROWS, CLASSES, ROWS), (ROWS, CLASSES[:5]), (ROWS[:0], CLASSES[:0])),
    *one((ROWS, CLASSES.float()), (ROWS, CLASSES + 9), (ROWS.numpy(), CLASSES)),
    *one((ROWS, CLASSES - 1), (ROWS, 0 * CLASSES - 100), (ROWS.to("meta"), CLASSES)),
]  # fmt: skip
STEPS, LENGTHS = torch.linspace(-1, 1, 24).reshape(3, 4, 2), torch.tensor([4, 1, 3])
LENGTHS_KINDS = [
    NONE, st.integers(), TEXT, SIZES.filter(lambda s: len(s) != 1).map(torch.ones),
    *one([4, 1, 3], LENGTHS.float(), LENGTHS > 0, LENGTHS - 1, -LENGTHS, LENGTHS[:0]),
]  # fmt: skip
PADDED = {
    "x": [NONE, st.integers(), TEXT, SIZES.filter(lambda s: len(s) != 3).map(torch.ones),
          *one(STEPS.numpy())],
    "lengths": [*LENGTHS_KINDS, *one(LENGTHS + 1, LENGTHS[:2])],
}  # fmt: skip
MATRIX = [
    NONE, st.integers(), TEXT, SIZES.filter(lambda s: len(s) != 2).map(torch.zeros),
    *one(torch.zeros(0, 2), torch.full((2, 3), math.nan), [[1, 2], [3]], [["a"]], [[1j]]),
]  # fmt: skip


@functools.cache
def axes():
    return plotting.figure(1, 2)[1]


@functools.cache
def folder():
    return tempfile.TemporaryDirectory()


def saved():
    path = Path(folder().name) / "model.pt"
    if not path.exists():
        checkpoint.save_checkpoint(path, nn.Linear(3, 2).state_dict())
    return path


def tiny_model():
    sys.path.insert(0, str(Path(__file__).parent / "models"))
    import tiny_gguf

    path = Path(folder().name) / "tiny.gguf"
    return path if path.exists() else tiny_gguf.write(path.parent)[0]


CONVOLUTION = {"stride": pair(1), "padding": pair(0), "dilation": pair(1), "groups": integer(1)}
WEIGHT = tensor(3, 4, 2, 3, dtypes=LIKE_X)
SIZE = {name: integer(name != "padding") for name in
        ("size", "kernel_size", "stride", "padding", "dilation")}  # fmt: skip
POOLING = {
    "x": IMAGE,
    "kernel_size": pair(1),
    "stride": [kind for kind in pair(1) if kind is not NONE],
    "padding": pair(0),
}
GRADIENT = tensor(2, 4, 4, 4, dtypes=LIKE_X)
COST = {
    "model": MODEL,
    "input_shape": [*SHAPE, *one((2, 7))],
    "dtype": [st.integers(), TEXT, TENSORS, *one(torch.int64, torch.bool)],
    "lengths": [st.integers(), TEXT, TENSORS, *one([3, 2], torch.tensor([2]))],
}
STATES = {"h0": (2, 3), "c0": (2, 3), "grad_h": (2, 4, 3), "grad_c": (2, 4, 3)}


def recurrent(gates, *more):
    """Return the row of a recurrent cell: b, t, d, m = 2, 4, 5, 3, ``more`` after the biases."""
    shapes = {"x": (2, 4, 5), "weight_ih": (3 * gates, 5), "weight_hh": (3 * gates, 3),
              "bias_ih": (3 * gates,), "bias_hh": (3 * gates,)}  # fmt: skip
    shapes |= {name: STATES[name] for name in more}
    bad = {name: tensor(*shape, dtypes=LIKE_X) for name, shape in shapes.items()}
    bad["x"] = tensor(2, 4, 5, dtypes=[torch.int64, torch.bool]) + one(torch.zeros(2, 0, 5))
    for name in {"bias_ih", "bias_hh", "h0", "c0", "grad_c"} & set(bad):
        bad[name] = [kind for kind in bad[name] if kind is not NONE]
    lengths = one([3, 2], torch.tensor([2]), torch.tensor([[2, 2]]))
    good = {name: torch.ones(shape).double() for name, shape in shapes.items()}
    return lambda: good, bad | {"lengths": [st.integers(), TEXT, TENSORS, *lengths]}


Q, K, V, GRAD_OUT = (torch.linspace(-1, 1, 6 * m * d).double().reshape(2, 3, m, d)
                     for m, d in ((4, 2), (5, 2), (5, 3), (4, 3)))  # fmt: skip
TURNED, TABLE_ROWS = torch.linspace(-1, 1, 48).reshape(2, 4, 6), torch.ones(4, 3)
NO_TENSOR = [NONE, st.integers(), TEXT]
FEW_AXES = [torch.ones(()), torch.ones(2)]
ATTENTION = {
    "q": [*NO_TENSOR, *one(*FEW_AXES, Q.numpy(), Q.long())],
    "k": [*NO_TENSOR, *one(*FEW_AXES, K.numpy(), K.long(), K[..., :1])],
    "v": [*NO_TENSOR, *one(*FEW_AXES, V.numpy(), V.long(), V[..., :2, :])],
    "mask": [st.integers(), TEXT, *one(torch.ones(4, 5), torch.ones(4, 4) > 0, [True])],
    "scale": real(optional=True),
}
OTHER_FLAG = [kind for kind in FLAG if kind is not NONE]  # None is that of another argument
BLOCK = {
    "d_model": integer(1), "num_heads": [*integer(1), *one(3)], "d_ff": integer(1),
    "norm": CHOICE, "norm_eps": real(above=0), "pre_norm": FLAG, "activation": CHOICE, "bias": FLAG,
    "ff_bias": OTHER_FLAG, "dropout": real(0, 1),
}  # fmt: skip
SAMPLING = {"temperature": real(0), "top_k": integer(1, optional=True),
            "top_p": real(above=0, maximum=1, optional=True)}  # fmt: skip


def small_gpt():
    return models.GPT(7, context=4, d_model=4, num_layers=1, num_heads=2)


TRAINING_FORMAT = [st.integers(), TEXT, TENSORS, *one(torch.int8, torch.float16)]

# Function: (a call that works, {argument: the kinds of values that are bad for it}).
# What an optimiser that takes tensors of any shape refuses.
OPTIMISED = one("a", None, [3], [], [torch.ones(3).long()], [torch.ones(0)], [torch.ones(2) + 0j])
CHAIN = torch.tensor([[0.5, 0.3, 0.2], [0.1, 0.1, 0.8], [0.3, 0.4, 0.3]]).double()
CHAINS = tensor(3, 3, dtypes=[torch.float32, torch.int64]) + one(CHAIN[:2])
RUNS = torch.tensor([2.0, 3.0, 5.0, 9.0, 4.0, 7.0]).double()
OF_RUNS = tensor(6, dtypes=[torch.float32, torch.int64]) + one(-RUNS, 0 * RUNS)
TABLE = {
    "reference.conv2d_output_size": (lambda: {"size": 7, "kernel_size": 3}, SIZE),
    "reference.convolution_output_padding": (lambda: {"size": 7, "kernel_size": 3}, SIZE),
    "reference.conv2d": (
        lambda: {"x": X, "weight": X.new_ones(3, 4, 2, 3), "bias": X.new_ones(3)},
        {"x": IMAGE, "weight": WEIGHT, **CONVOLUTION,
         "bias": [k for k in tensor(3, dtypes=LIKE_X) if k is not NONE]},
    ),
    "reference.conv2d_backward": (
        lambda: {"x": X, "weight": X.new_ones(3, 4, 2, 3), "grad_output": X.new_ones(2, 3, 4, 4)},
        {"x": IMAGE, "weight": WEIGHT, **CONVOLUTION,
         "grad_output": tensor(2, 3, 4, 4, dtypes=LIKE_X)},
    ),
    "reference.conv_transpose2d": (
        lambda: {"x": X, "weight": X.new_ones(4, 3, 2, 3)},
        {"x": IMAGE, "weight": tensor(4, 3, 2, 3, dtypes=LIKE_X), **CONVOLUTION,
         "output_padding": pair(0)},
    ),
    "reference.max_pool2d": (lambda: {"x": X, "kernel_size": 2}, POOLING),
    "reference.avg_pool2d": (lambda: {"x": X, "kernel_size": 2}, POOLING),
    "reference.max_pool2d_backward": (
        lambda: {"x": X, "grad_output": X.new_ones(2, 4, 4, 4), "kernel_size": (2, 3), "stride": 1},
        POOLING | {"grad_output": GRADIENT},
    ),
    "reference.avg_pool2d_backward": (
        lambda: {"x": X, "grad_output": X.new_ones(2, 4, 4, 4), "kernel_size": (2, 3), "stride": 1},
        POOLING | {"grad_output": GRADIENT},
    ),
    "reference.receptive_field": (
        lambda: {"layers": [(3, 1, 1)]},
        {"layers": [NONE, st.integers(), TEXT.filter(bool), TENSORS,
                    *one([3], [(3, 1)], 2 * [(3, 1, 1, 1)], [(3, 0, 1)], [(3, 1, 1.0)])]},
    ),
    "reference.rnn": recurrent(1, "h0"),
    "reference.rnn_backward": recurrent(1, "h0", "grad_h"),
    "reference.lstm": recurrent(4, "h0", "c0"),
    "reference.lstm_backward": recurrent(4, "h0", "c0", "grad_h", "grad_c"),
    "reference.gru": recurrent(3, "h0"),
    "reference.gru_backward": recurrent(3, "h0", "grad_h"),
    "accounting.predict": (lambda: {"model": nn.Linear(3, 2), "input_shape": (2, 3)}, COST),
    "accounting.measure": (lambda: {"model": nn.Linear(3, 2), "input_shape": (2, 3)}, COST),
    "data.load_mnist": (dict, {"path": [k for k in PATH if k is not NONE]}),
    "data.load_known_texts": (
        lambda: {"kind": "new"},
        {"kind": [NONE, st.integers(), TENSORS, TEXT]},
    ),
    "data.load_passages": (dict, {}),
    "data.load_photographs": (dict, {}),
    "data.load_japanese_vowels": (dict, {}),
    "data.load_published_models": (dict, {"path": [k for k in PATH if k is not NONE]}),
    "data.load_text": (dict, {"path": [k for k in PATH if k is not NONE]}),
    "data.split_text": (
        lambda: {"text": "one\ntwo\n"},
        {"text": [NONE, st.integers(), TENSORS, *one(b"one\ntwo\n", "", "one", "one\n")],
         "share": [*real(above=0), st.floats(1)]},
    ),
    "data.windows": (
        lambda: {"tokens": torch.arange(7), "length": 3},
        {"tokens": [NONE, st.integers(), TEXT, SIZES.filter(lambda s: len(s) != 1).map(torch.ones),
                    *one([1, 2], torch.ones(7), torch.ones(7) > 0, torch.arange(3), numpy.ones(7),
                         numpy.array(["a"] * 7), torch.arange(7).to_sparse())],
         "length": integer(1), "stride": integer(1, optional=True)},
    ),
    "data.markov_chain": (
        lambda: {"size": 5, "seed": 1}, {"size": integer(2), "seed": integer(0)},
    ),
    "data.markov_rows": (
        lambda: {"P": CHAIN, "rows": 2, "length": 4, "seed": 1},
        {"P": CHAINS, "rows": integer(1), "length": integer(1), "seed": integer(0)},
    ),
    "data.entropy_rate": (lambda: {"P": CHAIN}, {"P": CHAINS}),
    "accounting.fit_scaling_law": (
        lambda: {"num_params": RUNS, "num_tokens": RUNS.flip(0), "losses": 2 + 1 / RUNS},
        {"num_params": OF_RUNS, "num_tokens": OF_RUNS, "losses": OF_RUNS,
         "floor": real(optional=True)},
    ),
    "optim.orthogonalize": (
        lambda: {"matrices": X},
        {"matrices": [*NO_TENSOR, *one(*FEW_AXES, X.numpy(), X.long(),
                                       X.to(torch.float8_e4m3fn))], "steps": integer(1)},
    ),
    "optim.Lion": (
        lambda: {"params": [torch.ones(3, 2)]},
        {"params": OPTIMISED, "lr": real(0), "betas": BETAS, "weight_decay": real(0)},
    ),
    "optim.Shampoo": (
        lambda: {"params": [torch.ones(3, 2)]},
        {"params": OPTIMISED, "lr": real(0), "weight_decay": real(0),
         "momentum": real(0, 1), "memory": real(0, 1), "nesterov": FLAG, "every": integer(1),
         "longest": integer(1), "eps": real(0)},
    ),
    "optim.Muon": (
        lambda: {"params": [torch.ones(3, 2)]},
        {"params": one([torch.ones(3)], [torch.ones(3, 2).long()], [torch.ones(0, 2)], [], "a",
                       None, [3], [torch.ones(3, 2) + 0j]),
         "lr": real(0), "weight_decay": real(0), "momentum": real(0, 1), "nesterov": FLAG,
         "dtype": [st.integers(), TEXT, TENSORS, *one(torch.int8, torch.bool)]},
    ),
    "optim.MuonAdamW": (
        lambda: {"model": models.MLP([3, 4, 2])},
        {"model": [*MODEL, *one(nn.Linear(3, 2), nn.ReLU())], "lr": real(0),
         "weight_decay": real(0), "betas": BETAS},
    ),
    "models.next_token_probabilities": (
        lambda: {"logits": X},
        {"logits": [*NO_TENSOR, *one(torch.ones(()), X.numpy(), X.long(), X[..., :0], X * math.nan,
                                     X + math.inf)], **SAMPLING},
    ),
    "models.generate": (
        lambda: {"model": small_gpt(), "prompt": torch.ones(1, 2).long(), "max_new_tokens": 1},
        {"model": [*MODEL, *one(nn.ReLU())],
         "prompt": [*NO_TENSOR, SIZES.filter(lambda s: len(s) != 2).map(torch.ones),
                    *one([[1]], torch.ones(1, 2), torch.ones(1, 2) > 0, torch.ones(1, 0).long(),
                         torch.full((1, 2), 7), torch.full((1, 2), -1))],
         "lengths": [st.integers(), TEXT, SIZES.filter(lambda s: len(s) != 1).map(torch.ones),
                     *one([2], torch.ones(1), torch.ones(2).long(), torch.zeros(1).long(),
                          torch.full((1,), 3))],
         "max_new_tokens": integer(0), "seed": integer(0), "use_cache": FLAG, **SAMPLING},
    ),
    "models.GGUF": (lambda: {"path": tiny_model()}, {"path": PATH}),
    "models.dequantize": (
        lambda: {"blocks": numpy.zeros((3, 20), numpy.uint8), "kind": "Q4_1"},
        {"blocks": [NONE, st.integers(), TEXT, TENSORS,
                    *one(numpy.zeros((3, 20)), numpy.zeros((3, 18), numpy.uint8))],
         "kind": CHOICE},
    ),
    "models.load_pretrained": (
        lambda: {"path": tiny_model()},
        {"path": PATH, "dtype": [*CHOICE, *one(torch.int8)]},
    ),
    "models.save_pretrained": (
        lambda: {"model": models.load_pretrained(tiny_model())[0], "folder": folder().name,
                 "rope_base": 500.0},
        {"model": MODEL, "folder": [k for k in PATH if k is not TEXT],
         "rope_base": [*real(above=0), *one(400.0)]},
    ),
    "models.attention": (lambda: {"q": Q, "k": K, "v": V}, ATTENTION),
    "models.attention_weights": (
        lambda: {"q": Q, "k": K},
        {name: kinds for name, kinds in ATTENTION.items() if name != "v"},
    ),
    "models.causal_mask": (
        lambda: {"t": 2, "s": 3},
        {"t": [kind for kind in integer(1) if kind is not NONE], "device": PASSED_ON,
         "s": integer(2, optional=True)},
    ),
    "models.padding_mask": (
        lambda: {"lengths": LENGTHS, "s": 4},
        {"lengths": LENGTHS_KINDS, "s": [*integer(1)]},
    ),
    "models.DotProductAttention": (dict, {}),
    "models.tiled_attention": (
        lambda: {"q": Q, "k": K, "v": V},
        ATTENTION | {"causal": FLAG, "tile_size": pair(1)},
    ),
    "reference.attention": (lambda: {"q": Q, "k": K, "v": V}, ATTENTION),
    "reference.attention_backward": (
        lambda: {"q": Q, "k": K, "v": V, "grad_output": GRAD_OUT},
        ATTENTION | {"grad_output": [*NO_TENSOR, *one(*FEW_AXES, GRAD_OUT.long(), GRAD_OUT[:1])]},
    ),
    "models.sinusoidal": (
        lambda: {"length": 3, "d_model": 4},
        {"length": integer(1), "d_model": [*integer(2), *one(3)], "base": real(above=0)},
    ),
    "models.rotary_tables": (
        lambda: {"length": 3, "d_head": 4},
        {"length": integer(1), "d_head": [*integer(2), *one(3)], "base": real(above=0),
         "scaling": [st.integers(), TEXT, TENSORS, *one((8.0, 1.0, 4.0, 64), {"factor": 8.0},
                     *(RotaryScaling(*v) for v in ((0.0,), (8.0, -1.0), (8.0, 1.0, 1.0),
                                                   (8.0, 1.0, 4.0, 2.5), (8.0, 1.0, 4.0, 0))))]},
    ),
    "models.rotate": (
        lambda: {"x": TURNED, "cos": TABLE_ROWS, "sin": TABLE_ROWS},
        {"x": [*NO_TENSOR, *one(*FEW_AXES, TURNED.numpy(), TURNED.long(), TURNED[..., :5])]}
        | {name: [*NO_TENSOR, *one(*FEW_AXES, TABLE_ROWS.numpy(), TABLE_ROWS.long(),
                                   TABLE_ROWS[:1], TABLE_ROWS[:, :1], TABLE_ROWS[:3],
                                   TABLE_ROWS.expand(3, 4, 3), TABLE_ROWS[None, None])]
           for name in ("cos", "sin")},
    ),
    "accounting.counted_flops": (
        lambda: {"function": lambda: torch.ones(2, 3) @ torch.ones(3, 4)},
        {"function": one(3, torch.ones(2))},
    ),
    "accounting.saved_tensors": (
        lambda: {"function": lambda: torch.ones(2, 3, requires_grad=True).exp()},
        {"function": one(3, lambda: 3, lambda: torch.ones(2))},
    ),
    "accounting.peak_bytes": (
        lambda: {"function": lambda: torch.ones(3)},
        {"function": [NONE, st.integers(), TEXT]},
    ),
    "data.language_model_file": (dict, {}),
    "data.PretrainedTokenizer": (
        lambda: {"tokens": ["a", "b", "ab"], "merges": ["a b"]},
        {"tokens": [NONE, st.integers(), TENSORS, *one([3], ["a", "a", "b", "ab"], [" "])],
         "merges": [NONE, st.integers(), TENSORS, *one([3], ["ab"], ["a c"])],
         "special_tokens": [NONE, st.integers(), TENSORS, *one("a", ["c"], [3], ["a", "a"])]},
    ),
    "data.CharTokenizer": (
        lambda: {"text": "abc"}, {"text": [NONE, st.integers(), TENSORS, *one(b"abc", "")]},
    ),
    "data.BytePairTokenizer": (
        dict,
        {"merges": [NONE, st.integers(),
                    *one([3], ["ab"], [(1, 2, 3)], [(1,)], [(1, 999)], [(-1, 2)], [(1.0, 2)])],
         "special_tokens": [NONE, st.integers(), TEXT, TENSORS,
                            *one([1], [b"a"], [""], ["a", "a"])],
         "pattern": [NONE, st.integers(), TENSORS, *one("(", "[a", r"\pL", r"\p{Foo}", b"a")]},
    ),
    "data.split": (
        lambda: {"x": ROWS, "y": CLASSES, "sizes": [2, 3]},
        {"x": [NONE, TEXT, st.floats(), *one(ROWS.numpy(), ROWS[:5], torch.tensor(1.0))],
         "y": tensor(8, dtypes=[torch.float32, torch.int32, torch.bool]),
         "sizes": [NONE, st.integers(), TEXT, TENSORS,
                   *one([], [0], [-1, 2], [2.0], [True], ["2"], [4, 5])],
         "seed": integer(0)},
    ),
    "sequences.check_lengths": (
        lambda: {"lengths": LENGTHS},
        {"lengths": LENGTHS_KINDS, "batch": PASSED_ON, "size": PASSED_ON, "name": PASSED_ON},
    ),
    "sequences.mask": (
        lambda: {"lengths": LENGTHS},
        {"lengths": LENGTHS_KINDS, "size": [*integer(4, optional=True)]},
    ),
    "sequences.last": (lambda: {"x": STEPS, "lengths": LENGTHS}, PADDED),
    "sequences.mean": (lambda: {"x": STEPS, "lengths": LENGTHS}, PADDED),
    "sequences.pack": (lambda: {"x": STEPS, "lengths": LENGTHS}, PADDED),
    "sequences.unpack": (
        lambda: {"packed": sequences.pack(STEPS, LENGTHS)},
        {"packed": [NONE, TEXT, TENSORS, st.just((STEPS, LENGTHS))],
         "size": integer(4, optional=True)},
    ),
    "data.random_shift": (
        lambda: {"x": X, "pixels": 1, "generator": torch.Generator()},
        {"x": tensor(2, 4, 5, 6, dtypes=[]), "pixels": integer(0), "generator": GENERATOR},
    ),
    "data.random_affine": (
        lambda: {"x": X, "generator": torch.Generator()},
        {"x": IMAGE, "degrees": real(0, 180), "translate": real(0), "generator": GENERATOR,
         "scale": [NONE, st.floats(), TEXT, TENSORS,
                   *one((), (1.0,), (1, 2, 3), (0, 1), (2, 1), ("1", 2), (1, math.nan))]},
    ),
    "models.ArticleCNN": (dict, {}),
    "models.RecognitionCNN": (
        dict,
        {"image_size": pair(4), "in_channels": integer(1), "num_classes": integer(1),
         "channels": pair(1), "relu": FLAG, "batch_norm": FLAG, "dropout": real(0, 1)},
    ),
    "models.ArticleRNN": (
        lambda: {"input_size": 3, "hidden_size": 4, "num_layers": 1, "num_classes": 2},
        dict.fromkeys(("input_size", "hidden_size", "num_layers", "num_classes"), integer(1)),
    ),
    "models.SequenceClassifier": (
        lambda: {"input_size": 3, "hidden_size": 4, "num_classes": 2},
        {"input_size": integer(1), "hidden_size": integer(1), "num_classes": integer(1),
         "cell": CHOICE, "num_layers": integer(1), "bidirectional": FLAG, "readout": CHOICE,
         "dropout": real(0, 1)},
    ),
    "models.ArticleSelfAttention": (lambda: {"d_model": 3}, {"d_model": integer(1)}),
    "models.MultiHeadAttention": (
        lambda: {"d_model": 8, "num_heads": 4},
        {name: BLOCK[name] for name in ("d_model", "num_heads", "bias", "dropout")}
        | {"num_kv_heads": [*integer(1, optional=True), *one(3, 8)], "qkv_bias": OTHER_FLAG,
           "d_head": integer(1, optional=True), "out_bias": OTHER_FLAG, "qk_norm": FLAG,
           "norm_eps": real(above=0)},
    ),
    "models.FeedForward": (
        lambda: {"d_model": 8, "d_ff": 5},
        {name: BLOCK[name] for name in ("d_model", "d_ff", "activation", "bias")},
    ),
    "models.Block": (lambda: {"d_model": 8, "num_heads": 4, "d_ff": 5}, BLOCK),
    "models.GPT": (
        lambda: {"vocab_size": 7, "context": 4, "d_model": 8, "num_layers": 1, "num_heads": 4},
        {name: BLOCK[name] for name in ("d_model", "num_heads", "norm", "norm_eps")}
        | {"vocab_size": integer(1), "context": integer(1), "num_layers": integer(1),
           "d_ff": integer(1, optional=True), "positions": CHOICE, "rope_base": real(above=0),
           "rope_scaling": [st.integers(), TEXT, *one((8.0, 1.0, 4.0, 64))],
           "window": integer(1, optional=True), "embedding_scale": real(), "init": CHOICE,
           "tie_embeddings": FLAG, "head_bias": FLAG},
    ),
    "models.KVCache": (  # made by GPT.new_cache
        lambda: {"num_layers": 1, "shape": (1, 2, 4, 2), "dtype": None, "device": "cpu"},
        dict.fromkeys(("num_layers", "shape", "dtype", "device"), PASSED_ON),
    ),
    "models.MLP": (
        lambda: {"sizes": [3, 2]},
        {"sizes": [NONE, st.integers(), TEXT, TENSORS,
                   *one([], [3], [3, 0], [3, -2], [3, 2.0], [True, 2], ["3", 2])]},
    ),
    "training.learning_rate": (
        lambda: {"schedule": "cosine", "step": 0, "num_steps": 5, "lr": 0.1},
        {"schedule": [*CHOICE, *one(lambda s, n, lr: -lr, lambda s, n, lr: "fast")],
         "step": [*integer(0), st.integers(5)], "num_steps": integer(1),
         "lr": real(above=0)},
    ),
    "training.fit": (
        lambda: {"model": nn.Linear(3, 2), "train": (ROWS, CLASSES), "epochs": 1,
                 "progress": False, "device": "cpu"},
        {"model": [*MODEL, *one(nn.ReLU()), *UNMADE], "train": PART,
         "test": [kind for kind in PART if kind is not NONE],
         "epochs": integer(1), "batch_size": integer(1), "lr": real(above=0),
         "weight_decay": real(0), "optimizer": [*CHOICE, *BAD_CALLABLES, *one(torch.optim.Adam)],
         "schedule": [*CHOICE, *BAD_CALLABLES, *one(WarmUp, lambda s, n, lr: math.nan)],
         "betas": BETAS, "micro_batch_size": integer(1, optional=True),
         "label_smoothing": real(0, 1), "augment": [*CALLABLE, *BAD_CALLABLES],
         "loss": [*CALLABLE, *BAD_CALLABLES],
         "clip_norm": real(above=0, optional=True), "seed": [*integer(0), st.integers(2**32)],
         "device": [*DEVICE, *ABSENT], "dtype": TRAINING_FORMAT,
         "checkpoint": [kind for kind in PATH if kind is not NONE],
         "checkpoint_every": integer(1, optional=True), "progress": FLAG, "sharded": FLAG,
         "truncate": integer(1, optional=True), "on_step": [*CALLABLE, *BAD_CALLABLES]},
    ),
    "training.ranks": (
        lambda: {"device": "cpu"}, {"device": [*DEVICE, *ABSENT], "sharded": FLAG},
    ),
    "training.evaluate": (
        lambda: {"model": nn.Linear(3, 2), "data": (ROWS, CLASSES)},
        {"model": [*MODEL, *UNMADE], "data": PART, "batch_size": integer(1),
         "device": [*DEVICE, *ABSENT],
         "dtype": TRAINING_FORMAT, "loss": [*CALLABLE, *BAD_CALLABLES]},
    ),
    "plotting.figure": (
        dict,
        {"rows": integer(1), "columns": integer(1), "width": real(above=0),
         "height": real(above=0)},
    ),
    "plotting.show": (
        lambda: {"fig": axes()[0].figure, "alt": "A grid without anything in it."},
        {"fig": [NONE, st.integers(), TEXT, TENSORS], "alt": [NONE, st.integers(), TEXT, TENSORS],
         "kind": CHOICE},
    ),
    "plotting.images": (
        lambda: {"pictures": X[0, :2], "axes": axes()},
        {"pictures": [NONE, st.integers(), TEXT,
                      *one(list(X[0, :3]), [X], [X[0]], [X[0, 0, :0]], [["a"]])],
         "axes": AXES, "titles": [st.integers(), TEXT, *one(["a"], ["a", "b", "c"])],
         "vmin": real(optional=True), "vmax": real(optional=True), "cmap": PASSED_ON},
    ),
    "plotting.heatmap": (
        lambda: {"matrix": X[0, 0], "ax": axes()[0]},
        {"matrix": MATRIX, "ax": AXES, "annotate": FLAG, "digits": integer(0), "symmetric": FLAG,
         "cmap": PASSED_ON},
    ),
    "plotting.confusion": (
        lambda: {"matrix": torch.eye(3, dtype=torch.int64), "ax": axes()[0]},
        {"matrix": [*MATRIX, *one(torch.ones(2, 3).long(), torch.eye(2), -torch.eye(2).long())],
         "ax": AXES, "names": [st.integers(), TEXT, *one([], ["a"], list("abcd"))]},
    ),
    "plotting.history": (
        lambda: {"record": History(losses=[2.0, 1.0]), "ax": axes()[0]},
        {"record": [NONE, st.integers(), TEXT, TENSORS,
                    *one(History(), History(losses=[math.nan]))],
         "ax": AXES, "label": PASSED_ON, "color": PASSED_ON},
    ),
    "plotting.spread": (
        lambda: {"groups": {"a": [0.5]}, "ax": axes()[0]},
        {"groups": [NONE, st.integers(), TEXT, TENSORS,
                    *one({}, {"a": []}, {"a": 1.0}, {"a": "b"}, {"a": [math.nan]}, {"a": [[1.0]]})],
         "ax": AXES, "percent": FLAG},
    ),
    "training.save_checkpoint": (
        lambda: {"path": Path(folder().name) / "state.pt", "state": {"a": [1, 2.0, X]}},
        {"path": PATH, "state": one(object(), {1, 2}, {"a": [len]}, {1.5: 2}, numpy.float64(1),
                                    {"a": torch.ones(2, device="meta")}, CYCLE)},
    ),
    "training.load_checkpoint": (
        lambda: {"path": saved()},
        {"path": PATH, "map_location": [*DEVICE, *ABSENT]},
    ),
    "training.load_model": (
        lambda: {"path": saved(), "model": nn.Linear(3, 2)},
        {"path": PATH, "model": MODEL},
    ),
}  # fmt: skip
ARGUMENTS = [
    (function, argument)
    for function, (_, arguments) in TABLE.items()
    for argument, kinds in arguments.items()
    if kinds
]


@pytest.fixture(autouse=True, scope="module")
def quiet():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(IPython.display, "display", lambda *args, **options: None)
        yield
    folder().cleanup()


def find(name):
    module, _, function = name.rpartition(".")
    return getattr(importlib.import_module(f"bigmodel_utils.{module}"), function)


def public():
    """Return the public functions and the classes that do something, as the table names them."""
    names = []
    for module in MODULES:
        for name in importlib.import_module(f"bigmodel_utils.{module}").__all__:
            thing = find(f"{module}.{name}")
            holds_data = dataclasses.is_dataclass(thing) or hasattr(thing, "_fields")
            if callable(thing) and not holds_data:
                names.append(f"{module}.{name}")
    return names


def test_every_public_function_is_in_the_table():
    assert sorted(public()) == sorted(TABLE)


@pytest.mark.parametrize("name", TABLE)
def test_every_argument_is_in_the_table(name):
    parameters = inspect.signature(find(name)).parameters.values()
    expected = {p.name for p in parameters if p.kind is not p.VAR_KEYWORD}
    assert set(TABLE[name][1]) == expected


@pytest.mark.parametrize("name", TABLE)
def test_the_good_call_is_good(name):
    find(name)(**TABLE[name][0]())


def shapes(value):
    """Return the shape of each tensor in ``value`` that a message should tell."""
    return [tuple(value.shape)] if isinstance(value, torch.Tensor) else []


@pytest.mark.parametrize(("name", "argument"), ARGUMENTS)
@settings(deadline=None, derandomize=True, max_examples=4, phases=[Phase.generate])
@given(data=st.data())
def test_a_bad_value_is_named(name, argument, data):
    good, arguments = TABLE[name]
    for kind in arguments[argument]:
        bad = data.draw(kind)
        with pytest.raises((TypeError, ValueError)) as raised:
            find(name)(**good() | {argument: bad})
        message = str(raised.value)
        assert re.match(rf"{argument}\b", message), f"{bad!r}: {message}"
        assert all(str(shape) in message for shape in shapes(bad)), f"{bad!r}: {message}"


def test_a_function_without_checks_would_be_noticed(monkeypatch):
    """The property fails for a function that takes anything."""
    monkeypatch.setitem(TABLE, "models.MLP", (TABLE["models.MLP"][0], {"sizes": one([3, 2])}))
    test = test_a_bad_value_is_named.hypothesis.inner_test
    drawn = type("Data", (), {"draw": staticmethod(lambda kind: [3, 2])})
    with pytest.raises(pytest.fail.Exception, match="DID NOT RAISE"):
        test("models.MLP", "sizes", drawn)
    assert isinstance(models.MLP([3, 2]), nn.Module)
