"""Problems with more entries than are judged one by one; no more than six vectors of the length of x are held.

A sample of entries is judged like those of any problem. Derivatives along random normal directions, which move every
entry at once, are compared with the projections of dS; where they disagree, bisection leads to the wrong entries.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt

import numpy as np

from gradcheck.checking.entries import Verdicts, joined_verdicts, judge
from gradcheck.checking.precision import Precision
from gradcheck.checking.steps import pieces, stencil_along
from gradcheck.checking.subgradients import Nearby
from gradcheck.evaluation.evaluators import Evaluator
from gradcheck.evaluation.objective import Objective
from gradcheck.functions.answer import Answer
from gradcheck.layout import Arguments
from gradcheck.numerics.differences import EPS, SIGMAS, Stencil
from gradcheck.numerics.directional import (
    LEAST_IN_SPACINGS,
    RATIO,
    Pair,
    finest_step,
    has_kinks_at_point,
    residuals,
    smallest_defect,
)
from gradcheck.numerics.verdicts import OK, SUBGRADIENT, TOO_WIDE, UNRESOLVED, WRONG, Tolerance, largest
from gradcheck.report import Finding, FloatArray, IndexArray, Projections
from gradcheck.sampling import classes_of

#: Random directions; each lets an entry's defect pass where it happens to move that entry by little.
DIRECTIONS = 4
#: Steps finer than the first two that may be tried, along the first direction.
_FINER = 2
#: Noise may take this part of what the tolerances grant, and of a disagreement that is looked for by bisection.
_SHARE_OF_GRANTED, _SHARE_OF_DISAGREEMENT = 1 / 8, 1 / 16
#: How far beside x the directions are taken where kinks meet at x: a derivative there may be anything in an interval.
_BESIDE = 2.0**-4
#: Entries of the sample, by calls of single rows and by calls of the whole batch; the part that may be labels' own.
_BY_ROWS, _BY_WHOLE, _LABELS = 64, 2, 0.75
#: Directions that disagree by this many times what is allowed leave no doubt.
_BEYOND_DOUBT = 4.0
#: Entries that directions lead to and that are not wrong, after which the search is given up.
_IN_VAIN = 3
#: A residual that was inferred is measured afresh once its bound is this part of it.
_UNSURE = 1 / 3
_HINT = "check the same loss with fewer rows and classes, where every entry is judged"


@dataclass(frozen=True, eq=False)
class Base:
    """A point (n,), and what the function returned there."""

    x: FloatArray
    answer: Answer  # of the reference, the function in float64 where it can; its gradient is (n,)
    analytic: FloatArray  # (n,), dS as it is judged; the same array where that is the reference's own


class Directions:
    """Projections of dS along random directions, and along parts of them."""

    def __init__(
        self, given: Objective, objective: Objective, base: Base, precision: Precision, tolerance: Tolerance
    ) -> None:
        self._given, self._objective, self.base = given, objective, base
        self._precision, self._tolerance = precision, tolerance
        self.buffer, self._drawn = np.empty(len(base.x)), -1
        usual = float(np.median(np.abs(base.x[:: max(1, len(base.x) // 1024)])))
        self._spacing = float(objective.spacing(np.array([usual]))[0])
        some = np.unique(np.linspace(0, len(base.x) - 1, 512).astype(np.intp))
        self._noise_of_slope = sqrt(len(base.x)) * float(np.median(precision.gradient_noise.of(some)))
        self.is_beside = self.meets_kinks = False
        #: By flat entry, how far its derivative is from dS where the directions were taken.
        self.explained: dict[int, float] = {}

    def draw(self, number: int) -> FloatArray:
        """The random normal direction of this number, the same for every problem of a shape: (n,), in the buffer."""
        if number != self._drawn:
            np.random.default_rng([*self._objective.shape, number]).standard_normal(out=self.buffer)
            self._drawn = number
        return self.buffer

    def look(self) -> None:
        """Every direction at two steps: 16 calls, and up to 9 more to find the steps."""
        noise = self._precision.value_noise
        granted = self.granted(self.base.analytic, self._precision.scale)
        looks, steps = self._best_looks(granted)
        if has_kinks_at_point(_pair([looks]), noise, granted):
            self._go_beside()
            looks, steps = self._best_looks(granted)
        seen = [[_look(self._objective, self.base, self.draw(k), step) for step in steps] for k in range(1, DIRECTIONS)]
        pair, granted = _pair([looks, *seen]), self.granted(self.base.analytic)
        self.residuals, bounds, self._of = residuals(pair, noise)
        self._fine, self._changes = steps[1], float(bounds[0] - pair.fine.noise_bound(noise)[0])
        self.meets_kinks = has_kinks_at_point(pair, noise, granted)
        rounding = SIGMAS * self._noise_of_slope + EPS * sqrt(len(self.base.x)) * _norm(self.base.analytic)
        self.bounds = bounds + rounding
        self.allowed = self.bounds + granted

    def excess(self, left: FloatArray) -> FloatArray:
        """What directions leave, in units of what they may: above 1 they disagree. Infinite where nothing is known."""
        with np.errstate(divide="ignore", invalid="ignore"):
            units = np.where(left == 0, 0.0, np.abs(left) / self.allowed)
        return np.nan_to_num(units, nan=np.inf)

    def left(self) -> FloatArray:
        """What every direction leaves once the entries that are known to be off are taken out: K floats."""
        off = [self._explained_along(self.draw(k)) for k in range(DIRECTIONS)]
        return np.asarray(self.residuals - np.array(off))

    def measure(self, number: int, part: slice, size: float) -> tuple[float, float]:
        """The derivative along a direction, where a part of the entries move, less the analytic one; and its bound.

        Two calls; ``size`` is the disagreement that is looked for there.
        """
        direction, noise = self.draw(number), self._precision.value_noise
        step = finest_step(noise, _SHARE_OF_DISAGREEMENT * size, self._spacing)
        stencil, expected = _look(self._objective, self.base, direction, step, part)
        share = (part.stop - part.start) / len(direction)
        changes = self._changes * sqrt(share * step / self._fine)
        bound = float(stencil.noise_bound(noise)[0]) + changes + SIGMAS * self._noise_of_slope * sqrt(share)
        residual = float(self._of(stencil)[0]) - expected - self._explained_along(direction, part)
        return residual, bound + self.granted(self.base.analytic[part])

    def granted(self, analytic: FloatArray, least: float = 0.0) -> float:
        """What the tolerances of single entries grant their sum along a normal direction; ``least`` is of the norm."""
        norm = max(_norm(analytic), least)
        return SIGMAS * (self._tolerance.rtol * norm + self._tolerance.atol * sqrt(len(analytic)))

    def _explained_along(self, direction: FloatArray, part: slice = slice(None)) -> float:
        """How much of a derivative along a direction, or a part of it, the entries explain that are known to be off."""
        start, stop, _ = part.indices(len(direction))
        return float(sum(off * direction[entry] for entry, off in self.explained.items() if start <= entry < stop))

    def _best_looks(self, granted: float) -> tuple[list[_Look], list[float]]:
        """Looks along the first direction at the best two neighbouring steps, and the steps."""
        direction, noise = self.draw(0), self._precision.value_noise
        fine = finest_step(noise, _SHARE_OF_GRANTED * granted, self._spacing)
        looks: list[_Look] = []
        steps, bounds = [RATIO * fine, fine], []
        while True:
            looks += [_look(self._objective, self.base, direction, step) for step in steps[len(looks) :]]
            pair, finer = _pair([looks[-2:]]), steps[-1] / RATIO
            bounds.append(float(residuals(pair, noise)[1][0]))
            noisier = float(pair.fine.noise_bound(noise)[0]) * RATIO
            enough = len(bounds) > _FINER or min(bounds) <= granted or noisier > min(bounds) / 2
            leave = not self.is_beside and has_kinks_at_point(pair, noise, granted)
            if enough or leave or finer < LEAST_IN_SPACINGS * self._spacing:
                best = int(np.argmin(bounds))
                return looks[best : best + 2], steps[best : best + 2]
            steps.append(finer)

    def _go_beside(self) -> None:
        """Take the directions where no kink is: one call, or two in the user's dtype."""
        given, exact = self._given, self._objective
        x = given.rounded(self.base.x + _BESIDE * self.draw(DIRECTIONS))
        value, there = exact.without_copy(x.astype(exact.dtype))
        gradient = np.array(there)
        own = gradient if given.dtype == exact.dtype else np.array(given.without_copy(x.astype(given.dtype))[1])
        self.base, self.is_beside = Base(x, Answer(value, gradient, 0.0, 0.0), own), True


