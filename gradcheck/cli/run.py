"""``gradcheck run``: its options, and ``--watch``."""

import subprocess
import sys
from collections.abc import Sequence
from contextlib import closing, nullcontext, suppress
from pathlib import Path
from typing import Annotated, Any

import typer

from gradcheck.cli.outputs import destinations, usage_errors
from gradcheck.cli.progress import ProgressDisplay
from gradcheck.config import Config, load_config
from gradcheck.config.inputs import read_option
from gradcheck.config.settings import Backend, Framework, Reference, Settings
from gradcheck.config.source import Source, read_text
from gradcheck.errors import UsageError
from gradcheck.losses import BUILT_INS
from gradcheck.output import FORMATS, Entries, Options
from gradcheck.report import Report
from gradcheck.run import check_targets

_Texts = list[str] | None
_DESCRIBING = ("inputs", "sizes", "wrt", "only", "gradient", "backward", "value", "hvp", "hessian", "reseed")
_NUMBERS = ("seed", "trials", "order", "rtol", "atol", "max_seconds", "timeout", "worst", "jobs")
_TARGET = "A built-in loss (`gradcheck list`), module:function, or file.py:function; several may be named."
_ENTRIES_OF_A_PAGE = 100  # of each problem, at least


def _complete_target(incomplete: str) -> list[str]:
    return [name for name in BUILT_INS if name.startswith(incomplete)]


def _option(name: str, *flags: str, metavar: str | None = None) -> Any:
    """The option for a key of the configuration or a setting, with its own description."""
    key = Config.model_fields.get(name)
    panel = "Another function than (S, y)" if name in _DESCRIBING else "Problems, tolerances" if key else "The run"
    help_ = (key or Settings.model_fields[name]).description
    return typer.Option(*flags, metavar=metavar, help=help_, rich_help_panel=panel)


