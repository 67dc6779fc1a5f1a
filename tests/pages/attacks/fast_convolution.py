"""Wrong answers that the checkers of the page "Fast convolution" must reject."""

import torch
import torch.nn.functional as F


def _svd(kernel, *, scale=lambda s: s, flip=False):
    a, sizes, b = torch.linalg.svd(kernel)
    column, row = scale(sizes[0]) * a[:, 0], b[0]
    return (row, column) if flip else (column, row)


def _scale_input(x, weight):
    x *= 2  # changes the caller's tensor
    return _windows(x, weight) / 2


def _windows(x, w, rule="bcijkl,ckl->bcij"):
    return torch.einsum(rule, x.unfold(2, w.shape[1], 1).unfold(3, w.shape[2], 1), w)


def _tiles(x, w, *, half=0.5, sign=-1, late=False):
    x0, x1, x2, x3 = x[..., :-2:2], x[..., 1:-2:2], x[..., 2::2], x[..., 3::2]
    m0, m3 = (x0 - x2) * w[0], (x1 - x3) * w[2]
    m1, m2 = (x1 + x2) * (w.sum() * half), (x2 - x1) * ((w[0] - w[1] + w[2]) * half)
    pair = [m0 + m1 + m2, m1 - m2 + sign * m3]
    return torch.cat(pair, -1) if late else torch.stack(pair, -1).flatten(-2)


def _loop(x, w):
    places = [(x[..., i : i + 3] * w).sum(-1) for i in range(x.shape[-1] - 2)]
    return torch.stack([y + 0 * y + 0 * y + 0 * y + 0 * y for y in places], -1)


def _spectra(x, w, g, *, rule=None, real=True):
    X, W, G = (torch.fft.fft(t) for t in (x, w, g))
    found = (torch.fft.ifft(v) for v in rule(X, W, G))
    return tuple(v.real if real else v for v in found)


ATTACKS = {
    "separate": {
        "scale forgotten": lambda k: _svd(k, scale=lambda s: 1),
        "scale squared": lambda k: _svd(k, scale=lambda s: s**2),
        "exchanged": lambda k: _svd(k, flip=True),
        "first column and first row": lambda k: (k[:, 0], k[0]),
        "first row, which may be zero": lambda k: (k[:, 0] / k[0, 0], k[0]),
        "means": lambda k: (k.mean(1), k.mean(0)),
    },
    "depthwise_conv2d": {
        "groups": lambda x, w: F.conv2d(x, w[:, None], groups=x.shape[1]),
        "flipped kernel": lambda x, w: _windows(x, w.flip(1, 2)),
        "sums over channels": lambda x, w: (
            _windows(x, w).sum(1, keepdim=True).expand(-1, x.shape[1], -1, -1)
        ),
        "first kernel for all": lambda x, w: _windows(x, w[:1].expand_as(w)),
        "reversed channels": lambda x, w: _windows(x, w.flip(0)),
        "mean instead of sum": lambda x, w: _windows(x, w) / w[0].numel(),
        "changes its argument": _scale_input,
    },
    "winograd_row": {
        "PyTorch's own": lambda x, w: F.conv1d(
            x.reshape(-1, 1, x.shape[-1]), w[None, None]
        ).reshape(*x.shape[:-1], -1),
        "half forgotten": lambda x, w: _tiles(x, w, half=1),
        "sign of the last product": lambda x, w: _tiles(x, w, sign=1),
        "even outputs first": lambda x, w: _tiles(x, w, late=True),
        "taps turned round": lambda x, w: _tiles(x, w.flip(0)),
        "loop over the places": lambda x, w: _loop(x, w),
        "row turned round": lambda x, w: _tiles(x.flip(-1), w).flip(-1),
    },
    "circular_gradients": {
        "by autograd": lambda x, w, g: torch.autograd.grad(
            torch.fft.ifft(
                torch.fft.fft(w.requires_grad_()).conj() * torch.fft.fft(x.requires_grad_())
            ).real,
            (x, w),
            g,
        ),
        "not conjugated": lambda *a: _spectra(
            *a, rule=lambda X, W, G: (W.conj() * G, G.conj() * X)
        ),
        "weight's conjugate": lambda *a: _spectra(*a, rule=lambda X, W, G: (W * G, G * X.conj())),
        "convolved": lambda *a: _spectra(*a, rule=lambda X, W, G: (W * G, G * X)),
        "exchanged": lambda *a: _spectra(*a, rule=lambda X, W, G: (G.conj() * X, W * G)),
        "complex": lambda *a: _spectra(*a, rule=lambda X, W, G: (W * G, G.conj() * X), real=False),
        "forward again": lambda *a: _spectra(*a, rule=lambda X, W, G: (W.conj() * X, G.conj() * X)),
    },
}
