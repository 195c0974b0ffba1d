"""dS is the gradient for other labels: shifted by a class, those of other rows, or one class for every row."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

import numpy as np

from gradcheck.checking.case import BoolArray, Observation
from gradcheck.diagnosis.evidence import Evidence
from gradcheck.diagnosis.factor_findings import factor_findings
from gradcheck.diagnosis.fits import factor_fit
from gradcheck.diagnosis.known import IntArray, labels_of
from gradcheck.diagnosis.wording import how_many
from gradcheck.report import Finding, FloatArray

_FROM_ONE = "do the labels start at 0 or at 1? value and dS must take the same; an index of -1 is the last class"
_ROWS_MIXED = "value and dS must take the label of the same row"
#: Class counts above this would cost too many calls.
_MOST_CLASSES = 10
#: Rows that show dS to be right for a fixed class.
_ROWS = 3

#: Which labels dS takes, what to look at, and y and C to the labels that make dS take y.
_CLASSES: tuple[tuple[str, str, Callable[[IntArray, int], IntArray]], ...] = (
    ("y - 1", _FROM_ONE, lambda y, C: (y + 1) % C),
    ("y + 1", _FROM_ONE, lambda y, C: (y - 1) % C),
    ("C - 1 - y", "are the classes reversed in dS alone?", lambda y, C: C - 1 - y),
)
#: Which labels dS takes, what to look at, and y to these labels; what no other mistake explains comes last.
_OTHER_ROWS: tuple[tuple[str, str, Callable[[IntArray], IntArray | None]], ...] = (
    ("y[i - 1], the label of the row before,", "look for a roll, a shift or an index i - 1", lambda y: np.roll(y, 1)),
    ("y[i + 1], the label of the next row,", "look for a roll, a shift or an index i + 1", lambda y: np.roll(y, -1)),
    ("y in reverse, y[N - 1 - i],", "look for reversed or [::-1]", lambda y: y[::-1]),
    ("y in ascending order", "look for a sort of y", np.sort),
    ("y in descending order", "look for a sort of y", lambda y: np.sort(y)[::-1]),
    ("y[0] for every row", "index y with the row: y[i]", lambda y: np.full_like(y, y[0])),
    ("y[-1] for every row", "index y with the row: y[i]", lambda y: np.full_like(y, y[-1])),
    (
        "of other rows",
        "look for a shuffle, a sort or an order of rows that only one of the two goes by",
        lambda y: None,
    ),
)


def misaligned(evidence: Evidence) -> Iterable[Finding]:
    """Calls with other labels show for which labels dS is the gradient; a factor may be a second defect."""
    if any(labels_of(seen) is None for seen in evidence.observations) or factor_fit(evidence) is not None:
        return []
    tried = [seen for seen in evidence.wrong if np.any(seen.wrong & seen.known) and seen.classes > 1]
    tried.sort(key=lambda seen: -int(seen.wrong.any(axis=1).sum()))
    tried = [*tried[:1], *sorted(tried[1:], key=lambda seen: seen.rows == tried[0].rows)[:1]]
    return (
        (_shifted_classes(evidence, tried) or _fixed_class(evidence, tried) or _other_rows(evidence, tried))
        if tried
        else []
    )


def _labels(seen: Observation) -> IntArray:
    labels = labels_of(seen)
    assert labels is not None
    return labels


def _with_labels(evidence: Evidence, seen: Observation, labels: IntArray) -> Observation:
    """The problem with the dS that the loss returns for other labels. One call."""
    y = labels.astype(seen.y.dtype) if seen.y.ndim == 1 else np.eye(seen.classes, dtype=seen.y.dtype)[labels]
    return replace(seen, analytic=evidence.ask.evaluate(seen.S, y).gradient)


def _shifted_classes(evidence: Evidence, tried: Sequence[Observation]) -> list[Finding]:
    for words, hint, given in _CLASSES:
        answered = []
        for seen in tried:
            there = _with_labels(evidence, seen, given(_labels(seen), seen.classes))
            if factor_fit(replace(evidence, observations=(there,))) is None and there.rows > 1:
                break
            answered.append(there)
        found = (
            _findings(evidence, words, hint, answered, "called with labels that make up for it")
            if len(answered) == len(tried)
            else []
        )
        if found:
            return found
    return []


def _findings(evidence: Evidence, words: str, hint: str, answered: Sequence[Observation], how: str) -> list[Finding]:
    """dS takes other labels than the value, if dS = c n in what the loss answered for labels that make up for it."""
    made_up_for = replace(evidence, observations=tuple(answered))
    fit = factor_fit(made_up_for)
    if fit is None or fit.law.is_zero or fit.law.is_free:
        return []
    where = f"{how_many(fit.entries, made_up_for)}, {how}"
    taken = f"dS takes the labels {words} where the value takes y"
    if fit.law.is_one:
        return [Finding("labels-misaligned", "error", f"{taken}: dS is right {where}", hint)]
    second = f"{taken}, and a factor is a second defect: dS is {fit.law} times the numerical gradient {where}"
    beside = factor_findings(fit.law, where, ": more than one defect is at work")
    return [Finding("labels-misaligned", "error", second, hint), *beside]


def _fixed_class(evidence: Evidence, tried: Sequence[Observation]) -> list[Finding]:
    """dS is the same for any labels, and right in the rows of one class alone."""
    right: set[int] = set()
    wrong: set[int] = set()
    rows = 0
    for seen in evidence.observations:
        is_wrong = seen.wrong.any(axis=1)
        is_right = ~is_wrong & np.any(seen.analytic != 0, axis=1)
        right |= set(_labels(seen)[is_right].tolist())
        wrong |= set(_labels(seen)[is_wrong].tolist())
        rows += int(is_right.sum())
    if len(right) != 1 or right & wrong or rows < _ROWS:
        return []
    for seen in tried:
        there = _with_labels(evidence, seen, (_labels(seen) + 1) % seen.classes)
        if not _alike(evidence, seen, there.analytic).all():
            return []
    (label,) = right
    message = (
        f"dS takes class {label} for the label of every row: it is the same for other labels, right in all {rows} "
        f"rows whose label is {label}, and wrong in rows of other labels"
    )
    hint = "index dS with the row's own label: dS[i, y[i]], dS[np.arange(N), y]"
    return [Finding("labels-misaligned", "error", message, hint)]


def _other_rows(evidence: Evidence, tried: Sequence[Observation]) -> list[Finding]:
    """dS is right where all rows have the same label, and else has the labels of other rows.

    Row i of dS(S, l, l, ..., l) is its gradient for label l, whichever row's label it takes: a call for each label.
    """
    answered = [seen for seen in evidence.observations if len(set(_labels(seen).tolist())) == 1]
    mistakes, example, is_own = list(_OTHER_ROWS), "", True
    for seen in tried:
        y = _labels(seen)
        if not 1 < len(set(y.tolist())) <= _MOST_CLASSES:
            continue
        dS, taken = seen.analytic.copy(), np.zeros(seen.S.shape, dtype=bool)
        for label in set(y.tolist()):
            alone = _with_labels(evidence, seen, np.full_like(y, label)).analytic
            dS[y == label] = alone[y == label]
            taken[:, label] = _alike(evidence, seen, alone).all(axis=1)
        answered.append(replace(seen, analytic=dS))
        if not taken.any(axis=1).all():
            return []
        is_own &= _explains(y, taken)
        mistakes = [each for each in mistakes if _explains(each[2](y), taken)]
        row = int(np.argmax(seen.wrong.any(axis=1)))
        where = f"at batch size {seen.rows}, {seen.scores}, seed {seen.seed}"
        example = example or f"row {row} has the label {y[row]} and the dS of {int(np.argmax(taken[row]))} {where}"
    if not example or is_own:
        return []
    words, hint, _ = mistakes[0]
    hint = hint if "y[i]" in hint else f"{_ROWS_MIXED}: {hint}"
    return _findings(evidence, words, hint, answered, f"called with one label for all rows ({example})")


def _explains(labels: IntArray | None, taken: BoolArray) -> bool:
    return labels is None or bool(taken[np.arange(len(taken)), labels].all())


def _alike(evidence: Evidence, seen: Observation, dS: FloatArray) -> BoolArray:
    """N x C, where dS for other labels is dS for y, but for rounding."""
    tolerance = 2 * seen.granted + evidence.rtol * np.maximum(np.abs(dS), np.abs(seen.analytic))
    return np.asarray(np.abs(dS - seen.analytic) <= tolerance)
