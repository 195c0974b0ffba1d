"""The value is that of one known loss and dS the gradient of another; or the value is not that of the loss meant."""

from collections.abc import Iterator, Sequence
from itertools import islice

import numpy as np

from gradcheck.checking.evidence import Case, Evidence
from gradcheck.diagnosis.conditions import drawn, wrong_places
from gradcheck.diagnosis.factors import factor_findings
from gradcheck.diagnosis.known import GradientMatch, Known, ValueMatch, Values, gradient_match, known_losses, recognised
from gradcheck.diagnosis.numbers import TINY, Law, around, constant_law, simplest_law
from gradcheck.errors import UsageError
from gradcheck.layout import Arguments
from gradcheck.report import Finding, FloatArray, Severity

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
#: Entries of dS may differ by this part of the largest.
_TINY = 1e-12
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
    name, its = known.built_in, ValueMatch(known).in_words()
    if np.all(np.abs(values.own - means) <= _HALF * np.abs(means)):
        where = f"in all {gradient.entries} entries, and the value is {its} to three digits"
        yield from factor_findings(gradient.law, where, of=f"{name}'s")
        return
    own, that = values.own[worst], means[worst]
    message = f"dS is {gradient.words}, but the value is not {its}: it is {own:.10g} where that is {that:.10g}"
    hint = f"if {name} is meant, the value is wrong: `gradcheck show {name}` has its formula; "
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
    """The value is a built-in's plus a constant, or its sum: a note. With ``--like`` how value and dS differ."""
    if evidence.like is not None:
        if evidence.observations or evidence.beside:  # else the loss broke its contract everywhere
            yield from _unlike(evidence, evidence.like)
    elif not evidence.wrong and len(evidence.observations) > 1:
        found = [match for match in recognised(evidence) if match.sign > 0]
        if found and not any(match == ValueMatch(match.known) for match in found):
            # At large scores several losses are equal up to a constant: the shortest is the likeliest.
            yield from _differences(min(found, key=lambda match: len(f"{match.offset:.9g}".rstrip("0"))), "note")


def _unlike(evidence: Evidence, known: Known) -> Iterator[Finding]:
    """How value and dS differ from those of the loss that is meant, and which of the two is wrong."""
    name, wrong = known.built_in, bool(evidence.wrong)
    seen = [each for each in (*evidence.observations, *evidence.beside) if known.at(each.S, each.y) is not None]
    if not seen:
        hint = f"{name} takes labels that are classes: labels.kind class or one-hot"
        raise UsageError(f"the value cannot be compared with {name}'s", hint=hint)
    dS = "the gradient" if isinstance(seen[0].y, Arguments) else "dS"
    is_right = not (wrong or evidence.beside)  # in every entry
    values, hint = Values(seen, _LIKE_RTOL), f"`gradcheck show {name}` has the formula" if known.formula else ""
    match, means, apart = values.match(known), values.means(known), _gradients_apart(seen, known)
    assert means is not None  # only problems that can be compared are left
    excess = np.abs(values.own - means) / values.tolerance(means, values.own)
    worst = int(np.argmax(excess))
    if match is not None and match.sign > 0 and match != ValueMatch(known):
        yield from _differences(match, "error")
    elif excess[worst] > 1:  # else both are 0 throughout
        factor, other = _factor(seen, values, means), _first_match(values, name) if known.formula else None
        message = f"the value is not {name}'s: {values.own[worst]:.10g} where {name} has {means[worst]:.10g}"
        message += f" ({drawn(seen[worst])})"
        if factor is not None:
            message += f"; {f'value and {dS} are' if apart and is_right else 'it is'} {factor} times that"
        elif other is not None:
            message += f"; it is {other.in_words()}"
        if wrong:
            message += f"; {dS} is not {name}'s either, {apart}" if apart else f"; {dS} is {name}'s: the value is wrong"
        yield Finding("unlike", "error", message, hint)
    elif apart:
        whose = f": the value is right and {dS} wrong" * wrong + f": {dS} is right, and {name}'s is wrong" * is_right
        yield Finding("unlike", "note", f"the value is {name}'s, and {dS} is not, {apart}{whose}", hint)
    elif wrong:
        yield Finding("unlike", "note", f"value and {dS} are {name}'s, which has the same mistake", hint)


def _factor(seen: Sequence[Case], values: Values, means: FloatArray) -> Law | None:
    """The law of the factor from a known loss's values to the own ones; None if there is none."""
    if (constant := values.multiple(means)) is not None:
        return constant_law(around(constant, _LIKE_RTOL))
    if not np.all(np.abs(means) > TINY) or len({each.rows for each in seen}) == 1:
        return None
    factors = [around(float(factor), _LIKE_RTOL) for factor in values.own / means]
    law = simplest_law([(each.rows, each.classes, near) for each, near in zip(seen, factors, strict=True)], classes=0)
    return law if law is not None and law.rows and not law.is_free else None


def _gradients_apart(observations: Sequence[Case], known: Known) -> str:
    """Where dS differs from the gradient of a known loss, away from kinks, and by how much; empty for nowhere."""
    differ, entries, most, words = 0, 0, 0.0, ""
    for seen in observations:
        L, dL = known.at(seen.S, seen.y) or (np.empty(0), np.empty(0))
        dS, its = seen.analytic / (seen.rows if seen.by_rows else 1), dL / len(L)
        size = np.maximum(np.abs(dS), np.abs(its))
        granted = np.where(np.isfinite(seen.granted), seen.granted, 0.0) + _LIKE_RTOL * size + _TINY * np.nanmax(size)
        compared = np.isfinite(its) & (seen.known if seen.judged else True)
        off = np.where(compared & (np.abs(dS - its) > granted), np.abs(dS - its) / np.maximum(size, TINY), 0.0)
        differ, entries = differ + int(np.count_nonzero(off)), entries + int(np.count_nonzero(compared))
        if np.max(off) > most:
            at, most = int(np.argmax(off)), float(np.max(off))
            row, column = divmod(at, off.shape[1])
            place = seen.y.layout.name(at) if isinstance(seen.y, Arguments) else f"S[{row}, {column}]"
            words = f"d{place} is {dS.flat[at]:.6g} where {known.built_in} has {its.flat[at]:.6g}"
            words += f", numerically {n:.6g}" if np.isfinite(n := seen.numerical.flat[at]) else ""
            words += f" ({drawn(seen)})"
    return words and f"in {differ} of {entries} entries, most where {words}"


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
