"""Hints for the exceptions that hand-written losses are known to raise, where those do not say it themselves."""

from __future__ import annotations

import linecache
import re

from gradcheck.errors import nearest
from gradcheck.functions.output_capture import is_own

#: NumPy's message where floats are written to an array of integers in place.
_CAST = r"ufunc '\w+' output from dtype\('\w+'\) to dtype\('u?int\d*'\)"
#: S.sum(dim=1), and S.size(0), where a method of torch's is a number of NumPy's.
_OF_TORCH = r"argument 'dim'|'(int|tuple)' object is not callable"


def hint_of(error: BaseException | None) -> str:
    """What to look at, if an exception is a well-known one; empty if it is not."""
    frame, line, trace, message = None, "", error.__traceback__ if error is not None else None, str(error)
    while trace is not None:  # the innermost frame of the user's
        if is_own(trace.tb_frame.f_code.co_filename):
            frame, line = trace.tb_frame, linecache.getline(trace.tb_frame.f_code.co_filename, trace.tb_lineno)
        trace = trace.tb_next
    if error is None or frame is None:
        return ""
    of_ndarray = isinstance(error, AttributeError) and "numpy.ndarray" in message
    if of_ndarray or (isinstance(error, TypeError) and re.search(_OF_TORCH, message)):
        framework = "jax" if of_ndarray and error.name == "at" else "torch"  # type: ignore[attr-defined]
        return f"if S should be an array of {framework}, use --framework {framework}"
    if isinstance(error, NameError) and error.name:
        known, alone = [*frame.f_locals, *frame.f_code.co_varnames], len(error.name) == 1 and error.name.isupper()
        # A matrix has a name of one capital letter: it may be S here, and X in the code that this was copied from.
        alike = [each for each in known if alone and len(each) == 1 and each.isupper()]
        meant = [*nearest(error.name, known, most=1), *alike]
        return f"{error.name} is not defined" + (f"; did you mean {meant[0]}?" if meant else "")
    names = [*frame.f_code.co_varnames[:2], "S", "y"]  # of the two arguments
    if isinstance(error, TypeError) and re.search(_CAST, message):
        assigned = re.match(r"\s*([A-Za-z_]\w*)[^=]*=", line)
        what = f"{assigned[1] if assigned else 'it'} is an array of integers here: NumPy cannot write fractions to it"
        return f"{what} in place; make it float: astype({names[0]}.dtype)"
    shapes = [tuple(map(int, re.findall(r"\d+", each))) for each in re.findall(r"\((\d+,[\d,]*)\)", message)]
    if not isinstance(error, ValueError) or "broadcast" not in message or len(shapes) < 2:
        return ""
    flat, full = ([each for each in shapes if len(each) == axes] for axes in (1, 2))
    if flat and full and flat[0][0] == full[0][0]:
        # A term or a factor of its own: y[i], and f(S, y), are not what was broadcast.
        if re.search(r"[-+*/]\s*{0}\b(?!\s*[\[(.])|\b{0}\s*[-+*/]".format(names[1]), line):
            return f"{names[1]} has one class for each row: if it should be one-hot, use --set labels.kind=one-hot"
        return "one number for each row stands beside N x C: keep its axis, with keepdims=True or [:, np.newaxis]"
    return "is one of the two transposed, or a batch size or a class count written as a number?"
