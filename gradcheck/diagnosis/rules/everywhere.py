"""One relation between dS and the numerical gradient n in every entry of every problem."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import replace
from fractions import Fraction
from typing import Any

import numpy as np
import numpy.typing as npt

from gradcheck.checking.case import Observation
from gradcheck.diagnosis.evidence import Evidence
from gradcheck.diagnosis.factor_findings import factor_findings
from gradcheck.diagnosis.fits import Fit, factor_fit, factors_by_size, likely_factors, term_fit
from gradcheck.diagnosis.hypotheses import LAYOUTS, TERMS, Layout, Term
from gradcheck.diagnosis.numbers import ONE, Law
from gradcheck.diagnosis.wording import factors_in_words, how_many
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
        return [] if law.is_one or is_right_somewhere else factor_findings(law, how_many(fit.entries, evidence))
    by_size = factors_by_size(evidence)
    if len(by_size) < 2 or any(each.holds(1.0) for each in by_size.values()):
        return []
    message = f"dS is a different multiple of the numerical gradient at each batch size: {factors_in_words(by_size)}"
    hint = "look for a factor that is made from N in one of the two only"
    return [Finding("constant-factor", "error", message, hint)]


def transposed(evidence: Evidence) -> Iterable[Finding]:
    """dS = c T(n), where T exchanges entries."""
    shapes = {seen.S.shape for seen in evidence.observations}
    for layout in LAYOUTS:
        moved = replace(evidence, observations=tuple(_moved(seen, layout) for seen in evidence.observations))
        fit = factor_fit(moved)
        if fit is None or fit.law.is_zero or fit.law.is_free or fit.rows < 2:
            continue
        wrong = sum(int(np.count_nonzero(seen.wrong)) for seen in evidence.wrong)
        where, times = how_many(fit.entries, evidence), "" if fit.law.is_one else f"{fit.law} times "
        words, hint = layout.words, layout.hint
        if all(N == C or N == 1 for N, C in shapes):
            words, hint = "the numerical gradient transposed", "return dS.T, or fill dS[i, j] for row i and class j"
        message = f"dS is {times}{words} {where}; {wrong} are wrong where they stand"
        yield Finding("transposed", "error", message, hint)
        if not fit.law.is_one:
            yield from factor_findings(fit.law, f"{where}, with its entries exchanged", _MORE_DEFECTS)
        return


def _moved(seen: Observation, layout: Layout) -> Observation:
    """A problem with the entries of its numerical gradient exchanged."""

    def moved(array: npt.NDArray[Any]) -> npt.NDArray[Any]:
        return array.T.reshape(array.shape) if layout.order == "F" else array.ravel().reshape(array.shape, order="F")

    names = ("numerical", "bounds", "verdicts", "kinked")
    exchanged: dict[str, Any] = {name: moved(getattr(seen, name)) for name in names}
    return replace(seen, **exchanged)


def extra_term(evidence: Evidence) -> Iterable[Finding]:
    """dS = c n + d x, x one of ``TERMS``."""
    for scale in dict.fromkeys((ONE, *likely_factors(evidence), *_FACTORS)):
        for term in TERMS:
            fit = term_fit(evidence, term.basis, scale)
            if fit is None or abs(fit.law.rows) > 1 or not _is_determined(evidence, term, fit):
                continue
            if term.more if fit.law.constant > 0 else term.less:
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
    words = {"{term}": d.size.of(term.symbol), "{d}": str(d.size), "{integral}": over_c.scaled(by).of(integral)}
    meaning, hint = (term.more, term.more_hint) if d.constant > 0 else (term.less, term.less_hint)
    if d.fraction == 2 and not term.is_measured:
        meaning += f", or -{d.scaled(Fraction(1, 2)).of(term.symbol)} has the wrong sign"
    for name, word in words.items():
        meaning = meaning.replace(name, word)
    hint = hint.replace("{term}", over_c.of(term.symbol)).replace("{integral}", words["{integral}"])
    second = "" if scale.is_one else ", and a factor is a second defect"
    sign = "-" if (d.constant < 0) != term.symbol.startswith("dS") else "+"
    or_else = f" (or {d.alternative})" if d.alternative else ""
    where = how_many(fit.entries, evidence)
    message = f"{meaning}{second}: dS = {scale.of('numerical')} {sign} {words['{term}']}{or_else} {where}"
    if term.code == "log-guard":
        message += f", off by up to {_largest_error(evidence):.1e}"
    return Finding(term.code, "error", message, hint)


def _largest_error(evidence: Evidence) -> float:
    """The largest relative error of a wrong entry."""
    size = [np.maximum(np.abs(seen.analytic), np.abs(seen.numerical))[seen.wrong] for seen in evidence.wrong]
    off = [np.abs(seen.analytic - seen.numerical)[seen.wrong] for seen in evidence.wrong]
    return float(np.max(np.concatenate(off) / np.concatenate(size)))
