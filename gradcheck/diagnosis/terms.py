"""dS and the gradient of the value in the notes' own notation: ``p_j/N``, but ``p_j/N - 1{j=y}/N``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from gradcheck.checking.case import Case
from gradcheck.diagnosis.another_draw import another_draw
from gradcheck.diagnosis.dictionary import View, terms_for
from gradcheck.diagnosis.evidence import Allowance, Evidence, Spent
from gradcheck.diagnosis.fitting import Sample, fits, holds
from gradcheck.diagnosis.integrals import integral_of
from gradcheck.diagnosis.notation import Fit
from gradcheck.diagnosis.probing import are_one, probes_like, simplest
from gradcheck.errors import LossDefect, OutOfTime
from gradcheck.report import FloatArray

__all__ = ["Fit", "Terms", "explain_terms", "integral_of"]

#: dS has its own rounding for a tolerance, and needs no wider one than this.
_RTOL_OF_DS = 1e-9
#: A central difference is corrected by what dS tells, and where that is wrong by orders it can err by this.
_RTOL = 1e-7
#: Of a gradient that is nowhere larger, rounding to whole numbers leaves 0: that dS is 0 would say too much.
_HALF = 0.51


@dataclass(frozen=True)
class Terms:
    """What the two gradients of a loss are.

    Attributes:
        analytic: dS; None where a few terms do not say it.
        numerical: the gradient of the value; None likewise.
    """

    analytic: Fit | None
    numerical: Fit | None

    def sentence(self) -> str:
        """In one line, without a full stop."""
        if self.analytic is None:
            said = f"the gradient of your value is {self.numerical}, and your dS is not"
        elif self.numerical is None:
            said = f"your dS = {self.analytic}, the gradient of {integral_of(self.analytic)} and not of your value"
        else:
            said = f"your dS = {self.analytic}, but the gradient of your value is {self.numerical}"
        return f"{said}, where q_{{m,y}} = 1{{s_m - s_y + 1 > 0}}" if "q_{" in said else said


def explain_terms(evidence: Evidence) -> Terms | None:
    """Write dS and the numerical gradient as sums of a few terms.

    Args:
        evidence: of a wrong loss. What fits is tried at one more problem, for a few calls; without these only where
            problems of another N bore it out.

    Returns:
        None where that does not say what is wrong: neither is such a sum, or both are the same, or dS alone is one and
        it is the gradient of nothing.
    """
    seen = [each for each in evidence.observations if each.known.any()]
    views = [View(each.S, each.y) for each in seen]
    kinds = {terms_for(view) for view in views}
    if not evidence.wrong or len(kinds) != 1 or not (terms := kinds.pop()):
        return None
    rtol = min(evidence.rtol, _RTOL)
    samples = [_samples(each, view, rtol) for each, view in zip(seen, views, strict=True)]
    analytic, numerical = zip(*samples, strict=True)
    found = _borne_out([fits(analytic, terms), fits(numerical, terms)], evidence.ask, seen, rtol)
    probes = probes_like(views)
    ours, theirs = (simplest(each, probes) for each in found)
    if ours is not None and not ours.parts and max(_largest(s.gradient[s.entries]) for s in numerical) <= _HALF:
        ours = None
    if theirs is None and (ours is None or integral_of(ours) is None):
        return None
    if ours is not None and theirs is not None and are_one([ours, theirs], probes):
        return None
    return Terms(ours, theirs)


def _borne_out(found: list[list[Fit]], ask: Allowance, seen: Sequence[Case], rtol: float) -> list[list[Fit]]:
    """Those that hold at one more problem; where there can be none, all, if problems of another N were held out."""
    of_one_size = len({each.rows for each in seen}) == 1
    if not any(found):
        return found
    try:
        drawn = another_draw(ask, seen, rtol)
    except (Spent, LossDefect, OutOfTime):
        return [[], []] if of_one_size else found
    told = [sample.entries.any() or not of_one_size for sample in drawn]
    return [
        [fit for fit in each if tells and holds(fit, sample)]
        for each, sample, tells in zip(found, drawn, told, strict=True)
    ]


def _samples(seen: Case, view: View, rtol: float) -> tuple[Sample, Sample]:
    known = seen.known
    scale = max(_largest(seen.analytic[known]), _largest(seen.numerical[known]))
    return (
        Sample(view, seen.analytic, seen.granted, known, min(rtol, _RTOL_OF_DS), scale),
        Sample(view, seen.numerical, seen.bounds, known, rtol, scale),
    )


def _largest(gradient: FloatArray) -> float:
    return float(np.abs(gradient).max(initial=0.0))
