"""How values at moved points are obtained: calls of the whole batch, of single rows, or for the value of each row."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass

import numpy as np

from gradcheck.errors import LossDefect
from gradcheck.evaluation.objective import Asking, Objective
from gradcheck.functions.answer import Answer
from gradcheck.layout import Arguments
from gradcheck.numerics.differences import Stencil
from gradcheck.report import FloatArray, IndexArray


class NotSeparable(Exception):  # noqa: N818  (evidence about a loss, and no mistake of anyone)
    """The value is not the mean or sum of what its rows give alone; the text says how that was seen."""

    def __init__(self, evidence: str, row_weight: float | None = None) -> None:
        super().__init__(evidence)
        self.row_weight = row_weight  # what one row counts in the value beside its own value, where that was seen


@contextmanager
def told_by_calls(where: str) -> Iterator[None]:
    """A defect of the loss in calls of the block says that it is not separable; ``where`` begins how that was seen."""
    try:
        yield
    except LossDefect as defect:
        raise NotSeparable(f"{where} it {defect.message}") from None


@dataclass(frozen=True, eq=False)
class Moved:
    """What an evaluator returns for E entries, each moved alone."""

    #: E floats, how far each was really moved, with its sign: rounding may change what was asked for
    distance: FloatArray
    values: FloatArray  # E floats, the value there; by rows, what the entry's row adds to it
    derivatives: FloatArray  # E floats, the analytic derivative by the moved entry there

    def only(self, which: IndexArray) -> Moved:
        """Some of the entries."""
        return Moved(self.distance[which], self.values[which], self.derivatives[which])


def stencil_of(below: Moved, here: Moved, above: Moved) -> Stencil:
    """The stencils of E entries from what an evaluator returned for them."""
    points = below, here, above
    values, derivatives = (each.values for each in points), (each.derivatives for each in points)
    return Stencil(-below.distance, above.distance, *values, *derivatives)


class Evaluator:
    """Values of a function at points that differ from x in one entry, by a call of the whole for each."""

    name = "full"  # as the report and ``--plan`` call it
    asking: Asking = "whole"
    refused = ""  # how evidence begins that the function cannot be called so

    def __init__(
        self, objective: Objective, x: FloatArray, answer: Answer | None = None, weight: float | None = None
    ) -> None:
        """``answer``: what the function returns at x (n,); ``weight``: what a value counts in the batch's, 1/N or 1."""
        self.objective, self.x, self._answer, self.weight = objective, x, answer, weight or 1.0
        self._of_rows: dict[int, tuple[float, FloatArray]] = {}
        self._at_x: float | None = None  # the value there by many points in one call

    @property
    def by_rows(self) -> bool:
        """Whether values are what the entry's row adds to the whole; they carry the rounding of one row alone."""
        return self.asking != "whole"

    @property
    def coupled(self) -> list[tuple[int, ...]]:
        """Shapes of the arrays, one after another in x, any of whose entries may tie; none where rows are separate."""
        y = self.objective.labels
        if self.by_rows or not isinstance(y, Arguments):
            return [] if self.by_rows else [self.objective.shape]
        return [each.shape for each in y.layout.inputs]

    def moved(self, entries: IndexArray, offsets: FloatArray) -> Moved:
        """Move each of E entries alone, by its offset.

        Raises:
            NotSeparable: by rows: the function cannot be called so.
        """
        before = self.x[entries]
        after = self.objective.rounded(before + offsets)
        with told_by_calls(self.refused) if self.by_rows else nullcontext():
            found = self.objective.ask(self.asking, self.x, entries, after)
        found *= self.weight
        return Moved(after - before, *found)

    def here(self, entries: IndexArray) -> Moved:
        """The same entries, not moved."""
        if self._answer is None:
            self._answer = self.objective(self.x)
        parts, zeros, value = self._answer.parts, np.zeros(len(entries)), self._answer.value
        if self.objective.batched.believes(self.asking) and len(entries):  # its rounding is not that of single calls
            if self._at_x is None:
                self._at_x = float(self.moved(entries[:1], zeros[:1]).values[0])
            value = self._at_x
        values = parts[self.objective.blocks.of(entries)] if self.by_rows and parts is not None else zeros + value
        return Moved(zeros, values, self._answer.gradient[entries])

    def imaginary(self, entries: IndexArray, step: float) -> FloatArray:
        """Im(value) / step with each of E entries moved by i·step; NaN where the loss takes no complex scores."""
        return self.weight * self.objective.imaginary(self.asking, self.x, entries, step)

    def at(self, x: FloatArray) -> Evaluator:
        """The same evaluator at another base point (n,)."""
        return type(self)(self.objective, x, weight=self.weight)


class Rows(Evaluator):
    """One call of a single row for each moved entry: for a value that is the mean or the sum of its rows'."""

    name, asking, refused = "rows", "rows", "with a single row"

    def here(self, entries: IndexArray) -> Moved:
        """See ``Evaluator.here``: one call for each row that was not asked for before, or a point for each entry."""
        if self.objective.batched.believes("rows"):
            return self.moved(entries, np.zeros(len(entries)))
        C = self.objective.shape[1]
        for row in sorted(set((entries // C).tolist()) - set(self._of_rows)):
            with told_by_calls(self.refused):
                self._of_rows[row] = self.objective.answer_of_row(row, self.x[row * C : (row + 1) * C])
        values = np.array([self._of_rows[entry // C][0] for entry in entries.tolist()])
        derivatives = np.array([self._of_rows[entry // C][1][entry % C] for entry in entries.tolist()])
        return Moved(np.zeros(len(entries)), values * self.weight, derivatives * self.weight)


class PerSample(Evaluator):
    """One call of the whole batch moves an entry of every row: for a loss that returns the value of each row.

    The objective asks for those (``row_weight`` is set), and the answer at x has ``parts``.
    """

    name, asking, refused = "per-sample", "each-row", "asked for the value of each row"
