"""Why a gradient of a function of named inputs is wrong: one finding for each input, the most telling first."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np
import numpy.typing as npt

from gradcheck.checking.case import BoolArray, Case
from gradcheck.checking.evidence import Evidence, Spent
from gradcheck.diagnosis.factors import factor_findings
from gradcheck.diagnosis.fits import factor_fit, term_fit
from gradcheck.diagnosis.numbers import plain
from gradcheck.errors import LossDefect, OutOfTime
from gradcheck.layout import Input
from gradcheck.report import Finding, FloatArray

#: Codes of the findings, in the order in which they lead.
CODES = (
    "ignores-upstream-gradient",
    "gradients-exchanged",
    "constant-factor",
    "missing-regularizer",
    "transposed",
    "one-region",
    "gradient-of-another-loss",
)
#: Wrong entries that a region must have, and right ones beside it.
_LEAST_WRONG, _LEAST_RIGHT = 2, 2
#: A number is significant above so many of its bounds.
_SIGNIFICANT = 8.0


@dataclass(frozen=True, eq=False)
class _Of:
    """What was seen of one input in one problem: arrays of its shape."""

    case: Case
    input: Input

    def _own(self, array: npt.NDArray[np.generic]) -> npt.NDArray[np.generic]:
        return array.reshape(-1)[self.input.entries].reshape(self.input.shape)

    @property
    def x(self) -> FloatArray:
        return self._own(self.case.S)  # type: ignore[return-value]

    @property
    def analytic(self) -> FloatArray:
        return self._own(self.case.analytic)  # type: ignore[return-value]

    @property
    def numerical(self) -> FloatArray:
        return self._own(self.case.numerical)  # type: ignore[return-value]

    @property
    def bounds(self) -> FloatArray:
        return self._own(self.case.bounds + self.case.granted)  # type: ignore[return-value]

    @property
    def wrong(self) -> BoolArray:
        return self._own(self.case.wrong)  # type: ignore[return-value]

    @property
    def known(self) -> BoolArray:
        return self._own(self.case.known)  # type: ignore[return-value]

    def is_zero(self) -> BoolArray:
        """Where the numerical gradient is 0 as far as can be seen."""
        return np.asarray(np.abs(self.numerical) <= self.bounds)


def explain_inputs(evidence: Evidence) -> tuple[Finding, ...]:
    """What is wrong with the gradients of a function of named inputs, the most telling finding first.

    Args:
        evidence: its cases hold `Arguments`.
    """
    wrong = _wrong_inputs(evidence)
    if not wrong:
        return ()
    for rule in (_ignores_upstream, _exchanged, _one_factor_for_all):
        try:
            if found := list(rule(evidence, wrong)):
                return tuple(found)
        except (Spent, LossDefect, OutOfTime):  # it needs calls that cannot be had
            continue
    findings: list[Finding] = []
    for name in wrong:
        findings += _explain_one(evidence, name)
    order = {code: rank for rank, code in enumerate(CODES)}
    return tuple(sorted(findings, key=lambda each: order.get(each.code, order["constant-factor"])))


def _explain_one(evidence: Evidence, name: str) -> list[Finding]:
    for rule in (_factor, _regularizer, _transposed, _region, _condition):
        try:
            if found := [_of_input(each, name) for each in rule(evidence, name)]:
                return found
        except (Spent, LossDefect, OutOfTime):
            continue
    return [_no_known_cause(evidence, name)]


def _wrong_inputs(evidence: Evidence) -> list[str]:
    """Names of the inputs with a wrong entry, in order."""
    names: dict[str, bool] = {}
    for seen in evidence.observations:
        for each in _inputs(seen):
            names[each.input.name] = names.get(each.input.name, False) or bool(each.wrong.any())
    return [name for name, is_wrong in names.items() if is_wrong]


def _inputs(seen: Case) -> list[_Of]:
    return [_Of(seen, each) for each in seen.arguments.layout.inputs]


def _all(evidence: Evidence, name: str) -> list[_Of]:
    """One input in every problem."""
    return [each for seen in evidence.observations for each in _inputs(seen) if each.input.name == name]


def _mask(name: str) -> Callable[[Case], BoolArray]:
    """The entries of an input in the flat vector of a problem, 1 x n."""

    def where(seen: Case) -> BoolArray:
        mask = np.zeros(seen.S.shape, dtype=bool)
        for each in _inputs(seen):
            if each.input.name == name:
                mask[0, each.input.entries] = True
        return mask

    return where


def _of_input(finding: Finding, name: str) -> Finding:
    """A finding about dS as one about the gradient of an input."""
    own = f"d{name}"
    return replace(finding, message=finding.message.replace("dS", own), hint=finding.hint.replace("dS", own))


def _agree(one: FloatArray, other: FloatArray, bounds: FloatArray, rtol: float) -> bool:
    return bool(
        np.all(np.abs(one - other) <= _SIGNIFICANT * bounds + 10 * rtol * np.maximum(np.abs(one), np.abs(other)))
    )


# --- relations between the inputs ---------------------------------------------------------------------------


def _ignores_upstream(evidence: Evidence, wrong: list[str]) -> Iterator[Finding]:
    """dS is the same for another upstream gradient, while the value is not."""
    seen = evidence.wrong[0]
    other = evidence.ask.evaluate(seen.S, replace(seen.arguments, seed=seen.arguments.seed + 1))
    if other.value == seen.value or np.array_equal(other.gradient, seen.analytic) is False:
        layout = seen.arguments.layout
        same = [
            each.name
            for each in layout.inputs
            if each.name in wrong
            and other.value != seen.value
            and np.array_equal(other.gradient[0, each.entries], seen.analytic[0, each.entries])
            and np.any(seen.analytic[0, each.entries])
        ]
    else:
        same = list(wrong)
    if same:
        these = ", ".join(f"d{name}" for name in same)
        message = f"{these} {'is' if len(same) == 1 else 'are'} the same whatever the upstream gradient is"
        hint = "multiply by dout, the gradient of the loss by the layer's output: it is not all ones"
        yield Finding("ignores-upstream-gradient", "error", message, hint)


def _exchanged(evidence: Evidence, wrong: list[str]) -> Iterator[Finding]:
    """The gradients of two inputs stand in each other's places."""
    for one, other in combinations(wrong, 2):
        pairs = list(zip(_all(evidence, one), _all(evidence, other), strict=True))
        if all(
            a.input.shape == b.input.shape
            and _agree(a.analytic, b.numerical, b.bounds, evidence.rtol)
            and _agree(b.analytic, a.numerical, a.bounds, evidence.rtol)
            for a, b in pairs
        ):
            message = f"d{one} is the gradient of {other}, and d{other} that of {one}, in every problem"
            yield Finding(
                "gradients-exchanged", "error", message, f"return d{one} and d{other} in the order of the inputs"
            )


