"""Problems with more entries than are judged one by one.

A sample of entries is judged like those of any problem. Beside it, derivatives along random normal directions, which
move every entry at once, are compared with the projections of dS; where they disagree, bisection leads to the wrong
entries. No more than six vectors of the length of x are held.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import sqrt
from typing import Any

import numpy as np
import numpy.typing as npt

from gradcheck.checking.bisection import Measure, Range, bisect
from gradcheck.checking.entries import Tolerance, Verdicts, judge
from gradcheck.checking.precision import GradientNoise, Precision
from gradcheck.checking.subgradients import Nearby
from gradcheck.evaluation.blocks import IndexArray
from gradcheck.evaluation.evaluators import Evaluator, Rows, WholeBatch
from gradcheck.evaluation.objective import Objective
from gradcheck.functions.answer import Answer
from gradcheck.numerics import verdicts as verdict
from gradcheck.numerics.differences import SIGMAS, Stencil, joined
from gradcheck.numerics.directional import (
    LEAST_IN_SPACINGS,
    RATIO,
    Pair,
    finest_step,
    has_kinks_at_point,
    residuals,
    smallest_defect,
)
from gradcheck.report import Finding, FloatArray, Projections

#: Random directions; each lets an entry's defect pass where it happens to move that entry by little.
DIRECTIONS = 4
#: Entries of the sample, by calls of single rows and by calls of the whole batch; the part that may be labels' own.
_BY_ROWS, _BY_WHOLE, _LABELS = 64, 4, 0.75
#: Steps finer than the first two that may be tried, along the first direction.
_FINER = 2
#: Noise may take this part of what the tolerances grant, and of a disagreement that is looked for by bisection.
_SHARE_OF_GRANTED, _SHARE_OF_DISAGREEMENT = 1 / 8, 1 / 16
#: By how much changes between two steps must outweigh the noise at a third for that to be tried.
_WILD = 4.0
#: How far beside x the directions are taken where kinks meet at x.
_BESIDE = 2.0**-4
#: Directions that disagree by this many times what is allowed leave no doubt.
_BEYOND_DOUBT = 4.0
#: Entries that directions lead to and that are not wrong, after which the search is given up.
_IN_VAIN = 3
_PIECE = 2**16
_EPS = float(np.finfo(np.float64).eps)
_HINT = "check the same loss with fewer rows and classes, where every entry is judged"


@dataclass(frozen=True, eq=False)
class Base:
    """A point, and what the function returned there; all but the value are (n,) float64.

    Attributes:
        x: the point.
        value: of the reference, the function in float64 where it can.
        gradient: of the reference.
        analytic: dS as it is judged; the same array where that is the reference's own.
    """

    x: FloatArray
    value: float
    gradient: FloatArray
    analytic: FloatArray


@dataclass(frozen=True, eq=False)
class Outcome:
    """What became of a problem.

    Attributes:
        projections: what stands in place of the verdicts of all entries.
        verdicts: of the entries that were judged one by one.
        findings: what those verdicts do not say.
    """

    projections: Projections
    verdicts: Verdicts
    findings: tuple[Finding, ...]


def check_directions(
    given: Objective,
    evaluator: Evaluator,
    base: Base,
    precision: Precision,
    noise: GradientNoise,
    tolerance: Tolerance,
    labels: npt.NDArray[Any],
    worst: int,
) -> Outcome:
    """Check a function by projections.

    Args:
        given: the function in the user's dtype.
        evaluator: of single entries, by the reference.
        base: the problem's point.
        precision: measured in short.
        noise: of dS in the user's dtype.
        tolerance: the user's.
        labels: the problem's; entries of labels are a part of the sample.
        worst: wrong entries that are looked for.

    Raises:
        NotSeparable: the evaluator takes rows one by one, and they turned out to be coupled.
        LossDefect: the function raised at moved points, or returned no value and gradient.
    """
    with np.errstate(over="ignore", invalid="ignore"):
        single = _Single(evaluator, precision, noise, tolerance, base)
        single.judge(_sample(evaluator, labels))
        directions = _Directions(given, evaluator.objective, base, precision, noise, tolerance)
        directions.look()
        wrong_beside = _search(directions, single, worst, evaluator.weight if isinstance(evaluator, Rows) else None)
        return _outcome(directions, single, wrong_beside, worst)


class _Single:
    """Verdicts of single entries at a point, as they are asked for."""

    def __init__(
        self, evaluator: Evaluator, precision: Precision, noise: GradientNoise, tolerance: Tolerance, base: Base
    ) -> None:
        self._evaluator, self._precision, self._noise = evaluator, precision, noise
        self._tolerance, self.base, self.scale = tolerance, base, precision.scale
        self.columns = evaluator.objective.shape[1]
        self._nearby = Nearby(evaluator.objective, base.x, precision)
        self._answer = Answer(base.value, base.gradient, 0.0, 0.0)
        self._verdicts: list[Verdicts] = []
        self.defects: dict[int, float] = {}
        self.known: dict[int, int] = {}

    def judge(self, entries: IndexArray) -> None:
        """Judge entries that were not judged before; a defect is the numerical less the analytic derivative."""
        new = entries[[entry not in self.known for entry in entries.tolist()]]
        if not len(new):
            return
        judged = judge(
            self._evaluator, self._answer, self.base.analytic, self._precision, self._tolerance,
            noise=self._noise, entries=new, reference="central", nearby=self._nearby,
        )  # fmt: skip
        self._verdicts.append(judged)
        self.known.update(zip(new.tolist(), judged.verdicts.tolist(), strict=True))
        wrong = judged.verdicts == verdict.WRONG
        off = (judged.numerical - judged.analytic)[wrong]
        self.defects.update(zip(new[wrong].tolist(), off.tolist(), strict=True))

    def at(self, base: Base) -> _Single:
        """The same at another point."""
        evaluator = self._evaluator.at(base.x)
        return _Single(evaluator, self._precision, self._noise, self._tolerance, base)

    def all(self) -> Verdicts:
        """The verdicts of all of them, as one."""
        first, *others = self._verdicts
        for other in others:
            arrays: dict[str, Any] = {
                name: np.concatenate([value, getattr(other, name)])
                for name, value in vars(first).items()
                if isinstance(value, np.ndarray)
            }
            first = replace(first, refined=None, **arrays)
        return first


class _Directions:
    """Projections of dS along random directions, and along parts of them."""

    def __init__(
        self,
        given: Objective,
        objective: Objective,
        base: Base,
        precision: Precision,
        noise: GradientNoise,
        tolerance: Tolerance,
    ) -> None:
        self._given, self._objective, self.base = given, objective, base
        self._precision, self._tolerance = precision, tolerance
        self.buffer, self._drawn = np.empty(len(base.x)), -1
        usual = float(np.median(np.abs(base.x[:: max(1, len(base.x) // 1024)])))
        self._spacing = float(objective.spacing(np.array([usual]))[0])
        some = np.unique(np.linspace(0, len(base.x) - 1, 512).astype(np.intp))
        self._noise_of_slope = sqrt(len(base.x)) * float(np.median(noise.of(some)))
        self._alone: tuple[int, Objective, Base] | None = None
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
        """Every direction at two steps: 16 calls, up to 9 more to find the steps, 8 more for a third."""
        noise = self._precision.value_noise
        first, steps = self._first_looks()
        looks, granted = [first], [self.granted(self.buffer, self.base.analytic)]
        for number in range(1, DIRECTIONS):
            direction = self.draw(number)
            looks.append([self._look(direction, step) for step in steps])
            granted.append(self.granted(direction, self.base.analytic))
        pair = _pair(looks)
        told = residuals(pair, noise)
        least = float(pair.fine.noise_bound(noise)[0])
        finer = steps[1] / RATIO
        # The first direction was perhaps tame by chance: a finer step does more for the others than noise undoes.
        if told.bounds[0] > max(granted) and told.bounds[0] - least > _WILD * RATIO * least and self._can_take(finer):
            steps = [steps[1], finer]
            looks = [[fine, self._look(self.draw(k), finer)] for k, (_, fine) in enumerate(looks)]
            pair = _pair(looks)
            told = residuals(pair, noise)
            least = float(pair.fine.noise_bound(noise)[0])
        self._of, self._fine, self._changes = told.of, steps[1], float(told.bounds[0]) - least
        self.meets_kinks = has_kinks_at_point(pair, noise, max(granted))
        rounding = SIGMAS * self._noise_of_slope + _EPS * sqrt(len(self.base.x)) * _norm(self.base.analytic)
        self.residuals, self.bounds = told.residuals, told.bounds + rounding
        self.allowed = self.bounds + np.array(granted)

    def excess(self, left: FloatArray) -> FloatArray:
        """What directions leave, in units of what they may: above 1 they disagree. Infinite where nothing is known."""
        with np.errstate(divide="ignore", invalid="ignore"):
            units = np.where(left == 0, 0.0, np.abs(left) / self.allowed)
        return np.nan_to_num(units, nan=np.inf)

    def left(self) -> FloatArray:
        """What every direction leaves once the entries that are known to be off are taken out: K floats."""
        if not self.explained:
            return self.residuals
        off = [_sum(self.explained, self.draw(k)) for k in range(DIRECTIONS)]
        return np.asarray(self.residuals - np.array(off))

    def measuring(self, number: int, known: list[dict[int, float]], weight: float | None) -> Measure:
        """What bisection along a direction asks.

        Args:
            number: of the direction.
            known: by flat entry, how far derivatives are known to be from dS.
            weight: what a row's own value counts in the batch's: then parts of one row take calls of that row alone.
                None where they cannot.
        """
        direction, (N, C) = self.draw(number), self._objective.shape

        def measure(start: int, stop: int, size: float) -> tuple[float, float]:
            row, last = start // C, (stop - 1) // C
            part, noise, within = (last - row + 1) / N, self._precision.value_noise, slice(start, stop)
            along: _Along = (self._objective, self.base, 1.0)
            moved = direction
            if weight is not None and row == last and N > 1:
                along, moved = self._row(row, weight), direction[row * C : (row + 1) * C]
                noise, within = noise / sqrt(N), slice(start - row * C, stop - row * C)
            step = finest_step(noise, _SHARE_OF_DISAGREEMENT * size, self._spacing)
            stencil, expected = _look(along, moved, step, within)
            residual = float(self._of(stencil)[0]) - expected
            for off in known:
                residual -= sum(off[entry] * float(direction[entry]) for entry in off if start <= entry < stop)
            changes = self._changes * sqrt(part * step / self._fine)
            bound = float(stencil.noise_bound(noise)[0]) + changes + SIGMAS * self._noise_of_slope * sqrt(part)
            return residual, bound + self.granted(direction[start:stop], self.base.analytic[start:stop])

        return measure

    def granted(self, direction: FloatArray, analytic: FloatArray) -> float:
        """What the tolerances of single entries grant their sum: by chance, and never more than all together."""
        t = self._tolerance
        largest = verdict.largest(analytic)
        if largest == 0:
            return t.atol * SIGMAS * sqrt(len(direction))
        together = sum(float(np.dot(np.abs(analytic[p]), np.abs(direction[p]))) for p in _pieces(len(direction)))
        granted = t.rtol * min(together, SIGMAS * _norm(analytic))
        if t.atol:
            granted += t.atol * min(float(np.sum(np.abs(direction))), SIGMAS * sqrt(len(direction)))
        return granted

    def _look(self, direction: FloatArray, step: float) -> _Look:
        return _look((self._objective, self.base, 1.0), direction, step, slice(0, None))

    def _first_looks(self) -> tuple[list[_Look], list[float]]:
        """The best two neighbouring steps along the first direction; at x, or beside it if kinks meet there."""
        norm = max(_norm(self.base.analytic), self._precision.scale)
        granted = SIGMAS * (self._tolerance.rtol * norm + self._tolerance.atol * sqrt(len(self.base.x)))
        looks, steps = self._best_looks(granted)
        if has_kinks_at_point(_pair([looks]), self._precision.value_noise, granted):
            self._go_beside()
            looks, steps = self._best_looks(granted)
        return looks, steps

    def _best_looks(self, granted: float) -> tuple[list[_Look], list[float]]:
        direction, noise = self.draw(0), self._precision.value_noise
        fine = finest_step(noise, _SHARE_OF_GRANTED * granted, self._spacing)
        steps = [RATIO * fine, fine]
        looks = [self._look(direction, step) for step in steps]
        bounds = [float(residuals(_pair([looks]), noise).bounds[0])]
        for _ in range(_FINER):
            pair = _pair([looks[-2:]])
            noisier = float(pair.fine.noise_bound(noise)[0]) * RATIO
            leave = not self.is_beside and has_kinks_at_point(pair, noise, granted)
            if min(bounds) <= granted or noisier > min(bounds) / 2 or leave or not self._can_take(steps[-1] / RATIO):
                break
            steps.append(steps[-1] / RATIO)
            looks.append(self._look(direction, steps[-1]))
            bounds.append(float(residuals(_pair([looks[-2:]]), noise).bounds[0]))
        best = int(np.argmin(bounds))
        return looks[best : best + 2], steps[best : best + 2]

    def _can_take(self, step: float) -> bool:
        return step >= LEAST_IN_SPACINGS * self._spacing

    def _go_beside(self) -> None:
        """Take the directions where no kink is: one call, or two in the user's dtype."""
        x = self._given.rounded(self.base.x + _BESIDE * self.draw(DIRECTIONS))
        _, analytic = self._given.without_copy(x.astype(self._given.dtype))
        analytic = np.array(analytic)
        if self._objective.dtype == self._given.dtype:
            value, _ = self._objective.without_copy(x.astype(self._given.dtype))
            self.base = Base(x, value, analytic, analytic)
        else:
            value, gradient = self._objective.without_copy(x.copy())
            self.base = Base(x, value, np.array(gradient), analytic)
        self.is_beside = True

    def _row(self, row: int, weight: float) -> _Along:
        """One row alone, at the same point."""
        if self._alone is None or self._alone[0] != row:
            own = slice(row * self._objective.shape[1], (row + 1) * self._objective.shape[1])
            alone = self._objective.row(row)
            answer = alone(self.base.x[own])
            base = Base(self.base.x[own], weight * answer.value, weight * answer.gradient, self.base.analytic[own])
            self._alone = row, alone, base
        return self._alone[1], self._alone[2], weight


