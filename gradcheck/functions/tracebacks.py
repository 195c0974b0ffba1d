"""A user's traceback, trimmed to their own code."""

from __future__ import annotations

import os
import traceback
from collections.abc import Iterable
from pathlib import Path

_OURS = str(Path(__file__).resolve().parent)
_BUILT_INS = str(Path(__file__).resolve().parent / "losses")
_STANDARD_LIBRARY = os.path.dirname(os.__file__) + os.sep
_LIBRARIES = ("site-packages", "dist-packages", "<frozen ", "importlib")


def trimmed_traceback(error: BaseException) -> str:
    """The frames of a traceback that lie in the user's code, and what was raised.

    Args:
        error: an exception with its traceback, as caught.

    Returns:
        Lines as Python prints them, without gradcheck's frames and without those inside of libraries, unless there
        are no others.
    """
    lines = traceback.StackSummary.from_list(own_frames(traceback.extract_tb(error.__traceback__))).format()
    return "".join(lines + traceback.format_exception_only(error)).rstrip()


def is_own(file: str) -> bool:
    """Whether a file is the user's: neither gradcheck's, but for its built-in losses, nor a library's."""
    return (not file.startswith(_OURS) or file.startswith(_BUILT_INS)) and not _in_a_library(file)


def own_frames(frames: Iterable[traceback.FrameSummary]) -> list[traceback.FrameSummary]:
    """Those of these frames that lie in the user's code; or those in libraries, where there are no others."""
    frames = [
        frame for frame in frames if not frame.filename.startswith(_OURS) or frame.filename.startswith(_BUILT_INS)
    ]
    return [frame for frame in frames if not _in_a_library(frame.filename)] or frames


def _in_a_library(file: str) -> bool:
    return file.startswith(_STANDARD_LIBRARY) or any(mark in file for mark in _LIBRARIES)
