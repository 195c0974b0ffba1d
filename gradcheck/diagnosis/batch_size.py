"""dS is right at some batch sizes and wrong at others."""

from __future__ import annotations

import math
from collections.abc import Iterable

from gradcheck.checking.evidence import Evidence
from gradcheck.diagnosis.fits import factor_fit, factors_by_size, factors_in_words
from gradcheck.report import Finding

#: Where as many rows would all be right by coincidence no more often than this, they are right for their batch size:
#: where a single row is told from several, and for any other division of the batch sizes, of which there are more.
_CHANCE, _CHANCE_OF_OTHERS = 0.05, 0.001
_HINT = (
    "look for a sum, mean or maximum over the whole batch (no axis=1), for an N-vector against an N x C matrix without "
    "[:, None], and for a batch or chunk size that is written as a number"
)


def batch_size(evidence: Evidence) -> Iterable[Finding]:
    """Right in every problem of some batch sizes, wrong in problems of others, by one factor or not by coincidence.

    A slip that shows in a few rows only, whatever N, spares small batches by coincidence: where w of R rows are wrong,
    all of them are among the M rows of the sizes that are wrong with a probability of (M choose w) / (R choose w).
    """
    is_wrong: dict[int, list[bool]] = {}
    for seen in sorted(evidence.observations, key=lambda each: each.rows):
        is_wrong.setdefault(seen.rows, []).append(seen.is_wrong)
    right = [size for size, each in is_wrong.items() if not any(each)]
    always = [size for size, each in is_wrong.items() if all(each)]
    sometimes = [size for size in is_wrong if size not in right and size not in always]
    rows = sum(seen.rows for seen in evidence.observations)
    among = sum(seen.rows for seen in evidence.observations if seen.rows not in right)
    wrong_rows = sum(int(seen.wrong.any(axis=1).sum()) for seen in evidence.wrong)
    chance = _CHANCE if [1] in (right, always + sometimes) else _CHANCE_OF_OTHERS
    fit = factor_fit(evidence)
    is_coincidence = fit is None and math.comb(among, wrong_rows) > chance * math.comb(rows, wrong_rows)
    if not right or is_coincidence:
        return
    said = [
        f"{word} at N = {', '.join(map(str, sizes))}" for word, sizes in (("right", right), ("wrong", always)) if sizes
    ]
    said += [f"wrong in {sum(is_wrong[N])} of {len(is_wrong[N])} problems at N = {N}" for N in sometimes]
    message = f"dS is {', '.join(said)}"
    by_size = {size: each for size, each in factors_by_size(evidence).items() if size not in right}
    if fit is not None:
        message += f": it is {fit.law} times the numerical gradient"
    elif by_size:
        message += f": it is {factors_in_words(by_size)}"
    yield Finding("batch-size-dependent", "error", message, _HINT)
