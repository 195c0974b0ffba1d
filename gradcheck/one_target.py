"""The check of one target: problem after problem, then why it is wrong; a LossReport out."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from gradcheck.checking.case import Case
from gradcheck.checking.contract import finding_of
from gradcheck.checking.problem import check_problem
from gradcheck.checking.recognition import inspect_at_first
from gradcheck.config import Config
from gradcheck.errors import LossDefect, OutOfTime, UsageError
from gradcheck.functions.function import Function
from gradcheck.functions.loading import load_loss
from gradcheck.functions.output_capture import Silence
from gradcheck.report import BatchReport, Finding, LossReport
from gradcheck.rerun import rerun_command
from gradcheck.sampling import Problem, drawn, problems, shapes
from gradcheck.settings import Settings

if TYPE_CHECKING:
    from gradcheck.evaluation.parallel import Pool
    from gradcheck.explaining import Explanation
    from gradcheck.functions.budget import Budget

#: Problems that are kept to find out why a loss is wrong: of those with a wrong entry, and of the others.
_KEPT = 12


class TargetRun:
    """The check of one target, problem after problem; what is done is kept when it is cut short."""

    def __init__(
        self, target: str | Function, config: Config, settings: Settings, given: Sequence[Problem] | None = None
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
        self._observations: list[Case] = []
        self._findings: dict[str, Finding] = {}
        self._explanation: Explanation | None = None
        self._troubled: Problem | None = None
        self._dtype: Any = None
        self._error = ""
        self.out_of_time = False

    def go(self, silence: Silence, budget: Budget | None, pool: Pool | None) -> None:
        """Check every problem, then find out why it is wrong."""
        try:
            self._check(silence, budget, pool)
            self._at_hand = None
            self._explain(budget)
        except UsageError as error:
            self._error = str(error).removeprefix(f"{self._target}: ")
            self._at_hand = None
        except OutOfTime:
            self.out_of_time = True

    def report(self) -> LossReport:
        """What has been done so far."""
        loss, told = self._loss, self._explanation
        findings = [*self._findings.values(), *(told.findings if told else ())]
        return LossReport(
            target=self._target,
            file=loss.file if loss else None,
            line=loss.line if loss else None,
            framework=loss.framework if loss else "numpy",
            batches=tuple(self._batches),
            findings=tuple(sorted(findings, key=lambda f: ("error", "warning", "note").index(f.severity))),
            smallest_case=told.smallest_case if told else None,
            evaluations_to_explain=told.calls if told else 0,
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
        elif not self._batches:
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

    def _check(self, silence: Silence, budget: Budget | None, pool: Pool | None) -> None:
        if budget and budget.is_over:
            raise OutOfTime
        if budget:
            budget.start_problem(self._target, self._shapes, 0)
        loss = replace(self._loaded(silence, budget), budget=budget, pool=pool)
        for problem in self._problems:
            if budget and self._done:
                budget.start_problem(self._target, self._shapes, self._done)
            self._at_hand = problem
            self._dtype = problem.S.dtype
            inspection = None
            try:
                if self._done == 0:
                    loss, inspection = inspect_at_first(loss, problem.S, problem.y, silence, self._settings.framework)
                    self._loss = loss
                batch, findings, observation = check_problem(loss, problem, self._config, inspection, self._settings)
            except OutOfTime as end:
                self.hear(end.found)
                calls = budget.calls_of_problem if budget else 0
                self._calls_at_hand = f", after {calls:,} call{'' if calls == 1 else 's'}"
                self._at_hand = problem if calls else None
                raise
            self.hear(findings)
            self._at_hand = None
            self._done += 1
            if batch is not None:
                self._batches.append(batch)
            if observation is not None:
                self._keep(observation)
            if "hangs" in self._findings or (self._settings.fail_fast and self.has_failed):
                return

    def _keep(self, observation: Case) -> None:
        alike = sum(each.is_wrong == observation.is_wrong for each in self._observations)
        if alike < _KEPT or self._settings.like is not None:  # then every value is compared
            self._observations.append(observation)

    def _explain(self, budget: Budget | None) -> None:
        """Why it is wrong, and what else is to be said of it; nothing of a built-in that is right."""
        assert self._loss is not None
        if "hangs" in self._findings:  # every further call might hang too
            return
        failed = self._troubled is not None or any(batch.wrong for batch in self._batches)
        if not failed and self._loss.is_built_in and self._settings.like is None:
            return
        from gradcheck.explaining import Shown, explain

        loss = replace(self._loss, budget=budget, pool=None)
        contract = next((f for f in self._findings.values() if f.severity == "error"), None)
        shown = Shown(
            self._observations, sum(batch.evaluations for batch in self._batches), self._dtype or self._config.dtype,
            contract, self._troubled, self._projected(),
        )  # fmt: skip
        self._explanation = told = explain(loss, shown, self._config, self._settings)
        if contract is not None and told.refined is not None:
            self._findings[contract.code] = told.refined
        if told.contract_calls and self._batches:
            last = self._batches[-1]
            self._batches[-1] = replace(last, evaluations=last.evaluations + told.contract_calls)

    def _projected(self) -> tuple[Problem, BatchReport] | None:
        """A problem that was checked by projections and is wrong; none where there are others that tell more."""
        if any(observation.is_wrong for observation in self._observations):
            return None
        disagree = "projections-disagree" in self._findings
        for batch in self._batches:
            if batch.projections is not None and (batch.wrong or (disagree and not batch.projections.agree)):
                shape = batch.batch_size, batch.classes
                if not isinstance(self._problems, Sequence):
                    return drawn(self._config, *shape, batch.scores, batch.seed), batch
                return next((each, batch) for each in self._problems if each.S.shape == shape)
        return None

    def _loaded(self, silence: Silence, budget: Budget | None) -> Function:
        if self._loss is None:
            with silence.let_through():
                self._loss = budget.load(load_loss, self._target) if budget else load_loss(self._target)
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
        command = rerun_command(
            self._target, self._config, *problem, framework=how.framework, reference=how.reference, like=how.like
        )
        timeout = how.timeout  # what hangs should not hang again
        return command if timeout is None else f"{command} --timeout {timeout:g}"


def _where(problem: Problem) -> str:
    return f"batch size {problem.S.shape[0]}, {problem.scores}, seed {problem.seed}"
