"""Why gradients by named inputs, and second derivatives, are wrong: what relates several inputs, and one's rules."""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial
from itertools import combinations, product

import numpy as np

from gradcheck.checking.evidence import Case, Evidence
from gradcheck.diagnosis import floats
from gradcheck.diagnosis import input_rules as rules
from gradcheck.diagnosis.conditions import beyond, fixed_indices
from gradcheck.diagnosis.jacobian import example, outputs_taken, same_for_any_upstream
from gradcheck.diagnosis.numbers import equal, slack
from gradcheck.diagnosis.other_rules import truncated
from gradcheck.diagnosis.places import zeros
from gradcheck.errors import LossDefect, OutOfTime
from gradcheck.report import Array, BoolArray, Finding, FloatArray

_LOOP_HINT = (
    "look at the ranges of loops and slices along that axis: where they begin and end, and their stride; or, where it "
    "is indexed by labels, at what is added there, and added up where an index occurs again: np.add.at"
)


def of_each_index(evidence: Evidence) -> Iterator[Finding]:
    """dS is n times another input, or divided by it, along one axis."""
    seen = evidence.observations
    dimensions, values = seen[0].S.ndim, seen[0].arguments.values
    axes = range(dimensions if dimensions > 1 and rules.enough(evidence) else 0)
    for axis, key, (how, power) in product(axes, values, (("divided by", -1), ("times", 1))):
        own = [np.asarray(each.arguments.values[key]) for each in seen]
        fits = all(v.shape == e.S.shape[axis : axis + 1] for v, e in zip(own, seen, strict=True))
        if not (fits and own[0].dtype.kind == "f" and all(map(np.all, own))):
            continue
        pairs = zip(seen, [np.expand_dims(v**power, [k for k in axes if k != axis]) for v in own], strict=True)
        if all(equal(evidence, e, e.analytic, f * e.numerical, np.abs(f) * (e.bounds + e.granted)) for e, f in pairs):
            hint = f"look at where {key} enters the value, and where its factor is in dS"
            yield Finding("row-factor", "error", f"dS is the numerical gradient {how} {key}, along axis {axis}", hint)
            return


def indices(evidence: Evidence) -> Iterator[Finding]:
    """Wrong at some indices of an axis: the same in all problems, or those that an array of integers names."""
    wrong = evidence.wrong
    dimensions = wrong[0].S.ndim
    places = np.argwhere(wrong[0].wrong).tolist()
    is_same = all(np.argwhere(each.wrong).tolist() == places for each in wrong)
    if dimensions > 1 and is_same and len(places) <= min(3, wrong[0].S.size - 1):
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


def _named_indices(seen: Sequence[Case], is_wrong: list[BoolArray], is_right: list[BoolArray]) -> str:
    """The indices that an array of integers holds: at all, more than once, or not."""
    for key, value in seen[0].arguments.values.items():
        arrays = [np.ravel(each.arguments.values[key]) for each in seen]
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


def condition(evidence: Evidence) -> Iterator[Finding]:
    """Wrong wherever a condition on an array of the same shape holds, and right where it does not."""

    def flat(arrays: Iterable[FloatArray | BoolArray]) -> Array:
        return np.concatenate([each.ravel() for each in arrays])

    wrong = flat(each.wrong for each in evidence.observations)
    known = flat(each.known for each in evidence.observations) | wrong
    arrays = {key: flat(own) for key, own in rules.alike(evidence)}
    named = [(f"{side}{key}{side}", np.abs(own) if side else own) for key, own in arrays.items() for side in ("", "|")]
    found = [f"{words} {' '.join(limit)}" for words, own in named if (limit := beyond(wrong, known, own))]
    found = [f"{each}, and right elsewhere{_difference(evidence.wrong)}" for each in found[:1]]
    is_flat = flat(np.abs(each.numerical) <= each.bounds + each.granted for each in evidence.observations)
    if not found and np.array_equal(wrong[known], is_flat[known]):
        found = ["the numerical gradient is 0, and right elsewhere"]
    if found and min(wrong.sum(), (known & ~wrong).sum()) > 1:
        hint = "look at the mask, the branch or the clip that belongs to that condition, in forward and in backward"
        yield Finding("one-region", "error", f"dS is wrong where {found[0]}", hint)


