"""What is wrong with the gradient of one input of a function: rules that look at it in every problem."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import permutations, product
from typing import Any

import numpy as np
import numpy.typing as npt

from gradcheck.checking.evidence import Allowance, Case
from gradcheck.diagnosis.factors import factor_findings
from gradcheck.diagnosis.numbers import SLACK, Interval, constant_law, multiplier, plain, simplest_law
from gradcheck.diagnosis.other_rules import SEVERAL, made_whole
from gradcheck.diagnosis.terms import sigmoid
from gradcheck.functions.binding import Bound
from gradcheck.functions.doors import upstream_gradient
from gradcheck.layout import Input
from gradcheck.report import Finding, FloatArray

#: Numbers below so many bounds are not significant; so many entries must be for a relation to be no coincidence.
_SIGNIFICANT, _ENTRIES = 8.0, 4
#: Relative rounding of what is computed here.
_ROUNDING = 1e-10


@dataclass(eq=False)
class InputSeen:
    """What was seen of one input in one problem, as arrays of its shape; and a few calls of the function."""

    case: Case
    input: Input
    ask: Allowance
    rtol: float

    def __post_init__(self) -> None:
        case = self.case
        self.x, self.analytic, self.numerical = map(self.own, (case.S, case.analytic, case.numerical))
        self.bounds, self.wrong, self.known = map(self.own, (case.bounds + case.granted, case.wrong, case.known))
        self.name, self.values = self.input.name, case.arguments.values  # the values of all arguments
        #: Where the numerical gradient is known and is not 0.
        self.significant = self.known & (np.abs(self.numerical) > _SIGNIFICANT * self.bounds)

    def own(self, array: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Of all entries those of the input, in its shape."""
        return np.asarray(array.reshape(-1)[self.input.entries].reshape(self.input.shape))

    def slack(self, size: FloatArray) -> FloatArray:
        """What two numbers of this size may differ by and be equal."""
        return SLACK * self.bounds + (self.rtol + _ROUNDING) * np.abs(size)

    def equal(self, one: FloatArray, other: FloatArray, bounds: FloatArray | float = 0.0) -> bool:
        """Whether two arrays agree in all known entries; NaN agrees. ``bounds`` are of ``other``, where not its own."""
        slack = self.slack(np.maximum(np.abs(one), np.abs(other))) + SLACK * bounds
        return bool(np.all((np.abs(one - other) <= slack) | ~self.known | np.isnan(other)))


Seen = list[InputSeen]
Rule = Callable[[Seen], Iterator[Finding]]


def by_input(cases: Iterable[Case], ask: Allowance, rtol: float) -> dict[str, Seen]:
    """By name, each input as it was seen in all problems."""
    inputs: dict[str, Seen] = {}
    for case in cases:
        for each in case.arguments.layout.inputs:
            inputs.setdefault(each.name, []).append(InputSeen(case, each, ask, rtol))
    return inputs


def how_many_wrong(seen: Seen) -> str:
    """``3 of 12 entries``."""
    return f"{sum(int(each.wrong.sum()) for each in seen)} of {sum(each.input.size for each in seen)} entries"


def enough(seen: Seen) -> bool:
    """Whether entries are significant in a number that no relation meets by chance."""
    return sum(int(np.count_nonzero(each.significant)) for each in seen) >= _ENTRIES


def factor(seen: Seen) -> Iterator[Finding]:
    """dS = c n, with one law of N for c."""
    known = []
    for each in seen:
        a, n, bounds = (array[each.known] for array in (each.analytic, each.numerical, each.bounds))
        interval = multiplier(n, a, bounds + (each.rtol + _ROUNDING) * np.abs(a), bounds)
        if interval is None:
            return
        known.append((each.case.rows, 1, interval))
    law = simplest_law(known, classes=0)
    entries = sum(int(np.count_nonzero(each.known)) for each in seen)
    if law is not None and not law.is_one and (enough(seen) or not law.is_free):
        yield from factor_findings(law, f"in all {entries} entries that have a derivative")
    several = [each for each in seen if np.count_nonzero(each.significant) >= _ENTRIES]
    if law is None and len(several) > 1 and all(np.isfinite(own.radius) for _, _, own in known):
        shown = ", ".join(f"{plain(own.middle, 3)} at N = {rows}" for rows, _, own in known[:3])
        message = f"dS is the numerical gradient times one number in each problem, another one in each: {shown}"
        hint = "look at what value and dS are divided by: a sum over the batch, a count, a norm"
        yield Finding("constant-factor", "error", message, hint)


