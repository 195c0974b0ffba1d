"""Weights of rows, masks and ignored labels: the laws that hold of them, and what a mean over them is divided by."""

import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from typing import Any

import numpy as np

from gradcheck.checking.evidence import Allowance, Case, Evidence
from gradcheck.diagnosis.numbers import multiplier
from gradcheck.errors import LossDefect
from gradcheck.functions.answer import Answer
from gradcheck.functions.signatures import NAMES_OF_LABELS
from gradcheck.report import Array, BoolArray, Finding, FloatArray

#: What weights of the rows, and masks, are called.
_WEIGHTS = re.compile(r"(sample|row|instance|example)?_?weights?|sw|w", re.IGNORECASE)
_MASKS = re.compile(r".*(mask|valid|keep).*", re.IGNORECASE)
#: Two numbers are equal, or so far apart, by this part of them.
_EQUAL = 1e-9
_NOWHERE: BoolArray = np.zeros((), dtype=bool)
_WEIGHTS_HINT = "multiply the loss of each row by its weight, in the value and in dS"
_MASK_HINT = "multiply by the mask where rows or entries are summed, in the value and in dS"
_MEAN_HINT = "divide value and dS by the same: the number of rows, or the sum of the weights"


def laws(evidence: Evidence) -> Iterator[Finding]:
    """What is wrong with weights and masks among inputs, known by name: some 8 calls for each, at the largest batch."""
    case = max(evidence.observations, key=lambda each: each.rows)
    assert evidence.inspect is not None
    for name, array in _given(case) if case.rows > 1 else ():
        law = _Law(case, evidence.inspect, name, array, evidence.rtol)
        found: Iterator[Finding] = iter(())
        if _MASKS.fullmatch(name) and {*np.unique(array).tolist()} == {0, 1}:
            found = _of_mask(law)
        elif _WEIGHTS.fullmatch(name) and array.shape in ((case.rows,), (case.rows, 1)):
            found = _of_weights(law)
        # No error where dS is right: what is called so may be something else, as a margin or a target.
        yield from (each for each in found if each.severity == "note" or case.is_wrong)


def _given(case: Case) -> Iterator[tuple[str, Array]]:
    """By name, the arrays of N rows that are not differentiated."""
    for name in sorted(case.arguments.batched - {*case.arguments.layout.names}):
        if isinstance(array := case.arguments.values.get(name), np.ndarray):
            yield name, array


class _Law:
    """A function at a point with other weights, or another mask, or with some entries of its batch moved."""

    def __init__(self, case: Case, ask: Allowance, name: str, array: Array, rtol: float) -> None:
        self.case, self.name, self.array, self.rtol, self._ask = case, name, array, rtol, ask

    def at(self, array: Array, moved: BoolArray = _NOWHERE) -> Answer:
        """The answer for another array, with all entries of the other arrays of N rows moved where ``moved`` says."""
        arguments, x = self.case.arguments, self.case.S.copy()
        values = {**arguments.values, self.name: array.astype(self.array.dtype)}
        rng = np.random.default_rng(0)
        for name in sorted(arguments.batched - {self.name}):
            other = values.get(name)
            if not isinstance(other, np.ndarray) or other.dtype.kind != "f" or other.shape[: moved.ndim] != moved.shape:
                continue
            # Each by another amount: a softmax does not see what is added to all scores of a row, nor a difference what
            # is added to both.
            by = rng.uniform(0.5, 1.5, other.shape) * moved.reshape(*moved.shape, *[1] * (other.ndim - moved.ndim))
            for own in arguments.layout.inputs:
                if own.name == name:
                    x[0, own.entries] += by.ravel()
            values[name] = other + by
        return self._ask.evaluate(x, replace(arguments, values=values))


def _same(one: FloatArray | float, other: FloatArray | float) -> bool:
    size = np.max(np.abs(one)) + np.max(np.abs(other))
    return bool(np.max(np.abs(np.subtract(one, other))) <= _EQUAL * size)


def _ignored(law: _Law, other: Answer, code: str, hint: str) -> Finding | None:
    """The value, or dS, or neither of them follows another array."""
    case, name = law.case, law.name
    follows = not _same(other.value, case.value), not _same(other.gradient, case.analytic)
    words = {
        (False, False): f"neither the value nor dS changes with {name}, at the points that were tried",
        (True, False): f"dS does not change with {name}, and the value does",
        (False, True): f"the value does not change with {name}, and dS does",
    }
    return Finding(code, "error" if any(follows) else "note", words[follows], hint) if follows in words else None


