"""A term that dS lacks or has too much of, dS = c n + d x, and a link, such as exp, whose derivative it lacks."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import partial

import numpy as np

from gradcheck.checking.evidence import Case, Evidence
from gradcheck.diagnosis.factors import MORE_DEFECTS, factor_findings, how_many
from gradcheck.diagnosis.known import labels_of
from gradcheck.diagnosis.numbers import ONE, SLACK, TINY, Basis, Fit, Law, count, significant, term_fit
from gradcheck.report import Finding, FloatArray

#: Rows that must determine a coefficient which people write often, another one, and any where N times the numerical
#: gradient is whole, as such numbers may differ by 1 by coincidence; entries that must determine any measured one.
_ROWS, _ROWS_OF_ANY, _WHOLE_ROWS, _ENTRIES = 1, 3, 5, 4
#: Relative, and of whole numbers.
_ALIKE, _ROUNDING = 1e-6, 1e-9
#: Steps along a line, relative to the largest score, and how far two slopes may differ.
_STEP, _RTOL = 1e-5, 1e-6
_GRADIENT = "gradient-of-another-loss"
#: Factors that a term is tried with, as second defects.
_FACTORS = (ONE, *(Law(Fraction(k), rows) for k, rows in ((1, 1), (-1, 0), (1, -1), (-1, 1))))


@dataclass(frozen=True)
class Term:
    """A term x; in what is said of it ``{d}`` is the size of d, ``{term}`` that of d x, ``{integral}`` its integral."""

    code: str
    symbol: str  #: x as it is written
    basis: Basis
    more: tuple[str, str]  #: for d > 0
    less: tuple[str, str] | None = None  #: for d < 0
    integral: tuple[Fraction, str] = (Fraction(1), "")  #: of x: a factor, and a function as it is written
    is_measured: bool = True  #: d may be any number, and not only one that people write


def _over_p_y(seen: Case, is_numerical: bool) -> tuple[FloatArray, FloatArray] | None:
    """n / p_y, or -dS / p_y, and its error, p_y the softmax's; None where the labels are no classes."""
    labels = labels_of(seen)
    if labels is None:
        return None
    p_y = np.take_along_axis(softmax(seen.S), labels[:, np.newaxis], axis=1)
    inverse = 1 / np.where(p_y > TINY, p_y, np.nan)
    x, error = (seen.numerical, seen.bounds) if is_numerical else (-seen.analytic, seen.granted)
    return x * inverse, error * inverse


def _at_label(seen: Case) -> tuple[FloatArray, FloatArray] | None:
    return None if seen.at_label is None else (seen.at_label.astype(np.float64), np.zeros(seen.S.shape))


def _penalty(symbol: str, integral: tuple[Fraction, str], slope: Callable[[FloatArray], FloatArray]) -> Term:
    return Term(
        "missing-regularizer",
        symbol,
        lambda seen: (slope(seen.S), np.zeros(seen.S.shape)),
        ("dS has the gradient of a term that the value lacks, {integral}",
         "add {integral} to the value, or take {term} out of dS"),
        ("the value has a term that dS lacks, {integral}", "add {term} to dS, or take {integral} out of the value"),
        integral,
    )  # fmt: skip


def _negative_margins(seen: Case, is_summed: bool) -> tuple[FloatArray, FloatArray] | None:
    """min(0, s_j - s_y + 1) where j != y, and 0 or less their sum at the label."""
    labels = labels_of(seen)
    if labels is None:
        return None
    at_label = np.eye(seen.classes)[labels]
    below = np.minimum(0, seen.S - np.sum(seen.S * at_label, axis=1, keepdims=True) + 1) * (1 - at_label)
    return below - is_summed * at_label * below.sum(axis=1, keepdims=True), np.zeros(seen.S.shape)