def _one_factor_for_all(evidence: Evidence, wrong: list[str]) -> Iterator[Finding]:
    """All gradients are off by one factor."""
    if len(wrong) < 2 or len(wrong) < len(_inputs(evidence.observations[0])):
        return
    fit = factor_fit(evidence)
    if fit is not None and not fit.law.is_one and not fit.law.is_free:
        for finding in factor_findings(fit.law, f"in every entry of {', '.join(f'd{name}' for name in wrong)}"):
            yield replace(finding, message=finding.message.replace("dS", "the gradient"))


# --- one input ----------------------------------------------------------------------------------------------


def _factor(evidence: Evidence, name: str) -> Iterator[Finding]:
    """dS = c n, with one law of N for c."""
    fit = factor_fit(evidence, _mask(name))
    if fit is not None and not fit.law.is_one:
        yield from factor_findings(fit.law, f"in all {fit.entries} entries that have a derivative")


def _regularizer(evidence: Evidence, name: str) -> Iterator[Finding]:
    """dS = n + d x, or n + d sign(x): the gradient of a penalty that only one of the two has, or has with a factor."""
    mask = _mask(name)
    for symbol, slope, penalty in ((name, np.positive, "x^2"), (f"sign({name})", np.sign, "|x|")):

        def basis(seen: Case, slope: Callable[[FloatArray], FloatArray] = slope) -> tuple[FloatArray, FloatArray]:
            return slope(seen.S), np.zeros(seen.S.shape)

        fit = term_fit(evidence, basis, where=mask)
        if fit is None or not fit.law.k or sum(int(each.sum()) for each in fit.significant) < 4:
            continue
        d = float(fit.law.k)
        own, strength = _own_penalty(evidence, name, slope)
        of_value, of_gradient = own - d, own
        if strength:
            r = strength[1]
            terms = [f"{plain(each / r)}·{strength[0]}·{symbol}" for each in (of_gradient, of_value)]
        else:
            terms = [f"{plain(each)}·{symbol}" for each in (of_gradient, of_value)]
        if abs(of_gradient) < 1e-12:
            message = f"the regularizer's gradient is missing: dS lacks {terms[1]}, which the value's gradient has"
        elif abs(of_value) < 1e-12:
            message = f"dS has {terms[0]}, the gradient of a regularizer that the value lacks"
        else:
            message = f"the regularizer's factor: dS has {terms[0]}, the value's gradient {terms[1]}"
        hint = f"make the value's term in {penalty.replace('x', name)} and its derivative in dS agree"
        yield Finding("missing-regularizer", "error", message, hint)
        return


