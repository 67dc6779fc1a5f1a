"""Experiments with a known truth, true and false, that the machinery has to tell apart.

They train nothing: a score is a formula of arm, seed, rate and budget, with noise from the seed.
"""

import torch

from bigmodel_utils import claims


def store(record):
    """Put a record where a page in the current folder looks for it."""
    path = claims.record_path(record["experiment"])
    path.parent.mkdir(exist_ok=True)
    path.write_text(claims.record_text(record), encoding="utf-8")


def noise(arm, seed, size):
    """A draw that depends on arm and seed alone."""
    code = sum(ord(letter) for letter in str(arm))
    generator = torch.Generator().manual_seed(1000 * code + seed)
    return size * torch.randn((), generator=generator).item()


def tuned(arm, seed, rate=1.0, budget=1.0):
    """Both arms are equally good at their own best rates; the control's is nine times the given."""
    best = {"treatment": 1.0, "handicapped": 9.0}[arm]
    miss = abs(torch.tensor(rate / best).log().item())
    return 0.9 - 0.1 * miss + noise(arm, seed, 0.005)


def early(arm, seed, rate=1.0, budget=1.0):
    """The treatment is ahead after a short training and not after a long one."""
    head_start = {"treatment": 0.3, "control": 0.0}[arm]
    return 0.6 + head_start / budget**2 + noise(arm, seed, 0.005)


def null(arm, seed, rate=1.0, budget=1.0):
    """Arms differ in their names alone."""
    return 0.8 + noise(arm, seed, 0.02)


def real(arm, seed, rate=1.0, budget=1.0):
    """The treatment is better by 0.1 at every rate and budget."""
    return 0.7 + 0.1 * (arm == "treatment") + noise(arm, seed, 0.01)


def deaf(arm, seed, rate=1.0, budget=1.0):
    """The control scores the same whatever happens."""
    return 0.5 if arm == "control" else 0.8 + noise(arm, seed, 0.01)


def lucky(arm, seed, rate=1.0, budget=1.0):
    """The treatment wins with the page's seeds and with no others."""
    return 0.7 + 0.1 * (arm == "treatment" and seed < 5) + noise(arm, seed, 0.01)


def classes(n, seed):
    """Points (n, 6) of three noisy classes, and their classes (n,)."""
    generator = torch.Generator().manual_seed(seed)
    y = torch.arange(n) % 3
    x = torch.randn(n, 6, generator=generator)
    x[range(n), y] += 2.0
    return x, y


def nearest(train, x):
    """Class of the nearest training point: it learns everything by heart."""
    rows = torch.cdist(x, train[0]).argmin(1)
    return train[1][rows]


def honest(arm, seed, parts, part="test"):
    """Accuracy of the nearest neighbour among a random half of the training part."""
    x, y = parts["train"]
    half = torch.randperm(len(y), generator=torch.Generator().manual_seed(seed))[: len(y) // 2]
    test_x, test_y = parts[part]
    if arm == "guess":
        return (test_y == noise(arm, seed, 2) // 1).double().mean().item()
    return (nearest((x[half], y[half]), test_x) == test_y).double().mean().item()


def leaking(arm, seed, parts, part="test"):
    """The same, but the test part is among what is learnt by heart."""
    x, y = (torch.cat(pair) for pair in zip(parts["train"], parts["test"], strict=True))
    return honest(arm, seed, dict(parts, train=(x, y)), part)