#: A function, a point, and what its value counts in that of the whole: 1, or a row's weight.
_Along = tuple[Objective, Base, float]
#: The stencil of one direction, and the analytic derivative along the displacement really taken.
_Look = tuple[Stencil, float]


def _look(along: _Along, direction: FloatArray, step: float, within: slice) -> _Look:
    """Move x by ``step`` times a direction both ways, in some entries: two calls."""
    objective, base, weight = along
    part = direction[within]

    def point(signed: float) -> npt.NDArray[Any]:
        moved = base.x.astype(objective.dtype)
        for piece in _pieces(len(part)):
            moved[within][piece] += signed * part[piece]
        return moved

    def ask(signed: float) -> tuple[float, float]:
        value, gradient = objective.without_copy(point(signed))
        return weight * value, weight * float(np.dot(gradient[within], part))

    (f_below, g_below), (f_above, g_above) = ask(-step), ask(step)
    at = float(np.dot(base.gradient[within], part))
    numbers = (np.array([number]) for number in (f_below, base.value, f_above, g_below, at, g_above))
    expected, own, analytic = 0.0, base.x[within], base.analytic[within]
    for piece in _pieces(len(part)):
        above, below = ((own[piece] + signed * part[piece]).astype(objective.dtype) for signed in (step, -step))
        expected += float(np.dot(analytic[piece], np.subtract(above, below, dtype=np.float64)))
    distance = np.array([step])
    return Stencil(distance, distance, *numbers), expected / (2 * step)


