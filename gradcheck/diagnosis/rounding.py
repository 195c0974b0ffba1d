"""Numbers that are rounded inside the loss: dS to decimals; the scores, the value or dS to half precision."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from gradcheck.checking.evidence import Evidence
from gradcheck.numerics.noise import effective_eps
from gradcheck.numerics.verdicts import UNRESOLVED
from gradcheck.report import Finding, Severity

#: Decimals that dS may be rounded to, and so many different numbers that need all of them.
_MOST_DECIMALS, _TELLING, _FEW = 12, 6, 50
#: The half precisions by their machine epsilons.
_NAMES = {2.0**-7: "bfloat16", 2.0**-10: "float16"}


def decimals(evidence: Evidence) -> Iterator[Finding]:
    """Every entry of dS is the numerical gradient rounded to so many decimals."""
    judged = [(seen.known, seen.analytic, seen.numerical, seen.bounds, seen.granted) for seen in evidence.observations]
    arrays = [np.array(numbers)[:, known] for known, *numbers in judged]
    dS, numerical, bounds, granted = np.concatenate([np.zeros((4, 0)), *arrays], axis=1)
    few = dS[:_FEW]  # which mostly tells, and many take long
    candidates = [k for k in range(1, _MOST_DECIMALS) if np.array_equal(np.round(few, k), few)]
    places = next((k for k in candidates if np.array_equal(np.round(dS, k), dS)), None)
    if places is None or len(set(dS[np.round(dS, places - 1) != dS].tolist())) < _TELLING:
        return
    half = 0.5 * 10.0**-places
    off, allowed = np.abs(dS - numerical), half + bounds + granted + evidence.rtol * np.abs(dS)
    if np.all(off <= allowed) and np.count_nonzero(off > bounds) >= _TELLING:
        severity: Severity = "error" if evidence.wrong else "note"
        message = f"dS is rounded to {places} decimal{'s' if places > 1 else ''}, which leaves it off by up to {half:g}"
        yield Finding("rounded", severity, message, "return dS as it is computed")


def half_precision(evidence: Evidence) -> Iterator[Finding]:
    """Why entries are unresolved: the scores, or else the value and dS, are rounded to half precision."""
    doubtful = [seen for seen in evidence.observations if (seen.verdicts == UNRESOLVED).any()]
    if not doubtful:
        return
    seen = max(doubtful, key=lambda each: (each.x_eps, not each.is_round, each.rows))
    what, name = "S is", _NAMES.get(seen.x_eps, "")
    if name:
        S, values = seen.S.copy(), []
        for number in (1.0, 1.0 + 2 * seen.x_eps):  # the same where steps are of one size at all scores
            S.reshape(-1)[np.argmax(np.abs(seen.analytic))] = number
            values.append(evidence.ask.evaluate(S, seen.y).value)
        name = name if values[0] != values[1] else ""
    if not name:
        # At scores of many sizes: whole numbers, or others of a fixed number of binary places, soon need more bits.
        largest = float(np.abs(seen.S).max()) or 1.0  # small scores would leave the value where it is
        sizes = np.geomspace(0.25, 16.0, 3 * _TELLING) / min(1.0, largest)
        answers = [evidence.ask.evaluate(size * seen.S, seen.y) for size in sizes]
        name, of_gradient = (
            _NAMES.get(effective_eps(numbers, np.finfo(np.float64).eps), "")
            for numbers in (np.array([each.value for each in answers]), np.array([each.gradient for each in answers]))
        )
        what = "the value and dS are" if name == of_gradient else "the value is"
    if name:
        message = f"{what} rounded to {name}: the value moves in steps, and what is unresolved cannot be told"
        yield Finding("rounded", "note", message, "compute in float64 to have the gradient checked")
