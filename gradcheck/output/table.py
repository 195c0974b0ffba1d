"""The report for a terminal or a log: each loss with findings, problems up close, totals; the verdict."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.console import RenderableType

from gradcheck.output import Options, prose
from gradcheck.output.grid import grid, whole_grid, worst_entries
from gradcheck.output.selection import Shown, selected, worst_of
from gradcheck.output.summary import summary
from gradcheck.output.view import View, view_of
from gradcheck.output.words import sentences
from gradcheck.report import BatchReport, LossReport, Report

# Worst entries of one problem that are shown below its grid, unless verbose.
_BELOW = 5


def render(report: Report, options: Options) -> str:
    """A report as text that ends with a newline.

    Args:
        report: any.
        options: all of them count.

    Returns:
        Lines no wider than ``options.width``, but for a command to copy and for numbers too wide themselves.
    """
    on = view_of(options)
    show(report, on)
    return on.printed


def show(report: Report, view: View) -> None:
    """Print a report on the view's console."""
    for loss in report.losses:
        for block in _loss_in_short(loss, view) if view.options.quiet else _loss(loss, view):
            view.console.print(block, crop=False)
    for sentence in sentences(report):
        view.console.print(prose.sentence(sentence, view))


def _loss(loss: LossReport, view: View) -> Iterator[RenderableType]:
    """Everything of one loss but its verdict in words, which is said at the end."""
    yield prose.heading(loss, view)
    yield ""
    if loss.error:
        yield from prose.error(loss.error, view)
        yield ""
    for finding in loss.findings:
        yield from prose.finding(finding, view)
        yield ""
    if view.options.explain:
        yield from _pages(loss, view)
    yield from _up_close(loss.batches, view)
    if loss.batches:
        yield summary(loss.batches, view)
        yield ""
        notes = list(prose.plans(loss.batches, view))
        yield from [*notes, ""] if notes else ()
    if loss.unchecked and not loss.error:
        yield from prose.unchecked(loss, view)
        yield ""
    if loss.smallest_case is not None:
        yield from prose.smallest_case(loss.smallest_case, view)
        yield ""
    if loss.rerun:
        yield from prose.command("rerun the worst:" if loss.batches else "rerun:", loss.rerun, view)
        yield ""


def _pages(loss: LossReport, view: View) -> Iterator[RenderableType]:
    """The pages of the codes of its findings, as ``gradcheck explain`` shows them."""
    from gradcheck.diagnosis.pages import page
    from gradcheck.output.pages import Drawn

    for code in dict.fromkeys(finding.code for finding in loss.findings):
        yield Drawn(page(code), view.options.color)
        yield ""


def _loss_in_short(loss: LossReport, view: View) -> Iterator[RenderableType]:
    errors = [finding for finding in loss.findings if finding.severity == "error"]
    if loss.error or errors:
        yield prose.heading(loss, view)
    if loss.error:
        yield from prose.error(loss.error, view)
    for finding in errors[:1]:
        yield from prose.finding(finding, view)


def _up_close(problems: Sequence[BatchReport], view: View) -> Iterator[RenderableType]:
    """Grids and worst entries of the problems worth it, and what their signs mean."""
    with_grid = []
    for shown in selected(problems, view.options):
        yield prose.caption(shown, view)
        yield from prose.projections(shown.problem, view)
        grids = _grids(shown.problem, view)
        yield from grids
        if grids:
            with_grid.append(shown.problem)
        if shown.problem.wrong or not grids:
            yield from ([""] if grids else [])
            yield from _worst(shown, view, below_grid=bool(grids))
        yield ""
    legend = prose.legend(with_grid, view)
    if legend is not None:
        yield legend
        yield ""


def _grids(problem: BatchReport, view: View) -> list[RenderableType]:
    match view.options.entries:
        case "all" if problem.verdicts is not None:
            first, *rest = whole_grid(problem, view)
            return [first, *(piece for table in rest for piece in ("", table))]
        case "auto":
            table = grid(problem, view)
            return [] if table is None else [table]
        case _:
            return []


def _worst(shown: Shown, view: View, below_grid: bool) -> Iterator[RenderableType]:
    entries, more = worst_of(shown.problem, view.options, _BELOW if below_grid else None)
    if entries:
        yield worst_entries(entries, view)
    if entries and more:
        yield prose.left_out(more, view)
