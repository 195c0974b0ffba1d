"""A user's traceback, trimmed to their own code."""

from __future__ import annotations

import traceback
from pathlib import Path

_OURS = str(Path(__file__).resolve().parent)
_BUILT_INS = str(Path(__file__).resolve().parent / "losses")
_LIBRARIES = ("site-packages", "dist-packages", "<frozen ", "importlib")


def trimmed_traceback(error: BaseException) -> str:
    """The frames of a traceback that lie in the user's code, and what was raised.

    Args:
        error: an exception with its traceback, as caught.

    Returns:
        Lines as Python prints them, without gradcheck's frames and without those inside of libraries, unless there
        are no others.
    """
    frames = [
        frame
        for frame in traceback.extract_tb(error.__traceback__)
        if not frame.filename.startswith(_OURS) or frame.filename.startswith(_BUILT_INS)
    ]
    own = [frame for frame in frames if not any(mark in frame.filename for mark in _LIBRARIES)]
    lines = traceback.StackSummary.from_list(own or frames).format()
    return "".join(lines + traceback.format_exception_only(error)).rstrip()
