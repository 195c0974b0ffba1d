"""A penalty on the scores that the value has and dS lacks, or the other way round."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import product

import numpy as np

from gradcheck.checking.case import Case
from gradcheck.diagnosis.evidence import Evidence
from gradcheck.diagnosis.factor_findings import factor_findings
from gradcheck.diagnosis.laws import ONE, Law
from gradcheck.diagnosis.multiples import Multiple, multiple_of
from gradcheck.diagnosis.rule import LESS_SPECIFIC, rule
from gradcheck.report import Finding, FloatArray

#: So many entries say something at least, and among them are scores of sizes that differ by this.
_FEWEST = 4
_APART = 1.5


@dataclass(frozen=True)
class _Penalty:
    """A penalty, c times it.

    Attributes:
        formula: of the penalty, with its factor before.
        half: whether its factor is c/2.
        slope: its derivative by S, as one writes it.
        derivative: and as it is computed, N x C.
    """

    formula: str
    half: bool
    slope: str
    derivative: Callable[[FloatArray], FloatArray]


_PENALTIES = (
    _Penalty("sum S^2", True, "S", lambda S: S),
    _Penalty("sum |S|", False, "sign(S)", lambda S: np.asarray(np.sign(S))),
)
#: What else may be wrong with dS, once its part of the penalty is put in.
_SCALES = (
    ONE,
    Law(1.0, rows=1, fraction=Fraction(1)),
    Law(-1.0, fraction=Fraction(-1)),
    Law(1.0, rows=-1, fraction=Fraction(1)),
    Law(-1.0, rows=1, fraction=Fraction(-1)),
)
#: What a penalty may be divided by.
_LAWS: tuple[tuple[str, Callable[[Case], float]], ...] = (
    ("", lambda seen: 1.0),
    ("/N", lambda seen: 1.0 / seen.rows),
    ("/(N C)", lambda seen: 1.0 / seen.S.size),
)


@rule("missing-regularizer", rank=35, implies=LESS_SPECIFIC)
def missing_regularizer(evidence: Evidence) -> Iterator[Finding]:
    """dS - numerical = -c S in every known entry, with one c, or one c/N; perhaps of dS without a factor of its own."""
    for scale, penalty in product(_SCALES, _PENALTIES):
        x = [penalty.derivative(seen.S) for seen in evidence.observations]
        if _is_all(evidence, x):
            continue
        for law, of in _LAWS:
            scaled = [of(seen) * each for seen, each in zip(evidence.observations, x, strict=True)]
            found = _fit(evidence, scaled, scale)
            if found is not None:
                yield _finding(evidence, penalty, law, found, scale)
                yield from _of_the_scale(evidence, scale, "less" if found.constant > 0 else "plus")
                return


def _fit(evidence: Evidence, x: Sequence[FloatArray], scale: Law) -> Multiple | None:
    """The c of numerical - dS / scale = c x."""
    seen = evidence.observations
    by = [scale.at(each.rows, each.classes) for each in seen]
    found = multiple_of(
        [(each.numerical - each.analytic / k)[each.known] for each, k in zip(seen, by, strict=True)],
        [of[each.known] for each, of in zip(seen, x, strict=True)],
        [(each.bounds + each.granted / abs(k))[each.known] for each, k in zip(seen, by, strict=True)],
        [float(np.max(np.abs(each.analytic / k))) for each, k in zip(seen, by, strict=True)],
    )
    if found is None:
        return None
    told = np.concatenate([each.S[each.known][said] for each, said in zip(seen, found.telling, strict=True)])
    if len(told) < _FEWEST:
        return None
    sizes = np.abs(told)
    differ = sizes.max() > _APART * sizes.min() and np.any(told > 0) and np.any(told < 0)
    return found if differ else None


def _is_all(evidence: Evidence, x: Sequence[FloatArray]) -> bool:
    """The numerical gradient is a multiple of x by itself: then dS has another factor, or nothing in its place."""
    return all(
        multiple_of([seen.numerical[seen.known]], [of[seen.known]], [seen.bounds[seen.known]], [0.0]) is not None
        for seen, of in zip(evidence.observations, x, strict=True)
        if seen.is_wrong
    )


def _of_the_scale(evidence: Evidence, scale: Law, sign: str) -> list[Finding]:
    entries = sum(int(np.count_nonzero(seen.known)) for seen in evidence.observations)
    return factor_findings(scale, f"{sign} that term, in all {entries} entries", ": more than one defect is at work")


def _finding(evidence: Evidence, penalty: _Penalty, law: str, found: Multiple, scale: Law) -> Finding:
    c = abs(found.constant)
    number = f"{c:.6g}"
    factor = f"{c / 2:.6g}" if penalty.half else number
    term = f"{factor} {penalty.formula}{law}"
    slope = f"{number} {penalty.slope}{law}"
    entries = sum(int(np.count_nonzero(seen.known)) for seen in evidence.observations)
    lacks = (
        "the value has a term that dS lacks"
        if found.constant > 0
        else "dS has the gradient of a term that the value lacks"
    )
    sign, where, other = ("-", "dS", "the value") if found.constant > 0 else ("", "the value", "dS")
    add = slope if found.constant > 0 else term
    plus = "-" if found.constant > 0 else "+"
    is_so = f"dS - numerical = {sign}{slope}" if scale.is_one else f"dS = {scale} times (numerical {plus} {slope})"
    message = f"{is_so} in all {entries} entries: {lacks}, {term}{_doubt(evidence, law)}"
    return Finding("missing-regularizer", "error", message, hint=f"add {add} to {where}, or take it out of {other}")


def _doubt(evidence: Evidence, law: str) -> str:
    """What else it may be, for N or C did not change."""
    N, C = ({seen.S.shape[axis] for seen in evidence.observations} for axis in (0, 1))
    if law == "" and len(N) == 1:
        return f" (N = {N.pop()} throughout: its factor may hang on N)"
    if law == "/N" and len(C) == 1:
        return f" (C = {C.pop()} throughout: its factor may hang on C)"
    return ""
