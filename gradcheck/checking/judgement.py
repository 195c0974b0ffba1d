"""What a judge is asked of entries of dS, and what it answers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from gradcheck.checking.ladder import Limits
from gradcheck.evaluation.asking import IndexArray
from gradcheck.numerics import verdict
from gradcheck.numerics.extrapolation import Limit
from gradcheck.report import FloatArray


@dataclass(frozen=True, eq=False)
class Rungs:
    """Plain central differences of those entries that were looked at again, step by step.

    Attributes:
        entries: E indices into the flattened arrays of a judgement.
        steps: K x E, half the distance between the two points; NaN where a step was too fine for an entry.
        plain: K x E, the plain central differences.
    """

    entries: IndexArray
    steps: FloatArray
    plain: FloatArray

    def of(self, entry: int) -> tuple[tuple[float, float], ...]:
        """Steps and plain differences of one entry, the widest first; none where it was not looked at again."""
        at = np.flatnonzero(self.entries == entry)
        if not at.size:
            return ()
        steps, plain = self.steps[:, at[0]], self.plain[:, at[0]]
        taken = np.isfinite(steps) & np.isfinite(plain)
        return tuple(zip(steps[taken].tolist(), plain[taken].tolist(), strict=True))


@dataclass(frozen=True, eq=False)
class Judgement:
    """What the numerics say of one problem; every array is N x C, or holds those entries that were judged.

    Attributes:
        numerical: the estimates that the verdicts were given on.
        bounds: bounds on their errors.
        relative_errors: of the analytic against the numerical gradient.
        verdicts: int8, indices into ``report.VERDICTS``.
        negligible: whether an entry is so small that the bound is no small part of it.
        plain: plain central differences, of half-width ``steps``.
        plan: the name of the plan.
        central: the central differences, corrected or extrapolated: where ``by_complex`` is false, ``numerical``.
        by_complex: whether the verdict was given on a complex step.
        kinked: whether left and right derivatives differ, or kinks meet there.
        granted: bounds on the rounding of dS itself, with ``atol``.
        leaps: by how much the value at S lies below its neighbourhood along an axis, both ways; 0 where it does not.
        rungs: of the entries that were in doubt; None where none was.
    """

    numerical: FloatArray
    bounds: FloatArray
    relative_errors: FloatArray
    verdicts: npt.NDArray[np.int8]
    negligible: npt.NDArray[np.bool_]
    plain: FloatArray
    steps: FloatArray
    plan: str
    central: FloatArray
    by_complex: npt.NDArray[np.bool_]
    kinked: npt.NDArray[np.bool_]
    granted: FloatArray
    leaps: FloatArray
    rungs: Rungs | None = None


@dataclass(frozen=True, eq=False)
class Entries:
    """E entries of dS, the noise of each, and the user's tolerances."""

    analytic: FloatArray
    noise: FloatArray
    rtol: float
    atol: float

    def only(self, which: IndexArray) -> Entries:
        return Entries(self.analytic[which], self.noise[which], self.rtol, self.atol)

    def allowed(self, numerical: FloatArray) -> FloatArray:
        user = verdict.allowance(self.analytic, verdict.as_numbers(numerical), self.rtol, self.atol)
        return user + verdict.gradient_bound(self.noise)

    def against(self, limit: Limit, scale: float) -> npt.NDArray[np.int8]:
        return verdict.judge_smooth(self.analytic, limit, self.allowed(limit.estimate), scale)

    def at_limits(self, limits: Limits, scale: float) -> npt.NDArray[np.int8]:
        allowed = self.allowed(limits.central.estimate)
        kinks = verdict.judge_kinks(self.analytic, limits.left, limits.right, allowed, scale)
        verdicts = np.where(limits.is_kink(), kinks, self.against(limits.central, scale))
        return np.where(limits.jumps, verdict.UNRESOLVED, verdicts)  # where it jumps there is no derivative
