"""A function at one problem: the flat vector x in, value and gradient out, every call counted."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from gradcheck.errors import LossDefect
from gradcheck.evaluation.asking import Asking, ask_for, groups_for
from gradcheck.evaluation.blocks import Blocks, IndexArray
from gradcheck.functions.answer import Answer, put_together, validated, value_and_gradient, values_and_derivatives
from gradcheck.functions.function import Function
from gradcheck.layout import Arguments, Layout
from gradcheck.report import FloatArray

if TYPE_CHECKING:
    from gradcheck.evaluation.parallel import Pool


class Objective:
    """A score loss with the labels of one problem, as a function of the flat vector x of its N x C scores.

    Attributes:
        loss: what is called.
        shape: (N, C).
        labels: the labels of the problem; or the `Arguments` of a function of named inputs, whose flat vector is 1 x n.
        dtype: what x is rounded to before the loss gets it.
        resolution: the dtype whose spacing a step must exceed: what the user's loss is given.
        layout, blocks: how x is made of inputs and blocks: the rows of S.
        row_weight: None where the loss returns one value. Else every call asks for the value of each row
            (``reduction="none"``), and this is what such a value counts in the batch's: 1/N or 1.
        eps: machine epsilon of the dtypes of value and dS, where ``row_weight`` is known.
        pool: other processes that share many calls; None for none.
        calls: how often the loss was called.
    """

    def __init__(
        self,
        loss: Function,
        shape: tuple[int, int],
        labels: npt.NDArray[Any],
        dtype: npt.DTypeLike = np.float64,
        resolution: npt.DTypeLike | None = None,
        row_weight: float | None = None,
        eps: tuple[float, float] = (0.0, 0.0),
        pool: Pool | None = None,
    ) -> None:
        self.loss, self.shape, self.labels = loss, shape, labels
        self.dtype = np.dtype(dtype)
        self.resolution = np.dtype(dtype if resolution is None else resolution)
        if isinstance(labels, Arguments):
            self.layout, self.blocks = labels.layout, Blocks.of_inputs(labels.layout)
        else:
            self.layout, self.blocks = Layout.of({"S": shape}), Blocks.of_rows(shape)
        self.row_weight, self.eps, self.pool = row_weight, eps, pool
        self.calls = 0

    def __call__(self, x: FloatArray) -> Answer:
        """Value and gradient at x.

        Args:
            x: (n,) float64; left untouched.

        Returns:
            With the gradient as (n,) float64.

        Raises:
            LossDefect: the loss raised, or returned no value and gradient.
        """
        point = x.astype(self.dtype).reshape(self.shape)
        if self.row_weight is None:
            answer = validated(self._call(point, self.labels.copy()), self.shape)
        else:
            answer = put_together(*self._each_row(point), self.row_weight, self.eps)
        return replace(answer, gradient=answer.gradient.reshape(-1))

    def without_copy(self, point: npt.NDArray[Any]) -> tuple[float, FloatArray]:
        """Value and gradient at a point that the loss may overwrite.

        Args:
            point: (n,) of ``dtype``.

        Returns:
            The gradient (n,) may be memory of the loss's own, valid until the next call.
        """
        shaped = point.astype(self.dtype, copy=False).reshape(self.shape)
        if self.row_weight is None:
            value, gradient = value_and_gradient(self._call(shaped, self.labels.copy()), self.shape)
            return value, gradient.reshape(-1)
        values, gradient = self._each_row(shaped)
        return self.row_weight * float(np.sum(values)), self.row_weight * gradient.reshape(-1)

    def rounded(self, x: FloatArray) -> FloatArray:
        """Numbers as float64, rounded to what the loss is given; same shape."""
        return x.astype(self.dtype, copy=False).astype(np.float64, copy=False)

    def spacing(self, x: FloatArray) -> FloatArray:
        """Distance between neighbouring floats of the ``resolution`` at these numbers; same shape."""
        spacings = np.spacing(np.abs(x).astype(self.resolution, copy=False))
        return np.asarray(spacings, dtype=np.float64)

    def ask(
        self, asking: Asking, x: FloatArray, entries: IndexArray, after: FloatArray
    ) -> tuple[FloatArray, FloatArray]:
        """Call the loss with each of E entries moved alone.

        Args:
            asking: what is called, see ``asking.ask_for``.
            x: (n,) float64, the base point.
            entries: E flat indices.
            after: E floats, what each entry is set to.

        Returns:
            E values and E derivatives by the moved entry.
        """
        scores = x.astype(self.dtype, copy=False).reshape(self.shape)
        if self.pool is not None:
            self.calls += len(groups_for(asking, entries // self.shape[1]))
            return self.pool.ask(self.loss, asking, scores, self.labels, entries, after)
        call = self._call_each_row if asking == "each-row" else self._call
        return ask_for(asking, call, scores, self.labels, entries, after)

    def answer_of_row(self, number: int, scores: FloatArray) -> tuple[float, FloatArray]:
        """Value and gradient (C,) of one row alone, at scores (C,) of its own."""
        point = scores.astype(self.dtype).reshape(1, -1)
        answer = validated(self._call(point, self.labels[number : number + 1].copy()), point.shape)
        return answer.value, answer.gradient.reshape(-1)

    def each_row(self, x: FloatArray) -> tuple[FloatArray, FloatArray]:
        """The value of each row, (N,), and its derivatives, (N, C), from one call of the batch at x (n,).

        They may be memory of the loss's own, valid until the next call.

        Raises:
            LossDefect: the loss does not return them.
        """
        return self._each_row(x.astype(self.dtype).reshape(self.shape))

    def with_row_values(self, weight: float, eps: tuple[float, float]) -> Objective:
        """The same problem, asked for the value of each row at every call; it goes on counting from here."""
        other = Objective(self.loss, self.shape, self.labels, self.dtype, self.resolution, weight, eps, self.pool)
        other.calls = self.calls
        return other

    def imaginary(self, asking: Asking, x: FloatArray, entries: IndexArray, step: float) -> FloatArray:
        """Im(value) / step with each of E entries of x (n,) moved by i·step; NaN where complex scores are not taken."""
        slopes, rows = np.full(len(entries), np.nan), entries // self.shape[1]
        columns, by_parts = entries - rows * self.shape[1], asking == "each-row"
        for group in groups_for(asking, rows):
            first = int(rows[group[0]]) if asking == "rows" else 0
            own = slice(first, first + 1 if asking == "rows" else None)
            labels = self.labels if isinstance(self.labels, Arguments) else self.labels[own].copy()
            point = x.reshape(self.shape)[own].astype(np.complex128)
            point[rows[group] - first, columns[group]] += 1j * step
            try:
                answer = (self._call_each_row if by_parts else self._call)(point, labels)
            except LossDefect:
                break
            values = np.asarray(answer[0] if isinstance(answer, tuple | list) and len(answer) == 2 else None)
            if values.dtype.kind != "c" or (values.shape != self.shape[:1] if by_parts else values.ndim > 1):
                break
            slopes[group] = (values[rows[group]] if by_parts else np.sum(values)).imag / step
        return slopes

    def _each_row(self, point: npt.NDArray[Any]) -> tuple[FloatArray, FloatArray]:
        return values_and_derivatives(self._call_each_row(point, self.labels.copy()), self.shape)

    def _call(self, scores: npt.NDArray[Any], labels: npt.NDArray[Any]) -> Any:
        self.calls += 1
        return self.loss.call(scores, labels)

    def _call_each_row(self, scores: npt.NDArray[Any], labels: npt.NDArray[Any]) -> Any:
        self.calls += 1
        return self.loss.call(scores, labels, **self.loss.each_row_options)
