"""Compare ways to run a recurrent layer: a loop over a cell, the same hoisted, and torch.

    python benchmarks/recurrent.py [--rounds N] [--threads N]

``cell loop`` computes both matrix products at each step, as the pages teach it; ``hoisted``
computes the input's for all steps at once, before the loop. Rounds are interleaved, so that
another load on the machine hits all ways alike; the median of the ratios is printed and, in
brackets, their quartiles. With one thread, the default, time is the process's CPU time, else
time on the wall. Every way is checked against torch, gradients included, before it is timed.
"""

import argparse
import statistics

from _timing import timed

from bigmodel_utils.device import setup

SAMPLE_SECONDS = 0.02  # a way is run so often that one sample takes at least this long
STEPS = (16, 64, 256)
B, D_IN, D_HIDDEN = 32, 64, 128


def rnn_step(a, u, h):
    """Return the new state of the simple network, in a tuple, from the sums of x and of h."""
    return ((a + u).tanh(),)


def lstm_step(a, u, h, c):
    """Return the new state and cell of the LSTM."""
    i, f, g, o = (a + u).chunk(4, dim=1)
    c = f.sigmoid() * c + i.sigmoid() * g.tanh()
    return o.sigmoid() * c.tanh(), c


def gru_step(a, u, h):
    """Return the new state of the GRU, in a tuple."""
    (a_r, a_z, a_n), (u_r, u_z, u_n) = a.chunk(3, dim=1), u.chunk(3, dim=1)
    z = (a_z + u_z).sigmoid()
    n = (a_n + (a_r + u_r).sigmoid() * u_n).tanh()
    return ((1 - z) * n + z * h,)


def loop(step, x, weight_ih, weight_hh, bias_ih, bias_hh, *, hoisted, num_states):
    """Return the outputs (b, t, d_hidden) of a layer, step by step."""
    import torch

    states, outputs = (x.new_zeros(len(x), weight_hh.shape[1]),) * num_states, []
    # unbind, not x[:, t]: the gradient of each index would be a tensor as large as all steps.
    for v in (x @ weight_ih.T + bias_ih if hoisted else x).unbind(1):
        a = v if hoisted else v @ weight_ih.T + bias_ih
        states = step(a, states[0] @ weight_hh.T + bias_hh, *states)
        outputs.append(states[0])
    return torch.stack(outputs, dim=1)


def make_ways(kind, step, num_states):
    """Return a torch layer's parameters and three ways by name, functions of x to outputs."""
    import torch

    layer = getattr(torch.nn, kind)(D_IN, D_HIDDEN, batch_first=True)
    parameters = list(layer.parameters())

    def by_loop(hoisted):
        return lambda x: loop(step, x, *parameters, hoisted=hoisted, num_states=num_states)

    ways = {f"nn.{kind}": lambda x: layer(x)[0], "cell loop": by_loop(False)}
    return parameters, ways | {"hoisted": by_loop(True)}


def forward(way, x, parameters, upstream):
    """Run the forward pass alone, as evaluation does."""
    import torch

    with torch.no_grad():
        return way(x)


def forward_and_backward(way, x, parameters, upstream):
    """Run both passes, for the gradients of the parameters (x is data)."""
    import torch

    return torch.autograd.grad(way(x), parameters, upstream)


def check(ways, x, parameters, upstream):
    """Raise AssertionError unless all ways agree in outputs and gradients, in float32."""
    import torch

    results = []
    for way in ways.values():
        leaf = x.clone().requires_grad_()
        out = way(leaf)
        results.append([out, *torch.autograd.grad(out, [leaf, *parameters], upstream)])
    for other in results[1:]:
        for got, expected in zip(other, results[0], strict=True):
            scale = expected.abs().max().item()
            torch.testing.assert_close(got, expected, atol=1e-5 * scale, rtol=1e-4)


def compare(function, ways, *args, rounds):
    """Time all ways in turn; return torch's milliseconds and {way: ratios of its speed}."""
    numbers, times = {}, {name: [] for name in ways}
    for name, way in ways.items():
        once = min(timed(function, way, *args)[1] for _ in range(2))
        numbers[name] = max(1, round(SAMPLE_SECONDS / max(once, 1e-6)))
    for number in range(rounds):
        for name in list(ways)[:: 1 if number % 2 == 0 else -1]:
            times[name].append(timed(function, ways[name], *args, number=numbers[name])[1])
    ours, *others = ways
    ratios = {
        name: [torch_time / t for torch_time, t in zip(times[ours], times[name], strict=True)]
        for name in others
    }
    return 1e3 * statistics.median(times[ours]), ratios


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    if options.rounds < 2:
        parser.error("--rounds: expected at least 2")
    setup(0, threads=options.threads)
    import torch

    print(f"threads {options.threads}, float32, torch {torch.__version__}")
    print(f"batch {B}, input {D_IN}, state {D_HIDDEN}; speeds as shares of the torch layer's")
    for kind, step, num_states in (
        ("RNN", rnn_step, 1),
        ("LSTM", lstm_step, 2),
        ("GRU", gru_step, 1),
    ):
        parameters, ways = make_ways(kind, step, num_states)
        for t in STEPS:
            x, upstream = torch.randn(B, t, D_IN), torch.randn(B, t, D_HIDDEN)
            check(ways, x, parameters, upstream)
            for function in (forward, forward_and_backward):
                milliseconds, ratios = compare(
                    function, ways, x, parameters, upstream, rounds=options.rounds
                )
                passes = function.__name__.replace("_", " ")
                line = f"nn.{kind:4s} T {t:3d}  {passes:20s} {milliseconds:7.2f} ms"
                for name, values in ratios.items():
                    low, middle, high = statistics.quantiles(values, n=4)
                    line += f"   {name} {middle:.2f} ({low:.2f}-{high:.2f})"
                print(line, flush=True)


if __name__ == "__main__":
    main()
