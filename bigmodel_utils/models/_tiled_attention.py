"""Attention in tiles: the exact result, with memory that grows linearly in the length.

The scores are computed a tile at a time and never stored. Each query carries three running
values over the tiles of the keys: the largest score so far, the sum of exponentials and the
weighted sum of values, the latter two relative to that largest score (an online softmax). The
backward pass keeps one number a query, the logarithm of its sum, and computes each tile of the
weights again from it.

Sources: T. Dao, D. Fu, S. Ermon, A. Rudra, C. Re, FlashAttention: Fast and memory-efficient exact
attention with IO-awareness, NeurIPS 2022, arXiv:2205.14135, algorithms 1 and 4, with the order of
the loops of T. Dao, FlashAttention-2, arXiv:2307.08691; M. Milakov and N. Gimelshein, Online
normalizer calculation for softmax, arXiv:1805.02867.
"""

import math

import torch

from bigmodel_utils import arguments

__all__ = ["tiled_attention"]


def tiled_attention(q, k, v, mask=None, *, causal=False, scale=None, tile_size=(128, 256)):
    """Return softmax(scale q k^T) v without ever holding all scores.

    A query that may attend to no key gives output 0 and gradients 0. Half-precision inputs are
    computed in float32, a tile at a time. Differentiable once: a backward pass
    with ``create_graph=True`` raises RuntimeError.

    Args:
        q: (..., t, d), floating point; any leading axes (batch, heads).
        k: (..., s, d), dtype and device of ``q``; leading axes broadcast against those of ``q``.
        v: (..., s, d_v), the same.
        causal: query i sees the keys j <= i + s - t, aligned at the end; tiles beyond are skipped.
        mask: bool, True = may attend, broadcastable to (..., t, s), or None. A tile in which it
            allows nothing is skipped. With ``causal`` both must allow a pair.
        scale: factor of the scores; by default 1 / sqrt(d).
        tile_size: queries and keys of a tile, an integer or two; need not divide the lengths.

    Returns:
        (..., t, d_v), dtype of ``q``.

    Raises:
        TypeError, ValueError: naming the argument, what came and what was expected.
    """
    arguments.tensor("q", q, floating=True)
    if q.ndim < 2:
        raise ValueError(f"q: expected at least 2 axes, (..., t, d), got shape {tuple(q.shape)}")
    arguments.filled("q", q)
    k = _like(q, "k", k, columns=q.shape[-1])
    v = _like(q, "v", v, rows=k.shape[-2])
    causal = arguments.flag("causal", causal)
    scale = q.shape[-1] ** -0.5 if scale is None else arguments.real("scale", scale)
    tile_size = arguments.pair("tile_size", tile_size, minimum=1)
    try:
        lead = torch.broadcast_shapes(q.shape[:-2], k.shape[:-2], v.shape[:-2])
    except RuntimeError:
        shapes = ", ".join(str(tuple(x.shape)) for x in (q, k, v))
        raise ValueError(f"q, k, v: leading axes of {shapes} do not broadcast") from None
    flat = [x.expand(*lead, *x.shape[-2:]).flatten(0, -3) if lead else x[None] for x in (q, k, v)]
    if mask is not None:
        mask = _expanded(mask, (*lead, q.shape[-2], k.shape[-2]), q.device)
    out = _TiledAttention.apply(*flat, mask, causal, scale, tile_size)
    return out.view(*lead, *out.shape[-2:])


def _like(q, name, x, *, rows=None, columns=None):
    arguments.tensor(name, x, dtype=q.dtype)
    shape = ("...", "s" if rows is None else rows, "d_v" if columns is None else columns)
    wrong = x.ndim < 2 or rows not in (None, x.shape[-2]) or columns not in (None, x.shape[-1])
    if wrong:
        expected = ", ".join(map(str, shape))
        raise ValueError(f"{name}: expected shape ({expected}), got {tuple(x.shape)}")
    arguments.filled(name, x)
    if x.device != q.device:
        raise ValueError(f"{name}: expected a tensor on {q.device} as q, got one on {x.device}")
    return x


def _expanded(mask, shape, device):
    """Return the mask as a view of the full shape, which takes no memory of its own."""
    arguments.tensor("mask", mask, dtype=torch.bool)
    if mask.device != device:
        raise ValueError(f"mask: expected a tensor on {device} as q, got one on {mask.device}")
    return arguments.broadcasts("mask", mask, shape).expand(shape)


