"""Data sets that are on disk already, text as tokens, random changes of images, model sizes.

Nothing is downloaded: what is not a folder of the reader's own lies inside packages that the book
installs anyway, or, for a pretrained language model, inside one more.
"""

from bigmodel_utils.data._augment import random_affine, random_shift
from bigmodel_utils.data._images import Mnist, load_mnist, load_photographs, split
from bigmodel_utils.data._known_texts import load_known_texts
from bigmodel_utils.data._language_model import language_model_file
from bigmodel_utils.data._markov import entropy_rate, markov_chain, markov_rows
from bigmodel_utils.data._passages import load_passages
from bigmodel_utils.data._pretrained_tokenizer import PretrainedTokenizer
from bigmodel_utils.data._published import PublishedModel, load_published_models
from bigmodel_utils.data._speech import JapaneseVowels, load_japanese_vowels
from bigmodel_utils.data._text import load_text, split_text, windows
from bigmodel_utils.data._tokenizer import GPT2_PIECES, PIECES, BytePairTokenizer, CharTokenizer

__all__ = [
    "GPT2_PIECES",
    "PIECES",
    "BytePairTokenizer",
    "CharTokenizer",
    "JapaneseVowels",
    "Mnist",
    "PretrainedTokenizer",
    "PublishedModel",
    "entropy_rate",
    "language_model_file",
    "load_japanese_vowels",
    "load_known_texts",
    "load_mnist",
    "load_passages",
    "load_photographs",
    "load_published_models",
    "load_text",
    "markov_chain",
    "markov_rows",
    "random_affine",
    "random_shift",
    "split",
    "split_text",
    "windows",
]
