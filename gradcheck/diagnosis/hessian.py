"""Why second derivatives are wrong: the rules for inputs that need no call, on ``hess`` as an input of its own."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from functools import partial

import numpy as np

from gradcheck.checking.evidence import Allowance, Case
from gradcheck.diagnosis import input_rules as rules
from gradcheck.diagnosis.input_rules import Seen
from gradcheck.diagnosis.inputs import indices, of_each_index
from gradcheck.functions.function import Function
from gradcheck.report import Finding


def explain_hessian(cases: Iterable[Case], loss: Function, rtol: float) -> tuple[Finding, ...]:
    """A finding for each array of second derivatives that is wrong somewhere."""
    arrays = rules.by_input(cases, Allowance(loss, 0), rtol)
    return tuple(_of_one(name, seen) for name, seen in arrays.items() if any(each.wrong.any() for each in seen))


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


def _of_one(name: str, seen: Seen) -> Finding:
    why = f"dS is wrong in {rules.how_many_wrong(seen)}, and no known cause fits"
    unknown = Finding("wrong-hessian", "error", why, "derive each entry of the gradient once more, term by term")
    found = next((finding for rule in RULES for finding in rule(seen)), unknown)
    message = found.message.replace("dS", name).replace("the numerical gradient", "the second derivative")
    return Finding("wrong-hessian", "error", message, found.hint.replace("dS", name))


def _is_square(seen: Seen) -> bool:
    return seen[0].x.ndim > 1 and all(each.x.shape[-1] == each.x.shape[-2] for each in seen)


def on_the_diagonal(seen: Seen) -> Iterator[Finding]:
    """A block or a whole matrix is wrong on its diagonal alone, or beside it alone."""
    for where, is_on in (("on its diagonal", True), ("beside its diagonal", False)) if _is_square(seen) else ():
        pairs = [(each, np.broadcast_to(np.eye(each.x.shape[-1], dtype=bool), each.x.shape) == is_on) for each in seen]
        if not any(each.wrong[~place].any() for each, place in pairs):
            there = "" if any(each.analytic[place].any() for each, place in pairs) else "; it is 0 there"
            yield Finding("wrong-hessian", "error", f"dS is wrong only {where}, and right elsewhere{there}")
            return


def not_symmetric(seen: Seen) -> Iterator[Finding]:
    """Two entries that are derivatives by the same two numbers differ."""
    for each in seen if _is_square(seen) else ():
        other = np.swapaxes(each.analytic, -1, -2)
        apart = np.abs(each.analytic - other) - each.slack(np.maximum(np.abs(each.analytic), np.abs(other)))
        if np.max(apart) > 0:
            place = np.argwhere(apart == np.max(apart))[0].tolist()
            turned = [*place[:-2], place[-1], place[-2]]
            one, two = (f"dS{k} is {each.analytic[tuple(k)]:.6g}" for k in (place, turned))
            yield Finding("wrong-hessian", "error", f"dS is not symmetric: {one} and {two}")
            return


#: The most telling first.
RULES: tuple[rules.Rule, ...] = (
    rules.factor, not_symmetric, on_the_diagonal, rules.rearranged, indices, of_each_index, rules.lost_mean,
)  # fmt: skip
