"""One more problem, with another N and rows of every kind, at which a sum of terms has to hold as well."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import count
from typing import Any

import numpy as np
import numpy.typing as npt

from gradcheck.checking.case import Case
from gradcheck.checking.evidence import Allowance, Spent
from gradcheck.diagnosis.terms import labels_as_numbers
from gradcheck.errors import LossDefect
from gradcheck.report import FloatArray

#: Rows, or a few more.
_ROWS = 6
#: Beside what scores are spread by: more than the 1 of a margin.
_BEYOND = 2.0
#: The largest step that entries are judged with where values are noisy, about: bounds times it are that noise.
_JUDGED_STEP = 0.02
#: The calls that are left before any is made for this.
_CALLS = 12


@dataclass(frozen=True, eq=False)
class Validation:
    """What a loss answers at a problem.

    Attributes:
        S, y: the problem.
        dS: N x C.
        granted: how far dS may be off.
        direction: N x C.
        slope: of the value along it.
        error: how far the slope may be off.
    """

    S: FloatArray
    y: npt.NDArray[Any]
    dS: FloatArray  # noqa: N815
    granted: float
    direction: FloatArray
    slope: float
    error: float


def validation_problem(ask: Allowance, seen: Sequence[Case]) -> Validation:
    """Ask the loss at a problem of its own: three calls, or four.

    A central difference errs by about h^2/6 of the third derivative and by the values' noise over h; h makes these
    equal.

    Args:
        ask: the loss.
        seen: problems that were judged, at least one: the new one has scores like theirs, and an N that none has.

    Raises:
        Spent: too few calls are left.
        LossDefect: the loss does not take such a problem, or its answer is not finite.
    """
    if ask.left < _CALLS:
        raise Spent
    S, y, rng = _drawn(seen, ask.dtype)
    answer = ask.evaluate(S, y)
    exact = answer if ask.dtype == np.float64 else ask.evaluate(S, y, np.float64)
    if not (np.isfinite(answer.value) and np.isfinite(answer.gradient).all()):
        raise LossDefect("not-finite", "dS is not finite")
    scale = max(float(np.abs(each).max()) for each in (answer.gradient, *(each.numerical[each.known] for each in seen)))
    bound = max(float(np.median(each.bounds[each.known])) for each in seen)
    noise = max(4 * exact.value_eps * abs(exact.value), _JUDGED_STEP * bound)
    step = min(max((noise / scale) ** (1 / 3), 1e-5), 0.05) if scale > 0 else 0.05
    direction = rng.uniform(0.5, 1, S.shape) * rng.choice([-1, 1], S.shape)
    higher, lower = (ask.evaluate(S + h * direction, y, np.float64).value for h in (step, -step))
    granted = max(float(each.granted.max()) for each in seen) + 8 * answer.gradient_eps * scale
    error = 4 * noise / step + 10 * scale * step**2
    return Validation(S, y, answer.gradient, granted, direction, (higher - lower) / (2 * step), error)


def _drawn(seen: Sequence[Case], dtype: np.dtype[Any]) -> tuple[FloatArray, npt.NDArray[Any], np.random.Generator]:
    """Of three rows one is drawn as it is, one is right by a margin, and one has every margin violated."""
    C, rows = seen[0].classes, {each.rows for each in seen}
    N = next(n for n in count(_ROWS) if n not in rows)
    rng = np.random.default_rng([N, C])
    spread = float(seen[0].S.std()) or 1.0
    S = seen[0].S.mean() + spread * rng.standard_normal((N, C))
    y = rng.choice(np.concatenate([each.y for each in seen if each.classes == C]), size=N)
    Y = labels_as_numbers(S, y)
    margins = (_BEYOND + 4 * spread) * np.array([0.0, 1.0, -1.0])[np.arange(N) % 3]
    S += 0 if Y is None else margins[:, np.newaxis] * (Y.max(axis=1, keepdims=True) == Y)
    return S.astype(dtype).astype(np.float64), y, rng
