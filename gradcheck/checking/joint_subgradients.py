"""A subgradient is one vector: entries that are right one by one need not be right together.

Where two maxima tie, (1, 0), (0, 1) and all between them are subgradients; (1, 1) is none, though each of its entries
is between the derivatives around it. Any two subgradients differ by what the gradient jumps by, across kinks through x
(F. H. Clarke, "Optimization and Nonsmooth Analysis", 1983, theorem 2.5.1). Along a direction at right angles to all
those jumps the function has a derivative, and dS must have it. Values have the last word.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import chain

import numpy as np
import numpy.typing as npt

from gradcheck.checking.nearby import MOST_HELD, every_rank, in_order, patterns, radius_and_step
from gradcheck.checking.precision import Precision
from gradcheck.evaluation.blocks import IndexArray
from gradcheck.evaluation.objective import Objective
from gradcheck.numerics import verdicts as verdict
from gradcheck.numerics.differences import SIGMAS
from gradcheck.report import Finding, FloatArray

BoolArray = npt.NDArray[np.bool_]
#: Points that are sampled for all rows at once; most rows are accounted for by a few.
_SAMPLED = 16
#: Entries at kinks that are tried at every rank among themselves, a call each; and rows of such entries.
_MOST_RANKED, _MOST_UNITS = 12, 3
#: Of the largest gradient: what is a jump, and no curvature; and what is missing, and no jump that was left out.
_JUMP, _MISSING = 0.005, 0.05
#: Part of what is missing that noise and curvature may make up.
_SHARP = 0.1
#: Times that a direction is followed to both sides for another jump.
_ROUNDS = 6
#: Sampled points, beside the last two, at which the derivative along the direction is taken as well.
_VERIFIED = 6
#: Entries of a direction that are named, and how large one must be to count.
_MOST_SHOWN, _MOVED = 6, 0.01
#: A radius of fewer spacings of floats is not moved by exactly.
_SPACINGS = 1e5


@dataclass(frozen=True, eq=False)
class Apart:
    """A direction along which the function has a derivative, and dS another.

    Attributes:
        direction: (n,), its largest entry 1.
        shape: (N, C).
        analytic: dS along it.
        numerical: the derivative of the value along it.
    """

    direction: FloatArray
    shape: tuple[int, int]
    analytic: float
    numerical: float

    @property
    def moved(self) -> BoolArray:
        """N x C, the entries that move along it."""
        return np.asarray(np.abs(self.direction.reshape(self.shape)) > _MOVED)

    def finding(self) -> Finding:
        """The finding ``not-a-subgradient``."""
        moved = np.argwhere(self.moved).tolist()
        direction = self.direction.reshape(self.shape)
        shown = [f"{direction[row, column]:+.3g} t to S[{row}, {column}]" for row, column in moved[:_MOST_SHOWN]]
        more = f" and {len(moved) - len(shown)} more" if len(moved) > len(shown) else ""
        return Finding(
            "not-a-subgradient",
            "error",
            f"each entry of dS is a subgradient by itself, but together they are none: adding {', '.join(shown)}{more} "
            f"changes the value by {self.numerical:.6g} t, and by dS it would be {self.analytic:.6g} t",
            hint="where scores tie, give the derivative to one of them or share it out among them; and let one and the "
            "same 1{...} decide for a score and for the label's",
        )


def joint_defect(
    objective: Objective,
    x: FloatArray,
    analytic: FloatArray,
    value: float,
    verdicts: npt.NDArray[np.int8],
    granted: FloatArray,
    precision: Precision,
    coupled: bool,
) -> Apart | None:
    """Whether entries that are subgradients one by one are none together.

    Args:
        objective: the function.
        x: (n,) float64.
        analytic: (n,), dS.
        value: of the function at x.
        verdicts: (n,), of every entry.
        granted: (n,), bounds on the rounding of dS.
        precision: measured at x.
        coupled: the value is no sum over rows, so that all entries belong together.

    Returns:
        None where they are one, and where it cannot be told. No call where less than two entries that belong together
        are subgradients; mostly a few, at most 18, and 174 for each of three rows.

    Raises:
        LossDefect: the function raised near x, or returned no value and gradient.
    """
    every = np.arange(len(x))
    units = [every] if coupled else [every[each] for each in objective.blocks.slices()]
    units = [u for u in units if np.count_nonzero(verdicts[u] == verdict.SUBGRADIENT) > 1]
    units = [u for u in units if np.isin(verdicts[u], (verdict.SUBGRADIENT, verdict.OK)).all()]
    radius, _ = radius_and_step(precision)
    spacing = float(np.spacing(np.array(verdict.largest(x), dtype=objective.dtype)))
    if not units or len(x) > MOST_HELD or radius < _SPACINGS * spacing:
        return None
    rng = np.random.default_rng(objective.shape)
    around = _Jumps(objective, x, radius, analytic)
    for line in precision.lines:
        around.see(line.gradients[1])
    for direction in chain(in_order(objective.blocks), patterns(objective.blocks, _SAMPLED, rng)):
        units = [unit for unit in units if around.missing(unit) is not None]
        if not units:
            return None
        around.ask(direction)
    ranked = [(unit, unit[verdicts[unit] == verdict.SUBGRADIENT]) for unit in units]
    for unit, kinked in [each for each in ranked if len(each[1]) <= _MOST_RANKED][:_MOST_UNITS]:
        missing = around.missing_after(unit, every_rank(kinked, objective.blocks, rng), rng)
        if missing is None:
            continue
        rounding = float(np.sum(np.abs(missing) * granted))
        found = around.verified(missing, value, precision.value_noise, rounding)
        if found is not None:
            return found
    return None


class _Jumps:
    """Gradients around x, and whether their jumps account for dS."""

    def __init__(self, objective: Objective, x: FloatArray, radius: float, analytic: FloatArray) -> None:
        self._objective, self._x, self._radius, self._analytic = objective, x, radius, analytic
        self._directions: list[FloatArray] = []
        self._gradients: list[FloatArray] = []

    def ask(self, direction: FloatArray) -> None:
        """One gradient more, on this side of x."""
        self.see(self._objective(self._x + self._radius * direction).gradient)
        self._directions.append(direction)

    def see(self, gradient: FloatArray) -> None:
        """One gradient more that was seen near x."""
        if np.isfinite(gradient).all():
            self._gradients.append(gradient)

    def missing(self, entries: IndexArray) -> FloatArray | None:
        """The direction (n,) in which dS lies away from where the jumps lead, its largest entry 1; None for none."""
        if not self._gradients:
            return None
        seen = np.array([gradient[entries] for gradient in self._gradients])
        scale = max(verdict.largest(seen), verdict.largest(self._analytic[entries]))
        _, sizes, axes = np.linalg.svd(seen - seen[0], full_matrices=False)
        jumps = axes[sizes > _JUMP * scale]
        left = self._analytic[entries] - seen[0]
        left = left - np.einsum("k,kj->j", np.einsum("kj,j->k", jumps, left), jumps)
        largest = verdict.largest(left)
        if not largest > _MISSING * scale:
            return None
        direction = np.zeros(len(self._x))
        direction[entries] = left / largest
        return direction

    def missing_after(
        self, entries: IndexArray, directions: Iterable[FloatArray], rng: np.random.Generator
    ) -> FloatArray | None:
        """What is still missing after these sides of x, and after both sides along what is missing, again and again."""
        for direction in directions:
            self.ask(direction)
            if self.missing(entries) is None:
                return None
        for _ in range(_ROUNDS):
            missing = self.missing(entries)
            if missing is None:
                return None
            beside = 0.1 * rng.uniform(-1, 1, size=len(self._x))
            self.ask(0.9 * missing + beside)
            self.ask(-0.9 * missing + beside)
        return self.missing(entries)

    def verified(self, direction: FloatArray, value: float, value_noise: float, granted: float) -> Apart | None:
        """Whether values agree: one derivative along the direction, at x and around it, which is not dS's."""
        above, below = (self._value(signed * direction) for signed in (1.0, -1.0))
        numerical = (above - below) / (2 * self._radius)
        analytic = float(np.sum(self._analytic * direction))
        enough = _SHARP * abs(analytic - numerical)
        kink = (above - 2 * value + below) / self._radius
        if not SIGMAS * value_noise / self._radius + granted + abs(kink) <= enough:
            return None
        for side in (
            *self._directions[-2:],
            *self._directions[:_VERIFIED],
        ):  # the last two lie along the direction itself
            there = (self._value(side + direction) - self._value(side - direction)) / (2 * self._radius)
            if not abs(there - numerical) <= enough:
                return None
        return Apart(direction, self._objective.shape, analytic, numerical)

    def _value(self, direction: FloatArray) -> float:
        return self._objective(self._x + self._radius * direction).value
