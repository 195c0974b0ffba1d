"""Which evaluator suits a function: evidence that its value is the mean or the sum of what its rows give.

The evidence is values alone, far from x and near it. What is additive passes every test here up to rounding. What
couples rows in some places alone may be missed; so entries that single rows call wrong are confirmed by calls of the
whole batch (``confirm``).
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from gradcheck.errors import UsageError
from gradcheck.evaluation.evaluators import Evaluator, Moved, NotSeparable, PerSample, Rows, told_by_calls
from gradcheck.evaluation.objective import Objective
from gradcheck.functions.answer import Answer, put_together
from gradcheck.numerics.differences import EPS
from gradcheck.numerics.noise import effective_eps
from gradcheck.numerics.verdicts import largest
from gradcheck.report import BoolArray, Finding, FloatArray, IndexArray

#: How far the far points lie, in units of the largest score: hinges between rows are on there, or off.
_FAR = 10.0
#: Two ways to the same number may differ by this many standard deviations of noise, or units of rounding.
_SIGMAS, _ROUNDINGS = 16.0, 64.0
#: Splits of the rows in two that are tried for losses that return the value of each row.
_SPLITS = 4


@dataclass(frozen=True, eq=False)
class Same:
    """How far two values that ought to be equal may differ."""

    noise: float  # standard deviation of the noise of a value near x
    rounding: float  # the same as a part of the value

    def __call__(self, first: float, second: float, *sizes: float) -> bool:
        """Whether two numbers are equal but for rounding, computed from others of these sizes."""
        size = max(map(abs, (first, second, *sizes)))
        return abs(first - second) <= _SIGMAS * (self.noise + self.rounding * size) + _ROUNDINGS * EPS * size


@dataclass(frozen=True, eq=False)
class RowValues:
    """Whether a loss returns the value of each row."""

    objective: Objective  # asks for them, if it does; else the objective as it was
    answer: Answer  # what it answers at x
    why_not: str = ""  # empty if it does
    findings: tuple[Finding, ...] = ()  # what its two ways to answer disagree on


def try_row_values(objective: Objective, x: FloatArray, answer: Answer, wanted: str) -> RowValues:
    """Whether the loss, by an argument ``reduction`` or anyway, returns the value of each row; ``answer``: at x (n,).

    Raises:
        UsageError: the plan per-sample was asked for, and cannot be had.
    """
    if wanted not in ("auto", "per-sample"):
        return RowValues(objective, answer, f"the plan {wanted} was asked for")
    tried = RowValues(objective, answer, "the loss takes no `reduction` argument")
    if objective.loss.each_row_options or answer.parts is not None:
        try:
            tried = _row_values(objective, x, answer)
        except NotSeparable as evidence:
            tried = replace(tried, why_not=str(evidence))
    if wanted == "per-sample" and tried.why_not:
        raise refused(wanted, tried.why_not)
    return tried


def choose(
    tried: RowValues, x: FloatArray, same: Same, wanted: str, *, thorough: bool = True
) -> tuple[Evaluator, str, float | None]:
    """The cheapest evaluator that the evidence allows; unless ``thorough``, from about six calls.

    Returns:
        The evaluator; why it was chosen; and what a row counts in the value where that is neither 1/N nor 1.

    Raises:
        UsageError: the plan rows was asked for, and cannot be had.
    """
    objective, answer = tried.objective, tried.answer
    if objective.row_weight is not None:
        return PerSample(objective, x, answer, objective.row_weight), "the loss returns the value of each row", None
    whole = Evaluator(objective, x, answer)
    if wanted == "full" or objective.shape[0] == 1:
        return whole, "it was asked for" if wanted == "full" else "the batch is a single row", None
    try:
        weight = _weight_of_rows(objective, x, answer.value, same, thorough)
    except NotSeparable as evidence:
        if wanted == "rows":
            raise refused(wanted, evidence) from None
        return whole, str(evidence), evidence.row_weight
    kind = "mean" if weight < 1 else "sum"
    return Rows(objective, x, weight=weight), f"the value is the {kind} of its rows' values; {tried.why_not}", None


def refused(wanted: str, why: object) -> UsageError:
    """A plan was asked for, and cannot be had."""
    return UsageError(f"the plan {wanted} does not suit this loss: {why}", hint="leave the choice to --plan auto")


def _weight_of_rows(objective: Objective, x: FloatArray, value: float, same: Same, thorough: bool = True) -> float:
    """What a row's own value counts in the batch's, 1/N or 1, else NotSeparable; about 2·log2(N) + 9 calls."""
    N, C = objective.shape
    rng = np.random.default_rng(objective.shape)
    where = "with rows far from S"
    tried = [(point, _value_at(objective, point, where)) for point in _far_points(x, rng)[: 2 if thorough else 1]]
    points = [(point, there) for point, there in tried if np.isfinite(there)]
    if not points:
        raise NotSeparable("it could not be tried far from S")

    def mixed(side: BoolArray, point: FloatArray) -> float:
        return _value_at(objective, np.where(np.repeat(side, C), point, x), where)

    def one_side(side: BoolArray, point: FloatArray, there: float) -> float:
        one, other = mixed(side, point), mixed(~side, point)
        if not same(one + other, value + there, one, other, value, there):
            raise NotSeparable("its rows are coupled: the value is no sum over them")
        return one

    (point, there), *others = points
    order = rng.permutation(N)
    first = np.arange(N) == order[0]
    weights = _weights(objective, x, point, int(order[0]), (value, one_side(first, point, there)), same)
    for row, (place, _) in [(order[1], points[0]), *((row, points[-1]) for row in order[:2])]:
        if len(weights) > 1:  # the row before may add nothing, or less than the noise
            weights = _weights(objective, x, place, int(row), (value, mixed(np.arange(N) == row, place)), same)
    if len(weights) > 1:
        raise NotSeparable("what a row adds to the batch is less than the noise")
    if not thorough:
        one_side(order < N // 2, point, there)
        return weights[0]
    sides = list(_splits(order)) if N > 3 else [np.roll(first, k) for k in range(1, N - 1)]
    for side in sides:
        one_side(side, point, there)
    for other in others:
        one_side(sides[0] if sides else first, *other)
    return weights[0]


def confirm(
    evaluator: Evaluator, entries: IndexArray, seen: Moved, same: Same, *, together: bool, value: float
) -> None:
    """Check that the whole batch, of this value at x, changes as single rows did, each of E entries moved alone.

    One call for each entry; ``together``, where there is one of every row, moves all of them at once, by one call.

    Raises:
        NotSeparable: it does not.
    """
    x, objective = evaluator.x, evaluator.objective
    if together:
        point = x.copy()
        point[entries] += seen.distance
        moved = _value_at(objective, point, "with an entry of every row moved")
        agree = same(moved, float(np.sum(seen.values)), float(np.sum(np.abs(seen.values))))
    else:
        changes = seen.values - evaluator.here(entries).values
        values, _ = objective.ask("whole", x, entries, x[entries] + seen.distance)
        agree = all(same(v - value, c, v, value) for v, c in zip(values.tolist(), changes.tolist(), strict=True))
    if not agree:
        raise NotSeparable("the whole batch does not change as its rows do one by one")


def _value_at(objective: Objective, point: FloatArray, where: str) -> float:
    """The value of the whole batch at a point (n,); where there is none, NotSeparable says ``where`` that is."""
    with told_by_calls(where):
        return objective.without_copy(point.astype(objective.dtype))[0]


def _far_points(x: FloatArray, rng: np.random.Generator) -> list[FloatArray]:
    """Every score far above x, and far below: any hinge on a difference or a sum of two rows is on somewhere there."""
    far = _FAR * max(1.0, float(np.max(np.abs(x))))
    away = far / 2 * (1 + rng.random(len(x)))
    return [x + away, x - away]


def _splits(order: IndexArray) -> Iterator[BoolArray]:
    """Rows split in two, so that any two of them are on different sides at least once."""
    for bit in range(max(1, (len(order) - 1).bit_length())):
        yield (order >> bit) & 1 == 1


def _weights(
    objective: Objective, x: FloatArray, point: FloatArray, row: int, batch: tuple[float, float], same: Same
) -> list[float]:
    """Of the mean's weight and the sum's, those by which a row alone changes as the batch does; both if by nothing."""
    N, C = objective.shape
    own = slice(row * C, (row + 1) * C)
    with told_by_calls(Rows.refused):
        here, there = (objective.answer_of_row(row, place[own])[0] for place in (x, point))
    value, moved = batch
    weights = [w for w in (1 / N, 1.0) if same(moved - value, w * (there - here), moved, value, there, here)]
    if not weights:
        change = there - here
        counts = (moved - value) / change if change and np.isfinite(change) else None
        raise NotSeparable("a row alone is not worth what it adds to the batch", counts)
    return weights


def _disagree(message: str) -> tuple[Finding, ...]:
    return (Finding("reductions-disagree", "warning", message, "the default call is what was judged"),)


def _row_values(objective: Objective, x: FloatArray, answer: Answer) -> RowValues:
    """Whether its rows have values of their own that count 1/N or 1 in the batch's, else NotSeparable; nine calls."""
    N, C = objective.shape
    rng = np.random.default_rng(objective.shape)

    def each(point: FloatArray) -> tuple[FloatArray, FloatArray]:
        with told_by_calls(PerSample.refused):
            return objective.each_row(point.astype(objective.dtype).reshape(N, C))

    values, gradient = (own.copy() for own in each(x))
    points = [(point, each(point)[0].copy()) for point in _far_points(x, rng)]
    eps = effective_eps(np.concatenate([values, *(there for _, there in points)]), EPS)
    sides = list(_splits(rng.permutation(N)))
    pairs = [(side, *pair) for side in sides for pair in points] if len(sides) < _SPLITS else []
    for side, far, there in pairs or [(side, *points[k % 2]) for k, side in enumerate(sides[:_SPLITS])]:
        mixed, _ = each(np.where(side[:, np.newaxis], far.reshape(N, C), x.reshape(N, C)))
        expected = np.where(side, there, values)
        with np.errstate(invalid="ignore"):
            alike = np.abs(mixed - expected) <= _ROUNDINGS * eps * largest(expected)
        if not np.all(alike | ~np.isfinite(expected)):
            raise NotSeparable("its rows are coupled: the value of a row changes with the others")
    eps = max(eps, answer.value_eps)
    total, sizes = float(np.sum(values)), float(np.sum(np.abs(values)))
    weights = [w for w in (1 / N, 1.0) if abs(answer.value - w * total) <= _ROUNDINGS * eps * w * sizes]
    if not weights:
        what = (
            "neither the mean nor the sum of the values that reduction='none' returns is the value of the default call"
        )
        findings = () if answer.parts is not None else _disagree(what)
        return RowValues(objective, answer, "the values of its rows do not make up the batch's", findings)
    both = answer.value_eps, answer.gradient_eps
    by_rows = put_together(values, gradient.reshape(-1), weights[0], both)
    findings = _disagreement(answer, by_rows.gradient, weights[0], C)
    return RowValues(replace(objective, row_weight=weights[0], eps=both), by_rows, findings=findings)


def _disagreement(answer: Answer, gradient: FloatArray, weight: float, columns: int) -> tuple[Finding, ...]:
    """dS of the default call, which is what is judged, beside what ``reduction="none"`` makes of it; (n,) both."""
    apart = np.abs(answer.gradient - gradient)
    if np.all(apart <= _ROUNDINGS * answer.gradient_eps * max(largest(gradient), largest(answer.gradient))):
        return ()
    entry = int(np.nanargmax(apart))
    row, column = divmod(entry, columns)
    one, other = float(answer.gradient[entry]), float(gradient[entry])
    kind = "mean" if weight < 1 else "sum"
    there = f"the {kind} of what reduction='none' returns has {other!r} there"
    return _disagree(f"dS[{row}, {column}] is {one!r}, but {there}")
