"""What is wrong with the gradient of one input of a function: rules that look at it in every problem."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import permutations, product

import numpy as np

from gradcheck.checking.evidence import Case, Evidence
from gradcheck.diagnosis.factors import factor_findings
from gradcheck.diagnosis.numbers import (
    Interval,
    constant_law,
    count,
    equal,
    factor_at,
    multiplier,
    plain,
    significant,
    simplest_law,
    slack,
)
from gradcheck.diagnosis.terms import sigmoid
from gradcheck.functions.binding import Bound
from gradcheck.functions.doors import upstream_gradient
from gradcheck.report import Finding, FloatArray

#: So many entries must be significant for a relation to be no coincidence.
_ENTRIES = 4


def how_many_wrong(seen: Sequence[Case]) -> str:
    """``3 of 12 entries``."""
    return f"{count([each.wrong for each in seen])} of {sum(each.S.size for each in seen)} entries"


def enough(evidence: Evidence) -> bool:
    """Whether entries are significant in a number that no relation meets by chance."""
    return count([significant(seen) for seen in evidence.observations]) >= _ENTRIES


def factor(evidence: Evidence) -> Iterator[Finding]:
    """dS = c n, with one law of N for c."""
    seen = evidence.observations
    known = [(each.rows, 1, c) for each in seen if (c := factor_at(evidence, each, each.known))]
    if len(known) < len(seen):
        return
    law, several = simplest_law(known, classes=0), [each for each in seen if significant(each).sum() >= _ENTRIES]
    if law is not None and not law.is_one and (enough(evidence) or not law.is_free):
        yield from factor_findings(law, f"in all {count([e.known for e in seen])} entries that have a derivative")
    if law is None and len(several) > 1 and all(np.isfinite(own.radius) for _, _, own in known):
        shown = ", ".join(f"{plain(own.middle, 3)} at N = {rows}" for rows, _, own in known[:3])
        message = f"dS is the numerical gradient times one number in each problem, another one in each: {shown}"
        hint = "look at what value and dS are divided by: a sum over the batch, a count, a norm"
        yield Finding("constant-factor", "error", message, hint)


# --- a term that is a multiple of x or of its sign ----------------------------------------------------------

_PENALTIES: dict[str, tuple[Callable[[FloatArray], FloatArray], str]] = {
    "{x}": (np.positive, "{x}^2"),
    "sign({x})": (np.sign, "|{x}|"),
}


def regularizer(evidence: Evidence) -> Iterator[Finding]:
    """dS = c n + d x, or d sign(x): the gradient of a penalty that is missing, or has another factor."""
    strength, own_symbol, own = _own_penalty(evidence)
    seen, name = evidence.observations, _name(evidence)
    r = float(seen[0].arguments.values[strength]) if strength else 1.0
    ratios, sizes = np.array(own) / r, np.array([float(each.rows) for each in seen])
    for (symbol, (slope, penalty)), power in product(_PENALTIES.items(), (0, 1, -1)):
        interval = _of_value(evidence, own_symbol, own, slope, power)
        of_value = interval and constant_law(Interval(*sorted((interval.low / r, interval.high / r))))
        if not (interval and of_value) or (of_value.is_free and interval.radius > 1e-6 * abs(interval.middle)):
            continue
        v = float(of_value.k)
        unit, own_unit = (f"{strength}·{each}".lstrip("·").format(x=name) for each in (symbol, own_symbol))
        told = f"{plain(v)}·{unit}"
        if power:
            if not np.allclose(ratios, v, rtol=1e-6, atol=1e-12):
                continue
            if law := simplest_law([(int(N), 1, Interval(N**power, N**power)) for N in set(sizes)], classes=0):
                yield from factor_findings(law, f"beside the regularizer's {told}")
            return
        has = f"{plain(ratios[0])}·{own_unit}"
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


def _own_penalty(evidence: Evidence) -> tuple[str, str, list[float]]:
    """The constant r, and for each problem how many times x, or its sign, dS changes by if r is doubled."""
    seen = evidence.observations
    for key, constant in seen[0].arguments.values.items():
        if not isinstance(constant, float) or constant == 0 or key == _name(evidence):
            continue
        changes = []
        for each in seen:
            values = each.arguments.values | {key: 2 * constant}
            change = each.part(evidence.answer_with(each, values=values).gradient) - each.analytic
            changes.append((each.S, change, 1e-9 * (np.abs(change) + np.abs(each.analytic)) + 1e-300))
        for symbol, (slope, _) in _PENALTIES.items():
            own = [multiplier(slope(x).ravel(), change.ravel(), tiny.ravel()) for x, change, tiny in changes]
            found = [each.middle for each in own if each]
            if len(found) == len(seen) and any(found):
                return key, symbol, found
    return "", "{x}", [0.0] * len(seen)


def _of_value(
    evidence: Evidence, own_symbol: str, own: list[float], slope: Callable[[FloatArray], FloatArray], power: int
) -> Interval | None:
    """How many times ``slope`` the value's gradient has, where the rest of dS is N^power times that of the value."""
    common = Interval()
    for each, ratio in zip(evidence.observations, own, strict=True):
        c = float(each.rows) ** power
        rest = (each.analytic - ratio * _PENALTIES[own_symbol][0](each.S)) / c
        allowed = slack(evidence, each, np.abs(each.numerical) + np.abs(each.analytic) / c) * max(1.0, 1 / c)
        chosen = each.known
        interval = multiplier(slope(each.S)[chosen], (each.numerical - rest)[chosen], allowed[chosen])
        if interval is None:
            return None
        common = common.within(interval)
    entries = count([each.known for each in evidence.observations])
    return common if 0 <= common.radius < np.inf and entries >= _ENTRIES else None


