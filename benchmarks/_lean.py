"""Decoding one row in few calls of PyTorch, on float32 matrices or on a file's own codes."""

import torch
import torch.nn.functional as F

from bigmodel_utils.models import rotary_tables

__all__ = ["CodedProducts", "FloatProducts", "Lean"]

_PARTS = {
    "qkv": ("attn_q", "attn_k", "attn_v"), "out": ("attn_output",),
    "gate_up": ("ffn_gate", "ffn_up"), "down": ("ffn_down",),
}  # fmt: skip


class Lean:
    """A GPT of Llama's form that takes one position at a time.

    Keys and values lie in one buffer, the rows of queries, keys and values in one matrix, gate and
    up in another. The rows of a head stand as in a GGUF file, neighbours to be turned together, so
    that a turn is one product of complex numbers.

    Args:
        model: the :class:`bigmodel_utils.models.GPT`, in float32.
        products: its matrices.
        rope_base: of the model's positions.
        context: the most positions.
    """

    def __init__(self, model, products, *, rope_base, context=1024):
        layer = model.blocks[0].attention
        self.products, self.embedding = products, model.embedding.weight
        self.heads, self.kv, self.d_head = layer.num_heads, layer.num_kv_heads, layer.d_head
        self.eps, self.d_model = model.norm.eps, model.norm.weight.numel()
        self.norms = [(block.norm1.weight, block.norm2.weight) for block in model.blocks]
        self.last = model.norm.weight
        self.kept = torch.zeros(len(self.norms), 2 * self.kv, context, self.d_head)
        cos, sin = rotary_tables(context, self.d_head, base=rope_base)  # (context, d_head / 2)
        self.turns = torch.complex(cos, sin).repeat(1, self.heads + self.kv)

    def _normed(self, x, weight):
        # RMSNorm: fewer calls than PyTorch's own needs on the CPU.
        length = torch.linalg.vector_norm(x).item()
        return (x * (self.d_model / (length * length + self.d_model * self.eps)) ** 0.5) * weight

    @torch.inference_mode()
    def step(self, token, place):
        """Return the state after ``token`` at ``place``, (1, d_model), for the head."""
        multiply, turn, kv = self.products, self.turns[place], self.kv
        x, queries = self.embedding[token].clone()[None], self.heads * self.d_head
        now = self.kept[:, :, place].unbind()
        seen = self.kept[:, None, :, : place + 1]  # (layers, 1, 2 kv, t, d)
        keys, values = seen[:, :, :kv].unbind(), seen[:, :, kv:].unbind()
        for i, (one, two) in enumerate(self.norms):
            heads = multiply(i, "qkv", self._normed(x, one)).float().view(-1)
            torch.view_as_complex(heads.view(-1, 2))[: len(turn)].mul_(turn)
            now[i].copy_(heads[queries:].view(2 * kv, -1))
            q = heads[:queries].view(1, kv, -1, self.d_head)  # a group's queries as rows
            out = F.scaled_dot_product_attention(q, keys[i], values[i])
            x += multiply(i, "out", out.view(1, -1))
            gate, up = multiply(i, "gate_up", self._normed(x, two)).chunk(2, 1)
            x += multiply(i, "down", F.silu(gate).mul_(up))
        return self._normed(x, self.last)

    def generate(self, prompt, new_tokens):
        """Return the prompt, a list, and what follows greedily; the prompt is read by steps."""
        tokens = list(prompt)
        for place in range(len(prompt) + new_tokens - 1):
            x = self.step(tokens[place], place)
            if place >= len(prompt) - 1:
                tokens.append(self.products.likeliest(x))
        return tokens