#: The stencil of one direction, and the analytic derivative along the displacement really taken.
_Look = tuple[Stencil, float]


def _look(objective: Objective, base: Base, direction: FloatArray, step: float, within: slice = slice(None)) -> _Look:
    """Move x by ``step`` times a direction both ways, in some entries: two calls."""
    part, own, analytic, expected = direction[within], base.x[within], base.analytic[within], 0.0
    for piece in pieces(len(part)):
        above, below = ((own[piece] + signed * part[piece]).astype(objective.dtype) for signed in (step, -step))
        expected += float(np.dot(analytic[piece], np.subtract(above, below, dtype=np.float64)))
    return stencil_along(objective, base.x, base.answer, direction, step, within), expected / (2 * step)


def _pair(looks: list[list[_Look]]) -> Pair:
    """Looks at a coarse and at a fine step along each of K directions."""
    coarse, fine = (Stencil(*np.concatenate([seen for seen, _ in at], axis=1)) for at in zip(*looks, strict=True))
    return Pair(coarse, fine, np.array([expected for _, (_, expected) in looks]))


def _norm(vector: FloatArray) -> float:
    """Euclidean norm, of gradients too whose squares are too small for a float."""
    size = largest(vector) or 1.0
    return size * float(np.linalg.norm(vector / size))


