"""What the rules look at: the problems that were judged, and a loss that may be asked a little more."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, wraps
from typing import Any

import numpy as np
import numpy.typing as npt

from gradcheck.errors import OutOfTime
from gradcheck.functions.answer import Answer
from gradcheck.functions.function import Function
from gradcheck.layout import Arguments, Input
from gradcheck.numerics.verdicts import SUBGRADIENT, UNRESOLVED, WRONG
from gradcheck.report import Array, BoolArray, FloatArray, VerdictArray

#: What a case has of each entry.
_ARRAYS = ("S", "analytic", "numerical", "bounds", "granted", "verdicts", "kinked", "leaps")
#: More of the scores than this part being multiples of an eighth is no chance.
_ROUND = 0.5


@dataclass(frozen=True, eq=False)
class Case:
    """What was seen of a loss at one problem."""

    S: FloatArray  # N x C float64
    y: Any  # N ints; or, for other kinds of labels, N x C floats; or the `Arguments` of a function of named inputs
    seed: int  # where the problem comes from, as in the report
    scores: str
    value: float  # the loss's value at S
    analytic: FloatArray  # N x C, dS
    numerical: FloatArray  # N x C, the estimates that verdicts were given on
    bounds: FloatArray  # N x C, bounds on the errors of ``numerical``; infinite where there is none
    granted: FloatArray  # N x C, bounds on the rounding of dS itself, and the user's ``atol``
    verdicts: VerdictArray  # N x C int8, indices into ``report.VERDICTS``
    #: N x C, where left and right derivatives differ, or kinks meet: ``numerical`` is one of many there
    kinked: BoolArray
    #: N x C, by how much the value at S lies below its neighbourhood along an axis, on both sides; else 0
    leaps: FloatArray
    whole_numbers: bool = False  # dS came as an array of integers
    #: the loss returned each row's own value: ``value`` is their sum, and dS has the derivatives of each
    by_rows: bool = False
    #: weight of a row's own value in the batch's, where that is neither 1/N nor 1; else None
    row_weight: float | None = None
    x_eps: float = 0.0  # machine epsilon of the half precision that S is rounded to inside; 0 for none
    judged: bool = True  # entries were judged by themselves; else the value and dS are all that is known
    batch_size: int = 0  # N of a function of named inputs
    own: Input | None = None  # of a case about one input of such a function: all arrays have its shape

    def of_input(self, own: Input) -> Case:
        """Of a function of named inputs, what was seen of one of them."""
        part = replace(self, own=own)
        arrays: dict[str, Any] = {name: part.part(getattr(self, name)) for name in _ARRAYS}
        return replace(part, **arrays)

    def part(self, array: Array) -> Array:
        """Of an array of all entries, those of the input that this case is about, in its shape."""
        assert self.own is not None
        return np.asarray(array.reshape(-1)[self.own.entries].reshape(self.own.shape))

    @property
    def rows(self) -> int:
        """N."""
        return self.batch_size or (1 if self.own else len(self.S))

    @property
    def classes(self) -> int:
        """C; 1 for a function of named inputs, which has none."""
        return 1 if isinstance(self.y, Arguments) else int(self.S.shape[1])

    @property
    def arguments(self) -> Arguments:
        """Of a function of named inputs."""
        assert isinstance(self.y, Arguments)
        return self.y

    @cached_property
    def wrong(self) -> BoolArray:
        """N x C, entries judged wrong."""
        return np.asarray(self.verdicts == WRONG)

    @property
    def is_wrong(self) -> bool:
        """Some entry is."""
        return bool(self.wrong.any())

    @cached_property
    def is_round(self) -> bool:
        """Most scores are multiples of an eighth: then ties, kinks and values that agree by chance are likely."""
        return bool(np.mean(np.round(8 * self.S) == 8 * self.S) > _ROUND)

    @cached_property
    def known(self) -> BoolArray:
        """N x C, entries whose derivative is known: no kink, and resolved."""
        undecided = (self.verdicts == UNRESOLVED) | (self.verdicts == SUBGRADIENT) | self.kinked
        return np.asarray(~undecided & np.isfinite(self.bounds))

    @cached_property
    def at_label(self) -> BoolArray | None:
        """N x C, 1{j=y}; None where the labels are not classes."""
        if self.y.ndim != 1 or self.y.dtype.kind not in "iu":
            return None
        return np.asarray(np.arange(self.classes) == self.y[:, np.newaxis])


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

    def call(self, scores: Array, labels: Any, function: Callable[..., Any] | None = None) -> Any:
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
    like: Any = None  # the ``Known`` loss that it is meant to be; None for none
    #: the loss, for calls that every loss takes, right or wrong: they belong to its check
    inspect: Allowance | None = None
    #: problems with too many entries to judge each: those that are wrong, or all where ``like`` is given
    beside: tuple[Case, ...] = ()

    @property
    def wrong(self) -> Sequence[Case]:
        """Those with a wrong entry."""
        return [each for each in self.observations if each.is_wrong]

    def by_input(self) -> dict[str, Evidence]:
        """Of a function of named inputs, by name, the same about each of them."""
        cases: dict[str, list[Case]] = {}
        for case in self.observations:
            for own in case.arguments.layout.inputs:
                cases.setdefault(own.name, []).append(case.of_input(own))
        return {name: replace(self, observations=tuple(own)) for name, own in cases.items()}

    def answer_with(self, seen: Case, **changes: Any) -> Answer:
        """What a function of named inputs answers at a problem with other ``Arguments``; raises as ``evaluate``."""
        arguments = replace(seen.arguments, **changes)
        return self.ask.evaluate(arguments.x[np.newaxis], arguments)
