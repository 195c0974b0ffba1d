"""Where the gradient of one input of a function is wrong: indices, conditions, factors of an axis, batch sizes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from gradcheck.checking.case import BoolArray
from gradcheck.diagnosis.input_rules import SLACK, InputSeen, Seen, alike, flat
from gradcheck.diagnosis.numbers import constant_law, multiplier, plain, simplest_law
from gradcheck.report import Finding, FloatArray

_LOOP_HINT = "look at the ranges of loops and slices along that axis: where they begin and end, and their stride"
#: By how the words for the indices end.
_INDEX_HINTS = {
    "more than once": "add up what belongs to the same index: np.add.at",
    "that y has": "look at what is added at the labels alone: the label's own term",
}


def by_sign(seen: Seen) -> Iterator[Finding]:
    """dS = c n, with one c where x > 0 and another where it is not."""
    told = []
    for sides in ([each.known & (each.x > 0) for each in seen], [each.known & ~(each.x > 0) for each in seen]):
        if sum(int(side.sum()) for side in sides) < 2:
            return
        ratios = [each.multiple(side) for each, side in zip(seen, sides, strict=True)]
        law = None if None in ratios else simplest_law([(1, 1, each) for each in ratios if each], classes=0)
        is_zero = all(
            np.all(np.abs(each.numerical) <= each.bounds, where=s) for each, s in zip(seen, sides, strict=True)
        )
        if law is None and not is_zero:
            return
        zero = "right" if is_zero else "0, where the gradient is not"
        told.append("not 0, where the gradient is" if law is None else f"{law} times the gradient" if law.k else zero)
    hint = "look at the mask or the slope: which side of 0 it belongs to"
    message = f"dS is {told[0]} where {seen[0].name} > 0, and {told[1]} where it is not"
    yield Finding("one-region", "error", message, hint)


def of_each_index(seen: Seen) -> Iterator[Finding]:
    """dS is n times a factor of each index along one axis: another input's entry, or its inverse, or any number."""
    for axis in range(seen[0].x.ndim if seen[0].x.ndim > 1 else 0):
        factors = [_factors_along(each, axis) for each in seen]
        known = [(each, f) for each, f in zip(seen, factors, strict=True) if f is not None and f.size]
        if not known or any(f is None for f in factors):
            continue
        for key in seen[0].values:
            pairs = [(np.asarray(each.values[key]), f) for each, f in known]
            if any(array.shape != f.shape or array.dtype.kind not in "fiu" for array, f in pairs):
                continue
            for words, power in (("divided by", 1), ("times", -1)):
                if all(np.allclose(f * array.astype(float) ** power, 1, rtol=1e-5) for array, f in pairs):
                    message = f"dS is the numerical gradient {words} {key}, along axis {axis}"
                    hint = f"look at where {key} enters the value, and where its factor is in dS"
                    yield Finding("row-factor", "error", message, hint)
                    return
        some = known[0][1]
        shown = ", ".join(plain(float(each), 3) for each in some[:4]) + (", …" if len(some) > 4 else "")
        message = f"dS is the numerical gradient times a factor of each index of axis {axis}: {shown}"
        yield Finding("row-factor", "error", message, "look for a factor that is the same along the other axes")
        return


def _factors_along(each: InputSeen, axis: int) -> FloatArray | None:
    """For each index of an axis, dS / n if it is one number there; empty where all is 0, None if there is none."""
    if not each.significant.any():
        return np.zeros(0) if each.equal(each.analytic, each.numerical) else None
    chosen = np.moveaxis(each.significant, axis, 0).reshape(each.x.shape[axis], -1)
    a, n, bounds = (
        np.moveaxis(own, axis, 0).reshape(chosen.shape) for own in (each.analytic, each.numerical, each.bounds)
    )
    if np.any(chosen.sum(axis=1) < 2):
        return None
    found = [multiplier(n[k][c], a[k][c], bounds[k][c] + 1e-6 * np.abs(a[k][c])) for k, c in enumerate(chosen)]
    if None in found:
        return None
    factors = np.array([interval.middle for interval in found if interval])
    own = factors.reshape([-1 if k == axis else 1 for k in range(each.x.ndim)])
    return factors if each.equal(each.analytic, own * each.numerical) else None


