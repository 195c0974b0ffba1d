"""The value is that of one known loss and dS the gradient of another; or the value is not that of the loss meant."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import islice

import numpy as np

from gradcheck.checking.evidence import Evidence
from gradcheck.diagnosis.conditions import drawn, wrong_places
from gradcheck.diagnosis.factors import factor_findings
from gradcheck.diagnosis.known import (
    GradientMatch,
    ValueMatch,
    Values,
    built_in,
    gradient_match,
    known_losses,
    recognised,
)
from gradcheck.diagnosis.numbers import around, constant_law
from gradcheck.errors import UsageError
from gradcheck.report import Finding, Severity

_GRADIENT, _VALUE = "gradient-of-another-loss", "value-of-another-loss"
#: Why the value is mostly that of the first loss and dS the gradient of the second.
_REASONS = {
    ("brier", "softmax"): ": dS is not multiplied by the derivative of softmax (dL/dp stands where dL/ds belongs)",
    ("label-smoothing", "softmax"): ": dS has 1{j=y} where the smoothed target t_j belongs",
    ("focal", "softmax"): ": the factor (1 - p_y)^2 is in the value and not in dS",
    ("squared-hinge", "svm"): ": the square is in the value and not in dS",
    ("huber", "squared-error"): ": the value is linear beyond its threshold and dS is not",
    ("svm", "squared-hinge"): ": the square is in dS and not in the value",
}
#: With ``--like``, values may differ by this part: some of the loss may be computed in float32.
_LIKE_RTOL = 1e-6
#: As far apart as this, relatively, values may be because one is rounded to half precision.
_HALF = 2.0**-9


def value_and_gradient_known(evidence: Evidence) -> Iterator[Finding]:
    """Both are known and belong to different losses."""
    gradient, value = _different_losses(evidence)
    if gradient is None or value is None:
        return
    g, v, whose, show = gradient.known, value.known, value.in_words(), f"`gradcheck show {value.known.built_in}`"
    reason = "" if g.mistake or v.mistake else _REASONS.get((v.built_in, g.built_in), "")
    is_variant = g.built_in == v.built_in  # one of the other, or both of one
    if not v.mistake and (is_variant or abs(gradient.law.k) != 1):
        reason = f": {g.mistake} in dS" if is_variant else reason
        hint = f"look at dS: {show} derives the gradient of this value"
        yield Finding(_VALUE, "error", f"the value is {whose}, but dS is {gradient.words}{reason}", hint)
        return
    hint = f"decide which of the two is meant: {show} and `gradcheck show {g.built_in}` derive them"
    if is_variant:
        reason, hint = f", not {v.built_in}'s: {v.mistake} in the value", f"look at the value: {show} derives the loss"
    yield Finding(_GRADIENT, "error", f"dS is {gradient.words}, but the value is {whose}{reason}", hint)


def gradient_known(evidence: Evidence) -> Iterator[Finding]:
    """dS is the gradient of a known loss, and the value is that of no known loss."""
    gradient, value = _different_losses(evidence)
    if gradient is None or value is not None:
        return
    known, values = gradient.known, Values(evidence.observations)
    means, worst = values.means(known), evidence.observations.index(evidence.wrong[0])
    assert means is not None  # its gradient was compared
    if np.all(np.abs(values.own - means) <= _HALF * np.abs(means)):
        where = f"in all {gradient.entries} entries, and the value is {ValueMatch(known).in_words()} to three digits"
        for finding in factor_findings(gradient.law, where):
            yield replace(finding, message=finding.message.replace("the numerical", f"{known.built_in}'s"))
        return
    message = f"dS is {gradient.words}, but the value is not {ValueMatch(known).in_words()}: "
    message += f"it is {values.own[worst]:.10g} where that is {means[worst]:.10g}"
    hint = f"if {known.built_in} is meant, the value is wrong: `gradcheck show {known.built_in}` has its formula; "
    yield Finding(_GRADIENT, "error", message, f"{hint}if not, dS lacks a factor or a term")


def value_known(evidence: Evidence) -> Iterator[Finding]:
    """The value is that of a built-in, and dS is not its gradient."""
    for match in islice(recognised(evidence), 1):
        where = f"in all {len(evidence.observations)} problems"
        message = f"the value is {match.in_words()} {where}, and dS is not its gradient: {wrong_places(evidence)}"
        hint = f"look at dS: `gradcheck show {match.known.built_in}` derives the gradient of this value"
        yield Finding(_VALUE, "error", message, hint)


def _different_losses(evidence: Evidence) -> tuple[GradientMatch | None, ValueMatch | None]:
    """The loss whose gradient dS is and the one whose value it is, if known; None twice if both are the same."""
    gradient = next(filter(None, (gradient_match(evidence, known) for known in known_losses())), None)
    if gradient is None:
        return None, None
    values, known = Values(evidence.observations), gradient.known
    means = values.means(known)
    if values.match(known) is not None or (means is not None and values.multiple(means) is not None):
        return None, None  # dS is off by a factor
    return gradient, _first_match(values, known.built_in)


def _first_match(values: Values, name: str) -> ValueMatch | None:
    """The known loss whose value it is; a built-in and its variants are tried before the others."""
    losses = sorted(known_losses(), key=lambda known: known.built_in != name)
    return next(filter(None, map(values.match, losses)), None)


def like(evidence: Evidence) -> Iterator[Finding]:
    """The value is a built-in's plus a constant, or its sum: a note. With ``--like`` any difference is an error."""
    if evidence.like is not None:
        if evidence.observations or evidence.beside:  # else the loss broke its contract everywhere
            yield from _unlike(evidence, evidence.like)
    elif not evidence.wrong and len(evidence.observations) > 1:
        found = [match for match in recognised(evidence) if match.sign > 0]
        if found and not any(match == ValueMatch(match.known) for match in found):
            # At large scores several losses are equal up to a constant: the shortest is the likeliest.
            yield from _differences(min(found, key=lambda match: len(f"{match.offset:.9g}".rstrip("0"))), "note")


