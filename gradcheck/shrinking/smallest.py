"""From what was seen of a loss to its smallest failing case."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace

import numpy as np

from gradcheck.checking.case import BoolArray, Case
from gradcheck.config import Config
from gradcheck.diagnosis.evidence import Evidence
from gradcheck.errors import OutOfTime
from gradcheck.report import BatchReport, Finding, SmallestCase, Verdict
from gradcheck.sampling import Problem
from gradcheck.settings import Settings
from gradcheck.shrinking.candidate import Candidate, simplicity
from gradcheck.shrinking.confirming import Confirmation
from gradcheck.shrinking.contracts import StillBroken
from gradcheck.shrinking.gradients import LEAPING, StillWrong
from gradcheck.shrinking.labels import columns_of, kind_of, taken
from gradcheck.shrinking.pattern import Pattern
from gradcheck.shrinking.sharpness import Sharpness
from gradcheck.shrinking.shrinker import Predicate, Shrinker
from gradcheck.shrinking.snippet import snippet
from gradcheck.shrinking.subgradients import StillApart
from gradcheck.shrinking.variants import Failure, Variants

#: More numbers than this nobody pastes.
MOST_ENTRIES = 500
#: Failures that candidates are made of.
_FAILURES = 6
#: Candidates that are made sure of, at most.
_LOOKS = 3
#: Of what was checked by projections, so many rows and columns are looked at.
_ROWS, _COLUMNS = 16, 30


def smallest_failing_contract(
    evidence: Evidence, finding: Finding, troubled: Problem, code: str, config: Config, settings: Settings
) -> SmallestCase | None:
    """The smallest case at which a loss breaks its contract.

    Args:
        evidence: the loss, and the calls that are left.
        finding: what it did.
        troubled: where.
        code: of what is told of it.
        config, settings: of the run.

    Returns:
        None where calls at the scores themselves do not show it, or it is too large to paste.
    """
    best = start = Candidate(troubled.S.astype(np.float64), troubled.y)
    if finding.code != "hangs":
        broken: Predicate = StillBroken(evidence.ask, finding)
        size = np.abs(start.S)
        failure = Failure(start.S, start.y, size == np.max(size))  # the largest score is the likeliest to matter
        if finding.code == "not-a-subgradient":
            broken = apart = StillApart(evidence.ask)
            with suppress(OutOfTime):
                failure = replace(failure, wrong=apart.entries(start))
        variants = Variants([failure], evidence.ask.dtype)
        shrinker = Shrinker(broken, variants, start.size, start, _right_ones(evidence), thrifty=True)
        if not shrinker.holds(start):
            return None
        shrinker.run()
        best = shrinker.failed[-1]
    return _case(evidence, best, code, None, config, settings)


def case_as_it_was(
    evidence: Evidence, troubled: Problem, code: str, config: Config, settings: Settings
) -> SmallestCase | None:
    """A problem that a loss failed at, where nothing simpler shows why; arguments as above."""
    return _case(evidence, Candidate(troubled.S.astype(np.float64), troubled.y), code, None, config, settings)


def smallest_wrong_gradient(
    evidence: Evidence,
    code: str,
    config: Config,
    settings: Settings,
    projected: tuple[Problem, BatchReport] | None = None,
) -> SmallestCase | None:
    """The smallest case at which a gradient is wrong.

    Args:
        evidence: what has been seen of the loss, and the calls that are left.
        code: of the finding that leads; ``wrong`` for none.
        config, settings: of the run.
        projected: a problem with wrong entries that was checked by projections; None where there is none.

    Returns:
        None where none was found that can be pasted.
    """
    failed = [each for each in evidence.observations if _wrong(each, code).any()]
    pattern = Pattern.of(failed)
    telling = [each for each in failed if pattern.fits(each)] or failed
    seen = sorted(telling, key=lambda each: simplicity(Candidate(each.S, each.y)))
    if seen:
        start = Candidate(seen[0].S, seen[0].y)
        failures = [Failure(each.S, each.y, _wrong(each, code)) for each in _varied(seen)]
        sharpness = Sharpness.of(seen[0].bounds, seen[0].numerical, seen[0].rows)
        at_kinks = bool(seen[0].kinked[_wrong(seen[0], code)].all())
    elif projected is not None:
        start, at_kinks = None, False
        failures = _failures_among(*projected)
        worst = projected[1].worst
        bounds, slopes = (np.array([getattr(entry, what) for entry in worst]) for what in ("bound", "numerical"))
        sharpness = Sharpness.of(bounds, slopes, projected[1].batch_size)
    else:
        return None
    confirmation = Confirmation(evidence.ask, config, settings, at_kinks)
    wrong = StillWrong(evidence, sharpness, pattern, code, confirmation.reserve, not confirmation.thrifty)
    largest = max(len(each.S) for each in failures), max(each.S.shape[1] for each in failures)
    variants = Variants(failures, evidence.ask.dtype)
    shrinker = Shrinker(wrong, variants, largest, start, _right_ones(evidence), confirmation.thrifty)
    for _ in range(_LOOKS):
        shrinker.run()
        best = shrinker.failed[-1] if shrinker.failed else None
        if best is None or best is start:
            break
        sure = confirmation.confirmed(best, wrong)
        if sure is not None:
            return _case(evidence, best, code, sure, config, settings)
        shrinker.reject()
        wrong.vouched.discard(best.size)
    return None if start is None else _case(evidence, start, code, seen[0], config, settings)


def _right_ones(evidence: Evidence) -> Counter[tuple[int, int]]:
    """How many problems of a size were right."""
    return Counter((each.rows, each.classes) for each in evidence.observations if not each.is_wrong)


def _wrong(seen: Case, code: str) -> BoolArray:
    """N x C, the entries that show what the code says."""
    return np.asarray(seen.leaps != 0) if code == LEAPING else seen.wrong


def _varied(seen: Sequence[Case]) -> list[Case]:
    """Some of these, the first of each kind of scores before all others."""
    firsts = {each.scores: each for each in reversed(seen)}
    return sorted(seen, key=lambda each: each is not firsts[each.scores])[:_FAILURES]


def _failures_among(problem: Problem, batch: BatchReport) -> list[Failure]:
    """What of a large problem may fail by itself: rows and columns of its worst entries, and the first ones."""
    S, kind = problem.S, kind_of(problem.y, problem.S.shape)
    entries = [entry for entry in batch.worst if entry.verdict is Verdict.WRONG]
    wrong = np.zeros(S.shape, dtype=bool)
    wrong[[entry.row for entry in entries], [entry.class_ for entry in entries]] = True
    rows = np.unique([entry.row for entry in entries] or np.arange(len(S))).astype(np.intp)[:_ROWS]
    own = columns_of(problem.y[rows], kind)
    columns = np.array([entry.class_ for entry in entries], dtype=np.intp)
    columns = np.unique(columns if own is None else np.append(columns, own))
    first_rows, first_columns = np.arange(min(rows[-1] + 1, _ROWS)), np.arange(min(S.shape[1], MOST_ENTRIES))
    return [
        Failure(S[np.ix_(r, c)].astype(np.float64), taken(problem.y, kind, r, c), wrong[np.ix_(r, c)])
        for r, c in ((rows, columns[:_COLUMNS]), (rows, first_columns), (first_rows, first_columns))
        if len(c)
    ]


def _case(
    evidence: Evidence, best: Candidate, code: str, seen: Case | None, config: Config, settings: Settings
) -> SmallestCase | None:
    """A candidate as it is reported; None where it is too large to paste."""
    if best.S.size > MOST_ENTRIES:
        return None
    S = best.S.astype(evidence.ask.dtype)
    analytic, numerical = (None, None) if seen is None else (seen.analytic, seen.numerical)
    text = snippet(evidence.ask.loss, S, best.y, code, config, settings, analytic, numerical)
    return SmallestCase(S, best.y, code, analytic, numerical, text)
