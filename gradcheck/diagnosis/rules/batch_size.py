"""dS is right at some batch sizes and wrong at others."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import replace

import numpy as np

from gradcheck.checking.case import Case
from gradcheck.diagnosis.evidence import Evidence, Spent
from gradcheck.diagnosis.fits import factor_fit, factors_by_size
from gradcheck.diagnosis.rule import rule
from gradcheck.diagnosis.wording import factors_in_words, listed
from gradcheck.errors import LossDefect, OutOfTime
from gradcheck.report import Finding

#: Where as many rows would all be right by chance no more often than this, they are so for their batch size.
_CHANCE = 0.001
#: Wrong rows that are tried at a right size, and those of them that there must be.
_MOST, _LEAST = 4, 2

_HINT = (
    "look for a sum, mean or maximum over the whole batch (no axis=1), for an N-vector against an N x C matrix without "
    "[:, None], and for a batch or chunk size that is written as a number"
)


@rule("batch-size-dependent", rank=70)
def batch_size(evidence: Evidence) -> Iterable[Finding]:
    """Right in every problem of some batch sizes, wrong in problems of others, and not by chance.

    For a slip that shows in some rows only, whatever N, spares small batches by chance: of R rows w are wrong, and all
    of them among the M of the sizes that are wrong with a probability of (M choose w) / (R choose w). Where that is no
    small one, wrong rows are tried alone; what is right then was wrong for its batch.
    """
    wrong = sorted({seen.rows for seen in evidence.wrong})
    right = sorted({seen.rows for seen in evidence.observations} - set(wrong))
    if not right:
        return
    total = sum(seen.rows for seen in evidence.observations)
    among = sum(seen.rows for seen in evidence.observations if seen.rows in wrong)
    amiss = sum(int(seen.wrong.any(axis=1).sum()) for seen in evidence.wrong)
    if math.comb(among, amiss) > _CHANCE * math.comb(total, amiss) and not _are_right_at(evidence, right[0]):
        return
    yield Finding("batch-size-dependent", "error", _message(evidence, right, wrong), _HINT)


def _message(evidence: Evidence, right: list[int], wrong: list[int]) -> str:
    said = [f"right at N = {listed(right)}"]
    problems = {size: [seen.is_wrong for seen in evidence.observations if seen.rows == size] for size in wrong}
    always = [size for size in wrong if all(problems[size])]
    said += [f"wrong at N = {listed(always)}"] if always else []
    said += [
        f"wrong in {sum(problems[size])} of {len(problems[size])} problems at N = {size}"
        for size in wrong
        if size not in always
    ]
    message = f"dS is {', '.join(said)}"
    fit = factor_fit(evidence)
    if fit is not None:
        return f"{message}: it is {fit.law} times the numerical gradient"
    by_size = {size: each for size, each in factors_by_size(evidence).items() if size in wrong}
    return f"{message}: it is {factors_in_words(by_size)}" if by_size else message


def _are_right_at(evidence: Evidence, size: int) -> bool:
    """Whether rows that are wrong in their batch are right in one of another size, of copies: up to four calls."""
    tried = 0
    for seen in sorted(evidence.wrong, key=lambda each: -each.rows):
        for row in np.flatnonzero((seen.wrong & seen.known).any(axis=1)).tolist():
            if tried == _MOST:
                break
            if not _is_right_at(evidence, seen, row, size):
                return False
            tried += 1
    # A row by itself has no place in its batch that the slip could hang on instead.
    return tried >= (1 if all(seen.rows == 1 for seen in evidence.wrong) else _LEAST)


def _is_right_at(evidence: Evidence, seen: Case, row: int, size: int) -> bool:
    only = slice(row, row + 1)
    try:
        S, y = (np.repeat(each[only], size, axis=0) for each in (seen.S, seen.y))
        dS = evidence.ask.evaluate(S, y).gradient
    except (Spent, LossDefect, OutOfTime):
        return False
    cut = {
        name: getattr(seen, name)[only] for name in ("S", "y", "numerical", "bounds", "granted", "verdicts", "kinked")
    }
    alone = replace(seen, **cut)
    # Of a mean, the row's own gradient is to that in the other batch as one size to the other; of a sum, the same.
    return any(bool(evidence.same(alone, dS[:1], c * alone.numerical, c).all()) for c in (seen.rows / size, 1.0))
