"""Is the loss a sum over rows? Evidence from values alone, far from S and near it; never from what is assumed.

What is additive in its rows passes every test here, up to rounding. What couples them in some places alone may be
missed; so what a plan that takes rows one by one calls wrong is looked at once more by calls of the whole batch.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from gradcheck.errors import LossDefect
from gradcheck.evaluation.oracle import Oracle
from gradcheck.evaluation.plans.per_sample import each_row
from gradcheck.evaluation.plans.plan import Coupled, Disagreeing
from gradcheck.evaluation.plans.yardstick import ROUNDINGS, Yardstick
from gradcheck.functions.answer import Answer, put_together
from gradcheck.numerics.noise import effective_eps
from gradcheck.numerics.verdict import largest
from gradcheck.report import FloatArray

#: How far the farthest point lies, in units of the largest score: hinges between rows are on there, or off.
_FAR = 10.0
_FAR_AWAY = "with rows far from S"
_FEW = 3
_SPLITS = 3
#: Calls that it takes to learn anything, and to try another row.
LEAST, _TRY = 5, 3
_EPS = float(np.finfo(np.float64).eps)


def far_points(scores: FloatArray, rng: np.random.Generator) -> tuple[FloatArray, FloatArray]:
    """Scores far above S and far below it, every one.

    A hinge on the difference of two rows is on where the one is far above and the other at S, whatever its margin; one
    on their sum, where both are far above, or below.
    """
    far = _FAR * max(1.0, float(np.max(np.abs(scores))))
    distances = rng.random(size=(2, *scores.shape))
    distances *= far / 2
    distances += far / 2
    return scores + distances[0], scores - distances[1]


def weights_that_fit(
    rows: int, batch: tuple[float, float], alone: tuple[float, float], yardstick: Yardstick
) -> list[float]:
    """Of the mean's weight and the sum's, those by which a row alone changes as the batch does.

    Both, where the row adds nothing, or what it adds drowns in noise: then nothing has been learnt.

    Args:
        rows: N.
        batch: the batch's value at S, and where the row is elsewhere.
        alone: the row's own value at S, and there.
        yardstick: what is the same.
    """
    (value, moved), (here, there) = batch, alone
    return [
        weight
        for weight in (1 / rows, 1.0)
        if yardstick.same(moved - value, weight * (there - here), moved, value, there, here)
    ]


def splits(rows: int, rng: np.random.Generator) -> Iterator[npt.NDArray[np.bool_]]:
    """Rows split in two, so that any two of them are on different sides at least once."""
    order = rng.permutation(rows)
    for bit in range(max(1, (rows - 1).bit_length())):
        yield (order >> bit) & 1 == 1


def weight_of_rows(
    oracle: Oracle,
    scores: FloatArray,
    at_scores: Answer,
    yardstick: Yardstick,
    rng: np.random.Generator,
    spare: int,
) -> float:
    """What a row's own value, from a call of that row alone, counts in the batch's: 1/N, or 1.

    Five calls, and about 2·log2(N) + 3 more if so many can be spared.

    Raises:
        Coupled: with the evidence that it is neither.
    """
    N, value, begun = len(scores), at_scores.value, oracle.calls
    candidates = far_points(scores, rng)[: 2 if spare > LEAST + 3 else 1]
    far_values = [(far, value_at(oracle, far.copy(), _FAR_AWAY)) for far in candidates]
    points = [(far, value_far) for far, value_far in far_values if np.isfinite(value_far)] or oracle.afar
    if not points:
        raise Coupled("it could not be tried far from S")

    def mixed(side: npt.NDArray[np.bool_], far: FloatArray) -> float:
        return value_at(oracle, np.where(side[:, np.newaxis], far, scores), _FAR_AWAY)

    def left() -> int:
        return spare - (oracle.calls - begun)

    def additive(side: npt.NDArray[np.bool_], far: FloatArray, value_far: float) -> float:
        one, other = mixed(side, far), mixed(~side, far)
        if not yardstick.same(one + other, value + value_far, one, other, value, value_far):
            raise Coupled("its rows are coupled: the value is no sum over them")
        return one

    (far, value_far), *others = points
    first, second = rng.permutation(N)[:2].tolist()
    alone = np.arange(N) == first
    weights = _weights(oracle, (scores, far), first, additive(alone, far, value_far), value, yardstick)
    tries = [(second, far), *((row, place) for place, _ in oracle.afar[:1] for row in (first, second))]
    while len(weights) > 1 and tries and left() >= _TRY:  # the row adds nothing, or what it adds drowns in noise
        row, place = tries.pop(0)
        moved = mixed(np.arange(N) == row, place)
        weights = _weights(oracle, (scores, place), row, moved, value, yardstick)
    if len(weights) > 1:
        raise Coupled("what a row adds to the batch drowns in noise")
    # Of two or three rows, one against the rest is a split as good as any.
    sides = list(splits(N, rng)) if N > _FEW else [np.roll(alone, k) for k in range(1, N - 1)]
    for side in sides[: left() // 2]:
        additive(side, far, value_far)
    if left() >= 2 * len(others):
        for other in others:
            additive(sides[0] if N > _FEW else alone, *other)
    return weights[0]


def _weights(
    oracle: Oracle,
    points: tuple[FloatArray, FloatArray],
    row: int,
    moved: float,
    value: float,
    yardstick: Yardstick,
) -> list[float]:
    """Of the mean's weight and the sum's, those by which a row alone changes as the batch does.

    Args:
        oracle: the loss at this problem.
        points: S, and scores far from it.
        row: which row changes.
        moved: the batch's value with this row far from S.
        value: the batch's value at S.
        yardstick: what is the same.

    Raises:
        Coupled: it is neither; with what the row counts instead.
    """
    here, there = (_value_of_row(oracle, point, row) for point in points)
    weights = weights_that_fit(len(points[0]), (value, moved), (here, there), yardstick)
    if not weights:
        change = there - here
        counts = (moved - value) / change if change and np.isfinite(change) else None
        raise Coupled("a row alone is not worth what it adds", counts)
    return weights


def weight_of_values(
    oracle: Oracle, scores: FloatArray, at_scores: Answer, rng: np.random.Generator
) -> tuple[float, Answer]:
    """What each row's own value, from one call of the batch, counts in the batch's: 1/N, or 1.

    At most nine calls.

    Returns:
        The weight, and what the loss answers at S, put together from each row's own.

    Raises:
        Coupled: with the evidence that it is neither, or that a row's own value hangs on other rows.
    """
    N = len(scores)
    values, gradient = each_row(oracle, scores.copy())
    points = far_points(scores, rng)
    far_values = [each_row(oracle, point.copy())[0] for point in points]
    eps = effective_eps(np.concatenate([values, *far_values]), _EPS)
    allowed = ROUNDINGS * eps

    def same(one: FloatArray, other: FloatArray) -> bool:
        with np.errstate(invalid="ignore"):
            return bool(np.all((np.abs(one - other) <= allowed * largest(other)) | ~np.isfinite(other)))

    pairs = list(zip(points, far_values, strict=True))
    sides = list(splits(N, rng))
    # A hinge between two rows shows in one of them, by one of the far points: where splits are few, by each of them.
    tries = (
        [(side, *pair) for side in sides for pair in pairs]
        if len(sides) <= _SPLITS
        else [(side, *pairs[k % len(pairs)]) for k, side in enumerate(sides[: _SPLITS + 1])]
    )
    for side, far, there in tries:
        mixed, _ = each_row(oracle, np.where(side[:, np.newaxis], far, scores))
        if not same(mixed, np.where(side, there, values)):
            raise Coupled("its rows are coupled: a row's own value changes with the others")
    eps = max(eps, at_scores.value_eps)
    total, sizes = float(np.sum(values)), float(np.sum(np.abs(values)))
    weights = [w for w in (1 / N, 1.0) if abs(at_scores.value - w * total) <= ROUNDINGS * eps * w * sizes]
    if not weights:
        raise Disagreeing("the values of its rows do not make up the batch's")
    return weights[0], put_together(values, gradient, weights[0], (at_scores.value_eps, at_scores.gradient_eps))


def value_at(oracle: Oracle, point: FloatArray, where: str) -> float:
    """The value of the whole batch. One call.

    Args:
        oracle: the loss at this problem.
        point: N x C float64; becomes the loss's own.
        where: what is special about the point, in words.

    Raises:
        Coupled: it has none there.
    """
    try:
        return oracle.given(point).value
    except LossDefect as defect:
        raise Coupled(f"{where} it {defect.message}") from None


def _value_of_row(oracle: Oracle, scores: FloatArray, row: int) -> float:
    try:
        return oracle.row(scores[row : row + 1], row).value
    except LossDefect as defect:
        raise Coupled(f"with a single row it {defect.message}") from None
