"""Are two sums of terms the same function? Asked of scores of our own, which cost no call of a loss."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from gradcheck.diagnosis.dictionary import View
from gradcheck.diagnosis.notation import Fit

#: Two sums are one function where they differ by no more than this, of the larger.
_SAME = 1e-9
#: Two batch sizes tell every power of N from a constant.
_ROWS = (3, 7)
#: Wide enough for margins on both sides of 0.
_SCALE = 1.5


def probes_like(seen: Sequence[View]) -> list[View]:
    """Scores and labels at which two sums differ unless they are the same function.

    Args:
        seen: problems of one kind of labels. The probes have their class counts, and their labels where these are
            numbers for each class.
    """
    probes = []
    for C in sorted({view.S.shape[1] for view in seen}):
        labels = np.concatenate([view.y for view in seen if view.S.shape[1] == C])
        for N in _ROWS:
            rng = np.random.default_rng([N, C])
            y = rng.integers(0, C, size=N) if labels.ndim == 1 else rng.choice(labels, size=N)
            probes.append(View(_SCALE * rng.standard_normal((N, C)), y))
    return probes


def are_one(found: Sequence[Fit], probes: Sequence[View]) -> bool:
    """Whether some sums are all the same function; true of none, and of a single one."""
    for view in probes:
        values = np.array([fit.at(view) for fit in found])
        if len(found) > 1 and not np.allclose(values, values[0], rtol=_SAME, atol=_SAME * np.abs(values[0]).max()):
            return False
    return True


def simplest(found: Sequence[Fit], probes: Sequence[View]) -> Fit | None:
    """The simplest of several ways to write one function, and of those the first; None for none, or where they are not
    one function."""
    return min(found, key=lambda fit: fit.complexity) if found and are_one(found, probes) else None
