"""One relation between dS and the numerical gradient n in every entry of every problem."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import replace

import numpy as np

from gradcheck.checking.case import Case
from gradcheck.checking.evidence import Evidence
from gradcheck.diagnosis.fits import Fit, factor_findings, factor_fit, how_many, term_fit
from gradcheck.diagnosis.hypotheses import TERMS, Term
from gradcheck.diagnosis.numbers import ONE, Law
from gradcheck.diagnosis.places import likely_factors
from gradcheck.report import Finding

#: Entries that must determine a coefficient which may be any number.
_ENTRIES = 4
#: Rows that must determine one which people write often, and any other number.
_ROWS, _ROWS_OF_ANY = 1, 3
#: Likewise where N times the numerical gradient is whole: such numbers may differ by 1 by coincidence.
_WHOLE_ROWS = 5
#: Relative, and of whole numbers.
_ALIKE, _ROUNDING = 1e-6, 1e-9
_NOTHING = ("", "")
_MORE_DEFECTS = ": more than one defect is at work"
#: Where as many rows would all be right by coincidence no more often than this, they are right for their batch size:
#: where a single row is told from several, and for any other division of the batch sizes, of which there are more.
_CHANCE, _CHANCE_OF_OTHERS = 0.05, 0.001
_BATCH_HINT = (
    "look for a sum, mean or maximum over the whole batch (no axis=1), for an N-vector against an N x C matrix without "
    "[:, None], and for a batch or chunk size that is written as a number"
)

#: Second defects that a term is tried with, beside the factors that dS has in a half of its entries.
_FACTORS = (ONE, Law.simple(1, rows=1), Law.simple(-1), Law.simple(1, rows=-1), Law.simple(-1, rows=1))


def factor(evidence: Evidence) -> Iterable[Finding]:
    """dS = c n, with one law c = k N^a C^b for all problems.

    A law that is 1 at some batch size, as N/8 is at 8, is no missing mean: dS depends on the batch size.
    """
    fit = factor_fit(evidence)
    if fit is None or fit.law.is_one:
        return []
    law, shapes = fit.law, [seen.S.shape for seen in evidence.observations]
    if law.rows and abs(law.constant) != 1 and any(law.at(N, C) == 1 for N, C in shapes):
        return batch_size(evidence)
    return factor_findings(law, how_many(fit.entries, evidence))


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
    if fit is not None:
        message += f": it is {fit.law} times the numerical gradient"
    yield Finding("batch-size-dependent", "error", message, _BATCH_HINT)


def transposed(evidence: Evidence) -> Iterable[Finding]:
    """dS = c T(n), where T is a transpose, or a transpose and a reshape to N x C."""
    moved = tuple(_moved(seen) for seen in evidence.observations)
    fit = factor_fit(replace(evidence, observations=moved))
    if fit is None or fit.law.is_zero or fit.law.is_free or fit.rows < 2:
        return
    words = "the numerical gradient transposed and reshaped, n.T.reshape(N, C),"
    hint = "reshape does not exchange rows and classes: where dS is C x N, return dS.T"
    if all(seen.rows in (1, seen.classes) for seen in evidence.observations):
        words, hint = "the numerical gradient transposed", "return dS.T, or fill dS[i, j] for row i and class j"
    wrong = sum(int(np.count_nonzero(seen.wrong)) for seen in evidence.wrong)
    where, times = how_many(fit.entries, evidence), "" if fit.law.is_one else f"{fit.law} times "
    message = f"dS is {times}{words} {where}; {wrong} are wrong where they stand"
    yield Finding("transposed", "error", message, hint)
    if not fit.law.is_one:
        yield from factor_findings(fit.law, f"{where}, with its entries exchanged", _MORE_DEFECTS)


def _moved(seen: Case) -> Case:
    """A problem with its numerical gradient transposed and reshaped."""
    arrays = {name: getattr(seen, name) for name in ("numerical", "bounds", "verdicts", "kinked")}
    return replace(seen, **{name: each.T.reshape(each.shape) for name, each in arrays.items()})


def extra_term(evidence: Evidence) -> Iterable[Finding]:
    """dS = c n + d x, x one of ``TERMS``."""
    for scale in dict.fromkeys((ONE, *likely_factors(evidence), *_FACTORS)):
        for term in TERMS:
            fit = term_fit(evidence, term.basis, scale)
            if fit is None or abs(fit.law.rows) > 1 or not _is_determined(evidence, term, fit):
                continue
            if (term.more if fit.law.constant > 0 else term.less) != _NOTHING:
                yield _finding(evidence, term, fit, scale)
                if not scale.is_one:
                    beside = "less" if fit.law.constant > 0 else "plus"
                    where = f"{beside} that term, {how_many(fit.entries, evidence)}"
                    yield from factor_findings(scale, where, _MORE_DEFECTS)
                return


def _is_determined(evidence: Evidence, term: Term, fit: Fit) -> bool:
    """Whether d is no coincidence: enough rows determine it, and x is no multiple of the numerical gradient."""
    ratios, is_whole = [], True
    for seen, chosen in zip(evidence.observations, fit.significant, strict=True):
        x, _ = term.basis(seen) or (seen.S, None)
        n = seen.rows * seen.numerical[chosen]
        ratios.append(n / np.broadcast_to(x, seen.S.shape)[chosen])
        is_whole &= bool(np.all(np.abs(n - np.round(n)) <= seen.rows * seen.bounds[chosen] + _ROUNDING))
    n_over_x = np.concatenate(ratios)
    is_multiple = not len(n_over_x) or bool(np.ptp(n_over_x) <= _ALIKE * np.abs(n_over_x).max())
    if term.is_measured:
        return len(n_over_x) >= _ENTRIES and not is_multiple
    if is_whole:
        return fit.rows >= _WHOLE_ROWS and not is_multiple
    return fit.rows >= (_ROWS if fit.law.fraction in (1, -1, 2) else _ROWS_OF_ANY)


def _finding(evidence: Evidence, term: Term, fit: Fit, scale: Law) -> Finding:
    d, (by, integral) = fit.law, term.integral
    over_c = d.over(scale).size
    d_x, penalty = d.size.of(term.symbol), over_c.over(Law.simple(1 / by)).of(integral)
    meaning, hint = term.more if d.constant > 0 else term.less
    if d.fraction == 2 and not term.is_measured:
        meaning += f", or -{d.over(Law.simple(2)).of(term.symbol)} has the wrong sign"
    meaning = meaning.replace("{term}", d_x).replace("{d}", str(d.size)).replace("{integral}", penalty)
    hint = hint.replace("{term}", over_c.of(term.symbol)).replace("{integral}", penalty)
    second = "" if scale.is_one else ", and a factor is a second defect"
    sign = "-" if (d.constant < 0) != term.symbol.startswith("dS") else "+"
    or_else = f" (or {d.alternative})" if d.alternative else ""
    where = how_many(fit.entries, evidence)
    message = f"{meaning}{second}: dS = {scale.of('numerical')} {sign} {d_x}{or_else} {where}"
    return Finding(term.code, "error", message, hint)
