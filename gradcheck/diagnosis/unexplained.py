"""What is said of a wrong dS when no cause fits: whether it is a gradient at all, and where it is wrong."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from gradcheck.checking.case import BoolArray, Case
from gradcheck.checking.evidence import Evidence
from gradcheck.diagnosis.known import labels_of
from gradcheck.report import Finding, FloatArray

#: Two slopes differ if they do so by this many times their errors.
_DIFFERENT = 20.0
#: Problems at which slopes are compared, at eight calls each, and the range of the step.
_PROBLEMS, _STEPS = 2, (2.0**-13, 2.0**-5)
#: A place is named if this part of its entries is wrong, and at most this part of that among all entries.
_IN_PLACE, _CONTRAST = 0.5, 0.8
#: A threshold is named if it has so many wrong entries on one side and right ones on the other.
_FEWEST = 4


def not_a_gradient(evidence: Evidence) -> Iterator[Finding]:
    """The Jacobian J of dS is not symmetric: the second derivatives of any function are (Schwarz's theorem)."""
    # Near a kink the two slopes may be taken on different sides of it; kinks are likely at round scores.
    smooth = [seen for seen in evidence.wrong if seen.S.size > 1 and not seen.is_round]
    for seen in sorted(smooth, key=lambda seen: -seen.rows)[:_PROBLEMS]:
        d1, d2 = np.random.default_rng(seen.S.shape).normal(size=(2, *seen.S.shape))
        (first, error), (second, other_error) = _slope(evidence, seen, d2, d1), _slope(evidence, seen, d1, d2)
        if abs(first - second) > _DIFFERENT * (error + other_error):
            message = (
                "dS is not the gradient of any function, because its Jacobian J is not symmetric: along two random "
                f"directions d1·J·d2 = {first:.6g} and d2·J·d1 = {second:.6g} ({drawn(seen)})"
            )
            hint = (
                "look at dS, not the value: something that depends on S is treated as a constant, or a term is missing"
            )
            yield Finding("not-a-gradient", "error", message, hint=hint)
            return


def _slope(evidence: Evidence, seen: Case, along: FloatArray, onto: FloatArray) -> tuple[float, float]:
    """onto·J·along by a central difference of dS, and a bound on its error. Four calls.

    Raises:
        Spent, LossDefect, OutOfTime: as ``Allowance.evaluate``.
    """
    size = np.abs(seen.analytic)
    rounding = np.maximum(seen.granted, np.finfo(np.float64).eps * size)
    h = float(np.clip(np.cbrt(np.max(rounding) / max(np.max(size), 1e-300)), *_STEPS))

    def central(h: float) -> float:
        after, before = (evidence.ask.evaluate(seen.S + t * along, seen.y, np.float64).gradient for t in (h, -h))
        return float(np.sum(onto * (after - before))) / (2 * h)

    fine, coarse = central(h), central(2 * h)
    return fine, abs(fine - coarse) + float(np.linalg.norm(onto * rounding)) / h


def no_known_cause(evidence: Evidence) -> Iterator[Finding]:
    """The last rule: it names the places where dS is wrong."""
    hint = "compare the terms of dS with the derivatives of the value's terms at these entries; `-v` lists them"
    message = f"no known cause fits; dS is {wrong_places(evidence)}"
    yield Finding("gradient-of-another-loss", "error", message, hint=hint)


def _targets(seen: Case) -> FloatArray:
    """N x C: one-hot labels, or labels of that shape; NaN for others."""
    labels = labels_of(seen)
    if labels is not None:
        return np.eye(seen.classes)[labels]
    return seen.y if seen.y.shape == seen.S.shape else np.full(seen.S.shape, np.nan)


_CATEGORIES: dict[str, Callable[[Case], Any]] = {
    "in rows with label": lambda seen: _targets(seen) @ np.arange(seen.classes)[:, np.newaxis],
    "at N =": lambda seen: seen.rows,
    "in class": lambda seen: np.arange(seen.classes),
}
_SCORES: dict[str, Callable[[Case], FloatArray]] = {
    "s_j": lambda seen: seen.S,
    "|s_j|": lambda seen: np.abs(seen.S),
    "s_j - s_y": lambda seen: seen.S - np.sum(seen.S * _targets(seen), axis=1, keepdims=True),
    "|s_j - y_j|": lambda seen: np.abs(seen.S - _targets(seen)),
}


def wrong_places(evidence: Evidence) -> str:
    """Where dS is wrong and what these entries have in common, with an example; it follows "dS is"."""
    problems = evidence.observations

    def entries(of: Callable[[Case], Any]) -> Any:
        """One number for each entry of all problems."""
        return np.concatenate([np.broadcast_to(of(seen), seen.S.shape).ravel() for seen in problems])

    wrong = entries(lambda seen: seen.wrong)
    shown = wrong | entries(lambda seen: seen.known & (seen.analytic != 0))  # a 0 that is right shows nothing
    places = [f"{words} {found}" for words, of in _CATEGORIES.items() if (found := _common(entries(of), wrong, shown))]
    for words, of in _SCORES.items():
        if not places and (found := _threshold(entries(of), wrong, shown)):
            one_hot = " (y one-hot)" if "y_j" in words and problems[0].y.ndim == 1 else ""
            places.append(f"where {words} {found}{one_hot}")
    errors = [np.where(seen.wrong, np.abs(seen.analytic - seen.numerical), -1.0) for seen in problems]
    error, seen = max(zip(errors, problems, strict=True), key=lambda pair: float(np.max(pair[0])))
    i, j = np.unravel_index(np.argmax(error), error.shape)
    return (
        f"wrong in {np.count_nonzero(wrong)} of {len(wrong)} entries{''.join(f', only {each}' for each in places)}; "
        f"the largest error is in dS[{i}, {j}] = {seen.analytic[i, j]:.6g}, where the numerical gradient is "
        f"{seen.numerical[i, j]:.6g} ({drawn(seen)})"
    )


def _common(numbers: FloatArray, wrong: BoolArray, shown: BoolArray) -> str:
    """The values that wrong entries have, if hardly any right ones have them; else empty."""
    values = np.unique(numbers[wrong & np.isfinite(numbers)])
    inside = np.count_nonzero(shown & np.isin(numbers, values))
    total = np.count_nonzero(wrong)
    is_special = inside and total >= _IN_PLACE * inside and inside <= _CONTRAST * np.count_nonzero(shown)
    return ", ".join(f"{value:g}" for value in values) if is_special else ""


def _threshold(numbers: FloatArray, wrong: BoolArray, shown: BoolArray) -> str:
    """The number at, above or below which all wrong entries lie and no right one, such as ``> 1``; else empty."""
    right = numbers[shown & ~wrong]
    if len(right) < _FEWEST or np.count_nonzero(wrong) < _FEWEST:
        return ""
    if float(np.ptp(numbers[wrong])) == 0 and not np.any(right == numbers[wrong][0]):
        return f"= {numbers[wrong][0]:g}"
    for sign, relation in ((1, ">"), (-1, "<")):
        low, high = float(np.max(sign * right)), float(np.min(sign * numbers[wrong]))
        between = (f"{sign * (low + high) / 2:.{digits}g}" for digits in range(1, 18))
        if low < high:
            return f"{relation} {next(each for each in between if low <= sign * float(each) <= high)}"
    return ""


def drawn(seen: Case) -> str:
    """How a problem was drawn, for the end of a message."""
    return f"batch size {seen.rows}, {seen.scores}, seed {seen.seed}"
