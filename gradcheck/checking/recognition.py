"""Whose arrays a function takes: as the user says, or as its first call shows."""

from __future__ import annotations

import sys
from dataclasses import replace
from typing import Any

import numpy.typing as npt

from gradcheck.checking.contract import Inspection, inspect
from gradcheck.config.settings import Framework
from gradcheck.functions.frameworks import adapted, recognised
from gradcheck.functions.function import Function
from gradcheck.functions.output_capture import Silence


def inspect_at_first(
    loss: Function, scores: npt.NDArray[Any], labels: npt.NDArray[Any], silence: Silence, framework: Framework
) -> tuple[Function, Inspection]:
    """Check a function's contract for the first time, with the arrays of its framework.

    Args:
        loss: as the user wrote it.
        scores, labels: the first problem.
        silence: lets the output of the first call through.
        framework: whose arrays it takes. ``auto`` starts with NumPy's, and tries a framework only if the first answer
            is made of its objects, or the first call raises and user code has imported it.

    Returns:
        The function to call from now on, and its inspection.
    """
    if framework not in ("auto", "numpy"):
        loss = adapted(loss, framework, scores, labels)
    inspection = inspect(loss, scores, labels, silence)
    if framework == "auto" and loss.framework == "numpy" and _may_use_a_framework(inspection.first):
        other = recognised(loss, scores, labels, inspection.first, usable=inspection.evaluation is not None)
        if other is not loss:
            loss, inspection = other, inspect(other, scores, labels, silence)
    return loss, replace(inspection, first=None)  # the answer itself may be large


def _may_use_a_framework(first: Any) -> bool:
    if isinstance(first, BaseException):
        return "torch" in sys.modules or "jax" in sys.modules
    parts = first if isinstance(first, tuple | list) else (first,)
    return any(type(part).__module__ not in ("builtins", "numpy") for part in parts)
