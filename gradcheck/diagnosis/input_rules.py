"""What is wrong with the gradient of one input of a function: rules that look at it in every problem."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import permutations
from typing import Any

import numpy as np
import numpy.typing as npt

from gradcheck.checking.case import BoolArray, Case
from gradcheck.checking.evidence import Allowance
from gradcheck.diagnosis.factors import factor_findings
from gradcheck.diagnosis.numbers import Interval, constant_law, multiplier, plain, simplest_law
from gradcheck.functions.binding import Bound
from gradcheck.functions.doors import Layer, upstream_gradient
from gradcheck.layout import Input
from gradcheck.report import Finding, FloatArray

#: Bounds hold for single entries; relations between many are given this much more.
_SLACK = 10.0
#: Numbers below so many bounds are not significant; so many entries must be for a relation to be no coincidence.
_SIGNIFICANT, _ENTRIES = 8.0, 4
#: Relative rounding of what is computed here.
_ROUNDING = 1e-10
_LOOP_HINT = "look at the ranges of loops and slices along that axis: where they begin and end, and their stride"


@dataclass(frozen=True, eq=False)
class InputSeen:
    """What was seen of one input in one problem, as arrays of its shape; and a few calls of the function."""

    case: Case
    input: Input
    ask: Allowance
    rtol: float

    def _own(self, array: npt.NDArray[Any]) -> npt.NDArray[Any]:
        return np.asarray(array.reshape(-1)[self.input.entries].reshape(self.input.shape))

    @property
    def x(self) -> FloatArray:
        return self._own(self.case.S)

    @property
    def analytic(self) -> FloatArray:
        return self._own(self.case.analytic)

    @property
    def numerical(self) -> FloatArray:
        return self._own(self.case.numerical)

    @property
    def bounds(self) -> FloatArray:
        return self._own(self.case.bounds + self.case.granted)

    @property
    def wrong(self) -> BoolArray:
        return self._own(self.case.wrong)

    @property
    def known(self) -> BoolArray:
        return self._own(self.case.known)

    @property
    def significant(self) -> BoolArray:
        """Where the numerical gradient is known and is not 0."""
        return self.known & (np.abs(self.numerical) > _SIGNIFICANT * self.bounds)

    def slack(self, size: FloatArray) -> FloatArray:
        """What two numbers of this size may differ by and be equal."""
        return _SLACK * self.bounds + (self.rtol + _ROUNDING) * np.abs(size)

    def equal(self, one: FloatArray, other: FloatArray) -> bool:
        """Whether two arrays agree in all known entries, some of which are significant."""
        close = np.abs(one - other) <= self.slack(np.maximum(np.abs(one), np.abs(other)))
        return bool(np.all(close | ~self.known))

    def analytic_at(self, **values: Any) -> FloatArray:
        """The analytic gradient with other values of constants."""
        arguments = replace(self.case.arguments, values=self.case.arguments.values | values)
        return self._own(self.ask.evaluate(self.case.S, arguments).gradient)


Seen = list[InputSeen]
Rule = Callable[[Seen], Iterator[Finding]]


def _flat(arrays: list[npt.NDArray[Any]]) -> npt.NDArray[Any]:
    return np.concatenate([array.ravel() for array in arrays])


def _enough(seen: Seen) -> bool:
    return sum(int(np.count_nonzero(each.significant)) for each in seen) >= _ENTRIES


def factor(seen: Seen) -> Iterator[Finding]:
    """dS = c n, with one law of N for c."""
    known = []
    for each in seen:
        chosen = each.known
        a, n, bounds = each.analytic[chosen], each.numerical[chosen], each.bounds[chosen]
        interval = multiplier(n, a, bounds + (each.rtol + _ROUNDING) * np.abs(a), bounds)
        if interval is None:
            return
        known.append((each.case.rows, 1, interval))
    law = simplest_law(known, classes=0)
    if law is not None and not law.is_one and (_enough(seen) or not law.is_free):
        entries = sum(int(np.count_nonzero(each.known)) for each in seen)
        yield from factor_findings(law, f"in all {entries} entries that have a derivative")


# --- a term that is a multiple of x or of its sign ----------------------------------------------------------

_PENALTIES: dict[str, tuple[Callable[[FloatArray], FloatArray], str]] = {
    "{x}": (np.positive, "{x}^2"),
    "sign({x})": (np.sign, "|{x}|"),
}


def regularizer(seen: Seen) -> Iterator[Finding]:
    """dS = c n + d x, or d sign(x): the gradient of a penalty that is missing, or has another factor."""
    name = seen[0].input.name
    strength, own_symbol, own = _own_penalty(seen)
    for symbol, (slope, penalty) in _PENALTIES.items():
        for power in (0, 1, -1):
            interval = _of_value(seen, own_symbol, own, slope, power)
            if interval is None:
                continue
            values = seen[0].case.arguments.values
            r = float(values[strength]) if strength else 1.0
            of_value = constant_law(Interval(*sorted((interval.low / r, interval.high / r))))
            if of_value is None or (of_value.is_free and interval.radius > 1e-6 * abs(interval.middle)):
                continue
            v = float(of_value.k)
            ratios = [each / r for each in own]
            term = symbol.format(x=name)
            unit = f"{strength}·{term}" if strength else term
            if power:
                if not _equal_all(ratios, [v] * len(ratios)):
                    continue
                law = simplest_law(
                    [(N, 1, Interval(N**power, N**power)) for N in {s.case.rows for s in seen}], classes=0
                )
                if law is not None:
                    yield from factor_findings(law, f"beside the regularizer's {plain(v)}·{unit}")
                return
            yield _penalty_finding(
                unit, own_symbol.format(x=name), ratios, symbol == own_symbol, v, penalty.format(x=name), seen
            )
            return


def _penalty_finding(
    unit: str, own_term: str, ratios: list[float], same: bool, v: float, penalty: str, seen: Seen
) -> Finding:
    of_value = f"{plain(v)}·{unit}"
    if not any(ratios):
        message = f"the regularizer's gradient is missing: dS lacks {of_value}, which the value's gradient has"
    elif _equal_all([ratio * each.case.rows for ratio, each in zip(ratios, seen, strict=True)], [v] * len(seen)):
        message = (
            f"the regularizer's gradient is divided by N too: dS has {of_value}/N, the value's gradient {of_value}"
        )
    else:
        own = f"{plain(ratios[0])}·{unit}" if same else f"{plain(ratios[0])} times {own_term}"
        if v == 0:
            message = f"dS has {own}, the gradient of a regularizer that the value lacks"
        else:
            message = f"the regularizer's factor: dS has {own}, the value's gradient {of_value}"
    hint = f"make the value's term in {penalty} and its derivative in dS agree"
    return Finding("missing-regularizer", "error", message, hint)


def _own_penalty(seen: Seen) -> tuple[str, str, list[float]]:
    """The constant r, and for each problem how many times x, or its sign, dS changes by if r is doubled."""
    for key, constant in seen[0].case.arguments.values.items():
        if not isinstance(constant, float) or constant == 0 or key == seen[0].input.name:
            continue
        changes = [each.analytic_at(**{key: 2 * constant}) - each.analytic for each in seen]
        for symbol, (slope, _) in _PENALTIES.items():
            own = []
            for each, change in zip(seen, changes, strict=True):
                basis = slope(each.x)
                tiny = 1e-9 * (np.abs(change) + np.abs(each.analytic)) + 1e-300
                interval = multiplier(basis.ravel(), change.ravel(), tiny.ravel())
                own.append(None if interval is None else interval.middle)
            found = [each for each in own if each is not None]
            if len(found) == len(seen) and any(found):
                return key, symbol, found
    return "", "{x}", [0.0] * len(seen)


def _of_value(
    seen: Seen, own_symbol: str, own: list[float], slope: Callable[[FloatArray], FloatArray], power: int
) -> Interval | None:
    """How many times ``slope`` the value's gradient has, where the rest of dS is N^power times that of the value."""
    low, high, entries = -np.inf, np.inf, 0
    for each, ratio in zip(seen, own, strict=True):
        c = float(each.case.rows) ** power
        rest = (each.analytic - ratio * _PENALTIES[own_symbol][0](each.x)) / c
        chosen = each.known
        target, basis = (each.numerical - rest)[chosen], slope(each.x)[chosen]
        size = np.abs(each.numerical) + np.abs(each.analytic) / c
        interval = multiplier(basis, target, each.slack(size)[chosen] * max(1.0, 1 / c))
        if interval is None:
            return None
        low, high = max(low, interval.low), min(high, interval.high)
        entries += len(basis)
    is_known = low <= high and np.isfinite(low) and np.isfinite(high) and entries >= _ENTRIES
    return Interval(float(low), float(high)) if is_known else None