_MARGINS = "margins that are negative are left in dS, where s_j - s_y + 1 < 0: {term}"
_MARGINS_HINT = "set negative margins to 0 before dS is made of them: max(0, .) has the derivative 0 there"
_LABEL_HINT = "look at what is subtracted from dS[i, y[i]]: once in each row, from dS itself, before the division by N"
#: The terms, in the order in which they are tried.
TERMS: tuple[Term, ...] = (
    Term(
        "missing-label-term", "1{j=y}", _at_label,
        ("the label's term -{term} is missing", _LABEL_HINT),
        ("the label's term -{term} is counted twice", _LABEL_HINT),
        is_measured=False,
    ),
    _penalty("S", (Fraction(1, 2), "sum S^2"), lambda S: S),
    _penalty("sign(S)", (Fraction(1), "sum |S|"), lambda S: np.asarray(np.sign(S))),
    Term("other-columns", "(s_j - s_y + 1)", partial(_negative_margins, is_summed=False), (_MARGINS, _MARGINS_HINT)),
    Term(_GRADIENT, "(s_j - s_y + 1)", partial(_negative_margins, is_summed=True),
         (f"{_MARGINS}, and less their sum in the label's column", _MARGINS_HINT)),
    # log(p_y + eps) in the value and log(p_y) in dS: dS = n + eps n / p_y. Or the other way round: n - eps dS / p_y.
    Term(
        "log-guard", "numerical/p_y", lambda seen: _over_p_y(seen, is_numerical=True),
        ("the value takes log(p_y + eps) with eps = {d}, and dS is the derivative of log(p_y)",
         "take eps out of the value: log(sum_m e^{s_m}) - s_y, of scores less their row's maximum; or multiply dS by "
         "p_y/(p_y + eps)"),
    ),
    Term(
        "log-guard", "dS/p_y", lambda seen: _over_p_y(seen, is_numerical=False),
        ("dS has p_y + eps in place of p_y, with eps = {d}, and the value takes log(p_y)",
         "take eps out of dS: it is p_j - 1{j=y}, which divides by no probability"),
    ),
)  # fmt: skip


def extra_term(evidence: Evidence) -> Iterator[Finding]:
    """dS = c n + d x, x one of ``TERMS``."""
    for scale in _FACTORS:
        for term in TERMS:
            fit = term_fit(evidence, term.basis, scale)
            meaning = None if fit is None else term.more if fit.law.k > 0 else term.less
            if fit is None or meaning is None or abs(fit.law.rows) > 1 or not _is_determined(evidence, term, fit):
                continue
            yield _finding(evidence, term, fit, scale, *meaning)
            if not scale.is_one:
                where = f"{'less' if fit.law.k > 0 else 'plus'} that term, {how_many(fit.entries, evidence)}"
                yield from factor_findings(scale, where, MORE_DEFECTS)
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
    # n is a multiple of x if it is one in each problem, by whatever number but 0: a sum's gradient grows with N.
    apart = [np.ptp(each) > _ALIKE * np.abs(each).max() or not each.any() for each in ratios if len(each)]
    is_multiple = not len(n_over_x) or (not any(apart) and len(n_over_x) > len(apart))
    if term.is_measured:
        return len(n_over_x) >= _ENTRIES and not is_multiple
    if is_whole:
        return fit.rows >= _WHOLE_ROWS and not is_multiple
    return fit.rows >= (_ROWS if fit.law.k in (1, -1, 2) else _ROWS_OF_ANY)


def _finding(evidence: Evidence, term: Term, fit: Fit, scale: Law, meaning: str, hint: str) -> Finding:
    d, (by, integral) = fit.law, term.integral
    over_c, d_x = Law(d.k / scale.k, d.rows - scale.rows, d.classes - scale.classes).size, d.size.of(term.symbol)
    penalty = replace(over_c, k=over_c.k * by).of(integral)
    if d.k == 2 and not term.is_measured:
        meaning += f", or -{replace(d, k=Fraction(1)).of(term.symbol)} has the wrong sign"
    meaning = meaning.replace("{term}", d_x).replace("{d}", str(d.size)).replace("{integral}", penalty)
    hint = hint.replace("{term}", over_c.of(term.symbol)).replace("{integral}", penalty)
    second = "" if scale.is_one else ", and a factor is a second defect"
    sign = "-" if (d.k < 0) != term.symbol.startswith("dS") else "+"
    or_else = f" (or {d.alternative})" if d.alternative else ""
    where = how_many(fit.entries, evidence)
    message = f"{meaning}{second}: dS = {scale.of('numerical')} {sign} {d_x}{or_else} {where}"
    return Finding(term.code, "error", message, hint)


