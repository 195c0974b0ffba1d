"""Evidence in, findings out: every rule is asked, the most specific first."""

from __future__ import annotations

from gradcheck.diagnosis.evidence import Evidence, Spent
from gradcheck.diagnosis.rule import rules
from gradcheck.errors import LossDefect, OutOfTime
from gradcheck.report import Finding


def find(evidence: Evidence) -> tuple[Finding, ...]:
    """What is wrong with a loss, and why.

    Args:
        evidence: of all batch sizes together.

    Returns:
        The most specific first, without what it implies.
    """
    found: list[Finding] = []
    implied: set[str] = set()
    for rule in rules():
        if (rule.applies == "wrong" and not evidence.wrong) or implied.issuperset(rule.codes):
            continue
        try:
            told = [finding for finding in rule.judge(evidence) if finding.code not in implied]
        except (Spent, LossDefect, OutOfTime):  # what it would have to ask for cannot be had
            continue
        found += told
        if told:
            implied |= rule.implies
    return tuple(found)
