"""What the live figure that samples the next token accepts as data; see ``schema``."""

from .schema import keys

__all__ = ["SCHEMAS"]

MOST_TOKENS = 40
LONGEST_TOKEN = 24
LONGEST_CONTEXT = 300
# "The cat sat on the ...": a made-up distribution, for a figure without data.
TOKENS = [" mat", " floor", " roof", " bed", " table", " dog", " moon", "."]
LOGITS = [3.1, 2.4, 1.6, 1.9, 0.8, -0.5, -2.0, -3.0]


def sampler(data):
    """One distribution over the next token.

    ``tokens``: 2 to 40 different texts of at most 24 characters; ``logits``: as many numbers, in
    any order; ``context``: the text before; ``temperature``: 0 to 3; ``top_k``: at least 1, or None
    for all; ``top_p``: 0.01 to 1; ``seed``: of the draws.
    """
    from bigmodel_utils.arguments import integer, real

    defaults = {
        "tokens": TOKENS,
        "logits": LOGITS,
        "context": "The cat sat on the",
        "temperature": 1,
        "top_k": None,
        "top_p": 1,
        "seed": 1,
    }
    keys("sampler", data, defaults)
    data = {**defaults, **data}
    tokens = data["tokens"]
    if not isinstance(tokens, (list, tuple)) or not all(isinstance(t, str) for t in tokens):
        raise TypeError(f"tokens: expected a list of texts, got {tokens!r:.60}")
    integer("tokens, number", len(tokens), minimum=2, maximum=MOST_TOKENS)
    if len(set(tokens)) < len(tokens):
        raise ValueError("tokens: expected different texts, got one twice")
    for i, token in enumerate(tokens):
        integer(f"tokens[{i}], length", len(token), minimum=1, maximum=LONGEST_TOKEN)
    logits = data["logits"].tolist() if hasattr(data["logits"], "tolist") else data["logits"]
    if not isinstance(logits, (list, tuple)) or len(logits) != len(tokens):
        raise ValueError(f"logits: expected {len(tokens)} numbers, one a token, got {logits!r:.60}")
    if not isinstance(data["context"], str) or len(data["context"]) > LONGEST_CONTEXT:
        raise TypeError(
            f"context: expected text of at most {LONGEST_CONTEXT} characters, got "
            f"{data['context']!r:.60}"
        )
    top_k = len(tokens) if data["top_k"] is None else data["top_k"]
    return {
        "tokens": list(tokens),
        "logits": [
            real(f"logits[{i}]", z, minimum=-1000, maximum=1000) for i, z in enumerate(logits)
        ],
        "context": data["context"],
        "temperature": real("temperature", data["temperature"], minimum=0, maximum=3),
        "top_k": integer("top_k", top_k, minimum=1),
        "top_p": real("top_p", data["top_p"], minimum=0.01, maximum=1),
        "seed": integer("seed", data["seed"], minimum=0, maximum=2**32 - 1),
    }


SCHEMAS = {"sampler": sampler}
