"""The smallest case that a loss was seen to fail at: plain data for a report."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy.typing as npt

from gradcheck.report import FloatArray


@dataclass(frozen=True, eq=False)
class SmallestCase:
    """A problem with few rows, few classes and simple numbers, at which a loss still fails for the same reason.

    Attributes:
        S: N x C, of the dtype that the loss was given.
        y: its labels.
        code: of the finding that it shows; ``wrong`` where no finding explains the wrong entries.
        analytic: N x C, dS; None where the code is of the contract, and derivatives are no matter.
        numerical: N x C, the numerical gradient; None likewise.
        snippet: Python that raises when it is run.
    """

    S: npt.NDArray[Any]
    y: npt.NDArray[Any]
    code: str
    analytic: FloatArray | None
    numerical: FloatArray | None
    snippet: str
