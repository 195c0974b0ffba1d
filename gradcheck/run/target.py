"""The check of one target: loaded, its problems drawn and checked, and what was seen explained."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TextIO

import numpy as np

from gradcheck.checking.contract import finding_of, inspect_at_first, labels_at_fault, wanted_labels
from gradcheck.checking.problem import Checked, check_problem
from gradcheck.checking.refinement import refuse_unknown_entries
from gradcheck.config import Config
from gradcheck.config.settings import Settings
from gradcheck.errors import LossDefect, OutOfTime, UsageError
from gradcheck.evaluation.parallel import Pool
from gradcheck.functions.budget import Budget
from gradcheck.functions.function import Function
from gradcheck.functions.loading import load_target
from gradcheck.functions.output_capture import let_through, place_of_user
from gradcheck.functions.prepare import prepare
from gradcheck.functions.signatures import parameters_of, takes_scores_and_labels
from gradcheck.functions.suggestions import command
from gradcheck.layout import Layout
from gradcheck.report import Finding, LossReport
from gradcheck.run.seen import Explained, Seen, first_error
from gradcheck.sampling import Problem, problems, shapes

if TYPE_CHECKING:
    from gradcheck.diagnosis.known import Known


#: The only problem to check, or the arguments of a function by name; None for the problems of a configuration.
Given = Problem | Mapping[str, Any] | None


class TargetRun:
    """The check of one target at given problems, or at the configuration's; what is done is kept if it is cut short."""

    def __init__(
        self, target: str | Function, config: Config, settings: Settings, given: Given, products: bool = False
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
        self._seen = Seen(products, settings.like is not None)
        self._explained = Explained()
        self._done = 0
        self.out_of_time = False

    def go(self, stderr: TextIO, budget: Budget, pool: Pool | None) -> None:
        """Check every problem, then find out why it is wrong."""
        try:
            self._check(stderr, budget, pool)
            self._current = None
            self._doubt_labels()
            self._explain()
        except UsageError as error:
            self._error = str(error).removeprefix(f"{self._target}: ")
            self._cut_short = ""
        except OutOfTime as end:
            self.out_of_time, self._cut_short = True, self._cut_short or str(end)
        except KeyboardInterrupt as stop:
            if place := place_of_user(stop):
                self._cut_short = f"{self._cut_short}, at {place}".removeprefix(", ")
            raise

    def report(self) -> LossReport:
        """What has been done so far."""
        loss, explained = self._loss, self._explained
        findings = [*self._seen.contract.values(), *explained.findings]
        return LossReport(
            target=f"{self._target}, second derivatives" if self._products else self._target,
            file=loss.file if loss else None,
            line=loss.line if loss else None,
            framework=loss.framework if loss else "numpy",
            batches=(*self._seen.batches, *self._seen.second),
            findings=tuple(sorted(findings, key=lambda f: ("error", "warning", "note").index(f.severity))),
            smallest_case=explained.smallest,
            evaluations_to_explain=explained.calls,
            error=self._error,
            rerun=self._rerun(),
            strict=self._settings.strict,
            unchecked=len(self._shapes) - self._done,
            cut_short=self._cut_short,
            alike=self._alike,
            steps=tuple(self._seen.steps[text] for text in self._settings.entry if text in self._seen.steps),
        )

    def give_up(self, end: LossDefect | OutOfTime) -> None:
        """The current call, or loading the target, hangs and cannot be interrupted, or time is up in it."""
        if isinstance(end, OutOfTime):
            self.out_of_time = True
            self._cut_short = f"{self._cut_short}, {end}".removeprefix(", ")
        elif self._current is not None:
            self._seen.add([finding_of(end)], self._current)
        elif not self._seen.batches:
            self._error = f"loading it {end.message}\n{end.details}"

    @property
    def has_failed(self) -> bool:
        """Something is wrong, or could not be checked."""
        return bool(self._error) or self.report().failed

    def of_products(self) -> TargetRun | None:
        """The check of products with second derivatives, where it is asked for; None where it is not, or done."""
        loss, config = self._loaded, self._config
        if self._products or self._error or loss is None or self._loss is None:
            return None
        if not (config.hvp or config.order == 2):
            return None
        if config.order == 2 and self._loss.framework == "numpy":
            self._error = "order 2 is for PyTorch and JAX; name what returns second derivatives: --hessian, or --hvp"
            return None
        other = TargetRun(loss, config, self._settings, self._given, products=True)
        other._framework = self._loss.framework
        return other

    def _check(self, stderr: TextIO, budget: Budget, pool: Pool | None) -> None:
        budget.start_problem(self._target, self._shapes, 0)
        if self._loss is None:
            with let_through(stderr):
                self._loss = budget.load(load_target, self._target)
        self._loss = self._loaded = replace(self._loss, budget=budget, has_hessian=self._config.hessian)
        points = self._problems_of(self._loss, stderr)
        if self._settings.entry:
            named = [each.layout for each in points if each.layout] if self._loss.is_of_named_inputs else []
            refuse_unknown_entries(self._settings.entry, named or [Layout.of({"S": each}) for each in self._shapes])
        for problem in points:
            if self._done:
                budget.start_problem(self._target, self._shapes, self._done)
            self._current, self._cut_short, inspection = problem, problem.where, None
            try:
                if self._done == 0:
                    framework = "numpy" if problem.layout else self._settings.framework
                    at_first = inspect_at_first(self._loss, problem.S, problem.y, stderr, framework)
                    self._loss, inspection = at_first
                    if self._settings.like is not None:  # what it raises is seen before the work
                        from gradcheck.diagnosis.oracle import known_as

                        self._meant = known_as(self._settings.like, "class", self._loss)
                        self._meant.at(problem.S.astype(np.float64), problem.y)
                checked = check_problem(self._loss, problem, self._config, inspection, self._settings, pool)
            except OutOfTime as end:
                self._seen.add(end.found, problem)
                calls = budget.calls
                self._cut_short = f"{problem.where}, after {calls:,} call{'' if calls == 1 else 's'}" if calls else ""
                self._cut_short += f", {end}" if calls and str(end) else ""
                raise
            self._seen.take(checked, problem)
            self._cut_short = ""
            self._done += 1
            if self._config.hessian:
                self._check_hessian(problem, checked)
            if "hangs" in self._seen.contract or (self._settings.fail_fast and self.has_failed):
                return

    def _check_hessian(self, problem: Problem, checked: Checked) -> None:
        """Check the second derivatives too, where the gradient that they are compared with is right."""
        assert self._loss is not None
        if not checked.batches or any(batch.wrong for batch in checked.batches) or first_error(checked.findings):
            message = "second derivatives are not checked, because the gradient is wrong"
            self._seen.add([Finding("not-checked", "note", message)], problem)
            return
        from gradcheck.checking.hessian import check_hessian

        second = check_hessian(self._loss, problem, self._config, self._settings, by_rows=checked.by_rows)
        self._seen.add(second.findings, problem)
        self._seen.second += second.batches
        self._seen.of_hessian += second.cases

    def _problems_of(self, loss: Function, stderr: TextIO) -> Iterable[Problem]:
        """The problems to check; a function of named inputs becomes one of x first."""
        given, config, thing = self._given, self._config, loss.function
        of_scores = loss.is_built_in or takes_scores_and_labels(thing)
        beside = config.gradient or config.value
        if self._products or (of_scores and beside and not config.backward):
            names = (*parameters_of(thing)[0], "S", "y")[:2]
            if isinstance(given, Problem):
                given = dict(zip(names, (given.S, given.y), strict=True))
            elif given is None and not config.inputs:
                inputs = zip(names, (f"{config.scores[0].describe()} [N, C]", "labels"), strict=True)
                config = config.model_copy(update={"inputs": dict(inputs)})
        elif isinstance(given, Problem):
            return [given]
        elif given is None and of_scores and not (config.inputs or beside or config.backward):
            return problems(config)
        with let_through(stderr):
            function, points, remarks = prepare(loss, config, given, self._framework, products=self._products)
        self._loss = replace(function, budget=loss.budget)
        self._shapes = [problem.S.shape for problem in points]
        self._seen.contract |= {remark.code: remark for remark in remarks}
        return points

    def _doubt_labels(self) -> None:
        """Say so where a loss that fails, or that N labels beside N x C scores cannot show to, wants other labels."""
        assert self._loss is not None
        failed = next((code for code in ("raises", "wrong-shape", "wrong-dtype") if code in self._seen.contract), "")
        if self._loss.is_of_named_inputs or not (failed or all(N in (1, C) for N, C in self._shapes)):
            return
        config, given = self._config, self._given
        if isinstance(given, Problem):
            if failed and (fault := labels_at_fault(given.S, given.y)):
                del self._seen.contract[failed]
                raise UsageError(fault)
            if given.labels is None:
                return
            config = Config(classes=[given.S.shape[1]], dtype=given.S.dtype.name)
        if not self._loss.is_built_in and (other := wanted_labels(self._loss, config)):
            finding, problem = other
            if failed:
                self._seen.contract[failed] = replace(self._seen.contract[failed], hint=finding.hint)
            else:
                self._seen.add([finding], problem)
            self._seen.cases = []  # what was judged says nothing of the loss

    def _explain(self) -> None:
        """Why it is wrong, and what else is to be said of it; nothing of a built-in that is right."""
        assert self._loss is not None
        loss, seen, meant, contract = self._loss, self._seen, self._meant, first_error(self._seen.contract.values())
        judged = any(case.judged for case in seen.cases)
        is_wrong = seen.failed or any(batch.wrong for batch in seen.second)
        wanted = bool(meant) or is_wrong or not loss.is_built_in
        if loss.is_of_named_inputs:
            wanted = contract is None and bool(seen.cases and (judged or meant))
        if wanted:
            from gradcheck.run.explain import explain

            given, config = self._given, self._config
            dtype = given.S.dtype.name if isinstance(given, Problem) else config.dtype
            self._explained = explain(seen, loss, config, self._settings, meant, dtype)
            differs = {"unlike", "constant-offset", "sum-over-rows"} & {each.code for each in self._explained.findings}
            if meant and seen.cases and not differs and contract is None:
                self._alike = meant.built_in

    def _rerun(self) -> str:
        """The command that repeats the worst problem alone, or one in which it raises; empty where there is none."""
        loaded = self._loaded
        if (
            not loaded
            or not loaded.by_name
            or self._given is not None
            or any(callable(each) for each in (*vars(self._config).values(), self._settings.like))
        ):
            return ""  # no command can say this
        batches = *self._seen.batches, *self._seen.second
        worst = max(batches, key=lambda b: (b.wrong, b.unresolved, b.max_relative_error), default=None)
        if self._seen.troubled is not None and ("raises" in self._seen.contract or not (worst and worst.wrong)):
            problem = self._seen.troubled
            N, C, scores, seed = problem.batch_size or len(problem.S), problem.S.shape[1], problem.scores, problem.seed
        elif worst is not None:
            N, C, scores, seed = worst.batch_size, worst.classes, worst.scores, worst.seed
        else:
            return ""
        of_scores = ["--classes", C, "--scores", scores] if scores != "inputs" else []
        own = ["--batch-size", N, *of_scores, "--seed", seed, *(["--trials", 1] if self._config.trials != 1 else [])]
        return command(self._target, self._config, self._settings, own)
