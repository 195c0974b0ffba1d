"""A failing case as Python to paste: it raises as long as the loss fails."""

from __future__ import annotations

import keyword
from typing import Any

import numpy as np
import numpy.typing as npt

from gradcheck.config import Config
from gradcheck.functions.function import Function
from gradcheck.report import FloatArray
from gradcheck.settings import Settings

_LINE = 88
#: Digits of derivatives, which stand in a comment.
_DIGITS = 6
_ROUNDING = 1e-11
#: Derivatives that a comment holds.
_MOST = 40


def snippet(
    loss: Function,
    S: npt.NDArray[Any],
    y: npt.NDArray[Any],
    code: str,
    config: Config,
    settings: Settings,
    analytic: FloatArray | None = None,
    numerical: FloatArray | None = None,
) -> str:
    """Python that checks a loss at one problem, and raises.

    Args:
        loss: what fails.
        S: N x C, of the dtype that it is to get.
        y: labels.
        code: of what it shows.
        config, settings: of the run; what would change the answer is kept.
        analytic, numerical: N x C, told in a comment; None for no comment.
    """
    arrays = {"S": S, "y": y}
    is_plain = {name: _is_plain(array) for name, array in arrays.items()}
    lines = ["import gradcheck"] if all(is_plain.values()) else ["import numpy as np", "", "import gradcheck"]
    lines.append("")
    for name, array in arrays.items():
        text = listed(array, len(name) + 3)
        lines.append(f"{name} = {text}" if is_plain[name] else f"{name} = np.array({text}, dtype={_dtype(array)})")
    if analytic is not None and numerical is not None and analytic.size <= _MOST:
        digits = _enough_digits(analytic, numerical)
        lines += _comment("dS                 = ", analytic, digits)
        lines += _comment("numerical gradient = ", numerical, digits)
    name = repr(loss.target)
    if not loss.by_name:
        name = _name_of(loss)
        where = f", {repr(loss.file)[1:-1]}:{loss.line}" if loss.file else ""
        lines.append(f"# {name}: the loss that was checked{where}; it must be in scope here")
    arguments = ", ".join([name, "S", "y", *_options(loss, config, settings, code)])
    check = [f"report = gradcheck.check_at({arguments})", f"assert report.passed, {_complaint(code, analytic)!r}"]
    if code == "not-deterministic":
        check = ["for _ in range(10):  # by chance, it may pass once or twice", *(f"    {line}" for line in check)]
    lines += check
    return "\n".join(lines) + "\n"


def listed(array: npt.NDArray[Any], indent: int = 0) -> str:
    """An array as nested lists, each number with the digits that tell it from its neighbours.

    Args:
        array: of one or two dimensions.
        indent: columns that are taken on the first line.

    Example:
        >>> listed(np.float32([[0.1, 2], [0, -1]]))
        '[[0.1, 2.0], [0.0, -1.0]]'
    """
    if array.ndim < 2:
        return f"[{', '.join(map(_number, array.reshape(-1)))}]" if array.ndim else _number(array[()])
    rows = [listed(row) for row in array]
    line = f"[{', '.join(rows)}]"
    return line if indent + len(line) <= _LINE else "[\n" + "".join(f"    {row},\n" for row in rows) + "]"


def _number(value: Any) -> str:
    if isinstance(value, np.number):
        return str(value)
    return repr(value.item() if isinstance(value, np.generic) else value)


def _is_plain(array: npt.NDArray[Any]) -> bool:
    """Whether its lists make the same array again."""
    return array.dtype in (np.float64, np.int64, np.bool_) or array.dtype.kind == "U"


def _dtype(array: npt.NDArray[Any]) -> str:
    return f"np.{array.dtype.name}" if array.dtype.kind in "fiu" else repr(array.dtype.str)


def _enough_digits(analytic: FloatArray, numerical: FloatArray) -> int:
    """Significant digits that show what is apart as different."""
    for digits in range(_DIGITS, 17):
        differ = [f"{a:.{digits}g}" != f"{n:.{digits}g}" for a, n in zip(analytic.flat, numerical.flat, strict=True)]
        if any(differ):
            return digits
    return _DIGITS


def _comment(head: str, derivatives: FloatArray, digits: int) -> list[str]:
    # What is rounding beside the others is shown as 0.
    floor = _ROUNDING * float(np.max(np.abs(derivatives)))
    shown = np.where(np.abs(derivatives) > floor, derivatives, 0.0).tolist()
    rows = [f"[{', '.join(f'{value:.{digits}g}' for value in row)}]" for row in shown]
    line = f"# {head}[{', '.join(rows)}]"
    if len(line) <= _LINE:
        return [line]
    return [f"# {head}[", *(f"#     {row}," for row in rows), "# ]"]


def _name_of(loss: Function) -> str:
    """What a callable may be called that no target leads to; an object's target is but its class's name."""
    last = loss.target.rpartition(".")[2]
    has_a_name = loss.adapter is not None or hasattr(loss.function, "__qualname__")
    return last if has_a_name and last.isidentifier() and not keyword.iskeyword(last) else "myloss"


def tolerances(config: Config) -> dict[str, float]:
    """Those of a configuration that are not the defaults: all of it that matters for one given problem."""
    default = Config()
    given = {key: getattr(config, key) for key in ("rtol", "atol")}
    return {key: value for key, value in given.items() if value != getattr(default, key)}


def _options(loss: Function, config: Config, settings: Settings, code: str) -> list[str]:
    keys = [f"{key}={value!r}" for key, value in tolerances(config).items()]
    options = [f"gradcheck.Config({', '.join(keys)})"] if keys else []
    if settings.framework != "auto":
        options.append(f"framework={settings.framework!r}")
    if settings.reference != "auto":
        options.append(f"reference={settings.reference!r}")
    if settings.like is not None:
        options.append(f"like={settings.like!r}")
    if code == "hangs" and settings.timeout is not None:
        options.append(f"timeout={settings.timeout!r}")
    return options


def _complaint(code: str, analytic: FloatArray | None) -> str:
    if analytic is None:
        return code
    return "dS is not the gradient of the value" + (f" ({code})" if code != "wrong" else "")
