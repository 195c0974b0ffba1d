"""What user code prints, warns and raises: output is captured, tracebacks are trimmed to the user's own frames."""

import io
import os
import sys
import traceback
import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from pathlib import Path
from typing import TextIO

_OURS = str(Path(__file__).resolve().parents[1]) + os.sep
_BUILT_INS = _OURS + "losses" + os.sep
_LIBRARIES = (os.path.dirname(os.__file__) + os.sep, "site-packages", "dist-packages", "<frozen ", "importlib")


class _Nowhere(io.StringIO):
    def write(self, text: str) -> int:
        return len(text)


@contextmanager
def silenced() -> Iterator[TextIO]:
    """Discard standard output, standard error and warnings in the block, which gets standard error as it was before."""
    stderr, nowhere = sys.stderr, _Nowhere()
    with redirect_stdout(nowhere), redirect_stderr(nowhere), warnings.catch_warnings(action="ignore"):
        yield stderr


@contextmanager
def let_through(stderr: TextIO) -> Iterator[None]:
    """Send prints and warnings to this stream; standard output is reserved for the report."""
    with redirect_stdout(stderr), redirect_stderr(stderr), warnings.catch_warnings(action="default"):
        yield


def trimmed_traceback(error: BaseException) -> str:
    """Format an exception's traceback, without frames of gradcheck and of libraries unless there are no others."""
    lines = traceback.StackSummary.from_list(own_frames(traceback.extract_tb(error.__traceback__))).format()
    return "".join(lines + traceback.format_exception_only(error)).rstrip()


def place_of_user(error: BaseException) -> str:
    """The place in user code at which an exception was raised, ``a.py:5``; empty if it was raised elsewhere."""
    own = [frame for frame in traceback.extract_tb(error.__traceback__) if is_own(frame.filename)]
    return f"{own[-1].filename}:{own[-1].lineno}" if own else ""


def is_own(file: str) -> bool:
    """Whether a file is user code or a built-in loss, and not gradcheck's own or a library's."""
    return _is_not_ours(file) and not any(mark in file for mark in _LIBRARIES)


def own_frames(frames: Iterable[traceback.FrameSummary]) -> list[traceback.FrameSummary]:
    """The frames in user code; if there are none, those in libraries."""
    frames = [frame for frame in frames if _is_not_ours(frame.filename)]
    return [frame for frame in frames if is_own(frame.filename)] or frames


def _is_not_ours(file: str) -> bool:
    return not file.startswith(_OURS) or file.startswith(_BUILT_INS)
