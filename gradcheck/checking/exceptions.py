"""Hints for the exceptions that hand-written losses are known to raise."""

import linecache
import re
from traceback import walk_tb
from types import FrameType

from gradcheck.errors import nearest
from gradcheck.functions.output_capture import is_own


def hint_of(error: BaseException | None) -> str:
    """What to look at, if an exception is a well-known one; empty if it is not."""
    frames = walk_tb(error.__traceback__ if error is not None else None)
    own = [each for each in frames if is_own(each[0].f_code.co_filename)]
    if error is None or not own:
        return ""
    frame, number = own[-1]  # the innermost frame of the user's
    line = linecache.getline(frame.f_code.co_filename, number)
    if isinstance(error, UnboundLocalError):
        return "a name that a function assigns anywhere is local in all of it: it is read before it is assigned"
    if isinstance(error, NameError):
        return _name_hint(error.name, frame)
    if isinstance(error, ZeroDivisionError):
        return "is it divided by N - 1, in a batch of one row, or by a count that can be 0?"
    if isinstance(error, AttributeError) and "numpy.ndarray" in str(error):
        return _framework_hint("jax" if error.name == "at" else "torch")
    # S.sum(dim=1), and S.size(0), where a method of torch's is a number of NumPy's.
    if isinstance(error, TypeError) and re.search(r"argument 'dim'|'(int|tuple)' object is not callable", str(error)):
        return _framework_hint("torch")
    for kind, hint in ((TypeError, _type_hint), (IndexError, _index_hint), (ValueError, _shape_hint)):
        if isinstance(error, kind):
            return hint(str(error), frame, line)
    return ""


def _framework_hint(framework: str) -> str:
    return f"if S should be an array of {framework}, use --framework {framework}"


def _name_hint(name: str | None, frame: FrameType) -> str:
    if not name:
        return ""
    known = list(dict.fromkeys([*frame.f_locals, *frame.f_code.co_varnames]))
    # A matrix has a name of one capital letter: it may be S here, and X in the code that this was copied from.
    alike = [each for each in known if len(each) == len(name) == 1 and each.isupper() == name.isupper()]
    in_module = [each for each in frame.f_globals if not each.startswith("__")]
    meant = nearest(name, known, most=1) or alike or nearest(name, in_module, most=1)
    return f"{name} is not defined; did you mean {meant[0]}?" if meant else f"{name} is not defined"


def _type_hint(message: str, frame: FrameType, line: str) -> str:
    if "numpy boolean" in message:
        return "this is a boolean array, and NumPy cannot subtract or negate those: make it float, astype(float)"
    cast = re.search(r"ufunc '(?P<ufunc>\w+)' output from dtype\('\w+'\) to dtype\('u?int\d*'\)", message)
    if cast is None:
        return ""
    assigned = re.match(r"\s*([A-Za-z_]\w*)[^=]*=", line)
    name = assigned[1] if assigned else "it"
    verb = "divide it" if cast["ufunc"] in ("divide", "true_divide") else "write fractions to it"
    scores = next(iter(frame.f_code.co_varnames), "S")
    return f"{name} is an array of integers here: NumPy cannot {verb} in place; make it float: astype({scores}.dtype)"


def _index_hint(message: str, frame: FrameType, line: str) -> str:
    outside = re.search(r"is out of bounds for axis (\d) with size (\d+)", message)
    if outside is not None:
        axis, last = outside[1], int(outside[2]) - 1
        what = {"0": "batch size", "1": "class count"}.get(axis, "size")
        return f"axis {axis} ends at {last}: is a {what} written as a number? take it from the shape"
    if "could not be broadcast" in message:
        return "each index array must have one number for each row: is a batch size written as a number?"
    integers = "indices must be integers: labels may have become floats in a calculation"
    return integers if "must be of integer" in message else ""


def _shape_hint(message: str, frame: FrameType, line: str) -> str:
    if "cannot reshape" in message:
        return "the number of entries depends on the scores: are entries dropped by their value?"
    shapes = [tuple(map(int, re.findall(r"\d+", each))) for each in re.findall(r"\((\d+,[\d,]*)\)", message)]
    if "broadcast" not in message or len(shapes) < 2:
        return ""
    flat, full = ([each for each in shapes if len(each) == axes] for axes in (1, 2))
    if flat and full and flat[0][0] == full[0][0]:
        # A term or a factor of its own: y[i], and f(S, y), are not what was broadcast.
        term = r"[-+*/]\s*{0}\b(?!\s*[\[(.])|\b{0}\s*[-+*/]"
        labels = [name for name in frame.f_code.co_varnames[1:2] if re.search(term.format(name), line)]
        if labels:
            return f"{labels[0]} has one class for each row: if it should be one-hot, use --set labels.kind=one-hot"
        return "one number for each row stands beside N x C: keep its axis, with keepdims=True or [:, np.newaxis]"
    if len(full) >= 2 and full[0] == full[1][::-1]:
        return "one of the two is transposed"
    return "is a batch size or a class count written as a number? take it from the shape"
