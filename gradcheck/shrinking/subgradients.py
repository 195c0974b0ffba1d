"""The predicate for subgradients that are right one by one, and none together."""

from __future__ import annotations

import numpy as np

from gradcheck.checking.case import BoolArray
from gradcheck.checking.joint_subgradients import guess_joint_defect
from gradcheck.diagnosis.evidence import Allowance
from gradcheck.errors import LossDefect
from gradcheck.evaluation.objective import Objective
from gradcheck.shrinking.candidate import Candidate


class StillApart:
    """Whether what dS has at a candidate is no subgradient.

    Args:
        ask: the loss.
    """

    def __init__(self, ask: Allowance) -> None:
        self._loss = ask.charged()

    def __call__(self, candidate: Candidate) -> bool:
        """
        Raises:
            OutOfTime: no more calls can be had.
        """
        return bool(self.entries(candidate).any())

    def entries(self, candidate: Candidate) -> BoolArray:
        """N x C, the entries that are no subgradient together; none where there are no such."""
        try:
            found = guess_joint_defect(Objective(self._loss, candidate.S.shape, candidate.y), candidate.S.reshape(-1))
        except LossDefect:
            found = None
        return np.zeros(candidate.S.shape, dtype=bool) if found is None else found.moved
