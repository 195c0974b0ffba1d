"""The one way through: target -> Function -> Problem -> contract -> verdicts -> findings -> Report."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from typing import Any, TextIO

import numpy as np

from gradcheck.checking.contract import finding_of, inspect_at_first
from gradcheck.checking.evidence import Case
from gradcheck.checking.hessian import check_hessian
from gradcheck.checking.label_kinds import labels_at_fault, wanted_labels
from gradcheck.checking.problem import Checked, check_problem
from gradcheck.checking.step_evidence import refuse_unknown_entries
from gradcheck.config import Config
from gradcheck.config.settings import Settings
from gradcheck.diagnosis.known import Known
from gradcheck.diagnosis.oracle import known_as
from gradcheck.errors import LossDefect, OutOfTime, UsageError
from gradcheck.evaluation.parallel import Pool, open_pool
from gradcheck.functions.budget import Budget, ProgressCallback, open_budget
from gradcheck.functions.frameworks import require
from gradcheck.functions.function import Function
from gradcheck.functions.loading import load_target
from gradcheck.functions.output_capture import let_through, silenced
from gradcheck.functions.prepare import prepare
from gradcheck.functions.signatures import parameters_of, takes_scores_and_labels
from gradcheck.functions.suggestions import rerun_command
from gradcheck.layout import Layout
from gradcheck.report import VERDICTS, BatchReport, Finding, LossReport, Report, SmallestCase, StepEvidence
from gradcheck.sampling import Problem, drawn, problems, shapes
from gradcheck.version import __version__

#: Hints for functions of named inputs.
_HINTS = {
    "not-deterministic": "keep no state between calls; where numbers are drawn, as for dropout, use --reseed",
    "not-finite": "look for a division by 0, a logarithm of 0, and exp of large numbers",
}
_KEPT = 12  # wrong problems, and right ones, that are kept as evidence beside the first of each kind
#: Finding out why may cost this part of the calls that the check took; so many where it took none.
_SHARE, _LEAST = 4, 40
_INSPECTING = 38  # calls that every loss may take once its problems are checked


def check_targets(
    targets: Sequence[str | Function],
    config: Config,
    settings: Settings = Settings(),
    progress: ProgressCallback | None = None,
    abandon: Callable[[Report], int] | None = None,
    given: Problem | Mapping[str, Any] | None = None,
) -> Report:
    """Check every target at every problem; a failure of one never stops the others.

    Args:
        targets: names, or losses already at hand.
        config, settings: which problems and tolerances, and how the run goes.
        progress: called between two calls of a loss, with how far the run is.
        abandon: called from another thread with the report so far, when a call hangs that cannot be ended; the process
            ends with the exit code that it returns, or 2.
        given: the only problem to check, or the arguments of a function by name, instead of those of the configuration.

    Raises:
        UsageError: ``max_seconds`` or ``timeout`` cannot be kept, ``framework`` cannot be imported, there can be no
            such ``jobs``, or ``like`` names no built-in that takes such labels.
    """
    require(settings.framework)
    if settings.like is not None:  # what is no target is refused before the work
        known_as(settings.like, "class" if given is not None else config.labels.kind)
    runs = [_TargetRun(target, config, settings, given) for target in targets]
    at_hand, interrupted = 0, False

    def report() -> Report:
        losses = tuple(run.report() for run in runs)
        return Report(__version__, config.as_data(), losses, interrupted, any(run.out_of_time for run in runs))

    def stuck(defect: LossDefect) -> int:
        runs[at_hand].give_up(defect)
        assert abandon is not None
        return abandon(report())

    budget: Budget | None = None
    pool: Pool | None = None
    with ExitStack() as stack:
        if settings.max_seconds is not None or settings.timeout is not None or progress is not None:
            budget = stack.enter_context(open_budget(settings, progress, stuck if abandon else None))
        if (settings.jobs, settings.backend, settings.scheduler) != (1, "loky", None):
            pool = stack.enter_context(open_pool(settings))
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


class _TargetRun:
    """The check of one target at given problems, or at the configuration's; what is done is kept if it is cut short."""

    def __init__(
        self,
        target: str | Function,
        config: Config,
        settings: Settings,
        given: Problem | Mapping[str, Any] | None,
        products: bool = False,
    ) -> None:
        self._target, self._products = target if isinstance(target, str) else target.target, products
        self._loss = None if isinstance(target, str) else target
        self._loaded: Function | None = None
        self._framework: str = settings.framework
        self._config, self._settings, self._given = config, settings, given
        self._meant: Known | None = None  # what this one is compared with
        self._shapes = [given.S.shape] if isinstance(given, Problem) else shapes(config)
        self._current: Problem | None = None
        self._error = self._cut_short = self._alike = ""
        self._batches: list[BatchReport] = []
        self._cases: list[Case] = []
        self._second: list[BatchReport] = []  # of second derivatives
        self._of_hessian: list[Case] = []
        self._contract: dict[str, Finding] = {}
        self._findings: tuple[Finding, ...] = ()
        self._smallest: SmallestCase | None = None
        self._steps: dict[str, StepEvidence] = {}  # of each entry asked for, by the user's name, at its worst problem
        self._done = self._calls_to_explain = 0
        self._troubled: Problem | None = None
        self._dtype: Any = given.S.dtype if isinstance(given, Problem) else config.dtype
        self.out_of_time = False

    def go(self, stderr: TextIO, budget: Budget | None, pool: Pool | None) -> None:
        """Check every problem, then find out why it is wrong."""
        try:
            self._check(stderr, budget, pool)
            self._current = None
            self._doubt_labels()
            self._explain()
            self._explain_hessian()
            differs = {"unlike", "constant-offset", "sum-over-rows"} & {each.code for each in self._findings}
            if self._meant and self._cases and not differs and not _first_error(self._contract.values()):
                self._alike = self._meant.built_in
        except UsageError as error:
            self._error = str(error).removeprefix(f"{self._target}: ")
            self._cut_short = ""
        except OutOfTime:
            self.out_of_time = True

    def report(self) -> LossReport:
        """What has been done so far."""
        loss = self._loss
        findings = [*self._contract.values(), *self._findings]
        return LossReport(
            target=f"{self._target}, second derivatives" if self._products else self._target,
            file=loss.file if loss else None,
            line=loss.line if loss else None,
            framework=loss.framework if loss else "numpy",
            batches=(*self._batches, *self._second),
            findings=tuple(sorted(findings, key=lambda f: ("error", "warning", "note").index(f.severity))),
            smallest_case=self._smallest,
            evaluations_to_explain=self._calls_to_explain,
            error=self._error,
            rerun=self._rerun(),
            strict=self._settings.strict,
            unchecked=len(self._shapes) - self._done,
            cut_short=self._cut_short,
            alike=self._alike,
            steps=tuple(self._steps[text] for text in self._settings.entry if text in self._steps),
        )

    def give_up(self, defect: LossDefect) -> None:
        """The current call, or loading the target, hangs and cannot be interrupted."""
        if self._current is not None:
            self._add([finding_of(defect)], self._current)
        elif not self._batches:
            self._error = f"loading it {defect.message}\n{defect.details}"

    @property
    def has_failed(self) -> bool:
        """Something is wrong, or could not be checked."""
        return bool(self._error) or self.report().failed

    def of_products(self) -> _TargetRun | None:
        """The check of products with second derivatives, where it is asked for; None where it is not, or done."""
        loss, config = self._loaded, self._config
        if self._products or self._error or loss is None or self._loss is None:
            return None
        if not (config.hvp or "hvp" in loss.beside or config.order == 2):
            return None
        if config.order == 2 and self._loss.framework == "numpy":
            self._error = "order 2 is for PyTorch and JAX; name what returns second derivatives: --hessian, or --hvp"
            return None
        other = _TargetRun(loss, config, self._settings, self._given, products=True)
        other._framework = self._loss.framework
        return other

    def _add(self, findings: Iterable[Finding], problem: Problem) -> None:
        """Take findings of the contract."""
        for finding in findings:
            raised = finding.code == "raises" and finding.code not in self._contract
            if finding.severity == "error" and (self._troubled is None or raised):
                self._troubled = problem
            message, hint = finding.message, finding.hint
            if problem.layout:
                message, hint = problem.layout.worded(message), _HINTS.get(finding.code, hint)
            placed = replace(finding, message=f"{message} (at {problem.where})", hint=hint)
            self._contract.setdefault(finding.code, placed)

    def _check(self, stderr: TextIO, budget: Budget | None, pool: Pool | None) -> None:
        if budget:
            budget.start_problem(self._target, self._shapes, 0)
        if self._loss is None:
            with let_through(stderr):
                self._loss = budget.load(load_target, self._target) if budget else load_target(self._target)
        self._loss = self._loaded = replace(self._loss, budget=budget, has_hessian=self._config.hessian)
        points = self._problems_of(self._loss, stderr)
        if self._settings.entry:
            named = [each.layout for each in points if each.layout] if self._loss.is_of_named_inputs else []
            refuse_unknown_entries(self._settings.entry, named or [Layout.of({"S": each}) for each in self._shapes])
        for problem in points:
            if budget and self._done:
                budget.start_problem(self._target, self._shapes, self._done)
            self._current, self._cut_short, inspection = problem, problem.where, None
            try:
                if self._done == 0:
                    framework = "numpy" if problem.layout else self._settings.framework
                    at_first = inspect_at_first(self._loss, problem.S, problem.y, stderr, framework)
                    self._loss, inspection = at_first
                    if self._settings.like is not None:  # what it raises is seen before the work
                        self._meant = known_as(self._settings.like, "class", self._loss)
                        self._meant.at(problem.S.astype(np.float64), problem.y)
                checked = check_problem(self._loss, problem, self._config, inspection, self._settings, pool)
            except OutOfTime as end:
                self._add(end.found, problem)
                calls = budget.calls if budget else 0
                self._cut_short = f"{problem.where}, after {calls:,} call{'' if calls == 1 else 's'}" if calls else ""
                raise
            self._add(checked.findings, problem)
            self._cut_short = ""
            self._done += 1
            self._batches += checked.batches
            for each in checked.steps:
                known = self._steps.setdefault(each.asked, each)
                self._steps[each.asked] = max(known, each, key=lambda steps: VERDICTS.index(steps.entry.verdict))
            if checked.case is not None and self._is_new(checked.case):
                self._cases.append(checked.case)
            if self._config.hessian:
                self._check_hessian(problem, checked)
            if "hangs" in self._contract or (self._settings.fail_fast and self.has_failed):
                return

    def _check_hessian(self, problem: Problem, checked: Checked) -> None:
        """Check the second derivatives too, where the gradient that they are compared with is right."""
        assert self._loss is not None
        if not checked.batches or any(batch.wrong for batch in checked.batches) or _first_error(checked.findings):
            message = "second derivatives are not checked, because the gradient is wrong"
            self._add([Finding("not-checked", "note", message)], problem)
            return
        by_rows = checked.batches[0].plan in ("rows", "per-sample")
        second = check_hessian(self._loss, problem, self._config, self._settings, by_rows=by_rows)
        self._add(second.findings, problem)
        self._second += second.batches
        self._of_hessian += second.cases

    def _problems_of(self, loss: Function, stderr: TextIO) -> Iterable[Problem]:
        """The problems to check; a function of named inputs becomes one of x first."""
        given, config, thing = self._given, self._config, loss.function
        if self._products:
            names = (*parameters_of(thing)[0], "S", "y")[:2]
            if isinstance(given, Problem):
                given = dict(zip(names, (given.S, given.y), strict=True))
            elif given is None and not config.inputs:
                inputs = zip(names, (f"{config.scores[0].describe()} [N, C]", "labels"), strict=True)
                config = config.model_copy(update={"inputs": dict(inputs)})
        if isinstance(given, Problem):
            return [given]
        described = config.inputs or config.backward or config.gradient or config.value or {*loss.beside} - {"hvp"}
        is_score_loss = loss.is_built_in or (takes_scores_and_labels(thing) and not described)
        if given is None and is_score_loss and not self._products:
            return problems(config)
        with let_through(stderr):
            function, points, remarks = prepare(loss, config, given, self._framework, products=self._products)
        self._loss = replace(function, budget=loss.budget)
        self._shapes = [problem.S.shape for problem in points]
        self._contract |= {remark.code: remark for remark in remarks}
        return points

    def _is_new(self, case: Case) -> bool:
        """Whether a case is kept as evidence: the first wrong and the first right one of each kind, and some more."""
        if self._meant is not None:  # then every value is compared
            return True
        alike = [each for each in self._cases if each.is_wrong == case.is_wrong]
        kinds = {(*each.S.shape, each.scores) for each in alike}
        return len(alike) < _KEPT or (*case.S.shape, case.scores) not in kinds

    def _doubt_labels(self) -> None:
        """Say so where a loss that fails, or that N labels beside N x C scores cannot show to, wants other labels."""
        assert self._loss is not None
        failed = next((code for code in ("raises", "wrong-shape", "wrong-dtype") if code in self._contract), "")
        if self._loss.is_of_named_inputs or not (failed or all(N in (1, C) for N, C in self._shapes)):
            return
        config, given = self._config, self._given
        if isinstance(given, Problem):
            if failed and (fault := labels_at_fault(given.S, given.y)):
                del self._contract[failed]
                raise UsageError(fault)
            if given.labels is None:
                return
            config = Config(classes=[given.S.shape[1]], dtype=given.S.dtype.name)
        if not self._loss.is_built_in and (other := wanted_labels(self._loss, config)):
            finding, problem = other
            if failed:
                self._contract[failed] = replace(self._contract[failed], hint=finding.hint)
            else:
                self._add([finding], problem)
            self._cases = []  # what was judged says nothing of the loss

    def _explain(self) -> None:
        """Why it is wrong, and what else is to be said of it; nothing of a built-in that is right."""
        assert self._loss is not None
        loss, contract = self._loss, _first_error(self._contract.values())
        judged = tuple(case for case in self._cases if case.judged)
        failed = self._troubled or any(batch.wrong for batch in self._batches)
        of_inputs = loss.is_of_named_inputs
        meant = self._meant
        is_asked = contract is None and self._cases and (judged or meant)
        if not (is_asked if of_inputs else meant or failed or not loss.is_built_in):
            return
        from gradcheck.checking.evidence import Allowance, Evidence
        from gradcheck.diagnosis.driver import LIKE, OF_INPUTS, find
        from gradcheck.diagnosis.hessian import of_products
        from gradcheck.diagnosis.inputs import explain_inputs
        from gradcheck.diagnosis.notation import explain_terms
        from gradcheck.diagnosis.statements import refine
        from gradcheck.shrinking import smallest_case
        from gradcheck.shrinking.inputs import smallest_inputs

        evaluations = sum(batch.evaluations for batch in self._batches)
        ask = Allowance(loss, evaluations // _SHARE if evaluations else _LEAST, self._dtype)
        inspect = Allowance(loss, _INSPECTING, self._dtype)
        beside = tuple(case for case in self._cases if not case.judged)
        evidence = Evidence(judged, self._config.rtol, ask, meant, inspect, beside)
        if of_inputs:
            ask.left = max(ask.left, _LEAST)
            worded = self._cases[0].arguments.layout.worded
            found = find(evidence, OF_INPUTS) if judged else ()
            causes = tuple(replace(each, message=worded(each.message)) for each in found)
            if judged and failed and _first_error(causes) is None:
                causes = (*explain_inputs(evidence), *causes)
            self._findings = of_products(causes, judged) if failed and self._products else causes
            self._findings += tuple(find(evidence, [LIKE])) if meant else ()
            if judged and failed and not self._products:
                self._smallest = smallest_inputs(evidence, self._findings[0].code, self._config, self._settings)
            self._calls_to_explain = ask.calls
            return
        how = self._config, self._settings, contract, self._troubled
        if "hangs" in self._contract:  # every further call might hang too: the problem is shown as it is
            ask.left = 0
            self._smallest = smallest_case(replace(evidence, observations=()), "hangs", *how)
            return
        if contract is not None and self._troubled is not None:
            self._contract[contract.code] = refine(contract, self._troubled, ask) or contract
        if contract is None or contract.code != "not-deterministic":  # else no answer is evidence of anything
            self._findings = find(evidence)
        first = _first_error(self._findings)
        if first is not None and (terms := explain_terms(evidence)):
            longer = replace(first, message=f"{terms}: {first.message}")
            self._findings = tuple(longer if finding is first else finding for finding in self._findings)
        # Shrinking looks for what the contract check reports, and the report says what that was refined to.
        leading = _first_error([*self._contract.values(), *self._findings])
        code, projected = leading.code if leading else "wrong", self._wrong_by_projections()
        if contract or projected or any(case.is_wrong or case.leaps.any() for case in judged):
            self._smallest = smallest_case(evidence, code, *how, projected)
        self._calls_to_explain = ask.calls
        if inspect.calls and self._batches:
            last = self._batches[-1]
            self._batches[-1] = replace(last, evaluations=last.evaluations + inspect.calls)

    def _explain_hessian(self) -> None:
        """Why second derivatives are wrong."""
        if any(case.is_wrong for case in self._of_hessian):
            from gradcheck.diagnosis.hessian import explain_hessian

            assert self._loss is not None
            self._findings += explain_hessian(self._of_hessian, self._loss, self._config.rtol)

    def _wrong_by_projections(self) -> tuple[Problem, BatchReport] | None:
        """A problem that is wrong by projections; None where others, judged entry by entry, tell more."""
        if any(case.is_wrong for case in self._cases):
            return None
        disagree = "projections-disagree" in self._contract
        for batch in self._batches:
            if batch.projections is not None and (batch.wrong or (disagree and not batch.projections.agree)):
                where = batch.batch_size, batch.classes, batch.scores, batch.seed
                return self._given if isinstance(self._given, Problem) else drawn(self._config, *where), batch
        return None

    def _rerun(self) -> str:
        """The command that repeats the worst problem alone, or one in which it raises; empty where there is none."""
        if self._given is not None or (self._loss and self._loss.beside) or callable(self._settings.like):
            return ""  # no option can say this
        batches = *self._batches, *self._second
        worst = max(batches, key=lambda b: (b.wrong, b.unresolved, b.max_relative_error), default=None)
        if self._troubled is not None and ("raises" in self._contract or not (worst and worst.wrong)):
            problem = *self._troubled.S.shape, self._troubled.scores, self._troubled.seed
        elif worst is not None:
            problem = worst.batch_size, worst.classes, worst.scores, worst.seed
        else:
            return ""
        return rerun_command(self._target, self._config, self._settings, *problem)


def _first_error(findings: Iterable[Finding]) -> Finding | None:
    return next((finding for finding in findings if finding.severity == "error"), None)
