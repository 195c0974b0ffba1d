"""What a check found: frozen, plain data, with no behaviour but totals: Report > LossReport > BatchReport > Entry."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from math import prod
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

#: Arrays by what they hold; those of verdicts hold indices into ``VERDICTS``.
Array = npt.NDArray[Any]
FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]
IntArray = npt.NDArray[np.int64]
IndexArray = npt.NDArray[np.intp]
VerdictArray = npt.NDArray[np.int8]
#: What second derivatives are called, as an input of their own.
HESSIAN = "hess"
Severity = Literal["error", "warning", "note"]


@dataclass(frozen=True)
class Finding:
    """A statement about the whole loss: what is wrong and why."""

    code: str  # stable name, for example ``mutates-input``
    severity: Severity  # an ``error`` fails the run, a ``warning`` only with ``--strict``, a ``note`` never
    message: str  # one line, with the numbers
    hint: str = ""  # what to look at in the code
    details: str = ""  # the user's own traceback, trimmed to their code; empty where there is none


def derivative_of(name: str) -> str:
    """What the derivatives by an input are called: ``dW``, ``dparams.W1``; but ``hess`` is what it is."""
    return name if name.partition(".")[0] == HESSIAN else f"d{name}"


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
    """One entry (row, class) of dS, beside what gradcheck computed for it."""

    row: int  # from 0; in an input of a function of named inputs, its place as a matrix, like ``class_``
    class_: int
    label: int | None  # of the row; None where the labels are not classes
    score: float  # S[row, class_]
    analytic: float  # the loss's own dS[row, class_]
    numerical: float  # the estimate that the verdict was given on
    bound: float  # on the error of that estimate
    relative_error: float  # abs(a - n) / max(abs(a), abs(n)); 0 where both are 0
    verdict: Verdict
    plain: float  # the plain central difference
    step: float  # half the distance between its two points
    central: float | None = None  # the corrected difference where ``numerical`` is of a complex step; else None
    tried: tuple[tuple[float, float], ...] = ()  # steps, widest first, and plain differences of a second look
    input: str = ""  # of a function of named inputs; empty for scores
    index: tuple[int, ...] = ()  # in that input

    @property
    def name(self) -> str:
        """What the entry is called: ``dS[0, 3]``, or ``dW[2, 3]`` for an input of that name."""
        index = self.index if self.input else (self.row, self.class_)
        name = derivative_of(self.input or "S")
        return f"{name}[{', '.join(map(str, index))}]" if index else name

    @property
    def reference(self) -> Literal["central", "complex"]:
        """What the verdict was given on."""
        return "central" if self.central is None else "complex"


@dataclass(frozen=True)
class Step:
    """The central difference of an entry at one step."""

    step: float  # half the distance between its two points
    difference: float
    error: float  # its distance from the analytic derivative
    rounding: float  # how far rounding of the values may put it off
    order: float | None  # p, if the error falls as step**p from the step before; None within rounding


@dataclass(frozen=True)
class StepEvidence:
    """An entry that was asked for, by its central differences at falling steps."""

    asked: str  # as the user named it
    where: str  # the problem, in words
    entry: Entry  # with the verdict
    steps: tuple[Step, ...]  # the widest first
    exact: bool  # the differences are equal at every step up to rounding, as for a polynomial of degree 2
    reading: str  # what the steps say, in a sentence


@dataclass(frozen=True)
class Projections:
    """Directional derivatives of the whole, and the verdicts of those entries that were judged one by one."""

    directions: int  # how many random directions dS was projected on
    agree: bool  # they do, but for wrong entries
    smallest_defect: float  # error of a single entry that they show with a probability of 99%; may be infinite
    largest_gradient: float  # the largest abs(dS)
    checked: int  # entries judged one by one; the next three are how many of those were what
    wrong: int
    subgradient: int
    undecided: int
    max_relative_error: float  # of those judged ok or wrong
    remark: str = ""  # what a reader should know of how it went; empty for nothing

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
    """A problem with few rows, few classes and simple numbers, at which a loss still fails for the same reason."""

    S: Array  # N x C scores, of the dtype that the loss was given
    y: Any  # labels
    code: str  # of the finding that it shows; ``wrong`` where no finding explains the wrong entries
    analytic: FloatArray | None  # N x C, dS; None where the code is of the contract, like ``numerical``
    numerical: FloatArray | None
    snippet: str  # Python that raises when it is run
    line: str = ""  # the call and its result in a line, empty if that is too long


@dataclass(frozen=True, eq=False)
class BatchReport:
    """One problem: N rows and C classes; or an input of a function, its last axis in place of the classes."""

    batch_size: int
    classes: int
    scores: str  # the kind of scores, for example ``normal(0, 1)``
    trial: int  # which draw of this kind of problem, from 0
    seed: int  # draws this problem alone, as trial 0
    value: float  # of the loss at S
    plan: str  # how perturbed values were obtained, for example ``full``
    evaluations: int  # calls of the loss
    labels: IntArray | None  # N labels; None where the labels are not classes
    relative_errors: FloatArray | None  # N x C; None with projections
    verdicts: VerdictArray | None  # N x C indices into ``VERDICTS``; None with projections
    worst: tuple[Entry, ...]  # the worst entries, worst first
    seconds: float  # wall time
    negligible: BoolArray | None = None  # N x C, entries whose error is rounding; None for none
    why: str = ""  # the values were obtained in this way
    by_complex: BoolArray | None = None  # N x C, entries judged by a complex step; None for none
    projections: Projections | None = None  # in place of every entry's verdict where entries are too many
    input: str = ""  # its name; empty for scores
    shape: tuple[int, ...] = ()  # of that input's array

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
        shape = self.shape if self.input else (self.batch_size, self.classes)
        return " x ".join(map(str, shape)) or "number"

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
    """One target."""

    target: str  # as the user named it
    file: str | None  # of the loss; None where not known, like ``line``
    line: int | None
    batches: tuple[BatchReport, ...]  # one per problem checked
    findings: tuple[Finding, ...]  # worst first, and of several, the one that explains most leads
    error: str = ""  # why it could not be checked at all
    rerun: str = ""  # the command that repeats its worst problem alone
    strict: bool = False  # unresolved entries and warnings fail
    unchecked: int = 0  # how many problems were not checked to their end
    cut_short: str = ""  # the one of them that was begun, in words
    framework: str = "numpy"  # of its arrays: ``numpy``, ``torch`` or ``jax``
    smallest_case: SmallestCase | None = None  # None where it does not fail, or none was found
    evaluations_to_explain: int = 0  # calls of the loss beside those of the batches, to find out why it is wrong
    steps: tuple[StepEvidence, ...] = ()  # of the entries that were asked for
    alike: str = ""  # what it was compared with, and whose value and dS it has; empty for nothing

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
    """A whole run."""

    version: str  # of gradcheck
    config: Mapping[str, Any]  # as it was used, plain data
    losses: tuple[LossReport, ...]  # one per target, in the order they were named
    interrupted: bool = False  # by the user, before every problem was checked
    out_of_time: bool = False  # after ``max_seconds``, likewise

    @property
    def passed(self) -> bool:
        is_cut_short = self.interrupted or self.out_of_time
        return bool(self.losses) and not is_cut_short and all(loss.passed for loss in self.losses)

    def __bool__(self) -> bool:
        return self.passed

    def rows(self) -> list[dict[str, Any]]:
        """A row for each entry (of a very large problem, the worst alone); only the worst have their derivatives."""
        return [row for loss in self.losses for batch in loss.batches for row in _rows(loss.target, batch)]

    def to_frame(self) -> Any:
        """`rows` as a DataFrame of pandas; an ImportError where that is not installed."""
        try:
            import pandas
        except ImportError:
            raise ImportError("to_frame() needs pandas: pip install pandas; rows() gives the same as dicts") from None
        return pandas.DataFrame(self.rows())

    @property
    def exit_code(self) -> int:
        """0 every gradient right; 1 a defect; 2 something could not be checked; 130 interrupted."""
        if self.interrupted:
            return 130
        if any(loss.failed for loss in self.losses):
            return 1
        return 0 if self.passed else 2


def _rows(target: str, batch: BatchReport) -> list[dict[str, Any]]:
    """A row for each entry of a problem."""
    rows: dict[tuple[int, ...], dict[str, Any]] = {}
    if batch.verdicts is not None and batch.relative_errors is not None:
        for place in np.ndindex(batch.verdicts.shape):
            error = float(batch.relative_errors[place])
            rows[place] = {"verdict": VERDICTS[batch.verdicts[place]], "relative_error": error}
    for entry in batch.worst:
        names = ("verdict", "relative_error", "analytic", "numerical", "bound")
        rows[entry.row, entry.class_] = {name: getattr(entry, name) for name in names}
    known = {"target": target} | {key: getattr(batch, key) for key in ("batch_size", "scores", "seed", "input")}
    label = (lambda row: None) if batch.labels is None else batch.labels.item
    return [known | {"row": row, "class": at, "label": label(row)} | rows[row, at] for row, at in rows]
