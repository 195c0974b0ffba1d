"""What a check found: frozen, plain data, with no behaviour but totals: Report > LossReport > BatchReport > Entry."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from math import prod
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]
Severity = Literal["error", "warning", "note"]


@dataclass(frozen=True)
class Finding:
    """A statement about the whole loss: what is wrong and why.

    Attributes:
        code: stable name, for example ``mutates-input``.
        severity: an ``error`` fails the run, a ``warning`` only with ``--strict``, a ``note`` never.
        message, hint: one line, with the numbers; and what to look at in the code.
        details: the user's own traceback, trimmed to their code; empty where there is none.
    """

    code: str
    severity: Severity
    message: str
    hint: str = ""
    details: str = ""


class Verdict(StrEnum):
    """What the numerics say of one entry of dS."""

    OK = "ok"
    SUBGRADIENT = "subgradient"
    WRONG = "wrong"
    UNRESOLVED = "unresolved"


#: Entries of ``BatchReport.verdicts`` are indices into this tuple, the worst last.
VERDICTS = (Verdict.OK, Verdict.SUBGRADIENT, Verdict.UNRESOLVED, Verdict.WRONG)


@dataclass(frozen=True)
class Entry:
    """One entry (row, class) of dS, beside what gradcheck computed for it.

    Attributes:
        row, class_: the entry's indices, from 0.
        label, score: the row's label, None where the labels are not classes; S[row, class_].
        analytic: the loss's own dS[row, class_].
        numerical, bound: the estimate that the verdict was given on, and a bound on its error.
        relative_error: abs(a - n) / max(abs(a), abs(n)); 0 where both are 0.
        plain, step: the plain central difference, and half the distance between its two points.
        central: the corrected central difference where ``numerical`` is of a complex step; else None.
        input, index: of a function of named inputs; ``row`` and ``class_`` are the place in the input as a matrix then.
        tried: steps and plain central differences of an entry that was looked at again, the widest step first.
    """

    row: int
    class_: int
    label: int | None
    score: float
    analytic: float
    numerical: float
    bound: float
    relative_error: float
    verdict: Verdict
    plain: float
    step: float
    central: float | None = None
    tried: tuple[tuple[float, float], ...] = ()
    input: str = ""
    index: tuple[int, ...] = ()

    @property
    def name(self) -> str:
        """What the entry is called: ``dS[0, 3]``, or ``dW[2, 3]`` for an input of that name."""
        index = self.index if self.input else (self.row, self.class_)
        return f"d{self.input or 'S'}[{', '.join(map(str, index))}]" if index else f"d{self.input}"

    @property
    def reference(self) -> Literal["central", "complex"]:
        """What the verdict was given on."""
        return "central" if self.central is None else "complex"


@dataclass(frozen=True)
class Projections:
    """Directional derivatives of the whole, and the verdicts of those entries that were judged one by one.

    Attributes:
        directions, agree: how many random directions dS was projected on; they agree, but for wrong entries.
        smallest_defect: error of a single entry that the directions show with a probability of 99%; may be infinite.
        checked, wrong, subgradient, undecided: entries judged one by one, and how many of those were what.
        largest_gradient, max_relative_error: the largest abs(dS), and relative error of those judged ok or wrong.
        remark: what a reader should know of how it went; empty for nothing.
    """

    directions: int
    agree: bool
    smallest_defect: float
    largest_gradient: float
    checked: int
    wrong: int
    subgradient: int
    undecided: int
    max_relative_error: float
    remark: str = ""

    @property
    def smallest_relative_defect(self) -> float:
        """The smallest defect as a part of the largest gradient; infinite where there is none."""
        return self.smallest_defect / self.largest_gradient if self.largest_gradient > 0 else float("inf")

    def count(self, verdict: str, entries: int) -> int:
        """How many entries have this verdict: those not judged are ``ok`` if directions agree, else ``unresolved``."""
        unresolved = self.undecided + (0 if self.agree else entries - self.checked)
        counts = {"wrong": self.wrong, "subgradient": self.subgradient, "unresolved": unresolved}
        return counts.get(verdict, entries - sum(counts.values()))


@dataclass(frozen=True, eq=False)
class SmallestCase:
    """A problem with few rows, few classes and simple numbers, at which a loss still fails for the same reason.

    Attributes:
        S, y: N x C scores, of the dtype that the loss was given, and labels.
        code: of the finding that it shows; ``wrong`` where no finding explains the wrong entries.
        analytic, numerical: N x C, dS and the numerical gradient; None where the code is of the contract.
        snippet, line: Python that raises when it is run; the call and its result in a line, empty if that is too long.
    """

    S: npt.NDArray[Any]
    y: Any
    code: str
    analytic: FloatArray | None
    numerical: FloatArray | None
    snippet: str
    line: str = ""


@dataclass(frozen=True, eq=False)
class BatchReport:
    """One problem: a batch of N rows and C classes, every entry judged; or one input of a function of named inputs.

    The array of such an input is shown as a matrix: its last axis are the columns, in place of the classes.

    Attributes:
        scores, value: the kind of scores, for example ``normal(0, 1)``; the loss's value at S.
        trial, seed: which draw of this kind of problem, from 0; the seed draws this one alone, as trial 0.
        plan, why: how perturbed values were obtained, for example ``full``, and why in this way.
        evaluations, seconds: calls of the loss, and wall time.
        labels: N labels; None where the labels are not classes.
        relative_errors, verdicts: N x C, the latter int8 indices into ``VERDICTS``; None with projections.
        worst: the worst entries, worst first.
        input, shape: the name of the input and the shape of its array; empty for scores.
        negligible, by_complex: N x C, entries whose error is rounding, and that a complex step judged; None for none.
        projections: in place of every entry's verdict where entries are too many; else None.
    """

    batch_size: int
    classes: int
    scores: str
    trial: int
    seed: int
    value: float
    plan: str
    evaluations: int
    labels: npt.NDArray[np.int64] | None
    relative_errors: FloatArray | None
    verdicts: npt.NDArray[np.int8] | None
    worst: tuple[Entry, ...]
    seconds: float
    negligible: npt.NDArray[np.bool_] | None = None
    why: str = ""
    by_complex: npt.NDArray[np.bool_] | None = None
    projections: Projections | None = None
    input: str = ""
    shape: tuple[int, ...] = ()

    def count(self, verdict: Verdict) -> int:
        """How many entries have this verdict."""
        if self.projections is not None:
            return self.projections.count(verdict, self.entries)
        return int(np.count_nonzero(self.verdicts == VERDICTS.index(verdict)))

    @property
    def entries(self) -> int:
        return prod(self.shape) if self.input else self.batch_size * self.classes

    @property
    def size(self) -> str:
        """The shape of an input's array in words: ``4 x 5``."""
        return " x ".join(map(str, self.shape)) or "number"

    @property
    def wrong(self) -> int:
        return self.count(Verdict.WRONG)

    @property
    def subgradient(self) -> int:
        return self.count(Verdict.SUBGRADIENT)

    @property
    def unresolved(self) -> int:
        return self.count(Verdict.UNRESOLVED)

    @property
    def complex_steps(self) -> int:
        """How many entries were judged by a complex step."""
        return 0 if self.by_complex is None else int(np.count_nonzero(self.by_complex))

    @property
    def passed(self) -> bool:
        """No entry is wrong (an unresolved one fails only a strict run)."""
        return self.wrong == 0

    @property
    def max_relative_error(self) -> float:
        """Largest relative error of the entries judged ``ok``, unless negligible, or ``wrong``; 0 for none of them."""
        if self.relative_errors is None:
            return self.projections.max_relative_error if self.projections is not None else 0.0
        right, wrong = (self.verdicts == VERDICTS.index(verdict) for verdict in (Verdict.OK, Verdict.WRONG))
        judged = wrong | (right if self.negligible is None else right & ~self.negligible)
        return float(self.relative_errors[judged].max(initial=0.0))


