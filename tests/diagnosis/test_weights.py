"""Weights of rows, masks and ignored labels: which of value and gradient takes them, and what both divide by."""

import numpy as np
import pytest
from corpora.parts import cross_entropy

import gradcheck
from gradcheck.functions.suggestions import guessed_inputs

WEIGHTS, MASK, ENTRIES = "uniform(0.5, 2) [N]", "integers(0, 1) [N]", "integers(0, 1) [N, C]"
IGNORED = {"labels": {"kind": "class", "ignored": 0.3}}


def found(way, name, described):
    """Whether a loss passes, and its findings: ``way`` makes value and gradient of L, dL and an array."""
    scope = {"loss": lambda S, y, array: way(*cross_entropy(S, y), array)}
    exec(f"def f(S, y, {name}):\n    return loss(S, y, {name})", scope)
    report = gradcheck.check(scope["f"], inputs={"S": "[N, C]", "y": "labels", name: described}).losses[0]
    return report.passed, [(each.code, each.severity, each.message) for each in report.findings]


def said(loss, **keys):
    """The leading finding in a line; nothing if there is none."""
    findings = gradcheck.check(loss, **keys).losses[0].findings
    return f"{findings[0].code}: {findings[0].message}" if findings else ""


def column(array):
    return array[:, None]


OF_WEIGHTS = [
    (lambda L, dL, w: ((w * L).sum() / w.sum(), column(w) * dL / w.sum()), ""),
    (lambda L, dL, w: ((w * L).mean(), column(w) * dL / len(L)), ""),
    (lambda L, dL, w: ((w * L).sum(), column(w) * dL), ""),
    (lambda L, dL, w: ((w * L).sum() / w.sum(), column(w) * dL / len(L)), "divides by the sum of {}, and {} by N"),
    (lambda L, dL, w: ((w * L).sum() / w.sum(), column(w) * dL), "divides by the sum of {}, and {} does not"),
    (lambda L, dL, w: ((w * L).mean(), column(w) * dL / w.sum()), "the gradient divides by the sum of {}, and the va"),
    (lambda L, dL, w: ((w * L).mean(), dL / len(L)), "the gradient does not change with {}, and the value does"),
    (lambda L, dL, w: (L.mean(), column(w) * dL / len(L)), "the value does not change with {}, and {} does"),
]
OF_MASKS = [
    (lambda L, dL, m: ((m * L).sum() / max(m.sum(), 1), column(m) * dL / max(m.sum(), 1)), ""),
    (lambda L, dL, m: (((1 - m) * L).mean(), column(1 - m) * dL / len(L)), ""),
    (lambda L, dL, m: ((m * L).sum() / max(m.sum(), 1), column(m) * dL / len(L)), "divides by N where the value"),
    (lambda L, dL, m: ((m * L).mean(), dL / len(L)), "does not change with mask, and the value does"),
    (lambda L, dL, m: ((m * L).sum() / max(m.sum(), 1), dL / max(m.sum(), 1)), "is not 0 where mask is 0"),
    (lambda L, dL, m: (((1 - m) * L).sum(), (1 - column(m) / 2) * dL), "is not 0 where mask is 1"),
]


@pytest.mark.parametrize(
    ("name", "way", "words"),
    [
        *((name, *case) for name in ("w", "weights", "sample_weight") for case in OF_WEIGHTS),
        *(("mask", *case) for case in OF_MASKS),
    ],
)
def test_weights_and_masks_of_rows(name, way, words):
    passed, findings = found(way, name, MASK if name == "mask" else WEIGHTS)
    assert passed is not bool(words)
    code = "mask-ignored" if name == "mask" else "weights-ignored"
    assert [each[:2] for each in findings] == ([(code, "error")] if words else [])
    assert not words or words.format(name, "the gradient") in findings[0][2]


