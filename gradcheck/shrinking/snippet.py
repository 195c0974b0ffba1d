"""A failing case as Python to paste: it raises as long as the loss fails."""

from __future__ import annotations

import keyword
from typing import Any

import numpy as np
import numpy.typing as npt

from gradcheck.config import Config
from gradcheck.config.settings import Settings
from gradcheck.functions.function import Function
from gradcheck.report import FloatArray

Gradients = tuple[FloatArray, FloatArray]

_WIDTH = 88
#: Entries up to which derivatives are shown in a comment, and up to which a case is written in one line.
_MOST, _MOST_IN_A_LINE = 12, 4


def snippet(
    loss: Function, S: npt.NDArray[Any], y: npt.NDArray[Any], code: str, config: Config, settings: Settings,
    gradients: Gradients | None = None,
) -> str:  # fmt: skip
    """Python that checks a loss at scores S (N x C, of the loss's dtype) and labels y, and raises.

    ``code`` is of the finding that it shows, ``wrong`` for none. Options of the run that would change the answer are
    kept. A comment shows dS and the numerical gradient, each N x C, where ``gradients`` has them.
    """
    lines = [] if _is_plain(S) and _is_plain(y) else ["import numpy as np", ""]
    lines += ["import gradcheck", "", f"S = {_constructed(S)}", f"y = {_constructed(y)}"]
    if gradients is not None and S.size <= _MOST:
        analytic, numerical = _shown(gradients)
        lines += [f"# dS                 = {analytic}", f"# numerical gradient = {numerical}"]
    name = _name_of(loss)
    if not loss.by_name:
        where = f", {repr(loss.file)[1:-1]}:{loss.line}" if loss.file else ""
        lines.append(f"# {name}: the loss that was checked{where}; it must be in scope here")
    complaint = code
    if gradients is not None:
        complaint = "dS is not the gradient of the value" + (f" ({code})" if code != "wrong" else "")
    call = f"gradcheck.check_at({', '.join([name, 'S', 'y', *_options(config, settings, code)])})"
    check = [f"report = {call}", f"assert report.passed, {complaint!r}"]
    if code == "not-deterministic":
        check = ["for _ in range(10):  # by chance, it may pass once or twice", *(f"    {line}" for line in check)]
    return "\n".join(lines + check) + "\n"


def one_line(
    loss: Function, S: npt.NDArray[Any], y: npt.NDArray[Any], code: str, config: Config, settings: Settings,
    gradients: Gradients | None = None,
) -> str:  # fmt: skip
    """``gradcheck.check_at('mymodule:myloss', [[0.0]], [0])   dS 1, numerical 0``; empty if it is too long."""
    if S.size > _MOST_IN_A_LINE:
        return ""
    outcome = code
    if gradients is not None:
        analytic, numerical = (text.strip("[]") if S.size == 1 else text for text in _shown(gradients))
        outcome = f"dS {analytic}, numerical {numerical}"
    arguments = [_name_of(loss), _constructed(S), _constructed(y), *_options(config, settings, code)]
    return f"gradcheck.check_at({', '.join(arguments)})   {outcome}"


def listed(array: npt.NDArray[Any]) -> str:
    """An array as nested lists, each number in the shortest form that reads back as the same number."""
    if array.dtype.kind == "f":  # float32(0.1) as 0.1: str knows the digits of the dtype
        array = np.array([float(str(value)) for value in array.flat]).reshape(array.shape)
    line = repr(array.tolist())
    if array.ndim < 2 or len(line) <= _WIDTH:
        return line
    return "[\n" + "".join(f"    {row},\n" for row in array.tolist()) + "]"


def tolerances(config: Config) -> dict[str, float]:
    """The tolerances that are not the defaults: all of a configuration that matters for one given problem."""
    default = Config()
    given = {key: getattr(config, key) for key in ("rtol", "atol")}
    return {key: value for key, value in given.items() if value != getattr(default, key)}


def _is_plain(array: npt.NDArray[Any]) -> bool:
    """Whether its lists make the same array again."""
    return array.dtype in (np.float64, np.int64, np.bool_) or array.dtype.kind == "U"


def _constructed(array: npt.NDArray[Any]) -> str:
    if _is_plain(array):
        return listed(array)
    dtype = f"np.{array.dtype.name}" if array.dtype.kind in "fiu" else repr(array.dtype.str)
    return f"np.array({listed(array)}, dtype={dtype})"


def _shown(gradients: Gradients) -> tuple[str, str]:
    """dS and the numerical gradient, with 6 digits or as many as it takes to see where they differ."""
    # What is rounding error beside the other entries is shown as 0.
    analytic, numerical = (np.where(abs(each) > 1e-11 * np.max(abs(each)), each, 0.0) for each in gradients)
    pairs = list(zip(analytic.flat, numerical.flat, strict=True))
    digits = next((d for d in range(6, 17) if any(f"{a:.{d}g}" != f"{n:.{d}g}" for a, n in pairs)), 6)

    def text(gradient: FloatArray) -> str:
        rows = [", ".join(f"{derivative:.{digits}g}" for derivative in row) for row in gradient]
        return f"[[{'], ['.join(rows)}]]"

    return text(analytic), text(numerical)


def _name_of(loss: Function) -> str:
    """The first argument of a check: the loss's target, or a name for a callable that no target leads to."""
    if loss.by_name:
        return repr(loss.target)
    last = loss.target.rpartition(".")[2]
    has_a_name = loss.adapter is not None or hasattr(loss.function, "__qualname__")  # an object has only its class's
    return last if has_a_name and last.isidentifier() and not keyword.iskeyword(last) else "myloss"


def _options(config: Config, settings: Settings, code: str) -> list[str]:
    """Further arguments of a check: what differs from the defaults and would change the answer."""
    keys = ", ".join(f"{key}={value!r}" for key, value in tolerances(config).items())
    names = ["framework", "reference", "like", *(["timeout"] if code == "hangs" else [])]
    changed = [name for name in names if getattr(settings, name) != getattr(Settings(), name)]
    return [f"gradcheck.Config({keys})"] * bool(keys) + [f"{name}={getattr(settings, name)!r}" for name in changed]
