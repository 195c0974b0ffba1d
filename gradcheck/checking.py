"""The one way through: targets and a configuration in, a Report out.

target -> Loss -> Problem -> contract -> (analytic, numerical ± bound) -> verdicts -> Report
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy.typing as npt

from gradcheck.config import Config
from gradcheck.contract import finding_of
from gradcheck.errors import LossDefect, OutOfTime, UsageError
from gradcheck.loading import load_loss
from gradcheck.loss import Loss
from gradcheck.one_problem import check_problem
from gradcheck.recognition import inspect_at_first, refuse_what_is_not_there
from gradcheck.report import BatchReport, Finding, LossReport, Report
from gradcheck.rerun import rerun_command
from gradcheck.sampling import Problem, problems, shapes
from gradcheck.settings import Settings
from gradcheck.silence import Silence, silenced
from gradcheck.version import __version__

if TYPE_CHECKING:
    from gradcheck.standing import Progress
    from gradcheck.watch import Watch
    from gradcheck.workers.crew import Crew


def check_targets(
    targets: Sequence[str | Loss],
    config: Config,
    settings: Settings = Settings(),
    progress: Progress | None = None,
    abandon: Callable[[Report], int] | None = None,
) -> Report:
    """Check every target at every problem; a failure of one never stops the others.

    Args:
        targets: names, or losses already at hand.
        config: which problems, which tolerances.
        settings: how the run goes.
        progress: told now and then, between two calls of a loss, how far the run is.
        abandon: told what was found by then, from another thread, when a call hangs that cannot be ended; the process
            ends with the exit code that it returns. None for a message on standard error, and 2.

    Returns:
        The report; ``interrupted`` after Ctrl-C, ``out_of_time`` after ``max_seconds``, each with what had been done.

    Raises:
        UsageError: ``max_seconds`` or ``timeout`` cannot be kept, ``framework`` cannot be imported, or there can be no
            such ``jobs``.
    """
    refuse_what_is_not_there(settings.framework)
    runs = [_Run(target, config, settings) for target in targets]
    at_hand = 0
    interrupted = False

    def report() -> Report:
        losses = tuple(run.report() for run in runs)
        return Report(__version__, config.as_data(), losses, interrupted, any(run.out_of_time for run in runs))

    def stuck(defect: LossDefect) -> int:
        runs[at_hand].give_up(defect)
        assert abandon is not None
        return abandon(report())

    with _watching(settings, progress, stuck if abandon else None) as watch, _hiring(settings) as crew:
        for at_hand, run in enumerate(runs):
            try:
                with silenced() as silence:
                    run.go(silence, watch, crew)
            except KeyboardInterrupt:
                interrupted = True
                break
            if settings.fail_fast and run.has_failed:
                runs = runs[: at_hand + 1]
                break
    return report()


def check_given(
    loss: Loss, scores: npt.NDArray[Any], labels: npt.NDArray[Any], config: Config, settings: Settings
) -> Report:
    """Check a loss at one given problem.

    Args:
        loss: what is checked.
        scores: N x C finite float64 or float32.
        labels: the problem's y.
        config: which tolerances.
        settings: how the run goes.

    Raises:
        UsageError: as ``check_targets``.
    """
    refuse_what_is_not_there(settings.framework)
    problem = Problem(scores, labels, seed=config.seed, trial=0, scores="given")
    run = _Run(loss, config, settings, [problem])
    with _watching(settings) as watch, _hiring(settings) as crew, silenced() as silence:
        run.go(silence, watch, crew)
    report = replace(run.report(), rerun="")
    return Report(__version__, config.as_data(), (report,), out_of_time=run.out_of_time)


def _watching(
    settings: Settings, progress: Progress | None = None, stuck: Callable[[LossDefect], int] | None = None
) -> AbstractContextManager[Watch | None]:
    """A watch over the calls of the losses, where there is anything to watch for."""
    if settings.max_seconds is None and settings.timeout is None and progress is None:
        return nullcontext()
    from gradcheck.watch import watching

    return watching(settings, progress, stuck) if stuck else watching(settings, progress)


def _hiring(settings: Settings) -> AbstractContextManager[Crew | None]:
    """Other processes to call the losses, where they were asked for."""
    if settings.jobs == 1 and settings.backend == "loky" and settings.scheduler is None:
        return nullcontext()
    from gradcheck.workers import hired

    return hired(settings)


class _Run:
    """The check of one target, problem after problem; what is done is kept when it is cut short."""

    def __init__(
        self, target: str | Loss, config: Config, settings: Settings, given: Sequence[Problem] | None = None
    ) -> None:
        """
        Args:
            target: what is checked.
            config, settings: how.
            given: the problems; None for the configuration's.
        """
        self._target = target if isinstance(target, str) else target.target
        self._loss = None if isinstance(target, str) else target
        self._config, self._settings = config, settings
        self._problems: Iterable[Problem] = problems(config) if given is None else given
        self._shapes = shapes(config) if given is None else [problem.S.shape for problem in given]
        self._done = 0
        self._at_hand: Problem | None = None
        self._calls_at_hand = ""
        self._batches: list[BatchReport] = []
        self._findings: dict[str, Finding] = {}
        self._troubled: Problem | None = None
        self._error = ""
        self.out_of_time = False

    def go(self, silence: Silence, watch: Watch | None, crew: Crew | None) -> None:
        """Check every problem."""
        try:
            self._check(silence, watch, crew)
        except UsageError as error:
            self._error = str(error).removeprefix(f"{self._target}: ")
            self._at_hand = None
        except OutOfTime:
            self.out_of_time = True

    def report(self) -> LossReport:
        """What has been done so far."""
        loss = self._loss
        return LossReport(
            target=self._target,
            file=loss.file if loss else None,
            line=loss.line if loss else None,
            framework=loss.framework if loss else "numpy",
            batches=tuple(self._batches),
            findings=tuple(
                sorted(self._findings.values(), key=lambda f: ("error", "warning", "note").index(f.severity))
            ),
            error=self._error,
            rerun=self._rerun(),
            strict=self._settings.strict,
            unchecked=len(self._shapes) - self._done,
            cut_short=f"{_where(self._at_hand)}{self._calls_at_hand}" if self._at_hand else "",
        )

    def give_up(self, defect: LossDefect) -> None:
        """What is at hand hangs for good: a call of the loss, or its loading."""
        if self._at_hand is not None:
            self.hear([finding_of(defect)])
        else:
            self._error = f"loading it {defect.message}\n{defect.details}"

    @property
    def has_failed(self) -> bool:
        """Something is wrong, or could not be checked."""
        return bool(self._error) or self.report().failed

    def hear(self, findings: Iterable[Finding]) -> None:
        """Take findings of the problem at hand."""
        assert self._at_hand is not None
        for finding in findings:
            if self._troubled is None and finding.severity == "error":
                self._troubled = self._at_hand
            placed = replace(finding, message=f"{finding.message} (at {_where(self._at_hand)})")
            self._findings.setdefault(finding.code, placed)

    def _check(self, silence: Silence, watch: Watch | None, crew: Crew | None) -> None:
        if watch and watch.is_over:
            raise OutOfTime
        if watch:
            watch.turn_to(self._target, self._shapes, 0)
        loss = replace(self._loaded(silence, watch), watch=watch, crew=crew)
        for problem in self._problems:
            if watch and self._done:
                watch.turn_to(self._target, self._shapes, self._done)
            self._at_hand = problem
            inspection = None
            try:
                if self._done == 0:
                    loss, inspection = inspect_at_first(loss, problem.S, problem.y, silence, self._settings.framework)
                    self._loss = loss
                batch, findings = check_problem(loss, problem, self._config, inspection, self._settings)
            except OutOfTime as end:
                self.hear(end.found)
                calls = watch.calls_of_problem if watch else 0
                self._calls_at_hand = f", after {calls:,} call{'' if calls == 1 else 's'}"
                self._at_hand = problem if calls else None
                raise
            self.hear(findings)
            self._at_hand = None
            self._done += 1
            if batch is not None:
                self._batches.append(batch)
            if self._settings.fail_fast and self.has_failed:
                return

    def _loaded(self, silence: Silence, watch: Watch | None) -> Loss:
        if self._loss is None:
            with silence.aloud():
                self._loss = watch.load(load_loss, self._target) if watch else load_loss(self._target)
        return self._loss

    def _rerun(self) -> str:
        """The command that repeats the worst problem alone; empty where none was reached."""
        worst = max(self._batches, key=lambda b: (b.wrong, b.unresolved, b.max_relative_error), default=None)
        if worst is not None and (worst.wrong or self._troubled is None):
            problem = worst.batch_size, worst.classes, worst.scores, worst.seed
        elif self._troubled is not None:
            problem = *self._troubled.S.shape, self._troubled.scores, self._troubled.seed
        else:
            return ""
        how = self._settings
        command = rerun_command(self._target, self._config, *problem, framework=how.framework, reference=how.reference)
        timeout = how.timeout  # what hangs should not hang again
        return command if timeout is None else f"{command} --timeout {timeout:g}"


def _where(problem: Problem) -> str:
    return f"batch size {problem.S.shape[0]}, {problem.scores}, seed {problem.seed}"
