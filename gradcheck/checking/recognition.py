"""Whose arrays a function takes: as the user says, or as its first call shows."""

from __future__ import annotations

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

    ``auto`` starts with NumPy's arrays, and tries a framework only if the first answer is made of its objects, or if
    the first call raises and the framework has been imported.

    Returns:
        The function to call from now on, and its inspection.
    """
    if framework not in ("auto", "numpy"):
        loss = adapted(loss, framework, scores, labels)
    inspection = inspect(loss, scores, labels, silence)
    if framework == "auto" and loss.framework == "numpy":
        other = recognised(loss, scores, labels, inspection.first, usable=inspection.evaluation is not None)
        if other is not loss:
            loss, inspection = other, inspect(other, scores, labels, silence)
    return loss, replace(inspection, first=None)  # the answer itself may be large