def _equal_all(one: list[float], other: list[float]) -> bool:
    return bool(np.allclose(one, other, rtol=1e-6, atol=1e-12))


# --- entries in other places, and functions of x ------------------------------------------------------------


def rearranged(seen: Seen) -> Iterator[Finding]:
    """dS is n with its axes exchanged, reversed or reshaped."""
    shape = seen[0].input.shape
    if len(shape) < 2 or not _enough(seen):
        return

    def ways(n: FloatArray) -> Iterator[tuple[str, FloatArray]]:
        for order in permutations(range(n.ndim)):
            if order != tuple(range(n.ndim)):
                moved = n.transpose(order)
                words = "transposed" if n.ndim == 2 else f"transposed ({', '.join(map(str, order))})"
                yield words if moved.shape == n.shape else f"{words} and reshaped", moved.reshape(n.shape)
                back = n.reshape([n.shape[k] for k in order]).transpose(np.argsort(order))
                yield "reshaped in another order of its axes", back
        for axis in range(n.ndim):
            yield f"reversed along axis {axis}", np.flip(n, axis)
            for step in (1, -1):
                yield f"shifted by {step} along axis {axis}", np.roll(n, step, axis)

    for (words, _), *_ in zip(ways(seen[0].numerical)):
        pairs = [(each, dict(ways(each.numerical))[words]) for each in seen if words in dict(ways(each.numerical))]
        if len(pairs) == len(seen) and all(each.equal(each.analytic, moved) for each, moved in pairs):
            hint = "return dS with its axes in the order of the input's: reshape does not exchange axes"
            yield Finding("transposed", "error", f"dS is the numerical gradient {words}", hint)
            return


