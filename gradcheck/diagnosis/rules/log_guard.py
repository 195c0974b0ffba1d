"""The value takes log(q + eps) of a probability q, and dS is that of log(q); or the other way round."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np

from gradcheck.checking.case import BoolArray, Case
from gradcheck.diagnosis.constants import short
from gradcheck.diagnosis.evidence import Evidence
from gradcheck.diagnosis.known import labels_of
from gradcheck.diagnosis.multiples import SLACK, Multiple, multiple_of
from gradcheck.diagnosis.rule import LESS_SPECIFIC, rule
from gradcheck.report import Finding, FloatArray

#: Probabilities below this have no inverse that is a float.
_SMALLEST = 1e-300
#: So many entries say something at least.
_FEWEST = 4
Place = Literal["value", "dS"]
_PLACES: tuple[Place, ...] = ("value", "dS")


@dataclass(frozen=True)
class _Kind:
    """What is guarded.

    Attributes:
        q: the probability.
        unit: what has one.
        stable: the value without a guard.
        gradient: and its derivative.
    """

    q: str
    unit: str
    stable: str
    gradient: str


_SOFTMAX = _Kind("p_y", "row", "log(sum_m e^{s_m}) - s_y, of scores less their row's maximum", "p_j - 1{j=y}")
_SIGMOID = _Kind("q_j", "entry", "log(1 + e^{-t_j s_j}), t_j = 1{j=y} - 1{j!=y}: np.logaddexp(0, -t*S)", "g_j - 1{j=y}")


@rule("log-guard", rank=25, implies=LESS_SPECIFIC | {"constant-factor"})
def log_guard(evidence: Evidence) -> Iterator[Finding]:
    """Each row of dS is the numerical gradient's times 1 + eps/p_y, with one eps for all rows of all problems."""
    for kind in (_SOFTMAX, _SIGMOID):
        probabilities = [_probabilities(kind, seen) for seen in evidence.observations]
        if any(q is None for q in probabilities):
            continue
        q = [each for each in probabilities if each is not None]
        for place in _PLACES:
            eps = _eps(evidence, q, place)
            if eps is not None:
                yield _finding(evidence, kind, place, eps)
                return


def _probabilities(kind: _Kind, seen: Case) -> FloatArray | None:
    """N x C, the probability whose logarithm an entry of dS is the derivative of; None where there is none."""
    labels = labels_of(seen)
    S = seen.S
    if kind is _SOFTMAX:
        if labels is None:
            return None
        e = np.exp(S - S.max(axis=1, keepdims=True))
        p_y = e[np.arange(len(S)), labels] / e.sum(axis=1)
        return np.repeat(p_y[:, np.newaxis], seen.classes, axis=1)
    if labels is not None:
        is_one = np.arange(seen.classes) == labels[:, np.newaxis]
    elif seen.y.shape == S.shape and np.all((seen.y == 0) | (seen.y == 1)):
        is_one = seen.y == 1
    else:
        return None
    return np.asarray(np.exp(-np.logaddexp(0, np.where(is_one, -S, S))))


def _eps(evidence: Evidence, probabilities: list[FloatArray], place: Place) -> Multiple | None:
    """The one eps of n (1 + eps/q) = dS where the value has the guard, of dS (1 + eps/q) = n where dS has it."""
    seen_at = [
        _Sides(each, q, *((each.numerical, each.analytic) if place == "value" else (each.analytic, each.numerical)))
        for each, q in zip(evidence.observations, probabilities, strict=True)
    ]
    guesses = np.concatenate([each.guesses for each in seen_at])
    if not len(guesses):
        return None
    about = max(float(np.median(guesses)), 0.0)
    found = multiple_of(
        [each.differences for each in seen_at],
        [each.ratios for each in seen_at],
        [each.bounds(about) for each in seen_at],
        [float(np.max(np.abs(each.free))) for each in seen_at],
    )
    if found is None or found.constant < 0:
        return None
    told = [said & (each.guarded[each.counted] != 0) for each, said in zip(seen_at, found.telling, strict=True)]
    factors = [each.factors(about, said) for each, said in zip(seen_at, told, strict=True)]
    low, high = (np.concatenate(ends) for ends in zip(*factors, strict=True))
    return found if len(low) >= _FEWEST and low.max() > high.min() else None


@dataclass(frozen=True, eq=False)
class _Sides:
    """dS and the numerical gradient at one problem: which of them has the guard.

    Attributes:
        seen: the problem.
        q: N x C probabilities.
        guarded, free: N x C.
    """

    seen: Case
    q: FloatArray
    guarded: FloatArray
    free: FloatArray

    @property
    def counted(self) -> BoolArray:
        """N x C, entries that are known, of probabilities that have an inverse."""
        return np.asarray(self.seen.known & (self.q > _SMALLEST))

    @property
    def ratios(self) -> FloatArray:
        return (self.guarded / np.maximum(self.q, _SMALLEST))[self.counted]

    @property
    def differences(self) -> FloatArray:
        return (self.free - self.guarded)[self.counted]

    @property
    def guesses(self) -> FloatArray:
        """eps by each entry that says something."""
        says = np.abs(self.differences) > 10 * self.bounds(0.0)
        ratios = self.ratios[says]
        return np.asarray(self.differences[says][ratios != 0] / ratios[ratios != 0])

    def factors(self, eps: float, which: BoolArray) -> tuple[FloatArray, FloatArray]:
        """Between what two numbers free / guarded lies in some entries: were it one for all, there were no guard."""
        guarded = np.abs(self.guarded[self.counted][which])
        factor, off = self.free[self.counted][which] / self.guarded[self.counted][which], self.bounds(eps)[which]
        return factor - SLACK * off / guarded, factor + SLACK * off / guarded

    def bounds(self, eps: float) -> FloatArray:
        """How far the differences may be off: what has the guard counts 1 + eps/q times."""
        own = self.seen.bounds if self.guarded is self.seen.numerical else self.seen.granted
        with np.errstate(invalid="ignore"):
            bounds = self.seen.bounds + self.seen.granted + own * eps / np.maximum(self.q, _SMALLEST)
        return np.asarray(bounds[self.counted])


def _finding(evidence: Evidence, kind: _Kind, place: Place, found: Multiple) -> Finding:
    eps = short(found.constant, max(2 * found.uncertainty / found.constant, 1e-9))
    worst = 0.0
    for seen in evidence.wrong:
        size = np.maximum(np.abs(seen.analytic), np.abs(seen.numerical))
        worst = max(worst, float(np.max(np.abs(seen.analytic - seen.numerical)[seen.wrong] / size[seen.wrong])))
    q, unit = kind.q, kind.unit
    of = "" if kind is _SOFTMAX else " (q_j = g_j = 1/(1 + e^{-s_j}) where j = y, 1 - g_j elsewhere)"
    if place == "value":
        message = (
            f"each {unit} of dS is the numerical gradient's times 1 + eps/{q}, with eps = {eps}: the value takes "
            f"log({q} + eps) and dS is that of log({q}), off by up to {worst:.1e}{of}"
        )
        hint = f"take eps out of the value: {kind.stable}; or multiply dS by {q}/({q} + eps)"
    else:
        message = (
            f"each {unit} of the numerical gradient is dS's times 1 + eps/{q}, with eps = {eps}: dS has {q} + eps "
            f"for {q}, and the value has log({q}); dS is off by up to {worst:.1e}{of}"
        )
        hint = f"take eps out of dS: it is {kind.gradient}, which divides by no probability"
    return Finding("log-guard", "error", message, hint=hint)
