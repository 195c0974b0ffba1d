"""A function at one problem: the flat vector x in, value and gradient out, every call counted."""

from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from gradcheck.errors import LossDefect
from gradcheck.evaluation import batched
from gradcheck.evaluation.asking import Asking, ask_for, groups_for
from gradcheck.evaluation.blocks import Blocks
from gradcheck.evaluation.parallel import Pool
from gradcheck.functions.answer import Answer, put_together, validated, value_and_gradient, values_and_derivatives
from gradcheck.functions.function import Function
from gradcheck.layout import Arguments
from gradcheck.report import Array, FloatArray, IndexArray


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
    pool: Pool | None = None  # other processes that share many calls
    rounding: float = 0.0  # standard deviation of the noise of a value as a part of it, once that is measured
    calls: int = 0  # of the loss, or points that it was called at

    def __post_init__(self) -> None:
        y = self.labels
        self.blocks = Blocks.of_inputs(y.layout) if isinstance(y, Arguments) else Blocks.of_rows(self.shape)
        self.quick, self.batched = self.loss.quick(y), batched.Batched(self)

    def __call__(self, x: FloatArray) -> Answer:
        """Value and gradient (n,) at x (n,), both float64.

        Raises:
            LossDefect: the loss raised, or returned no value and gradient.
        """
        point = x.astype(self.dtype).reshape(self.shape)
        if self.row_weight is None:
            answer = validated(self._call(point, self.labels.copy()), self.shape)
        else:
            answer = put_together(*self.each_row(point), self.row_weight, self.eps)
        return replace(answer, gradient=answer.gradient.reshape(-1))

    def without_copy(self, point: Array) -> tuple[float, FloatArray]:
        """Value and gradient (n,) at a point (n,) of ``dtype`` that the loss may overwrite.

        The gradient may be memory of the loss's own, valid until the next call.
        """
        shaped = point.astype(self.dtype, copy=False).reshape(self.shape)
        if self.row_weight is None:
            value, gradient = value_and_gradient(self._call(shaped, self.labels.copy()), self.shape)
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

    def ask(
        self, asking: Asking, x: FloatArray, entries: IndexArray, after: FloatArray
    ) -> tuple[FloatArray, FloatArray]:
        """Call the loss with each of E entries of x (n,) moved alone; see ``asking.ask_for``."""
        scores = x.astype(self.dtype, copy=False).reshape(self.shape)
        if (found := self.batched.ask(asking, scores, entries, after.astype(self.dtype, copy=False))) is not None:
            return found
        if self.pool is not None:
            self.calls += len(groups_for(asking, entries // self.shape[1]))
            return self.pool.ask(self.loss, asking, scores, self.labels, entries, after)
        return ask_for(asking, partial(self._call, asking=asking), scores, self.labels, entries, after)

    def answer_of_row(self, number: int, scores: FloatArray) -> tuple[float, FloatArray]:
        """Value and gradient (C,) of one row alone, at scores (C,) of its own."""
        point = scores.astype(self.dtype).reshape(1, -1)
        answer = validated(self._call(point, self.labels[number : number + 1].copy()), point.shape)
        return answer.value, answer.gradient.reshape(-1)

    def each_row(self, point: Array) -> tuple[FloatArray, FloatArray]:
        """The value of each row, (N,), and its derivatives, (N, C), at N x C scores that the loss may overwrite.

        They may be memory of the loss's own, valid until the next call.

        Raises:
            LossDefect: the loss does not return them.
        """
        return values_and_derivatives(self._call(point, self.labels.copy(), "each-row"), self.shape)

    def imaginary(self, asking: Asking, x: FloatArray, entries: IndexArray, step: float) -> FloatArray:
        """Im(value) / step with each of E entries of x (n,) moved by i·step; NaN where complex scores are not taken."""
        scores, by_parts = x.astype(np.complex128).reshape(self.shape), asking == "each-row"

        def call(point: Array, labels: Any) -> tuple[Any, FloatArray]:
            answer = self._call(point, labels, asking)
            values = np.asarray(answer[0] if isinstance(answer, tuple | list) and len(answer) == 2 else None)
            if values.dtype.kind != "c" or (values.shape != self.shape[:1] if by_parts else values.ndim > 1):
                raise LossDefect("wrong-dtype", "complex scores are not taken")
            return (values if by_parts else np.sum(values)).imag / step, np.zeros(point.shape)

        try:
            return ask_for(asking, call, scores, self.labels, entries, scores.reshape(-1)[entries] + 1j * step)[0]
        except LossDefect:
            return np.full(len(entries), np.nan)

    def _call(self, scores: Array, labels: Any, asking: Asking = "whole") -> Any:
        self.calls += 1
        return batched.call(self, scores, labels, **(self.loss.each_row_options if asking == "each-row" else {}))
