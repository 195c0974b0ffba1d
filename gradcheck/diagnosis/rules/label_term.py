"""dS is off by the same constant in the label's column of every row: the -1{j=y} of the softmax is missing."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from gradcheck.checking.case import BoolArray, Case
from gradcheck.diagnosis.evidence import Evidence
from gradcheck.diagnosis.factor_findings import factor_findings
from gradcheck.diagnosis.fits import Fit, factor_fit, offset_fit
from gradcheck.diagnosis.laws import Law
from gradcheck.diagnosis.relations import plus
from gradcheck.diagnosis.rule import LESS_SPECIFIC, rule
from gradcheck.diagnosis.wording import rows_in_words
from gradcheck.report import Finding

#: Rows that a number takes which is none of those that people write.
_FREE = 3
#: A whole number that was computed.
_ROUNDING = 1e-9
#: Rows that a constant takes among gradients that are whole numbers over N, for those may differ by one by chance.
_WHOLE = 5
#: The same, where the numerical gradient is one and the same number in all of them, and so is dS.
_ALL_ALIKE = 12
_HINT = "look at what is subtracted from dS[i, y[i]]: once in each row, from dS itself, before the division by N"


@rule("missing-label-term", rank=30, implies=LESS_SPECIFIC)
def label_term(evidence: Evidence) -> Iterable[Finding]:
    """a = c n where j != y, and a = c n + d where j = y: c and d, not 0, follow one law each in all problems.

    c is 1 but for a second defect, which then is named as well.
    """
    if any(seen.at_label is None for seen in evidence.observations):
        return []
    others = factor_fit(evidence, _others)
    if others is None or others.law.is_zero or others.law.is_free:
        return []
    term = offset_fit(evidence, _label, others.law, least=1)
    if term is None or abs(term.law.rows) > 1 or not _is_told(evidence, term):
        return []
    c, d = others.law, term.law
    where = f"in the label's column (j = y) of {rows_in_words(term.entries, evidence.observations)}"
    or_else = f" (or {d.alternative})" if d.alternative else ""
    if c.is_one:
        right = "" if any(np.any(seen.wrong & _others(seen)) for seen in evidence.wrong) else ", and right elsewhere"
        message = f"{_what_is_wrong(d)}: dS is the numerical gradient {plus(d)}{or_else} {where}{right}"
        return [Finding("missing-label-term", "error", message, _HINT)]
    elsewhere = f"in all {others.entries} entries outside of the label's column, which is off by {d} beyond that"
    beyond = f"dS is {c} times the numerical gradient everywhere, {plus(d)}{or_else} {where}"
    message = f"{_what_is_wrong(d)}, and a factor is a second defect: {beyond}"
    return [Finding("missing-label-term", "error", message, _HINT), *factor_findings(c, elsewhere, "")]


def _label(seen: Case) -> BoolArray:
    assert seen.at_label is not None
    return seen.at_label


def _others(seen: Case) -> BoolArray:
    return ~_label(seen)


def _is_told(evidence: Evidence, term: Fit) -> bool:
    """Whether enough rows bear the constant out."""
    counts: set[float] = set()
    whole = True
    for seen in evidence.observations:
        which = _label(seen) & seen.known
        n = seen.numerical[which] * seen.rows
        counts |= set(np.round(n).tolist())
        whole &= bool(np.all(np.abs(n - np.round(n)) <= seen.rows * seen.bounds[which] + _ROUNDING))
    if whole:
        is_one = len(counts) > 1 or (term.rows >= _ALL_ALIKE and term.law.fraction in (1, -1))
        return term.rows >= _WHOLE and is_one
    return term.rows >= (_FREE if term.law.is_free else 2) or term.law.fraction in (1, -1, 2)


def _what_is_wrong(d: Law) -> str:
    """What makes dS off by d: that a term -d 1{j=y} is not there, or is there twice."""
    size = Law(abs(d.constant), d.rows, d.classes, None if d.fraction is None else abs(d.fraction), d.name.lstrip("-"))
    if d.constant < 0:
        return f"the label's term -{_term(size)} is counted twice"
    missing = f"the label's term -{_term(size)} is missing"
    if d.fraction is None:
        return missing
    half = Law(size.constant / 2, d.rows, d.classes, abs(d.fraction) / 2)
    return f"{missing}, or -{_term(half)} has the wrong sign" if d.fraction == 2 else missing


def _term(law: Law) -> str:
    """A law times 1{j=y}.

    Example:
        >>> from fractions import Fraction
        >>> [_term(Law(float(k), rows=-1, fraction=k)) for k in (Fraction(1), Fraction(2), Fraction(1, 2))]
        ['1{j=y}/N', '2·1{j=y}/N', '1{j=y}/(2N)']
    """
    above, slash, below = str(law).partition("/")
    return f"{'' if above == '1' else f'{above}·'}1{{j=y}}{slash}{below}"
