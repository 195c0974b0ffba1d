"""The smallest failing case: passes propose simpler candidates, and a predicate tells which of them still fail."""

from contextlib import suppress
from functools import partial

import numpy as np

from gradcheck.checking.evidence import Case, Evidence
from gradcheck.config import Config
from gradcheck.config.settings import Settings
from gradcheck.errors import OutOfTime
from gradcheck.layout import Arguments
from gradcheck.report import Finding, SmallestCase
from gradcheck.sampling import Problem
from gradcheck.shrinking.predicates import NOT_A_SUBGRADIENT, WrongGradient, breaks_contract, failing_entries
from gradcheck.shrinking.shrinker import CALLS, Candidate, Failure, parts_and_rounded, passes, shrink
from gradcheck.shrinking.snippet import Gradients, snippet

_Shrunk = tuple[Candidate, Gradients | None]


def smallest_case(
    evidence: Evidence, code: str, config: Config, settings: Settings, contract: Finding | None = None,
    troubled: Problem | None = None, projected: Case | None = None,
) -> SmallestCase | None:  # fmt: skip
    """The smallest case at which a loss fails; None where nothing fails that is small enough to paste.

    ``code`` is of the leading finding, ``wrong`` for none. ``contract`` is the error that the contract check found, in
    the problem ``troubled``. ``projected`` is a problem checked along random directions that is wrong.
    """
    shrunk = _failing_contract(evidence, contract, troubled, config) if contract and troubled else None
    shrunk = shrunk or _wrong_gradient(evidence, code, config, projected)
    if shrunk is None and troubled is not None:
        shrunk = Candidate(troubled.S.astype(np.float64), troubled.y), None
    if shrunk is None or not shrunk[0].is_small:
        return None
    best, gradients = shrunk
    S = best.S if isinstance(best.y, Arguments) else best.S.astype(evidence.ask.dtype)
    texts = snippet(evidence.ask.loss, S, best.y, code, config, settings, gradients)
    analytic, numerical = gradients or (None, None)
    return SmallestCase(S, best.y, code, analytic, numerical, *texts)


def _failing_contract(evidence: Evidence, finding: Finding, troubled: Problem, config: Config) -> _Shrunk | None:
    """Shrunk by the contract check; None where the finding does not come again at the problem itself."""
    S = troubled.S.astype(np.float64)
    start = Failure(S, troubled.y, np.abs(S) == np.max(np.abs(S)))  # the largest score is the likeliest to matter
    if finding.code in ("hangs", "not-deterministic"):  # each call may cost a timeout, or answer otherwise by chance
        return start, None
    if finding.code == NOT_A_SUBGRADIENT:
        shrunk = _wrong_gradient(evidence, finding.code, config)
        return (shrunk[0], None) if shrunk else None
    broken = partial(breaks_contract, evidence.ask, finding)
    with suppress(OutOfTime):
        if broken(start):
            return shrink(start, passes(start, evidence.ask.dtype), broken)[-1], None
    return None


def _wrong_gradient(evidence: Evidence, code: str, config: Config, projected: Case | None = None) -> _Shrunk | None:
    """Shrunk from problems whose entries were judged, or from one with too many entries."""
    smooth = any(failing_entries(each, "wrong", smooth=True).any() for each in evidence.observations)
    failed = [each for each in evidence.observations if failing_entries(each, code, smooth).any()]
    if not failed and projected is None:
        return None
    first, ask = min(failed, key=lambda each: each.S.size, default=projected), evidence.ask
    assert first is not None
    if isinstance(first.y, Arguments):
        ask.left = max(ask.left, CALLS)
    start = Failure(first.S, first.y, failing_entries(first, code, smooth))
    proposed = parts_and_rounded(first.y, config) if isinstance(first.y, Arguments) else passes(start, ask.dtype)
    predicate = WrongGradient(ask, code, smooth, config.rtol, first)
    with suppress(OutOfTime):
        for best in reversed(shrink(start, proposed, predicate.screen)[1:]):
            if best.is_small and (gradients := predicate.confirm(best)):
                return best, gradients
    return (start, (first.analytic, first.numerical)) if first.judged else None
