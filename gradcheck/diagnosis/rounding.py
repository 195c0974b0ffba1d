"""Numbers that are rounded inside the loss: dS to decimals; the scores, the value or dS to half precision."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from gradcheck.checking.case import Case
from gradcheck.checking.evidence import Evidence
from gradcheck.numerics.noise import effective_eps
from gradcheck.numerics.verdicts import UNRESOLVED
from gradcheck.report import Finding, FloatArray, Severity

#: Decimals that dS may be rounded to, and so many different numbers that need all of them.
_MOST_DECIMALS, _TELLING = 12, 6
#: Significant bits of the half precisions, the coarser one first: what is rounded to it passes for the other as well.
_BITS = {"bfloat16": 8, "float16": 11}
#: Scores below this leave a value in half precision where it is.
_SMALL = 0.1
#: Problems at which scores stand still, and scores that are moved alone.
_STILL, _ALONE = 3, 6


def decimals(evidence: Evidence) -> Iterator[Finding]:
    """Every entry of dS is the numerical gradient rounded to so many decimals."""
    judged = [(seen.known, seen.analytic, seen.numerical, seen.bounds, seen.granted) for seen in evidence.observations]
    arrays = [np.array(numbers)[:, known] for known, *numbers in judged]
    dS, numerical, bounds, granted = np.concatenate([np.zeros((4, 0)), *arrays], axis=1)
    places = next((k for k in range(1, _MOST_DECIMALS) if np.array_equal(np.round(dS, k), dS)), None)
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
    seen = max(doubtful, key=lambda each: (not each.is_round, each.rows))
    what, name = "S is", next((name for name, bits in _BITS.items() if _rounds_scores(evidence, seen, bits)), "")
    if not name:
        # At scores of many sizes: whole numbers, or others of a fixed number of binary places, soon need more bits.
        largest = max(float(np.abs(seen.S).max()), 1e-300)
        sizes = np.geomspace(0.25, 16.0, 3 * _TELLING) / (1.0 if largest > _SMALL else largest)
        answers = [evidence.ask.evaluate(size * seen.S, seen.y) for size in sizes]
        names = {2.0 ** (1 - bits): name for name, bits in _BITS.items()}
        name, of_gradient = (
            names.get(effective_eps(numbers, np.finfo(np.float64).eps), "")
            for numbers in (np.array([each.value for each in answers]), np.array([each.gradient for each in answers]))
        )
        what = "the value and dS are" if name == of_gradient else "the value is"
    if name:
        message = f"{what} rounded to {name}: the value moves in steps, and what is unresolved cannot be told"
        yield Finding("rounded", "note", message, "compute in float64 to have the gradient checked")


def _rounds_scores(evidence: Evidence, seen: Case, bits: int) -> bool:
    """Whether scores that are rounded to so many bits answer alike, and those a little further off do not."""
    mantissa, exponent = np.frexp(seen.S)
    rounded, rng = np.ldexp(np.round(np.ldexp(mantissa, bits)), exponent - bits), np.random.default_rng(bits)
    ulp = np.where(seen.S == 0, 0.0, np.ldexp(1.0, exponent - bits))

    def answer(scores: FloatArray) -> tuple[float, list[list[float]]]:
        found = evidence.ask.evaluate(scores, seen.y)
        return found.value, found.gradient.tolist()

    first = answer(rounded)
    if any(answer(rounded + ulp * rng.uniform(-0.2, 0.2, ulp.shape)) != first for _ in range(_STILL)):
        return False
    change = np.abs(seen.analytic * seen.S).ravel()
    moved = [entry for entry in np.argsort(-change)[:_ALONE] if change[entry] > 0]
    shifts = np.eye(seen.S.size)[moved].reshape(-1, *seen.S.shape)
    return bool(moved) and all(answer(rounded + 2 * ulp * shift) != first for shift in shifts)