@dataclass(frozen=True, eq=False)
class LossReport:
    """One target.

    Attributes:
        target: as the user named it.
        file, line, framework: of the loss, None where not known; of its arrays, ``numpy``, ``torch`` or ``jax``.
        batches, findings: one per problem checked; worst first, and of several, the one that explains most leads.
        error, rerun: why it could not be checked at all; the command that repeats its worst problem alone; or empty.
        strict: unresolved entries and warnings fail.
        unchecked, cut_short: how many problems were not checked to their end; the one that was begun, in words.
        smallest_case: the smallest case that it was seen to fail at; None where it does not fail, or none was found.
        evaluations_to_explain: calls of the loss beside those of the batches, to find out why it is wrong.
    """

    target: str
    file: str | None
    line: int | None
    batches: tuple[BatchReport, ...]
    findings: tuple[Finding, ...]
    error: str = ""
    rerun: str = ""
    strict: bool = False
    unchecked: int = 0
    cut_short: str = ""
    framework: str = "numpy"
    smallest_case: SmallestCase | None = None
    evaluations_to_explain: int = 0

    @property
    def failed(self) -> bool:
        """A gradient or the contract is wrong, as far as it was checked."""
        failing = ("error", "warning") if self.strict else ("error",)
        is_wrong = any(not batch.passed or (self.strict and batch.unresolved) for batch in self.batches)
        return is_wrong or any(finding.severity in failing for finding in self.findings)

    @property
    def passed(self) -> bool:
        """Checked at every problem, and nothing that fails was found."""
        return bool(self.batches) and not self.unchecked and not self.error and not self.failed


@dataclass(frozen=True, eq=False)
class Report:
    """A whole run.

    Attributes:
        version, config: of gradcheck; the configuration as it was used, plain data.
        losses: one per target, in the order they were named.
        interrupted, out_of_time: stopped before every problem was checked, by the user or after ``max_seconds``.
    """

    version: str
    config: Mapping[str, Any]
    losses: tuple[LossReport, ...]
    interrupted: bool = False
    out_of_time: bool = False

    @property
    def passed(self) -> bool:
        is_cut_short = self.interrupted or self.out_of_time
        return bool(self.losses) and not is_cut_short and all(loss.passed for loss in self.losses)

    def __bool__(self) -> bool:
        return self.passed

    @property
    def exit_code(self) -> int:
        """0 every gradient right; 1 a defect; 2 something could not be checked; 130 interrupted."""
        if self.interrupted:
            return 130
        if any(loss.failed for loss in self.losses):
            return 1
        return 0 if self.passed else 2