def indices(seen: Seen) -> Iterator[Finding]:
    """Wrong at some indices of an axis: the same in all problems, or those that an array of integers names."""
    wrong = [each for each in seen if each.wrong.any()]
    dimensions = len(wrong[0].input.shape)
    for axis in range(dimensions):
        others = tuple(k for k in range(dimensions) if k != axis)
        is_wrong = [np.asarray(each.wrong.any(axis=others)) for each in wrong]
        is_right = [
            np.asarray((each.known & ~each.wrong).any(axis=others)) & ~own
            for each, own in zip(wrong, is_wrong, strict=True)
        ]
        if not any(each.any() for each in is_right) or (dimensions > 1 and sum(each.wrong.sum() for each in wrong) < 2):
            continue
        words = _named_indices(wrong, is_wrong, is_right) if sum(map(np.sum, is_wrong)) > 1 else ""
        words = words or fixed_indices([np.flatnonzero(w).tolist() for w in is_wrong], [len(w) for w in is_wrong])
        if words:
            where = f"{words} of axis {axis}" if dimensions > 1 else words
            hint = next((hint for end, hint in _INDEX_HINTS.items() if words.endswith(end)), _LOOP_HINT)
            only = "" if where.startswith("all") else "only "
            message = f"dS is wrong {only}at {where}, and right elsewhere{_difference(wrong)}"
            yield Finding("one-region", "error", message, hint)
            return


def fixed_indices(wrong: list[list[int]], sizes: list[int]) -> str:
    """The same indices in every problem, counted from the front or from the back; empty if they are not."""
    pairs, own = list(zip(wrong, sizes, strict=True)), wrong[0]
    if len(own) > 1 and all(each == list(range(size - 1)) for each, size in pairs):
        return "all indices but the last"
    if len(own) > 1 and all(each == list(range(1, size)) for each, size in pairs):
        return "all indices but the first"
    is_run = own == list(range(own[0], own[-1] + 1))
    if all(each == own for each in wrong) and (is_run or len(own) <= 3):
        if len(own) == 1:
            return f"index {own[0]}, the last," if own == [sizes[0] - 1] != [0] else f"index {own[0]}"
        return f"indices {own[0]} to {own[-1]}" if is_run else f"indices {', '.join(map(str, own))}"
    from_back = [index - sizes[0] for index in own]
    if len(own) <= 3 and all([index - size for index in each] == from_back for each, size in pairs):
        return "the last index" if from_back == [-1] else f"indices {', '.join(map(str, from_back))}"
    for step in (2, 3):
        for first in range(step):
            if all(each == list(range(first, size, step)) for each, size in pairs):
                return f"every index {first} + {step}k"
    return ""


def _named_indices(seen: Seen, is_wrong: list[BoolArray], is_right: list[BoolArray]) -> str:
    """The indices that an array of integers holds: at all, more than once, or not."""
    for key, value in seen[0].values.items():
        if np.asarray(value).dtype.kind not in "iu" or not np.ndim(value):
            continue
        counts = []
        for each, own in zip(seen, is_wrong, strict=True):
            array = np.asarray(each.values[key])
            if array.min() < 0 or array.max() >= len(own):
                break
            counts.append(np.bincount(array.ravel(), minlength=len(own)))
        else:
            for words, holds in (
                (f"the indices that {key} has more than once", [count > 1 for count in counts]),
                (f"the indices that {key} has", [count > 0 for count in counts]),
                (f"the indices that {key} has not", [count == 0 for count in counts]),
                (
                    f"the first index in {key}",
                    [_is_at(each, key, 0, count) for each, count in zip(seen, counts, strict=True)],
                ),
            ):
                if all(
                    not np.any(w & ~h) and not np.any(r & h) for w, r, h in zip(is_wrong, is_right, holds, strict=True)
                ):
                    return words
    return ""


def _is_at(each: InputSeen, key: str, place: int, count: npt.NDArray[Any]) -> BoolArray:
    mask = np.zeros(len(count), dtype=bool)
    mask[np.asarray(each.values[key]).ravel()[place]] = True
    return mask