def _sigmoid(x: FloatArray) -> FloatArray:
    return np.asarray(0.5 * (1 + np.tanh(0.5 * x)))


#: Derivatives of functions that are taken entry by entry, and what is often written in their place.
_FORMS: dict[str, Callable[[FloatArray], FloatArray]] = {
    "1": np.ones_like,
    "1 - tanh({x})^2": lambda x: np.asarray(1 - np.tanh(x) ** 2),
    "sigmoid({x})(1 - sigmoid({x}))": lambda x: _sigmoid(x) * (1 - _sigmoid(x)),
    "sigmoid({x})": _sigmoid,
    "sigmoid(sigmoid({x}))'": lambda x: _sigmoid(_sigmoid(x)) * (1 - _sigmoid(_sigmoid(x))),
    "exp({x})": np.exp,
    "{x}": np.positive,
    "{x}^2": np.square,
    "1 - {x}^2": lambda x: 1 - x**2,
    "{x}(1 - {x})": lambda x: x * (1 - x),
    "1 - tanh({x})": lambda x: 1 - np.tanh(x),
    "tanh({x})": np.tanh,
}


def elementwise(seen: Seen) -> Iterator[Finding]:
    """dS has one function of x where the gradient has another: dS / n = f(x) / g(x) in every entry."""
    if not _enough(seen):
        return
    for name, arrays in _alike(seen):
        with np.errstate(over="ignore", invalid="ignore"):
            forms = {words: [form(array) for array in arrays] for words, form in _FORMS.items()}
        for own, f in forms.items():
            for right, g in forms.items():
                if own != right and all(
                    each.equal(
                        each.analytic * g_each / np.maximum(1, abs(f_each)),
                        each.numerical * f_each / np.maximum(1, abs(f_each)),
                    )
                    for each, f_each, g_each in zip(seen, f, g, strict=True)
                ):
                    words = f"dS has {own.format(x=name)} where the gradient has {right.format(x=name)}"
                    hint = "derive the function that is applied entry by entry once more; mind input and output"
                    yield Finding("constant-factor", "error", words, hint)
                    return


def by_sign(seen: Seen) -> Iterator[Finding]:
    """dS = c n, with one c where x > 0 and another where it is not."""
    factors = []
    for positive in (True, False):
        ratios, entries = [], 0
        for each in seen:
            chosen = each.known & ((each.x > 0) == positive)
            a, n, bounds = each.analytic[chosen], each.numerical[chosen], each.bounds[chosen]
            ratios.append(multiplier(n, a, bounds + (each.rtol + _ROUNDING) * np.abs(a), bounds))
            entries += int(np.count_nonzero(chosen))
        if entries < 2:
            return
        law = None if None in ratios else simplest_law([(1, 1, each) for each in ratios if each], classes=0)
        zero = all(
            not np.any(np.abs(each.numerical) > each.bounds, where=each.known & ((each.x > 0) == positive))
            for each in seen
        )
        if law is None and not zero:
            return
        factors.append(
            "not 0, where the gradient is"
            if law is None
            else f"{law} times the gradient"
            if law.k
            else "0, where the gradient is not"
            if not zero
            else "right"
        )
    name = seen[0].input.name
    hint = "look at the mask or the slope: which side of 0 it belongs to"
    yield Finding("one-region", "error", f"dS is {factors[0]} where {name} > 0, and {factors[1]} where it is not", hint)


