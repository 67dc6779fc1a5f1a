"""Compare ways to run a trained model: exported and eager, eight bits and 32, many askers and one.

    python benchmarks/deployment.py [--rounds N] [--calls N] [--layers N]

The models, with random weights: the book's CNN and a small GPT, exported to ONNX and run by ONNX
Runtime, whose outputs must equal the eager ones to 1e-5; a linear layer from 1,024 to 4,096
features, in float32 and by PyTorch's dynamic int8; and the shape of SmolLM2-135M with its cache,
writing for one asker and for 16. One thread; time is the process's CPU time; rounds are
interleaved, and the median of the ratios is printed.
"""

import argparse
import io
import statistics
import warnings

from _timing import timed

from bigmodel_utils.device import setup


def ratio(slow, fast, rounds, calls):
    """Return the median over rounds of slow's time over fast's."""
    slow(), fast()
    found = []
    for _ in range(rounds):
        one = min(timed(slow)[1] for _ in range(calls))
        found.append(one / max(min(timed(fast)[1] for _ in range(calls)), 1e-9))
    return statistics.median(found)


def judged(name, found, goal=None):
    """Print a ratio, and whether it reaches its goal."""
    verdict = "" if goal is None else f", goal {goal}: {'reached' if found >= goal else 'MISSED'}"
    print(f"{name}: {found:.2f} times as fast{verdict}")


def exported(model, example):
    """Return a function that runs the model's ONNX file on one thread; axis 0 may vary."""
    import onnxruntime
    import torch

    from bigmodel_utils.serving import quiet_exporter

    axes, file = ({0: torch.export.Dim("b")},), io.BytesIO()
    with quiet_exporter():
        program = torch.onnx.export(
            model, (example,), dynamo=True, dynamic_shapes=axes, verbose=False
        )
    program.save(file)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(file.getvalue(), options, ["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    return lambda x: torch.from_numpy(session.run(None, {name: x.numpy()})[0])


def exports(rounds, calls):
    """Print exported over eager."""
    import torch

    from bigmodel_utils import models

    cnn = models.RecognitionCNN().eval()
    size = dict(context=64, d_model=96, num_layers=2, num_heads=4)
    gpt = models.GPT(1024, **size, init="gpt2").eval()
    for name, model, draw, goal in (
        ("CNN", cnn, lambda b: torch.randn(b, 1, 28, 28), 2.0),
        ("GPT", gpt, lambda b: torch.randint(1024, (b, 64)), None),
    ):
        run = exported(model, draw(3))
        for b in (1, 64):
            x = draw(b)
            apart = (run(x) - model(x)).abs().max().item()
            assert apart < 1e-5, f"{name}, batch {b}: outputs differ by {apart:.2g}"
            found = ratio(lambda m=model, x=x: m(x), lambda r=run, x=x: r(x), rounds, calls)
            judged(f"{name} exported, batch {b}, over eager", found, goal)


def integers(rounds, calls):
    """Print int8 over float32 at few rows."""
    import torch

    layer = torch.nn.Sequential(torch.nn.Linear(1024, 4096))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        short = torch.ao.quantization.quantize_dynamic(layer, {torch.nn.Linear}, dtype=torch.qint8)
    for b in (1, 2, 4, 8):
        x = torch.randn(b, 1024)
        off = ((short(x) - layer(x)).norm() / layer(x).norm()).item()
        assert off < 0.05, f"int8, {b} rows: relative error {off:.2g}"
        found = ratio(lambda x=x: layer(x), lambda x=x: short(x), rounds, 4 * calls)
        judged(f"int8 linear, {b} rows, error {off:.1%}, over float32", found, 3.0)


def askers(num_layers, rounds):
    """Print the tokens a second of 16 askers over those of one."""
    import torch

    from bigmodel_utils import models

    size = dict(context=32, d_model=576, num_layers=num_layers, num_heads=9, num_kv_heads=3)
    size |= dict(d_ff=1536, activation="swiglu", tie_embeddings=True)
    model = models.GPT(49_152, **size).eval()

    def step(b):
        cache, new = model.new_cache(b), torch.zeros(b, 1, dtype=torch.int64)
        model(new, cache)

        def write():
            cache.length = 1
            model(new, cache)

        return write

    found = 16 * ratio(step(1), step(16), rounds, 3)
    judged(f"{num_layers} blocks, 16 askers over one, tokens together", found)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--calls", type=int, default=20)
    parser.add_argument("--layers", type=int, default=30)
    options = parser.parse_args()
    if min(vars(options).values()) < 1:
        parser.error("expected at least 1 of each")
    setup(0, threads=1)
    import torch

    from bigmodel_utils.serving import check_exporter

    check_exporter()
    torch.set_grad_enabled(False)
    print(f"threads 1, torch {torch.__version__}, {torch.backends.cpu.get_cpu_capability()}")
    exports(options.rounds, options.calls)
    integers(options.rounds, options.calls)
    askers(options.layers, options.rounds)


if __name__ == "__main__":
    main()
