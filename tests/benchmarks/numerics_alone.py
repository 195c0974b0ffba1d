"""What the numerics make of a loss at one problem; why it is wrong takes ten times as long to say."""

from __future__ import annotations

from typing import Any

import gradcheck
from gradcheck.checking.problem import Checked, check_problem
from gradcheck.functions.function import Function
from gradcheck.sampling import Problem
from gradcheck.settings import Settings


def checked_at(loss: Any, S: Any, y: Any, rtol: float, reference: Any = "auto") -> Checked:
    """Check a loss at S and y, and find out no more than whether it is right there."""
    problem = Problem(S, y, seed=0, trial=0, scores="given")
    return check_problem(
        Function("loss", loss), problem, gradcheck.Config(rtol=rtol), settings=Settings(reference=reference)
    )
