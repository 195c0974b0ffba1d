"""The smallest failing case: passes propose simpler candidates, and a predicate tells which of them still fail."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from functools import partial

import numpy as np

from gradcheck.checking.evidence import Evidence
from gradcheck.config import Config
from gradcheck.config.settings import Settings
from gradcheck.errors import OutOfTime
from gradcheck.report import BatchReport, Finding, SmallestCase, Verdict
from gradcheck.sampling import Problem
from gradcheck.shrinking.predicates import NOT_A_SUBGRADIENT, WrongGradient, breaks_contract, failing_entries
from gradcheck.shrinking.shrinker import MOST_ENTRIES, Candidate, Failure, Shrinker
from gradcheck.shrinking.snippet import Gradients, snippet

_Shrunk = tuple[Candidate, Gradients | None]


def smallest_case(
    evidence: Evidence, code: str, config: Config, settings: Settings, contract: Finding | None = None,
    troubled: Problem | None = None, projected: tuple[Problem, BatchReport] | None = None,
) -> SmallestCase | None:  # fmt: skip
    """The smallest case at which a loss fails; None where nothing fails that is small enough to paste.

    ``code`` is of the leading finding, ``wrong`` for none. ``contract`` is the error that the contract check found, in
    the problem ``troubled``. ``projected`` is a problem checked along random directions that has wrong entries.
    """
    shrunk = _failing_contract(evidence, contract, troubled, config) if contract and troubled else None
    shrunk = shrunk or _wrong_gradient(evidence, code, config, projected)
    if shrunk is None and troubled is not None:
        shrunk = Candidate(troubled.S.astype(np.float64), troubled.y), None
    if shrunk is None or shrunk[0].S.size > MOST_ENTRIES:
        return None
    best, gradients = shrunk
    S = best.S.astype(evidence.ask.dtype)
    analytic, numerical = gradients or (None, None)
    texts = snippet(evidence.ask.loss, S, best.y, code, config, settings, gradients)
    return SmallestCase(S, best.y, code, analytic, numerical, *texts)


def _failing_contract(evidence: Evidence, finding: Finding, troubled: Problem, config: Config) -> _Shrunk | None:
    """Shrunk by the contract check; None where the finding does not come again at the problem itself."""
    S = troubled.S.astype(np.float64)
    start = Failure(S, troubled.y, np.abs(S) == np.max(np.abs(S)))  # the largest score is the likeliest to matter
    if finding.code in ("hangs", "not-deterministic"):  # each call may cost a timeout, or answer otherwise by chance
        return start, None
    if finding.code == NOT_A_SUBGRADIENT:
        same = tuple(each for each in evidence.observations if np.array_equal(each.S, S))
        shrunk = _wrong_gradient(replace(evidence, observations=same), finding.code, config, None)
        return (shrunk[0], None) if shrunk else None
    broken = partial(breaks_contract, evidence.ask, finding)
    with suppress(OutOfTime):
        if broken(start):
            return Shrinker(broken, start, evidence.ask.dtype).run(), None
    return None


def _wrong_gradient(
    evidence: Evidence, code: str, config: Config, projected: tuple[Problem, BatchReport] | None
) -> _Shrunk | None:
    """Shrunk from problems whose entries were judged, or from one with too many entries."""
    smooth = any(failing_entries(each, "wrong", smooth=True).any() for each in evidence.observations)
    wrong_of = partial(failing_entries, code=code, smooth=smooth)
    known = None
    if failed := [each for each in evidence.observations if wrong_of(each).any()]:
        first = min(failed, key=lambda each: each.S.size)
        failure, rows = Failure(first.S, first.y, wrong_of(first)), first.rows
        bounds, slopes, granted = first.bounds, first.numerical, first.granted
        known = failure, (first.analytic, first.numerical)
    elif projected is not None:
        problem, batch = projected
        wrong = np.zeros(problem.S.shape, dtype=bool)
        for entry in batch.worst:
            wrong[entry.row, entry.class_] = entry.verdict is Verdict.WRONG
        failure, rows = Failure(problem.S.astype(np.float64), problem.y, wrong), batch.batch_size
        bounds, slopes = (np.array([getattr(each, name) for each in batch.worst]) for name in ("bound", "numerical"))
        granted = np.zeros(1)  # not known
    else:
        return None
    predicate = WrongGradient(evidence.ask, code, smooth, config, rows, bounds, slopes, granted)
    best = Shrinker(predicate.screen, failure, evidence.ask.dtype).run()
    with suppress(OutOfTime):
        if best is not failure and (gradients := predicate.confirm(best)):
            return best, gradients
    return known