def of_each_index(seen: Seen) -> Iterator[Finding]:
    """dS is n times a factor of each index along one axis: another input's entry, or its inverse, or any number."""
    for axis in range(len(seen[0].input.shape) if len(seen[0].input.shape) > 1 else 0):
        factors = [_factors_along(each, axis) for each in seen]
        if any(each is None for each in factors) or not any(each.size for each in factors if each is not None):
            continue
        for key in seen[0].case.arguments.values:
            arrays = [np.asarray(each.case.arguments.values[key]) for each in seen]
            if any(array.shape != (each.input.shape[axis],) for array, each in zip(arrays, seen, strict=True)):
                continue
            for words, power in (("divided by", 1), ("times", -1)):
                if all(
                    f is not None and np.allclose(f * a.astype(float) ** power, 1, rtol=1e-5)
                    for f, a in zip(factors, arrays, strict=True)
                    if f is not None and f.size
                ):
                    hint = f"look at where {key} enters the value, and where its factor is in dS"
                    yield Finding(
                        "row-factor", "error", f"dS is the numerical gradient {words} {key}, along axis {axis}", hint
                    )
                    return
        some = next(each for each in factors if each is not None and each.size)
        shown = ", ".join(plain(float(each), 3) for each in some[:4]) + (", …" if len(some) > 4 else "")
        message = f"dS is the numerical gradient times a factor of each index of axis {axis}: {shown}"
        yield Finding("row-factor", "error", message, "look for a factor that is the same along the other axes")
        return


def _factors_along(each: InputSeen, axis: int) -> FloatArray | None:
    """For each index of an axis, dS / n if it is one number there; empty where all is 0, None if there is none."""
    significant = np.moveaxis(each.significant, axis, 0).reshape(each.input.shape[axis], -1)
    a = np.moveaxis(each.analytic, axis, 0).reshape(significant.shape)
    n = np.moveaxis(each.numerical, axis, 0).reshape(significant.shape)
    bounds = np.moveaxis(each.bounds, axis, 0).reshape(significant.shape)
    if not significant.any():
        return np.zeros(0) if each.equal(each.analytic, each.numerical) else None
    found = []
    for index in range(len(a)):
        chosen = significant[index]
        if chosen.sum() < 2:
            return None
        interval = multiplier(
            n[index][chosen], a[index][chosen], bounds[index][chosen] + 1e-6 * np.abs(a[index][chosen])
        )
        if interval is None:
            return None
        found.append(interval.middle)
    own = np.array(found).reshape([-1 if k == axis else 1 for k in range(len(each.input.shape))])
    return np.array(found) if each.equal(each.analytic, own * each.numerical) else None


# --- where it is wrong --------------------------------------------------------------------------------------


def _alike(seen: Seen) -> Iterator[tuple[str, list[FloatArray]]]:
    """Arrays of the input's shape: itself, other inputs, the upstream gradient of a layer."""
    yield seen[0].input.name, [each.x for each in seen]
    given, shapes = [each.case.arguments.values for each in seen], [each.input.shape for each in seen]
    for key in given[0]:
        arrays = [np.asarray(own[key]) for own in given]
        if key != seen[0].input.name and [array.shape for array in arrays] == shapes and arrays[0].dtype.kind in "fiub":
            yield key, [array.astype(np.float64) for array in arrays]
    bound = seen[0].ask.loss.function
    door = getattr(bound, "door", None) if isinstance(bound, Bound) else None
    if isinstance(getattr(door, "door", door), Layer):
        yield "dout", [upstream_gradient(each.case.arguments.seed, 0, each.input.shape) for each in seen]


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
        if not any(each.any() for each in is_right) or sum(int(each.wrong.sum()) for each in wrong) < 2:
            continue
        words = _fixed_indices([np.flatnonzero(each).tolist() for each in is_wrong], [len(each) for each in is_wrong])
        words = words or _named_indices(wrong, is_wrong, is_right)
        if words:
            where = f"{words} of axis {axis}" if dimensions > 1 else words
            hint = "add up what belongs to the same index: np.add.at" if "more than once" in words else _LOOP_HINT
            yield Finding(
                "one-region", "error", f"dS is wrong only at {where}, and right elsewhere{_difference(wrong)}", hint
            )
            return


