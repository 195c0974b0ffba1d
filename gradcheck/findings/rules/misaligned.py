"""dS is right for other labels: shifted by a class, or those of other rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from gradcheck.findings.evidence import Evidence
from gradcheck.findings.known import IntArray, labels_of
from gradcheck.findings.rule import LESS_SPECIFIC, rule
from gradcheck.observation import BoolArray, Observation
from gradcheck.report import Finding, FloatArray

#: Problems that bear a mistake out by calls of their own.
_PROBLEMS = 2
#: Classes that are tried one by one.
_CLASSES = 10
#: Rows that show dS to be right for a fixed class.
_ROWS = 3

_Labels = Callable[[IntArray, int], IntArray]


@dataclass(frozen=True)
class _Mistake:
    """Labels that dS takes in place of y.

    Attributes:
        words: which.
        hint: what to look at.
        taken: y and C to the labels that dS takes.
        given: y and C to labels that make dS take y; None where there are no such, or they say nothing.
    """

    words: str
    hint: str
    taken: _Labels
    given: _Labels | None = None


_FROM_ONE = "do the labels start at 0 or at 1? value and dS must take the same; an index of -1 is the last class"
_ROWS_MIXED = "value and dS must take the label of the same row"

_CLASSES_SHIFTED = (
    _Mistake("y - 1", _FROM_ONE, lambda y, C: (y - 1) % C, lambda y, C: (y + 1) % C),
    _Mistake("y + 1", _FROM_ONE, lambda y, C: (y + 1) % C, lambda y, C: (y - 1) % C),
    _Mistake("C - 1 - y", "are the classes reversed in dS alone?", lambda y, C: C - 1 - y, lambda y, C: C - 1 - y),
)
_ROWS_SHIFTED = (
    _Mistake(
        "y[i - 1], the label of the row before,",
        f"{_ROWS_MIXED}: look for a roll, a shift or an index i - 1",
        lambda y, C: np.roll(y, 1),
        lambda y, C: np.roll(y, -1),
    ),
    _Mistake(
        "y[i + 1], the label of the next row,",
        f"{_ROWS_MIXED}: look for a roll, a shift or an index i + 1",
        lambda y, C: np.roll(y, -1),
        lambda y, C: np.roll(y, 1),
    ),
    _Mistake(
        "y in reverse, y[N - 1 - i],",
        f"{_ROWS_MIXED}: look for reversed or [::-1]",
        lambda y, C: y[::-1],
        lambda y, C: y[::-1],
    ),
)
_ROWS_MIXED_UP = (
    *_ROWS_SHIFTED,
    _Mistake("y in ascending order", f"{_ROWS_MIXED}: look for a sort of y", lambda y, C: np.sort(y)),
    _Mistake("y in descending order", f"{_ROWS_MIXED}: look for a sort of y", lambda y, C: np.sort(y)[::-1]),
    _Mistake("y[0] for every row", "index y with the row: y[i]", lambda y, C: np.full_like(y, y[0])),
    _Mistake("y[-1] for every row", "index y with the row: y[i]", lambda y, C: np.full_like(y, y[-1])),
)
_OTHERS = "look for a shuffle, a sort or an order of rows that only one of the two goes by"


@rule("labels-misaligned", rank=20, implies=LESS_SPECIFIC)
def misaligned(evidence: Evidence) -> Iterator[Finding]:
    """dS(S, y) is the gradient for other labels, which dS can be made to show by calls with labels that are no y.

    Most other mistakes are ruled out without a call: where a mistake takes the right label, dS must be right.
    """
    if any(labels_of(seen) is None for seen in evidence.observations) or not _most_wrong(evidence):
        return
    for mistake in (*_CLASSES_SHIFTED, *_ROWS_SHIFTED):
        entries = _entries_right_when_given(evidence, mistake) if _may_be(evidence, mistake) else 0
        if entries:
            yield _finding(
                f"dS takes the labels {mistake.words} where the value takes y: given labels that make up for it, dS is "
                f"right in all {entries} entries",
                mistake.hint,
            )
            return
    told = _fixed_class(evidence) or _rows_mixed_up(evidence)
    if told is not None:
        yield told


def _finding(message: str, hint: str) -> Finding:
    return Finding("labels-misaligned", "error", message, hint)


def _labels(seen: Observation) -> IntArray:
    labels = labels_of(seen)
    assert labels is not None
    return labels


def _wrong_rows(seen: Observation) -> BoolArray:
    return np.asarray(seen.wrong.any(axis=1))


def _may_be(evidence: Evidence, mistake: _Mistake) -> bool:
    """No row is wrong that the mistake leaves its label."""
    for seen in evidence.wrong:
        y = _labels(seen)
        if np.any(_wrong_rows(seen) & (mistake.taken(y, seen.classes) == y)):
            return False
    return True


def _gradient(evidence: Evidence, seen: Observation, labels: IntArray) -> FloatArray:
    """What the loss returns as dS for other labels. One call."""
    y = labels.astype(seen.y.dtype) if seen.y.ndim == 1 else np.eye(seen.classes, dtype=seen.y.dtype)[labels]
    return evidence.ask.evaluate(seen.S, y).gradient


def _most_wrong(evidence: Evidence) -> list[Observation]:
    """Wrong problems, those that say most first; none where dS is wrong at kinks alone, which any labels explain."""
    telling = [seen for seen in evidence.wrong if np.any(seen.wrong & seen.known)]
    return sorted(telling, key=lambda seen: -int(_wrong_rows(seen).sum()))[:_PROBLEMS]


def _entries_right_when_given(evidence: Evidence, mistake: _Mistake) -> int:
    """How many entries of dS are right, given labels that make up for the mistake; 0 where one is not."""
    entries = 0
    for seen in _most_wrong(evidence):
        assert mistake.given is not None
        given = mistake.given(_labels(seen), seen.classes)
        if not evidence.same(seen, _gradient(evidence, seen, given), seen.numerical).all():
            return 0
        entries += int(np.count_nonzero(seen.known))
    return entries


def _fixed_class(evidence: Evidence) -> Finding | None:
    """dS is the same for whatever labels, and right in the rows of one class alone."""
    right: set[int] = set()
    wrong: set[int] = set()
    rows = 0
    for seen in evidence.observations:
        amiss = _wrong_rows(seen)
        tells = np.any(seen.analytic != 0, axis=1)
        right |= set(_labels(seen)[~amiss & tells].tolist())
        wrong |= set(_labels(seen)[amiss].tolist())
        rows += int(np.count_nonzero(~amiss & tells))
    if len(right) != 1 or right & wrong or rows < _ROWS:
        return None
    for seen in _most_wrong(evidence):
        other = _gradient(evidence, seen, (_labels(seen) + 1) % seen.classes)
        if not _alike(evidence, seen, other).all():
            return None
    (label,) = right
    return _finding(
        f"dS takes class {label} for the label of every row: it is the same for other labels, right in all {rows} rows "
        f"whose label is {label}, and wrong in rows of other labels",
        "index dS with the row's own label: dS[i, y[i]], dS[np.arange(N), y]",
    )


def _rows_mixed_up(evidence: Evidence) -> Finding | None:
    """dS is right where all rows have the same label, and else has the labels of other rows."""
    seen_mixed = [seen for seen in _most_wrong(evidence) if 1 < len(set(_labels(seen).tolist())) <= _CLASSES]
    if not seen_mixed or any(seen.rows == 1 for seen in evidence.wrong):
        return None
    candidates = [mistake for mistake in _ROWS_MIXED_UP if _may_be(evidence, mistake)]
    entries, example = 0, ""
    for seen in seen_mixed:
        fits = _fitting_labels(evidence, seen)
        if fits is None:
            return None
        y = _labels(seen)
        candidates = [each for each in candidates if fits[np.arange(seen.rows), each.taken(y, seen.classes)].all()]
        row = int(np.argmax(_wrong_rows(seen)))
        example = example or f"row {row} has the label {y[row]} and the dS of {int(np.argmax(fits[row]))}"
        entries += int(np.count_nonzero(seen.known))
    words, hint = (candidates[0].words, candidates[0].hint) if candidates else ("of other rows", _OTHERS)
    where = f"at batch size {seen_mixed[0].rows}, {seen_mixed[0].scores}, seed {seen_mixed[0].seed}"
    return _finding(
        f"dS takes the labels {words} where the value takes y: {example} ({where}); with one label for all rows dS is "
        f"right in all {entries} entries",
        hint,
    )


def _fitting_labels(evidence: Evidence, seen: Observation) -> BoolArray | None:
    """For which labels of the batch a row's dS is right, N x C; None where dS is wrong though all labels are one.

    Row i of dS(S, l, l, ..., l) is its gradient for label l, whichever row's label it takes: a call for each class.
    """
    y = _labels(seen)
    fits = np.zeros(seen.S.shape, dtype=bool)
    for label in sorted(set(y.tolist())):
        dS = _gradient(evidence, seen, np.full_like(y, label))
        if not evidence.same(seen, dS, seen.numerical)[y == label].all():
            return None
        fits[:, label] = _alike(evidence, seen, dS).all(axis=1)
    return fits if fits.any(axis=1).all() else None


def _alike(evidence: Evidence, seen: Observation, dS: FloatArray) -> BoolArray:
    """N x C, where dS for other labels is dS for y, but for rounding."""
    room = 2 * seen.granted + evidence.rtol * np.maximum(np.abs(dS), np.abs(seen.analytic))
    return np.asarray(np.abs(dS - seen.analytic) <= room)