class _Tiles:
    """Which tiles there are, and the scores of one: what both passes share."""

    def __init__(self, q, k, mask, causal, scale, tile_size):
        self.q, self.k, self.mask, self.causal, self.scale = q, k, mask, causal, scale
        self.wide = torch.promote_types(q.dtype, torch.float32)  # half precision is summed in it
        self.t, self.s = q.shape[1], k.shape[1]
        self.rows, self.columns = min(tile_size[0], self.t), min(tile_size[1], self.s)
        self.buffers = {}

    def row_tiles(self):
        return [slice(i, min(i + self.rows, self.t)) for i in range(0, self.t, self.rows)]

    def column_tiles(self, rows):
        """Return the tiles of keys that some query of ``rows`` can see."""
        last = min(self.s, rows.stop + self.s - self.t) if self.causal else self.s
        return [slice(j, min(j + self.columns, last)) for j in range(0, last, self.columns)]

    def buffer(self, name, rows, columns):
        """Return memory for one tile, the same at every call."""
        b, size = self.q.shape[0], (rows.stop - rows.start) * (columns.stop - columns.start)
        if name not in self.buffers:
            most = b * self.rows * self.columns
            self.buffers[name] = torch.empty(most, dtype=self.wide, device=self.q.device)
        return self.buffers[name][: b * size].view(b, -1, columns.stop - columns.start)

    def scores(self, q, rows, columns):
        """Return the tile's scores, -inf where masked, or None if all are; q is scaled."""
        keep = None
        if self.mask is not None:
            keep = self.mask[..., rows, columns]
            if not keep.any():
                return None
            keep = keep.reshape(-1, *keep.shape[-2:])
        tile = self.buffer("scores", rows, columns)
        torch.bmm(q, self.k[:, columns].to(self.wide).mT, out=tile)
        shift = self.s - self.t
        if self.causal and columns.stop - 1 > rows.start + shift:  # the tile meets the diagonal
            i = torch.arange(rows.start, rows.stop, device=q.device)[:, None]
            j = torch.arange(columns.start, columns.stop, device=q.device)
            tile.masked_fill_(j > i + shift, -math.inf)
        return tile if keep is None else tile.masked_fill_(~keep, -math.inf)


class _TiledAttention(torch.autograd.Function):
    """q (b, t, d), k (b, s, d), v (b, s, d_v), mask of any rank or None."""

    @staticmethod
    def forward(ctx, q, k, v, mask, causal, scale, tile_size):
        tiles = _Tiles(q, k, mask, causal, scale, tile_size)
        out = q.new_empty(*q.shape[:2], v.shape[2])
        log_sum = torch.empty(*q.shape[:2], 1, dtype=tiles.wide, device=q.device)
        # Finite, so that exp(most - most) is 1 for a query that has seen no key yet.
        lowest = torch.finfo(tiles.wide).min
        for rows in tiles.row_tiles():
            q_rows = q[:, rows].to(tiles.wide) * scale
            most = torch.full_like(log_sum[:, rows], lowest)
            total = torch.zeros_like(most)
            sums = torch.zeros_like(out[:, rows], dtype=tiles.wide)
            for columns in tiles.column_tiles(rows):
                p = tiles.scores(q_rows, rows, columns)
                if p is None:
                    continue
                new = torch.maximum(most, p.amax(dim=-1, keepdim=True))
                p.sub_(new).exp_()
                rescale = most.sub_(new).exp_()
                total.mul_(rescale).add_(p.sum(dim=-1, keepdim=True))
                sums.mul_(rescale).baddbmm_(p, v[:, columns].to(tiles.wide))
                most = new
            nothing = total == 0
            out[:, rows] = sums.div_(total.masked_fill(nothing, 1))
            # +inf makes every weight of such a query exp(score - inf) = 0 in the backward pass.
            log_sum[:, rows] = total.log_().add_(most).masked_fill_(nothing, math.inf)
        ctx.save_for_backward(q, k, v, mask, out, log_sum)
        ctx.options = causal, scale, tile_size
        return out

    @staticmethod
    def backward(ctx, grad_output):
        if torch.is_grad_enabled():
            raise RuntimeError("tiled_attention: differentiable once, got create_graph=True")
        q, k, v, mask, out, log_sum = ctx.saved_tensors
        causal, scale, tile_size = ctx.options
        tiles = _Tiles(q, k, mask, causal, scale, tile_size)
        grad_q, grad_k, grad_v = (torch.zeros_like(x, dtype=tiles.wide) for x in (q, k, v))
        for rows in tiles.row_tiles():
            q_rows, grad_rows = (
                q[:, rows].to(tiles.wide) * scale,
                grad_output[:, rows].to(tiles.wide),
            )
            row_sum = (grad_rows * out[:, rows]).sum(dim=-1, keepdim=True)
            for columns in tiles.column_tiles(rows):
                p = tiles.scores(q_rows, rows, columns)
                if p is None:
                    continue
                p.sub_(log_sum[:, rows]).exp_()
                grad_v[:, columns].baddbmm_(p.mT, grad_rows)
                grad_p = tiles.buffer("grad", rows, columns)
                torch.bmm(grad_rows, v[:, columns].to(tiles.wide).mT, out=grad_p)
                grad_s = grad_p.sub_(row_sum).mul_(p)
                grad_q[:, rows].baddbmm_(grad_s, k[:, columns].to(tiles.wide))
                grad_k[:, columns].baddbmm_(grad_s.mT, q_rows)
        grad_q.mul_(scale)  # q_rows was scaled already, so grad_k is complete
        return *(g.to(q.dtype) for g in (grad_q, grad_k, grad_v)), None, None, None, None