_Change = Callable[[FloatArray], FloatArray]


def sigmoid(S: FloatArray) -> FloatArray:
    """1 / (1 + exp(-S)), of any shape, without overflow."""
    return np.asarray(0.5 * (1 + np.tanh(0.5 * S)))


def softmax(S: FloatArray) -> FloatArray:
    """The softmax of each row of N x C scores, without overflow."""
    e = np.exp(S - S.max(axis=1, keepdims=True))
    return np.asarray(e / e.sum(axis=1, keepdims=True))


def _through_softmax(S: FloatArray, dp: FloatArray) -> FloatArray:
    p = softmax(S)
    return np.asarray(p * (dp - np.sum(p * dp, axis=1, keepdims=True)))


#: Of p = g(S), N x C both: g, and dL/dS from S and dL/dp, by the chain rule.
_LINKS: dict[str, tuple[_Change, Callable[[FloatArray, FloatArray], FloatArray]]] = {
    "exp": (np.exp, lambda S, dp: dp * np.exp(S)),
    "sigmoid": (sigmoid, lambda S, dp: dp * sigmoid(S) * (1 - sigmoid(S))),
    "softmax": (softmax, _through_softmax),
    "tanh": (np.tanh, lambda S, dp: dp * (1 - np.tanh(S) ** 2)),
}


def lost_derivative(evidence: Evidence) -> Iterator[Finding]:
    """dS is the derivative by p = g(S), or has the derivative of g twice."""
    if count([significant(seen) for seen in evidence.observations]) < _ENTRIES:  # as any measured number
        return

    def is_so(through: Callable[[FloatArray, FloatArray], FloatArray], is_lost: bool) -> bool:
        for seen in evidence.observations:
            given, wanted = (seen.analytic, seen.numerical) if is_lost else (seen.numerical, seen.analytic)
            with np.errstate(over="ignore", invalid="ignore"):
                predicted, unsure = through(seen.S, given), np.abs(through(seen.S, seen.bounds + seen.granted))
                slack = SLACK * (seen.bounds + seen.granted + unsure) + evidence.rtol * np.abs(wanted)
                if not np.all((np.abs(predicted - wanted) <= slack) | ~seen.known):
                    return False
        return True

    for name, (_, through) in _LINKS.items():
        for is_lost, message, hint in (
            (True, f"dS is the derivative by p = {name}(S), and not by S", f"multiply it by the derivative of {name}"),
            (False, f"dS has the derivative of {name} once more than it should", f"leave one derivative of {name} out"),
        ):
            if is_so(through, is_lost):
                yield Finding(_GRADIENT, "error", message, hint)
                return


def lost_in_the_value(evidence: Evidence) -> Iterator[Finding]:
    """dS is the gradient of the value taken at g(S): two calls for each g at a first problem, and two at the others."""
    links = dict(_LINKS)
    for seen in evidence.observations:
        along = np.random.default_rng(seen.S.shape).normal(size=seen.S.shape)
        step, slope = _STEP * max(1.0, float(np.abs(seen.S).max())), float(np.sum(seen.analytic * along))
        for name, (g, _) in list(links.items()):
            with np.errstate(over="ignore"):
                sides = [evidence.ask.evaluate(g(seen.S + h * along), seen.y).value for h in (step, -step)]
            central = (sides[0] - sides[1]) / (2 * step)
            if not abs(central - slope) <= _RTOL * float(np.linalg.norm(seen.analytic * along)):
                del links[name]
    for name in [*links][:1]:
        message = f"dS is the gradient of the value taken at {name}(S) in place of S: the value lacks the {name}"
        yield Finding("value-of-another-loss", "error", message, f"look at the value: apply {name} to the scores first")
