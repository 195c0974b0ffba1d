"""A function at one problem: the flat vector x in, value and gradient out, every call counted.

A framework's function can be called at many points at once, or compiled: where that gives what plain calls give.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from gradcheck.errors import LossDefect
from gradcheck.functions.answer import Answer, put_together, validated, value_and_gradient, values_and_derivatives
from gradcheck.functions.function import Function
from gradcheck.layout import Arguments, Blocks
from gradcheck.report import Array, FloatArray, IndexArray

#: What is called: the whole batch, single rows, or the whole batch for the value of each row.
Asking = Literal["whole", "rows", "each-row"]
#: Scores and labels in, which the function may overwrite, and what is asked; its answer out.
Call = Callable[[Array, Any, Asking], Any]

#: Points in one call, at most; and in a request, at least, for which mapping a function saves more than it takes.
_POINTS, _WORTHWHILE = 256, 1024
#: Bytes that the points of one call may take, with so many numbers computed from each entry.
_BYTES, _NUMBERS = 2**26, 16
#: In units of rounding: how far two ways may differ, as sums in another order do; and by how much more at one point
#: than at another, which is noise that was not measured.
_ALIKE, _SCATTER = 64.0, 8.0
#: Half the machine epsilon of float64. Rounding above the second is that of half precision, which compilers may skip.
_LEAST, _HALF = 2.0**-53, 2.0**-16
#: Plain calls at a problem before compiled ones, which are compared with this many more.
_PLAIN, _COMPARED = 20, 2


@dataclass(eq=False)
class Objective:
    """A score loss with the labels of one problem, as a function of the flat vector x of its N x C scores."""

    loss: Function
    shape: tuple[int, int]  # (N, C)
    labels: Any  # N or N x C; or the `Arguments` of a function of named inputs, whose flat vector is 1 x n
    dtype: npt.DTypeLike = np.float64  # what x is rounded to before the loss gets it
    resolution: npt.DTypeLike | None = None  # whose spacing a step must exceed, if not that of ``dtype``
    #: None where the loss returns one value. Else every call asks for the value of each row (``reduction="none"``), and
    #: this is what such a value counts in the batch's: 1/N or 1.
    row_weight: float | None = None
    eps: tuple[float, float] = (0.0, 0.0)  # machine epsilon of value and dS, where ``row_weight`` is known
    pool: Any = None  # other processes that share many calls, ``parallel.Pool``; or None
    rounding: float = 0.0  # standard deviation of the noise of a value as a part of it, once that is measured
    calls: int = 0  # of the loss, or points that it was called at

    def __post_init__(self) -> None:
        y = self.labels
        self.blocks = Blocks.of_inputs(y.layout) if isinstance(y, Arguments) else Blocks.of_rows(self.shape)
        self.quick, self.batched = self.loss.quick(y), Batched(self)

    def __call__(self, x: FloatArray) -> Answer:
        """Value and gradient (n,) at x (n,), both float64.

        Raises:
            LossDefect: the loss raised, or returned no value and gradient.
        """
        point = x.astype(self.dtype).reshape(self.shape)
        if self.row_weight is None:
            answer = validated(self.call(point, self.labels.copy()), self.shape)
        else:
            answer = put_together(*self.each_row(point), self.row_weight, self.eps)
        return replace(answer, gradient=answer.gradient.reshape(-1))

    def without_copy(self, point: Array) -> tuple[float, FloatArray]:
        """Value and gradient (n,) at a point (n,) of ``dtype`` that the loss may overwrite.

        The gradient may be memory of the loss's own, valid until the next call.
        """
        shaped = point.astype(self.dtype, copy=False).reshape(self.shape)
        if self.row_weight is None:
            value, gradient = value_and_gradient(self.call(shaped, self.labels.copy()), self.shape)
            return value, gradient.reshape(-1)
        values, gradient = self.each_row(shaped)
        return self.row_weight * float(np.sum(values)), self.row_weight * gradient.reshape(-1)

    def rounded(self, x: FloatArray) -> FloatArray:
        """Numbers as float64, rounded to what the loss is given; same shape."""
        return x.astype(self.dtype, copy=False).astype(np.float64, copy=False)

    def spacing(self, x: FloatArray) -> FloatArray:
        """Distance between neighbouring floats of the ``resolution`` at these numbers; same shape."""
        resolution = self.dtype if self.resolution is None else self.resolution
        spacings = np.spacing(np.abs(x).astype(resolution, copy=False))
        return np.asarray(spacings, dtype=np.float64)

    def ask(self, asking: Asking, x: FloatArray, entries: IndexArray, after: FloatArray) -> FloatArray:
        """Call the loss with each of E entries of x (n,) moved alone; see ``ask_for``."""
        scores = x.astype(self.dtype, copy=False).reshape(self.shape)
        if (found := self.batched.ask(asking, scores, entries, after.astype(self.dtype, copy=False))) is not None:
            return found
        if self.pool is not None and len(entries):
            self.calls += len(groups_for(asking, entries // self.shape[1]))
            return np.asarray(self.pool.ask(self.loss, asking, scores, self.labels, entries, after))
        return ask_for(asking, self.call, scores, self.labels, entries, after)

    def answer_of_row(self, number: int, scores: FloatArray) -> tuple[float, FloatArray]:
        """Value and gradient (C,) of one row alone, at scores (C,) of its own."""
        point = scores.astype(self.dtype).reshape(1, -1)
        answer = validated(self.call(point, self.labels[number : number + 1].copy()), point.shape)
        return answer.value, answer.gradient.reshape(-1)

    def each_row(self, point: Array) -> tuple[FloatArray, FloatArray]:
        """The value of each row, (N,), and its derivatives, (N, C), at N x C scores that the loss may overwrite.

        They may be memory of the loss's own, valid until the next call.

        Raises:
            LossDefect: the loss does not return them.
        """
        return values_and_derivatives(self.call(point, self.labels.copy(), "each-row"), self.shape)

    def imaginary(self, asking: Asking, x: FloatArray, entries: IndexArray, step: float) -> FloatArray:
        """Im(value) / step with each of E entries of x (n,) moved by i·step; NaN where complex scores are not taken."""
        scores, by_parts = x.astype(np.complex128).reshape(self.shape), asking == "each-row"

        def call(point: Array, labels: Any, asking: Asking) -> tuple[Any, FloatArray]:
            answer = self.call(point, labels, asking)
            values = np.asarray(answer[0] if isinstance(answer, tuple | list) and len(answer) == 2 else None)
            if values.dtype.kind != "c" or (values.shape != self.shape[:1] if by_parts else values.ndim > 1):
                raise LossDefect("wrong-dtype", "complex scores are not taken")
            return (values if by_parts else np.sum(values)).imag / step, np.zeros(point.shape)

        try:
            after = scores.reshape(-1)[entries] + 1j * step
            return np.asarray(ask_for(asking, call, scores, self.labels, entries, after)[0])
        except LossDefect:
            return np.full(len(entries), np.nan)

    def call(self, scores: Array, labels: Any, asking: Asking = "whole") -> Any:
        """What ``Function.call`` returns, by a compiled call where two of those gave the same."""
        self.calls += 1
        loss, quick = self.loss, self.quick
        if quick is None or quick.compiled is None or scores.dtype.kind == "c":
            return loss.call(scores, labels, asking)
        # Single rows count with their batch: JAX would compile every operation of a plain call for them once more.
        kind, compiled = (self.shape, scores.dtype, asking == "each-row"), replace(loss, function=quick.compiled)
        if quick.calls[kind] >= _PLAIN + _COMPARED:
            with suppress(LossDefect):  # a plain call will name it, if it is the function's
                return compiled.call(scores, labels, asking)
            quick.calls[kind] = -math.inf
        answer = loss.call(scores, labels, asking)
        quick.calls[kind] += 1
        if quick.calls[kind] <= _PLAIN:
            return answer
        agrees = False
        self.calls += 1
        with suppress(LossDefect):
            if not quick.keeps_arrays(lambda: loss.call(scores, labels, asking)):
                its = compiled.call(scores, labels, asking)
                plain, other = (validated(each, scores.shape) for each in (answer, its))
                value, found = (each.value if each.parts is None else each.parts for each in (plain, other))
                agrees = max(plain.value_eps, plain.gradient_eps) < _HALF  # and to the last digit of the value
                agrees &= _is_small(found - value, plain.value_eps, value)
                agrees &= _is_small(other.gradient - plain.gradient, _ALIKE * plain.gradient_eps, plain.gradient)
        if not agrees:
            quick.calls[kind] = -math.inf
        return answer


def ask_for(asking: Asking, call: Call, scores: Array, labels: Array, entries: IndexArray, after: Array) -> FloatArray:
    """The value and the derivative by the moved entry, for each of E flat entries of N x C scores set alone.

    Returns:
        (2, E), values and derivatives: of the whole batch, the entry's row alone, or the entry's row in the batch.

    Raises:
        LossDefect: the loss raised, or returned no value and gradient.
    """
    values, derivatives = found = np.empty((2, len(entries)))
    rows = entries // scores.shape[1]
    if asking != "each-row":
        columns = entries - rows * scores.shape[1]
        for e, (row, column) in enumerate(zip(rows.tolist(), columns.tolist(), strict=True)):
            own, first = (slice(row, row + 1), row) if asking == "rows" else (slice(None), 0)
            moved = scores[own].copy()
            moved[row - first, column] = after[e]
            its = labels[own] if asking == "rows" else labels
            values[e], gradient = value_and_gradient(call(moved, its.copy(), asking), moved.shape)
            derivatives[e] = gradient[row - first, column]
        return found
    moved = np.empty_like(scores)  # filled anew for every call: memory that is new each time costs a twentieth more
    for group in groups_for(asking, rows):
        np.copyto(moved, scores)
        moved.reshape(-1)[entries[group]] = after[group]
        each, gradient = values_and_derivatives(call(moved, labels.copy(), asking), scores.shape)
        values[group], derivatives[group] = each[rows[group]], gradient.reshape(-1)[entries[group]]
    return found


def groups_for(asking: Asking, rows: IndexArray) -> list[IndexArray]:
    """The indices of E entries of these rows, in the groups that ``ask_for`` moves by one call each.

    Example:
        >>> [group.tolist() for group in groups_for("each-row", np.array([0, 0, 1]))]  # no group holds a row twice
        [[0, 2], [1]]
    """
    if asking != "each-row":
        return list(np.arange(len(rows)).reshape(-1, 1))
    order, counts = np.argsort(rows, kind="stable"), np.bincount(rows)
    firsts = np.cumsum(counts) - counts
    return [order[firsts[counts > k] + k] for k in range(np.max(counts, initial=0))]


class Batched:
    """An objective at many points by a few calls; None in place of an answer where single calls have to do it."""

    def __init__(self, objective: Objective) -> None:
        self._objective = objective
        self._is_believed: dict[Asking, bool] = {}
        self.words = ""  # for the report: what became of it

    def believes(self, asking: Asking) -> bool:
        """Whether this is how values are obtained from now on."""
        return self._is_believed.get(asking, False)

    def ask(self, asking: Asking, scores: Array, entries: IndexArray, after: Array) -> FloatArray | None:
        """As ``ask_for``."""
        if not (len(entries) and self.suits(asking, scores, entries, after)):
            return None
        size = _chunk(scores[:1] if asking == "rows" else scores)
        chunks = [slice(start, start + size) for start in range(0, len(entries), size)]
        try:
            found = [self._at_once(asking, scores, entries[own], after[own], size) for own in chunks]
        except LossDefect as defect:  # which single calls will name, if it is the function's
            self._is_believed[asking] = self._refuse(defect.message)
            return None
        return np.concatenate(found, axis=1)

    def suits(self, asking: Asking, scores: Array, entries: IndexArray, after: Array) -> bool:
        """Whether it is believed: tried for many entries, at three of them and at x itself."""
        is_new = self._objective.quick is not None and asking not in self._is_believed and asking != "each-row"
        if is_new and len(entries) >= _WORTHWHILE:
            which = [0, len(entries) // 2, -1, 0]
            moved = np.append(after[which[:3]], scores.reshape(-1)[entries[0]])
            self._is_believed[asking] = self._agrees(asking, scores, entries[which], moved)
        return self.believes(asking)

    def _at_once(self, asking: Asking, scores: Array, entries: IndexArray, after: Array, size: int) -> FloatArray:
        """As ``ask_for``, by one call; raises ``LossDefect`` for whatever goes wrong."""
        loss, labels, quick, count = self._objective.loss, self._objective.labels, self._objective.quick, len(entries)
        points: tuple[Any, ...] = scores, labels, False, entries, after
        if asking == "rows":
            rows, columns = np.divmod(entries, scores.shape[1])
            points = scores[rows, np.newaxis], labels[rows, np.newaxis], True, columns, after
        loss.budget.begin(count - 1)
        values, derivatives = replace(loss, function=quick.many).call(points, size)  # type: ignore[arg-type]
        self._objective.calls += count
        if np.shape(derivatives) != np.shape(values)[:1] or len(values) < count:
            raise LossDefect("wrong-shape", "it returns something else")
        return np.array([np.sum(values.reshape(len(values), -1), axis=1), derivatives], dtype=np.float64)[:, :count]

    def _agrees(self, asking: Asking, scores: Array, entries: IndexArray, after: Array) -> bool:
        """Whether it gives what single calls give at these points; if not, the report says why."""
        objective, point, labels = self._objective, scores, self._objective.labels
        if objective.rounding > _HALF:
            return self._refuse("values are rounded to half precision")
        single = ask_for(asking, objective.call, scores, labels, entries, after)
        if asking == "rows":
            point, labels = scores[:1], labels[:1]
        gradient = validated(objective.call(point.copy(), labels.copy()), point.shape).gradient
        if objective.quick.keeps_arrays(lambda: objective.loss.evaluate(point, labels)):
            return self._refuse("arrays are kept from one call to the next")
        try:
            off = self._at_once(asking, scores, entries, after, _chunk(point)) - single
        except LossDefect as defect:
            return self._refuse(defect.message)
        rounding = max(objective.rounding, _LEAST)
        is_close = _is_small(off[1], _ALIKE * rounding, np.append(gradient, single[1]))
        is_close &= _is_small(off[0], _ALIKE * rounding, single[0])
        if not (is_close and _is_small(np.ptp(off[0]), _SCATTER * rounding, single[0])):
            return self._refuse("values or gradients differ from those of single calls")
        self.words = "many points in one call"
        return True

    def _refuse(self, why: str) -> bool:
        self.words = f"one point in each call: for many, {why}"
        return False


def _chunk(point: Array) -> int:
    """How many points like this one a call may have."""
    return int(np.clip(_BYTES // (_NUMBERS * point.nbytes), 1, _POINTS))


def _is_small(apart: Any, part: float, whole: Any) -> bool:
    return bool(np.max(np.abs(apart)) <= part * np.max(np.abs(whole)))