def _own_penalty(
    evidence: Evidence, name: str, slope: Callable[[FloatArray], FloatArray]
) -> tuple[float, tuple[str, float] | None]:
    """How many times x dS has by a constant of the function, and that constant: from a call with twice of it."""
    seen = evidence.wrong[0]
    (own,) = (each for each in _inputs(seen) if each.input.name == name)
    x = slope(own.x)
    chosen = np.abs(x) > 0.1 * np.abs(x).max(initial=0.0)
    for key, constant in seen.arguments.values.items():
        if not isinstance(constant, float) or constant == 0 or key in {each.input.name for each in _inputs(seen)}:
            continue
        twice = replace(seen.arguments, values=seen.arguments.values | {key: 2 * constant})
        change = evidence.ask.evaluate(seen.S, twice).gradient.reshape(-1)[own.input.entries].reshape(x.shape)
        ratios = ((change - own.analytic) / np.where(x == 0, 1.0, x))[chosen]
        if len(ratios) and np.ptp(ratios) <= 1e-6 * max(np.abs(ratios).max(), 1e-12):
            return float(np.mean(ratios)), (key, constant)
    return 0.0, None


def _transposed(evidence: Evidence, name: str) -> Iterator[Finding]:
    """dS = n transposed, for a square matrix."""
    each = _all(evidence, name)
    if all(
        len(one.input.shape) == 2
        and one.input.shape[0] == one.input.shape[1]
        and _agree(one.analytic, one.numerical.T, one.bounds + one.bounds.T, evidence.rtol)
        for one in each
    ):
        yield Finding("transposed", "error", "dS is the numerical gradient transposed", "return dS.T")


def _region(evidence: Evidence, name: str) -> Iterator[Finding]:
    """Wrong at one index of an axis, or at some; right elsewhere."""
    each = [one for one in _all(evidence, name) if one.wrong.any()]
    dimensions = len(each[0].input.shape)
    for axis in range(dimensions):
        places = []
        for one in each:
            others = tuple(k for k in range(dimensions) if k != axis)
            is_wrong = np.asarray(one.wrong.any(axis=others))
            is_right = np.asarray((one.known & ~one.wrong).any(axis=others))
            places.append((np.flatnonzero(is_wrong).tolist(), len(is_wrong), bool((~is_wrong & is_right).any())))
        indices, sizes = [place[0] for place in places], [place[1] for place in places]
        if not all(place[2] for place in places) or sum(int(one.wrong.sum()) for one in each) < _LEAST_WRONG:
            continue
        words = _indices_in_words(indices, sizes)
        if words:
            where = f"{words} of axis {axis}" if dimensions > 1 else words
            hint = "look at the ranges of loops and slices along that axis: where they begin and end, and their stride"
            yield Finding("one-region", "error", f"dS is wrong only at {where}, and right elsewhere{_what(each)}", hint)
            return


def _indices_in_words(indices: list[list[int]], sizes: list[int]) -> str:
    """The same indices in every problem, counted from the front or from the back."""
    if all(own == indices[0] for own in indices) and len(indices[0]) <= 3:
        own = indices[0]
        if own == [sizes[0] - 1] and len(set(sizes)) == 1:
            return f"index {own[0]}, the last,"
        return f"{'index' if len(own) == 1 else 'indices'} {', '.join(map(str, own))}"
    from_back = [[index - size for index in own] for own, size in zip(indices, sizes, strict=True)]
    if all(own == from_back[0] for own in from_back) and len(from_back[0]) <= 3:
        return "the last index" if from_back[0] == [-1] else f"indices {', '.join(map(str, from_back[0]))}"
    for step in (2, 3):
        for first in range(step):
            if all(own == list(range(first, size, step)) for own, size in zip(indices, sizes, strict=True)):
                return f"every index {first} + {step}k"
    return ""


