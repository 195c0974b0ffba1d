"""Entries judged one by one: by calls of their row alone where that is known to do, else of the whole batch.

A row that counts by itself is a small problem, and gets all that the numerics have for those.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from gradcheck.checking.judge import judge_entries
from gradcheck.checking.judgement import Judgement
from gradcheck.checking.precision import Precision, measure, rounding_of_gradient
from gradcheck.errors import LossDefect
from gradcheck.evaluation.asking import IndexArray
from gradcheck.evaluation.oracle import Oracle
from gradcheck.evaluation.plans.plan import Coupled
from gradcheck.evaluation.plans.projections import Base
from gradcheck.functions.answer import Answer
from gradcheck.report import VERDICTS, Entry, FloatArray, Verdict


@dataclass(frozen=True)
class Judged:
    """One entry's verdict, in the coin of the whole batch.

    Attributes:
        row, column: which.
        analytic, numerical, bound, relative_error, verdict, plain, step: as in ``report.Entry``.
        negligible: so small beside the bound that the relative error says nothing.
    """

    row: int
    column: int
    analytic: float
    numerical: float
    bound: float
    relative_error: float
    verdict: Verdict
    plain: float
    step: float
    negligible: bool

    def as_entry(self, scores: npt.NDArray[np.floating], labels: npt.NDArray[np.int64] | None) -> Entry:
        """The same for a report.

        Args:
            scores: N x C.
            labels: N labels; None where the labels are not classes.
        """
        return Entry(
            row=self.row,
            class_=self.column,
            label=None if labels is None else int(labels[self.row]),
            score=float(scores[self.row, self.column]),
            analytic=self.analytic,
            numerical=self.numerical,
            bound=self.bound,
            relative_error=self.relative_error,
            verdict=self.verdict,
            plain=self.plain,
            step=self.step,
        )

    @property
    def is_telling(self) -> bool:
        """Whether its relative error is one of the loss, and not of the numerics."""
        return self.verdict is Verdict.WRONG or (self.verdict is Verdict.OK and not self.negligible)

    @property
    def defect(self) -> float:
        """How far the numerical gradient lies from the analytic one."""
        return self.numerical - self.analytic


class Entrywise:
    """Judges entries around a point.

    Args:
        oracle: the reference at this problem.
        given: the loss as the user's dtype gives it; the same where that is float64.
        base: the point.
        precision: for calls of the whole batch.
        rtol, atol: the user's tolerances.
        weight: what a row's own value counts in the batch's; None where rows cannot be taken alone.
    """

    def __init__(
        self, oracle: Oracle, given: Oracle, base: Base, precision: Precision, rtol: float, atol: float,
        weight: float | None,
    ) -> None:  # fmt: skip
        self._oracle, self._given, self._base, self._precision = oracle, given, base, precision
        self._rtol, self._atol, self._weight = rtol, atol, weight
        #: The row of late, for entries of one row come together; of every row would take too much memory.
        self._row: tuple[int, tuple[Oracle, Answer, Precision]] | None = None
        self.calls_of_rows = 0

    def judge(self, row: int, columns: Iterable[int]) -> list[Judged]:
        """Entries of one row.

        Raises:
            Coupled: the loss does not take the row alone.
        """
        j = np.array(list(columns), dtype=np.intp)
        if self._weight is None:
            return self._by_the_whole(np.full(len(j), row, dtype=np.intp), j)
        try:
            return self._by_its_row(row, j, self._weight)
        except LossDefect as defect:
            raise Coupled(f"with a single row it {defect.message}") from None

    def _by_the_whole(self, rows: IndexArray, columns: IndexArray) -> list[Judged]:
        at_scores = Answer(self._base.value, self._base.gradient, 0.0, 0.0)
        analytic = self._base.analytic[rows, columns]
        judgement = judge_entries(
            self._oracle, self._base.scores, rows, columns, analytic, at_scores,
            rtol=self._rtol, atol=self._atol, precision=self._precision,
        )  # fmt: skip
        return _listed(judgement, rows, columns, analytic, 1.0)

    def _by_its_row(self, row: int, columns: IndexArray, weight: float) -> list[Judged]:
        scores = self._base.scores[row : row + 1]
        if self._row is None or self._row[0] != row:
            self._row = row, self._measured(row, scores, weight)
        alone, at_scores, precision = self._row[1]
        before, analytic = alone.calls, self._base.analytic[row, columns]
        judgement = judge_entries(
            alone, scores, np.zeros(len(columns), dtype=np.intp), columns, analytic / weight, at_scores,
            rtol=self._rtol, atol=self._atol / weight, precision=precision,
        )  # fmt: skip
        self.calls_of_rows += alone.calls - before
        return _listed(judgement, np.full(len(columns), row), columns, analytic, weight)

    def _measured(self, row: int, scores: FloatArray, weight: float) -> tuple[Oracle, Answer, Precision]:
        alone, given = self._oracle.alone(row), self._given.alone(row)
        at_scores = alone(scores)
        precision = measure(alone, scores, at_scores, np.random.default_rng(scores.shape))
        # The whole batch's dS is judged: its noise may be more than what this row alone has.
        beyond = np.full(scores.shape, self._precision.gradient_noise.least[row] / weight)
        if given.dtype != alone.dtype:
            beyond = np.maximum(beyond, rounding_of_gradient(given, alone, scores, given(scores)))
        precision = replace(precision, gradient_noise=replace(precision.gradient_noise, beyond=beyond))
        self.calls_of_rows += alone.calls + given.calls
        return alone, at_scores, precision


def _listed(
    judgement: Judgement, rows: IndexArray, columns: IndexArray, analytic: FloatArray, weight: float
) -> list[Judged]:
    """The entries of a judgement that may have been made in the coin of single rows."""
    return [
        Judged(
            row=int(rows[e]),
            column=int(columns[e]),
            analytic=float(analytic[e]),
            numerical=weight * float(judgement.numerical[e]),
            bound=weight * float(judgement.bounds[e]),
            relative_error=float(judgement.relative_errors[e]),
            verdict=VERDICTS[judgement.verdicts[e]],
            plain=weight * float(judgement.plain[e]),
            step=float(judgement.steps[e]),
            negligible=bool(judgement.negligible[e]),
        )
        for e in range(len(rows))
    ]
