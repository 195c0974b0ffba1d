"""What a loss prints or warns: heard at its first call, on standard error, and never again."""

from __future__ import annotations

import sys
import warnings
from typing import Any

import pytest

from gradcheck.functions.output_capture import silenced


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


def test_nothing_is_heard_unless_it_is_let_through(capsys: pytest.CaptureFixture[str]) -> None:
    with silenced():
        noise("it")
    captured = capsys.readouterr()
    assert (captured.out, captured.err) == ("", "")


def test_what_is_let_through_goes_to_standard_error_and_never_to_standard_output(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with silenced() as silence:
        with silence.let_through():
            noise("first")
        noise("second")
    captured = capsys.readouterr()
    assert captured.out == ""
    for heard in ("first printed", "first complained", "first warned"):
        assert captured.err.count(heard) == 1
    assert "second" not in captured.err


def test_streams_and_warnings_are_as_before_even_after_an_exception() -> None:
    before = sys.stdout, sys.stderr, list(warnings.filters)
    with pytest.raises(ZeroDivisionError), silenced() as silence, silence.let_through():
        raise ZeroDivisionError
    assert (sys.stdout, sys.stderr, list(warnings.filters)) == before


def test_a_warning_that_is_an_error_elsewhere_does_not_stop_the_loss() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with silenced() as silence:
            warnings.warn("quiet", stacklevel=1)
            with silence.let_through():
                warnings.warn("aloud", stacklevel=1)


def test_who_asks_whether_the_silence_is_a_terminal_gets_an_answer() -> None:
    with silenced():
        assert sys.stdout.isatty() is False
        assert sys.stdout.writable() is True
        sys.stdout.flush()
        assert sys.stdout.write("four") == 4
