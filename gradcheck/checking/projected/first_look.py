"""A few entries of a large problem that are looked at one by one in any case: the labels' columns first."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from gradcheck.checking.ladder import stencil_of
from gradcheck.checking.precision import Precision
from gradcheck.checking.projected.entrywise import Judged
from gradcheck.evaluation.asking import IndexArray
from gradcheck.evaluation.oracle import Oracle
from gradcheck.evaluation.plans.projections import Base
from gradcheck.evaluation.plans.rows import RowsPlan
from gradcheck.functions.answer import Answer
from gradcheck.numerics import verdict
from gradcheck.numerics.differences import relative_error
from gradcheck.numerics.extrapolation import Limit
from gradcheck.report import FloatArray, Verdict

#: Entries that are looked at by calls of single rows, and by calls of the whole batch.
BY_ROWS, BY_THE_WHOLE = 64, 4
#: How many of these are labels' own, at most.
_LABELS = 0.75
_SIGMAS = 3.0
#: Noise may take this part of what rtol grants an entry; no step is wider than the widest.
_SHARE = 10.0
_WIDEST, _LEAST_IN_SPACINGS = 2.0**-9, 64.0


def chosen(
    shape: tuple[int, ...], labels: npt.NDArray[np.int64] | None, count: int, rng: np.random.Generator
) -> tuple[IndexArray, IndexArray]:
    """Rows and columns of so many entries, or of all where they are no more.

    Args:
        shape: N and C.
        labels: N classes; None where there are none.
        count: how many.
        rng: chooses.
    """
    N, C = shape
    if count >= N * C:
        rows, columns = np.indices((N, C)).reshape(2, -1)
        return rows, columns
    some = np.sort(rng.permutation(N)[: int(_LABELS * count)]) if labels is not None else np.zeros(0, dtype=np.intp)
    first = some * C + labels[some] if labels is not None else some
    others = np.setdiff1d(rng.integers(0, N * C, size=2 * count), first)
    flat = np.concatenate([first, rng.permutation(others)[: count - len(first)]])
    return flat // C, flat % C


@dataclass(frozen=True, eq=False)
class FirstLook:
    """What one difference each told of some entries.

    Attributes:
        right: those that agree.
        doubtful: rows and columns of the others, those first that lie farthest apart.
    """

    right: list[Judged]
    doubtful: list[tuple[int, int]]


def first_look(
    oracle: Oracle, base: Base, weight: float, precision: Precision, rows: IndexArray, columns: IndexArray,
    rtol: float, atol: float,
) -> FirstLook:  # fmt: skip
    """Look at entries by two calls of one row each.

    Args:
        oracle: the loss at this problem.
        base: S.
        weight: what a row's own value counts in the batch's.
        precision: of the whole batch.
        rows, columns: E entries.
        rtol, atol: the user's tolerances.

    Raises:
        Coupled: the loss does not take single rows.
    """
    plan = RowsPlan(oracle, base.scores, weight)
    analytic = base.analytic[rows, columns]
    steps = _steps(analytic, precision.value_noise / np.sqrt(len(base.scores)), rtol)
    steps = np.maximum(steps, _LEAST_IN_SPACINGS * oracle.spacing(base.scores[rows, columns]))
    above, below = plan.along(rows, columns, steps), plan.along(rows, columns, -steps)
    here = plan.guess(rows, columns, above, below, Answer(base.value, base.gradient, 0.0, 0.0))
    stencil = stencil_of(below, here, above)
    noise = precision.of_parts(rows, here.values)
    numerical, bounds = stencil.corrected(), stencil.noise_bound(noise, _SIGMAS)
    granted = precision.gradient_noise.at_least(rows, columns)
    allowed = verdict.allowance(analytic, np.nan_to_num(numerical), rtol, atol) + verdict.gradient_bound(granted)
    assert oracle.gradient_scale is not None  # it has been called
    scale = float(np.max(oracle.gradient_scale))
    verdicts = verdict.judge_smooth(analytic, Limit(numerical, bounds), allowed, scale)
    right = (verdicts == verdict.OK) & verdict.is_smooth(stencil, noise, scale)
    errors = relative_error(analytic, numerical)
    negligible = verdict.is_negligible(np.maximum(np.abs(analytic), np.abs(numerical)), bounds, granted)
    agreeing = [
        Judged(
            int(rows[e]), int(columns[e]), float(analytic[e]), float(numerical[e]), float(bounds[e]),
            float(errors[e]), Verdict.OK, float(stencil.plain()[e]), float(steps[e]), bool(negligible[e]),
        )
        for e in np.flatnonzero(right)
    ]  # fmt: skip
    apart = np.nan_to_num(np.abs(analytic - numerical), nan=np.inf)
    doubtful = sorted(np.flatnonzero(~right).tolist(), key=lambda e: -float(apart[e]))
    return FirstLook(agreeing, [(int(rows[e]), int(columns[e])) for e in doubtful])


def _steps(analytic: FloatArray, value_noise: float, rtol: float) -> FloatArray:
    """For each entry the finest step at which noise is a small part of what rtol grants it: there kinks are fewest."""
    with np.errstate(all="ignore"):
        wanted = _SHARE * _SIGMAS * value_noise / (np.sqrt(2.0) * rtol * np.abs(analytic))
    return np.asarray(np.fmin(wanted, _WIDEST))
