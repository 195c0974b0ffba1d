"""What is checked: a callable ``(S, y) -> (value, dS)`` and where it came from."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from gradcheck.errors import LossDefect, OutOfTime, UsageError
from gradcheck.functions.answer import Answer, validated
from gradcheck.functions.binding import Bound
from gradcheck.functions.budget import Budget
from gradcheck.functions.output_capture import trimmed_traceback
from gradcheck.functions.signatures import signature_of
from gradcheck.report import Array


@dataclass(frozen=True, eq=False)
class Function:
    """A callable ``(S, y) -> (value, dS)`` and where it came from."""

    target: str  # as the user named it, for example ``svm`` or ``mymodule:myloss``
    function: Callable[..., Any]  # it takes and returns NumPy arrays
    file: str | None = None  # where it is defined
    line: int | None = None
    framework: str = "numpy"  # whose arrays the user's own function takes
    #: What made ``function`` from the user's own; None if it is that.
    adapter: Callable[[Any], Any] | None = field(default=None, repr=False)
    by_name: bool = field(default=False, repr=False)  # ``load_target(target)`` finds it in any process
    has_hessian: bool = False  # it may return second derivatives after value and dS, which a call leaves out
    budget: Budget = field(default_factory=Budget, repr=False)  # counts and limits its calls

    def call(self, scores: Array, labels: Any, asking: str = "whole", /, **options: str | bool) -> Any:
        """Call the function with these arrays, N x C scores and labels, not with copies; return what it returns.

        ``asking`` is "each-row" where it shall return the value of each row, if it takes an argument for that.

        Raises:
            LossDefect: ``raises`` or ``hangs``, with the lines of the traceback that are in the user's code.
            OutOfTime: the deadline has passed.
        """
        options |= self.each_row_options if asking == "each-row" else {}
        try:
            answer = self.budget.call(self.function, scores, labels, **options)
            left_out = self.has_hessian and isinstance(answer, tuple | list) and len(answer) == 3
            return answer[:2] if left_out else answer
        except (KeyboardInterrupt, LossDefect, OutOfTime, UsageError):
            raise
        except BaseException as error:  # SystemExit too: user code must not end the run
            message = f"raises {type(error).__name__}: {str(error).strip()}".removesuffix(": ")
            raise LossDefect("raises", message, details=trimmed_traceback(error)) from error

    def evaluate(self, scores: Array, labels: Any) -> Answer:
        """Call the function with copies of N x C scores and N labels, and validate what it returns.

        Raises:
            LossDefect: ``raises``, ``hangs``, ``wrong-shape`` or ``wrong-dtype``.
        """
        return validated(self.call(scores.copy(), labels.copy()), scores.shape)

    @property
    def is_built_in(self) -> bool:
        """Whether it is one of gradcheck's own losses."""
        return self.by_name and not any(sign in self.target for sign in ":./")

    @property
    def is_of_named_inputs(self) -> bool:
        """Whether it is called with `Arguments` and not with labels."""
        return isinstance(self.function, Bound)

    def quick(self, labels: Any) -> Any:
        """Faster ways to call it with these labels, ``frameworks.adapters.Quick``; None if there are none."""
        own = self.function if self.adapter else getattr(self.function, "door", None)
        return own.quick(labels) if hasattr(own, "quick") else None  # type: ignore[union-attr]

    @cached_property
    def each_row_options(self) -> dict[str, str]:
        """The argument that makes it return each row's own value: ``reduction="none"``, if it has such an argument."""
        signature = signature_of(self.function)
        return {"reduction": "none"} if signature and "reduction" in signature.parameters else {}
