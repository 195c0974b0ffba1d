"""Rows are separate, and yet the value is neither their mean nor their sum."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from gradcheck.checking.case import Case
from gradcheck.diagnosis.evidence import Evidence
from gradcheck.diagnosis.fractions_ import number_in_words
from gradcheck.diagnosis.known import built_ins
from gradcheck.diagnosis.rule import rule
from gradcheck.diagnosis.values import Values
from gradcheck.report import Finding

#: Two weights of a row, or two values made of the same rows, are the same if they differ by no more than this part:
#: the weights come from differences of values, and a law tells them apart by far more.
_ALIKE = 1e-5
#: Problems of up to so many rows at which every row is asked for by itself.
_PROBLEMS, _ROWS = 2, 16


@dataclass(frozen=True)
class _Law:
    """What a row may count at N rows.

    Attributes:
        words: as one would write it.
        weight: N to what a row counts; not finite where it counts nothing that makes sense.
    """

    words: str
    weight: Callable[[int], float]


_LAWS = (
    _Law("1/N^2", lambda N: 1 / N**2),
    _Law("1/(N - 1)", lambda N: 1 / (N - 1) if N > 1 else math.nan),
    _Law("1/max(N - 1, 1)", lambda N: 1 / max(N - 1, 1)),
    _Law("1/(N + 1)", lambda N: 1 / (N + 1)),
    _Law("2/(N + 1)", lambda N: 2 / (N + 1)),
    _Law("1/sqrt(N)", lambda N: 1 / math.sqrt(N)),
    _Law("sqrt(N)", lambda N: math.sqrt(N)),
    _Law("1/log2(N)", lambda N: 1 / math.log2(N) if N > 1 else math.nan),
    _Law("N", lambda N: float(N)),
)
_HINT = "divide value and dS by N = S.shape[0], and once: then a step has the same size for every batch size"


@rule("not-the-mean", rank=130, applies="always")
def not_the_mean(evidence: Evidence) -> Iterator[Finding]:
    """Every row counts the same, and that is neither 1/N nor 1: beside a built-in's rows, or beside its own values.

    The weight of a row is seen where plans are chosen (``Case.row_weight``); it counts here only where the
    rows' own values, times that, make up the batch's: a loss that weighs rows by what it sees in a batch is no sum.
    """
    observations = evidence.observations
    if not observations or any(seen.by_rows for seen in observations):
        return
    told = _beside_a_built_in(observations) or _beside_its_own_rows(evidence)
    if told:
        yield Finding("not-the-mean", "warning", f"{told}; in a mean it is 1/N, in a sum 1", hint=_HINT)


def _beside_a_built_in(observations: Sequence[Case]) -> str:
    """How much of a built-in's row each row counts; empty where that is as it should be, or follows no law."""
    observations = [seen for seen in observations if not seen.is_round]
    rows = np.array([seen.rows for seen in observations])
    if len(set(rows.tolist())) < 2:  # a factor cannot be told from a function of N
        return ""
    values = Values(observations)
    for known in built_ins():
        sums = values.predicted(known, "sum")
        if sums is None or not np.any(sums):
            continue
        largest = int(np.argmax(np.abs(sums)))
        weight = float(values.own[largest] / sums[largest])
        if values.are(weight * rows[largest] / rows * sums):  # a mean, or a multiple of it
            continue
        if values.are(weight * sums):
            if abs(weight - 1) <= _ALIKE:
                continue
            return f"each row counts {number_in_words(weight, _ALIKE * abs(weight))} of {known.name}'s, whatever N is"
        for law in _LAWS:
            if values.are(np.array([law.weight(each) for each in rows.tolist()]) * sums):
                return f"each row counts {law.words} of {known.name}'s"
    return ""


def _beside_its_own_rows(evidence: Evidence) -> str:
    """How much of its own value each row counts; empty where nothing is known, or it is not every row."""
    weights = _weights(evidence.observations)
    if not weights or not _rows_make_up_the_value(evidence):
        return ""
    shown = ", ".join(f"{number_in_words(each, _ALIKE * abs(each))} at N = {N}" for N, each in weights.items())
    alike = [law.words for law in _LAWS if all(_same(law.weight(N), each) for N, each in weights.items())]
    counts = f"{alike[0]} of what it is worth alone ({shown})" if alike else f"{shown} of what it is worth alone"
    return f"each row counts {counts}"


def _weights(observations: Sequence[Case]) -> Mapping[int, float]:
    """What a row counts, by the number of rows; empty where two problems contradict each other."""
    found: dict[int, float] = {}
    for seen in observations:
        if seen.row_weight is not None and not _same(found.setdefault(seen.rows, seen.row_weight), seen.row_weight):
            return {}
    return dict(sorted(found.items()))


def _rows_make_up_the_value(evidence: Evidence) -> bool:
    """Whether rows' own values, times the weight, add up to the batch's: a call for each row of a few problems.

    A loss that leaves some rows out may leave out those that are worth nothing, which are many where scores tie: so
    other scores are drawn, and each row must be worth something.
    """
    ask = evidence.inspect or evidence.ask  # for right losses too
    weighed = [seen for seen in evidence.observations if seen.row_weight is not None and seen.rows <= _ROWS]
    tried = sorted(weighed, key=lambda seen: seen.rows)[:_PROBLEMS]
    told = False
    for seen in tried:
        assert seen.row_weight is not None
        S = seen.S + np.random.default_rng(seen.S.shape).normal(size=seen.S.shape)
        value = ask.evaluate(S, seen.y).value
        alone = [ask.evaluate(S[i : i + 1], seen.y[i : i + 1]).value for i in range(seen.rows)]
        if not np.min(np.abs(alone)) > _ALIKE * np.max(np.abs(alone)):
            continue
        told = True
        size = seen.row_weight * float(np.sum(np.abs(alone)))
        if not abs(value - seen.row_weight * float(np.sum(alone))) <= _ALIKE * abs(size):
            return False
    return told


def _same(one: float, other: float) -> bool:
    return abs(one - other) <= _ALIKE * max(abs(one), abs(other))
