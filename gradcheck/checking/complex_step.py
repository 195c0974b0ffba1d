"""Entries judged by complex steps, where the loss takes complex scores and can be believed with them.

one step an entry -> is it what the central difference says? -> how large is its rounding?
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

import numpy as np

from gradcheck.evaluation.blocks import IndexArray
from gradcheck.evaluation.evaluators import Evaluator
from gradcheck.numerics.complex_step import STEP, confirmed, is_frozen, near, rounding
from gradcheck.numerics.richardson import Limit
from gradcheck.numerics.verdicts import BoolArray, allowance, gradient_bound
from gradcheck.report import FloatArray

#: Points near S at which every entry is asked for again, and further ones for those in doubt.
_POINTS = 2
_MORE_POINTS = 14
#: Derivatives that differ by no more than the last operation's rounding, 1/N, are the same.
_SAME = 2 * float(np.finfo(np.float64).eps)


@dataclass(frozen=True, eq=False)
class Sharpened:
    """E derivatives, some of them by complex steps.

    Attributes:
        limit: estimates and bounds; the central ones where no complex step could be believed.
        rounding: E floats, what rounding alone may put between the analytic entry and the estimate, where
            ``by_complex`` is true: it stands for the limit's bound and the noise of dS, both. NaN elsewhere.
        by_complex: E truth values, which estimates are by complex steps.
    """

    limit: Limit
    rounding: FloatArray
    by_complex: BoolArray


def sharpen(
    evaluator: Evaluator,
    entries: IndexArray,
    analytic: FloatArray,
    gradient_noise: FloatArray,
    central: Limit,
    rtol: float,
    atol: float,
    scales: FloatArray,
) -> Sharpened:
    """Derivatives by complex steps for E entries, where they can be believed.

    One call where the function takes no complex numbers; else 3 for each entry and 14 more for those in doubt, as the
    evaluator makes them, and of the whole batch 3 or 17.

    Args:
        evaluator: how values are obtained, around x.
        entries: E flat indices.
        analytic: E floats, dS there.
        gradient_noise: E standard deviations of the noise of dS.
        central: the central differences and bounds on their errors.
        rtol, atol: the user's tolerances; entries beyond them are looked at more often.
        scales: (n,), the largest gradient seen in the block of each entry of x.

    Raises:
        LossDefect: the function raised at real points near x, or returned no value and gradient.
    """
    with _no_part_dropped():
        at_x = evaluator.imaginary(entries, STEP)
    believed = np.flatnonzero(confirmed(at_x, central))
    nothing = Sharpened(central, np.full(len(entries), np.nan), np.zeros(len(entries), dtype=bool))
    if not believed.size:
        return nothing
    gradient = evaluator.objective(evaluator.x).gradient
    judged = _Entries(evaluator, entries[believed], at_x[believed], scales)
    grants = judged.rounding(gradient, analytic[believed], gradient_noise[believed], rtol, atol)
    return _merged(central, believed, at_x[believed], grants, gradient_bound(gradient_noise[believed]))


@contextmanager
def _no_part_dropped() -> Iterator[None]:
    """Calls with complex scores. NumPy only warns where it drops an imaginary part; here such a call fails."""
    with np.errstate(all="ignore"), warnings.catch_warnings():
        warnings.simplefilter("error", np.exceptions.ComplexWarning)
        yield


def _merged(
    central: Limit, believed: IndexArray, steps: FloatArray, grants: FloatArray, noise: FloatArray
) -> Sharpened:
    """Central differences, but complex steps where these judge more sharply.

    Args:
        central: E central differences.
        believed: which of them have complex steps, ``steps``.
        grants: what rounding may put between these and the analytic entries.
        noise: bounds on the noise of dS there.
    """
    trusted = central.only(believed)
    # What both share, rounding between the two does not show; and the central difference has a word on either.
    bounds = np.minimum(grants + noise, trusted.bound + np.abs(steps - trusted.estimate))
    take = grants < trusted.bound + noise
    estimate, bound = central.estimate.copy(), central.bound.copy()
    rounding, by_complex = np.full(len(bound), np.nan), np.zeros(len(bound), dtype=bool)
    which = believed[take]
    estimate[which], bound[which], rounding[which] = steps[take], bounds[take], grants[take]
    by_complex[which] = True
    return Sharpened(Limit(estimate, bound), rounding, by_complex)


@dataclass(frozen=True, eq=False)
class _Entries:
    """E entries and their complex steps at x."""

    evaluator: Evaluator
    entries: IndexArray
    at_x: FloatArray
    scales: FloatArray

    def rounding(
        self, gradient: FloatArray, analytic: FloatArray, noise: FloatArray, rtol: float, atol: float
    ) -> FloatArray:
        """What rounding may put between analytic entries and complex steps: E bounds.

        From more points near x where the first do not settle an entry within the tolerances.

        Args:
            gradient: (n,), dS at x.
            analytic, noise, rtol, atol: as for ``sharpen``.
        """
        rng = np.random.default_rng(self.evaluator.objective.shape)
        derivatives = gradient[self.entries]
        frozen = is_frozen(gradient, self.scales).any()
        # What was judged in float32 has more rounding than the derivatives in float64, which are asked for here.
        others = (np.abs(analytic - derivatives) > _SAME * np.abs(analytic)).any()
        beyond = gradient_bound(noise) if frozen or others else np.zeros(len(noise))

        here = self.at_x, derivatives
        seen = np.array([here, *self._near(_POINTS, rng)])
        first = rounding(seen[:, 0], seen[:, 1])
        bound = first.bound + beyond
        allowed = allowance(analytic, self.at_x, rtol, atol)
        doubtful = np.flatnonzero((np.abs(analytic - self.at_x) > allowed + bound) | (bound > allowed))
        if doubtful.size:
            again = replace(self, entries=self.entries[doubtful])
            seen = np.concatenate([seen[:, :, doubtful], np.array([*again._near(_MORE_POINTS, rng)])])
            bound[doubtful] = rounding(seen[:, 0], seen[:, 1], first.usual).bound + beyond[doubtful]
        return bound

    def _near(self, points: int, rng: np.random.Generator) -> Iterator[tuple[FloatArray, FloatArray]]:
        """Complex steps and analytic derivatives, E of each, at so many points near x."""
        for _ in range(points):
            point = near(self.evaluator.x, rng)
            with _no_part_dropped():
                slopes = self.evaluator.at(point).imaginary(self.entries, STEP)
            yield slopes, self.evaluator.objective(point).gradient[self.entries]