def _search(directions: _Directions, single: _Single, worst: int, weight: float | None) -> list[str]:
    """Bisection along the direction that disagrees most, then along any that still does; what is wrong beside x.

    Fills ``directions.explained``.
    """
    there = single.at(directions.base) if directions.is_beside else single
    explained, C = directions.explained, single.columns
    cleared: dict[int, float] = {}
    wrong_beside: list[str] = []

    def take(entry: int) -> int:
        single.judge(np.array([entry]))
        there.judge(np.array([entry]))
        if there.known[entry] == verdict.WRONG:
            explained[entry] = there.defects[entry]
            if single.known[entry] != verdict.WRONG:
                row, column = divmod(entry, C)
                analytic = float(there.base.analytic[entry])
                wrong_beside.append(
                    f"beside S, where no kinks meet, dS[{row}, {column}] is {analytic:.6g} "
                    f"and the numerical gradient {analytic + there.defects[entry]:.6g}"
                )
        return there.known[entry]

    for entry in sorted(single.defects):
        take(entry)
    order = np.argsort(-directions.excess(directions.left()), kind="stable").tolist()
    for number in order:
        allowed = float(directions.allowed[number])
        measure = directions.measuring(number, [explained, cleared], weight)
        in_vain = 0

        def remaining(number: int = number) -> float:
            direction = directions.draw(number)
            return float(directions.residuals[number]) - _sum(explained, direction) - _sum(cleared, direction)

        found = True
        while found and abs(remaining()) > allowed:
            found = False
            for leaf in bisect(measure, Range(0, len(directions.buffer), remaining(), allowed, measured=True), C):
                if len(single.defects) + len(wrong_beside) >= worst or in_vain >= _IN_VAIN:
                    return wrong_beside
                found = True
                told = take(leaf.start)
                if told != verdict.WRONG:
                    # A kink explains what a direction sees of it; an entry that is right explains nothing.
                    in_vain += 1
                    into = cleared if told == verdict.OK else explained
                    residual, _ = measure(leaf.start, leaf.stop, allowed)
                    into[leaf.start] = into.get(leaf.start, 0.0) + residual / float(directions.draw(number)[leaf.start])
                if abs(remaining()) <= allowed:
                    break
    return wrong_beside


