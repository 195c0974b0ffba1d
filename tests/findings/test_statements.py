"""The statement at fault, in the user's own file."""

from __future__ import annotations

import re
import sys
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import gradcheck
from gradcheck.checking.evidence import Allowance, Spent
from gradcheck.diagnosis import statements
from gradcheck.functions.loading import load_loss
from gradcheck.report import Finding

S, Y = np.array([[0.5, -1.0, 2.0], [0.25, 0.0, -0.75]]), np.array([2, 0])

NOTES = '''\
import numpy as np


def svm_loss(S, y):
    """
    Computes the loss and gradient using for multiclass SVM classification.
    Inputs:
    - S: Input data, of shape (N, C) where S[i, j] is the score for the jth
    class for the ith input.
    - y: Vector of labels, of shape (N,) where y[i] is the label for S[i] and
    0 <= y[i] < C
    Returns a tuple of:
    - loss: Scalar giving the loss
    - dS: Gradient of the loss with respect to S
    """
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
    # 求loss
    p = Sexp / Sexp.sum(axis=1, keepdims=True)
    loss = -np.sum(p[i, y]) / N
    # 求dS
    p[i, y] -= 1.0
    dS = p / N
    return loss, dS
'''


def written(tmp_path: Path, body: str) -> str:
    """A target: a file whose loss has these lines."""
    lines = "".join(f"    {line}\n" for line in body.splitlines())
    (tmp_path / "mine.py").write_text(f"import numpy as np\n\ndef loss(S, y):\n{lines}")
    return f"{tmp_path / 'mine.py'}:loss"


def allowance(tmp_path: Path, body: str, calls: int = 9) -> Allowance:
    return Allowance(load_loss(written(tmp_path, body)), calls)


def first_finding(target: str) -> Finding:
    return gradcheck.check(target).losses[0].findings[0]


# --- where S was changed ----------------------------------------------------------------------------------


def test_the_line_that_changes_the_scores_is_found(tmp_path: Path) -> None:
    ask = allowance(tmp_path, "N = len(S)\nS -= S.max(axis=1, keepdims=True)\np = np.exp(S)\nreturn p.sum(), p")
    found = statements.that_changed(ask, S, Y)
    assert found is not None
    assert (found.lineno, found.line, found.name) == (5, "S -= S.max(axis=1, keepdims=True)", "loss")
    assert statements.shown(found) == f'  File "{tmp_path / "mine.py"}", line 5, in loss\n    {found.line}'
    assert S[0, 0] == 0.5
    assert ask.calls == 1


def test_a_line_that_changes_them_by_another_name_or_in_another_function_is_found(tmp_path: Path) -> None:
    body = "def shift(m):\n    m -= 1\n    return m\nmargins = S\nz = shift(margins) + 0\nreturn z.sum(), z"
    found = statements.that_changed(allowance(tmp_path, body), S, Y)
    assert found is not None
    assert (found.lineno, found.line, found.name) == (5, "m -= 1", "shift")


def test_after_a_call_the_rest_of_the_callers_line_is_the_callers(tmp_path: Path) -> None:
    body = "def largest(m):\n    return m.max()\nS -= largest(S)\nreturn S.sum(), S"
    found = statements.that_changed(allowance(tmp_path, body), S, Y)
    assert found is not None
    assert found.line == "S -= largest(S)"


def test_labels_count_as_well_and_a_loss_that_raises_afterwards(tmp_path: Path) -> None:
    found = statements.that_changed(allowance(tmp_path, "y += 1\nraise ValueError"), S, Y)
    assert found is not None
    assert found.line == "y += 1"
    assert Y.tolist() == [2, 0]


def test_a_loss_that_changes_nothing_has_no_such_line(tmp_path: Path) -> None:
    assert statements.that_changed(allowance(tmp_path, "S = S - 1\nreturn S.sum(), S"), S, Y) is None


def test_the_finding_shows_the_line_as_python_does(tmp_path: Path) -> None:
    finding = first_finding(written(tmp_path, "S *= 2\nreturn (S**2).sum(), 4 * S"))
    assert finding.code == "mutates-input"
    assert re.search(r'File ".*mine.py", line 4, in loss\n    S \*= 2$', finding.details)


