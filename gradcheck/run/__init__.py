"""The one way through: targets and a configuration in, a Report out.

target -> Function -> Problem -> contract -> (analytic, numerical ± bound) -> verdicts -> findings -> Report
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from gradcheck.config import Config
from gradcheck.config.settings import Settings
from gradcheck.errors import LossDefect, UsageError
from gradcheck.functions.frameworks import require
from gradcheck.functions.function import Function
from gradcheck.functions.loading import built_in_named
from gradcheck.functions.output_capture import silenced
from gradcheck.report import Report
from gradcheck.run.target import TargetRun
from gradcheck.sampling import Problem
from gradcheck.version import __version__

if TYPE_CHECKING:
    from gradcheck.evaluation.parallel import Pool
    from gradcheck.functions.budget import Budget, HangCallback, ProgressCallback


def check_targets(
    targets: Sequence[str | Function],
    config: Config,
    settings: Settings = Settings(),
    progress: ProgressCallback | None = None,
    abandon: Callable[[Report], int] | None = None,
) -> Report:
    """Check every target at every problem; a failure of one never stops the others.

    Args:
        targets: names, or losses already at hand.
        config: which problems, which tolerances.
        settings: how the run goes.
        progress: called now and then, between two calls of a loss, with how far the run is.
        abandon: called from another thread with the report so far, when a call hangs that cannot be ended; the process
            ends with the exit code that it returns. None for a message on standard error, and 2.

    Raises:
        UsageError: ``max_seconds`` or ``timeout`` cannot be kept, ``framework`` cannot be imported, there can be no
            such ``jobs``, or ``like`` names no built-in that takes such labels.
    """
    require(settings.framework)
    _refuse_what_none_is_like(settings.like, config.labels.kind)
    runs = [TargetRun(target, config, settings) for target in targets]
    at_hand = 0
    interrupted = False

    def report() -> Report:
        losses = tuple(run.report() for run in runs)
        return Report(__version__, config.as_data(), losses, interrupted, any(run.out_of_time for run in runs))

    def stuck(defect: LossDefect) -> int:
        runs[at_hand].give_up(defect)
        assert abandon is not None
        return abandon(report())

    with _budgeting(settings, progress, stuck if abandon else None) as budget, _pooling(settings) as pool:
        for at_hand, run in enumerate(runs):
            try:
                with silenced() as silence:
                    run.go(silence, budget, pool)
            except KeyboardInterrupt:
                interrupted = True
                break
            if settings.fail_fast and run.has_failed:
                runs = runs[: at_hand + 1]
                break
    return report()


def check_given(
    loss: Function, scores: npt.NDArray[Any], labels: npt.NDArray[Any], config: Config, settings: Settings
) -> Report:
    """Check a loss at one given problem: N x C finite float64 or float32 scores, and labels.

    Raises:
        UsageError: as ``check_targets``.
    """
    require(settings.framework)
    _refuse_what_none_is_like(settings.like)
    problem = Problem(scores, labels, seed=config.seed, trial=0, scores="given")
    run = TargetRun(loss, config, settings, [problem])
    with _budgeting(settings) as budget, _pooling(settings) as pool, silenced() as silence:
        run.go(silence, budget, pool)
    report = replace(run.report(), rerun="")
    return Report(__version__, config.as_data(), (report,), out_of_time=run.out_of_time)


def _refuse_what_none_is_like(name: str | None, labels: str = "class") -> None:
    """A built-in of no such name, or one that takes no such labels."""
    if name is None:
        return
    try:
        like = built_in_named(name)
    except UsageError as error:
        raise UsageError(f"like: {error.message}", hint=error.hint) from None
    if labels in ("multi-hot", "real"):
        try:
            like.function(np.zeros((1, 2)), np.zeros((1, 2)))
        except (TypeError, ValueError):
            hint = "labels.kind class or one-hot"
            raise UsageError(f"like: {name} takes classes as labels, and these are {labels}", hint=hint) from None


def _budgeting(
    settings: Settings, progress: ProgressCallback | None = None, on_hang: HangCallback | None = None
) -> AbstractContextManager[Budget | None]:
    """A budget for the calls of the losses, if there is a limit or a progress bar."""
    if settings.max_seconds is None and settings.timeout is None and progress is None:
        return nullcontext()
    from gradcheck.functions.budget import open_budget

    return open_budget(settings, progress, on_hang)


def _pooling(settings: Settings) -> AbstractContextManager[Pool | None]:
    """Other processes for the calls of the losses, if any are asked for."""
    if (settings.jobs, settings.backend, settings.scheduler) == (1, "loky", None):
        return nullcontext()
    from gradcheck.evaluation.parallel import open_pool

    return open_pool(settings)