@pytest.mark.parametrize(
    ("way", "name", "described", "words"),
    [
        (lambda L, dL, w: (L.mean(), dL / len(L)), "w", WEIGHTS, "neither the value nor the gradient changes with w"),
        (lambda L, dL, m: (L.mean(), dL / len(L)), "mask", MASK, "neither the value nor the gradient changes with mas"),
        (lambda L, dL, w: (w.mean() * L.sum(), w.mean() * dL), "w", WEIGHTS, "a row whose w is 0 still changes the va"),
    ],
)
def test_an_argument_that_changes_nothing_and_a_row_of_weight_0_that_counts_are_notes(way, name, described, words):
    passed, findings = found(way, name, described)
    assert passed
    assert [severity for _, severity, _ in findings] == ["note"]
    assert words in findings[0][2]


def linear(w, X):
    return ((X @ w) ** 2).sum() / 2, X.T @ (X @ w)


def picked(x, index):
    """An index from the end is no ignored label."""
    return (x[index] ** 2).sum(), 2 * np.bincount(index % len(x), minlength=len(x)) * x


def margins(S, weights):
    active = weights > S[:, 0]
    return np.where(active, weights - S[:, 0], 0).mean(), -column(active) * np.eye(S.shape[1])[0] / len(S)


def targets(S, mask):
    return np.abs(S - 9 - column(mask)).sum(), np.sign(S - 9 - column(mask))


def penalty(S, w):
    return (S**2).sum() / 2 + (w * np.log(w)).sum(), S


def difference(pred, target, valid):
    r = (pred - target) * valid
    return (r**2).sum() / max(valid.sum(), 1), 2 * r / len(r)


OF_TWO = {"pred": "[N, C]", "target": "[N, C]", "valid": ENTRIES}


@pytest.mark.parametrize(
    ("loss", "inputs", "words"),
    [
        (lambda S, mask: ((mask * S**2).sum(), 2 * mask * S), {"S": "[N, C]", "mask": ENTRIES}, ""),
        (lambda S, mask: ((mask * S**2).sum(), 2 * S), {"S": "[N, C]", "mask": ENTRIES}, "mask-ignored"),
        # Right gradients that do not follow what is called a weight or a mask: a parameter, a margin, a target.
        (linear, {"w": "[D]", "X": "[N, D]"}, ""),
        (picked, {"x": "[5]", "index": "integers(-1, 2) [N]"}, ""),
        (margins, {"S": "[N, C]", "weights": "uniform(3, 4) [N]"}, ""),
        (targets, {"S": "[N, C]", "mask": MASK}, ""),
        (penalty, {"S": "[N, C]", "w": WEIGHTS}, ""),
        (difference, OF_TWO, "divides by N where the value divides by the sum of valid"),
    ],
)
def test_masks_of_entries_and_what_only_looks_like_a_weight_or_a_mask(loss, inputs, words):
    message = said(loss, inputs=inputs, wrt=["pred"] if "pred" in inputs else [])
    assert words in message if words else not message


def ignoring(value_divides, gradient_divides):
    def loss(S, y):
        kept = y >= 0
        L, dL = cross_entropy(S, np.maximum(y, 0))
        count = max(int(kept.sum()), 1)
        divisors = [count if own else len(y) for own in (value_divides, gradient_divides)]
        return (kept * L).sum() / divisors[0], column(kept) * dL / divisors[1]

    return loss


def last(S, y):
    L, dL = cross_entropy(S, y)
    return L.mean(), dL / len(L)


def penalised(S, y):
    value, dS = ignoring(True, True)(S, y)
    return value + 0.01 * (S**2).sum(), dS + 0.02 * S


def test_ignored_labels():
    for right in (ignoring(True, True), ignoring(False, False), penalised):
        assert not said(right, **IGNORED)
    for mixed in (ignoring(True, False), ignoring(False, True), last):
        assert said(mixed, **IGNORED).startswith("mask-ignored")
    named = {"inputs": {"S": "[N, C]", "y": "labels"}}
    assert "counts as one of the last class" in said(last, **named, **IGNORED)


def test_weights_are_guessed_by_name():
    assert guessed_inputs(["S", "y", "w"])["w"] == WEIGHTS
    assert guessed_inputs(["X", "y", "W", "sample_weight"])["sample_weight"] == WEIGHTS
    assert guessed_inputs(["x", "w", "b"])["w"] == "normal(0, 0.5) [D, M]"