def check_directions(
    given: Objective,
    evaluator: Evaluator,
    base: Base,
    precision: Precision,
    tolerance: Tolerance,
    worst: int,
    also: Sequence[int] = (),
) -> tuple[Projections, Verdicts, tuple[Finding, ...]]:
    """Check a function by projections: ``given`` in the user's dtype, and single entries by the reference.

    The sample has entries of labels and ``also`` these in it; at most ``worst`` wrong entries are looked for.

    Returns:
        What stands in place of the verdicts of all entries; those of the entries that were judged one by one; and what
        neither says.

    Raises:
        NotSeparable: the evaluator takes rows one by one, and they turned out to be coupled.
        LossDefect: the function raised at moved points, or returned no value and gradient.
    """
    with np.errstate(over="ignore", invalid="ignore"):
        single = _Single(evaluator, precision, tolerance, base)
        single.judge(_sample(evaluator))
        single.judge(np.array(also, dtype=np.intp))
        directions = Directions(given, evaluator.objective, base, precision, tolerance)
        directions.look()
        wrong_beside = _search(directions, single, worst)
        return _outcome(directions, single, wrong_beside, worst)


class _Single:
    """Verdicts of single entries at a point, as they are asked for."""

    def __init__(self, evaluator: Evaluator, precision: Precision, tolerance: Tolerance, base: Base) -> None:
        self.evaluator, self.precision, self.tolerance, self.base = evaluator, precision, tolerance, base
        self.columns = evaluator.objective.shape[1]
        self._nearby = Nearby(evaluator.objective, base.x, precision, evaluator.coupled)
        self.verdicts: list[Verdicts] = []
        #: By flat entry, the verdict; and of wrong ones the numerical less the analytic derivative.
        self.known: dict[int, int] = {}
        self.defects: dict[int, float] = {}

    def judge(self, entries: IndexArray) -> None:
        """Judge entries that were not judged before."""
        new = entries[[entry not in self.known for entry in entries.tolist()]]
        if not len(new):
            return
        base, nearby = self.base, self._nearby
        arguments = self.evaluator, base.answer, base.analytic, self.precision, self.tolerance, nearby
        judged = judge(*arguments, entries=new, reference="central")
        self.verdicts.append(judged)
        for entry, given, off in zip(new.tolist(), judged.verdicts, judged.numerical - judged.analytic, strict=True):
            self.known[entry] = int(given)
            if given == WRONG:
                self.defects[entry] = float(off)


def _search(directions: Directions, single: _Single, worst: int) -> list[str]:
    """Bisection along the direction that disagrees most, then along any that still does; what is wrong beside x."""
    there = single
    if directions.is_beside:
        base = directions.base
        there = _Single(single.evaluator.at(base.x), single.precision, single.tolerance, base)
    wrong_beside: list[str] = []
    in_vain = 0

    def take(entry: int) -> int:
        single.judge(np.array([entry]))
        there.judge(np.array([entry]))
        if there.known[entry] == WRONG:
            directions.explained[entry] = there.defects[entry]
            if single.known[entry] != WRONG:
                row, column = divmod(entry, single.columns)
                analytic = float(there.base.analytic[entry])
                wrong_beside.append(
                    f"beside S, where no kinks meet, dS[{row}, {column}] is {analytic:.6g} "
                    f"and the numerical gradient {analytic + there.defects[entry]:.6g}"
                )
        return there.known[entry]

    for entry in sorted(single.defects):
        take(entry)
    for number in np.argsort(-directions.excess(directions.left()), kind="stable").tolist():
        allowed = float(directions.allowed[number])
        while len(single.defects) + len(wrong_beside) < worst and in_vain < _IN_VAIN:
            remaining = float(directions.left()[number])
            if abs(remaining) <= allowed:
                break
            entry = _bisect(directions, number, remaining, single.columns)
            if entry in directions.explained:
                break
            given = take(entry)
            if given == WRONG:
                continue
            in_vain += 1
            if given == OK:  # it explains nothing
                break
            residual, _ = directions.measure(number, slice(entry, entry + 1), allowed)
            # A kink explains what a direction sees of it.
            directions.explained[entry] = residual / float(directions.draw(number)[entry])
    return wrong_beside