def _difference(seen: Sequence[Case]) -> str:
    return f"; there {words}" if (words := zeros(seen)) else ""


def _is_square(seen: Sequence[Case]) -> bool:
    return seen[0].S.ndim > 1 and all(each.S.shape[-1] == each.S.shape[-2] for each in seen)


def on_the_diagonal(evidence: Evidence) -> Iterator[Finding]:
    """A block or a whole matrix is wrong on its diagonal alone, or beside it alone."""
    seen = evidence.observations
    for where, is_on in (("on its diagonal", True), ("beside its diagonal", False)) if _is_square(seen) else ():
        pairs = [(each, np.broadcast_to(np.eye(each.S.shape[-1], dtype=bool), each.S.shape) == is_on) for each in seen]
        if not any(each.wrong[~place].any() for each, place in pairs):
            there = "" if any(each.analytic[place].any() for each, place in pairs) else "; it is 0 there"
            yield Finding("wrong-hessian", "error", f"dS is wrong only {where}, and right elsewhere{there}")
            return


def not_symmetric(evidence: Evidence) -> Iterator[Finding]:
    """Two entries that are derivatives by the same two numbers differ."""
    for each in evidence.observations if _is_square(evidence.observations) else ():
        other = np.swapaxes(each.analytic, -1, -2)
        apart = np.abs(each.analytic - other) - slack(evidence, each, np.maximum(np.abs(each.analytic), np.abs(other)))
        if np.max(apart) > 0:
            place = np.argwhere(apart == np.max(apart))[0].tolist()
            turned = [*place[:-2], place[-1], place[-2]]
            one, two = (f"dS{k} is {each.analytic[tuple(k)]:.6g}" for k in (place, turned))
            yield Finding("wrong-hessian", "error", f"dS is not symmetric: {one} and {two}")
            return


Rule = Callable[[Evidence], Iterator[Finding]]
#: The rules for one input, and those for second derivatives, which need no calls: the most telling first.
RULES: tuple[Rule, ...] = (
    truncated, floats.rounded, same_for_any_upstream, rules.factor, rules.regularizer, rules.rearranged,
    rules.elementwise, outputs_taken, indices, condition, of_each_index, rules.lost_mean, example,
)  # fmt: skip
OF_HESSIANS: tuple[Rule, ...] = (
    rules.factor, not_symmetric, on_the_diagonal, rules.rearranged, indices, of_each_index, rules.lost_mean,
)  # fmt: skip


def explain_inputs(evidence: Evidence) -> tuple[Finding, ...]:
    """Why gradients of a function of named inputs are wrong, the leading finding first; its cases hold `Arguments`."""
    inputs = evidence.by_input()
    wrong = [name for name, own in inputs.items() if own.wrong]
    told, exchanged = _exchanged(wrong, inputs)
    found: dict[str, tuple[Finding, list[str]]] = {}  # by its text about dS, a finding and the inputs that it holds of
    unexplained = []
    for name in [name for name in wrong if name not in exchanged]:
        own = _explained(inputs[name], RULES)
        for finding in own:
            found.setdefault(finding.message, (finding, []))[1].append(name)
        if not own:
            unexplained.append(name)
    told += [_named(finding, names) for finding, names in found.values()]
    if unexplained:
        right = [f"d{name}" for name in inputs if name not in wrong]
        told.append(_no_known_cause(unexplained, right, inputs))
    return tuple(told)


def rounded(evidence: Evidence) -> Iterator[Finding]:
    """A gradient that is right, and rounded to some decimals."""
    for name, own in evidence.by_input().items():
        if not own.wrong:
            yield from (_named(finding, [name]) for finding in floats.rounded(own))


