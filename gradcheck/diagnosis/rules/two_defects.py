"""dS is one multiple of the gradient all around one place, and is not so in that place."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from gradcheck.checking.case import BoolArray, Case
from gradcheck.diagnosis.evidence import Evidence
from gradcheck.diagnosis.factor_findings import factor_findings
from gradcheck.diagnosis.fits import Fit, factor_fit
from gradcheck.diagnosis.laws import Law
from gradcheck.diagnosis.place_findings import CODES, place_finding
from gradcheck.diagnosis.placing import is_bound, placed, told_apart
from gradcheck.diagnosis.regions import Entries, Region, covering, halves, log_chance
from gradcheck.diagnosis.relations import relation
from gradcheck.diagnosis.rule import rule
from gradcheck.report import Finding

#: Rows that must tell of the factor.
_ROWS = 3
_IMPLIED = ("batch-size-dependent", "not-a-gradient", "value-of-another-loss", "gradient-of-another-loss")


@rule(*CODES, rank=65, implies=_IMPLIED)
def two_defects(evidence: Evidence) -> Iterable[Finding]:
    """a = c n outside of one region, with a law of c that is not 1, and a != c n in it: both are named."""
    seen = evidence.observations
    laws = {fit.law for half in halves(seen) if (fit := factor_fit(evidence, half)) is not None}
    likely = [each for law in laws if not (law.is_one or law.is_zero or law.is_free) for each in _around(evidence, law)]
    if not likely:
        return []
    _, best = min(likely, key=lambda each: each[0])
    alike = {each.region: each for _, each in likely if each.fit.law == best.fit.law}
    region = told_apart(evidence, [(odds, each.region) for odds, each in likely if each.region in alike], best.fit.law)
    fit = alike[region].fit
    where = f"in all {fit.entries} entries outside of {region.words(seen)}, where something else is wrong"
    place = placed(region, seen, _off(evidence, fit.law))
    elsewhere = f"{fit.law} times the numerical gradient everywhere else"
    return [
        *factor_findings(fit.law, where, ": more than one defect is at work"),
        place_finding(place, seen, elsewhere, relation(evidence, region.of)),
    ]


@dataclass(frozen=True)
class _Around:
    """A law that holds all around a region."""

    region: Region
    fit: Fit


def _around(evidence: Evidence, law: Law) -> list[tuple[float, _Around]]:
    """The regions outside of which a factor holds, and not by chance, each with the logarithm of that."""
    off = _off(evidence, law)
    found = []
    for region in covering(evidence.observations, off):
        fit = factor_fit(evidence, region.outside)
        if fit is not None and fit.law == law and fit.rows >= _ROWS and is_bound(evidence, region, off, law):
            found.append((log_chance(region, evidence.observations, off), _Around(region, fit)))
    return found


def _off(evidence: Evidence, law: Law) -> Entries:
    """The entries in which a factor does not hold."""

    def off(seen: Case) -> BoolArray:
        c = law.at(seen.rows, seen.classes)
        return np.asarray(~evidence.same(seen, seen.analytic, c * seen.numerical, c))

    return off
