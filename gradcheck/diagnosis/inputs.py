"""Why gradients of a function of named inputs are wrong: what relates several inputs, where one is, and the rules."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import replace
from itertools import combinations, product
from typing import Any

import numpy as np
import numpy.typing as npt

from gradcheck.checking.evidence import Evidence
from gradcheck.diagnosis import input_rules as rules
from gradcheck.diagnosis.conditions import beyond, fixed_indices
from gradcheck.diagnosis.input_rules import InputSeen, Seen, alike
from gradcheck.diagnosis.jacobian import example, outputs_taken, same_for_any_upstream
from gradcheck.diagnosis.places import zeros
from gradcheck.errors import LossDefect, OutOfTime
from gradcheck.numerics.verdicts import BoolArray
from gradcheck.report import Finding, FloatArray

_LOOP_HINT = (
    "look at the ranges of loops and slices along that axis: where they begin and end, and their stride; or, where it "
    "is indexed by labels, at what is added there, and added up where an index occurs again: np.add.at"
)


def of_each_index(seen: Seen) -> Iterator[Finding]:
    """dS is n times another input, or divided by it, along one axis."""
    dimensions = seen[0].x.ndim
    axes = range(dimensions if dimensions > 1 and rules.enough(seen) else 0)
    for axis, key, (how, power) in product(axes, seen[0].values, (("divided by", -1), ("times", 1))):
        own = [np.asarray(each.values[key]) for each in seen]
        fits = all(v.shape == e.x.shape[axis : axis + 1] for v, e in zip(own, seen, strict=True))
        if not (fits and own[0].dtype.kind == "f" and all(map(np.all, own))):
            continue
        factors = [np.expand_dims(v**power, [k for k in axes if k != axis]) for v in own]
        if all(e.equal(e.analytic, f * e.numerical, np.abs(f) * e.bounds) for e, f in zip(seen, factors, strict=True)):
            hint = f"look at where {key} enters the value, and where its factor is in dS"
            yield Finding("row-factor", "error", f"dS is the numerical gradient {how} {key}, along axis {axis}", hint)
            return


def indices(seen: Seen) -> Iterator[Finding]:
    """Wrong at some indices of an axis: the same in all problems, or those that an array of integers names."""
    wrong = [each for each in seen if each.wrong.any()]
    dimensions = len(wrong[0].input.shape)
    places = np.argwhere(wrong[0].wrong).tolist()
    is_same = all(np.argwhere(each.wrong).tolist() == places for each in wrong)
    if dimensions > 1 and is_same and len(places) <= min(3, wrong[0].x.size - 1):
        named = ", ".join(f"dS{place}" for place in places)
        yield Finding("one-region", "error", f"dS is wrong only at {named}{_difference(wrong)}", _LOOP_HINT)
        return
    for axis in range(dimensions):
        others = tuple(k for k in range(dimensions) if k != axis)
        is_wrong = [np.asarray(each.wrong.any(axis=others)) for each in wrong]
        is_right = [np.asarray((each.known & ~each.wrong).any(others)) & ~each.wrong.any(others) for each in wrong]
        if not any(each.any() for each in is_right) or (dimensions > 1 and sum(each.wrong.sum() for each in wrong) < 2):
            continue
        words = _named_indices(wrong, is_wrong, is_right) if sum(map(np.sum, is_wrong)) > 1 else ""
        if words := words or fixed_indices([np.flatnonzero(w).tolist() for w in is_wrong], [*map(len, is_wrong)]):
            where = f"{words} of axis {axis}" if dimensions > 1 else words
            message = f"dS is wrong only at {where}, and right elsewhere{_difference(wrong)}"
            yield Finding("one-region", "error", message, _LOOP_HINT)
            return


def _named_indices(seen: Seen, is_wrong: list[BoolArray], is_right: list[BoolArray]) -> str:
    """The indices that an array of integers holds: at all, more than once, or not."""
    for key, value in seen[0].values.items():
        arrays = [np.ravel(each.values[key]) for each in seen]
        if arrays[0].dtype.kind not in "iu" or not np.ndim(value):
            continue
        if all(len(own) == len(w) and np.array_equal(own < 0, w) for own, w in zip(arrays, is_wrong, strict=True)):
            return f"the indices where {key} is -1"
        if any(own.min() < 0 or own.max() >= len(w) for own, w in zip(arrays, is_wrong, strict=True)):
            continue
        counts = [np.bincount(own, minlength=len(w)) for own, w in zip(arrays, is_wrong, strict=True)]
        for words, least, most in (("has more than once", 2, np.inf), ("has", 1, np.inf), ("has not", 0, 0)):
            holds = [(least <= count) & (count <= most) for count in counts]
            if all(np.all(w == h, where=w | r) for w, r, h in zip(is_wrong, is_right, holds, strict=True)):
                return f"the indices that {key} {words}"
    return ""


def condition(seen: Seen) -> Iterator[Finding]:
    """Wrong wherever a condition on an array of the same shape holds, and right where it does not."""

    def flat(arrays: Iterable[FloatArray | BoolArray]) -> npt.NDArray[Any]:
        return np.concatenate([each.ravel() for each in arrays])

    wrong = flat(each.wrong for each in seen)
    known = flat(each.known for each in seen) | wrong
    arrays = {key: flat(own) for key, own in alike(seen)}
    named = [(f"{side}{key}{side}", np.abs(own) if side else own) for key, own in arrays.items() for side in ("", "|")]
    found = [f"{words} {' '.join(limit)}" for words, own in named if (limit := beyond(wrong, known, own))]
    found = [f"{each}, and right elsewhere{_difference([e for e in seen if e.wrong.any()])}" for each in found[:1]]
    is_flat = flat(np.abs(each.numerical) <= each.bounds for each in seen)
    if not found and np.array_equal(wrong[known], is_flat[known]):
        found = ["the numerical gradient is 0, and right elsewhere"]
    if found and min(wrong.sum(), (known & ~wrong).sum()) > 1:
        hint = "look at the mask, the branch or the clip that belongs to that condition, in forward and in backward"
        yield Finding("one-region", "error", f"dS is wrong where {found[0]}", hint)


def _difference(seen: Seen) -> str:
    return f"; there {words}" if (words := zeros(seen)) else ""


#: The rules for one input, the most telling first.
RULES: tuple[rules.Rule, ...] = (
    rules.truncated, same_for_any_upstream, rules.factor, rules.regularizer, rules.rearranged, rules.elementwise,
    outputs_taken, indices, condition, of_each_index, rules.lost_mean, example,
)  # fmt: skip


def explain_inputs(evidence: Evidence) -> tuple[Finding, ...]:
    """Why gradients of a function of named inputs are wrong, the leading finding first; its cases hold `Arguments`."""
    inputs = rules.by_input(evidence.observations, evidence.ask, evidence.rtol)
    wrong = [name for name, seen in inputs.items() if any(each.wrong.any() for each in seen)]
    told, exchanged = _exchanged(wrong, inputs)
    found: dict[str, tuple[Finding, list[str]]] = {}  # by its text about dS, a finding and the inputs that it holds of
    unexplained = []
    for name in [name for name in wrong if name not in exchanged]:
        own = _of_one(inputs[name])
        for finding in own:
            found.setdefault(finding.message, (finding, []))[1].append(name)
        if not own:
            unexplained.append(name)
    told += [_named(finding, names) for finding, names in found.values()]
    if unexplained:
        right = [f"d{name}" for name in inputs if name not in wrong]
        told.append(_no_known_cause(unexplained, right, inputs))
    return tuple(told)


def _named(finding: Finding, names: list[str]) -> Finding:
    """A finding about dS as one about the gradients of these inputs."""
    own = f"{'each of ' if len(names) > 1 else ''}{_listed([f'd{name}' for name in names])}"
    return replace(finding, message=finding.message.replace("dS", own), hint=finding.hint.replace("dS", own))


def _of_one(seen: Seen) -> list[Finding]:
    for rule in RULES:
        with suppress(LossDefect, OutOfTime):  # it needs calls that cannot be had
            if found := list(rule(seen)):
                return found
    return []


def _exchanged(wrong: list[str], inputs: dict[str, Seen]) -> tuple[list[Finding], tuple[str, ...]]:
    """The finding that two gradients are in each other's place, and which two."""

    def has(a: InputSeen, b: InputSeen) -> bool:
        return a.x.shape == b.x.shape and a.equal(a.analytic, b.numerical, b.bounds)

    for one, other in combinations(wrong, 2):
        if all(has(a, b) and has(b, a) for a, b in zip(inputs[one], inputs[other], strict=True)):
            message = f"d{one} is the gradient of {other}, and d{other} that of {one}: they are exchanged"
            hint = f"return d{one} and d{other} in the order of the inputs"
            return [Finding("gradients-exchanged", "error", message, hint)], (one, other)
    return [], ()


def _no_known_cause(names: list[str], right: list[str], inputs: dict[str, Seen]) -> Finding:
    seen = [each for name in names for each in inputs[name]]
    these = _listed([f"d{name}" for name in names])
    verb = "is" if len(names) == 1 else "are"
    beside = f"; {_listed(right)} {'is' if len(right) == 1 else 'are'} right" if right else ""
    sizes, every = ({each.case.rows for each in seen if each.wrong.any() or any_} for any_ in (False, True))
    at = "" if sizes == every else f", at N = {', '.join(map(str, sorted(sizes)))} only"
    message = f"{these} {verb} wrong in {rules.how_many_wrong(seen)}{at}, and no known cause fits{beside}"
    return Finding("gradient-of-another-loss", "error", message, f"derive {these} once more, term by term")


def _listed(words: list[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"