# --- entries in other places, and functions of x ------------------------------------------------------------


def rearranged(evidence: Evidence) -> Iterator[Finding]:
    """dS is n with its axes exchanged or reshaped, reversed, shifted, or summed."""
    if not enough(evidence) or evidence.observations[0].S.ndim == 0:
        return
    of_each = [(e, dict(_ways(e.numerical)), dict(_ways(e.bounds + e.granted))) for e in evidence.observations]
    for told in of_each[0][1]:
        if all(
            told in n and equal(evidence, each, each.analytic, n[told], bounds[told]) for each, n, bounds in of_each
        ):
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


def lost_mean(evidence: Evidence) -> Iterator[Finding]:
    """dS - n is one number along an axis: a sum or a mean over it is lost, or one too many."""
    wrong = evidence.wrong

    def is_flat(each: Case, axis: int, array: FloatArray) -> bool:
        known = np.where(each.known, array, np.nan)
        allowed = slack(evidence, each, np.abs(each.analytic) + np.abs(each.numerical)).max(axis)
        return bool(np.all(~(np.nanmax(known, axis) - np.nanmin(known, axis) > 2 * allowed)))

    axes = [
        str(axis)
        for axis in range(wrong[0].S.ndim)
        if all(each.known.any(axis).all() and is_flat(each, axis, each.analytic - each.numerical) for each in wrong)
        and not all(is_flat(each, axis, each.numerical) for each in wrong)
    ]
    if axes and enough(replace(evidence, observations=tuple(wrong))):
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


def elementwise(evidence: Evidence) -> Iterator[Finding]:
    """dS has one function of x where the gradient has another: dS / n = f(x) / g(x) in every entry."""

    def is_so(f: list[FloatArray], g: list[FloatArray]) -> bool:
        arrays = zip(evidence.observations, f, g, [np.maximum(1, np.abs(own)) for own in f], strict=True)
        return all(
            equal(evidence, e, e.analytic * of_g / size, e.numerical * of_f / size) for e, of_f, of_g, size in arrays
        )

    for name, arrays in alike(evidence) if enough(evidence) else ():
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


def alike(evidence: Evidence) -> Iterator[tuple[str, list[FloatArray]]]:
    """Arrays of the input's shape: itself, other inputs, the upstream gradient of a layer."""
    seen, name = evidence.observations, _name(evidence)
    yield name, [each.S for each in seen]
    for key in seen[0].arguments.values:
        arrays = [np.asarray(each.arguments.values[key]) for each in seen]
        alike = all(array.shape == each.S.shape for array, each in zip(arrays, seen, strict=True))
        if key != name and alike and arrays[0].dtype.kind in "fiub":
            yield key, [array.astype(np.float64) for array in arrays]
    bound = evidence.ask.loss.function
    if isinstance(bound, Bound) and bound.layer:
        yield "dout", [upstream_gradient(each.arguments.seed, 0, each.S.shape) for each in seen]


def _name(evidence: Evidence) -> str:
    own = evidence.observations[0].own
    assert own is not None
    return own.name
