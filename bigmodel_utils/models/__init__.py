"""Networks that more than one page uses, their parts, and how a language model writes."""

from bigmodel_utils.models._article import ArticleCNN, ArticleRNN, ArticleSelfAttention
from bigmodel_utils.models._attention import (
    DotProductAttention,
    attention,
    attention_weights,
    causal_mask,
    padding_mask,
)
from bigmodel_utils.models._blocks import NORMS, Block, FeedForward, MultiHeadAttention
from bigmodel_utils.models._classifiers import MLP, RecognitionCNN, SequenceClassifier
from bigmodel_utils.models._generation import generate, next_token_probabilities
from bigmodel_utils.models._gguf import GGUF, dequantize
from bigmodel_utils.models._kv_cache import KVCache
from bigmodel_utils.models._positions import RotaryScaling, rotary_tables, rotate, sinusoidal
from bigmodel_utils.models._pretrained import load_pretrained
from bigmodel_utils.models._saved import save_pretrained
from bigmodel_utils.models._tiled_attention import tiled_attention
from bigmodel_utils.models._transformer import GPT

__all__ = [
    "GGUF",
    "GPT",
    "MLP",
    "NORMS",
    "ArticleCNN",
    "ArticleRNN",
    "ArticleSelfAttention",
    "Block",
    "DotProductAttention",
    "FeedForward",
    "KVCache",
    "MultiHeadAttention",
    "RecognitionCNN",
    "RotaryScaling",
    "SequenceClassifier",
    "attention",
    "attention_weights",
    "causal_mask",
    "dequantize",
    "generate",
    "load_pretrained",
    "next_token_probabilities",
    "padding_mask",
    "rotary_tables",
    "rotate",
    "save_pretrained",
    "sinusoidal",
    "tiled_attention",
]
