"""dS is the gradient for other labels: shifted by a class, those of other rows, or one class for every row."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

import numpy as np

from gradcheck.checking.case import BoolArray, Case
from gradcheck.checking.evidence import Evidence
from gradcheck.diagnosis.factors import MORE_DEFECTS, factor_findings, how_many
from gradcheck.diagnosis.fits import factor_fit
from gradcheck.diagnosis.known import IntArray, labels_of
from gradcheck.report import Finding

_FROM_ONE = "do the labels start at 0 or at 1? value and dS must take the same; an index of -1 is the last class"
_ORDER = "look for a shuffle, a sort or an order of rows that only one of value and dS goes by"
_SHIFT, _ONE_FOR_ALL = "look for a roll, a shift or an index", "index dS and y with the row: dS[np.arange(N), y]"
#: Class counts above this would cost too many calls.
_MOST_CLASSES = 10

#: Which labels dS takes, what to look at, and y and C to the labels that make dS take y.
_CLASSES: tuple[tuple[str, str, Callable[[IntArray, int], IntArray]], ...] = (
    ("y - 1", _FROM_ONE, lambda y, C: (y + 1) % C),
    ("y + 1", _FROM_ONE, lambda y, C: (y - 1) % C),
    ("C - 1 - y", "are the classes reversed in dS alone?", lambda y, C: C - 1 - y),
)
#: Which labels dS takes, what to look at, and y to these labels.
_OTHER_ROWS: tuple[tuple[str, str, Callable[[IntArray], IntArray]], ...] = (
    ("y[i - 1], the label of the row before,", f"{_SHIFT} i - 1", lambda y: np.roll(y, 1)),
    ("y[i + 1], the label of the next row,", f"{_SHIFT} i + 1", lambda y: np.roll(y, -1)),
    ("y in reverse, y[N - 1 - i],", "look for reversed or [::-1]", lambda y: y[::-1]),
    ("y in ascending order", _ORDER, np.sort),
    ("y in descending order", _ORDER, lambda y: np.sort(y)[::-1]),
    ("y[0] for every row", _ONE_FOR_ALL, lambda y: np.full_like(y, y[0])),
    ("y[-1] for every row", _ONE_FOR_ALL, lambda y: np.full_like(y, y[-1])),
)


def misaligned(evidence: Evidence) -> list[Finding]:
    """Calls with other labels show for which labels dS is the gradient; a factor may be a second defect."""
    if any(labels_of(seen) is None for seen in evidence.observations) or factor_fit(evidence) is not None:
        return []
    tried = [seen for seen in evidence.wrong if np.any(seen.wrong & seen.known) and seen.classes > 1]
    tried.sort(key=lambda seen: -int(seen.wrong.any(axis=1).sum()))
    tried = [*tried[:1], *sorted(tried[1:], key=lambda seen: seen.rows == tried[0].rows)[:1]]
    for words, hint, given in _CLASSES if tried else ():
        answered = [_with_labels(evidence, seen, given(_labels(seen), seen.classes)) for seen in tried]
        found = _findings(evidence, words, hint, answered, "called with labels that make up for it")
        if found:
            return found
    return _other_rows(evidence, tried)


def _labels(seen: Case) -> IntArray:
    labels = labels_of(seen)
    assert labels is not None
    return labels


def _with_labels(evidence: Evidence, seen: Case, labels: IntArray) -> Case:
    """The problem with the dS that the loss returns for other labels. One call."""
    y = labels.astype(seen.y.dtype) if seen.y.ndim == 1 else np.eye(seen.classes, dtype=seen.y.dtype)[labels]
    return replace(seen, analytic=evidence.ask.evaluate(seen.S, y).gradient)


def _findings(evidence: Evidence, words: str, hint: str, answered: Iterable[Case], how: str) -> list[Finding]:
    """dS takes other labels than the value, if dS = c n in what the loss answered for labels that make up for it."""
    made_up_for = replace(evidence, observations=tuple(answered))
    fit = factor_fit(made_up_for)
    if fit is None or fit.law.k == 0 or fit.law.is_free:
        return []
    where = f"{how_many(fit.entries, made_up_for)}, {how}"
    taken = f"dS takes the labels {words} where the value takes y"
    if fit.law.is_one:
        return [Finding("labels-misaligned", "error", f"{taken}: dS is right {where}", hint)]
    second = f"{taken}, and a factor is a second defect: dS is {fit.law} times the numerical gradient {where}"
    return [Finding("labels-misaligned", "error", second, hint), *factor_findings(fit.law, where, MORE_DEFECTS)]


def _other_rows(evidence: Evidence, tried: Sequence[Case]) -> list[Finding]:
    """dS is right where all rows have the same label, and else has the labels of other rows, or one for all."""
    answered = [seen for seen in evidence.observations if len(set(_labels(seen))) == 1]
    several = [seen for seen in tried if 1 < len(set(_labels(seen))) <= _MOST_CLASSES]
    tables = []
    for seen in several:
        repaired, table = _for_each_label(evidence, seen)
        answered.append(repaired)
        tables.append(table)
        if not table.any(axis=1).all():
            return []

    def takes(labels: Callable[[IntArray], IntArray]) -> bool:
        pairs = zip(several, tables, strict=True)
        return all(table[np.arange(seen.rows), labels(_labels(seen))].all() for seen, table in pairs)

    if takes(lambda y: y):  # dS does not depend on other rows' labels, or on none
        return []
    words, hint = next((each[:2] for each in _OTHER_ROWS if takes(each[2])), ("of other rows", _ORDER))
    seen, y = several[0], _labels(several[0])
    row = int(np.argmax(seen.wrong.any(axis=1)))
    example = f"row {row} has the label {y[row]} and the dS of {int(np.argmax(tables[0][row]))}"
    where = f"{example} at batch size {seen.rows}, {seen.scores}, seed {seen.seed}"
    return _findings(evidence, words, hint, answered, f"called with one label for all rows ({where})")


def _for_each_label(evidence: Evidence, seen: Case) -> tuple[Case, BoolArray]:
    """The problem with each row's dS for its own label, and N x C, for which labels a row's dS is what it was.

    Row i of dS(S, l, l, ..., l) is its gradient for label l, whichever row's label it takes: a call for each label.
    """
    y, dS, table = _labels(seen), seen.analytic.copy(), np.zeros(seen.S.shape, dtype=bool)
    for label in set(y.tolist()):
        alone = _with_labels(evidence, seen, np.full_like(y, label)).analytic
        dS[y == label] = alone[y == label]
        tolerance = 2 * seen.granted + evidence.rtol * np.maximum(np.abs(alone), np.abs(seen.analytic))
        table[:, label] = np.all(np.abs(alone - seen.analytic) <= tolerance, axis=1)
    return replace(seen, analytic=dS), table
