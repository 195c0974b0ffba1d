"""What an exception that a loss raised tells its author: for those that hand-written losses are known to raise."""

from __future__ import annotations

import linecache
import re
from collections.abc import Callable, Iterable
from types import FrameType, TracebackType

from gradcheck.errors import nearest
from gradcheck.functions.output_capture import is_own

_ASSIGNED = re.compile(r"\s*(?P<name>[A-Za-z_]\w*)[^=]*=")
_DIVISIONS = ("divide", "true_divide")


def hint_of(error: BaseException | None) -> str:
    """What to look at, where the exception is a well-known one; empty where it is not.

    Args:
        error: what the loss raised, with its traceback; None for nothing.

    Example:
        >>> scores = [1.0, 2.0]
        >>> try:
        ...     max(score)
        ... except NameError as error:
        ...     hint_of(error)
        'score is not defined; did you mean scores?'
    """
    place = _innermost_own(error.__traceback__) if error is not None else None
    if error is None or place is None:
        return ""
    hints = (hint(error, *place) for kind, hint in _HINTS if isinstance(error, kind))
    return next((hint for hint in hints if hint), "")


def _innermost_own(trace: TracebackType | None) -> tuple[FrameType, int] | None:
    """The user's own frame that the exception left last, and the line it was at."""
    found = None
    while trace is not None:
        if is_own(trace.tb_frame.f_code.co_filename):
            found = trace.tb_frame, trace.tb_lineno
        trace = trace.tb_next
    return found


def _not_defined(error: BaseException, frame: FrameType, line: int) -> str:
    name = getattr(error, "name", None)
    if isinstance(error, UnboundLocalError):
        return "a name that a function assigns anywhere is its own everywhere: it is read before it is assigned"
    if not name:
        return ""
    known = list(dict.fromkeys([*frame.f_locals, *frame.f_code.co_varnames]))
    meant = nearest(name, known, most=1) or _of_one_letter(name, known)
    if not meant:
        meant = nearest(name, (each for each in frame.f_globals if not each.startswith("__")), most=1)
    return f"{name} is not defined; did you mean {meant[0]}?" if meant else f"{name} is not defined"


def _of_one_letter(name: str, known: Iterable[str]) -> tuple[str, ...]:
    """Matrices are called by one capital letter: the scores may be S here, and X where the code was taken from."""
    alike = [each for each in known if len(each) == 1 and each.isupper() == name.isupper()]
    return tuple(alike[:1]) if len(name) == 1 else ()


def _cast(error: BaseException, frame: FrameType, line: int) -> str:
    told = re.search(r"ufunc '(?P<ufunc>\w+)' output from dtype\('\w+'\) to dtype\('u?int\d*'\)", str(error))
    if told is None:
        return ""
    assigned = _ASSIGNED.match(linecache.getline(frame.f_code.co_filename, line))
    name = assigned["name"] if assigned else "it"
    verb = "divide it" if told["ufunc"] in _DIVISIONS else "write fractions to it"
    scores = next(iter(frame.f_code.co_varnames), "S")
    return f"{name} is an array of integers here: NumPy cannot {verb} in place; make it float: astype({scores}.dtype)"


def _truth_values(error: BaseException, frame: FrameType, line: int) -> str:
    if "numpy boolean" not in str(error):
        return ""
    return "this is an array of truth values, and NumPy does no arithmetic on them: make it float, astype(float)"


def _out_of_bounds(error: BaseException, frame: FrameType, line: int) -> str:
    told = re.search(r"is out of bounds for axis (?P<axis>\d) with size (?P<size>\d+)", str(error))
    if told is not None:
        what = {"0": "batch size", "1": "class count"}.get(told["axis"], "size")
        last = int(told["size"]) - 1
        return f"axis {told['axis']} ends at {last}: is a {what} written as a number? take it from the shape"
    if "could not be broadcast" in str(error):
        return "each index array must have one number for each row: is a batch size written as a number?"
    if "must be of integer" in str(error):
        return "indices must be integers: labels that were calculated with may have become floats"
    return ""


def _shapes(error: BaseException, frame: FrameType, line: int) -> str:
    shapes = [tuple(map(int, re.findall(r"\d+", each))) for each in re.findall(r"\((\d+,[\d,]*)\)", str(error))]
    if "broadcast" in str(error) and len(shapes) >= 2:
        flat = [each for each in shapes if len(each) == 1]
        full = [each for each in shapes if len(each) == 2]
        if flat and full and flat[0][0] == full[0][0]:
            return "one number for each row stands beside N x C: keep its axis, with keepdims=True or [:, np.newaxis]"
        if len(full) >= 2 and full[0] == full[1][::-1]:
            return "one of the two is transposed"
        return "is a batch size or a class count written as a number? take it from the shape"
    if "cannot reshape" in str(error):
        return "the number of entries depends on the scores: are entries dropped by their value?"
    return ""


def _division(error: BaseException, frame: FrameType, line: int) -> str:
    return "is it divided by N - 1, in a batch of one row, or by a count that can be 0?"


_HINTS: tuple[tuple[type[BaseException], Callable[[BaseException, FrameType, int], str]], ...] = (
    (NameError, _not_defined),
    (TypeError, _cast),
    (TypeError, _truth_values),
    (IndexError, _out_of_bounds),
    (ValueError, _shapes),
    (ZeroDivisionError, _division),
)
