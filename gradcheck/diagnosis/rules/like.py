"""The value beside that of a built-in: the same plus a constant, the sum in place of the mean, or neither.

Without ``--like`` a built-in is looked for, and what differs is a note. With it, it is an error.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from gradcheck.checking.case import Case
from gradcheck.diagnosis.evidence import Evidence
from gradcheck.diagnosis.fractions_ import number_in_words
from gradcheck.diagnosis.known import Known, built_in, built_ins, rows_of
from gradcheck.diagnosis.relatives import RELATIVES
from gradcheck.diagnosis.rule import rule
from gradcheck.diagnosis.values import ROUGHLY_ALIKE, ValueMatch, Values, told_apart
from gradcheck.errors import UsageError
from gradcheck.report import Finding, FloatArray, Severity

#: Whose label's own margin is 1, the constant that is left where it stays in the sum.
_HINGES = ("svm", "squared-hinge")


@rule("constant-offset", "sum-over-rows", "unlike", rank=100, applies="always")
def like(evidence: Evidence) -> Iterator[Finding]:
    """What the value is beside a built-in's."""
    if evidence.like is not None:
        seen = *evidence.observations, *evidence.beside
        if not seen:  # the loss broke its contract everywhere
            return
        known = built_in(evidence.like)
        values = Values(_comparable(known, seen), ROUGHLY_ALIKE)
        match = values.match(known)
        yield from _unlike(values, known) if match is None or match.sign < 0 else _told(match, "error")
    elif not evidence.wrong and len(evidence.observations) > 1:
        values = Values(evidence.observations)
        found = []
        for known in built_ins():
            match = values.match(known)
            if match is not None and match.is_exact:
                return
            if match is not None and match.sign > 0:
                found.append(match)
        if found:  # of several, at large scores for one, that with the simplest constant
            yield from _told(min(found, key=lambda each: len(f"{each.offset:.9g}".rstrip("0"))), "note")


def _comparable(known: Known, observations: Sequence[Case]) -> list[Case]:
    """The problems at which a built-in has a value.

    Raises:
        UsageError: there is none.
    """
    comparable = [seen for seen in observations if rows_of(known, seen) is not None]
    if not comparable:
        raise UsageError(
            f"the value cannot be compared with {known.name}'s",
            hint=f"{known.name} takes labels that are classes: labels.kind class or one-hot",
        )
    return comparable


def _told(match: ValueMatch, severity: Severity) -> Iterator[Finding]:
    name = match.known.name
    if match.reduction == "sum":
        yield Finding(
            "sum-over-rows",
            severity,
            f"the value is the sum of {name}'s rows, not their mean",
            hint="divide the value and dS by N, if the mean was meant",
        )
    if match.offset:
        each = " in each row" if match.reduction == "sum" else ""
        sign = "plus" if match.offset > 0 else "minus"
        own = match.offset == 1 and name in _HINGES
        why = ": perhaps the label's own margin, max(0, s_y - s_y + 1) = 1, is left in the sum" if own else ""
        yield Finding(
            "constant-offset",
            severity,
            f"the value is {name}'s {sign} {abs(match.offset):.6g}{each}{why}",
            hint=_OWN_MARGIN if own else "a constant has no derivative, so dS is right; look at the value",
        )


_OWN_MARGIN = "leave m = y out of the value's sum: set the label's margin to 0; dS is right as it is"


def _unlike(values: Values, known: Known) -> Iterator[Finding]:
    predicted = values.predicted(known, "mean")
    assert predicted is not None  # the problems were chosen so
    apart = np.abs(values.own - predicted) / values.room(predicted)
    worst = int(np.argmax(apart))
    if apart[worst] <= 1:  # both are 0 throughout
        return
    seen = values.observations[worst]
    own, there = told_apart(float(values.own[worst]), float(predicted[worst]))
    yield Finding(
        "unlike",
        "error",
        f"the value is not {known.name}'s: {own} where {known.name} has {there}"
        f" (at batch size {seen.rows}, {seen.scores}, seed {seen.seed}){_what_it_is(values, known, predicted)}",
        hint=f"`gradcheck show {known.name}` has the formula; the value is neither that plus a constant, nor its sum",
    )


def _what_it_is(values: Values, known: Known, predicted: FloatArray) -> str:
    """Whose value it is instead, where that is known."""
    factor = float(np.dot(values.own, predicted) / max(np.dot(predicted, predicted), 1e-300))
    if len(predicted) > 1 and values.are(factor * predicted):
        return f"; it is {number_in_words(factor, 1e-6 * abs(factor))} times that"
    for relative in RELATIVES:
        match = values.match(relative) if relative.of == known.name else None
        if match is not None:
            return f"; it is {match.in_words()}: {relative.in_value}"
    others = (values.match(each) for each in built_ins() if each.name != known.name)
    other = next((match for match in others if match is not None), None)
    return f"; it is {other.in_words()}" if other is not None else ""
