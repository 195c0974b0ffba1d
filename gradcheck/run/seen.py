"""What the check of one target has shown so far."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from gradcheck.checking.evidence import Case
from gradcheck.checking.problem import Checked
from gradcheck.report import VERDICTS, BatchReport, Finding, SmallestCase, StepEvidence
from gradcheck.sampling import Problem

#: Hints for functions of named inputs.
_HINTS = {
    "not-deterministic": "keep no state between calls; where numbers are drawn, as for dropout, use --reseed",
    "not-finite": "look for a division by 0, a logarithm of 0, and exp of large numbers",
}
_KEPT = 12  # wrong problems, and right ones, that are kept as evidence beside the first of each kind


@dataclass
class Seen:
    """What the problems that were checked have shown."""

    of_products: bool  # with vectors, of second derivatives, in the place of gradients
    keeps_all: bool = False  # every problem is evidence, because its value is compared with another function's
    batches: list[BatchReport] = field(default_factory=list)
    cases: list[Case] = field(default_factory=list)
    second: list[BatchReport] = field(default_factory=list)  # of second derivatives
    of_hessian: list[Case] = field(default_factory=list)
    contract: dict[str, Finding] = field(default_factory=dict)
    troubled: Problem | None = None  # where the contract was broken
    #: of each entry asked for, by the user's name, at its worst problem
    steps: dict[str, StepEvidence] = field(default_factory=dict)

    @property
    def failed(self) -> bool:
        """A contract is broken or a gradient is wrong."""
        return self.troubled is not None or any(batch.wrong for batch in self.batches)

    def add(self, findings: Iterable[Finding], problem: Problem) -> None:
        """Take findings of the contract."""
        for finding in findings:
            raised = finding.code == "raises" and finding.code not in self.contract
            if finding.severity == "error" and (self.troubled is None or raised):
                self.troubled = problem
            message, hint = finding.message, finding.hint
            if problem.layout:
                message, hint = problem.layout.worded(message), _HINTS.get(finding.code, hint)
            placed = replace(finding, message=f"{message} (at {problem.where})", hint=hint)
            self.contract.setdefault(finding.code, placed)

    def take(self, checked: Checked, problem: Problem) -> None:
        """Take what the check of a problem has shown."""
        self.add(checked.findings, problem)
        self.batches += checked.batches
        for each in checked.steps:
            known = self.steps.setdefault(each.asked, each)
            self.steps[each.asked] = max(known, each, key=lambda steps: VERDICTS.index(steps.entry.verdict))
        if checked.case is not None and self._is_new(checked.case):
            self.cases.append(checked.case)

    def _is_new(self, case: Case) -> bool:
        """Whether a case is kept as evidence: the first wrong and the first right one of each kind, and some more."""
        alike = [each for each in self.cases if each.is_wrong == case.is_wrong]
        kinds = {(*each.S.shape, each.scores) for each in alike}
        return self.keeps_all or len(alike) < _KEPT or (*case.S.shape, case.scores) not in kinds


@dataclass(frozen=True)
class Explained:
    """What was found out."""

    findings: tuple[Finding, ...] = ()
    smallest: SmallestCase | None = None
    calls: int = 0  # of the loss


def first_error(findings: Iterable[Finding]) -> Finding | None:
    """The first finding that fails a run."""
    return next((finding for finding in findings if finding.severity == "error"), None)
