"""From judged problems to findings and the smallest failing case."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy.typing as npt

from gradcheck.checking.case import Case
from gradcheck.config import Config
from gradcheck.diagnosis.driver import find
from gradcheck.diagnosis.evidence import Allowance, Evidence
from gradcheck.diagnosis.notation import explain_terms
from gradcheck.diagnosis.refinements import refine
from gradcheck.functions.function import Function
from gradcheck.report import BatchReport, Finding, SmallestCase
from gradcheck.sampling import Problem
from gradcheck.settings import Settings

#: Finding out why may cost this part of the calls that the check took.
_SHARE = 4
#: Calls for a loss that broke its contract before there was anything to share.
_LEAST = 40
#: Calls that every loss may take once its problems are checked: one, a few more where that is not finite, and one for
#: each of some rows, and two of their batches, where those seem to count otherwise than in a mean.
_INSPECTING = 38


@dataclass(frozen=True, eq=False)
class Explanation:
    """Why a loss is wrong.

    Attributes:
        findings: the one that explains most first.
        smallest_case: None where nothing fails, or none was found.
        calls: of the loss, for both.
        contract_calls: calls that every loss takes, right or wrong.
        refined: what is to be said in place of the contract's finding; None where that says it all.
    """

    findings: tuple[Finding, ...]
    smallest_case: SmallestCase | None
    calls: int
    contract_calls: int = 0
    refined: Finding | None = None


@dataclass(frozen=True, eq=False)
class Shown:
    """What the check of a loss has shown.

    Attributes:
        observations: the problems that were judged, or some of them.
        evaluations: calls of the loss.
        dtype: what the loss was given.
        contract: the first of the contract's findings that is an error; None for none.
        troubled: where that was; None likewise.
        projected: a problem that was checked by projections, and is wrong; None for none.
    """

    observations: Sequence[Case]
    evaluations: int
    dtype: npt.DTypeLike
    contract: Finding | None
    troubled: Problem | None
    projected: tuple[Problem, BatchReport] | None


def explain(loss: Function, shown: Shown, config: Config, settings: Settings) -> Explanation:
    """Find out why a loss is wrong, and what else is to be said of it.

    Args:
        loss: what was checked.
        shown: what that has shown.
        config, settings: of the run.
    """
    contract, troubled = shown.contract, shown.troubled
    ask = Allowance(loss, shown.evaluations // _SHARE if shown.evaluations else _LEAST, shown.dtype)
    inspect = Allowance(loss, _INSPECTING, shown.dtype)
    judged = tuple(each for each in shown.observations if each.judged)
    beside = tuple(each for each in shown.observations if not each.judged)
    evidence = Evidence(judged, config.rtol, ask, settings.like, inspect, beside)
    refined = refine(contract, troubled, ask) if contract and troubled else None
    # Of a loss that answers otherwise each time, nothing that it answered is evidence of anything else.
    is_evidence = contract is None or contract.code != "not-deterministic"
    findings = _in_the_notes_notation(find(evidence), evidence) if is_evidence else ()
    code = next((finding.code for finding in (refined, contract) if finding), _leading(findings))
    case = _smallest_case(evidence, code, config, settings, shown)
    return Explanation(findings, case, ask.calls, inspect.calls, refined)


def _in_the_notes_notation(findings: tuple[Finding, ...], evidence: Evidence) -> tuple[Finding, ...]:
    """What leads is said after what dS and the gradient of the value are, where a few terms say that."""
    leading = next((f for f in findings if f.severity == "error"), None)
    terms = explain_terms(evidence) if leading else None
    if leading is None or terms is None:
        return findings
    told = replace(leading, message=f"{terms.sentence()}: {leading.message}")
    return tuple(told if finding is leading else finding for finding in findings)


def _leading(findings: Sequence[Finding]) -> str:
    """The code of the first error; ``wrong`` where there is none."""
    return next((finding.code for finding in findings if finding.severity == "error"), "wrong")


def _smallest_case(
    evidence: Evidence, code: str, config: Config, settings: Settings, shown: Shown
) -> SmallestCase | None:
    """Of the finding that leads, which has this code: the contract's before all others."""
    contract, troubled, projected = shown.contract, shown.troubled, shown.projected
    failing = any(seen.is_wrong or seen.leaps.any() for seen in evidence.observations)
    if contract is None and projected is None and not failing:
        return None
    from gradcheck.shrinking import smallest_case

    return smallest_case(evidence, code, config, settings, contract, troubled, projected)
