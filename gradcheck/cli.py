"""The command line: read arguments, call, hand the report to a renderer, exit code. No numerics."""

# No annotations from the future here: Typer evaluates them all at every start, and texts take it thrice as long.
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from gradcheck.choices import Backend, Entries, Format, Framework, Reference
from gradcheck.errors import UsageError
from gradcheck.surroundings import (
    a_reader_may_leave,
    abandon_by,
    errors_for_people,
    let_the_collector_loose,
    progress_bar,
)
from gradcheck.terminal import height_of, is_ascii, refuse_unwritable, wants_color, width_of, write_out

if TYPE_CHECKING:
    from gradcheck.config import Config
    from gradcheck.report import Report

app = typer.Typer(
    name="gradcheck",
    help="Point it at a loss; it says whether the gradient is right, where it is not, and why.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _show_version(wanted: bool) -> None:
    if wanted:
        from gradcheck.version import __version__

        typer.echo(f"gradcheck {__version__}")
        raise typer.Exit()


@app.callback()
def gradcheck(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Point it at a loss; it says whether the gradient is right, where it is not, and why."""


@app.command()
def run(
    targets: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="TARGET",
            help="Built-in names, package.module:callable or path/to/file.py:callable. "
            "Without any, the configuration's losses.",
            show_default=False,
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
    format_: Annotated[Format, typer.Option("--format", "-f", help="How to report.")] = Format.TABLE,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Write the report to this file.", show_default=False)
    ] = None,
    entries: Annotated[
        Entries, typer.Option(help="Which entries to show: auto shows a grid where it fits.")
    ] = Entries.AUTO,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Only the verdict in words, and errors.")] = False,
    verbose: Annotated[
        bool, typer.Option("--verbose", "-v", help="Also plain differences, steps and every worst entry.")
    ] = False,
) -> None:
    """Check the gradients of losses.

    Exit code 0: every gradient right. 1: a gradient or its contract is wrong. 2: something could not be checked.

    For example: [bold]gradcheck run svm softmax --batch-size 3[/bold]
    """
    from gradcheck.checking import check_targets
    from gradcheck.config import apply_set, load_config
    from gradcheck.rendering import FORMATS, Options
    from gradcheck.settings import Settings

    overrides: dict[str, object] = {
        "seed": seed, "trials": trials, "batch_sizes": batch_size, "classes": classes, "scores": scores,
        "dtype": dtype, "rtol": rtol, "atol": atol, "plan": plan,
    }  # fmt: skip
    let_the_collector_loose()
    with errors_for_people():
        for text in set_ or []:
            apply_set(overrides, text)
        settings = load_config(config, overrides)
        if output is not None:
            refuse_unwritable(output)
        named = _named(targets, settings)
        how = Settings(
            strict, fail_fast, framework.value, reference.value, worst, jobs=jobs, backend=backend.value,
            scheduler=scheduler, max_seconds=max_seconds, timeout=timeout,
        )  # fmt: skip

        def say(report: "Report") -> None:
            to_file = output is not None
            options = Options(
                width=width_of(sys.stdout) if not to_file else None,
                height=height_of(sys.stdout) if not to_file else None,
                color=not to_file and wants_color(sys.stdout),
                ascii=not to_file and is_ascii(sys.stdout),
                entries=entries.value,
                verbose=verbose,
                quiet=quiet,
                worst=worst,
            )
            with a_reader_may_leave():
                write_out(FORMATS[format_.value](report, options), output)
            if output is not None and not quiet:
                typer.echo(f"the report is in {output}", err=True)

        with progress_bar() as bar:
            progress = None if bar is None else bar.tell
            report = check_targets(named, settings, how, progress, abandon_by(say, bar))
        say(report)
    raise typer.Exit(report.exit_code)


@app.command(name="list")
def list_() -> None:
    """List the built-in losses, each with its formula.

    For example: [bold]gradcheck list[/bold]
    """
    from gradcheck.rendering.built_ins import render_list

    with a_reader_may_leave():
        write_out(render_list(width_of(sys.stdout), wants_color(sys.stdout)), None)


@app.command()
def show(
    name: Annotated[str, typer.Argument(help="A built-in loss, as `gradcheck list` names it.")],
) -> None:
    """Print a built-in loss: its formula, its gradient, and how the one follows from the other.

    For example: [bold]gradcheck show softmax[/bold]
    """
    from gradcheck.losses import BUILT_INS
    from gradcheck.rendering.built_ins import render_one
    from gradcheck.spelling import did_you_mean

    with errors_for_people(), a_reader_may_leave():
        if name not in BUILT_INS:
            hint = f"{did_you_mean(name, BUILT_INS)} `gradcheck list` shows all".strip()
            raise UsageError(f"{name!r}: no built-in loss has this name", hint=hint)
        write_out(render_one(BUILT_INS[name], width_of(sys.stdout), wants_color(sys.stdout)), None)


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


def main() -> NoReturn:
    """The console script. A mistake of gradcheck's own is no wrong gradient: it exits with 2, not with 1."""
    from typer.main import get_command

    from gradcheck.quick_parameters import quickened

    try:
        quickened(get_command(app))()
    except KeyboardInterrupt:
        typer.echo("interrupted before any problem was checked", err=True)
        sys.exit(130)
    except Exception:
        import traceback

        traceback.print_exc()
        typer.echo("this is a mistake in gradcheck, not in your loss: nothing was judged", err=True)
        sys.exit(2)
    sys.exit(0)
