"""What the tensors of Llama's architecture are called: in a GPT, in GGUF, in transformers."""

__all__ = ["IN_GGUF", "IN_TRANSFORMERS", "tensor_names"]

IN_GGUF, IN_TRANSFORMERS = 1, 2  # columns of the tables
_LAYER = (
    ("norm1", "attn_norm", "input_layernorm"),
    ("attention.q_proj", "attn_q", "self_attn.q_proj"),
    ("attention.k_proj", "attn_k", "self_attn.k_proj"),
    ("attention.v_proj", "attn_v", "self_attn.v_proj"),
    ("attention.out_proj", "attn_output", "self_attn.o_proj"),
    ("norm2", "ffn_norm", "post_attention_layernorm"),
    ("feed_forward.gate_proj", "ffn_gate", "mlp.gate_proj"),
    ("feed_forward.up_proj", "ffn_up", "mlp.up_proj"),
    ("feed_forward.down_proj", "ffn_down", "mlp.down_proj"),
)
_OUTSIDE = (
    ("embedding", "token_embd", "model.embed_tokens"),
    ("norm", "output_norm", "model.norm"),
    ("head", "output", "lm_head"),
)
_BLOCKS = {IN_GGUF: "blk.{}.{}", IN_TRANSFORMERS: "model.layers.{}.{}"}


def tensor_names(model, column):
    """Return {a GPT's name of a tensor: its name in the files that ``column`` means}."""
    names = {f"{row[0]}.weight": f"{row[column]}.weight" for row in _OUTSIDE}
    for i in range(len(model.blocks)):
        for row in _LAYER:
            name = _BLOCKS[column].format(i, f"{row[column]}.weight")
            names[f"blocks.{i}.{row[0]}.weight"] = name
    return names
