"""A subgradient is one vector: entries that are right one by one need not be right together.

Where two maxima tie, (1, 0), (0, 1) and all between them are subgradients; (1, 1) is none, though each of its entries
is between the derivatives around it. Any two subgradients differ by what the gradient jumps by, across kinks through x
(F. H. Clarke, "Optimization and Nonsmooth Analysis", 1983, theorem 2.5.1). Along a direction at right angles to all
those jumps the function has a derivative, and dS must have it. Values have the last word.
"""

from itertools import chain

import numpy as np

from gradcheck.checking.entries import Verdicts
from gradcheck.checking.subgradients import Nearby, patterns, rare_directions
from gradcheck.numerics.differences import SIGMAS
from gradcheck.numerics.verdicts import OK, SUBGRADIENT, largest
from gradcheck.report import Finding, FloatArray, IndexArray

#: Points that are sampled at least for all rows at once; most rows are accounted for by a few. Of k entries at kinks
#: k^2 points give each about every rank among them. So many entries of a row, and rows that are left, are looked into.
_SAMPLED, _MOST_RANKED, _MOST_UNITS = 16, 12, 3
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
_HINT = (
    "where scores tie, give the derivative to one of them or share it out among them; and let one and the same 1{...} "
    "decide for a score and for the label's"
)


def joint_defect(nearby: Nearby, value: float, judged: Verdicts) -> Finding | None:
    """The finding ``not-a-subgradient`` where entries that are subgradients one by one are none together.

    All entries belong together if rows are coupled: the value is no sum over rows. None where it cannot be told. No
    call where less than two that belong together are subgradients; mostly a few, at most 146, and 30 for each of three
    rows; where rows are coupled, 128 more, and one for each direction in which a derivative was found to reach dS.

    Raises:
        LossDefect: the function raised near x, or returned no value and gradient.
    """
    objective, noise = nearby.objective, nearby.precision.gradient_noise
    blocks, every, is_kink = objective.blocks, np.arange(len(nearby.x)), judged.verdicts == SUBGRADIENT
    if np.count_nonzero(is_kink) < 2:
        return None
    units = [every] if nearby.arrays else [every[each] for each in blocks.slices()]
    decided = is_kink | (judged.verdicts == OK)
    units = [unit for unit in units if 1 < np.count_nonzero(is_kink[unit]) <= _MOST_RANKED and decided[unit].all()]
    spacing = float(np.spacing(np.array(largest(nearby.x), dtype=objective.dtype)))
    if not units or noise.watched is not None or nearby.radius < _SPACINGS * spacing:
        return None
    rng = np.random.default_rng(objective.shape)
    around = _Jumps(nearby, judged.analytic)
    for gradient in noise.series[:, 1]:
        around.see(gradient)
    most = max(int(np.count_nonzero(is_kink[unit])) for unit in units)
    for direction in chain(nearby.reached if nearby.arrays else (), patterns(blocks, max(_SAMPLED, most**2), rng)):
        units = [unit for unit in units if around.missing(unit) is not None]
        if not units:
            return None
        around.ask(direction)
    for unit in units[:_MOST_UNITS]:
        missing = around.missing_on_both_sides(unit, rng)
        for direction in rare_directions(nearby.arrays) if nearby.arrays else ():
            if missing is None:
                break
            around.ask(direction)
            missing = around.missing(unit)
        if missing is not None and (found := around.verified(missing, value, judged.granted)):
            return found
    return None


class _Jumps:
    """Gradients around x, and whether their jumps account for dS."""

    def __init__(self, nearby: Nearby, analytic: FloatArray) -> None:
        self._nearby, self._analytic = nearby, analytic
        self._directions: list[FloatArray] = []
        self._gradients: list[FloatArray] = []

    def ask(self, direction: FloatArray) -> None:
        """One gradient more, on this side of x."""
        self.see(self._nearby.gradient(direction))
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
        scale = max(largest(seen), largest(self._analytic[entries]))
        _, sizes, axes = np.linalg.svd(seen - seen[0], full_matrices=False)
        jumps = axes[sizes > _JUMP * scale]
        left = self._analytic[entries] - seen[0]
        left = left - np.einsum("k,kj->j", np.einsum("kj,j->k", jumps, left), jumps)
        if not largest(left) > _MISSING * scale:
            return None
        direction = np.zeros(len(self._analytic))
        direction[entries] = left / largest(left)
        return direction

    def missing_on_both_sides(self, entries: IndexArray, rng: np.random.Generator) -> FloatArray | None:
        """What is still missing after both sides of x along what is missing, again and again."""
        for _ in range(_ROUNDS):
            missing = self.missing(entries)
            if missing is None:
                return None
            beside = 0.1 * rng.uniform(-1, 1, size=len(missing))
            self.ask(0.9 * missing + beside)
            self.ask(-0.9 * missing + beside)
        return self.missing(entries)

    def verified(self, direction: FloatArray, value: float, granted: FloatArray) -> Finding | None:
        """The finding, if values have one derivative along a direction, at x and around it, and not dS's."""
        radius, rounding = self._nearby.radius, float(np.sum(np.abs(direction) * granted))
        above, below = self._value(direction), self._value(-direction)
        numerical, analytic = (above - below) / (2 * radius), float(np.sum(self._analytic * direction))
        enough = _SHARP * abs(analytic - numerical)
        kink = abs(above - 2 * value + below) / radius
        if not SIGMAS * self._nearby.precision.value_noise / radius + rounding + kink <= enough:
            return None
        # The last two lie along the direction itself.
        for side in (*self._directions[-2:], *self._directions[:_VERIFIED]):
            there = (self._value(side + direction) - self._value(side - direction)) / (2 * radius)
            if not abs(there - numerical) <= enough:
                return None
        C = self._nearby.objective.shape[1]
        moved = np.flatnonzero(np.abs(direction) > _MOVED).tolist()
        shown = [f"{direction[k]:+.3g} t to S[{k // C}, {k % C}]" for k in moved[:_MOST_SHOWN]]
        more = f" and {len(moved) - len(shown)} more" if len(moved) > len(shown) else ""
        what = "each entry of dS is a subgradient by itself, but together they are none: adding"
        change = f"changes the value by {numerical:.6g} t, and by dS it would be {analytic:.6g} t"
        return Finding("not-a-subgradient", "error", f"{what} {', '.join(shown)}{more} {change}", _HINT)

    def _value(self, direction: FloatArray) -> float:
        return self._nearby.objective(self._nearby.x + self._nearby.radius * direction).value
