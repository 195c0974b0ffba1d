"""From judged problems to findings and the smallest failing case."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from gradcheck.config import Config
from gradcheck.findings.driver import find
from gradcheck.findings.evidence import Allowance, Evidence
from gradcheck.loss import Loss
from gradcheck.observation import Observation
from gradcheck.report import Finding
from gradcheck.sampling import Problem
from gradcheck.settings import Settings
from gradcheck.smallest_case import SmallestCase

#: Finding out why may cost this part of the calls that the check took.
_SHARE = 4
#: Calls for a loss that broke its contract before there was anything to share.
_LEAST = 40


@dataclass(frozen=True, eq=False)
class Explanation:
    """Why a loss is wrong.

    Attributes:
        findings: the one that explains most first.
        smallest_case: None where nothing fails, or none was found.
        calls: of the loss, for both.
        contract_calls: calls that every loss takes, right or wrong.
    """

    findings: tuple[Finding, ...]
    smallest_case: SmallestCase | None
    calls: int
    contract_calls: int = 0


def explain(
    loss: Loss,
    observations: Sequence[Observation],
    config: Config,
    settings: Settings,
    evaluations: int,
    contract: Finding | None = None,
    troubled: Problem | None = None,
) -> Explanation:
    """Find out why a loss is wrong, and what else is to be said of it.

    Args:
        loss: what was checked.
        observations: what was seen of it.
        config, settings: of the run.
        evaluations: calls of the loss so far.
        contract: the first of the contract's findings that is an error; None for none.
        troubled: where that was; None likewise.
    """
    ask = Allowance(loss, evaluations // _SHARE, config.dtype)
    evidence = Evidence(tuple(observations), config.rtol, ask, settings.like)
    findings = find(evidence)
    return Explanation(findings, None, ask.calls)