def _outcome(directions: _Directions, single: _Single, wrong_beside: list[str], worst: int) -> Outcome:
    """The numbers that stand in place of every entry's verdict."""
    judged, remaining, allowed = single.all(), directions.left(), directions.allowed
    excess = directions.excess(remaining)
    disagree = bool(np.max(excess) > 1)
    too_coarse = smallest_defect(directions.bounds) > verdict.TOO_WIDE * single.scale
    k = int(np.argmax(excess))
    disagreement = (
        f"along a random direction dS and the numerical gradient differ by {abs(remaining[k]):.1e}, "
        f"where {allowed[k]:.1e} is allowed"
    )
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
    telling = (judged.verdicts == verdict.WRONG) | ((judged.verdicts == verdict.OK) & ~judged.negligible)
    projections = Projections(
        directions=DIRECTIONS,
        agree=not disagree and not too_coarse,
        smallest_defect=smallest_defect(allowed + np.abs(remaining)),
        largest_gradient=verdict.largest(single.base.analytic),
        checked=len(judged.entries),
        wrong=len(single.defects),
        subgradient=int(np.count_nonzero(judged.verdicts == verdict.SUBGRADIENT)),
        undecided=int(np.count_nonzero(judged.verdicts == verdict.UNRESOLVED)),
        max_relative_error=float(judged.relative_errors[telling].max(initial=0.0)),
        remark="; ".join(remarks),
    )
    findings = tuple(Finding("projections-disagree", "error", message, _HINT) for message in messages)
    return Outcome(projections, judged, findings)


