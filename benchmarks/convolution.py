"""Compare ways to compute one convolution: torch, im2col, FFT and loops over indices.

    python benchmarks/convolution.py [--repeats N] [--threads N]

Repeats are interleaved, so that another load on the machine hits all ways alike; the median
of the ratios is printed. With one thread, the default, time is the process's CPU time, else
time on the wall. Every way is checked against torch before it is timed.
"""

import argparse
import statistics

from _timing import timed

from bigmodel_utils.device import setup

SAMPLE_SECONDS = 0.02  # a way is run so often that one sample takes at least this long


def im2col(x, weight, padding):
    """Return the convolution as one matrix product over unfolded windows."""
    import torch.nn.functional as F

    c_out, _, kh, kw = weight.shape
    columns = F.unfold(x, (kh, kw), padding=padding)  # (b, c_in * kh * kw, h_out * w_out)
    out = weight.flatten(1) @ columns  # (b, c_out, h_out * w_out)
    return out.view(len(x), c_out, x.shape[2] + 2 * padding - kh + 1, -1)


def fft(x, weight, padding):
    """Return the convolution as a product of spectra, summed over the input channels."""
    import torch

    kh, kw = weight.shape[2:]
    # The kernel is shorter than the padded image, so a period of that length wraps nothing
    # into the cells that are kept.
    size = x.shape[2] + 2 * padding, x.shape[3] + 2 * padding
    image = torch.nn.functional.pad(x, (padding,) * 4)
    # The conjugate turns the convolution of the theorem into deep learning's correlation.
    spectra = torch.fft.rfft2(image), torch.fft.rfft2(weight, s=size).conj()
    out = torch.einsum("bchw,ochw->bohw", *spectra)
    return torch.fft.irfft2(out, s=size)[:, :, : size[0] - kh + 1, : size[1] - kw + 1]


def torch_conv(x, weight, padding):
    """Return torch's own convolution."""
    import torch.nn.functional as F

    return F.conv2d(x, weight, padding=padding)


def loops(x, weight, padding):
    """Return the convolution by the package's oracle."""
    from bigmodel_utils import reference

    return reference.conv2d(x, weight, padding=padding)


def compare(name, ways, x_shape, weight_shape, *, repeats):
    """Time torch and ``ways`` in turn on random data; print how fast they are beside torch."""
    import torch

    generator = torch.Generator().manual_seed(0)
    x = torch.randn(x_shape, generator=generator)
    weight = torch.randn(weight_shape, generator=generator) / weight_shape[1:].numel() ** 0.5
    args = (x, weight, weight_shape[2] // 2)
    expected = torch_conv(*args)
    numbers = {}
    for way in (torch_conv, *ways):
        torch.testing.assert_close(way(*args), expected, atol=1e-4, rtol=1e-4)
        once = timed(way, *args)[1]
        numbers[way] = max(1, int(SAMPLE_SECONDS / max(once, 1e-6)))
    times = {way: [] for way in numbers}
    for repeat in range(repeats):
        for way in list(numbers)[:: 1 if repeat % 2 == 0 else -1]:
            times[way].append(timed(way, *args, number=numbers[way])[1])
    print(f"{name}: torch {1e3 * statistics.median(times[torch_conv]):.3g} ms")
    for way in ways:
        ratio = statistics.median(
            ours / other for ours, other in zip(times[torch_conv], times[way], strict=True)
        )
        print(f"    {way.__name__:7s} {ratio:8.3g} of torch's speed", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    setup(0, threads=options.threads)
    import torch

    print(f"threads {options.threads}, float32, torch {torch.__version__}")
    for name, ways, b, c, size, kernel_size in (
        ("3x3, 64 channels, 32x32 images", (im2col, fft), 4, 64, 32, 3),
        ("31x31, 16 channels, 32x32 images", (im2col, fft), 4, 16, 32, 31),
        ("3x3, 3 channels, 8x8 images", (im2col, fft, loops), 2, 3, 8, 3),
    ):
        shapes = (torch.Size((b, c, size, size)), torch.Size((c, c, kernel_size, kernel_size)))
        compare(f"{name}, batch of {b}", ways, *shapes, repeats=options.repeats)


if __name__ == "__main__":
    main()
