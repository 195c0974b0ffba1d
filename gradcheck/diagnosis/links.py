"""A link, such as exp or sigmoid, whose derivative dS lacks or has twice, or that the value lacks."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from gradcheck.checking.evidence import Evidence
from gradcheck.diagnosis.fits import count, significant
from gradcheck.report import Finding, FloatArray

#: Bounds hold for single entries; many that are compared get so much more. So many must be known not to be 0.
_SLACK, _ENTRIES = 10.0, 4
#: Steps along a line, relative to the largest score, and how far two slopes may differ.
_STEP, _RTOL = 1e-5, 1e-6

_Change = Callable[[FloatArray], FloatArray]


def sigmoid(S: FloatArray) -> FloatArray:
    """1 / (1 + exp(-S)), of any shape, without overflow."""
    return np.asarray(0.5 * (1 + np.tanh(0.5 * S)))


def softmax(S: FloatArray) -> FloatArray:
    """The softmax of each row of N x C scores, without overflow."""
    e = np.exp(S - S.max(axis=1, keepdims=True))
    return np.asarray(e / e.sum(axis=1, keepdims=True))


def _through_softmax(S: FloatArray, dp: FloatArray) -> FloatArray:
    p = softmax(S)
    return np.asarray(p * (dp - np.sum(p * dp, axis=1, keepdims=True)))


#: Of p = g(S), N x C both: g, and dL/dS from S and dL/dp, by the chain rule.
_LINKS: dict[str, tuple[_Change, Callable[[FloatArray, FloatArray], FloatArray]]] = {
    "exp": (np.exp, lambda S, dp: dp * np.exp(S)),
    "sigmoid": (sigmoid, lambda S, dp: dp * sigmoid(S) * (1 - sigmoid(S))),
    "softmax": (softmax, _through_softmax),
    "tanh": (np.tanh, lambda S, dp: dp * (1 - np.tanh(S) ** 2)),
}


def lost_derivative(evidence: Evidence) -> Iterator[Finding]:
    """dS is the derivative by p = g(S), or has the derivative of g twice."""
    if count([significant(seen) for seen in evidence.observations]) < _ENTRIES:
        return

    def is_so(through: Callable[[FloatArray, FloatArray], FloatArray], is_lost: bool) -> bool:
        for seen in evidence.observations:
            given, wanted = (seen.analytic, seen.numerical) if is_lost else (seen.numerical, seen.analytic)
            with np.errstate(over="ignore", invalid="ignore"):
                predicted, unsure = through(seen.S, given), np.abs(through(seen.S, seen.bounds + seen.granted))
                slack = _SLACK * (seen.bounds + seen.granted + unsure) + evidence.rtol * np.abs(wanted)
                if not np.all((np.abs(predicted - wanted) <= slack) | ~seen.known):
                    return False
        return True

    for name, (_, through) in _LINKS.items():
        for is_lost, message, hint in (
            (True, f"dS is the derivative by p = {name}(S), and not by S", f"multiply it by the derivative of {name}"),
            (False, f"dS has the derivative of {name} once more than it should", f"leave one derivative of {name} out"),
        ):
            if is_so(through, is_lost):
                yield Finding("gradient-of-another-loss", "error", message, hint)
                return


def lost_in_the_value(evidence: Evidence) -> Iterator[Finding]:
    """dS is the gradient of the value taken at g(S): two calls for each g at a first problem, and two at the others."""
    links = dict(_LINKS)
    for seen in evidence.observations:
        along = np.random.default_rng(seen.S.shape).normal(size=seen.S.shape)
        step, slope = _STEP * max(1.0, float(np.abs(seen.S).max())), float(np.sum(seen.analytic * along))
        for name, (g, _) in list(links.items()):
            with np.errstate(over="ignore"):
                sides = [evidence.ask.evaluate(g(seen.S + h * along), seen.y).value for h in (step, -step)]
            central = (sides[0] - sides[1]) / (2 * step)
            if not abs(central - slope) <= _RTOL * float(np.linalg.norm(seen.analytic * along)):
                del links[name]
        if not links:
            return
    name = next(iter(links))
    message = f"dS is the gradient of the value taken at {name}(S) in place of S: the value lacks the {name}"
    yield Finding("value-of-another-loss", "error", message, f"look at the value: apply {name} to the scores first")
