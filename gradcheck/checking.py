"""The one way through: targets and a configuration in, a Report out.

target -> Loss -> Problem -> contract -> (analytic, numerical ± bound) -> verdicts -> Report
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from gradcheck.config import Config
from gradcheck.contract import finding_of, inspect, inspect_again
from gradcheck.errors import LossDefect, UsageError
from gradcheck.judge import Judgement, judge
from gradcheck.loading import load_loss
from gradcheck.loss import Evaluation, Loss
from gradcheck.oracle import Oracle
from gradcheck.plans.full import FullPlan
from gradcheck.precision import rounding_of_gradient
from gradcheck.report import BatchReport, Finding, FloatArray, LossReport, Report
from gradcheck.rerun import rerun_command
from gradcheck.sampling import Problem, count_problems, problems
from gradcheck.settings import Settings
from gradcheck.silence import Silence, silenced
from gradcheck.version import __version__
from gradcheck.worst import worst_entries

#: Told after each problem: the target, how many problems are done, how many there are.
Progress = Callable[[str, int, int], None]


def check_targets(
    targets: Sequence[str | Loss],
    config: Config,
    settings: Settings = Settings(),
    progress: Progress = lambda target, done, total: None,
) -> Report:
    """Check every target at every problem; a failure of one never stops the others.

    Args:
        targets: names, or losses already at hand.
        config: which problems, which tolerances.
        settings: how the run goes.
        progress: told after each problem.

    Returns:
        The report; ``interrupted``, with what had been done, after Ctrl-C.
    """
    losses: list[LossReport] = []
    interrupted = False
    for target in targets:
        run = _Run(target, config, settings, progress)
        try:
            with silenced() as silence:
                run.go(silence)
        except KeyboardInterrupt:
            interrupted = True
        losses.append(run.report())
        if interrupted or (settings.fail_fast and not losses[-1].passed):
            break
    return Report(__version__, config.as_data(), tuple(losses), interrupted)


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
    """
    problem = Problem(scores, labels, seed=config.seed, trial=0, scores="given")
    run = _Run(loss, config, settings, lambda target, done, total: None)
    with silenced() as silence:
        run.go(silence, [problem])
    return Report(__version__, config.as_data(), (replace(run.report(), rerun=""),))


def check_problem(
    loss: Loss, problem: Problem, config: Config, silence: Silence | None = None
) -> tuple[BatchReport | None, list[Finding]]:
    """Check one loss at one problem.

    Args:
        loss: what is checked.
        problem: where.
        config: which tolerances.
        silence: where to let the loss be heard, at its first call; None for not at all.

    Returns:
        The batch, None where the loss broke its contract before a verdict was reached; and the contract's findings.

    Raises:
        UsageError: the problem has more entries than the config lets every one be checked of.
    """
    if problem.S.size > config.max_entries:
        raise UsageError(
            f"a problem of {problem.S.shape[0]} x {problem.S.shape[1]} has {problem.S.size:,} entries, "
            f"and max_entries is {config.max_entries:,}",
            hint="check every entry all the same with --set max_entries=N, or take fewer rows or classes",
        )
    begun = time.perf_counter()
    inspection = inspect(loss, problem.S, problem.y, silence)
    findings, at_scores = list(inspection.findings), inspection.evaluation
    if at_scores is None:
        return None, findings
    try:
        judgement, calls = _judged(loss, problem, at_scores, config)
        state = inspect_again(loss, problem.S, problem.y, at_scores)
    except LossDefect as defect:
        near = LossDefect(defect.code, f"{defect.message}, at scores near these", details=defect.details)
        return None, [finding_of(near), *findings]
    seconds = time.perf_counter() - begun
    calls += inspection.calls + 1
    batch = _batch(problem, at_scores.value, judgement, at_scores.gradient, calls, seconds)
    return batch, [*([state] if state else []), *findings]


