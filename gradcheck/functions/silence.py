"""What a loss prints or warns: to standard error, at its first call and no more."""

from __future__ import annotations

import io
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from typing import TextIO


class _Nowhere(io.TextIOBase):
    """A text file that forgets what is written to it."""

    def writable(self) -> bool:
        return True

    def write(self, text: str) -> int:
        return len(text)


class Silence:
    """Within ``silenced()`` nothing that is printed or warned is heard, but for what ``aloud()`` lets through."""

    def __init__(self, standard_error: TextIO) -> None:
        self._standard_error = standard_error

    @contextmanager
    def aloud(self) -> Iterator[None]:
        """Let through, to standard error, what is printed and warned. Standard output stays the report's."""
        with (
            redirect_stdout(self._standard_error),
            redirect_stderr(self._standard_error),
            warnings.catch_warnings(),
        ):
            warnings.simplefilter("default")
            yield


@contextmanager
def silenced() -> Iterator[Silence]:
    """Silence standard output, standard error and warnings, to the end of the block."""
    silence = Silence(sys.stderr)
    nowhere = _Nowhere()
    with redirect_stdout(nowhere), redirect_stderr(nowhere), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield silence
