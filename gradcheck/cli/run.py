"""``gradcheck run``."""

# No annotations from the future here: Typer evaluates them all at every start, and texts take it thrice as long.
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gradcheck.cli.choices import Backend, Entries, Format, Framework, Reference, complete_targets
from gradcheck.cli.surroundings import abandon_by, errors_for_people, let_the_collector_loose, progress_bar
from gradcheck.errors import UsageError

if TYPE_CHECKING:
    from gradcheck.config import Config
    from gradcheck.report import Report


def run(
    targets: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="TARGET",
            help="Built-in names, package.module:callable or path/to/file.py:callable. "
            "Without any, the configuration's losses.",
            show_default=False,
            autocompletion=complete_targets,
        ),
    ] = None,
    config: Annotated[
        Path | None,
        typer.Option(
            "--config", "-c", help="YAML file; without it gradcheck.yaml, if there is one.", show_default=False
        ),
    ] = None,
    seed: Annotated[int | None, typer.Option(help="Seed of the first trial.", show_default=False)] = None,
    trials: Annotated[
        int | None, typer.Option(help="Problems for each batch size and kind of scores.", show_default=False)
    ] = None,
    batch_size: Annotated[list[int] | None, typer.Option(help="Rows N; may be repeated.", show_default=False)] = None,
    classes: Annotated[list[int] | None, typer.Option(help="Classes C; may be repeated.", show_default=False)] = None,
    scores: Annotated[
        list[str] | None,
        typer.Option(help="Kind of scores, as 'normal(0, 0.001)'; may be repeated.", show_default=False),
    ] = None,
    dtype: Annotated[str | None, typer.Option(help="float64 or float32.", show_default=False)] = None,
    rtol: Annotated[
        float | None, typer.Option(help="Relative error allowed beyond the measured bound.", show_default=False)
    ] = None,
    atol: Annotated[
        float | None, typer.Option(help="Allowance on top of the measured bound.", show_default=False)
    ] = None,
    plan: Annotated[
        str | None,
        typer.Option(help="auto, per-sample, rows, full or projections: how values are obtained.", show_default=False),
    ] = None,
    set_: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="Any key of the configuration.", show_default=False),
    ] = None,
    framework: Annotated[
        Framework, typer.Option(help="Whose arrays the loss gets; auto sees it by what the loss returns.")
    ] = Framework.AUTO,
    reference: Annotated[
        Reference,
        typer.Option(
            help="What judges an entry: central differences; complex steps; auto: these where those are less precise "
            "than rtol."
        ),
    ] = Reference.AUTO,
    like: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="The built-in that the values are meant to be: say where they are not.",
            show_default=False,
        ),
    ] = None,
    strict: Annotated[bool, typer.Option("--strict", help="Fail on unresolved entries and on warnings too.")] = False,
    fail_fast: Annotated[bool, typer.Option("--fail-fast", help="Stop at the first problem that fails.")] = False,
    max_seconds: Annotated[
        float | None, typer.Option(help="Begin no call of a loss after this time.", show_default=False)
    ] = None,
    timeout: Annotated[
        float | None, typer.Option(help="End a call of a loss that takes more seconds.", show_default=False)
    ] = None,
    worst: Annotated[int, typer.Option(min=1, help="Worst entries of a problem: so many are found and shown.")] = 10,
    jobs: Annotated[int, typer.Option(help="Processes that call the losses; 0 for one on each core.")] = 1,
    backend: Annotated[Backend, typer.Option(help="Where they run: here, or on a dask cluster.")] = Backend.LOKY,
    scheduler: Annotated[
        str | None, typer.Option(metavar="ADDRESS", help="The cluster's scheduler.", show_default=False)
    ] = None,
    format_: Annotated[
        list[Format] | None,
        typer.Option(
            "--format", "-f", help="How to report: table, if none is named; may be repeated.", show_default=False
        ),
    ] = None,
    output: Annotated[
        list[str] | None,
        typer.Option(
            "--output",
            "-o",
            metavar="[FORMAT=]PATH",
            help="Write a report to a file; may be repeated.",
            show_default=False,
        ),
    ] = None,
    plot: Annotated[
        Path | None, typer.Option(metavar="PATH", help="Draw a .png, .svg or .pdf as well.", show_default=False)
    ] = None,
    entries: Annotated[
        Entries, typer.Option(help="Which entries to show: auto shows a grid where it fits.")
    ] = Entries.AUTO,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Only the verdict in words, and errors.")] = False,
    verbose: Annotated[
        bool, typer.Option("--verbose", "-v", help="Also plain differences, steps and every worst entry.")
    ] = False,
    explain: Annotated[bool, typer.Option("--explain", help="Below the findings, also what their codes mean.")] = False,
    watch: Annotated[
        bool, typer.Option("--watch", help="Check again when a loss's file or the configuration changes.")
    ] = False,
) -> None:
    """Check the gradients of losses.

    Exit code 0: every gradient right. 1: a gradient or its contract is wrong. 2: something could not be checked.

    For example: [bold]gradcheck run svm softmax --batch-size 3[/bold]
    """
    from gradcheck.cli.outputs import destinations
    from gradcheck.config import load_config
    from gradcheck.output import Options
    from gradcheck.run import check_targets
    from gradcheck.settings import Settings

    overrides: dict[str, object] = {
        "seed": seed, "trials": trials, "batch_sizes": batch_size, "classes": classes, "scores": scores,
        "dtype": dtype, "rtol": rtol, "atol": atol, "plan": plan,
    }  # fmt: skip
    let_the_collector_loose()
    with errors_for_people():
        settings = load_config(config, overrides, set_ or [])
        wanted = destinations([each.value for each in format_ or []], output or [], plot)
        named = _named(targets, settings)
        if watch:
            from gradcheck.cli.watching import check_again_and_again

            raise typer.Exit(check_again_and_again(named, config))
        how = Settings(
            strict, fail_fast, framework.value, reference.value, wanted.entries_kept(worst), jobs=jobs,
            backend=backend.value, scheduler=scheduler, max_seconds=max_seconds, timeout=timeout, like=like,
        )  # fmt: skip
        look = Options(entries=entries.value, verbose=verbose, quiet=quiet, worst=worst, explain=explain)

        def say(report: "Report") -> None:
            wanted.write(report, look)

        with progress_bar() as bar:
            progress = None if bar is None else bar.tell
            report = check_targets(named, settings, how, progress, abandon_by(say, bar))
        say(report)
    raise typer.Exit(report.exit_code)


def _named(targets: list[str] | None, config: "Config") -> list[str]:
    """The targets of the command line, or else the configuration's; each once.

    Raises:
        UsageError: there is none.
    """
    named = list(dict.fromkeys(targets or config.losses))
    if not named:
        raise UsageError(
            "there is nothing to check: no target on the command line, and no losses in the configuration",
            hint="try `gradcheck run svm`, or `gradcheck list` for what else is built in",
        )
    return named