def _what(each: list[_Of]) -> str:
    """What dS is in the wrong entries, if that is simple."""
    analytic = np.concatenate([one.analytic[one.wrong] for one in each])
    numerical = np.concatenate([one.numerical[one.wrong] for one in each])
    if not np.any(analytic):
        return ": dS is 0 there, and the numerical gradient is not"
    if np.all(np.concatenate([one.is_zero()[one.wrong] for one in each])):
        return ": the numerical gradient is 0 there, and dS is not"
    ratio = analytic / np.where(numerical == 0, np.nan, numerical)
    if len(ratio) > 1 and np.ptp(ratio) <= 1e-5 * np.abs(ratio).max():
        return f": dS is {plain(float(np.median(ratio)), 4)} times the numerical gradient there"
    return ""


def _condition(evidence: Evidence, name: str) -> Iterator[Finding]:
    """Wrong wherever a condition on an array of the same shape holds, and right where it does not."""
    each = _all(evidence, name)
    wrong, known = _flat([one.wrong for one in each]), _flat([one.known | one.wrong for one in each])
    for words, holds in _conditions(each):
        here = _flat(holds)
        enough = wrong.sum() >= _LEAST_WRONG and (known & ~here).sum() >= _LEAST_RIGHT
        if enough and not np.any(wrong & ~here) and np.all(wrong[known & here]):
            message = f"dS is wrong where {words}, and right elsewhere{_what([one for one in each if one.wrong.any()])}"
            hint = "look at the mask, the branch or the clip that belongs to that condition, in forward and in backward"
            yield Finding("one-region", "error", message, hint)
            return


def _flat(masks: list[BoolArray]) -> BoolArray:
    return np.concatenate([mask.ravel() for mask in masks])


def _conditions(each: list[_Of]) -> Iterator[tuple[str, list[BoolArray]]]:
    """Conditions on the entries: in words, and as an array for each problem."""
    name = each[0].input.name
    yield "the numerical gradient is 0", [one.is_zero() for one in each]
    yield "the numerical gradient is not 0", [~one.is_zero() for one in each]
    given = [one.case.arguments.values for one in each]
    shapes = [one.input.shape for one in each]
    alike = [key for key in given[0] if key != name and [np.shape(own[key]) for own in given] == shapes]
    same = [(key, [np.asarray(own[key]) for own in given]) for key in alike]
    for key, arrays in ((name, [one.x for one in each]), *same):
        if not all(array.dtype.kind in "fiub" for array in arrays):
            continue
        yield f"{key} > 0", [array > 0 for array in arrays]
        yield f"{key} > 0 is false", [~(array > 0) for array in arrays]
        yield f"{key} is 0", [array == 0 for array in arrays]
        yield f"{key} is not 0", [array != 0 for array in arrays]
        for limit in (1.0, 6.0):
            yield f"|{key}| > {limit:g}", [np.abs(array) > limit for array in arrays]
            yield f"|{key}| <= {limit:g}", [np.abs(array) <= limit for array in arrays]


def _no_known_cause(evidence: Evidence, name: str) -> Finding:
    each = _all(evidence, name)
    wrong, entries = sum(int(one.wrong.sum()) for one in each), sum(one.input.size for one in each)
    names = [one.input.name for one in _inputs(evidence.observations[0])]
    right = [f"d{other}" for other in names if other not in _wrong_inputs(evidence)]
    beside = f"; {', '.join(right)} {'is' if len(right) == 1 else 'are'} right" if right else ""
    sizes = sorted({int(one.case.rows) for one in each if one.wrong.any()})
    every = sorted({int(one.case.rows) for one in each})
    at = "" if sizes == every else f", at N = {', '.join(map(str, sizes))} only"
    message = f"d{name} is wrong in {wrong} of {entries} entries{at}, and no known cause fits{beside}"
    return Finding("gradient-of-another-loss", "error", message, f"derive d{name} once more, term by term")
