"""Rules about nonsmooth points, problems that test nothing, and values that are neither a mean nor a sum of rows."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from gradcheck.checking.evidence import Evidence
from gradcheck.diagnosis.known import Values, built_ins
from gradcheck.diagnosis.numbers import Interval, number_in_words, simplest_law
from gradcheck.diagnosis.unexplained import drawn
from gradcheck.report import Finding

#: Two weights of a row are equal if they differ by less than this part: they are quotients of differences of values.
_RTOL = 1e-5
#: Every row is evaluated by itself at so many problems, of at most so many rows.
_PROBLEMS, _ROWS = 2, 16


def not_a_subgradient(evidence: Evidence) -> Iterator[Finding]:
    """Every wrong entry is at a kink, where any number between the derivatives on both sides would be right."""
    if any(np.any(seen.wrong & seen.known) for seen in evidence.observations):
        return
    right = sum(int(seen.known.sum()) for seen in evidence.observations)
    wrong = sum(int(seen.wrong.sum()) for seen in evidence.observations)
    seen = evidence.wrong[0]
    i, j = np.argwhere(seen.wrong)[0].tolist()
    message = (
        f"dS is right in all {right} entries that have a derivative, and wrong in {wrong} at kinks: dS[{i}, {j}] is "
        f"{seen.analytic[i, j]:.6g} at S[{i}, {j}] = {seen.S[i, j]:g} ({drawn(seen)}), which is not between the "
        "derivatives on both sides"
    )
    hint = (
        "look at what the code does where two scores are equal or a margin is exactly 0: count each tie once, and take "
        "one side of max(0, .) or the other"
    )
    yield Finding("not-a-subgradient", "error", message, hint=hint)


def removable_jump(evidence: Evidence) -> Iterator[Finding]:
    """Along an axis the value has the same limit from both sides, and another value at S itself."""
    for seen in [seen for seen in evidence.observations if seen.leaps.any()][:1]:
        i, j = np.argwhere(seen.leaps)[0].tolist()
        message = (
            f"the value is {seen.value:.6g} at S, but near {seen.value + float(seen.leaps[i, j]):.6g} as soon as "
            f"S[{i}, {j}] = {seen.S[i, j]:g} is a little larger or smaller ({drawn(seen)})"
        )
        hint = (
            "look for a comparison with ==, or for numbers that are dropped because of their value: a class with the "
            "same score as the label has a margin of exactly 1, too"
        )
        yield Finding("removable-jump", "error", message, hint=hint)


def vacuous(evidence: Evidence) -> Iterator[Finding]:
    """dS and the numerical gradient are 0 in every entry of every problem, and some of these are resolved."""
    observations = evidence.observations
    for seen in observations:
        is_flat = (np.abs(seen.numerical) <= seen.bounds) & (np.abs(seen.analytic) <= seen.granted) & ~seen.kinked
        if not is_flat.all():
            return
    if any(seen.known.any() for seen in observations):
        problems = f"{len(observations)} problems" if len(observations) > 1 else "the one problem"
        entries = sum(seen.S.size for seen in observations)
        message = f"dS and the numerical gradient are 0 in all {entries} entries of {problems}: nothing was tested"
        hint = "try larger or smaller scores, or more classes; if that changes nothing, the value does not depend on S"
        yield Finding("vacuous", "warning", message, hint=hint)


def not_the_mean(evidence: Evidence) -> Iterator[Finding]:
    """All rows have the same weight, and it is neither 1/N nor 1."""
    observations = evidence.observations
    if observations and not any(seen.by_rows for seen in observations):
        message = _constant_weight(evidence) or _weight_by_size(evidence)
        if message:
            hint = "divide value and dS by N = S.shape[0], and once: then a step has the same size at every batch size"
            yield Finding("not-the-mean", "warning", f"each row counts {message}; a mean has 1/N, a sum 1", hint=hint)


def _constant_weight(evidence: Evidence) -> str:
    """The multiple of the sum of a built-in's rows that the value is, if it is not 1; else empty."""
    observations = [seen for seen in evidence.observations if not seen.is_round]
    if len({seen.rows for seen in observations}) < 2:  # a constant cannot be told from a function of N
        return ""
    values = Values(observations)
    for known in built_ins():
        means = values.means(known)
        weight = None if means is None else values.multiple(values.rows * means)
        if weight is not None and not _equal(weight, 1):
            return f"{number_in_words(weight, _RTOL * abs(weight))} of {known.name}'s, at every N"
    return ""


def _weight_by_size(evidence: Evidence) -> str:
    """What each row counts of its value as a batch of its own, by N; empty if that is unknown, or rows differ."""
    weights: dict[int, float] = {}
    for seen in evidence.observations:
        if seen.row_weight is not None and not _equal(weights.setdefault(seen.rows, seen.row_weight), seen.row_weight):
            return ""
    if not weights or not _rows_add_up(evidence):
        return ""
    sizes = sorted(weights.items())
    shown = ", ".join(f"{number_in_words(weight, _RTOL * abs(weight))} at N = {N}" for N, weight in sizes)
    known = [(N, 2, Interval(weight - _RTOL * abs(weight), weight + _RTOL * abs(weight))) for N, weight in sizes]
    law = simplest_law(known, classes=0) if len(known) > 1 else None
    return f"{law} of its value alone ({shown})" if law and not law.is_free else f"{shown} of its value alone"


def _rows_add_up(evidence: Evidence) -> bool:
    """Whether the rows' own values times the weight add up to the value of the batch. One call for each row.

    A loss that leaves some rows out may leave out those of value 0, of which there are many at equal scores: so other
    scores are drawn, and each row must have a value other than 0.
    """
    ask = evidence.inspect or evidence.ask
    weighed = [seen for seen in evidence.observations if seen.row_weight is not None and seen.rows <= _ROWS]
    found = False
    for seen in sorted(weighed, key=lambda seen: seen.rows)[:_PROBLEMS]:
        S = seen.S + np.random.default_rng(seen.S.shape).normal(size=seen.S.shape)
        value, weight = ask.evaluate(S, seen.y).value, seen.row_weight or 0.0
        alone = np.array([ask.evaluate(S[i : i + 1], seen.y[i : i + 1]).value for i in range(seen.rows)])
        if np.min(np.abs(alone)) > _RTOL * np.max(np.abs(alone)):
            found = True
            if not abs(value - weight * float(np.sum(alone))) <= _RTOL * abs(weight) * float(np.sum(np.abs(alone))):
                return False
    return found


def _equal(one: float, other: float) -> bool:
    return abs(one - other) <= _RTOL * max(abs(one), abs(other))
