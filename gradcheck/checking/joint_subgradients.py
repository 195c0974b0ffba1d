"""A subgradient is one vector: entries that are right one by one need not be right together.

Where two maxima tie, (1, 0), (0, 1) and all between them are subgradients. (1, 1) is none, though each of its entries
lies between the derivatives around it. The subgradients at S are the hull of the limits of gradients nearby (F. H.
Clarke, "Optimization and Nonsmooth Analysis", 1983, theorem 2.5.1), so any two of them differ by what the gradient
jumps by, across kinks through S. Along a direction at right angles to all those jumps the loss has a derivative like
anywhere else, and dS has to have it.

Gradients nearby are sampled until the jumps that they show account for dS. Where they never do, values have the word:
along the direction that is left the loss must be smooth, at S and at every side of it that was found.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain, islice
from typing import NamedTuple

import numpy as np

from gradcheck.checking.case import BoolArray, Line
from gradcheck.checking.judgement import Judgement
from gradcheck.checking.precision import Precision
from gradcheck.checking.sides import every_rank, in_order, patterns, radius_and_step
from gradcheck.evaluation.asking import IndexArray
from gradcheck.evaluation.oracle import Oracle
from gradcheck.numerics import verdict
from gradcheck.numerics.differences import SIGMAS
from gradcheck.report import Finding, FloatArray

#: Entries of a matrix of which some tens are held.
_MOST_HELD = 2**18
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
_BORNE_OUT = 6
#: Points that are sampled for a glance.
_GLANCED = 6
#: Entries of a direction that are named, and how large one must be to count.
_MOST_SHOWN, _MOVED = 6, 0.01
#: A radius of fewer spacings of floats is not moved by exactly.
_SPACINGS = 1e5


@dataclass(frozen=True, eq=False)
class Apart:
    """A direction along which the loss has a derivative, and dS another.

    Attributes:
        direction: N x C, its largest entry 1.
        analytic: dS along it.
        numerical: the derivative of the value along it.
    """

    direction: FloatArray
    analytic: float
    numerical: float

    @property
    def moved(self) -> BoolArray:
        """N x C, the entries that move along it."""
        return np.asarray(np.abs(self.direction) > _MOVED)


def apart(
    oracle: Oracle,
    scores: FloatArray,
    analytic: FloatArray,
    value: float,
    judgement: Judgement,
    precision: Precision,
) -> Apart | None:
    """Whether subgradients that are right entry by entry are none together.

    Args:
        oracle: the loss at this problem.
        scores: N x C float64.
        analytic: N x C, dS.
        value: of the loss at S, as the oracle answers it.
        judgement: of every entry.
        precision: of the loss here.

    Returns:
        None where they are one, and where it cannot be told. No call where less than two entries that belong together
        are subgradients; mostly a few, at most 18, and 174 for each of three rows.

    Raises:
        LossDefect: the loss raised near S, or answered nonsense.
    """
    units = _units(judgement, scores.shape)
    radius, _ = radius_and_step(precision.value_noise, verdict.largest(analytic))
    spacing = float(np.spacing(np.asarray(verdict.largest(scores), dtype=oracle.dtype)))
    if not units or scores.size > _MOST_HELD or radius < _SPACINGS * spacing:
        return None
    rng = np.random.default_rng(scores.shape)
    around = _Around(oracle, scores, radius, analytic, precision.lines)
    for direction in _sampled(scores.shape, rng):
        units = [unit for unit in units if around.missing(unit.entries) is not None]
        if not units:
            return None
        around.ask(direction)
    for unit in [unit for unit in units if len(unit.kinked) <= _MOST_RANKED][:_MOST_UNITS]:
        missing = around.missing_after(unit.entries, every_rank(unit.kinked, scores.shape, rng), rng)
        if missing is None:
            continue
        granted = float(np.sum(np.abs(missing) * judgement.granted))
        found = around.borne_out(missing, value, precision.value_noise, granted)
        if found is not None:
            return found
    return None


def at_a_glance(oracle: Oracle, scores: FloatArray) -> Apart | None:
    """As ``apart``, without verdicts and after few sides of S: no more than a good guess, for some twelve calls.

    Args:
        oracle: the loss at this problem.
        scores: N x C float64.

    Raises:
        LossDefect: the loss raised at S or near it, or answered nonsense.
    """
    at_scores = oracle(scores)
    noise = float(np.finfo(np.float64).eps) * abs(at_scores.value)
    radius, _ = radius_and_step(noise, verdict.largest(at_scores.gradient))
    around = _Around(oracle, scores, radius, at_scores.gradient)
    rows = list(np.arange(scores.size).reshape(scores.shape))
    units = [*rows, np.arange(scores.size)] if len(rows) > 1 else rows
    for direction in islice(_sampled(scores.shape, np.random.default_rng(scores.shape)), _GLANCED):
        around.ask(direction)
        units = [unit for unit in units if around.missing(unit) is not None]
        if not units:
            return None
    missing = around.missing(units[0])
    return None if missing is None else around.borne_out(missing, at_scores.value, noise, granted=0.0, others=0)


class _Unit(NamedTuple):
    """What one value is made of: a row, or where rows are coupled all of S. Flat indices in reading order."""

    entries: IndexArray
    kinked: IndexArray


def _units(judgement: Judgement, shape: tuple[int, ...]) -> list[_Unit]:
    """Those with at least two subgradients, and nothing that is wrong already or was left open."""
    every = np.arange(judgement.verdicts.size)
    units = every[np.newaxis] if judgement.plan == "full" else every.reshape(shape)
    verdicts = judgement.verdicts.ravel()[units]
    subgradients = verdicts == verdict.SUBGRADIENT
    settled = np.all(subgradients | (verdicts == verdict.OK), axis=1)
    chosen = np.flatnonzero(settled & (np.count_nonzero(subgradients, axis=1) > 1))
    return [_Unit(units[k], units[k][subgradients[k]]) for k in chosen]


class _Around:
    """Gradients around S, and whether their jumps account for dS. Flat, all of them."""

    def __init__(
        self, oracle: Oracle, scores: FloatArray, radius: float, analytic: FloatArray, lines: Iterable[Line] = ()
    ) -> None:
        self._oracle, self._scores, self._radius, self._analytic = oracle, scores, radius, analytic.ravel()
        self._directions: list[FloatArray] = []
        self._gradients: list[FloatArray] = []
        for line in lines:
            self._see(line.gradients[1])

    def ask(self, direction: FloatArray) -> None:
        """One more, on this side of S: N x C, of at most 1."""
        self._see(self._oracle(self._scores + self._radius * direction).gradient)
        self._directions.append(direction)

    def _see(self, gradient: FloatArray) -> None:
        if np.isfinite(gradient).all():
            self._gradients.append(gradient.ravel())

    def missing(self, entries: IndexArray) -> FloatArray | None:
        """The direction in which dS lies away from where the jumps lead, N x C, its largest entry 1; None for none."""
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
        direction = np.zeros(self._scores.shape)
        direction.flat[entries] = left / largest
        return direction

    def missing_after(
        self, entries: IndexArray, directions: Iterable[FloatArray], rng: np.random.Generator
    ) -> FloatArray | None:
        """What is missing still after these sides of S, and after both sides along what is missing, again and again."""
        for direction in directions:
            self.ask(direction)
            if self.missing(entries) is None:
                return None
        for _ in range(_ROUNDS):
            missing = self.missing(entries)
            if missing is None:
                return None
            beside = 0.1 * rng.uniform(-1, 1, size=self._scores.shape)
            self.ask(0.9 * missing + beside)
            self.ask(-0.9 * missing + beside)
        return self.missing(entries)

    def borne_out(
        self, direction: FloatArray, value: float, value_noise: float, granted: float, others: int = _BORNE_OUT
    ) -> Apart | None:
        """Whether values say the same: one derivative along the direction, at S and around it, which is not dS's."""
        above, below = (self._value(signed * direction) for signed in (1.0, -1.0))
        numerical = (above - below) / (2 * self._radius)
        said = float(np.sum(self._analytic * direction.ravel()))
        enough = _SHARP * abs(said - numerical)
        kink = (above - 2 * value + below) / self._radius
        if not SIGMAS * value_noise / self._radius + granted + abs(kink) <= enough:
            return None
        for side in (*self._directions[-2:], *self._directions[:others]):  # the last two lie along the direction itself
            there = (self._value(side + direction) - self._value(side - direction)) / (2 * self._radius)
            if not abs(there - numerical) <= enough:
                return None
        return Apart(direction, said, numerical)

    def _value(self, direction: FloatArray) -> float:
        return self._oracle(self._scores + self._radius * direction).value


def _sampled(shape: tuple[int, ...], rng: np.random.Generator) -> Iterator[FloatArray]:
    """Sides of S: first those that a loop over the classes takes, where it breaks ties; then any."""
    return chain(in_order(shape), patterns(shape, _SAMPLED, rng))


def as_finding(found: Apart) -> Finding:
    """What there is to say of it."""
    moved = np.argwhere(found.moved).tolist()
    shown = [f"{found.direction[row, column]:+.3g} t to S[{row}, {column}]" for row, column in moved[:_MOST_SHOWN]]
    more = f" and {len(moved) - len(shown)} more" if len(moved) > len(shown) else ""
    return Finding(
        "not-a-subgradient",
        "error",
        f"each entry of dS is a subgradient by itself, but together they are none: adding {', '.join(shown)}{more} "
        f"changes the value by {found.numerical:.6g} t, and by dS it would be {found.analytic:.6g} t",
        hint="where scores tie, give the derivative to one of them or share it out among them, to each of them is too "
        "much; and let one and the same 1{...} decide for a score and for the label's",
    )
