"""dS is a multiple of the gradient: its sign, its 1/N or a constant is wrong."""

from __future__ import annotations

from collections.abc import Iterable

from gradcheck.diagnosis.evidence import Evidence
from gradcheck.diagnosis.factor_findings import factor_findings
from gradcheck.diagnosis.fits import factor_fit, factors_by_size
from gradcheck.diagnosis.wording import factors_in_words, how_many
from gradcheck.report import Finding


def factor(evidence: Evidence) -> Iterable[Finding]:
    """a = c n in every known entry of every problem, with one law c = k N^a C^b for all of them.

    k, a and b are not fitted one by one: of all laws that hold within the bounds, the simplest is taken. A law that is
    1 at some batch size, N/8 at 8, is no missing mean: dS depends on the batch size.
    """
    fit = factor_fit(evidence)
    if fit is not None:
        law = fit.law
        right_somewhere = (
            law.rows
            and abs(law.constant) != 1
            and any(law.is_one_at(seen.rows, seen.classes) for seen in evidence.observations)
        )
        if law.is_one or right_somewhere:
            return []
        return factor_findings(law, how_many(fit.entries, evidence.observations))
    by_size = factors_by_size(evidence)
    if len(by_size) < 2 or any(each.holds(1.0) for each in by_size.values()):
        return []
    message = f"dS is a different multiple of the numerical gradient at each batch size: {factors_in_words(by_size)}"
    return [
        Finding("constant-factor", "error", message, "look for a factor that is made from N in one of the two only")
    ]
