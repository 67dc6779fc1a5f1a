"""A GPT written to files that other libraries read."""

import itertools
import json
import os
import struct
from pathlib import Path

import torch

from bigmodel_utils import arguments
from bigmodel_utils.arguments import describe
from bigmodel_utils.models._llama_names import IN_TRANSFORMERS, tensor_names
from bigmodel_utils.models._positions import rotary_tables
from bigmodel_utils.models._transformer import GPT

__all__ = ["save_pretrained"]

_SAFETENSORS = {
    torch.float32: "F32", torch.float64: "F64", torch.bfloat16: "BF16", torch.float16: "F16",
}  # fmt: skip


def save_pretrained(model, folder, *, rope_base=10000.0):
    """Write a GPT as ``config.json`` and ``model.safetensors``, which transformers reads.

    ``transformers.AutoModelForCausalLM.from_pretrained(folder, dtype="auto")`` then makes a Llama
    that gives the same logits. Only a GPT of Llama's kind can be written: RMS norms before each
    part, rotary positions without scaling, a SwiGLU and no biases.

    Args:
        model: a :class:`GPT`, on any device.
        folder: where to; made if it is not there. Files of these names are replaced.
        rope_base: the base that the model was made with, which is held against its tables.

    Raises:
        TypeError, ValueError: ``model`` is no GPT or not of that kind, or its rotary tables are not
            those of ``rope_base``; names what does not fit.
        NotADirectoryError: ``folder`` is a file.
    """
    if not isinstance(model, GPT):
        raise TypeError(f"model: expected a GPT, got {describe(model)}")
    folder = Path(os.fspath(arguments.path("folder", folder))).expanduser()
    if folder.exists() and not folder.is_dir():
        raise NotADirectoryError(f"folder: expected a folder, got the file {folder}")
    config = _config(model, arguments.real("rope_base", rope_base, above=0))
    folder.mkdir(parents=True, exist_ok=True)
    own, theirs = model.state_dict(), tensor_names(model, IN_TRANSFORMERS)
    if config["tie_word_embeddings"]:
        del own["head.weight"]
    _write_safetensors(folder / "model.safetensors", {theirs[name]: x for name, x in own.items()})
    _write_whole(folder / "config.json", [json.dumps(config, indent=2).encode() + b"\n"])


def _config(model, rope_base):
    """Return the settings under which the library makes this model, or say what does not fit."""
    block, layer = model.blocks[0], model.blocks[0].attention
    unfit = {
        "positions": model.positions != "rotary" and model.positions,
        "norm": not isinstance(model.norm, torch.nn.RMSNorm) and type(model.norm).__name__,
        "pre_norm": not block.pre_norm and "False",
        "activation": block.feed_forward.activation != "swiglu" and block.feed_forward.activation,
        "bias": any(name.endswith("bias") for name in model.state_dict()) and "True",
        "qk_norm": layer.qk_norm and "True",
        "embedding_scale": model.embedding_scale != 1 and model.embedding_scale,
        "window": model.window is not None and model.window,
    }
    for name, value in unfit.items():
        if value is not False:
            raise ValueError(f"model: expected one of Llama's kind, got {name} = {value}")
    if sorted(model.state_dict()) != sorted(tensor_names(model, IN_TRANSFORMERS)):
        odd = sorted(set(model.state_dict()) ^ set(tensor_names(model, IN_TRANSFORMERS)))[0]
        raise ValueError(f"model: expected the parts of a GPT alone, got {odd!r}")
    cos, _ = rotary_tables(model.context, layer.d_head, base=rope_base)
    if not torch.equal(cos.to(model.rotary_cos), model.rotary_cos):
        raise ValueError(
            f"rope_base: expected the base of the model's rotary tables, got {rope_base:g}, which "
            "gives others (scaled positions cannot be written)"
        )
    dtypes = {x.dtype for x in model.state_dict().values()}
    if len(dtypes) > 1 or not dtypes <= set(_SAFETENSORS):
        listed = ", ".join(sorted(map(str, dtypes)))
        raise TypeError(f"model: expected one floating-point dtype, got {listed}")
    return {
        "architectures": ["LlamaForCausalLM"],
        "model_type": "llama",
        "vocab_size": model.embedding.num_embeddings,
        "hidden_size": model.embedding.embedding_dim,
        "intermediate_size": block.feed_forward.up_proj.out_features,
        "num_hidden_layers": len(model.blocks),
        "num_attention_heads": layer.num_heads,
        "num_key_value_heads": layer.num_kv_heads,
        "head_dim": layer.d_head,
        "max_position_embeddings": model.context,
        "rms_norm_eps": model.norm.eps,
        "rope_theta": rope_base,
        "hidden_act": "silu",
        "attention_bias": False,
        "mlp_bias": False,
        "tie_word_embeddings": model.head.weight is model.embedding.weight,
        "dtype": str(dtypes.pop()).removeprefix("torch."),
        "bos_token_id": None,
        "eos_token_id": None,
    }


def _write_safetensors(file, tensors):
    """Write tensors in the format of https://github.com/huggingface/safetensors."""
    header, place = {"__metadata__": {"format": "pt"}}, 0
    for name, x in tensors.items():
        end = place + x.numel() * x.element_size()
        kind = _SAFETENSORS[x.dtype]
        header[name] = {"dtype": kind, "shape": list(x.shape), "data_offsets": [place, end]}
        place = end
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    plain = (x.detach().cpu().contiguous().view(torch.uint8) for x in tensors.values())
    parts = (one.numpy().data for one in plain)  # one tensor at a time
    _write_whole(file, itertools.chain([struct.pack("<Q", len(text)), text], parts))


def _write_whole(file, parts):
    """Write bytes beside the place of a file, force them to disk, and then put them there."""
    partial = Path(f"{file}.partial")
    with open(partial, "wb") as stream:
        stream.writelines(parts)
        stream.flush()
        os.fsync(stream.fileno())
    os.replace(partial, file)
