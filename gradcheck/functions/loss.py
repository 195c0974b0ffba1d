"""How a loss is called: a callable and where it came from."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy.typing as npt

from gradcheck.errors import LossDefect, OutOfTime
from gradcheck.functions.answers import Evaluation, validated
from gradcheck.functions.budget import Budget
from gradcheck.functions.output_capture import trimmed_traceback

if TYPE_CHECKING:
    from gradcheck.evaluation.workers.crew import Crew


@dataclass(frozen=True)
class Loss:
    """A callable ``(S, y) -> (value, dS)`` and where it came from.

    Attributes:
        target: as the user named it, for example ``svm`` or ``mymodule:myloss``.
        function: the callable.
        file, line: where it is defined; None where that cannot be known.
        budget: counts and limits its calls; None for no limit.
        framework: whose arrays the user's function gets, ``numpy``, ``torch`` or ``jax``; ``function`` takes NumPy's.
        way: what made ``function`` of the user's, for the framework; None where it is the user's own.
        by_name: ``load_loss(target)`` leads to the user's function in any process.
        crew: what calls it in other processes; None for nobody.
    """

    target: str
    function: Callable[[Any, Any], Any]
    file: str | None = None
    line: int | None = None
    budget: Budget | None = field(default=None, repr=False, compare=False)
    framework: str = "numpy"
    way: Callable[[Any], Any] | None = field(default=None, repr=False, compare=False)
    by_name: bool = field(default=False, repr=False, compare=False)
    crew: Crew | None = field(default=None, repr=False, compare=False)

    def call(self, scores: npt.NDArray[Any], labels: npt.NDArray[Any], **options: str) -> Any:
        """Call the loss on these very arrays and return its answer untouched.

        Args:
            scores: N x C array, float64 or float32.
            labels: N ints, or what the config's kind of labels says.
            options: further arguments: ``reduction="none"``.

        Raises:
            LossDefect: ``raises`` or ``hangs``, with the lines of the traceback that are in the user's code.
            OutOfTime: the run's time is up, and the loss was not called.
        """
        try:
            if self.budget is None:
                return self.function(scores, labels, **options)
            return self.budget.call(self.function, scores, labels, **options)
        except (KeyboardInterrupt, LossDefect, OutOfTime):
            raise
        except BaseException as error:  # SystemExit among them: a loss must not end the run
            raise LossDefect(
                "raises",
                f"raises {type(error).__name__}: {str(error).strip()}".removesuffix(": "),
                details=trimmed_traceback(error),
            ) from error

    def evaluate(self, scores: npt.NDArray[Any], labels: npt.NDArray[Any]) -> Evaluation:
        """Call the loss on copies of the arrays and validate its answer.

        Args:
            scores: N x C array, float64 or float32; left untouched whatever the loss does.
            labels: N ints; left untouched as well.

        Raises:
            LossDefect: ``raises``, ``wrong-shape`` or ``wrong-dtype``.
        """
        return validated(self.call(scores.copy(), labels.copy()), scores.shape)

    @property
    def is_built_in(self) -> bool:
        """It is one of gradcheck's own."""
        return self.by_name and not any(sign in self.target for sign in ":./")

    @cached_property
    def each_row_options(self) -> dict[str, str]:
        """What makes the loss return each row's own value: ``reduction="none"``, if it has such an argument."""
        try:
            parameters = inspect.signature(self.function).parameters
        except (TypeError, ValueError):  # compiled code may have no signature
            return {}
        return {"reduction": "none"} if "reduction" in parameters else {}
