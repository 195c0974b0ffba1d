"""Many points in one call, and compiled calls, of a framework's function: where they give what plain calls give."""

import math
from contextlib import suppress
from dataclasses import replace
from typing import Any, Protocol

import numpy as np

from gradcheck.errors import LossDefect
from gradcheck.evaluation.asking import Asking
from gradcheck.functions.answer import validated
from gradcheck.functions.function import Function
from gradcheck.report import Array, FloatArray, IndexArray

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


class Objective(Protocol):
    """What is asked of ``evaluation.objective.Objective`` here."""

    loss: Function
    shape: tuple[int, int]
    labels: Any
    quick: Any  # its other ways to be called; None for none
    rounding: float
    calls: int


class Batched:
    """An objective at many points by a few calls; None in place of an answer where single calls have to do it."""

    def __init__(self, objective: Objective) -> None:
        self._objective = objective
        self._is_believed: dict[Asking, bool] = {}
        self.words = ""  # for the report: what became of it

    def believes(self, asking: Asking) -> bool:
        """Whether this is how values are obtained from now on."""
        return self._is_believed.get(asking, False)

    def ask(
        self, asking: Asking, scores: Array, entries: IndexArray, after: Array
    ) -> tuple[FloatArray, FloatArray] | None:
        """As ``asking.ask_for``."""
        if not (len(entries) and self.suits(asking, scores, entries, after)):
            return None
        found, size = [], _chunk(scores[:1] if asking == "rows" else scores)
        try:
            for start in range(0, len(entries), size):
                own = slice(start, start + size)
                found.append(self._at_once(self._points(asking, scores, entries[own], after[own]), size))
        except LossDefect as defect:  # which single calls will name, if it is the function's
            self._is_believed[asking] = self._refuse(defect.message)
            return None
        values, derivatives = np.concatenate(found, axis=1)
        return values, derivatives

    def suits(self, asking: Asking, scores: Array, entries: IndexArray, after: Array) -> bool:
        """Whether it is believed: tried for many entries, at three of them and at x itself."""
        is_new = self._objective.quick is not None and asking not in self._is_believed and asking != "each-row"
        if is_new and len(entries) >= _WORTHWHILE:
            which = [0, len(entries) // 2, -1, 0]
            moved = np.append(after[which[:3]], scores.reshape(-1)[entries[0]])
            self._is_believed[asking] = self._agrees(self._points(asking, scores, entries[which], moved))
        return self.believes(asking)

    def _points(self, asking: Asking, scores: Array, entries: IndexArray, after: Array) -> tuple[Any, ...]:
        """What ``Quick.many`` takes."""
        labels, rows = self._objective.labels, entries // scores.shape[1]
        if asking == "rows":
            return scores[rows, np.newaxis], labels[rows, np.newaxis], True, entries % scores.shape[1], after
        return scores, labels, False, entries, after

    def _at_once(self, points: tuple[Any, ...], size: int) -> FloatArray:
        """G values and G derivatives; raises ``LossDefect`` for whatever goes wrong."""
        loss, count, quick = self._objective.loss, len(points[-1]), self._objective.quick
        loss.budget.begin(count - 1)
        values, derivatives = replace(loss, function=quick.many).call(points, size)  # type: ignore[arg-type]
        self._objective.calls += count
        if np.shape(derivatives) != np.shape(values)[:1] or len(values) < count:
            raise LossDefect("wrong-shape", "it returns something else")
        return np.array([np.sum(values.reshape(len(values), -1), axis=1), derivatives], dtype=np.float64)[:, :count]

    def _agrees(self, points: tuple[Any, ...]) -> bool:
        """Whether it gives what single calls give at these points; if not, the report says why."""
        objective, (scores, labels, is_own, at, to) = self._objective, points
        if objective.rounding > _HALF:
            return self._refuse("values are rounded to half precision")
        answers = []
        for k in range(len(at)):
            point, its = (scores[k].copy(), labels[k]) if is_own else (scores.copy(), labels)
            point.reshape(-1)[at[k]] = to[k]
            answers.append(validated(call(objective, point.copy(), its.copy()), point.shape))
        objective.calls += len(at)
        if objective.quick.keeps_arrays(lambda: objective.loss.evaluate(point, its)):
            return self._refuse("arrays are kept from one call to the next")
        try:
            values, derivatives = self._at_once(points, _chunk(point))
        except LossDefect as defect:
            return self._refuse(defect.message)
        value, gradient = (np.array([getattr(each, name) for each in answers]) for name in ("value", "gradient"))
        off, rounding = values - value, max(objective.rounding, _LEAST)
        is_close = _is_small(
            derivatives - gradient.reshape(len(at), -1)[np.arange(len(at)), at], _ALIKE * rounding, gradient
        )
        is_close &= _is_small(off, _ALIKE * rounding, value) and _is_small(np.ptp(off), _SCATTER * rounding, value)
        if is_close:
            self.words = "many points in one call"
        return is_close or self._refuse("values or gradients differ from those of single calls")

    def _refuse(self, why: str) -> bool:
        self.words = f"one point in each call: for many, {why}"
        return False


def call(objective: Objective, scores: Array, labels: Any, **options: str) -> Any:
    """What ``Function.call`` returns, by a compiled call where two of those gave the same."""
    loss, quick = objective.loss, objective.quick
    if quick is None or quick.compiled is None or scores.dtype.kind == "c":
        return loss.call(scores, labels, **options)
    # Single rows count with their batch: JAX would compile every operation of a plain call for them once more.
    kind, compiled = (objective.shape, scores.dtype, *options), replace(loss, function=quick.compiled)
    if quick.calls[kind] >= _PLAIN + _COMPARED:
        with suppress(LossDefect):  # a plain call will name it, if it is the function's
            return compiled.call(scores, labels, **options)
        quick.calls[kind] = -math.inf
    answer = loss.call(scores, labels, **options)
    quick.calls[kind] += 1
    if quick.calls[kind] <= _PLAIN:
        return answer
    agrees = False
    objective.calls += 1
    with suppress(LossDefect):
        if not quick.keeps_arrays(lambda: loss.call(scores, labels, **options)):
            plain, other = (
                validated(each, scores.shape) for each in (answer, compiled.call(scores, labels, **options))
            )
            value, found = (each.value if each.parts is None else each.parts for each in (plain, other))
            agrees = max(plain.value_eps, plain.gradient_eps) < _HALF  # and to the last digit of the value
            agrees &= _is_small(found - value, plain.value_eps, value)
            agrees &= _is_small(other.gradient - plain.gradient, _ALIKE * plain.gradient_eps, plain.gradient)
    if not agrees:
        quick.calls[kind] = -math.inf
    return answer


def _chunk(point: Array) -> int:
    """How many points like this one a call may have."""
    return int(np.clip(_BYTES // (_NUMBERS * point.nbytes), 1, _POINTS))


def _is_small(apart: Any, part: float, whole: Any) -> bool:
    return bool(np.max(np.abs(apart)) <= part * np.max(np.abs(whole)))
