"""Pretrained models: read from a GGUF file into the book's GPT."""

import torch

from bigmodel_utils import arguments
from bigmodel_utils.arguments import describe
from bigmodel_utils.data import PretrainedTokenizer
from bigmodel_utils.models._gguf import FLOATS, GGUF
from bigmodel_utils.models._llama_names import IN_GGUF, tensor_names
from bigmodel_utils.models._positions import rotary_tables
from bigmodel_utils.models._transformer import GPT

__all__ = ["load_pretrained"]

_CONTROL = 3  # the kind of a token in a file that is special


def load_pretrained(path, *, dtype=torch.float32):
    """Read a model of Llama's architecture and its tokenizer from a GGUF file.

    The GPT is made without memory and gets the file's tensors, each dequantised once, in ``dtype``.
    A file has the rows of its query and key matrices in the order for turning neighbouring
    features; they are put in the order in which :func:`bigmodel_utils.models.rotate` makes pairs.

    Args:
        path: the file, such as :func:`bigmodel_utils.data.language_model_file` finds.
        dtype: of the model's weights: float32, float64, bfloat16 or float16.

    Returns:
        tuple: the :class:`GPT`, in evaluation mode, and its
        :class:`bigmodel_utils.data.PretrainedTokenizer`.

    Raises:
        FileNotFoundError, TypeError, ValueError: naming the argument, or the file and what it
            holds: a damaged file, another architecture or tokenizer, a tensor that is missing or
            has another shape.
    """
    arguments.one_of("dtype", dtype, FLOATS)
    file = GGUF(path)
    setting = _Settings(file)
    setting.expect("general.architecture", "llama")
    tokenizer = _tokenizer(setting)
    options = _options(setting, tokenizer.vocab_size)
    try:
        with torch.device("meta"):
            model = GPT(**options)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{file.path}: in its settings, {error}") from None
    model.load_state_dict(_state(file, model, dtype), assign=True)
    if options["tie_embeddings"]:
        model.head.weight = model.embedding.weight
    d_head = model.blocks[0].attention.d_head
    tables = rotary_tables(model.context, d_head, base=options["rope_base"])
    model.rotary_cos, model.rotary_sin = (table.to(dtype) for table in tables)
    return model.eval(), tokenizer


class _Settings:
    """A file's settings, asked for by name and checked."""

    def __init__(self, file):
        self.file, self.found = file, file.metadata

    def get(self, name, kind, default=None):
        value = self.found.get(name, default)
        kinds = (int, float) if kind is float else kind
        if not isinstance(value, kinds) or isinstance(value, bool):
            got = "nothing" if value is None else describe(value)
            raise ValueError(
                f"{self.file.path}: expected a setting {name!r} of type {kind.__name__}, got {got}"
            )
        return value

    def expect(self, name, wanted):
        value = self.get(name, str)
        if value != wanted:
            raise ValueError(f"{self.file.path}: expected {name} {wanted!r}, got {value!r}")


def _options(setting, vocab_size):
    """Return the options of the GPT that a file holds."""
    get = setting.get
    num_heads = get("llama.attention.head_count", int)
    d_model = get("llama.embedding_length", int)
    eps = get("llama.attention.layer_norm_rms_epsilon", float)
    base = get("llama.rope.freq_base", float, 10000.0)
    d_head = get("llama.attention.key_length", int, d_model // max(1, num_heads))
    turned = get("llama.rope.dimension_count", int, d_head)
    if turned != d_head:
        raise ValueError(
            f"{setting.file.path}: expected all {d_head} features of a head to be turned, got "
            f"llama.rope.dimension_count {turned}"
        )
    scaled = [name for name in setting.found if name.startswith("llama.rope.scaling.")]
    if scaled or "rope_freqs.weight" in setting.file.tensors:
        named = scaled[0] if scaled else "rope_freqs.weight"
        raise ValueError(f"{setting.file.path}: expected no scaled positions, got {named}")
    return dict(
        vocab_size=vocab_size, context=get("llama.context_length", int), d_model=d_model,
        num_layers=get("llama.block_count", int), num_heads=num_heads,
        num_kv_heads=get("llama.attention.head_count_kv", int, num_heads), d_head=d_head,
        d_ff=get("llama.feed_forward_length", int), activation="swiglu", rope_base=base,
        norm_eps=float(f"{eps:.7g}"),  # the file has it in float32
        tie_embeddings="output.weight" not in setting.file.tensors,
    )  # fmt: skip


def _state(file, model, dtype):
    """Return the state of ``model``, which has no memory of its own, from the file."""
    state, tied = {}, model.head.weight is model.embedding.weight
    names = tensor_names(model, IN_GGUF)
    for name, wanted in model.state_dict().items():
        theirs = names[name]
        if tied and name == "head.weight":
            state[name] = state["embedding.weight"]
            continue
        if theirs not in file.tensors:
            raise ValueError(f"{file.path}: expected a tensor {theirs!r}, found none")
        shape = file.tensors[theirs].shape
        if shape != tuple(wanted.shape):
            raise ValueError(
                f"{file.path}: expected shape {tuple(wanted.shape)} of the tensor {theirs!r}, got "
                f"{shape}"
            )
        state[name] = file.read(theirs, dtype=dtype)
        if name.endswith((".q_proj.weight", ".k_proj.weight")):
            d_head = model.blocks[0].attention.d_head
            state[name] = _halves_together(state[name], d_head)
    return state


def _halves_together(weight, d_head):
    # From rows of the pairs (0, 1), (2, 3) ... of each head to those of (0, d/2), (1, d/2 + 1) ...
    rows = weight.unflatten(0, (-1, d_head // 2, 2))  # (n, d_head / 2, 2, d_model)
    return rows.transpose(1, 2).flatten(0, 2).contiguous()


def _tokenizer(setting):
    setting.expect("tokenizer.ggml.model", "gpt2")
    setting.expect("tokenizer.ggml.pre", "smollm")
    tokens = setting.get("tokenizer.ggml.tokens", list)
    kinds = setting.get("tokenizer.ggml.token_type", list)
    if len(kinds) != len(tokens):
        raise ValueError(
            f"{setting.file.path}: expected a type for each of {len(tokens)} tokens, got "
            f"{len(kinds)}"
        )
    special = [token for token, kind in zip(tokens, kinds, strict=True) if kind == _CONTROL]
    merges = setting.get("tokenizer.ggml.merges", list)
    try:
        return PretrainedTokenizer(tokens, merges, special_tokens=special)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{setting.file.path}: in its tokenizer, {error}") from None
