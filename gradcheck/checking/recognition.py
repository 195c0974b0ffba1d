"""Whose arrays a loss gets: as it was asked for, or as its first call tells."""

from __future__ import annotations

import sys
from dataclasses import replace
from typing import Any

import numpy.typing as npt

from gradcheck.checking.contract import Inspection, inspect
from gradcheck.functions.function import Function
from gradcheck.functions.output_capture import Silence
from gradcheck.settings import Framework


def inspect_at_first(
    loss: Function, scores: npt.NDArray[Any], labels: npt.NDArray[Any], silence: Silence, framework: Framework
) -> tuple[Function, Inspection]:
    """Inspect a loss for the first time, in its framework.

    A loss of NumPy's costs no call more than its inspection, and no import.

    Args:
        loss: as the user wrote it.
        scores, labels: the first problem.
        silence: where to let the loss be heard, at its first call.
        framework: whose arrays it gets; for ``auto``, NumPy's, and only where its answer speaks of a framework, or it
            raises and the user's code has imported one, that framework's.

    Returns:
        The loss that is to be called from now on, and what its inspection told.
    """
    if framework not in ("auto", "numpy"):
        from gradcheck.functions.frameworks import adapted

        loss = adapted(loss, framework, scores, labels)
    inspection = inspect(loss, scores, labels, silence)
    if framework == "auto" and loss.framework == "numpy" and _speaks_of_a_framework(inspection.first):
        from gradcheck.functions.frameworks import recognised

        other = recognised(loss, scores, labels, inspection.first, usable=inspection.evaluation is not None)
        if other is not loss:
            return other, replace(inspect(other, scores, labels, silence), first=None)
    return loss, replace(inspection, first=None)  # the answer itself may be large


def refuse_what_is_not_there(framework: str) -> None:
    """See to it that a framework which is asked for by name can be imported.

    Raises:
        UsageError: it cannot, or there is none of this name.
    """
    if framework not in ("auto", "numpy"):
        from gradcheck.functions.frameworks import require

        require(framework)


def _speaks_of_a_framework(first: Any) -> bool:
    """Whether it is worth asking: before a room is imported that most runs do not need."""
    if isinstance(first, BaseException):
        return "torch" in sys.modules or "jax" in sys.modules
    parts = first if isinstance(first, tuple | list) else (first,)
    return any(type(part).__module__ not in ("builtins", "numpy") for part in parts)
