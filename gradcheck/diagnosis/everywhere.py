"""One relation between dS and the numerical gradient n in every entry of every problem."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import replace
from fractions import Fraction
from typing import Any

import numpy as np
import numpy.typing as npt

from gradcheck.checking.case import Case
from gradcheck.checking.evidence import Evidence
from gradcheck.diagnosis.batch_size import batch_size
from gradcheck.diagnosis.factor_findings import factor_findings
from gradcheck.diagnosis.fits import (
    Fit,
    factor_fit,
    factors_by_size,
    factors_in_words,
    how_many,
    likely_factors,
    term_fit,
)
from gradcheck.diagnosis.hypotheses import LAYOUTS, TERMS, Term, probability_of_label
from gradcheck.diagnosis.numbers import ONE, Law, plain
from gradcheck.report import Finding

#: Entries that must determine a coefficient which may be any number.
_ENTRIES = 4
#: Rows that must determine one which people write, of few digits, and of more; and any other number.
_ROWS, _MORE_ROWS, _ROWS_OF_ANY = 1, 2, 3
#: Likewise where N times the numerical gradient is whole: such numbers may differ by 1 by coincidence.
_WHOLE_ROWS = 5
#: Likewise where n is the same multiple of x in all of them.
_ALIKE_ROWS = 12
#: Relative, and of whole numbers.
_ALIKE, _ROUNDING = 1e-6, 1e-9
#: A larger probability is hardly one that a guard replaces.
_LARGEST_GUARD = 0.01
_NOTHING = ("", "")
_MORE_DEFECTS = ": more than one defect is at work"

#: Second defects that a term is tried with, beside the factors that dS has in a half of its entries.
_FACTORS = (ONE, Law.simple(1, rows=1), Law.simple(-1), Law.simple(1, rows=-1), Law.simple(-1, rows=1))


def factor(evidence: Evidence) -> Iterable[Finding]:
    """dS = c n, with one law c = k N^a C^b for all problems, or a c of its own for each batch size.

    A law that is 1 at some batch size, as N/8 is at 8, is no missing mean: dS depends on the batch size.
    """
    fit = factor_fit(evidence)
    if fit is not None:
        law = fit.law
        shapes = [seen.S.shape for seen in evidence.observations]
        is_right_somewhere = law.rows and abs(law.constant) != 1 and any(law.at(N, C) == 1 for N, C in shapes)
        if is_right_somewhere:
            return batch_size(evidence)
        return [] if law.is_one else factor_findings(law, how_many(fit.entries, evidence))
    by_size = factors_by_size(evidence)
    if len(by_size) < 2 or any(abs(factor - 1) <= evidence.rtol for factor in by_size.values()):
        return []
    message = f"dS is a different multiple of the numerical gradient at each batch size: {factors_in_words(by_size)}"
    hint = "look for a factor that is made from N in one of the two only"
    return [Finding("constant-factor", "error", message, hint)]


def transposed(evidence: Evidence) -> Iterable[Finding]:
    """dS = c T(n), where T exchanges entries."""
    for words, hint, exchanged in LAYOUTS:
        moved = tuple(_moved(seen, exchanged) for seen in evidence.observations)
        fit = factor_fit(replace(evidence, observations=moved))
        if fit is None or fit.law.is_zero or fit.law.is_free or fit.rows < 2:
            continue
        if all(seen.rows in (1, seen.classes) for seen in evidence.observations):
            words, hint = "the numerical gradient transposed", "return dS.T, or fill dS[i, j] for row i and class j"
        wrong = sum(int(np.count_nonzero(seen.wrong)) for seen in evidence.wrong)
        where, times = how_many(fit.entries, evidence), "" if fit.law.is_one else f"{fit.law} times "
        message = f"dS is {times}{words} {where}; {wrong} are wrong where they stand"
        yield Finding("transposed", "error", message, hint)
        if not fit.law.is_one:
            yield from factor_findings(fit.law, f"{where}, with its entries exchanged", _MORE_DEFECTS)
        return


def _moved(seen: Case, exchanged: Callable[[npt.NDArray[Any]], npt.NDArray[Any]]) -> Case:
    """A problem with the entries of its numerical gradient exchanged."""
    moved: dict[str, Any] = {
        name: exchanged(getattr(seen, name)) for name in ("numerical", "bounds", "verdicts", "kinked")
    }
    return replace(seen, **moved)


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
        is_unit = fit.law.fraction in (1, -1)
        return fit.rows >= (_WHOLE_ROWS if not is_multiple else _ALIKE_ROWS if is_unit else math.inf)
    return fit.rows >= (_ROWS_OF_ANY if fit.law.is_free else _ROWS if fit.law.fraction in (1, -1, 2) else _MORE_ROWS)


def _finding(evidence: Evidence, term: Term, fit: Fit, scale: Law) -> Finding:
    d, (by, integral) = fit.law, term.integral
    over_c = d.over(scale).size
    d_x, penalty = d.size.of(term.symbol), over_c.scaled(by).of(integral)
    meaning, hint = term.more if d.constant > 0 else term.less
    if d.fraction == 2 and not term.is_measured:
        meaning += f", or -{d.scaled(Fraction(1, 2)).of(term.symbol)} has the wrong sign"
    meaning = meaning.replace("{term}", d_x).replace("{d}", str(d.size)).replace("{integral}", penalty)
    hint = hint.replace("{term}", over_c.of(term.symbol)).replace("{integral}", penalty)
    second = "" if scale.is_one else ", and a factor is a second defect"
    sign = "-" if (d.constant < 0) != term.symbol.startswith("dS") else "+"
    or_else = f" (or {d.alternative})" if d.alternative else ""
    where = how_many(fit.entries, evidence)
    message = f"{meaning}{second}: dS = {scale.of('numerical')} {sign} {d_x}{or_else} {where}"
    if term.code == "log-guard":
        message += f", off by up to {_largest_error(evidence):.1e}"
    return Finding(term.code, "error", message, hint)


def _largest_error(evidence: Evidence) -> float:
    """The largest relative error of a wrong entry."""
    size = [np.maximum(np.abs(seen.analytic), np.abs(seen.numerical))[seen.wrong] for seen in evidence.wrong]
    off = [np.abs(seen.analytic - seen.numerical)[seen.wrong] for seen in evidence.wrong]
    return float(np.max(np.concatenate(off) / np.concatenate(size)))


def clipped_log(evidence: Evidence) -> Iterable[Finding]:
    """Where p_y is below eps the value is flat, as log(max(p_y, eps)) is: only there dS is wrong, and n is 0."""
    flat, others = [0.0], [_LARGEST_GUARD]
    for seen in evidence.observations:
        p_y, moves = probability_of_label(seen), np.abs(seen.numerical) > seen.bounds + seen.granted
        wrong = seen.wrong.any(axis=1)
        if p_y is None or np.any(moves[wrong]):
            return
        flat += p_y[wrong, 0].tolist()
        others += p_y[moves.any(axis=1), 0].tolist()
    if max(flat) < min(others):
        yield Finding(
            "log-guard",
            "error",
            f"the value does not change with the scores of rows whose p_y is at most {plain(max(flat))}, and dS is not "
            f"0 there ({len(flat) - 1} row{'s' * (len(flat) > 2)}); in all other rows dS is right: the value takes "
            f"log(max(p_y, eps)), with an eps between that and {plain(min(others))}",
            hint="take the guard out of the value: log(sum_m e^{s_m}) - s_y, of scores less their row's maximum; or "
            "set the rows of dS with p_y < eps to 0",
        )
