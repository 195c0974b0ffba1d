"""A function at one problem: the flat vector x in, value and gradient out, every call counted."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from gradcheck.errors import LossDefect
from gradcheck.evaluation.asking import Asking, ask_for, calls_for
from gradcheck.evaluation.blocks import Blocks, IndexArray, Layout
from gradcheck.functions.answer import Answer, put_together, validated, value_and_gradient, values_and_derivatives
from gradcheck.functions.function import Function
from gradcheck.report import FloatArray

if TYPE_CHECKING:
    from gradcheck.evaluation.parallel import Pool


class Objective:
    """A score loss with the labels of one problem, as a function of the flat vector x of its N x C scores.

    Attributes:
        loss: what is called.
        shape: (N, C).
        labels: the labels of the problem.
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
        return np.asarray(np.spacing(np.abs(x).astype(self.resolution)).astype(np.float64))

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
        rows, columns = np.divmod(entries, self.shape[1])
        scores = x.astype(self.dtype, copy=False).reshape(self.shape)
        if self.pool is not None:
            self.calls += calls_for(asking, rows)
            return self.pool.ask(self.loss, asking, scores, self.labels, rows, columns, after)
        call = self._call_each_row if asking == "each-row" else self._call
        return ask_for(asking, call, scores, self.labels, rows, columns, after)

    def row(self, number: int) -> Objective:
        """The loss at one row of this problem, as a batch of its own; it counts its own calls."""
        labels = self.labels[number : number + 1]
        return Objective(self.loss, (1, self.shape[1]), labels, self.dtype, self.resolution)

    def answer_of_row(self, number: int, scores: FloatArray) -> tuple[float, FloatArray]:
        """Value and gradient (C,) of one row alone, at scores (C,) of its own."""
        point = scores.astype(self.dtype).reshape(1, -1)
        answer = validated(self._call(point, self.labels[number : number + 1].copy()), point.shape)
        return answer.value, answer.gradient.reshape(-1)

    def each_row(self, x: FloatArray) -> tuple[FloatArray, FloatArray]:
        """The value of each row, (N,), and its derivatives, (N, C), from one call of the batch at x (n,).

        Raises:
            LossDefect: the loss does not return them.
        """
        return self._each_row(x.astype(self.dtype).reshape(self.shape))

    def with_row_values(self, weight: float, eps: tuple[float, float]) -> Objective:
        """The same problem, asked for the value of each row at every call; it goes on counting from here."""
        other = Objective(self.loss, self.shape, self.labels, self.dtype, self.resolution, weight, eps, self.pool)
        other.calls = self.calls
        return other

    def complex_value(self, x: npt.NDArray[np.complex128], row: int | None = None) -> complex | None:
        """The value at complex x, (n,) or the (C,) scores of one row; None where the loss does not take them."""
        labels = self.labels if row is None else self.labels[row : row + 1]
        value = self._complex(x.reshape(-1, self.shape[1]), labels)
        if value is None or np.ndim(value) > 1 or np.asarray(value).dtype.kind != "c":
            return None
        return complex(np.sum(value))

    def complex_values(self, x: npt.NDArray[np.complex128]) -> npt.NDArray[np.complex128] | None:
        """The value of each row at complex x (n,); None where the loss does not take them."""
        values = np.asarray(self._complex(x.reshape(self.shape), self.labels, **self.loss.each_row_options))
        return values if values.shape == self.shape[:1] and values.dtype.kind == "c" else None

    def _complex(self, scores: npt.NDArray[np.complex128], labels: npt.NDArray[Any], **options: str) -> Any:
        try:
            answer = self._call(scores, labels.copy(), **options)
        except LossDefect:
            return None
        return answer[0] if isinstance(answer, tuple | list) and len(answer) == 2 else None

    def _each_row(self, point: npt.NDArray[Any]) -> tuple[FloatArray, FloatArray]:
        return values_and_derivatives(self._call_each_row(point, self.labels.copy()), self.shape)

    def _call(self, scores: npt.NDArray[Any], labels: npt.NDArray[Any], **options: str) -> Any:
        self.calls += 1
        return self.loss.call(scores, labels, **options)

    def _call_each_row(self, scores: npt.NDArray[Any], labels: npt.NDArray[Any]) -> Any:
        return self._call(scores, labels, **self.loss.each_row_options)
