"""The report as a picture: heat maps, error against step, error against batch size. Needs the extra ``plot``."""

from __future__ import annotations

import io
import math
import warnings
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from gradcheck.errors import UsageError
from gradcheck.output.summary import grouped, loss_sentence, severity_key, worst_of_each_size
from gradcheck.output.text import escape_control
from gradcheck.report import VERDICTS, BatchReport, Entry, LossReport, Report, Verdict

if TYPE_CHECKING:
    from matplotlib.axes import Axes

#: Relative errors outside of these have the colours at the ends.
_LEAST, _MOST = 1e-16, 1.0
_MARKS = {
    Verdict.WRONG: ("x", "#d62728"),
    Verdict.SUBGRADIENT: ("$\\approx$", "black"),
    Verdict.UNRESOLVED: ("$?$", "#ff7f0e"),
}
_COLUMNS = 3
_SIDE = 3.4  # inches of one plot
_SUFFIXES = (".png", ".svg", ".pdf")


def refuse_what_cannot_be_drawn(path: Path) -> None:
    """Make sure that a picture can be drawn, before the work is done and not after it.

    Raises:
        UsageError: matplotlib is missing, or the file's name does not end in .png, .svg or .pdf.
    """
    if path.suffix.lower() not in _SUFFIXES:
        raise UsageError(f"{str(path)!r}: a picture is a .png, .svg or .pdf file", hint="as in --plot errors.png")
    try:
        import matplotlib  # noqa: F401
    except ImportError:
        raise UsageError("--plot needs matplotlib", hint="pip install 'gradcheck[plot]'") from None


def picture(report: Report, kind: str) -> bytes:
    """For each loss the worst problem of every batch size as a heat map, error against step and against batch size.

    Args:
        report: any.
        kind: ``png``, ``svg`` or ``pdf``.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    losses = [loss for loss in report.losses if loss.batches]
    plots = [_plots(loss) for loss in losses]
    rows = [math.ceil(len(each) / _COLUMNS) for each in plots]
    figure = Figure(figsize=(_COLUMNS * _SIDE * 1.25, max(1, sum(rows)) * _SIDE + 0.6), layout="constrained")
    FigureCanvasAgg(figure)
    if losses:
        parts = figure.subfigures(len(losses), 1, height_ratios=rows, squeeze=False).ravel()
    else:
        figure.text(0.5, 0.5, "no problem was checked", ha="center")
    for at, (loss, of_loss) in enumerate(zip(losses, plots, strict=True)):
        title = _plain(f"{loss.target}: {loss_sentence(loss).word}")
        parts[at].suptitle(title, fontsize=12, fontweight="bold", parse_math=False)
        axes = parts[at].subplots(rows[at], _COLUMNS, squeeze=False).ravel()
        for axis, plot in zip(axes, of_loss, strict=False):
            plot(axis)
            axis.title.set_fontsize(9)
        for axis in axes[len(of_loss) :]:
            axis.set_visible(False)
    file = io.BytesIO()
    metadata = {"Date": None} if kind == "svg" else {"CreationDate": None} if kind == "pdf" else {}
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing")  # a name may be in any script
        figure.savefig(file, format=kind, dpi=120, metadata=metadata)
    return file.getvalue()


def _plots(loss: LossReport) -> list[Any]:
    """The plots of one loss, as functions of the axes to draw on."""
    with_grid = [problem for problem in loss.batches if problem.relative_errors is not None]
    by_severity = sorted(loss.batches, key=severity_key, reverse=True)
    tried = [entry for problem in by_severity for entry in problem.worst if entry.tried][:1]
    return [
        *(partial(_heat_map, problem=problem) for problem in worst_of_each_size(with_grid)),
        *(partial(_error_against_step, entry=entry) for entry in tried),
        partial(_error_against_batch_size, loss=loss),
    ]


def _heat_map(axis: Axes, problem: BatchReport) -> None:
    """Relative errors on a logarithmic scale of cividis, which reads the same to any colour vision; signs on top."""
    from matplotlib.colors import LogNorm
    from matplotlib.ticker import MaxNLocator

    assert problem.relative_errors is not None
    assert problem.verdicts is not None
    errors = np.clip(np.nan_to_num(problem.relative_errors, nan=_MOST), _LEAST, _MOST)
    image = axis.imshow(errors, norm=LogNorm(_LEAST, _MOST), cmap="cividis", aspect="auto", interpolation="nearest")
    axis.figure.colorbar(image, ax=axis, label="relative error")
    for verdict, (mark, color) in _MARKS.items():
        rows, columns = np.nonzero(problem.verdicts == VERDICTS.index(verdict))
        if len(rows):
            axis.scatter(columns, rows, marker=mark, s=50, color=color, label=verdict.value)
    if problem.labels is not None and problem.batch_size <= 64:
        rows = np.arange(problem.batch_size)
        axis.scatter(problem.labels, rows, marker="s", s=160, facecolors="none", edgecolors="white", linewidths=1.2)
    axis.set_title(_plain(f"batch size {problem.batch_size}, {problem.scores}"), parse_math=False)
    axis.set(xlabel="class", ylabel="row")
    for along in (axis.xaxis, axis.yaxis):
        along.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    if axis.get_legend_handles_labels()[0]:
        axis.legend(fontsize=7, loc="upper left", bbox_to_anchor=(0, -0.16), borderaxespad=0, frameon=False)


def _error_against_step(axis: Axes, entry: Entry) -> None:
    """Truncation error, which falls with the step, and rounding error, which rises as it shrinks."""
    steps, plain = np.array(entry.tried).T
    least = float(np.spacing(abs(entry.numerical)))  # 0 has no place on a logarithmic scale
    errors = np.maximum(np.abs(plain - entry.numerical), least)
    axis.loglog(steps, errors, "o-", color="#00538a", markersize=4, label="central differences")
    if entry.step > 0:
        taken = max(abs(entry.plain - entry.numerical), least)
        axis.loglog([entry.step], [taken], "D", color="#d62728", markersize=6, label="the step taken")
    if 0 < entry.bound < math.inf:
        axis.axhline(entry.bound, color="gray", linestyle="--", linewidth=1, label="bound of the reference")
    axis.set(title=f"dS[{entry.row}, {entry.class_}]: {entry.verdict.value}", xlabel="step", ylabel="error")
    axis.legend(fontsize=7)


def _error_against_batch_size(axis: Axes, loss: LossReport) -> None:
    """The largest relative error of each problem."""
    for (scores, classes), group in grouped(loss.batches, lambda batch: (batch.scores, batch.classes)).items():
        errors = [max(batch.max_relative_error, _LEAST) for batch in group]
        name = _plain(f"{scores}, {classes} classes")
        axis.loglog([batch.batch_size for batch in group], errors, "o", markersize=5, alpha=0.8, label=name)
    axis.set(title="largest relative error", xlabel="batch size", ylabel="relative error", ylim=(_LEAST / 2, 4 * _MOST))
    sizes = sorted({batch.batch_size for batch in loss.batches})
    axis.set_xticks(sizes, [str(size) for size in sizes])
    axis.minorticks_off()
    for text in axis.legend(fontsize=7).get_texts():
        text.set_parse_math(False)


def _plain(text: str) -> str:
    """Text from outside, to be drawn with ``parse_math=False``."""
    return escape_control(text[:100])
