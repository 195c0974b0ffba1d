"""The loss at one problem: answers at any scores, counts its calls, remembers what it has seen."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from gradcheck.errors import LossDefect
from gradcheck.loss import Evaluation, Loss
from gradcheck.report import FloatArray


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

    def __call__(self, scores: FloatArray) -> Evaluation:
        """Ask the loss.

        Args:
            scores: N x C float64.

        Raises:
            LossDefect: the loss raised, or answered what is no value and gradient.
        """
        self.calls += 1
        evaluation = self.loss.evaluate(scores.astype(self.dtype), self.labels)
        self.remember(evaluation)
        return evaluation

    def remember(self, evaluation: Evaluation) -> None:
        """Let ``gradient_scale`` know of an answer that came without a call."""
        largest = np.abs(evaluation.gradient).max(axis=1)
        if not np.isfinite(largest).all():
            largest = np.max(np.abs(evaluation.gradient), axis=1, initial=0.0, where=np.isfinite(evaluation.gradient))
        self.gradient_scale = largest if self.gradient_scale is None else np.maximum(self.gradient_scale, largest)

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
            if place is small and np.isfinite(value):
                self.value_scale = abs(value)

    def spacing(self, scores: FloatArray) -> FloatArray:
        """Distance between neighbouring floats of the ``resolution`` at these scores; same shape."""
        spacing: FloatArray = np.spacing(np.abs(scores).astype(self.resolution)).astype(np.float64)
        return spacing