def explain_hessian(evidence: Evidence) -> tuple[Finding, ...]:
    """A finding for each array of second derivatives that is wrong somewhere, in the cases an input of its own."""
    arrays = {name: own for name, own in evidence.by_input().items() if own.wrong}
    return tuple(_of_hessian(name, own) for name, own in arrays.items())


def _of_hessian(name: str, evidence: Evidence) -> Finding:
    why = f"dS is wrong in {rules.how_many_wrong(evidence.observations)}, and no known cause fits"
    unknown = Finding("wrong-hessian", "error", why, "derive each entry of the gradient once more, term by term")
    found = [*_explained(evidence, OF_HESSIANS), unknown][0]
    message = found.message.replace("dS", name).replace("the numerical gradient", "the second derivative")
    return Finding("wrong-hessian", "error", message, found.hint.replace("dS", name))


def of_products(findings: Iterable[Finding], cases: Sequence[Case]) -> tuple[Finding, ...]:
    """Findings on products of the second derivatives with random numbers v, in the place of a gradient."""
    names = {name for case in cases for name in case.arguments.layout.names}
    if not any(case.analytic.any() for case in cases):
        message = "the second derivatives are 0 everywhere, and those of the gradient are not"
        hint = "a backward that is differentiated itself must keep the graph of all that it uses: no detach, no .data"
        return (Finding("wrong-hessian", "error", message, hint),)
    of_gradient = re.compile(rf"\bd({'|'.join(re.escape(name) for name in names)})\b|\bdS\b")
    said, prefix = partial(of_gradient.sub, "hvp"), "hvp, the product of the second derivatives with random numbers: "
    return tuple(
        replace(each, code="wrong-hessian", message=prefix + said(each.message), hint=said(each.hint))
        for each in findings
    )


def _explained(evidence: Evidence, own_rules: Sequence[Rule]) -> list[Finding]:
    """What the first rule finds that finds anything."""
    for rule in own_rules:
        with suppress(LossDefect, OutOfTime):  # it needs calls that cannot be had
            if found := list(rule(evidence)):
                return found
    return []


def _named(finding: Finding, names: list[str]) -> Finding:
    """A finding about dS as one about the gradients of these inputs."""
    own = f"{'each of ' if len(names) > 1 else ''}{_listed([f'd{name}' for name in names])}"
    return replace(finding, message=finding.message.replace("dS", own), hint=finding.hint.replace("dS", own))


def _exchanged(wrong: list[str], inputs: dict[str, Evidence]) -> tuple[list[Finding], tuple[str, ...]]:
    """The finding that two gradients are in each other's place, and which two."""

    def has(a: Case, b: Case) -> bool:
        return a.S.shape == b.S.shape and equal(evidence, a, a.analytic, b.numerical, b.bounds + b.granted)

    for one, other in combinations(wrong, 2):
        evidence, pairs = inputs[one], zip(inputs[one].observations, inputs[other].observations, strict=True)
        if all(has(a, b) and has(b, a) for a, b in pairs):
            message = f"d{one} is the gradient of {other}, and d{other} that of {one}: they are exchanged"
            hint = f"return d{one} and d{other} in the order of the inputs"
            return [Finding("gradients-exchanged", "error", message, hint)], (one, other)
    return [], ()


def _no_known_cause(names: list[str], right: list[str], inputs: dict[str, Evidence]) -> Finding:
    seen = [each for name in names for each in inputs[name].observations]
    these = _listed([f"d{name}" for name in names])
    verb = "is" if len(names) == 1 else "are"
    beside = f"; {_listed(right)} {'is' if len(right) == 1 else 'are'} right" if right else ""
    sizes, every = ({each.rows for each in seen if each.is_wrong or any_} for any_ in (False, True))
    at = "" if sizes == every else f", at N = {', '.join(map(str, sorted(sizes)))} only"
    message = f"{these} {verb} wrong in {rules.how_many_wrong(seen)}{at}, and no known cause fits{beside}"
    return Finding("gradient-of-another-loss", "error", message, f"derive {these} once more, term by term")


def _listed(words: list[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"
