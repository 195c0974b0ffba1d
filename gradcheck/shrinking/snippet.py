"""A failing case as Python to paste: it raises as long as the loss fails."""

import keyword
from typing import Any

import numpy as np

from gradcheck.config import Config
from gradcheck.config.settings import Settings
from gradcheck.functions.function import Function
from gradcheck.layout import Arguments
from gradcheck.report import Array, FloatArray

Gradients = tuple[FloatArray, FloatArray]

_WIDTH = 88
_SMALL = 1e-6  # relative differences up to which plain differences may be off, of named inputs
_MOST = 12  # entries up to which derivatives are shown in a comment
_MOST_IN_A_LINE, _MOST_LETTERS = 4, 200  # entries and letters up to which a case is one line


def snippet(
    loss: Function, S: Array, y: Any, code: str, config: Config, settings: Settings,
    gradients: Gradients | None = None,
) -> tuple[str, str]:  # fmt: skip
    """Python that checks a loss at scores S (N x C, of its dtype) and labels y, and raises; and one line of it.

    ``code`` is of the finding, ``wrong`` for none; ``gradients`` (N x C) come in a comment. The line is the call and
    its result, ``gradcheck.check_at('mymodule:myloss', [[0.0]], [0])   dS 1, numerical 0``; empty if too long. Of a
    function of named inputs y holds the arguments, and some of the entries that differ come in comments.
    """
    comments, options, what, outcome = [], _options(config, settings, code), "dS is" if gradients else "", code
    if isinstance(y, Arguments):
        given = {"inputs": f"{{{', '.join(f'{name!r}: {_nested(value)}' for name, value in y.values.items())}}}"}
        seed = [f"seed={y.seed}"] * bool(y.seed)
        options = [*seed, *_options(config, settings, code, "wrt", "gradient", "backward", "value", "reseed")]
        if gradients is not None:
            wrong = _different(gradients)
            comments = [f"d{y.layout.name(k)} {a:.6g}, numerical {n:.6g}" for k, a, n in wrong]
            outcome, what = comments[0], f"d{y.layout.index(wrong[0][0])[0]} is"
    else:
        given = {"S": _constructed(S), "y": _constructed(y)}
        if gradients is not None:
            analytic, numerical = _shown(gradients)
            outcome = f"dS {analytic}, numerical {numerical}"
            outcome = outcome.replace("[", "").replace("]", "") if S.size == 1 else outcome
            comments = [f"dS                 = {analytic}", f"numerical gradient = {numerical}"] * (S.size <= _MOST)

    is_named, name = loss.by_name or (loss.is_of_named_inputs and ":" in loss.target), repr(loss.target)
    if not is_named:  # no target leads to it
        last = loss.target.rpartition(".")[2]
        has_a_name = loss.adapter is not None or loss.is_of_named_inputs or hasattr(loss.function, "__qualname__")
        name = last if has_a_name and last.isidentifier() and not keyword.iskeyword(last) else "myloss"
        where = f", {repr(loss.file)[1:-1]}:{loss.line}" if loss.file else ""
        comments.append(f"{name}: the loss that was checked{where}; it must be in scope here")
    lines = ["import numpy as np", ""] if "np." in "".join(given.values()) else []
    lines += ["import gradcheck", "", *(f"{key} = {text}" for key, text in given.items())]
    lines += [f"# {comment}" for comment in comments]
    # A contract's code stands alone.
    because = f" ({code})" if code != "wrong" else ""
    complaint = f"{what} not the gradient of the value{because}" if what else code
    check = [f"report = gradcheck.check_at({', '.join([name, *given, *options])})"]
    check.append(f"assert report.passed, {complaint!r}")
    if code == "not-deterministic":
        check = ["for _ in range(10):  # by chance, it may pass once or twice", *(f"    {line}" for line in check)]
    line = f"gradcheck.check_at({', '.join([name, *given.values(), *options])})"
    is_short = "\n" not in line and (len(line) <= _MOST_LETTERS if "inputs" in given else S.size <= _MOST_IN_A_LINE)
    return "\n".join(lines + check) + "\n", f"{line}   {outcome}" if is_short else ""


def _different(gradients: Gradients) -> list[tuple[int, float, float]]:
    """Some entries of 1 x n derivatives that differ, with both derivatives: at least the one that differs most."""
    analytic, numerical = (each[0] for each in gradients)
    off, size = np.abs(analytic - numerical), np.maximum(np.abs(analytic), np.abs(numerical))
    wrong = np.flatnonzero(off > _SMALL * (size + np.max(size) / 1000)).tolist() or [int(np.argmax(off))]
    return [(k, analytic[k], numerical[k]) for k in wrong[:_MOST]]


def _nested(thing: Any, inside: bool = False) -> str:
    """An argument as Python: a list in place of an array, which is made one again unless it is inside of another."""
    if isinstance(thing, dict):
        return "{" + ", ".join(f"{key!r}: {_nested(value, True)}" for key, value in thing.items()) + "}"
    if isinstance(thing, list | tuple):
        return f"({' '.join(f'{_nested(each, True)},' for each in thing)})"
    if not isinstance(thing, np.ndarray):
        return f"np.{thing.dtype.name}({thing.item()!r})" if isinstance(thing, np.generic) else repr(thing)
    text = _constructed(thing)
    return f"np.array({text})" if text.startswith("[") and (inside or not thing.size) else text


def _constructed(array: Array) -> str:
    """Lists where they make the same array again, else a call that does; numbers as short as they read back."""
    entries = array
    if array.dtype.kind == "f":  # float32(0.1) as 0.1: str knows the digits of the dtype
        entries = np.array([float(str(value)) for value in array.flat]).reshape(array.shape)
    text = repr(entries.tolist())
    if array.ndim > 1 and len(text) > _WIDTH:
        text = "[\n" + "".join(f"    {row},\n" for row in entries.tolist()) + "]"
    if array.dtype in (np.float64, np.int64, np.bool_) or array.dtype.kind == "U":
        return text
    dtype = f"np.{array.dtype.name}" if array.dtype.kind in "fiu" else repr(array.dtype.str)
    return f"np.array({text}, dtype={dtype})"


def _shown(gradients: Gradients) -> list[str]:
    """dS and the numerical gradient, with 6 digits or as many as it takes to see where they differ."""
    # What is rounding error beside the other entries is shown as 0.
    analytic, numerical = (np.where(abs(each) > 1e-11 * np.max(abs(each)), each, 0.0) for each in gradients)
    pairs = list(zip(analytic.flat, numerical.flat, strict=True))
    digits = next((d for d in range(6, 17) if any(f"{a:.{d}g}" != f"{n:.{d}g}" for a, n in pairs)), 6)
    texts = [[", ".join(f"{entry:.{digits}g}" for entry in row) for row in each] for each in (analytic, numerical)]
    return [f"[[{'], ['.join(rows)}]]" for rows in texts]


def _options(config: Config, settings: Settings, code: str, *keys: str) -> list[str]:
    """Further arguments of a check: what differs from the defaults and would change the answer."""
    of_run = ["framework", "reference", *["like"] * isinstance(settings.like, str), *["timeout"] * (code == "hangs")]
    chosen: list[tuple[object, object, str]] = [(config, Config(), key) for key in (*keys, "rtol", "atol")]
    chosen += [(settings, Settings(), key) for key in of_run]
    differ = [(key, getattr(of, key)) for of, usual, key in chosen if getattr(of, key) != getattr(usual, key)]
    return [f"{key}={getattr(each, '__name__', key) if callable(each) else repr(each)}" for key, each in differ]
