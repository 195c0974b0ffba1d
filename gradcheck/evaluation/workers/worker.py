"""What a worker does: load the loss, see that it is the same as elsewhere, call it, answer."""

from __future__ import annotations

import json
import os
import pickle
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import replace
from pathlib import Path

import numpy as np

from gradcheck.errors import LossDefect, UsageError
from gradcheck.evaluation.objective import Objective as Oracle
from gradcheck.evaluation.workers.errand import Answer, Errand, Source
from gradcheck.functions.budget import Budget, open_budget
from gradcheck.functions.function import Function
from gradcheck.functions.loading import load_loss
from gradcheck.functions.output_capture import silenced
from gradcheck.settings import Settings
from gradcheck.version import __version__

#: Values of one call, here and there, may differ by this part: as if sums were taken in another order.
_ALIKE = 1e-5
#: Losses that are loaded, and those that have answered as in the process that sent them.
_LOADED: dict[Source, Function] = {}
_VERIFIED: set[Source] = set()
#: A cluster's worker may have several threads; a loss is not known to be safe with them, nor is the working directory.
_ONE_AT_A_TIME = threading.Lock()
#: How the name of a file begins that a worker leaves behind when it cannot go on.
_WORD = "gradcheck-last-word-"


def prepare(version: str, pickled_source: bytes) -> None:
    """Load the loss of a ``Source`` ahead of the first errand, which is told what goes wrong."""
    if version != __version__:
        return
    with _ONE_AT_A_TIME, silenced():
        source: Source = pickle.loads(pickled_source)
        with _at_home(source):
            try:
                _loss(source)
            except (UsageError, LossDefect):
                return


def carry_out(version: str, pickled_errand: bytes) -> Answer:
    """Do what an ``Errand`` says."""
    if version != __version__:
        message = f"the workers have gradcheck {__version__}, and this is {version}"
        return Answer(trouble=(message, "install the same version there", ""))
    with _ONE_AT_A_TIME, silenced():
        errand: Errand = pickle.loads(pickled_errand)
        with _at_home(errand.source), np.errstate(**errand.floating):
            try:
                return _answer(errand)
            except UsageError as error:
                return Answer(trouble=(f"in a worker: {error.message}", error.hint, error.details))


def _answer(errand: Errand) -> Answer:
    calls = 0
    try:
        loss = _loss(errand.source)
        with _watched(errand.source) as watch:
            loss = replace(loss, budget=watch if errand.source.timeout is not None else None)
            if errand.source not in _VERIFIED:
                _verify(loss, errand)
                _VERIFIED.add(errand.source)
            oracle = Oracle(loss, errand.points.labels, errand.points.dtype)
            try:
                values, derivatives = errand.points.asked(oracle)
            finally:
                calls = oracle.calls
    except LossDefect as defect:
        return Answer(calls=calls, defect=(defect.code, defect.message, defect.details))
    return Answer(values, derivatives, calls)


def _verify(loss: Function, errand: Errand) -> None:
    """See whether this is the loss that it is there: a module may draw numbers when it is imported, or be out of date.

    Raises:
        UsageError: it is not.
    """
    try:
        values, _ = errand.control.asked(Oracle(loss, errand.control.labels, errand.control.dtype))
    except LossDefect as defect:
        hint = "does it need what only this process has: a variable, an open file, arguments of the command line?"
        raise UsageError(f"the loss {defect.message}, and not so here", hint=hint, details=defect.details) from None
    if not np.allclose(values, errand.expected, rtol=_ALIKE, atol=0.0, equal_nan=True):
        apart = int(np.argmax(values != errand.expected))
        hint = "is something drawn at random as the module is imported? is an older version of it loaded there?"
        there, here = float(values[apart]), float(errand.expected[apart])
        raise UsageError(f"the loss's value is {there!r} where here, at the same scores, it is {here!r}", hint=hint)


def _loss(source: Source) -> Function:
    """The loss of a source, as the user's module has it by now; with its framework's way, if it has one."""
    if source not in _LOADED:
        if any(other.run != source.run for other in _LOADED):
            _LOADED.clear()
            _VERIFIED.clear()
        loss = _loaded(source)
        if source.way is not None:
            loss = replace(loss, function=source.way(loss.function), framework=source.framework, adapter=source.way)
        _LOADED[source] = loss
    return _LOADED[source]


def _loaded(source: Source) -> Function:
    with _watched(source) as watch:
        loss: Function = watch.load(_original, source)
        return loss


def _original(source: Source) -> Function:
    """The loss as the user wrote it."""
    if source.pickled is None:
        return load_loss(source.target)
    try:
        loss: Function = pickle.loads(source.pickled)
    except Exception as error:  # whatever the user's classes raise
        message = f"{source.target} cannot be had: {type(error).__name__}: {error}"
        raise UsageError(message, hint="name it module:callable or file.py:callable") from None
    return loss


def _watched(source: Source) -> AbstractContextManager[Budget]:
    """A watch over calls here, which have the same limit."""

    def leave_word(defect: LossDefect) -> int:
        word = Path(tempfile.gettempdir(), f"{_WORD}{source.run}-{os.getpid()}.json")
        word.write_text(json.dumps([defect.code, defect.message, defect.details]), "utf-8")
        return 2

    return open_budget(Settings(timeout=source.timeout), on_hang=leave_word)


def last_word(run: str) -> LossDefect | None:
    """Why a worker of this machine ended its process: a call of the loss that hangs, and could not be ended otherwise.

    Args:
        run: as in ``Source``.
    """
    found = None
    for word in Path(tempfile.gettempdir()).glob(f"{_WORD}{run}-*.json"):
        with suppress(OSError, ValueError):  # it was killed in the midst of writing
            code, message, details = json.loads(word.read_text("utf-8"))
            found = LossDefect(code, message, details=details)
        word.unlink(missing_ok=True)
    return found


@contextmanager
def _at_home(source: Source) -> Iterator[None]:
    """Within it the working directory is the one that the source names, if there is such a one here."""
    # In the parent's order: where two modules have one name, its word counts.
    sys.path[:] = [*source.path, *(place for place in sys.path if place not in source.path)]
    before = _working_directory()
    try:
        if source.directory and source.directory != before:
            os.chdir(source.directory)
    except OSError:  # another machine: then what needs it says so
        pass
    try:
        yield
    finally:
        if before and before != _working_directory():
            os.chdir(before)


def _working_directory() -> str:
    try:
        return os.getcwd()
    except OSError:  # it was deleted
        return ""
