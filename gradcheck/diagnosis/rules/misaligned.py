"""dS is right for other labels: shifted by a class, or those of other rows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from gradcheck.checking.case import BoolArray, Case
from gradcheck.diagnosis.evidence import Evidence
from gradcheck.diagnosis.factor_findings import factor_findings
from gradcheck.diagnosis.fits import Where, everywhere, factor_at, factor_fit
from gradcheck.diagnosis.known import IntArray, labels_of
from gradcheck.diagnosis.label_mistakes import CLASSES_SHIFTED, OTHERS, ROWS_MIXED_UP, ROWS_SHIFTED, Mistake
from gradcheck.diagnosis.laws import ONE, Law
from gradcheck.diagnosis.rule import LESS_SPECIFIC, rule
from gradcheck.report import Finding, FloatArray

#: Classes that are tried one by one.
_CLASSES = 10
#: Rows that show dS to be right for a fixed class.
_ROWS = 3


@rule("labels-misaligned", rank=20, implies=LESS_SPECIFIC)
def misaligned(evidence: Evidence) -> Iterator[Finding]:
    """dS(S, y) is the gradient for other labels, which dS can be made to show by calls with labels that are no y.

    Most other mistakes are ruled out without a call: where a mistake takes the right label, dS must be right. A factor
    may be at work as well, where dS as it is has none.
    """
    if any(labels_of(seen) is None for seen in evidence.observations) or not _most_wrong(evidence):
        return
    scaled = factor_fit(evidence) is None
    for mistake in (*CLASSES_SHIFTED, *ROWS_SHIFTED):
        if _may_be(evidence, _kept_by(mistake), scaled):
            answered = _given(evidence, mistake, scaled)
            law = _law(evidence, answered, _kept_by(mistake), scaled) if answered else None
            if law is not None:
                yield from _told(mistake.words, mistake.hint, law, answered, "given labels that make up for it")
                return
    yield from _fixed_class(evidence) or _rows_mixed_up(evidence, scaled)


def _told(words: str, hint: str, law: Law, answered: Sequence[Case], how: str) -> list[Finding]:
    """What dS takes for y, and by which factor it is off beyond that."""
    entries = sum(int(np.count_nonzero(seen.known)) for seen in answered)
    taken = f"dS takes the labels {words} where the value takes y"
    if law.is_one:
        return [_finding(f"{taken}: {how}, dS is right in all {entries} entries", hint)]
    found = f"{how}, dS is {law} times the numerical gradient in all {entries} entries"
    beside = factor_findings(law, f"in all {entries} entries, {how}", ": more than one defect is at work")
    return [_finding(f"{taken}, and a factor is a second defect: {found}", hint), *beside]


def _finding(message: str, hint: str) -> Finding:
    return Finding("labels-misaligned", "error", message, hint)


def _labels(seen: Case) -> IntArray:
    labels = labels_of(seen)
    assert labels is not None
    return labels


def _wrong_rows(seen: Case) -> BoolArray:
    return np.asarray(seen.wrong.any(axis=1))


def _kept_by(mistake: Mistake) -> Where:
    """The rows that a mistake leaves their label: N x C."""

    def kept(seen: Case) -> BoolArray:
        y = _labels(seen)
        rows = mistake.taken(y, seen.classes) == y
        return np.asarray(np.broadcast_to(rows[:, np.newaxis], seen.S.shape))

    return kept


def _one_label(seen: Case) -> BoolArray:
    """All rows, where they have the same label; else none."""
    return np.full(seen.S.shape, len(set(_labels(seen).tolist())) == 1)


def _may_be(evidence: Evidence, kept: Where, scaled: bool) -> bool:
    """Nothing is wrong in rows that are left their label, but perhaps by a factor."""
    return all(
        not np.any(seen.wrong & kept(seen)) or (scaled and factor_at(evidence, seen, kept(seen)) is not None)
        for seen in evidence.wrong
    )


def _gradient(evidence: Evidence, seen: Case, labels: IntArray) -> FloatArray:
    """What the loss returns as dS for other labels. One call."""
    y = labels.astype(seen.y.dtype) if seen.y.ndim == 1 else np.eye(seen.classes, dtype=seen.y.dtype)[labels]
    return evidence.ask.evaluate(seen.S, y).gradient


def _most_wrong(evidence: Evidence) -> list[Case]:
    """Two wrong problems, of different N where there are such, those that say most first; none where dS is wrong at
    kinks alone, which any labels explain."""
    telling = [seen for seen in evidence.wrong if np.any(seen.wrong & seen.known)]
    telling.sort(key=lambda seen: -int(_wrong_rows(seen).sum()))
    return [*telling[:1], *sorted(telling[1:], key=lambda seen: seen.rows == telling[0].rows)[:1]]


def _given(evidence: Evidence, mistake: Mistake, scaled: bool) -> list[Case]:
    """Problems with the dS that labels give which make up for a mistake; none where it is not right, nor scaled."""
    answered = []
    for seen in _most_wrong(evidence):
        assert mistake.given is not None
        there = replace(seen, analytic=_gradient(evidence, seen, mistake.given(_labels(seen), seen.classes)))
        if not _is_right(evidence, there, everywhere(there), scaled):
            return []
        answered.append(there)
    return answered


def _is_right(evidence: Evidence, seen: Case, where: BoolArray, scaled: bool) -> bool:
    """dS is the numerical gradient in some entries; or some multiple of it, where it may be scaled."""
    right = bool(evidence.same(seen, seen.analytic, seen.numerical)[where].all())
    return right or (scaled and factor_at(evidence, seen, where) is not None)


def _law(evidence: Evidence, answered: Sequence[Case], kept: Where, scaled: bool) -> Law | None:
    """The law of c in dS = c n, in what was answered for other labels and in the rows that are left their own."""
    if all(_is_right(evidence, seen, everywhere(seen), scaled=False) for seen in answered) and _may_be(
        evidence, kept, scaled=False
    ):
        return ONE

    def where(seen: Case) -> BoolArray:
        return everywhere(seen) if any(seen is each for each in answered) else kept(seen)

    both = replace(evidence, observations=(*answered, *evidence.observations))
    fit = factor_fit(both, where) if scaled else None
    return None if fit is None or fit.law.is_zero or fit.law.is_free else fit.law


def _fixed_class(evidence: Evidence) -> list[Finding]:
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
        return []
    for seen in _most_wrong(evidence):
        other = _gradient(evidence, seen, (_labels(seen) + 1) % seen.classes)
        if not _alike(evidence, seen, other).all():
            return []
    (label,) = right
    return [
        _finding(
            f"dS takes class {label} for the label of every row: it is the same for other labels, right in all {rows} "
            f"rows whose label is {label}, and wrong in rows of other labels",
            "index dS with the row's own label: dS[i, y[i]], dS[np.arange(N), y]",
        )
    ]


def _rows_mixed_up(evidence: Evidence, scaled: bool) -> list[Finding]:
    """dS is right where all rows have the same label, and else has the labels of other rows."""
    seen_mixed = [seen for seen in _most_wrong(evidence) if 1 < len(set(_labels(seen).tolist())) <= _CLASSES]
    if not seen_mixed or not _may_be(evidence, _one_label, scaled):
        return []
    candidates = [mistake for mistake in ROWS_MIXED_UP if _may_be(evidence, _kept_by(mistake), scaled)]
    answered, example = [], ""
    for seen in seen_mixed:
        there, fits = _with_one_label(evidence, seen, scaled)
        if not fits.any(axis=1).all():
            return []
        y = _labels(seen)
        candidates = [each for each in candidates if fits[np.arange(seen.rows), each.taken(y, seen.classes)].all()]
        row = int(np.argmax(_wrong_rows(seen)))
        example = example or f"row {row} has the label {y[row]} and the dS of {int(np.argmax(fits[row]))}"
        answered.append(there)
    law = _law(evidence, answered, _one_label, scaled)
    if law is None:
        return []
    words, hint = (candidates[0].words, candidates[0].hint) if candidates else ("of other rows", OTHERS)
    first = seen_mixed[0]
    where = f"{example} at batch size {first.rows}, {first.scores}, seed {first.seed}"
    return _told(words, hint, law, answered, f"with one label for all rows ({where})")


def _with_one_label(evidence: Evidence, seen: Case, scaled: bool) -> tuple[Case, BoolArray]:
    """A problem with the dS that each row has where all labels are its own, and the labels that dS is that of: N x C.

    Row i of dS(S, l, l, ..., l) is its gradient for label l, whichever row's label it takes: a call for each class. No
    label where dS is wrong though all are one.
    """
    y, dS = _labels(seen), seen.analytic.copy()
    fits = np.zeros(seen.S.shape, dtype=bool)
    for label in sorted(set(y.tolist())):
        all_alike = _gradient(evidence, seen, np.full_like(y, label))
        own = np.broadcast_to((y == label)[:, np.newaxis], seen.S.shape)
        dS = np.where(own, all_alike, dS)
        if not _is_right(evidence, replace(seen, analytic=dS), own, scaled):
            return seen, np.zeros_like(fits)
        fits[:, label] = _alike(evidence, seen, all_alike).all(axis=1)
    return replace(seen, analytic=dS), fits


def _alike(evidence: Evidence, seen: Case, dS: FloatArray) -> BoolArray:
    """N x C, where dS for other labels is dS for y, but for rounding."""
    room = 2 * seen.granted + evidence.rtol * np.maximum(np.abs(dS), np.abs(seen.analytic))
    return np.asarray(np.abs(dS - seen.analytic) <= room)