def truncated(seen: Seen) -> Iterator[Finding]:
    """dS is n made whole, as in an array of integers."""
    parts = [np.array([each.analytic, each.numerical, each.bounds])[:, each.known] for each in seen]
    a, n, bounds = np.concatenate(parts, axis=1)
    if np.array_equal(a, np.rint(a)) and (way := made_whole(a, n, bounds, SEVERAL)):
        hint = "make it an array of floats before fractions are written to it: np.zeros(shape) is one"
        yield Finding("truncated-to-integer", "error", f"dS holds whole numbers only: {way}", hint)


# --- a term that is a multiple of x or of its sign ----------------------------------------------------------

_PENALTIES: dict[str, tuple[Callable[[FloatArray], FloatArray], str]] = {
    "{x}": (np.positive, "{x}^2"),
    "sign({x})": (np.sign, "|{x}|"),
}


def regularizer(seen: Seen) -> Iterator[Finding]:
    """dS = c n + d x, or d sign(x): the gradient of a penalty that is missing, or has another factor."""
    strength, own_symbol, own = _own_penalty(seen)
    r = float(seen[0].values[strength]) if strength else 1.0
    ratios, sizes = np.array(own) / r, np.array([float(each.case.rows) for each in seen])
    for (symbol, (slope, penalty)), power in product(_PENALTIES.items(), (0, 1, -1)):
        interval = _of_value(seen, own_symbol, own, slope, power)
        of_value = interval and constant_law(Interval(*sorted((interval.low / r, interval.high / r))))
        if not (interval and of_value) or (of_value.is_free and interval.radius > 1e-6 * abs(interval.middle)):
            continue
        v, name = float(of_value.k), seen[0].name
        unit = f"{strength}·{symbol.format(x=name)}" if strength else symbol.format(x=name)
        told, first = f"{plain(v)}·{unit}", plain(ratios[0])
        if power:
            if not np.allclose(ratios, v, rtol=1e-6, atol=1e-12):
                continue
            if law := simplest_law([(int(N), 1, Interval(N**power, N**power)) for N in set(sizes)], classes=0):
                yield from factor_findings(law, f"beside the regularizer's {told}")
            return
        has = f"{first}·{unit}" if symbol == own_symbol else f"{first} times {own_symbol.format(x=name)}"
        if not ratios.any() and v < 0:
            message = f"dS has {plain(-v)}·{unit} more than the value's gradient: a regularizer's term, or its factor"
        elif not ratios.any():
            message = f"the regularizer's gradient is missing: dS lacks {told}, which the value's gradient has"
        elif np.allclose(ratios * sizes, v, rtol=1e-6, atol=1e-12):
            message = f"the regularizer's gradient is divided by N too: dS has {told}/N, the value's gradient {told}"
        elif v == 0:
            message = f"dS has {has}, the gradient of a regularizer that the value lacks"
        else:
            message = f"the regularizer's factor: dS has {has}, the value's gradient {told}"
        hint = f"make the value's term in {penalty.format(x=name)} and its derivative in dS agree"
        yield Finding("missing-regularizer", "error", message, hint)
        return


def _own_penalty(seen: Seen) -> tuple[str, str, list[float]]:
    """The constant r, and for each problem how many times x, or its sign, dS changes by if r is doubled."""
    for key, constant in seen[0].values.items():
        if not isinstance(constant, float) or constant == 0 or key == seen[0].name:
            continue
        changes = []
        for each in seen:
            arguments = replace(each.case.arguments, values=each.values | {key: 2 * constant})
            change = each.own(each.ask.evaluate(each.case.S, arguments).gradient) - each.analytic
            changes.append((each.x, change, 1e-9 * (np.abs(change) + np.abs(each.analytic)) + 1e-300))
        for symbol, (slope, _) in _PENALTIES.items():
            own = [multiplier(slope(x).ravel(), change.ravel(), tiny.ravel()) for x, change, tiny in changes]
            found = [each.middle for each in own if each]
            if len(found) == len(seen) and any(found):
                return key, symbol, found
    return "", "{x}", [0.0] * len(seen)