def _judged(loss: Loss, problem: Problem, at_scores: Evaluation, config: Config) -> tuple[Judgement, int]:
    """The verdicts at one problem, and the calls that they took.

    The loss gets the config's dtype; the reference is taken in float64 at the same scores, where the loss allows.
    """
    scores = problem.S.astype(np.float64)
    given = Oracle(loss, problem.y, problem.S.dtype)
    exact = Oracle(loss, problem.y, np.float64, resolution=problem.S.dtype)
    oracle, reference, gradient_noise = given, at_scores, None
    if problem.S.dtype != np.float64:
        oracle = exact
        try:
            reference = exact(scores)
            gradient_noise = rounding_of_gradient(given, exact, scores, at_scores)
        except LossDefect:  # it takes no float64: then the reference is as coarse as what is judged
            oracle, reference = given, at_scores
    oracle.remember(at_scores)
    judgement = judge(
        oracle, FullPlan(oracle, scores), scores, at_scores.gradient, reference,
        rtol=config.rtol, atol=config.atol, gradient_noise=gradient_noise,
    )  # fmt: skip
    return judgement, given.calls + exact.calls


def _batch(
    problem: Problem, value: float, judgement: Judgement, analytic: FloatArray, evaluations: int, seconds: float
) -> BatchReport:
    labels = problem.y.astype(np.int64) if problem.y.ndim == 1 and problem.y.dtype.kind in "iu" else None
    N, C = problem.S.shape
    return BatchReport(
        batch_size=N,
        classes=C,
        scores=problem.scores,
        trial=problem.trial,
        seed=problem.seed,
        value=value,
        plan=judgement.plan,
        evaluations=evaluations,
        labels=labels,
        relative_errors=judgement.relative_errors,
        verdicts=judgement.verdicts,
        negligible=judgement.negligible,
        worst=worst_entries(problem.S.astype(np.float64), labels, analytic, judgement),
        seconds=seconds,
    )


class _Run:
    """The check of one target, problem after problem; what is done is kept when it is cut short."""

    def __init__(self, target: str | Loss, config: Config, settings: Settings, progress: Progress) -> None:
        self._target = target if isinstance(target, str) else target.target
        self._loss = None if isinstance(target, str) else target
        self._config, self._settings, self._progress = config, settings, progress
        self._batches: list[BatchReport] = []
        self._findings: dict[str, Finding] = {}
        self._troubled: Problem | None = None
        self._error = ""

    def go(self, silence: Silence, given: Sequence[Problem] | None = None) -> None:
        """Check every problem of the configuration, or the given ones."""
        try:
            if self._loss is None:
                with silence.aloud():
                    self._loss = load_loss(self._target)
            if given is None:
                self._check(self._loss, problems(self._config), count_problems(self._config), silence)
            else:
                self._check(self._loss, given, len(given), silence)
        except UsageError as error:
            self._error = str(error).removeprefix(f"{self._target}: ")

    def report(self) -> LossReport:
        """What has been done so far."""
        at_hand = self._loss
        return LossReport(
            target=self._target,
            file=at_hand.file if at_hand else None,
            line=at_hand.line if at_hand else None,
            batches=tuple(self._batches),
            findings=tuple(
                sorted(self._findings.values(), key=lambda f: ("error", "warning", "note").index(f.severity))
            ),
            error=self._error,
            rerun=self._rerun(),
            strict=self._settings.strict,
        )

    def _check(self, loss: Loss, problems: Iterable[Problem], total: int, silence: Silence) -> None:
        for done, problem in enumerate(problems):
            self._progress(self._target, done, total)
            batch, findings = check_problem(loss, problem, self._config, silence if done == 0 else None)
            if batch is not None:
                self._batches.append(batch)
            if self._troubled is None and any(finding.severity == "error" for finding in findings):
                self._troubled = problem
            for finding in findings:
                where = f"at batch size {problem.S.shape[0]}, {problem.scores}, seed {problem.seed}"
                placed = replace(finding, message=f"{finding.message} ({where})")
                self._findings.setdefault(finding.code, placed)
            if self._settings.fail_fast and not self.report().passed:
                break
        self._progress(self._target, total, total)

    def _rerun(self) -> str:
        """The command that repeats the worst problem alone; empty where none was reached."""
        worst = max(self._batches, key=lambda b: (b.wrong, b.unresolved, b.max_relative_error), default=None)
        if worst is not None and (worst.wrong or self._troubled is None):
            problem = worst.batch_size, worst.classes, worst.scores, worst.seed
        elif self._troubled is not None:
            problem = *self._troubled.S.shape, self._troubled.scores, self._troubled.seed
        else:
            return ""
        return rerun_command(self._target, self._config, *problem)
