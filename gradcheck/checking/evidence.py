"""What the rules look at: the problems that were judged, and a loss that may be asked a little more."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import wraps
from typing import Any

import numpy as np
import numpy.typing as npt

from gradcheck.checking.case import Case
from gradcheck.errors import OutOfTime
from gradcheck.functions.answer import Answer
from gradcheck.functions.function import Function
from gradcheck.report import FloatArray


class Allowance:
    """A loss with a number of calls ``left``, beside ``calls`` that were made; scores are rounded to ``dtype``."""

    def __init__(self, loss: Function, left: int, dtype: npt.DTypeLike = np.float64) -> None:
        self.loss, self.left, self.calls = loss, left, 0
        self.dtype = np.dtype(dtype)

    def evaluate(self, S: FloatArray, y: Any, dtype: npt.DTypeLike | None = None) -> Answer:
        """The loss's answer at N x C float64 scores, rounded to ``dtype`` if that is given, and labels y.

        Raises:
            OutOfTime: no call is left, or the deadline has passed.
            LossDefect: as ``Function.evaluate``.
        """
        return self.charged().evaluate(S.astype(self.dtype if dtype is None else dtype), y)

    def call(self, scores: npt.NDArray[Any], labels: Any, function: Callable[..., Any] | None = None) -> Any:
        """What the loss, or a function in its place, returns for these very arrays; raises as ``evaluate``."""
        return self.charged(function).call(scores, labels)

    def charged(self, function: Callable[..., Any] | None = None) -> Function:
        """The loss, or a function in its place, whose calls are counted here, and raise OutOfTime where none is left.

        A call that the deadline refuses does not reach it, and is not counted.
        """
        own = function or self.loss.function

        @wraps(own)
        def counted(*arguments: Any, **options: Any) -> Any:
            if self.left < 1:
                raise OutOfTime
            self.left -= 1
            self.calls += 1
            return own(*arguments, **options)

        return replace(self.loss, function=counted)


@dataclass(frozen=True, eq=False)
class Evidence:
    """What is known of one loss."""

    observations: tuple[Case, ...]  # of every kind of problem, right and wrong ones, in the order of the config
    rtol: float  # the user's relative tolerance
    ask: Allowance  # the loss, for a few calls more
    like: str | None = None  # the built-in that the loss is meant to be; None for none
    #: the loss, for calls that every loss takes, right or wrong: they belong to its check
    inspect: Allowance | None = None
    #: problems with too many entries to judge each, whose value is known; kept where ``like`` is given
    beside: tuple[Case, ...] = ()

    @property
    def wrong(self) -> Sequence[Case]:
        """Those with a wrong entry."""
        return [each for each in self.observations if each.is_wrong]