# --- where it is not finite -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "text", "hint"),
    [
        ("e = np.exp(1000 * S)\np = e / e.sum()\nreturn p.sum(), p", "e = np.exp(1000 * S)", "maximum"),
        ("log = np.log(S - S)\nreturn log.sum(), S", "log = np.log(S - S)", "log(0)"),
        ("r = 1 / np.sqrt(0 * S)\nreturn r.sum(), S", "r = 1 / np.sqrt(0 * S)", "divided by"),
        ("v = float('inf')\nreturn v, S", "v = float('inf')", ""),
        ("return S.sum() / np.float64(0), S", "return S.sum() / np.float64(0), S", ""),
    ],
)
def test_the_first_line_after_which_something_is_not_finite_is_found(
    tmp_path: Path, body: str, text: str, hint: str
) -> None:
    with np.errstate(all="ignore"):
        finding = first_finding(written(tmp_path, body))
    assert finding.code == "not-finite"
    assert finding.details.endswith(text)
    assert hint in finding.hint


# --- where dS became whole --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ("dS = np.zeros(S.shape, dtype=int)\ndS[:] = S\nreturn 1.0, dS", "dS = np.zeros(S.shape, dtype=int)"),
        ("g = S / 3\ndS = np.floor(g)\nreturn 1.0, dS", "dS = np.floor(g)"),
        ("dS = S / 3\nnp.round(dS, out=dS)\nreturn 1.0, dS", "np.round(dS, out=dS)"),
        ("dS = S / 3\nreturn 1.0, dS.astype(int)", "return 1.0, dS.astype(int)"),
    ],
)
def test_the_line_that_made_dS_whole_is_found(tmp_path: Path, body: str, text: str) -> None:  # noqa: N802
    found = statements.that_made_it_whole(allowance(tmp_path, body), S, Y)
    assert found is not None
    assert found.line == text


# --- the tracer -------------------------------------------------------------------------------------------


def test_a_tracer_that_was_there_is_there_again(tmp_path: Path) -> None:
    seen: list[str] = []

    def tracer(frame: Any, event: str, argument: Any) -> None:
        seen.append(frame.f_code.co_name)

    ask = allowance(tmp_path, "raise ValueError")
    before = sys.gettrace()
    sys.settrace(tracer)
    try:
        statements.that_changed(ask, S, Y)
        assert sys.gettrace() is tracer
        (lambda: None)()
    finally:
        sys.settrace(before)
    assert "that_changed" in seen
    assert "loss" not in seen
    assert "<lambda>" in seen


def test_other_threads_are_left_alone_and_no_call_is_made_there(tmp_path: Path) -> None:
    ask, found = allowance(tmp_path, "S -= 1\nreturn S.sum(), S"), []
    thread = threading.Thread(target=lambda: found.append(statements.that_changed(ask, S, Y)))
    thread.start()
    thread.join()
    assert found == [None]
    assert ask.calls == 0


def test_without_a_call_left_nothing_is_called(tmp_path: Path) -> None:
    with pytest.raises(Spent):
        statements.that_changed(allowance(tmp_path, "return S.sum(), S", calls=0), S, Y)


def test_loops_over_very_many_statements_are_given_up(tmp_path: Path) -> None:
    body = "for k in range(50_000):\n    pass\nS -= 1\nreturn S.sum(), S"
    assert statements.that_changed(allowance(tmp_path, body), S, Y) is None


def test_a_right_loss_is_never_watched(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(statements, "_trace", lambda *_: pytest.fail("it was watched"))
    assert gradcheck.check(lambda S, y: ((S**2).sum(), 2 * S)).passed


# --- the notes --------------------------------------------------------------------------------------------


@pytest.fixture
def notes(tmp_path: Path) -> Path:
    (tmp_path / "notes.py").write_text(NOTES, encoding="utf-8")
    return tmp_path / "notes.py"


def test_the_notes_svm_divides_integers_in_place(notes: Path) -> None:
    finding = first_finding(f"{notes}:svm_loss")
    assert finding.code == "raises"
    assert 'notes.py", line 26, in svm_loss\n    dS /= N\n' in finding.details
    assert finding.hint.startswith("dS is an array of integers here: NumPy cannot divide it in place; make it float")


def test_the_notes_softmax_reads_an_X_that_is_nowhere(notes: Path) -> None:  # noqa: N802
    finding = first_finding(f"{notes}:softmax_loss")
    assert finding.code == "raises"
    assert 'notes.py", line 31, in softmax_loss\n    N = X.shape[0]\n' in finding.details
    assert finding.hint == "X is not defined; did you mean S?"


def test_the_notes_softmax_with_its_X_mended_lacks_the_log(notes: Path) -> None:  # noqa: N802
    notes.write_text(NOTES.replace("X.shape", "S.shape"), encoding="utf-8")
    finding = first_finding(f"{notes}:softmax_loss")
    assert finding.code == "gradient-of-another-loss"
    assert "the log is missing" in finding.message
