"""One more problem, with another N and rows of every kind, at which a sum of terms has to hold as well."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import count
from typing import Any

import numpy as np
import numpy.typing as npt

from gradcheck.checking.case import BoolArray, Case
from gradcheck.diagnosis.evidence import Allowance, Spent
from gradcheck.diagnosis.terms import labels_as_numbers
from gradcheck.errors import LossDefect
from gradcheck.report import FloatArray

#: Rows, or a few more.
_ROWS = 6
#: Beside what scores are spread by: more than the 1 of a margin.
_BEYOND = 2.0
#: The largest step that entries are judged with where values are noisy, about: bounds times it are that noise.
_JUDGED_STEP = 0.02
#: Bounds that are a larger part of the gradient than this confirm nothing.
_TOO_WIDE = 1e-3


@dataclass(frozen=True, eq=False)
class Validation:
    """dS at a problem, and its numerical gradient in three entries, or in none where noise is too large.

    Attributes:
        S, y: the problem.
        analytic, numerical: N x C each: a gradient, how far it may be off, and where it is known.
    """

    S: FloatArray
    y: npt.NDArray[Any]
    analytic: tuple[FloatArray, FloatArray, BoolArray]
    numerical: tuple[FloatArray, FloatArray, BoolArray]


def validation_problem(ask: Allowance, seen: Sequence[Case]) -> Validation:
    """Ask the loss at a problem of its own: seven calls.

    Central differences err by about h^2/6 of the third derivative and by the values' noise over h; h makes them equal.

    Args:
        ask: the loss; no more than half of the calls that are left are made.
        seen: problems that were judged, at least one: the new one has scores like theirs, and an N that none has.

    Raises:
        Spent: too few calls are left.
        LossDefect: the loss does not take such a problem, or its answer is not finite.
    """
    if ask.left < 16:
        raise Spent
    S, y = _drawn(seen, ask.dtype)
    answer = ask.evaluate(S, y)
    if not (np.isfinite(answer.value) and np.isfinite(answer.gradient).all()):
        raise LossDefect("not-finite", "dS is not finite")
    known = [(each, each.known) for each in seen]
    scale = max(float(np.abs(answer.gradient).max()), *(float(np.abs(each.numerical[at]).max()) for each, at in known))
    bound = max(float(np.median(each.bounds[at])) for each, at in known)
    exact = answer if ask.dtype == np.float64 else ask.evaluate(S, y, np.float64)
    noise = max(4 * exact.value_eps * abs(exact.value), _JUDGED_STEP * bound)
    step = min(max((noise / scale) ** (1 / 3), 1e-5), 0.05) if scale > 0 else 0.05
    slack = 4 * noise / step + 10 * scale * step**2
    labels = _classes(S, y)
    numerical, tried = np.zeros(S.shape), np.zeros(S.shape, dtype=bool)
    one_in_each_kind = ((0, labels[0]), (1, labels[1]), (2, (labels[2] + 1) % S.shape[1]))
    for row, column in one_in_each_kind if slack <= _TOO_WIDE * scale else ():
        at = np.zeros(S.shape)
        at[row, column] = step
        higher, lower = (ask.evaluate(S + by, y, np.float64).value for by in (at, -at))
        numerical[row, column] = (higher - lower) / ((S + at) - (S - at))[row, column]
        tried[row, column] = True
    granted = max(float(each.granted.max()) for each in seen) + 8 * answer.gradient_eps * scale
    analytic = answer.gradient, np.full(S.shape, granted), np.ones(S.shape, dtype=bool)
    return Validation(S, y, analytic, (numerical, np.full(S.shape, slack), tried))


def _classes(S: FloatArray, y: npt.NDArray[Any]) -> npt.NDArray[np.intp]:
    """N ints, the class of each row, or that of the largest label."""
    Y = labels_as_numbers(S, y)
    return np.zeros(len(S), dtype=np.intp) if Y is None else np.asarray(np.argmax(Y, axis=1))


def _drawn(seen: Sequence[Case], dtype: np.dtype[Any]) -> tuple[FloatArray, npt.NDArray[Any]]:
    """Of three rows one is drawn as it is, one is right by a margin, and one has every margin violated."""
    C, rows = seen[0].classes, {each.rows for each in seen}
    N = next(n for n in count(_ROWS) if n not in rows)
    rng = np.random.default_rng([N, C])
    spread = float(seen[0].S.std()) or 1.0
    S = seen[0].S.mean() + spread * rng.standard_normal((N, C))
    y = rng.choice(np.concatenate([each.y for each in seen if each.classes == C]), size=N)
    labels = _classes(S, y)
    S[np.arange(N), labels] += (_BEYOND + 4 * spread) * np.array([0.0, 1.0, -1.0])[np.arange(N) % 3]
    return S.astype(dtype).astype(np.float64), y
