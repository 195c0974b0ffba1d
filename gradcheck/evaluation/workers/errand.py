"""What is sent to a worker, and what comes back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from gradcheck.evaluation.asking import Asking
from gradcheck.evaluation.objective import Objective as Oracle
from gradcheck.report import FloatArray


@dataclass(frozen=True)
class Source:
    """How a worker comes by the loss.

    Attributes:
        target: its name.
        pickled: the ``Loss`` itself, where it is known by no name.
        framework, way: as those of the ``Loss``.
        timeout: seconds that a call may take; None for no end.
        directory: the working directory.
        path: where modules are looked for, beside where the worker looks itself.
        run: a name for the run: what an earlier one loaded counts no more.
    """

    target: str
    pickled: bytes | None
    framework: str
    way: Callable[[Any], Any] | None
    timeout: float | None
    directory: str
    path: tuple[str, ...]
    run: str


@dataclass(frozen=True, eq=False)
class Points:
    """E entries, each moved alone, and how the loss is asked for them; see ``Oracle.probe``."""

    asking: Asking
    dtype: np.dtype[Any]
    labels: npt.NDArray[Any]
    scores: FloatArray
    rows: IndexArray
    columns: IndexArray
    after: FloatArray

    def only(self, which: IndexArray) -> Points:
        """Some of the entries; where single rows are asked for, with no others than theirs."""
        rows, columns, after = self.rows[which], self.columns[which], self.after[which]
        if self.asking != "rows":
            return replace(self, rows=rows, columns=columns, after=after)
        taken, rows = np.unique(rows, return_inverse=True)
        labels, scores = self.labels[taken], self.scores[taken]
        return replace(self, labels=labels, scores=scores, rows=rows, columns=columns, after=after)

    def asked(self, oracle: Oracle) -> tuple[FloatArray, FloatArray]:
        """E values and E derivatives; see ``Oracle.ask_here``."""
        return oracle.ask_here(self.asking, self.scores, self.rows, self.columns, self.after)

    @property
    def size(self) -> int:
        """Bytes that it is to send them."""
        return int(self.scores.nbytes + self.labels.nbytes + 3 * self.after.nbytes)


@dataclass(frozen=True, eq=False)
class Errand:
    """A part of the calls.

    Attributes:
        source: of the loss.
        points: what it is asked for.
        control: a few points that were asked for here.
        expected: the loss's values there.
        floating: how NumPy treats floating-point errors here.
    """

    source: Source
    points: Points
    control: Points
    expected: FloatArray
    floating: dict[str, Any]


@dataclass(frozen=True, eq=False)
class Answer:
    """What a worker has to say.

    Attributes:
        values, derivatives: E floats each, unless something went wrong.
        calls: of the loss, the last of which may have failed.
        defect: code, message and details of a ``LossDefect``.
        trouble: message, hint and details of a ``UsageError``.
    """

    values: FloatArray | None = None
    derivatives: FloatArray | None = None
    calls: int = 0
    defect: tuple[str, str, str] | None = None
    trouble: tuple[str, str, str] | None = None
