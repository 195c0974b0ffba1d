"""The one way through: target -> Function -> Problem -> contract -> verdicts -> findings -> Report."""

from collections.abc import Callable, Sequence

from gradcheck.config import Config
from gradcheck.config.settings import DEFAULTS, Settings
from gradcheck.errors import LossDefect, OutOfTime
from gradcheck.evaluation.parallel import open_pool
from gradcheck.functions.budget import ProgressCallback, open_budget
from gradcheck.functions.frameworks import require
from gradcheck.functions.function import Function
from gradcheck.functions.output_capture import silenced
from gradcheck.report import Report
from gradcheck.run.target import Given, TargetRun
from gradcheck.version import __version__


def check_targets(
    targets: Sequence[str | Function],
    config: Config,
    settings: Settings = DEFAULTS,
    progress: ProgressCallback | None = None,
    abandon: Callable[[Report], int] | None = None,
    given: Given = None,
) -> Report:
    """Check every target at every problem; a failure of one never stops the others.

    Args:
        targets: names, or losses already at hand.
        config, settings: which problems and tolerances, and how the run goes.
        progress: called between two calls of a loss, with how far the run is.
        abandon: called from another thread with the report so far, when a call hangs that cannot be ended; the process
            ends with the exit code that it returns, or 2.
        given: what to check instead of the problems of the configuration.

    Raises:
        UsageError: ``max_seconds`` or ``timeout`` cannot be kept, ``framework`` cannot be imported, there can be no
            such ``jobs``, or ``like`` names no built-in that takes such labels.
    """
    require(settings.framework)
    if settings.like is not None:  # what is no target is refused before the work
        from gradcheck.diagnosis.oracle import known_as

        known_as(settings.like, "class" if given is not None else config.labels.kind)
    runs = [TargetRun(target, config, settings, given) for target in targets]
    at_hand, interrupted = 0, False

    def report() -> Report:
        losses = tuple(run.report() for run in runs)
        return Report(__version__, config.as_data(), losses, interrupted, any(run.out_of_time for run in runs))

    def stuck(end: LossDefect | OutOfTime) -> int:
        runs[at_hand].give_up(end)
        return abandon(report()) if abandon else 2

    with open_budget(settings, progress, stuck if abandon else None) as budget, open_pool(settings) as pool:
        for at_hand, run in enumerate(runs):
            try:
                with silenced() as stderr:
                    run.go(stderr, budget, pool)
            except KeyboardInterrupt:
                interrupted = True
                break
            if settings.fail_fast and run.has_failed:
                runs = runs[: at_hand + 1]
                break
            if second := run.of_products():
                runs.insert(at_hand + 1, second)
    return report()