def _of_weights(law: _Law) -> Iterator[Finding]:
    case, name, w = law.case, law.name, law.array
    factors = np.linspace(1.25, 3.0, case.rows).reshape(w.shape)
    if found := _ignored(law, law.at(factors * w), "weights-ignored", _WEIGHTS_HINT):
        yield found
        return
    doubled, told = law.at(2 * w), ""
    pairs = (doubled.value, case.value), (doubled.gradient, case.analytic)
    grows, stays = ([_same(now, times * before) for now, before in pairs] for times in (2, 1))
    if stays[0] and grows[1]:
        by_rows = _ratio(case, float(w.sum()) / case.rows, law.rtol)
        told = f"the value divides by the sum of {name}, and dS {'by N' if by_rows else 'does not'}"
    elif grows[0] and stays[1]:
        told = f"dS divides by the sum of {name}, and the value does not"
    if told:
        message = f"{told}: with {name} doubled, only one of them doubles"
        yield Finding("weights-ignored", "error", message, _MEAN_HINT)
    elif grows[0] or stays[0]:
        none, first = w.copy(), np.arange(case.rows) == 0
        none[0] = 0
        if not _same(law.at(none).value, law.at(none, moved=first).value):
            message = f"a row whose {name} is 0 still changes the value"
            yield Finding("weights-ignored", "note", message, _WEIGHTS_HINT)


def _of_mask(law: _Law) -> Iterator[Finding]:
    if found := _ignored(law, law.at(1 - law.array), "mask-ignored", _MASK_HINT):
        yield found
        return
    case = law.case
    for masked in (0, 1):
        where = law.array == masked
        if not _same(law.at(law.array, moved=where).value, case.value):
            continue
        for own in case.arguments.layout.inputs:
            wrong = case.wrong[0, own.entries].reshape(own.shape)
            if own.shape[: where.ndim] == where.shape and wrong[where].any() and not wrong[~where].any():
                message = f"dS is not 0 where {law.name} is {masked}, and the value does not change there"
                yield Finding("mask-ignored", "error", message, _MASK_HINT)


def average(evidence: Evidence) -> Iterator[Finding]:
    """dS is divided by N and the value by the rows, or entries, that count, or the other way round."""
    pairs = [(case, _totals(case)) for case in evidence.observations]
    for name in pairs[0][1]:
        if any(name not in totals for _, totals in pairs) or all(totals[name] == case.rows for case, totals in pairs):
            continue
        for divisor, other, power in ((name, "N", -1), ("N", name, 1)):
            if all(
                _ratio(case, (own[name] / case.rows) ** power, evidence.rtol) for case, own in pairs if own[name] > 0
            ):
                message = f"dS divides by {divisor} where the value divides by {other}"
                is_weights = _WEIGHTS.fullmatch(name.removeprefix("the sum of "))
                code = "weights-ignored" if is_weights else "mask-ignored"
                yield Finding(code, "error", message, _MEAN_HINT)
                return


def _totals(case: Case) -> dict[str, float]:
    """What a mean may be divided by in place of N, by what it is called."""
    if case.batch_size == 0:
        y = np.asarray(case.y)
        are_classes = y.ndim == 1 and y.dtype.kind in "iu"
        return {"the number of rows that are not ignored": float((y >= 0).sum())} if are_classes else {}
    named = [(name, each) for name, each in _given(case) if _WEIGHTS.fullmatch(name) or _MASKS.fullmatch(name)]
    return {f"the sum of {name}": float(array.sum()) for name, array in named}


def _ratio(case: Case, factor: float, rtol: float) -> bool:
    """Whether dS is so many times the numerical gradient in every entry that has a derivative."""
    a, n, bounds = (each[case.known] for each in (case.analytic, case.numerical, case.bounds + case.granted))
    interval = multiplier(n, a, bounds + rtol * np.abs(a), bounds)
    return interval is not None and interval.low <= factor <= interval.high


def ignored_rows(evidence: Evidence) -> Iterator[Finding]:
    """A row whose label is -1 is taken for one of the last class, or has a gradient."""
    for case in evidence.observations:
        named = case.arguments.values if case.batch_size else {"y": case.y}
        for name, y in named.items():
            are_labels = name.lower() in NAMES_OF_LABELS  # elsewhere -1 may be an index from the end
            if not are_labels or np.ndim(y) != 1 or y.dtype.kind != "i" or not (y == -1).any():
                continue
            if _counts_as_last(case, evidence, name, y):
                message = f"where {name} is -1, a row that is to be ignored counts as one of the last class"
                hint = "as an index, -1 is the last class: leave such rows out"
                yield Finding("mask-ignored", "error", message, hint)
                return
            if case.batch_size == 0 and case.wrong[y == -1].any() and not case.wrong[y != -1].any():
                message = "dS is wrong only in rows whose label is -1, which are to be ignored"
                yield Finding("mask-ignored", "error", message, "dS is 0 in such rows")
                return


def _counts_as_last(case: Case, evidence: Evidence, name: str, y: Array) -> bool:
    """Whether the value is the same with the last class in place of the label -1, and is not with the first."""
    sizes = {case.classes}
    if case.batch_size:
        sizes = {n for own in case.arguments.values.values() for n in np.shape(own)}

    def is_same_with(label: int) -> bool:
        other: Any = np.where(y == -1, label, y)
        if case.batch_size:
            other = replace(case.arguments, values={**case.arguments.values, name: other})
        assert evidence.inspect is not None
        with suppress(LossDefect):  # there may be fewer classes
            return _same(evidence.inspect.evaluate(case.S, other).value, case.value)
        return False

    return any(is_same_with(n - 1) for n in sizes if n > max(1, int(y.max()))) and not is_same_with(0)
