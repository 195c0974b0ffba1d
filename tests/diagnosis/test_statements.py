"""The line of the user's code that a finding is about."""

import re
import sys
import threading

import numpy as np
import pytest

import gradcheck
from gradcheck.checking.evidence import Allowance
from gradcheck.diagnosis import statements
from gradcheck.functions.loading import load_target
from gradcheck.report import Finding
from gradcheck.sampling import Problem

S, Y = np.array([[0.5, -1.0, 2.0], [0.25, 0.0, -0.75]]), np.array([2, 0])

NOTES = """\
import numpy as np

def svm_loss(S, y):
    N = S.shape[0]
    i = np.arange(N)
    # 求svm loss
    margins = np.maximum(S - S[i, y][:, np.newaxis] + 1, 0)
    margins[i, y] = 0
    loss = np.sum(margins) / N
    # 求dS
    dS = (S - S[i, y][:, np.newaxis] + 1 >= 0).astype('int')
    dS[i, y] = 0
    dS[i, y] = -dS.sum(axis=1)
    dS /= N
    return loss, dS

def softmax_loss(S, y):
    N = X.shape[0]
    i = np.arange(N)
    # 避免数值问题
    Smax = S.max(axis=1).reshape((N, 1))
    Sexp = np.exp(S - Smax)
    p = Sexp / Sexp.sum(axis=1, keepdims=True)
    loss = -np.sum(p[i, y]) / N
    p[i, y] -= 1.0
    dS = p / N
    return loss, dS
"""


def written(tmp_path, body):
    """A target: a file whose loss has these lines."""
    lines = "".join(f"    {line}\n" for line in body.splitlines())
    (tmp_path / "mine.py").write_text(f"import numpy as np\n\ndef loss(S, y):\n{lines}")
    return f"{tmp_path / 'mine.py'}:loss"


def allowance(tmp_path, body, calls=9):
    return Allowance(load_target(written(tmp_path, body)), calls)


def line_that_changed(ask):
    """The details of a finding that the loss changes its arguments."""
    found = statements.refine(Finding("mutates-input", "error", ""), Problem(S, Y, 0, 0, "normal(0, 1)"), ask)
    return found.details if found else ""


def first_finding(target):
    with np.errstate(all="ignore"):
        return gradcheck.check(target).losses[0].findings[0]


@pytest.mark.parametrize(
    ("body", "text", "function"),
    [
        ("N = len(S)\nS -= S.max(axis=1)[:, None]\nreturn S.sum(), S", "S -= S.max(axis=1)[:, None]", "loss"),
        ("def shift(m):\n    m -= 1\n    return m\nz = shift(S) + 0\nreturn z.sum(), z", "m -= 1", "shift"),
        ("def largest(m):\n    return m.max()\nS -= largest(S)\nreturn S.sum(), S", "S -= largest(S)", "loss"),
        ("y += 1\nraise ValueError", "y += 1", "loss"),
    ],
)
def test_the_line_that_changes_the_arguments_is_found(tmp_path, body, text, function):
    ask = allowance(tmp_path, body)
    found = line_that_changed(ask)
    assert re.fullmatch(rf'  File "{tmp_path / "mine.py"}", line \d+, in {function}\n    {re.escape(text)}', found)
    assert (S[0, 0], Y[0], ask.calls) == (0.5, 2, 1)


def test_a_loss_that_changes_nothing_or_has_very_many_statements_has_no_such_line(tmp_path):
    assert line_that_changed(allowance(tmp_path, "S = S - 1\nreturn S.sum(), S")) == ""
    long = "for k in range(50_000):\n    pass\nS -= 1\nreturn S.sum(), S"
    assert line_that_changed(allowance(tmp_path, long)) == ""


@pytest.mark.parametrize(
    ("body", "text", "hint"),
    [
        ("e = np.exp(1000 * S)\np = e / e.sum()\nreturn p.sum(), p", "e = np.exp(1000 * S)", "maximum"),
        ("log = np.log(S - S)\nreturn log.sum(), S", "log = np.log(S - S)", "log(0)"),
        ("r = 1 / np.sqrt(0 * S)\nreturn r.sum(), S", "r = 1 / np.sqrt(0 * S)", "divided by"),
        ("return S.sum() / np.float64(0), S", "return S.sum() / np.float64(0), S", ""),
    ],
)
def test_the_first_line_that_makes_a_number_not_finite_is_found(tmp_path, body, text, hint):
    finding = first_finding(written(tmp_path, body))
    assert finding.code == "not-finite"
    assert finding.details.endswith(text)
    assert hint in finding.hint


def test_a_tracer_that_was_there_is_there_again(tmp_path):
    def tracer(frame, event, argument):
        assert frame.f_code.co_name != "loss"

    before = sys.gettrace()
    sys.settrace(tracer)
    try:
        line_that_changed(allowance(tmp_path, "raise ValueError"))
        assert sys.gettrace() is tracer
    finally:
        sys.settrace(before)


def test_in_another_thread_and_without_a_call_left_nothing_is_called(tmp_path):
    ask, found = allowance(tmp_path, "S -= 1\nreturn S.sum(), S"), []
    thread = threading.Thread(target=lambda: found.append(line_that_changed(ask)))
    thread.start()
    thread.join()
    assert (found, ask.calls) == ([""], 0)
    assert line_that_changed(allowance(tmp_path, "S -= 1\nreturn S.sum(), S", calls=0)) == ""


def test_the_mistakes_of_the_notes_are_found(tmp_path):
    """Integers divided in place, an X that is not defined, and, once that is corrected, a missing log."""
    (tmp_path / "notes.py").write_text(NOTES, encoding="utf-8")
    svm, softmax = (first_finding(f"{tmp_path / 'notes.py'}:{name}") for name in ("svm_loss", "softmax_loss"))
    assert (svm.code, softmax.code) == ("raises", "raises")
    assert 'notes.py", line 14, in svm_loss\n    dS /= N\n' in svm.details
    assert svm.hint.startswith("dS is an array of integers here: NumPy cannot divide it in place; make it float")
    assert 'notes.py", line 18, in softmax_loss\n    N = X.shape[0]\n' in softmax.details
    assert softmax.hint == "X is not defined; did you mean S?"
    (tmp_path / "corrected.py").write_text(NOTES.replace("X.shape", "S.shape"), encoding="utf-8")
    corrected = first_finding(f"{tmp_path / 'corrected.py'}:softmax_loss")
    assert corrected.code == "gradient-of-another-loss"
    assert "the log is missing" in corrected.message