def _of_value(
    seen: Seen, own_symbol: str, own: list[float], slope: Callable[[FloatArray], FloatArray], power: int
) -> Interval | None:
    """How many times ``slope`` the value's gradient has, where the rest of dS is N^power times that of the value."""
    common = Interval()
    for each, ratio in zip(seen, own, strict=True):
        c = float(each.case.rows) ** power
        rest = (each.analytic - ratio * _PENALTIES[own_symbol][0](each.x)) / c
        slack = each.slack(np.abs(each.numerical) + np.abs(each.analytic) / c) * max(1.0, 1 / c)
        chosen = each.known
        interval = multiplier(slope(each.x)[chosen], (each.numerical - rest)[chosen], slack[chosen])
        if interval is None:
            return None
        common = common.within(interval)
    entries = sum(int(np.count_nonzero(each.known)) for each in seen)
    return common if 0 <= common.radius < np.inf and entries >= _ENTRIES else None


# --- entries in other places, and functions of x ------------------------------------------------------------


def rearranged(seen: Seen) -> Iterator[Finding]:
    """dS is n with its axes exchanged or reshaped, reversed, shifted, or summed."""
    if not enough(seen) or seen[0].x.ndim == 0:
        return
    of_each = [(each, dict(_ways(each.numerical)), dict(_ways(each.bounds))) for each in seen]
    for told in of_each[0][1]:
        if all(told in ways and each.equal(each.analytic, ways[told], bounds[told]) for each, ways, bounds in of_each):
            code, hint, words = told
            yield Finding(code, "error", f"dS is the numerical gradient {words}", hint)
            return


#: Codes and hints.
_ORDER = "transposed", "return dS with the axes of its input: reshape does not exchange axes"
_END = "transposed", "look for an array that is read from its end"
_OFFSET = "transposed", "look for an index that is off by one, or padding that is cut off elsewhere"
_SUM = "constant-factor", "look at the axis of the sum: it runs over one axis too many"
_MEAN = "constant-factor", "look at the axis of the mean: it runs over one axis too many"


def _ways(n: FloatArray) -> Iterator[tuple[tuple[str, str, str], FloatArray]]:
    """What may have become of a numerical gradient, after code, hint and words; NaN where that cannot be known."""
    for order in list(permutations(range(n.ndim)))[1:]:
        moved, axes = n.transpose(order), "" if n.ndim == 2 else f" ({', '.join(map(str, order))})"
        reshaped = "" if moved.shape == n.shape else " and reshaped"
        yield (*_ORDER, f"transposed{axes}{reshaped}"), moved.reshape(n.shape)
        back = n.reshape([n.shape[k] for k in order]).transpose(np.argsort(order))
        yield (*_ORDER, f"reshaped in another order of its axes{axes}"), back
    for axis in range(n.ndim):
        yield (*_END, f"reversed along axis {axis}"), np.flip(n, axis)
        if n.shape[axis] > 1:
            yield (*_SUM, f"summed over axis {axis}"), np.broadcast_to(n.sum(axis, keepdims=True), n.shape)
            yield (*_MEAN, f"averaged over axis {axis}"), np.broadcast_to(n.mean(axis, keepdims=True), n.shape)
    for offsets in product((0, 1, -1), repeat=n.ndim):
        if any(offsets):
            there = tuple(slice(max(k, 0), size + min(k, 0)) for k, size in zip(offsets, n.shape, strict=True))
            here = tuple(slice(max(-k, 0), size + min(-k, 0)) for k, size in zip(offsets, n.shape, strict=True))
            moved = np.full(n.shape, np.nan)
            moved[there] = n[here]
            if 2 * moved[there].size >= n.size > 2:
                by = ", ".join(f"{k} along axis {axis}" for axis, k in enumerate(offsets) if k)
                yield (*_OFFSET, f"shifted by {by}"), moved


