"""Why gradients of a function of named inputs are wrong: what relates several inputs, then the rules for each one."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations

from gradcheck.checking.evidence import Evidence
from gradcheck.diagnosis import input_rules as rules
from gradcheck.diagnosis.input_places import condition, indices, of_each_index
from gradcheck.diagnosis.jacobian import example, outputs_taken, same_for_any_upstream
from gradcheck.errors import LossDefect, OutOfTime
from gradcheck.report import Finding

#: The rules for one input, the most telling first.
RULES: tuple[rules.Rule, ...] = (
    same_for_any_upstream, rules.factor, rules.regularizer, rules.rearranged, rules.elementwise, outputs_taken,
    indices, condition, of_each_index, rules.lost_mean, example,
)  # fmt: skip


def explain_inputs(evidence: Evidence) -> tuple[Finding, ...]:
    """What is wrong with the gradients of a function of named inputs, the most telling finding first.

    Args:
        evidence: its cases hold `Arguments`.
    """
    inputs: dict[str, rules.Seen] = {}
    for case in evidence.observations:
        for each in case.arguments.layout.inputs:
            inputs.setdefault(each.name, []).append(rules.InputSeen(case, each, evidence.ask, evidence.rtol))
    wrong = [name for name, seen in inputs.items() if any(each.wrong.any() for each in seen)]
    told, exchanged = _exchanged(wrong, inputs)
    found: dict[str, tuple[Finding, list[str]]] = {}  # by its text about dS, a finding and the inputs that it holds of
    unexplained = []
    for name in wrong:
        own = _of_one(inputs[name]) if name not in exchanged else []
        for finding in own:
            found.setdefault(finding.message, (finding, []))[1].append(name)
        if not own and name not in exchanged:
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


def _of_one(seen: rules.Seen) -> list[Finding]:
    for rule in RULES:
        try:
            if found := list(rule(seen)):
                return found
        except (LossDefect, OutOfTime):  # it needs calls that cannot be had
            continue
    return []


def _exchanged(wrong: list[str], inputs: dict[str, rules.Seen]) -> tuple[list[Finding], tuple[str, ...]]:
    """The finding that two gradients are in each other's place, and which two."""
    for one, other in combinations(wrong, 2):
        if all(
            a.x.shape == b.x.shape
            and a.equal(a.analytic, b.numerical, b.bounds)
            and b.equal(b.analytic, a.numerical, a.bounds)
            for a, b in zip(inputs[one], inputs[other], strict=True)
        ):
            message = f"d{one} is the gradient of {other}, and d{other} that of {one}: they are exchanged"
            hint = f"return d{one} and d{other} in the order of the inputs"
            return [Finding("gradients-exchanged", "error", message, hint)], (one, other)
    return [], ()


def _no_known_cause(names: list[str], right: list[str], inputs: dict[str, rules.Seen]) -> Finding:
    seen = [each for name in names for each in inputs[name]]
    wrong, entries = sum(int(each.wrong.sum()) for each in seen), sum(each.input.size for each in seen)
    these = _listed([f"d{name}" for name in names])
    verb = "is" if len(names) == 1 else "are"
    beside = f"; {_listed(right)} {'is' if len(right) == 1 else 'are'} right" if right else ""
    sizes, every = ({each.case.rows for each in seen if each.wrong.any() or any_} for any_ in (False, True))
    at = "" if sizes == every else f", at N = {', '.join(map(str, sorted(sizes)))} only"
    message = f"{these} {verb} wrong in {wrong} of {entries} entries{at}, and no known cause fits{beside}"
    return Finding("gradient-of-another-loss", "error", message, f"derive {these} once more, term by term")


def _listed(words: list[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"
