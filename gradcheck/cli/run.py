"""``gradcheck run``."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from gradcheck.cli.outputs import destinations
from gradcheck.cli.progress import progress_bar
from gradcheck.cli.terminal import usage_errors
from gradcheck.cli.watch import check_at_changes
from gradcheck.config import Config, load_config
from gradcheck.config.settings import Backend, Framework, Reference, Settings
from gradcheck.errors import UsageError
from gradcheck.losses import BUILT_INS
from gradcheck.output import FORMATS, Entries, Options
from gradcheck.report import Report
from gradcheck.run import check_targets


def _complete_target(incomplete: str) -> list[str]:
    return [name for name in BUILT_INS if name.startswith(incomplete)]


def _key(name: str, metavar: str | None = None) -> Any:
    """The option for a key of the configuration, with the key's own description."""
    return typer.Option(metavar=metavar, help=Config.model_fields[name].description)


def run(
    targets: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="TARGET",
            help="Built-in names, package.module:callable or path/to/file.py:callable; default: the configuration's.",
            autocompletion=_complete_target,
        ),
    ] = None,
    config: Annotated[
        Path | None, typer.Option("--config", "-c", help="Configuration file; without it gradcheck.yaml, if it exists.")
    ] = None,
    seed: Annotated[int | None, _key("seed")] = None,
    trials: Annotated[int | None, _key("trials")] = None,
    batch_size: Annotated[list[str] | None, _key("batch_sizes", "N[,N...]")] = None,
    classes: Annotated[list[str] | None, _key("classes", "C[,C...]")] = None,
    scores: Annotated[list[str] | None, _key("scores", "TEXT")] = None,
    dtype: Annotated[str | None, _key("dtype")] = None,
    rtol: Annotated[float | None, _key("rtol")] = None,
    atol: Annotated[float | None, _key("atol")] = None,
    plan: Annotated[str | None, _key("plan")] = None,
    set_: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="Set any key of the configuration; may be repeated."),
    ] = None,
    framework: Annotated[
        Framework, typer.Option(help="Whose arrays the loss gets; auto recognises it from what the loss returns.")
    ] = "auto",
    reference: Annotated[
        Reference,
        typer.Option(help="Numerical gradients: central differences or complex steps; auto: complex steps if needed."),
    ] = "auto",
    like: Annotated[
        str | None, typer.Option(metavar="NAME", help="Built-in loss whose values the loss must have.")
    ] = None,
    strict: Annotated[bool, typer.Option("--strict", help="Fail on unresolved entries and on warnings too.")] = False,
    fail_fast: Annotated[bool, typer.Option("--fail-fast", help="Stop at the first problem that fails.")] = False,
    max_seconds: Annotated[float | None, typer.Option(help="Start no call of a loss after this time.")] = None,
    timeout: Annotated[float | None, typer.Option(help="Stop a call of a loss after so many seconds.")] = None,
    worst: Annotated[int, typer.Option(min=1, help="Number of worst entries to find and show in each problem.")] = 10,
    jobs: Annotated[int, typer.Option(help="Processes that call the losses; 0 for one on each core.")] = 1,
    backend: Annotated[
        Backend, typer.Option(help="Where these processes run: loky on this machine, dask on a cluster.")
    ] = "loky",
    scheduler: Annotated[str | None, typer.Option(metavar="ADDRESS", help="Scheduler of the dask cluster.")] = None,
    format_: Annotated[
        list[str] | None,
        typer.Option(
            "--format", "-f", metavar="FORMAT", help=f"Report format: {', '.join(FORMATS)} or auto; may be repeated."
        ),
    ] = None,
    output: Annotated[
        list[str] | None,
        typer.Option("--output", "-o", metavar="[FORMAT=]PATH", help="Write a report to a file; may be repeated."),
    ] = None,
    plot: Annotated[Path | None, typer.Option(metavar="PATH", help="Draw the errors as .png, .svg or .pdf.")] = None,
    entries: Annotated[Entries, typer.Option(help="Entries to show; auto shows a grid where it fits.")] = "auto",
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Show only the verdict in words, and errors.")] = False,
    verbose: Annotated[
        bool, typer.Option("--verbose", "-v", help="Show plain differences, steps and every worst entry too.")
    ] = False,
    explain: Annotated[bool, typer.Option("--explain", help="Show what the codes of the findings mean too.")] = False,
    watch: Annotated[bool, typer.Option("--watch", help="Check again whenever a Python or YAML file changes.")] = False,
) -> None:
    """Check the gradients of losses.

    Exit code 0: every gradient is right. 1: a gradient or its contract is wrong. 2: something could not be checked.

    For example: [bold]gradcheck run svm softmax --batch-size 3[/bold]
    """
    options = {
        "seed": seed, "trials": trials, "batch_sizes": _numbers(batch_size), "classes": _numbers(classes),
        "scores": scores, "dtype": dtype, "rtol": rtol, "atol": atol, "plan": plan,
    }  # fmt: skip
    configuration = load_config(config, options, set_ or [])
    reports = destinations(format_ or [], output or [], plot)
    names = list(dict.fromkeys(targets or configuration.losses))
    if not names:
        raise UsageError(
            "there is nothing to check: no target on the command line, and no losses in the configuration",
            hint="try `gradcheck run svm`; `gradcheck list` shows the other built-in losses",
        )
    if watch:
        raise typer.Exit(check_at_changes(names, config))
    settings = Settings(
        strict=strict, fail_fast=fail_fast, framework=framework, reference=reference, worst=reports.entries_kept(worst),
        jobs=jobs, backend=backend, scheduler=scheduler, max_seconds=max_seconds, timeout=timeout, like=like,
    )  # fmt: skip
    look = Options(entries=entries, verbose=verbose, quiet=quiet, worst=worst, explain=explain)
    streams = sys.stdout, sys.stderr

    with progress_bar() as bar:

        @usage_errors()
        def abandon(report: Report) -> int:
            """Called in another thread when a call of a loss hangs and cannot be stopped: report, and end."""
            sys.stdout, sys.stderr = streams  # output of the loss is suppressed
            if bar is not None:
                bar.close()
            reports.write(report, look)
            typer.echo("the call that hangs cannot be ended, so gradcheck ends here", err=True)
            return report.exit_code

        report = check_targets(names, configuration, settings, bar.update if bar else None, abandon)
    reports.write(report, look)
    raise typer.Exit(report.exit_code)


def _numbers(texts: list[str] | None) -> list[int | str]:
    """``["1,3", "x"]`` as ``[1, 3, "x"]``; the configuration reports what is not a number."""
    parts = [part.strip() for text in texts or [] for part in text.split(",")]
    return [int(part) if part.removeprefix("-").isdecimal() and len(part) < 20 else part for part in parts]
