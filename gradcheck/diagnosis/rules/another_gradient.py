"""dS is the gradient of a known loss, or of what is left of one where a part of it is forgotten."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from gradcheck.diagnosis.changes import PAIRS, change_of
from gradcheck.diagnosis.evidence import Evidence
from gradcheck.diagnosis.gradients import GradientMatch, gradient_match
from gradcheck.diagnosis.known import Known, built_ins
from gradcheck.diagnosis.relatives import RELATIVES, Relative
from gradcheck.diagnosis.remembered import remembered
from gradcheck.diagnosis.values import ValueMatch, Values, told_apart
from gradcheck.report import Finding

_GRADIENT, _VALUE = "gradient-of-another-loss", "value-of-another-loss"


@dataclass(frozen=True, eq=False)
class _Seen:
    """Whose gradient dS is, beside the value.

    Attributes:
        match: the former.
        values: the user's.
        value: whose the value is, in words; empty where it is unknown.
        why: what is missing, and where; empty where that is unknown.
        is_sum: the value is a sum over the rows.
        others: the built-in whose the value is; empty where it is none's.
        gradient_is_off: dS is mistaken, for it is what the gradient of that built-in becomes by a mistake.
    """

    match: GradientMatch
    values: Values
    value: str = ""
    why: str = ""
    is_sum: bool = False
    others: str = ""
    gradient_is_off: bool = False

    @property
    def built_in(self) -> str:
        """The name of the built-in that dS is the gradient of, or of a relative of."""
        known = self.match.known
        return known.of if isinstance(known, Relative) else known.name


def gradient_of_another_loss(evidence: Evidence) -> Iterator[Finding]:
    """The value is known as well, and is another one's: what is missing in one of them can be told."""
    seen = _seen(evidence)
    if seen is not None and seen.value and not seen.gradient_is_off:
        either = f"`gradcheck show {seen.others}` and `gradcheck show {seen.built_in}` derive the two; one is meant"
        yield Finding(
            _GRADIENT,
            "error",
            f"dS is {seen.match.in_words(seen.is_sum)}, but the value is {seen.value}{seen.why}",
            hint=either if seen.others else f"look at the value: `gradcheck show {seen.built_in}` derives the loss",
        )


def gradient_of_a_relative(evidence: Evidence) -> Iterator[Finding]:
    """The value is a built-in's, and dS is what its gradient becomes where a part of it is forgotten."""
    seen = _seen(evidence)
    if seen is not None and seen.gradient_is_off:
        yield Finding(
            _VALUE,
            "error",
            f"the value is {seen.value}, but dS is {seen.match.in_words(seen.is_sum)}{seen.why}",
            hint=f"look at dS: `gradcheck show {seen.others}` derives the gradient that belongs to this value",
        )


def gradient_of_a_known_loss(evidence: Evidence) -> Iterator[Finding]:
    """The value is none that is known: where it is wrong says more, if that is in one place."""
    seen = _seen(evidence)
    if seen is None or seen.value:
        return
    known, values = seen.match.known, seen.values
    predicted = values.predicted(known, "mean")
    if predicted is None or values.match(known) is not None:
        return
    worst = next(k for k, each in enumerate(values.observations) if each.is_wrong)
    its = f"{known.name}'s" if known.name else f"mean({known.formula})"
    own, there = told_apart(float(values.own[worst]), float(predicted[worst]))
    yield Finding(
        _GRADIENT,
        "error",
        f"dS is {seen.match.in_words()}, but the value is not {its}: it is {own} where that is {there}",
        hint=f"look at the value: `gradcheck show {seen.built_in}` derives the loss that dS belongs to",
    )


@remembered
def _seen(evidence: Evidence) -> _Seen | None:
    matches = (gradient_match(evidence, known) for known in (*built_ins(), *RELATIVES))
    match = next((each for each in matches if each is not None), None)
    if match is None:
        return None
    values = Values(evidence.observations)
    if values.match(match.known) is not None:  # what is wrong is a factor
        return _Seen(match, values)
    known = match.known
    return _as_its_built_in(match, values) or _as_a_relative(match, values) or _as_another(match, values, known)


def _as_its_built_in(match: GradientMatch, values: Values) -> _Seen | None:
    """dS is the gradient of a relative of the built-in whose value it is."""
    known = match.known
    if not isinstance(known, Relative):
        return None
    value = values.match(next(each for each in built_ins() if each.name == known.of))
    return _with(match, values, value, f": {known.in_gradient}", gradient_is_off=True)


def _as_a_relative(match: GradientMatch, values: Values) -> _Seen | None:
    """The value is that of a relative, the relatives of the loss whose gradient dS is before others."""
    name = match.known.name
    for relative in sorted(RELATIVES, key=lambda each: each.of != name):
        why = f", not {name}'s: {relative.in_value}" if relative.of == name else ""
        if (seen := _with(match, values, values.match(relative), why)) is not None:
            return seen
    return None


def _as_another(match: GradientMatch, values: Values, known: Known) -> _Seen | None:
    """The value is that of another built-in, or something was done to the rows' losses."""
    for other in built_ins():
        why = PAIRS.get((other.name, known.name), "")
        # What is the gradient of a built-in by a factor alone was hardly taken from there.
        value = values.match(other)
        if (seen := _with(match, values, value, f": {why}" if why else "", gradient_is_off=match.is_free)) is not None:
            return seen
    return _Seen(match, values, change_of(values, known) or "")


def _with(
    match: GradientMatch, values: Values, value: ValueMatch | None, why: str, gradient_is_off: bool = False
) -> _Seen | None:
    if value is None:
        return None
    return _Seen(match, values, value.in_words(), why, value.reduction == "sum", value.known.name, gradient_is_off)