def _bisect(directions: Directions, number: int, residual: float, columns: int) -> int:
    """The entry that disagrees most along a direction: the half with more of the disagreement is halved again."""
    # Two calls a level tell of one half, and what the whole has more, of the other; that is measured afresh once it has
    # become uncertain.
    start, stop, bound = 0, len(directions.buffer), 0.0
    while stop - start > 1:
        if bound > _UNSURE * abs(residual):
            residual, bound = directions.measure(number, slice(start, stop), abs(residual))
        middle = (start + stop) // 2
        border = round(middle / columns) * columns
        middle = border if start < border < stop else middle  # between two rows, if there are several
        first, bound_of_first = directions.measure(number, slice(start, middle), abs(residual))
        if abs(first) >= abs(residual - first):
            stop, residual, bound = middle, first, bound_of_first
        else:
            start, residual, bound = middle, residual - first, bound + bound_of_first
    return start


def _outcome(
    directions: Directions, single: _Single, wrong_beside: list[str], worst: int
) -> tuple[Projections, Verdicts, tuple[Finding, ...]]:
    judged, remaining, allowed = joined_verdicts(single.verdicts), directions.left(), directions.allowed
    excess = directions.excess(remaining)
    disagree = bool(np.max(excess) > 1)
    too_coarse = smallest_defect(directions.bounds) > TOO_WIDE * single.precision.scale
    k = int(np.argmax(excess))
    disagreement = f"along a random direction dS and the numerical gradient differ by {abs(remaining[k]):.1e}"
    disagreement += f", where {allowed[k]:.1e} is allowed"
    remarks = ["kinks meet at S: the directions were taken a little beside it"] if directions.is_beside else []
    if disagree:
        more = len(single.defects) >= worst
        what = "more are wrong than the worst that were looked for" if more else "what else is wrong could not be found"
        remarks.append(f"{disagreement}; {what}")
    elif too_coarse:
        remarks.append("the loss is too noisy here for projections to tell")
    messages = wrong_beside[:1]
    if np.max(excess) > _BEYOND_DOUBT and not directions.meets_kinks and not single.defects and not messages:
        messages = [disagreement]
    telling = (judged.verdicts == WRONG) | ((judged.verdicts == OK) & ~judged.negligible)
    projections = Projections(
        directions=DIRECTIONS,
        agree=not disagree and not too_coarse,
        smallest_defect=smallest_defect(allowed + np.abs(remaining)),
        largest_gradient=largest(single.base.analytic),
        checked=len(judged.entries),
        wrong=len(single.defects),
        subgradient=int(np.count_nonzero(judged.verdicts == SUBGRADIENT)),
        undecided=int(np.count_nonzero(judged.verdicts == UNRESOLVED)),
        max_relative_error=float(judged.relative_errors[telling].max(initial=0.0)),
        remark="; ".join(remarks),
    )
    return projections, judged, tuple(Finding("projections-disagree", "error", each, _HINT) for each in messages)


def _sample(evaluator: Evaluator) -> IndexArray:
    """Entries that are judged in any case: some of labels' own, the others anywhere; all of a small problem."""
    shape, labels = evaluator.objective.shape, evaluator.objective.labels
    N, C = shape
    count = _BY_ROWS if evaluator.by_rows else _BY_WHOLE
    if count >= N * C:
        return np.arange(N * C)
    rng, classes = np.random.default_rng(shape), classes_of(labels, shape)
    if isinstance(labels, Arguments):
        return np.sort(rng.permutation(N * C)[:count])
    some = np.zeros(0, dtype=np.intp) if classes is None else np.sort(rng.permutation(N)[: int(_LABELS * count)])
    first = some if classes is None else some * C + classes[some]
    others = np.setdiff1d(rng.integers(0, N * C, size=2 * count), first)
    return np.concatenate([first, rng.permutation(others)[: count - len(first)]]).astype(np.intp)
