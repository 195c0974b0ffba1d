"""The one way through: targets and a configuration in, a Report out.

target -> Function -> Problem -> contract -> (analytic, numerical ± bound) -> verdicts -> findings -> Report
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
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
    given: Problem | None = None,
) -> Report:
    """Check every target at every problem; a failure of one never stops the others.

    Args:
        targets: names, or losses already at hand.
        config: which problems, which tolerances.
        settings: how the run goes.
        progress: called now and then, between two calls of a loss, with how far the run is.
        abandon: called from another thread with the report so far, when a call hangs that cannot be ended; the process
            ends with the exit code that it returns. None for a message on standard error, and 2.
        given: the only problem to check, instead of those of the configuration.

    Raises:
        UsageError: ``max_seconds`` or ``timeout`` cannot be kept, ``framework`` cannot be imported, there can be no
            such ``jobs``, or ``like`` names no built-in that takes such labels.
    """
    require(settings.framework)
    _refuse_what_none_is_like(settings.like, "class" if given else config.labels.kind)
    runs = [TargetRun(target, config, settings, given) for target in targets]
    at_hand = 0
    interrupted = False

    def report() -> Report:
        losses = tuple(run.report() for run in runs)
        return Report(__version__, config.as_data(), losses, interrupted, any(run.out_of_time for run in runs))

    def stuck(defect: LossDefect) -> int:
        runs[at_hand].give_up(defect)
        assert abandon is not None
        return abandon(report())

    with _budget_and_pool(settings, progress, stuck if abandon else None) as (budget, pool):
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
    problem = Problem(scores, labels, seed=config.seed, trial=0, scores="given")
    return check_targets([loss], config, settings, given=problem)


def _refuse_what_none_is_like(name: str | None, labels: str) -> None:
    """A UsageError for no built-in's name, or that of one that does not take such labels."""
    if name is None:
        return
    try:
        like = built_in_named(name)
        if labels in ("multi-hot", "real"):
            like.function(np.zeros((1, 2)), np.zeros((1, 2)))
    except UsageError as error:
        raise UsageError(f"like: {error.message}", hint=error.hint) from None
    except (TypeError, ValueError):
        hint = "labels.kind class or one-hot"
        raise UsageError(f"like: {name} takes classes as labels, and these are {labels}", hint=hint) from None


@contextmanager
def _budget_and_pool(
    settings: Settings, progress: ProgressCallback | None, on_hang: HangCallback | None
) -> Iterator[tuple[Budget | None, Pool | None]]:
    """A budget for the calls of the losses, and other processes that make them; None for what is not asked for."""
    budget = pool = None
    with ExitStack() as stack:
        if settings.max_seconds is not None or settings.timeout is not None or progress is not None:
            from gradcheck.functions.budget import open_budget

            budget = stack.enter_context(open_budget(settings, progress, on_hang))
        if (settings.jobs, settings.backend, settings.scheduler) != (1, "loky", None):
            from gradcheck.evaluation.parallel import open_pool

            pool = stack.enter_context(open_pool(settings))
        yield budget, pool
