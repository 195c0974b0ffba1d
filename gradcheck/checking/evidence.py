"""What the rules look at: the problems that were judged, and a loss that may be asked a little more."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import wraps
from typing import Any

import numpy as np
import numpy.typing as npt

from gradcheck.checking.case import BoolArray, Case
from gradcheck.errors import OutOfTime
from gradcheck.functions.answer import Answer
from gradcheck.functions.function import Function
from gradcheck.report import FloatArray


class Spent(Exception):  # noqa: N818  (nothing is wrong)
    """No further call is granted."""


class Allowance:
    """A loss that may be called so many times more.

    Attributes:
        loss: what is called.
        dtype: what the loss's scores are rounded to.
        left: calls that are left.
        calls: calls that were made.
    """

    def __init__(self, loss: Function, left: int, dtype: npt.DTypeLike = np.float64) -> None:
        self.loss, self.left, self.calls = loss, left, 0
        self.dtype = np.dtype(dtype)

    def evaluate(self, S: FloatArray, y: npt.NDArray[Any], dtype: npt.DTypeLike | None = None) -> Answer:
        """What the loss answers.

        Args:
            S: N x C float64.
            y: labels.
            dtype: what the scores are rounded to; None for ``dtype`` above.

        Raises:
            Spent: no call is left.
            LossDefect, OutOfTime: as ``Function.evaluate``.
        """
        with self._one_call():
            return self.loss.evaluate(S.astype(self.dtype if dtype is None else dtype), y)

    def call(self, scores: npt.NDArray[Any], labels: npt.NDArray[Any]) -> Any:
        """What the loss returns for these very arrays, untouched.

        Raises:
            Spent, LossDefect, OutOfTime: as ``evaluate``.
        """
        with self._one_call():
            return self.loss.call(scores, labels)

    def charged(self) -> Function:
        """The loss for whoever calls it by himself: every call counts here, and raises OutOfTime where none is left."""
        function = self.loss.function

        @wraps(function)
        def counted(*arguments: Any, **options: Any) -> Any:
            self._charge(OutOfTime)
            return function(*arguments, **options)

        return replace(self.loss, function=counted)

    @contextmanager
    def _one_call(self) -> Iterator[None]:
        self._charge(Spent)
        try:
            yield
        except OutOfTime:  # it was not called
            self.left += 1
            self.calls -= 1
            raise

    def _charge(self, refusal: type[Exception]) -> None:
        if self.left < 1:
            raise refusal
        self.left -= 1
        self.calls += 1


@dataclass(frozen=True, eq=False)
class Evidence:
    """What is known of one loss.

    Attributes:
        observations: of every kind of problem, right and wrong ones, in the order of the config.
        rtol: the user's relative tolerance.
        ask: the loss, for a few calls more.
        like: the built-in that the loss is meant to be; None where nothing was said.
        inspect: the loss, for a very few calls that every loss takes, right or wrong: they belong to its check.
        beside: problems with too many entries to judge each: the value is all they tell. Kept where ``like`` is said.
    """

    observations: tuple[Case, ...]
    rtol: float
    ask: Allowance
    like: str | None = None
    inspect: Allowance | None = None
    beside: tuple[Case, ...] = ()

    @property
    def wrong(self) -> Sequence[Case]:
        """Those with a wrong entry."""
        return [each for each in self.observations if each.is_wrong]

    def same(self, seen: Case, dS: FloatArray, derivative: FloatArray, factor: float = 1.0) -> BoolArray:
        """Whether what the loss returned as dS is some multiple of its numerical gradient, or near it.

        Args:
            seen: where.
            dS: N x C, dS or what is made of it.
            derivative: N x C, ``factor`` times the numerical gradient, or what differs from that exactly.
            factor: of the numerical gradient's bound.

        Returns:
            N x C truth values; true where the derivative is not known.
        """
        with np.errstate(invalid="ignore"):
            size = np.maximum(np.abs(dS), np.abs(derivative))
            apart = np.abs(dS - derivative) <= abs(factor) * seen.bounds + seen.granted + self.rtol * size
        return np.asarray(apart | ~seen.known)
