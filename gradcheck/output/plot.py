"""The report as a picture: heat maps of relative errors. Needs the extra ``plot``."""

import io
import math
import warnings
from pathlib import Path
from typing import Any

import numpy as np

from gradcheck.errors import UsageError
from gradcheck.output.summary import kind_of, loss_sentence, worst_of_each
from gradcheck.output.text import escape_control
from gradcheck.report import VERDICTS, BatchReport, LossReport, Report, StepEvidence, Verdict

_LEAST, _MOST = 1e-16, 1.0  # relative errors outside of these have the colours at the ends
_MARKS = {
    Verdict.WRONG: ("x", "#d62728"),
    Verdict.SUBGRADIENT: ("$\\approx$", "black"),
    Verdict.UNRESOLVED: ("$?$", "#ff7f0e"),
}
PICTURES = (".png", ".svg", ".pdf")
_COLUMNS, _SIDE = 3, 3.8  # plots beside each other, and inches of one of them


def refuse_what_cannot_be_drawn(path: Path) -> None:
    """Raise a UsageError where matplotlib is missing, or the file's name does not end in .png, .svg or .pdf."""
    if path.suffix.lower() not in PICTURES:
        raise UsageError(f"{str(path)!r}: a picture is a .png, .svg or .pdf file", hint="as in --plot errors.png")
    try:
        import matplotlib  # noqa: F401
    except ImportError:
        raise UsageError("--plot needs matplotlib", hint="pip install 'gradcheck[plot]'") from None


def picture(report: Report, kind: str) -> bytes:
    """A ``png``, ``svg`` or ``pdf``: the entries asked for, and of each batch size the worst problem as a heat map."""
    from matplotlib.figure import Figure

    shown: list[tuple[LossReport, StepEvidence | BatchReport]]
    shown = [(loss, evidence) for loss in report.losses for evidence in loss.steps]
    worst = [(loss, problem) for loss in report.losses for problem in worst_of_each(loss.batches)]
    shown += [(loss, problem) for loss, problem in worst if problem.relative_errors is not None]
    rows = max(1, math.ceil(len(shown) / _COLUMNS))
    figure = Figure(figsize=(_COLUMNS * _SIDE * 1.1, rows * _SIDE), layout="constrained")
    if not shown:
        figure.text(0.5, 0.5, "no matrix of relative errors to draw", ha="center")
    for at, (loss, each) in enumerate(shown, 1):
        axis = figure.add_subplot(rows, _COLUMNS, at)
        if isinstance(each, StepEvidence):
            _errors_against_steps(axis, each)
            words, below = each.entry.name, each.where[:60]
        else:
            _heat_map(axis, each)
            words, below = loss_sentence(loss).verdict, f"batch size {each.batch_size}, {kind_of(each)[:60]}"
        title = f"{escape_control(loss.target[:60])}: {words}\n{escape_control(below)}"
        axis.set_title(title, fontsize=9, parse_math=False)
    file = io.BytesIO()
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing")  # a name may be in any script
        figure.savefig(file, format=kind, dpi=120)
    return file.getvalue()


def _errors_against_steps(axis: Any, evidence: StepEvidence) -> None:
    """The error of the difference against the step, beside what rounding allows and the slope of h^2, on log axes."""
    steps, errors, rounding = np.array([(each.step, each.error, each.rounding) for each in evidence.steps]).T
    slope = errors[0] * (steps / steps[0]) ** 2
    axis.loglog(steps, np.where(errors > 0, errors, np.nan), "o-", color="#1f77b4", label="error of the difference")
    axis.loglog(steps, rounding, ":", color="#7f7f7f", label="rounding")
    axis.loglog(steps, np.where(slope >= rounding.min(), slope, np.nan), "--", color="#ff7f0e", label="h^2")
    axis.set(xlabel="step h", ylabel="error")
    axis.legend(fontsize=7, frameon=False)


def _heat_map(axis: Any, problem: BatchReport) -> None:
    """Relative errors on a logarithmic scale of cividis, which reads the same to any colour vision; signs on top."""
    from matplotlib.ticker import MaxNLocator

    errors = np.clip(np.nan_to_num(np.asarray(problem.relative_errors), nan=_MOST), _LEAST, _MOST)
    image = axis.imshow(errors, norm="log", vmin=_LEAST, vmax=_MOST, cmap="cividis", aspect="auto")
    axis.figure.colorbar(image, ax=axis, label="relative error")
    for verdict, (mark, color) in _MARKS.items():
        rows, columns = np.nonzero(np.asarray(problem.verdicts) == VERDICTS.index(verdict))
        if len(rows):
            axis.scatter(columns, rows, marker=mark, s=50, color=color, label=verdict.value)
            axis.legend(fontsize=7, loc="upper left", bbox_to_anchor=(0, -0.16), borderaxespad=0, frameon=False)
    if has_labels := problem.labels is not None and problem.batch_size <= 64:
        squares = {"marker": "s", "s": 160, "facecolors": "none", "edgecolors": "white", "linewidths": 1.2}
        axis.scatter(problem.labels, range(problem.batch_size), **squares)
    axis.set(xlabel="last axis" if problem.input else f"class{' (square: the label)' * has_labels}", ylabel="row")
    for along in (axis.xaxis, axis.yaxis):
        along.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
