"""What user code prints, warns and raises: heard once on standard error, tracebacks trimmed."""

from __future__ import annotations

import sys
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gradcheck.errors import LossDefect
from gradcheck.functions.function import Function
from gradcheck.functions.loading import load_target
from gradcheck.functions.output_capture import let_through, silenced, trimmed_traceback
from gradcheck.losses import BUILT_INS


@pytest.fixture(autouse=True)
def _warnings_are_printed(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in any process but pytest's, which collects them."""

    def show(message: Warning | str, category: type[Warning], filename: str, lineno: int, *rest: Any) -> None:
        sys.stderr.write(warnings.formatwarning(message, category, filename, lineno))

    monkeypatch.setattr(warnings, "showwarning", show)


def noise(word: str) -> None:
    print(f"{word} printed")  # noqa: T201
    print(f"{word} complained", file=sys.stderr)  # noqa: T201
    warnings.warn(f"{word} warned", stacklevel=1)


def test_what_is_let_through_goes_to_standard_error_and_all_else_is_discarded(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with silenced() as stderr:
        with let_through(stderr):
            noise("first")
        noise("second")
    out, err = capsys.readouterr()
    assert [err.count(f"first {what}") for what in ("printed", "complained", "warned")] == [1, 1, 1]
    assert (out, "second" in err) == ("", False)


def test_streams_and_warnings_are_as_before_even_after_an_exception() -> None:
    before = sys.stdout, sys.stderr, list(warnings.filters)
    with pytest.raises(ZeroDivisionError), silenced() as stderr, let_through(stderr):
        raise ZeroDivisionError
    assert (sys.stdout, sys.stderr, list(warnings.filters)) == before


S, Y = np.zeros((2, 3)), np.array([0, 1])


def details_of(loss: Function, scores: Any = S, labels: Any = Y) -> str:
    with pytest.raises(LossDefect) as caught:
        loss.evaluate(scores, labels)
    return caught.value.details


def loss_in(tmp_path: Path, body: str) -> Function:
    (tmp_path / "mine.py").write_text(f"import numpy as np\n\ndef loss(S, y):\n    {body}\n")
    return load_target(f"{tmp_path / 'mine.py'}:loss")


def test_the_users_line_is_there_and_none_of_ours(tmp_path: Path) -> None:
    details = details_of(loss_in(tmp_path, "return 1 / 0"))
    assert 'mine.py", line 4, in loss' in details
    assert "return 1 / 0" in details
    assert details.endswith("ZeroDivisionError: division by zero")
    assert "loss.py" not in details.replace("mine.py", "")


def test_frames_inside_of_a_library_are_left_out_but_the_call_that_led_there_stays(tmp_path: Path) -> None:
    details = details_of(loss_in(tmp_path, "return np.linalg.inv(np.zeros((2, 2))), S"))
    assert "np.linalg.inv" in details
    assert "site-packages" not in details
    assert "LinAlgError" in details


def test_where_all_frames_are_in_libraries_they_are_shown() -> None:
    with pytest.raises(np.linalg.LinAlgError) as caught:
        np.linalg.inv(np.zeros((2, 2)))
    assert caught.value.__traceback__ is not None
    caught.value.__traceback__ = caught.value.__traceback__.tb_next  # without this file's own frame
    details = trimmed_traceback(caught.value)
    assert "LinAlgError" in details
    assert "site-packages" in details


def test_a_built_in_shows_its_own_lines() -> None:
    details = details_of(Function("svm", BUILT_INS["svm"].function), S, np.array([0, 99]))
    assert "hinge.py" in details
