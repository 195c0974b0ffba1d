"""The loss at one problem: answers at any scores, counts its calls, remembers what it has seen."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from gradcheck.errors import LossDefect
from gradcheck.evaluation.asking import Asking, IndexArray, ask_for, table_of
from gradcheck.functions.answer import Answer, put_together, validated, value_and_gradient, values_and_derivatives
from gradcheck.functions.function import Function
from gradcheck.report import FloatArray

_EPS = float(np.finfo(np.float64).eps)


class Oracle:
    """A loss with one problem's labels: scores in, Answer out.

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
        loss: Function,
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

    def __call__(self, scores: FloatArray) -> Answer:
        """Ask the loss.

        Args:
            scores: N x C float64.

        Raises:
            LossDefect: the loss raised, or answered what is no value and gradient.
        """
        return self.given(scores.astype(self.dtype))

    def given(self, point: npt.NDArray[Any]) -> Answer:
        """As a call, at a point that becomes the loss's own: N x C, worthless afterwards."""
        if self.weight is None:
            point = point.astype(self.dtype, copy=False)
            evaluation = validated(self._call(point, self.labels.copy()), point.shape)
        else:
            evaluation = put_together(*self.each_row_given(point), self.weight, self.eps)
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
        value, gradient = value_and_gradient(self._call(point, self.labels.copy()), point.shape)
        self.remember_largest(gradient)
        return value, gradient

    def slope(self, point: npt.NDArray[Any], direction: FloatArray) -> tuple[float, float]:
        """Ask the loss at a point that becomes its own, for its value and the derivative along a direction, N x C."""
        if self.weight is None:
            value, gradient = self.handed(point.astype(self.dtype, copy=False))
            return value, float(np.einsum("ij,ij", gradient, direction))
        values, gradient = self.each_row_given(point)
        return self.weight * float(np.sum(values)), self.weight * float(np.einsum("ij,ij", gradient, direction))

    def alone(self, row: int) -> Oracle:
        """The loss at one row of this problem, a batch of its own; it counts its calls itself."""
        loss = self.loss if self.loss.pool is None else replace(self.loss, pool=None)
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
        if self.loss.pool is None:
            return self.ask_here(asking, scores, rows, columns, after)
        from gradcheck.evaluation.parallel import calls_for

        self.calls += calls_for(asking, rows)
        scores = scores.astype(self.dtype, copy=False)
        shared: tuple[FloatArray, FloatArray] = self.loss.pool.ask(
            self.loss, asking, scores, self.labels, rows, columns, after
        )
        return shared

    def ask_here(
        self, asking: Asking, scores: FloatArray, rows: IndexArray, columns: IndexArray, after: FloatArray
    ) -> tuple[FloatArray, FloatArray]:
        """The calls of ``probe``, ``probe_rows`` or ``probe_each_row``, in this process, one after another."""
        call = self._answer_of_each_row if asking == "each-row" else self._call
        scores = scores.astype(self.dtype, copy=False)
        return ask_for(asking, call, scores, self.labels, rows, columns, after)

    def row(self, scores: FloatArray, row: int) -> Answer:
        """Ask the loss for one row alone: its scores, 1 x C, and which row's label goes with them."""
        return validated(self._call(scores.astype(self.dtype), self.labels[row : row + 1].copy()), scores.shape)

    def each_row_given(self, point: npt.NDArray[Any]) -> tuple[FloatArray, FloatArray]:
        """Ask the loss for each row's own value, N floats, and its derivatives, N x C: perhaps the loss's own memory.

        Args:
            point: N x C; becomes the loss's own, as by ``given``.
        """
        point = point.astype(self.dtype, copy=False)
        return values_and_derivatives(self._answer_of_each_row(point, self.labels.copy()), point.shape)

    def complex_value(self, scores: npt.NDArray[np.complex128], labels: npt.NDArray[Any] | None = None) -> Any:
        """What the loss answers as its value to complex scores; None where it does not take them."""
        return self._complex(scores, self.labels if labels is None else labels)

    def complex_values(self, scores: npt.NDArray[np.complex128]) -> npt.NDArray[np.complex128] | None:
        """What the loss answers to complex scores as each row's own value; None where it does not take them."""
        values = np.asarray(self._complex(scores, self.labels, **self.loss.each_row_options))
        return values if values.shape == (len(scores),) and values.dtype.kind == "c" else None

    def _complex(self, scores: npt.NDArray[np.complex128], labels: npt.NDArray[Any], **options: str) -> Any:
        try:
            answer = self._call(scores, labels.copy(), **options)
        except LossDefect:
            return None
        return answer[0] if isinstance(answer, tuple | list) and len(answer) == 2 else None

    def _call(self, scores: npt.NDArray[Any], labels: npt.NDArray[Any], **options: str) -> Any:
        """Call the loss, count it. The arrays are the loss's own from then on."""
        self.calls += 1
        return self.loss.call(scores, labels, **options)

    def _answer_of_each_row(self, scores: npt.NDArray[Any], labels: npt.NDArray[Any]) -> Any:
        return self._call(scores, labels, **self.loss.each_row_options)

    def remember(self, evaluation: Answer) -> None:
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
        sizes = np.abs(derivatives)
        if not np.isfinite(np.max(sizes)):
            sizes[~np.isfinite(sizes)] = 0.0
        if (table := table_of(rows)) is not None:
            rows, sizes = rows[:: table[1]], sizes.reshape(table).max(axis=1)
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
