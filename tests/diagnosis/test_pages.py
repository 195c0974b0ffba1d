"""The pages of `gradcheck explain`: one for each code, and what they show is what gradcheck says."""

import re
from functools import cache

import numpy as np
import pytest

import gradcheck
from gradcheck.api import as_loss
from gradcheck.config import Config
from gradcheck.config.settings import Settings
from gradcheck.diagnosis.driver import RULES
from gradcheck.errors import UsageError
from gradcheck.output.pages import page, pages
from gradcheck.run import check_targets

#: Codes of findings that no rule of score losses makes: of the contract, projections, reductions and named inputs.
OTHERS = {
    "gradients-exchanged", "hangs", "hessian-bound", "ignores-upstream-gradient", "mutates-input", "not-checked",
    "not-deterministic", "not-finite", "one-region", "projections-disagree", "raises", "reductions-disagree",
    "row-factor", "shared-buffer", "weights-ignored", "wrong-dtype", "wrong-hessian", "wrong-shape",
}  # fmt: skip
PARTS = ["What it means", "How it happens", "Wrong", "Right", "Here"]

#: What an example needs beside the defaults.
CONFIGS = {
    "hangs": Config(batch_sizes=[1], scores="normal"),
    "hessian-bound": Config(hessian=True),
    "wrong-hessian": Config(hessian=True),
    "projections-disagree": Config(batch_sizes=[8], classes=[20], scores="integers(0, 0)", max_entries=100),
}
SETTINGS = {"hangs": {"timeout": 0.2}, "unlike": {"like": "svm"}}
#: The names that a page explains in its last line. The value and dS stay as they are if an example does not set them.
LOSS = """
def loss(S, y{reduction}):
    N, C = S.shape
    i, t = np.arange(N), np.eye(C)[y]
    r = S - t
    log_p = S - np.logaddexp.reduce(S, axis=1, keepdims=True)
    p = np.exp(log_p)
    margins = np.maximum(S - S[i, y][:, None] + 1, 0) * (1 - t)
    q = (margins > 0) - t * (margins > 0).sum(axis=1, keepdims=True)
    value, dS, k, hess = (r**2).sum() / N, {dS}, 0, None
    {example}
    return (value, dS) if hess is None else (value, dS, hess)
"""
#: Of pages about functions of named inputs: the function (of a layer, also its backward), and its inputs.
NAMED_INPUTS = {
    "row-factor": (
        "def f(X, gamma):\n    {example}\n    return value, dX",
        {"X": "[6, 4]", "gamma": "uniform(1, 2) [4]"},
    ),
    "one-region": ("def f(W):\n    {example}\n    return value, dW", {"W": "[4, 5]"}),
    "gradients-exchanged": (
        """
def f(x, gamma, beta):
    return gamma * x + beta, (x, gamma)

def backward(dout, cache):
    x, gamma = cache
    dx, dgamma, dbeta = dout * gamma, (dout * x).sum(axis=0), dout.sum(axis=0)
    {example}
""",
        {"x": "[N, 4]", "gamma": "[4]", "beta": "[4]"},
    ),
    "ignores-upstream-gradient": (
        "def f(x):\n    return np.tanh(x), x\n\ndef backward(dout, x):\n    {example}\n    return dx",
        {"x": "[N, 4]"},
    ),
    "not-checked": (
        "def f(W, b):\n    value, dW, db = (W**2).sum() + b.sum(), 2 * W, np.ones_like(b)\n    {example}",
        {"W": "[4, 5]", "b": "[5]"},
    ),
}

_WEIGHTED = """
def f(S, y, {name}):
    N, t, p = len(S), np.eye(S.shape[1])[y], np.exp(S) / np.exp(S).sum(axis=1, keepdims=True)
    L = -np.log(p[np.arange(N), y])
    {{example}}
    return value, dS
"""
for _name, _input in (("weights", ("w", "uniform(0.5, 2) [N]")), ("mask", ("mask", "integers(0, 1) [N]"))):
    _inputs = {"S": "[N, C]", "y": "labels", _input[0]: _input[1]}
    NAMED_INPUTS[f"{_name}-ignored"] = (_WEIGHTED.format(name=_input[0]), _inputs)

each_page = pytest.mark.parametrize("page", pages(), ids=lambda page: page.code)


@cache
def checked(page, part, strict=False):
    (example,) = re.findall(rf"^{part}: `(.*)`$", page.text, re.MULTILINE)
    scope = {"np": np, "BUFFER": np.empty((64, 64))}
    if page.code in NAMED_INPUTS:
        code, inputs = NAMED_INPUTS[page.code]
        exec(code.format(example=example), scope)
        beside = {"backward": scope["backward"]} if "backward" in scope else {}
        wrt = ["X"] if page.code == "row-factor" else []
        return gradcheck.check(scope["f"], inputs=inputs, wrt=wrt, strict=strict, **beside)
    reduction = ', reduction="mean"' if "reduction" in example else ""
    dS = "2 * r / N" if reduction else "np.zeros((N, C))"
    exec(LOSS.format(reduction=reduction, dS=dS, example=example.replace("k = 0; ", "")), scope)
    settings = Settings(strict=strict, **SETTINGS.get(page.code, {}))
    return check_targets([as_loss(scope["loss"])], CONFIGS.get(page.code, Config()), settings)


def found(report):
    return [(finding.code, finding.severity) for finding in report.losses[0].findings]


def test_every_code_has_a_page_and_every_page_a_code():
    assert {page.code for page in pages()} == OTHERS | {code for rule in RULES for code in rule.codes}


@pytest.mark.parametrize("typed", ["", ".", "../pages", "raises.md", "../page_texts/raises", "\x00"])
def test_what_is_no_code_opens_no_file(typed):
    with pytest.raises(UsageError, match="no finding has this code"):
        page(typed)


@each_page
def test_a_page_has_its_parts_in_order_and_is_short(page):
    lines = page.text.splitlines()
    assert lines[0] == f"# {page.code} ({page.severity}): {page.place}"
    assert lines[1] == page.paragraphs[0]
    assert page.paragraphs[0].endswith(".")
    assert len(page.paragraphs[0]) <= 85
    assert re.findall(f"^({'|'.join(PARTS)})", page.text, re.MULTILINE) == PARTS
    assert len(lines) <= 12
    assert max(map(len, lines)) <= 100
    assert page.text.isascii()
    named = set(re.findall(r"`([a-z]+(?:-[a-z]+)+)`", page.text))
    assert named <= {other.code for other in pages()} - {page.code}


@each_page
def test_the_wrong_example_has_the_finding_and_fails_if_it_is_an_error(page):
    report = checked(page, "Wrong")
    assert (page.code, page.severity) in found(report)
    assert not report.losses[0].error
    assert report.exit_code == (1 if page.severity == "error" else 0)


@each_page
def test_the_right_example_passes_without_a_finding(page):
    report = checked(page, "Right", strict=True)
    assert found(report) == []
    assert report.exit_code == 0