def run(
    context: typer.Context,
    targets: Annotated[_Texts, typer.Argument(metavar="TARGET", help=_TARGET, autocompletion=_complete_target)] = None,
    config: Annotated[Path | None, typer.Option("--config", "-c", help="By default gradcheck.yaml.")] = None,
    seed: Annotated[str | None, _option("seed", metavar="INTEGER")] = None,
    trials: Annotated[str | None, _option("trials", metavar="INTEGER")] = None,
    batch_size: Annotated[_Texts, _option("batch_sizes", metavar="N[,N...]")] = None,
    classes: Annotated[_Texts, _option("classes", metavar="C[,C...]")] = None,
    scores: Annotated[_Texts, _option("scores", metavar="TEXT")] = None,
    input_: Annotated[_Texts, _option("inputs", "--input", "-i", metavar="NAME=TEXT")] = None,
    size: Annotated[_Texts, _option("sizes", "--size", metavar="LETTER=N")] = None,
    wrt: Annotated[_Texts, _option("wrt", metavar="NAME")] = None,
    only: Annotated[str | None, _option("only", metavar="PATTERN")] = None,
    gradient: Annotated[str | None, _option("gradient", metavar="TARGET")] = None,
    backward: Annotated[str | None, _option("backward", metavar="TARGET")] = None,
    value: Annotated[str | None, _option("value", metavar="TARGET")] = None,
    hvp: Annotated[str | None, _option("hvp", metavar="TARGET")] = None,
    order: Annotated[str | None, _option("order", metavar="1|2")] = None,
    hessian: Annotated[bool, _option("hessian", "--hessian")] = False,
    reseed: Annotated[bool, _option("reseed", "--reseed")] = False,
    dtype: Annotated[str | None, _option("dtype")] = None,
    rtol: Annotated[str | None, _option("rtol", metavar="NUMBER")] = None,
    atol: Annotated[str | None, _option("atol", metavar="NUMBER")] = None,
    plan: Annotated[str | None, _option("plan")] = None,
    set_: Annotated[_Texts, typer.Option("--set", metavar="KEY=VALUE", help="Set any key; may be repeated.")] = None,
    framework: Annotated[Framework, _option("framework")] = "auto",
    reference: Annotated[Reference, _option("reference")] = "auto",
    like: Annotated[str | None, _option("like", "--like", "--against", metavar="TARGET")] = None,
    entry: Annotated[_Texts, _option("entry", metavar="ENTRY")] = None,
    strict: Annotated[bool, _option("strict", "--strict")] = False,
    fail_fast: Annotated[bool, _option("fail_fast", "--fail-fast")] = False,
    max_seconds: Annotated[str | None, _option("max_seconds", metavar="SECONDS")] = None,
    timeout: Annotated[str | None, _option("timeout", metavar="SECONDS")] = None,
    worst: Annotated[str, _option("worst", metavar="INTEGER")] = "10",
    jobs: Annotated[str, _option("jobs", metavar="INTEGER")] = "1",
    backend: Annotated[Backend, _option("backend")] = "loky",
    scheduler: Annotated[str | None, _option("scheduler", metavar="ADDRESS")] = None,
    format_: Annotated[
        _Texts, typer.Option("--format", "-f", metavar="FORMAT", help=f"{', '.join(FORMATS)}; may be repeated.")
    ] = None,
    output: Annotated[_Texts, typer.Option("--output", "-o", metavar="[FORMAT=]PATH", help="Report file.")] = None,
    plot: Annotated[Path | None, typer.Option(metavar="PATH", help="Draw the errors as .png, .svg or .pdf.")] = None,
    entries: Annotated[Entries, typer.Option(help="Entries to show; auto shows a grid where it fits.")] = "auto",
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Show only the verdict in words, and errors.")] = False,
    verbose: Annotated[
        bool, typer.Option("--verbose", "-v", help="Show differences, steps, all worst entries.")
    ] = False,
    explain: Annotated[bool, typer.Option("--explain", help="Show what the codes of the findings mean too.")] = False,
    watch: Annotated[bool, typer.Option("--watch", help="Check again whenever a Python or YAML file changes.")] = False,
) -> None:
    """Check the gradients of losses: of the targets, or else of the `losses` in the configuration.

    Exit code 0: every gradient is right. 1: a gradient or its contract is wrong. 2: something could not be checked.

    For example: [bold]gradcheck run svm softmax --batch-size 3[/bold]
    """
    given = dict(context.params)
    for key in _NUMBERS:
        given[key] = given[key] and read_text(given[key], f"--{key.replace('_', '-')}", is_file=False).data
    options: dict[tuple[str, ...], Any] = {(key,): given[key] for key in Config.model_fields if key in given}
    options |= {("reseed",): reseed or None, ("hessian",): hessian or None}
    for key, option, texts in (("batch_sizes", "--batch-size", batch_size), ("classes", "--classes", classes)):
        options[key,] = texts and (read_text(f"[{','.join(texts)}]", option, is_file=False).data or texts)
    for key, option, texts in (("inputs", "--input", input_), ("sizes", "--size", size)):
        options |= {(key, name): value for name, value in (read_option(text, option) for text in texts or [])}
    configuration = load_config(config, options, set_ or [])
    reports = destinations(format_ or [], output or [], plot)
    names = list(dict.fromkeys(targets or configuration.losses))
    if not names:
        hint = "try `gradcheck run svm`; `gradcheck list` shows the other built-in losses"
        raise UsageError("there is nothing to check: no target on the command line or in the configuration", hint=hint)
    if watch:
        raise typer.Exit(_check_at_changes(names, config))
    places = {(name,): f"--{name.replace('_', '-')}" for name in Settings.model_fields}
    settings = Settings(Source({name: given[name] for (name,) in places}, places))  # type: ignore[call-arg, arg-type]
    look = Options(entries="all" if verbose else entries, quiet=quiet, worst=settings.worst, explain=explain)
    if "html" in (*reports.shown, *reports.files):
        settings = settings.model_copy(update={"worst": max(settings.worst, _ENTRIES_OF_A_PAGE)})
    streams = sys.stdout, sys.stderr
    bar = None if sys.stderr is None else ProgressDisplay(sys.stderr, is_quiet=quiet)
    with closing(bar) if bar else nullcontext():

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


def _check_at_changes(targets: Sequence[str], config: Path | None) -> int:
    """Check now and at every change, in a new process each time, until Ctrl-C; the last check's exit code, or 130."""
    try:
        from watchfiles import PythonFilter, watch
    except ImportError:
        raise UsageError("--watch needs watchfiles", hint="pip install 'gradcheck[watch]'") from None
    files = [Path(target.rpartition(":")[0]) for target in targets] + ([config] if config else [])
    directories = {Path.cwd(), *(file.resolve().parent for file in files if file.is_file())}
    suffixes = PythonFilter(extra_extensions=(".yaml", ".yml", ".ipynb", *([config.suffix] if config else [])))
    command = [sys.executable, "-P", "-m", "gradcheck", *(word for word in sys.argv[1:] if word != "--watch")]
    code = None
    with suppress(KeyboardInterrupt):  # some versions of watchfiles end the loop instead
        # The watch begins before the first check, so that a change during a check is seen after it.
        for changes in watch(*directories, watch_filter=suffixes, rust_timeout=200, yield_on_timeout=True):
            if changes or code is None:
                code = subprocess.run(command, check=False).returncode
                typer.echo("waiting for changes; Ctrl-C ends", err=True)
    return 130 if code is None else code