def _unlike(evidence: Evidence, name: str) -> Iterator[Finding]:
    known = built_in(name)
    seen = [each for each in (*evidence.observations, *evidence.beside) if known.at(each.S, each.y) is not None]
    if not seen:
        hint = f"{name} takes labels that are classes: labels.kind class or one-hot"
        raise UsageError(f"the value cannot be compared with {name}'s", hint=hint)
    values = Values(seen, _LIKE_RTOL)
    match, means = values.match(known), values.means(known)
    assert means is not None  # only problems that can be compared are left
    excess = np.abs(values.own - means) / values.tolerance(means, values.own)
    worst = int(np.argmax(excess))
    if match is not None and match.sign > 0:
        yield from _differences(match, "error")
    elif excess[worst] > 1:  # else both are 0 throughout
        factor, other = values.multiple(means), _first_match(values, name)
        instead = f"; it is {other.in_words()}" if other is not None else ""
        if factor is not None:
            instead = f"; it is {constant_law(around(factor, _LIKE_RTOL))} times that"
        message = f"the value is not {name}'s: {values.own[worst]:.10g} where {name} has {means[worst]:.10g}"
        hint = f"`gradcheck show {name}` has the formula"
        yield Finding("unlike", "error", f"{message} ({drawn(seen[worst])}){instead}", hint)


def _differences(match: ValueMatch, severity: Severity) -> Iterator[Finding]:
    name = match.known.built_in
    if match.reduction == "sum":
        message = f"the value is the sum of {name}'s rows, not their mean"
        yield Finding("sum-over-rows", severity, message, "divide the value and dS by N, if the mean was meant")
    if match.offset:
        message, hint = f"the value is {name}'s{match.offset_in_words()}", "a constant has no derivative: dS is right"
        if match.offset == 1 and name in ("svm", "squared-hinge"):
            message += ": perhaps the label's own margin, max(0, s_y - s_y + 1) = 1, is part of the sum"
            hint = "leave m = y out of the value's sum: set the label's margin to 0; dS is right as it is"
        yield Finding("constant-offset", severity, message, hint)
