"""Writes small GGUF files by hand: those that tests read, right ones and damaged ones."""

import struct

import numpy

D, LAYERS, HEADS, KV_HEADS, D_FF, CONTEXT = 64, 2, 4, 2, 96, 40
SIGNS = [chr(b) for b in [*range(33, 127), *range(161, 173), *range(174, 256)]]
SIGNS += [chr(256 + i) for i in range(68)]  # of the bytes in GPT-2's order
NUMBERS = {"F32": 0, "F16": 1, "Q4_0": 2, "Q4_1": 3, "Q8_0": 8}
BLOCKS = {"F32": (1, 4), "F16": (1, 2), "Q4_0": (32, 18), "Q4_1": (32, 20), "Q8_0": (32, 34)}


def random_bytes(kind, shape, seed):
    """Return the bytes of a tensor with scales of usual size."""
    rng = numpy.random.default_rng(seed)
    size, count = BLOCKS[kind][1], int(numpy.prod(shape)) // BLOCKS[kind][0]
    if kind in ("F32", "F16"):
        return rng.normal(size=count).astype("<f4" if kind == "F32" else "<f2").tobytes()
    blocks = rng.integers(256, size=(count, size), dtype=numpy.uint8)
    for place in (0, 2) if kind == "Q4_1" else (0,):
        scale = rng.normal(size=(count, 1)).astype("<f2") / 50
        blocks[:, place : place + 2] = scale.view(numpy.uint8)
    return blocks.tobytes()


def string(text):
    return struct.pack("<Q", len(text.encode())) + text.encode()


def value(x):
    """Return the type and the bytes of a setting."""
    if isinstance(x, bool):
        return struct.pack("<I?", 7, x)
    if isinstance(x, int):
        return struct.pack("<II", 4, x)
    if isinstance(x, float):
        return struct.pack("<If", 6, x)
    if isinstance(x, str):
        return struct.pack("<I", 8) + string(x)
    if isinstance(x, bytes):  # type and value as they are
        return x
    if x and isinstance(x[0], str):
        return struct.pack("<IIQ", 9, 8, len(x)) + b"".join(map(string, x))
    return struct.pack(f"<IIQ{len(x)}i", 9, 5, len(x), *x)


def settings(**changes):
    """Return the settings of a tiny Llama; None takes one away, _ in names means a dot."""
    words = ["Ġt", "he", "Ġthe", "in", "Ġin"]
    found = {
        "general.architecture": "llama", "general.alignment": 32,
        "llama.block_count": LAYERS, "llama.context_length": CONTEXT,
        "llama.embedding_length": D, "llama.feed_forward_length": D_FF,
        "llama.attention.head_count": HEADS, "llama.attention.head_count_kv": KV_HEADS,
        "llama.rope.freq_base": 500.0, "llama.rope.dimension_count": D // HEADS,
        "llama.attention.layer_norm_rms_epsilon": 1e-5,
        "tokenizer.ggml.model": "gpt2", "tokenizer.ggml.pre": "smollm",
        "tokenizer.ggml.tokens": ["<|end|>", *SIGNS, *words],
        "tokenizer.ggml.token_type": [3] + [1] * (len(SIGNS) + len(words)),
        "tokenizer.ggml.merges": ["Ġ t", "h e", "Ġt he", "i n", "Ġ in"],
        "tokenizer.chat_template": "", "general.tags": [],
    }  # fmt: skip
    for name, new in changes.items():
        if new is None:
            del found[name]
        else:
            found[name] = new
    return found


def tensors(**changes):
    """Return {name: (type, shape)} of a tiny Llama's tensors; None takes one away."""
    vocab, kv = 1 + 256 + 5, D // HEADS * KV_HEADS
    found = {"token_embd.weight": ("Q8_0", (vocab, D)), "output_norm.weight": ("F32", (D,))}
    for i in range(LAYERS):
        found |= {
            f"blk.{i}.attn_norm.weight": ("F32", (D,)), f"blk.{i}.ffn_norm.weight": ("F32", (D,)),
            f"blk.{i}.attn_q.weight": ("Q4_1", (D, D)), f"blk.{i}.attn_k.weight": ("Q4_0", (kv, D)),
            f"blk.{i}.attn_v.weight": ("Q4_1", (kv, D)),
            f"blk.{i}.attn_output.weight": ("F16", (D, D)),
            f"blk.{i}.ffn_gate.weight": ("Q4_1", (D_FF, D)),
            f"blk.{i}.ffn_up.weight": ("Q8_0", (D_FF, D)),
            f"blk.{i}.ffn_down.weight": ("Q4_0", (D, D_FF)),
        }  # fmt: skip
    for name, new in changes.items():
        if new is None:
            del found[name]
        else:
            found[name] = new
    return found


def content(named=None, infos=None, *, version=3, magic=b"GGUF", alignment=32):
    """Return a file's bytes and {name: (type, shape, bytes)} of what stands in it."""
    named = settings() if named is None else named
    infos = tensors() if infos is None else infos
    head = magic + struct.pack("<IQQ", version, len(infos), len(named))
    for name, x in named.items():
        head += string(name) + value(x)
    body, held = b"", {}
    for i, (name, (kind, shape)) in enumerate(infos.items()):
        made = random_bytes(kind, shape, i) if kind in NUMBERS else b""
        body += b"\0" * (-len(body) % alignment)
        number = NUMBERS.get(kind, kind)
        head += string(name) + struct.pack(f"<I{len(shape)}Q", len(shape), *shape[::-1])
        head += struct.pack("<IQ", number, len(body))
        body, held[name] = body + made, (kind, shape, made)
    head += b"\0" * (-len(head) % alignment)
    return head + body, held


def write(folder, named=None, infos=None, **options):
    """Write a file; return its path and what stands in it."""
    made, held = content(named, infos, **options)
    path = folder / "tiny.gguf"
    path.write_bytes(made)
    return path, held