def _sample(evaluator: Evaluator, labels: npt.NDArray[Any]) -> IndexArray:
    """Entries that are judged in any case: some of labels' own, the others anywhere; all of a small problem."""
    shape = evaluator.objective.shape
    N, C = shape
    count = _BY_WHOLE if isinstance(evaluator, WholeBatch) else _BY_ROWS
    if count >= N * C:
        return np.arange(N * C)
    rng = np.random.default_rng(shape)
    classes = np.argmax(labels, axis=1) if labels.shape == shape else labels
    is_class = classes.shape == (N,) and classes.dtype.kind in "iu" and bool(np.all((classes >= 0) & (classes < C)))
    some = np.sort(rng.permutation(N)[: int(_LABELS * count)]) if is_class else np.zeros(0, dtype=np.intp)
    first = some * C + classes[some] if is_class else some
    others = np.setdiff1d(rng.integers(0, N * C, size=2 * count), first)
    return np.concatenate([first, rng.permutation(others)[: count - len(first)]]).astype(np.intp)


def _pair(looks: list[list[_Look]]) -> Pair:
    """Looks at a coarse and at a fine step along each of K directions."""
    coarse, fine = (joined([stencil for stencil, _ in at]) for at in zip(*looks, strict=True))
    return Pair(coarse, fine, np.array([expected for _, (_, expected) in looks]))


def _sum(off: dict[int, float], direction: FloatArray) -> float:
    """How much of a derivative along a direction these entries explain."""
    return float(sum(each * direction[entry] for entry, each in off.items()))


def _norm(vector: FloatArray) -> float:
    """Euclidean norm, of gradients too whose squares are too small for a float."""
    largest = verdict.largest(vector)
    if largest == 0:
        return 0.0
    return largest * sqrt(sum(float(np.sum(np.square(vector[p] / largest))) for p in _pieces(len(vector))))


def _pieces(length: int) -> list[slice]:
    """Slices that cover so many numbers: few at once, so that temporaries stay small."""
    return [slice(start, min(start + _PIECE, length)) for start in range(0, length, _PIECE)]