def masked(seen: Seen) -> Iterator[Finding]:
    """dS changes with entries of an array that a mask takes out of the value."""
    each = max((one for one in seen if one.wrong.any()), key=lambda one: one.case.rows)
    constants = {key: own for key, own in each.values.items() if key not in each.case.arguments.layout.names}
    for name, mask in constants.items():
        is_out = np.asarray(mask) == 0
        for key, own in constants.items():
            if key == name or np.shape(own) != is_out.shape or not is_out.any() or np.asarray(own).dtype.kind != "f":
                continue
            there = each.answer_at(**{key: np.where(is_out, own + 1.0, own)})
            if there.value == each.case.value and np.any(each.own(there.gradient) != each.analytic):
                message = f"dS changes with {key} where {name} is 0, and the value does not"
                yield Finding("one-region", "error", message, f"multiply by the mask {name} in dS as in the value")
                return


def condition(seen: Seen) -> Iterator[Finding]:
    """Wrong wherever a condition on an array of the same shape holds, and right where it does not."""
    wrong, known = flat([each.wrong for each in seen]), flat([each.known | each.wrong for each in seen])

    def conditions() -> Iterator[tuple[str, list[BoolArray]]]:
        arrays = dict(alike(seen))
        for key, own in arrays.items():
            for limit in (0.0, 0.5, 1.0, 6.0):
                for words, sign in ((f"{key} > {limit:g}", 1), (f"{key} < {-limit:g}", -1)):
                    yield words, [sign * array > limit for array in own]
                    yield f"{words} is false", [~(sign * array > limit) for array in own]
                yield f"|{key}| > {limit:g}", [np.abs(array) > limit for array in own]
                yield f"|{key}| <= {limit:g}", [np.abs(array) <= limit for array in own]
        if "dout" in arrays:
            name, pairs = seen[0].name, zip(arrays[seen[0].name], arrays["dout"], strict=True)
            words = f"{name} > 0 and dout > 0 are not both true or both false"
            yield words, [(x > 0) != (d > 0) for x, d in pairs]
        yield "the numerical gradient is 0", [np.abs(each.numerical) <= each.bounds for each in seen]

    for words, holds in conditions():
        here = flat(holds)
        if wrong.sum() < 2 or (known & ~here).sum() < 2 or np.any(wrong & ~here) or not np.all(wrong[known & here]):
            continue
        message = (
            f"dS is wrong where {words}, and right elsewhere{_difference([each for each in seen if each.wrong.any()])}"
        )
        hint = "look at the mask, the branch or the clip that belongs to that condition, in forward and in backward"
        yield Finding("one-region", "error", message, hint)
        return


def _difference(seen: Seen) -> str:
    """What dS is in the wrong entries, if that is simple."""
    analytic, numerical, x = (
        flat([getattr(each, name)[each.wrong] for each in seen]) for name in ("analytic", "numerical", "x")
    )
    bounds = flat([each.bounds[each.wrong] for each in seen])
    if not np.any(analytic):
        return ": dS is 0 there, and the numerical gradient is not"
    if np.all(np.abs(numerical) <= bounds):
        return ": the numerical gradient is 0 there, and dS is not"
    slack = SLACK * bounds + 1e-7 * (np.abs(analytic) + np.abs(numerical))
    for words, basis in (("times the numerical gradient", numerical), (f"times {seen[0].name} too much", x)):
        target = analytic if basis is numerical else analytic - numerical
        interval = multiplier(basis, target, slack) if len(basis) > 1 else None
        if interval is not None and interval.radius <= 1e-3 * abs(interval.middle):
            law = constant_law(interval)
            return f": dS has {law} {words} there" if basis is x else f": dS is {law} {words} there"
    return ""


def only_in_batches(seen: Seen) -> Iterator[Finding]:
    """Right at one row, and wrong in larger batches."""
    right = sorted({each.case.rows for each in seen if not each.wrong.any() and each.significant.any()})
    wrong = sorted({each.case.rows for each in seen if each.wrong.any()})
    if right == [1] and wrong:
        message = f"dS is right at N = 1 and wrong at N = {', '.join(map(str, wrong))}"
        hint = (
            "look at what is done over the batch: a sum that is overwritten (= for +=), a mean for a sum, the last row"
        )
        yield Finding("batch-size-dependent", "error", message, hint)