def _fixed_indices(wrong: list[list[int]], sizes: list[int]) -> str:
    """The same indices in every problem, counted from the front or from the back; empty if they are not."""
    own = wrong[0]
    if all(each == own for each in wrong) and (own == list(range(own[0], own[-1] + 1)) or len(own) <= 3):
        if len(own) > 1:
            return (
                f"indices {own[0]} to {own[-1]}"
                if own[-1] - own[0] == len(own) - 1
                else f"indices {', '.join(map(str, own))}"
            )
        return f"index {own[0]}, the last," if own == [sizes[0] - 1] and sizes[0] > 1 else f"index {own[0]}"
    from_back = [[index - size for index in each] for each, size in zip(wrong, sizes, strict=True)]
    if all(each == from_back[0] for each in from_back) and len(from_back[0]) <= 3:
        return "the last index" if from_back[0] == [-1] else f"indices {', '.join(map(str, from_back[0]))}"
    if all(each == list(range(size - 1)) for each, size in zip(wrong, sizes, strict=True)):
        return "all indices but the last"
    if all(each == list(range(1, size)) for each, size in zip(wrong, sizes, strict=True)):
        return "all indices but the first"
    for step in (2, 3):
        for first in range(step):
            if all(each == list(range(first, size, step)) for each, size in zip(wrong, sizes, strict=True)):
                return f"every index {first} + {step}k"
    return ""


def _named_indices(seen: Seen, is_wrong: list[BoolArray], is_right: list[BoolArray]) -> str:
    """The indices that an array of integers holds: at all, more than once, or not."""
    for key, value in seen[0].case.arguments.values.items():
        if np.asarray(value).dtype.kind not in "iu" or not np.ndim(value):
            continue
        counts = []
        for each, own in zip(seen, is_wrong, strict=True):
            array = np.asarray(each.case.arguments.values[key])
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
    mask[np.asarray(each.case.arguments.values[key]).ravel()[place]] = True
    return mask


def condition(seen: Seen) -> Iterator[Finding]:
    """Wrong wherever a condition on an array of the same shape holds, and right where it does not."""
    wrong, known = _flat([each.wrong for each in seen]), _flat([each.known | each.wrong for each in seen])

    def conditions() -> Iterator[tuple[str, list[BoolArray]]]:
        yield "the numerical gradient is 0", [np.abs(each.numerical) <= each.bounds for each in seen]
        arrays = dict(_alike(seen))
        for key, own in arrays.items():
            for limit in (0.0, 0.5, 1.0, 6.0):
                for words, sign in ((f"{key} > {limit:g}", 1), (f"{key} < {-limit:g}", -1)):
                    yield words, [sign * array > limit for array in own]
                    yield f"{words} is false", [~(sign * array > limit) for array in own]
                yield f"|{key}| > {limit:g}", [np.abs(array) > limit for array in own]
                yield f"|{key}| <= {limit:g}", [np.abs(array) <= limit for array in own]
        if "dout" in arrays:
            pairs = zip(arrays[seen[0].input.name], arrays["dout"], strict=True)
            yield (
                f"{seen[0].input.name} > 0 and dout > 0 are not both true or both false",
                [(x > 0) != (d > 0) for x, d in pairs],
            )

    for words, holds in conditions():
        here = _flat(holds)
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
        _flat([getattr(each, name)[each.wrong] for each in seen]) for name in ("analytic", "numerical", "x")
    )
    bounds = _flat([each.bounds[each.wrong] for each in seen])
    if not np.any(analytic):
        return ": dS is 0 there, and the numerical gradient is not"
    if np.all(np.abs(numerical) <= bounds):
        return ": the numerical gradient is 0 there, and dS is not"
    slack = _SLACK * bounds + 1e-7 * (np.abs(analytic) + np.abs(numerical))
    for words, basis in (("times the numerical gradient", numerical), (f"times {seen[0].input.name} too much", x)):
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


#: The rules, the most telling first.
RULES: tuple[Rule, ...] = (
    factor, regularizer, rearranged, elementwise, by_sign, indices, condition, of_each_index, only_in_batches,
)  # fmt: skip