def lost_mean(seen: Seen) -> Iterator[Finding]:
    """dS - n is one number along an axis: a sum or a mean over it is lost, or one too many."""
    wrong = [each for each in seen if each.wrong.any()]

    def is_flat(each: InputSeen, axis: int, array: FloatArray) -> bool:
        known = np.where(each.known, array, np.nan)
        slack = each.slack(np.abs(each.analytic) + np.abs(each.numerical)).max(axis)
        return bool(np.all(~(np.nanmax(known, axis) - np.nanmin(known, axis) > 2 * slack)))

    axes = [
        str(axis)
        for axis in range(wrong[0].x.ndim)
        if all(each.known.any(axis).all() and is_flat(each, axis, each.analytic - each.numerical) for each in wrong)
        and not all(is_flat(each, axis, each.numerical) for each in wrong)
    ]
    if axes and enough(wrong):
        along = f"axis {axes[0]}" if len(axes) == 1 else f"the axes {' and '.join(axes)}"
        told = f"by a number that is the same along {along}: a term is lost, or there twice"
        hint = "look for a path over a sum or a mean along that axis, and its part of dS"
        yield Finding("gradient-of-another-loss", "error", f"dS differs from the numerical gradient {told}", hint)


#: Derivatives of functions that are taken entry by entry, and what is often written in their place.
FORMS: dict[str, Callable[[FloatArray], FloatArray]] = {
    "1": np.ones_like,
    "1 - tanh({x})^2": lambda x: np.asarray(1 - np.tanh(x) ** 2),
    "sigmoid({x})(1 - sigmoid({x}))": lambda x: sigmoid(x) * (1 - sigmoid(x)),
    "sigmoid({x})": sigmoid,
    "exp({x})": np.exp,
    "{x}": np.positive,
    "{x}^2": np.square,
    "1 - {x}": lambda x: 1 - x,
    "1 - {x}^2": lambda x: 1 - x**2,
    "{x}(1 - {x})": lambda x: x * (1 - x),
    "1 - tanh({x})": lambda x: 1 - np.tanh(x),
    "tanh({x})": np.tanh,
}


def elementwise(seen: Seen) -> Iterator[Finding]:
    """dS has one function of x where the gradient has another: dS / n = f(x) / g(x) in every entry."""

    def is_so(f: list[FloatArray], g: list[FloatArray]) -> bool:
        arrays = zip(seen, f, g, [np.maximum(1, np.abs(own)) for own in f], strict=True)
        return all(e.equal(e.analytic * g_e / scale, e.numerical * f_e / scale) for e, f_e, g_e, scale in arrays)

    for name, arrays in alike(seen) if enough(seen) else ():
        if all(len(np.unique(own)) < 3 for own in arrays):  # of 0 and 1 many functions are the same
            continue
        if pair := other_form(arrays, is_so):
            words = f"dS has {pair[0].format(x=name)} where the gradient has {pair[1].format(x=name)}"
            hint = "derive the function that is applied entry by entry once more; mind input and output"
            if name == "dout" and pair == ("{x}", "1"):
                words, hint = "dS has the upstream gradient once more than it should", "multiply by dout once"
            yield Finding("constant-factor", "error", words, hint)
            return


def other_form(
    arrays: list[FloatArray], is_so: Callable[[list[FloatArray], list[FloatArray]], bool]
) -> tuple[str, str] | None:
    """Of ``FORMS`` of some arrays, that which dS has and that which the gradient has, where the two differ."""
    with np.errstate(all="ignore"):
        forms = {words: [form(array) for array in arrays] for words, form in FORMS.items()}
        return next((pair for pair in permutations(forms, 2) if is_so(forms[pair[0]], forms[pair[1]])), None)


def alike(seen: Seen) -> Iterator[tuple[str, list[FloatArray]]]:
    """Arrays of the input's shape: itself, other inputs, the upstream gradient of a layer."""
    yield seen[0].name, [each.x for each in seen]
    for key in seen[0].values:
        arrays = [np.asarray(each.values[key]) for each in seen]
        alike = all(array.shape == each.x.shape for array, each in zip(arrays, seen, strict=True))
        if key != seen[0].name and alike and arrays[0].dtype.kind in "fiub":
            yield key, [array.astype(np.float64) for array in arrays]
    bound = seen[0].ask.loss.function
    if isinstance(bound, Bound) and bound.layer:
        yield "dout", [upstream_gradient(each.case.arguments.seed, 0, each.x.shape) for each in seen]