def _neighbours_together(weight, d_head):
    # The book's rows of a head, first halves of pairs first, in the order of a GGUF file.
    rows = weight.unflatten(0, (-1, 2, d_head // 2))
    return rows.transpose(1, 2).flatten(0, 2)


class FloatProducts:
    """Matrices in float32, each kind laid out by rows or by columns.

    Which layout a processor reads faster differs, also between shapes: measure.

    Args:
        model: the GPT.
        by_columns: the kinds laid out by columns, among "qkv", "out", "gate_up", "down", "head".
    """

    KINDS = (*_PARTS, "head")

    def __init__(self, model, *, by_columns):
        def stored(name, *weights):
            weight = torch.cat(weights)
            return weight.t().contiguous().t() if name in by_columns else weight

        self.embedding, self.fused = stored("head", model.embedding.weight), []
        for block in model.blocks:
            a, f = block.attention, block.feed_forward
            q, k = (_neighbours_together(p.weight, a.d_head) for p in (a.q_proj, a.k_proj))
            weights = {
                "qkv": (q, k, a.v_proj.weight),
                "out": (a.out_proj.weight,),
                "gate_up": (f.gate_proj.weight, f.up_proj.weight),
                "down": (f.down_proj.weight,),
            }
            self.fused.append({name: stored(name, *parts) for name, parts in weights.items()})

    def weights(self, name):
        """Return all matrices of a kind."""
        return [self.embedding] if name == "head" else [layer[name] for layer in self.fused]

    def __call__(self, i, name, x):
        return F.linear(x, self.fused[i][name])

    def likeliest(self, x):
        """Return the token of the largest logit."""
        return int(F.linear(x, self.embedding).argmax())


class CodedProducts:
    """A file's own 4-bit codes (Q4_1), never dequantised; products in bfloat16.

    PyTorch's kernel takes w = s (c - 8) + z: the file's scale s and codes c as they are, and
    z = m + 8 s. The file's embedding has 8 bits (Q8_0), c = 16 h + l: the head multiplies by the
    high half h alone, which gives a short list of tokens, and takes the best of these in float32.

    Args:
        model: the GPT that was read from the file; its embedding reads the short list.
        file: :class:`bigmodel_utils.models.GGUF`.
        short_list: how many tokens are looked at in float32.
    """

    def __init__(self, model, file, *, short_list=64):
        self.embedding, self.short_list = model.embedding.weight, short_list
        self.fused = [
            {
                name: _packed(*(_codes(file, f"blk.{i}.{t}.weight") for t in tensors))
                for name, tensors in _PARTS.items()
            }
            for i in range(len(model.blocks))
        ]
        self.high = _packed(_high_halves(file, "token_embd.weight"))

    def __call__(self, i, name, x):
        return _multiply(self.fused[i][name], x)

    def likeliest(self, x):
        """Return the token of the largest logit among those that 4 bits put first."""
        near = _multiply(self.high, x)[0].topk(self.short_list).indices
        return int(near[torch.mv(self.embedding[near], x[0]).argmax()])


def _multiply(packed, x):
    codes, scales = packed
    return torch.ops.aten._weight_int4pack_mm_for_cpu(x.bfloat16(), codes, 32, scales)


def _packed(*parts):
    codes, scales = (torch.cat(part) for part in zip(*parts, strict=True))
    packed = torch.ops.aten._convert_weight_to_int4pack_for_cpu(codes.contiguous(), 1)
    # Scales and zeros as the product reads them, (groups, rows, 2).
    return packed, scales.transpose(0, 1).bfloat16().contiguous()


def _blocks(file, name, kind):
    """Return a tensor's shape and its blocks, (blocks, bytes), of the kind that is expected."""
    info = file.tensors[name]
    if info.kind != kind:
        raise ValueError(f"{name}: expected {kind}, got {info.kind}")
    return info.shape, torch.from_numpy(file.raw(name).copy())


def _codes(file, name):
    """Return codes (rows, columns) from 0 to 15, and scales with zeros (rows, groups, 2)."""
    (rows, columns), blocks = _blocks(file, name, "Q4_1")
    halves = blocks[:, :4].contiguous().view(torch.float16).float().view(rows, -1, 2)
    codes = torch.cat([blocks[:, 4:] & 15, blocks[:, 4:] >> 4], dim=1).view(rows, columns)
    scale, least = halves.unbind(-1)
    return codes.int(), torch.stack([scale, least + 8 * scale], dim=-1)


def _high_halves(file, name):
    """The same of a tensor of 8 bits, for the high half of each code and the low half's mean."""
    (rows, columns), blocks = _blocks(file, name, "Q8_0")
    scale = blocks[:, :2].contiguous().view(torch.float16).float().view(rows, -1)
    high = (blocks[:, 2:].contiguous().view(torch.int8) >> 4).view(rows, columns)  # -8 to 7
    return high.int() + 8, torch.stack([16 * scale, 7.5 * scale], dim=-1)
