"""The loss at one problem: answers at any scores, counts its calls, remembers what it has seen."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from gradcheck.errors import LossDefect
from gradcheck.loss import (
    Evaluation,
    Loss,
    put_together,
    value_and_derivative,
    value_and_gradient,
    values_and_derivatives,
)
from gradcheck.report import FloatArray

IndexArray = npt.NDArray[np.intp]

_EPS = float(np.finfo(np.float64).eps)

#: How to ask for entries: by calls of the whole batch, of single rows, or of the whole batch for each row's own value.
Asking = Literal["whole", "rows", "each-row"]


class Oracle:
    """A loss with one problem's labels: scores in, Evaluation out.

    Attributes:
        loss: the loss that is asked.
        labels: the problem's y.
        dtype: what the scores are rounded to before the loss gets them.
        resolution: the dtype below whose spacing a change of scores means nothing: what the user's loss is given.
        calls: how often the loss was called.
        gradient_scale: N floats, the largest abs(dS) seen in each row at any point so far; None before a call.
        value_scale: abs(value) at small scores: a value of 0 was perhaps rounded from numbers of that size.
        afar: scores far from S, and the loss's values there.
        weight: where it is known, what a row's own value counts in the batch's. Then the loss is asked for each row's
            own value, by ``reduction="none"``, and what it answers is put together here.
        eps: machine epsilon of the dtypes that the loss returns value and dS in, where ``weight`` is known.
    """

    def __init__(
        self,
        loss: Loss,
        labels: npt.NDArray[Any],
        dtype: npt.DTypeLike = np.float64,
        resolution: npt.DTypeLike | None = None,
    ) -> None:
        self.loss = loss
        self.labels = labels
        self.dtype = np.dtype(dtype)
        self.resolution = np.dtype(dtype if resolution is None else resolution)
        self.calls = 0
        self.gradient_scale: FloatArray | None = None
        self.value_scale = 0.0
        self.afar: list[tuple[FloatArray, float]] = []
        self.weight: float | None = None
        self.eps = _EPS, _EPS

    def __call__(self, scores: FloatArray) -> Evaluation:
        """Ask the loss.

        Args:
            scores: N x C float64.

        Raises:
            LossDefect: the loss raised, or answered what is no value and gradient.
        """
        if self.weight is None:
            self._begin()
            evaluation = self.loss.evaluate(scores.astype(self.dtype), self.labels)
        else:
            evaluation = put_together(*self.each_row(scores), self.weight, self.eps)
        self.remember(evaluation)
        return evaluation

    def handed(self, point: npt.NDArray[Any]) -> tuple[float, FloatArray]:
        """Ask the loss at a point that becomes its own, with no copy made: for matrices of which few may be held.

        Args:
            point: N x C of ``dtype``; worthless afterwards, for the loss may have written to it.

        Returns:
            The value, and dS perhaps as the loss's own memory: good until the next call.

        Raises:
            LossDefect: as for a call.
        """
        self._begin()
        value, gradient = value_and_gradient(self.loss.call(point, self.labels.copy()), point.shape)
        self.remember_largest(gradient)
        return value, gradient

    def slope(self, point: npt.NDArray[Any], direction: FloatArray) -> tuple[float, float]:
        """Ask the loss at a point that becomes its own, for its value and the derivative along a direction, N x C."""
        if self.weight is None:
            value, gradient = self.handed(point)
            return value, float(np.einsum("ij,ij", gradient, direction))
        values, gradient = values_and_derivatives(self._answer_of_each_row(point), point.shape)
        return self.weight * float(np.sum(values)), self.weight * float(np.einsum("ij,ij", gradient, direction))

    def alone(self, row: int) -> Oracle:
        """The loss at one row of this problem, a batch of its own; it counts its calls itself."""
        loss = self.loss if self.loss.crew is None else replace(self.loss, crew=None)
        return Oracle(loss, self.labels[row : row + 1], self.dtype, self.resolution)

    def probe(
        self, scores: FloatArray, rows: IndexArray, columns: IndexArray, after: FloatArray
    ) -> tuple[FloatArray, FloatArray]:
        """Ask the loss at scores that differ from these in one entry, for each of E entries.

        Args:
            scores: N x C float64.
            rows, columns: E entries.
            after: E floats, what the entry is instead.

        Returns:
            E values, and E derivatives by the entry.
        """
        values, derivatives = self._in_bulk("whole", scores, rows, columns, after)
        self.remember_derivatives(rows, derivatives)
        return values, derivatives

    def probe_rows(
        self, scores: FloatArray, rows: IndexArray, columns: IndexArray, after: FloatArray
    ) -> tuple[FloatArray, FloatArray]:
        """As ``probe``, but the loss gets the entry's row alone."""
        return self._in_bulk("rows", scores, rows, columns, after)

    def probe_each_row(
        self, scores: FloatArray, rows: IndexArray, columns: IndexArray, after: FloatArray
    ) -> tuple[FloatArray, FloatArray]:
        """As ``probe``, for each row's own value, by as many calls as the row with the most entries has."""
        return self._in_bulk("each-row", scores, rows, columns, after)

    def _in_bulk(
        self, asking: Asking, scores: FloatArray, rows: IndexArray, columns: IndexArray, after: FloatArray
    ) -> tuple[FloatArray, FloatArray]:
        if self.loss.crew is None:
            return self.ask_here(asking, scores, rows, columns, after)
        return self.loss.crew.share(self, asking, scores, rows, columns, after)

    def ask_here(
        self, asking: Asking, scores: FloatArray, rows: IndexArray, columns: IndexArray, after: FloatArray
    ) -> tuple[FloatArray, FloatArray]:
        """The calls of ``probe``, ``probe_rows`` or ``probe_each_row``, in this process, one after another."""
        ask = {"whole": self._ask_whole, "rows": self._ask_rows, "each-row": self._ask_each_row}[asking]
        return ask(scores, rows, columns, after)

    def _ask_whole(
        self, scores: FloatArray, rows: IndexArray, columns: IndexArray, after: FloatArray
    ) -> tuple[FloatArray, FloatArray]:
        values, derivatives = np.empty(len(rows)), np.empty(len(rows))
        point = scores.astype(self.dtype, copy=False)
        for e, entry in enumerate(zip(rows.tolist(), columns.tolist(), strict=True)):
            self._begin()
            moved = point.copy()
            moved[entry] = after[e]
            answer = self.loss.call(moved, self.labels.copy())
            values[e], derivatives[e] = value_and_derivative(answer, point.shape, entry)
        return values, derivatives

    def _ask_rows(
        self, scores: FloatArray, rows: IndexArray, columns: IndexArray, after: FloatArray
    ) -> tuple[FloatArray, FloatArray]:
        # A loss may take no longer for a row than this loop does: so it does as little as it can.
        answers = []
        points = np.split(scores.astype(self.dtype, copy=False), len(scores))
        labels = np.split(self.labels, len(scores))
        shape, begin, call = points[0].shape, self._begin, self.loss.call
        for row, column, score in zip(rows.tolist(), columns.tolist(), after.tolist(), strict=True):
            begin()
            moved = points[row].copy()
            moved[0, column] = score
            answers.append(value_and_derivative(call(moved, labels[row].copy()), shape, (0, column)))
        values, derivatives = np.array(answers, dtype=np.float64).reshape(-1, 2).T.copy()
        return values, derivatives

    def _ask_each_row(
        self, scores: FloatArray, rows: IndexArray, columns: IndexArray, after: FloatArray
    ) -> tuple[FloatArray, FloatArray]:
        values, derivatives = np.empty(len(rows)), np.empty(len(rows))
        unmoved = scores.astype(self.dtype)
        point = unmoved.copy()
        for entries in one_of_each_row(rows):
            i, j = rows[entries], columns[entries]
            point[i, j] = after[entries]
            each, gradient = values_and_derivatives(self._answer_of_each_row(point), scores.shape)
            values[entries], derivatives[entries] = each[i], gradient[i, j]
            point[i, j] = unmoved[i, j]
        if not np.array_equal(point, unmoved):
            raise LossDefect("mutates-input", "changes S in place")
        return values, derivatives

    def row(self, scores: FloatArray, row: int) -> Evaluation:
        """Ask the loss for one row alone: its scores, 1 x C, and which row's label goes with them."""
        self._begin()
        return self.loss.evaluate(scores.astype(self.dtype), self.labels[row : row + 1])

    def each_row(self, scores: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Ask the loss for each row's own value, N floats, and its derivatives, N x C.

        Args:
            scores: N x C float64.
        """
        return values_and_derivatives(self._answer_of_each_row(scores.astype(self.dtype)), scores.shape)

    def _answer_of_each_row(self, scores: npt.NDArray[Any]) -> Any:
        """The loss gets these very scores: they are its own from now on."""
        self._begin()
        return self.loss.call(scores, self.labels.copy(), **self.loss.each_row_options)

    def complex_value(self, scores: npt.NDArray[np.complex128], labels: npt.NDArray[Any] | None = None) -> Any:
        """What the loss answers as its value to complex scores; None where it does not take them."""
        return self._complex(scores, self.labels if labels is None else labels)

    def complex_values(self, scores: npt.NDArray[np.complex128]) -> npt.NDArray[np.complex128] | None:
        """What the loss answers to complex scores as each row's own value; None where it does not take them."""
        values = np.asarray(self._complex(scores, self.labels, **self.loss.each_row_options))
        return values if values.shape == (len(scores),) and values.dtype.kind == "c" else None

    def _complex(self, scores: npt.NDArray[np.complex128], labels: npt.NDArray[Any], **options: str) -> Any:
        self._begin()
        try:
            answer = self.loss.call(scores, labels.copy(), **options)
        except LossDefect:
            return None
        return answer[0] if isinstance(answer, tuple | list) and len(answer) == 2 else None

    def _begin(self) -> None:
        """Before every call of the loss."""
        self.calls += 1

    def remember(self, evaluation: Evaluation) -> None:
        """Let ``gradient_scale`` know of an answer that came without a call."""
        self.remember_largest(evaluation.gradient)

    def remember_largest(self, gradient: FloatArray) -> None:
        """Let ``gradient_scale`` know of the derivatives by every entry, N x C."""
        largest = np.maximum(gradient.max(axis=1), -gradient.min(axis=1))
        if not np.isfinite(largest).all():
            largest = np.max(np.abs(gradient), axis=1, initial=0.0, where=np.isfinite(gradient))
        self.gradient_scale = largest if self.gradient_scale is None else np.maximum(self.gradient_scale, largest)

    def remember_derivatives(self, rows: IndexArray, derivatives: FloatArray) -> None:
        """Let ``gradient_scale`` know of E derivatives by entries of these rows."""
        if self.gradient_scale is None or not len(rows):
            return
        sizes = np.where(np.isfinite(derivatives), np.abs(derivatives), 0.0)
        np.maximum.at(self.gradient_scale, rows, sizes)

    def look_afar(self, scores: FloatArray) -> None:
        """Let ``gradient_scale`` see gradients away from S, where S itself sits in a flat place.

        A gradient of 1e-17 is all right beside gradients of 1: it was computed as a difference of such. Two points
        tell: the same scores made small, and S with each row's scores handed to the next class. What the loss answers
        there counts for nothing else, and if it cannot answer, nothing is learnt.
        """
        small = scores / (2 * max(1.0, float(np.max(np.abs(scores), initial=0.0))))
        for place in (small, np.roll(scores, 1, axis=1)):
            try:
                value = self(place).value
            except LossDefect:
                continue
            if not np.isfinite(value):
                continue
            self.afar.append((place, value))
            if place is small:
                self.value_scale = abs(value)

    def spacing(self, scores: FloatArray) -> FloatArray:
        """Distance between neighbouring floats of the ``resolution`` at these scores; same shape."""
        spacing: FloatArray = np.spacing(np.abs(scores).astype(self.resolution)).astype(np.float64)
        return spacing


def one_of_each_row(rows: IndexArray) -> list[IndexArray]:
    """The indices of E entries in groups that hold each row once at most: as few groups as can be.

    The k-th group holds the k-th entry of each row that has so many.
    """
    order = np.argsort(rows, kind="stable") if np.any(rows[1:] < rows[:-1]) else np.arange(len(rows))
    firsts = np.flatnonzero(np.diff(rows[order], prepend=-1))
    counts = np.diff(np.append(firsts, len(rows)))
    if len(set(counts.tolist())) == 1:  # as when all entries are asked for
        return list(np.ascontiguousarray(order.reshape(len(firsts), -1).T))
    rank = np.arange(len(rows)) - np.repeat(firsts, counts)
    by_rank = order[np.argsort(rank, kind="stable")]
    sizes = np.bincount(rank) if len(rows) else np.zeros(0, dtype=np.intp)
    return np.split(by_rank, np.cumsum(sizes)[:-1]) if len(rows) else []
