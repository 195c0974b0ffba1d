"""Rules about kinks, state, flat problems, whole numbers, weights of rows, and a wrong dS that no cause explains."""

from collections.abc import Callable, Iterator
from math import isclose

import numpy as np

from gradcheck.checking.evidence import Allowance, Case, Evidence
from gradcheck.diagnosis.conditions import drawn, largest_error, threshold, wrong_places
from gradcheck.diagnosis.known import Values, known_losses
from gradcheck.diagnosis.numbers import SLACK, Where, around, constant_law, count, factor_at, known_entries, significant
from gradcheck.layout import Arguments
from gradcheck.report import BoolArray, Finding, FloatArray

#: Two weights of a row are equal if they differ by less than this part: they are quotients of differences of values.
_RTOL = 1e-5
#: Every row is evaluated by itself, and slopes are compared, at so many problems; rows of at most so many.
_PROBLEMS, _ROWS = 2, 16
#: Two slopes differ if they do so by this many times their errors; the range of their step.
_DIFFERENT, _STEPS = 20.0, (2.0**-13, 2.0**-5)
#: Beside S dS is the derivative there if its error is at most this part of that at S.
_SMOOTH = 0.01
#: Distances from S where dS has to be right as well, and the step there, by the largest score; a difference's error.
_BESIDE, _FAR, _STEP, _ROUNDING = 1e-3, 2.0, 1e-4, 1e-6
#: Sizes of its entries that a dS has at least which is none of a constant.
_VARIED = 3
#: A dS of floats was made whole if so many of its entries were fractions and are not 0.
SEVERAL = 2
#: Ways to make numbers whole, none of which decreases where the numbers increase.
WAYS: dict[str, Callable[[FloatArray], FloatArray]] = {
    "truncated towards 0": np.trunc,
    "rounded down": np.floor,
    "rounded to whole numbers": np.rint,
    "rounded up": np.ceil,
}


def not_a_subgradient(evidence: Evidence) -> Iterator[Finding]:
    """Every wrong entry is at a kink, where any number between the derivatives on both sides would be right."""
    if any(np.any(seen.wrong & seen.known) for seen in evidence.observations):
        return
    right, wrong = count([seen.known for seen in evidence.observations]), count([seen.wrong for seen in evidence.wrong])
    seen, here, _ = _example(evidence, lambda seen: seen.wrong)
    message = f"dS is right in all {right} entries that have a derivative, and wrong in {wrong} at kinks: {here} "
    message += f"({drawn(seen)}), which is not between the derivatives on both sides"
    hint = "look at what the code does where two scores are equal or a margin is exactly 0: count each tie once, and "
    hint += "take one side of max(0, .) or the other"
    yield Finding("not-a-subgradient", "error", message, hint)


def _example(evidence: Evidence, where: Where) -> tuple[Case, str, float]:
    """The first wrong problem, its first such entry in words, and the numerical gradient there."""
    seen = evidence.wrong[0]
    i, j = np.argwhere(where(seen))[0].tolist()
    words = f"dS[{i}, {j}] is {seen.analytic[i, j]:.6g} at S[{i}, {j}] = {seen.S[i, j]:g}"
    return seen, words, float(seen.numerical[i, j])


def smooth_kink(evidence: Evidence) -> Iterator[Finding]:
    """Beside S, on both sides, dS is what the numerical gradient is at S. Two calls for each wrong problem."""
    for seen in evidence.wrong:
        off = seen.wrong & seen.known
        step = np.sqrt(np.finfo(evidence.ask.dtype).eps) * (1 + np.abs(seen.S).max())
        rng = np.random.default_rng(seen.S.shape)
        moves = step * off * rng.uniform(0.5, 1, off.shape) * rng.choice([-1, 1], off.shape)
        most = _SMOOTH * np.abs(seen.analytic - seen.numerical)
        for side in (moves, -moves):
            beside = evidence.ask.evaluate(seen.S + side, seen.y).gradient
            if not off.any() or np.any(np.abs(beside - seen.numerical)[off] > most[off]):
                return
    seen, here, n = _example(evidence, lambda seen: seen.wrong & seen.known)
    wrong = count([each.wrong for each in evidence.wrong])
    message = f"dS jumps where the value is smooth, in all {wrong} entries that are wrong: {here}, and near {n:.6g} as "
    message += f"soon as that is a little larger or smaller ({drawn(seen)})"
    hint = "derivatives that abs, relu, max or where have at a tie need not add up: write the value as one smooth "
    hint += "function, such as np.logaddexp(0, x) or softplus; or look for a comparison with == on the way to dS"
    yield Finding("smooth-kink", "error", message, hint)


def keeps_state(evidence: Evidence) -> Iterator[Finding]:
    """dS is right at S and wrong around it, or the same far off and wrong there: it is of an earlier call."""
    ask = evidence.ask if evidence.wrong else evidence.inspect or evidence.ask
    right = [seen for seen in evidence.observations if not (seen.is_wrong or seen.is_round) and significant(seen).any()]
    if not right:
        return
    seen = max(right, key=_variety)
    size = max(float(np.abs(seen.S).max()), np.finfo(float).tiny / _STEP)  # a step below that may be 0
    along, away = np.random.default_rng(seen.S.size).uniform(-1, 1, (2, *seen.S.shape))
    for distance in (_BESIDE * size, _FAR * size):
        moved = distance * away
        far = (ask.evaluate(seen.S + side, seen.y).gradient for side in (moved, -moved))
        is_same = all(np.array_equal(each, seen.analytic) for each in far)
        # Far off many a wrong dS is wrong: only one that is the same there, though it is not the same everywhere at S.
        # A right loss is only asked where dS does not change with S, which takes one call.
        is_far = distance > size
        if (not is_same and (is_far or not evidence.wrong)) or (is_far and _variety(seen) < _VARIED):
            return
        at = [_slopes(ask, seen, seen.S + side, along, _STEP * size) for side in (-moved, 0 * moved, moved)]
        off = [bool(abs(by_value - by_dS) > _DIFFERENT * error) for by_value, by_dS, error in at]
        if off == [True, False, True]:
            message = f"dS depends on earlier calls: it is right at the scores of a problem ({drawn(seen)}), and at "
            message += f"scores {distance:.1g} beside them, along a random direction, the value changes by "
            message += f"{at[2][0]:.9g} t, and by dS it would be {at[2][1]:.9g} t"
            hint = "keep no state between calls: what is kept from the first one is out of date in the next one"
            yield Finding("not-deterministic", "error", message, hint)
            return


def _variety(seen: Case) -> int:
    """How many sizes entries of dS have, of some; so many as tell."""
    return min(len(set(np.abs(seen.analytic).flat[:100].tolist())), _VARIED)


def _slopes(ask: Allowance, seen: Case, S: FloatArray, along: FloatArray, step: float) -> tuple[float, float, float]:
    """The derivative along a direction, by values and by dS, and how far apart they may be. Three calls."""
    here, after, before = (ask.evaluate(S + h * along, seen.y) for h in (0.0, step, -step))
    size, bounds = _ROUNDING * np.abs(here.gradient), seen.bounds + seen.granted
    error = np.sum((size + bounds) * np.abs(along)) + here.value_eps * abs(here.value) / step
    return (after.value - before.value) / (2 * step), float(np.sum(here.gradient * along)), float(error)


def removable_jump(evidence: Evidence) -> Iterator[Finding]:
    """Along an axis the value has the same limit from both sides, and another value at S itself."""
    for seen in [seen for seen in evidence.observations if seen.leaps.any()][:1]:
        i, j = np.argwhere(seen.leaps)[0].tolist()
        message = f"the value is {seen.value:.6g} at S, but near {seen.value + float(seen.leaps[i, j]):.6g} as soon as "
        message += f"S[{i}, {j}] = {seen.S[i, j]:g} is a little larger or smaller ({drawn(seen)})"
        hint = "look for a comparison with ==, or for numbers that are dropped because of their value: a class with "
        hint += "the same score as the label has a margin of exactly 1, too"
        yield Finding("removable-jump", "error", message, hint)


def vacuous(evidence: Evidence) -> Iterator[Finding]:
    """dS and the numerical gradient are 0 in every entry of every problem, and some of these are resolved."""
    seen = evidence.observations
    flat = [(np.abs(e.numerical) <= e.bounds) & (np.abs(e.analytic) <= e.granted) & ~e.kinked for e in seen]
    if all(each.all() for each in flat) and any(each.known.any() for each in seen):
        problems = f"{len(seen)} problems" if len(seen) > 1 else "the one problem"
        message = f"dS and the numerical gradient are 0 in all {count(flat)} entries of {problems}: nothing was tested"
        hint = "try larger or smaller scores, or more classes; if that changes nothing, the value does not depend on S"
        if isinstance(seen[0].y, Arguments):
            hint = (
                "try other inputs; if that changes nothing, the value does not depend on those that are differentiated"
            )
        yield Finding("vacuous", "warning", message, hint)


def truncated(evidence: Evidence) -> Iterator[Finding]:
    """dS is whole everywhere, where neither the numerical gradient is nor N times it; of floats, made so in one way."""
    observations, integers = evidence.observations, any(seen.whole_numbers for seen in evidence.wrong)
    if not all(np.array_equal(seen.analytic, np.rint(seen.analytic)) for seen in observations):
        return
    dS, n, bounds, granted = known_entries(observations)
    N = np.repeat([seen.rows for seen in observations], [np.count_nonzero(seen.known) for seen in observations])
    error, least = bounds + granted, 0 if integers else SEVERAL
    way = made_whole(dS, n, error, least)
    if not way and (of_sum := made_whole(dS, N * n, N * error, least)):
        way = f"N times {of_sum}"
    if not way:
        is_a_factor = all(factor_at(evidence, seen, seen.known) for seen in observations)
        if not integers or is_a_factor or not are_fractions(N * n, N * error).any():
            return
    came = "came as an array of integers" if integers else "holds whole numbers only"
    hint = "look for round, rint, floor, //, int or astype(int) on the way to dS"
    if integers:
        hint = "make dS an array of floats before fractions are written to it: np.zeros(shape), astype(float)"
        if "rounded down" in way:
            hint = "// divides whole numbers and rounds down: make dS float, astype(float), and divide it with /"
    message = f"dS {came}{f': {way}' if way else ''}; {largest_error(evidence)}"
    yield Finding("truncated-to-integer", "error", message, hint)


def made_whole(dS: FloatArray, n: FloatArray, error: FloatArray, least: int) -> str:
    """How dS is n, known within an error, made whole: in words; empty for no way, or too few fractions not made 0."""
    fractions = are_fractions(n, error)
    if not fractions.any() or np.count_nonzero(fractions & (dS != 0)) < least:
        return ""
    found = (how for how, whole in WAYS.items() if np.all((whole(n - error) <= dS) & (dS <= whole(n + error))))
    return f"the numerical gradient {how}" if (how := next(found, "")) else ""


def are_fractions(n: FloatArray, error: FloatArray) -> BoolArray:
    """Which numbers, known within errors, are farther from any whole number than ten of them."""
    return np.asarray(np.floor(n + SLACK * error) < np.ceil(n - SLACK * error))


def not_the_mean(evidence: Evidence) -> Iterator[Finding]:
    """All rows have the same weight, and it is neither 1/N nor 1."""
    observations = evidence.observations
    if observations and not any(seen.by_rows for seen in observations):
        weight = _constant_weight(evidence) or _weight_by_size(evidence)
        if weight:
            hint = "divide value and dS by N = S.shape[0], and once: then a step has the same size at every batch size"
            yield Finding("not-the-mean", "warning", f"each row counts {weight}; a mean has 1/N, a sum 1", hint)


def _constant_weight(evidence: Evidence) -> str:
    """The multiple of the sum of a built-in's rows that the value is, if it is not 1; else empty."""
    observations = [seen for seen in evidence.observations if not seen.is_round]
    if len({seen.rows for seen in observations}) < 2:  # a constant cannot be told from a function of N
        return ""
    values = Values(observations)
    for known in known_losses():
        means = None if known.mistake or known.built_in == "squared-error" else values.means(known)  # its 1/2 varies
        weight = None if means is None else values.multiple(values.rows * means)
        if weight is not None and not isclose(weight, 1, rel_tol=_RTOL):
            return f"{constant_law(around(weight, _RTOL))} of {known.built_in}'s, at every N"
    return ""


def _weight_by_size(evidence: Evidence) -> str:
    """What each row counts of its value as a batch of its own, by N; empty if that is unknown, or rows differ."""
    weights: dict[int, float] = {}
    for seen in sorted(evidence.observations, key=lambda seen: seen.rows):
        weight = seen.row_weight
        if weight is not None and not isclose(weights.setdefault(seen.rows, weight), weight, rel_tol=_RTOL):
            return ""
    if not weights or not _rows_add_up(evidence):
        return ""
    shown = ", ".join(f"{constant_law(around(weight, _RTOL))} at N = {N}" for N, weight in weights.items())
    return f"{shown} of its value alone"


def _rows_add_up(evidence: Evidence) -> bool:
    """Whether the rows' own values, none of them 0, times the weight add up to the batch's. One call for each row."""
    ask, found = evidence.inspect or evidence.ask, False
    weighed = [seen for seen in evidence.observations if seen.row_weight is not None and seen.rows <= _ROWS]
    for seen in sorted(weighed, key=lambda seen: seen.rows)[:_PROBLEMS]:
        S = seen.S + np.random.default_rng(seen.S.shape).normal(size=seen.S.shape)
        value, weight = ask.evaluate(S, seen.y).value, seen.row_weight or 0.0
        alone = np.array([ask.evaluate(S[i : i + 1], seen.y[i : i + 1]).value for i in range(seen.rows)])
        if np.min(np.abs(alone)) > _RTOL * np.max(np.abs(alone)):
            found = True
            if not abs(value - weight * float(np.sum(alone))) <= _RTOL * abs(weight) * float(np.sum(np.abs(alone))):
                return False
    return found


def not_a_gradient(evidence: Evidence) -> Iterator[Finding]:
    """The Jacobian J of dS is not symmetric: the second derivatives of any function are (Schwarz's theorem)."""
    if threshold(evidence):  # a place says more
        return
    # Near a kink the two slopes may be taken on different sides of it; kinks are likely at round scores.
    smooth = [seen for seen in evidence.wrong if seen.S.size > 1 and not seen.is_round]
    for seen in sorted(smooth, key=lambda seen: -seen.rows)[:_PROBLEMS]:
        d1, d2 = np.random.default_rng(seen.S.shape).normal(size=(2, *seen.S.shape))
        (first, error), (second, other_error) = _slope(evidence, seen, d2, d1), _slope(evidence, seen, d1, d2)
        if abs(first - second) > _DIFFERENT * (error + other_error):
            digits = next(d for d in range(6, 18) if f"{first:.{d - 2}g}" != f"{second:.{d - 2}g}" or d == 17)
            message = "dS is not the gradient of any function, because its Jacobian J is not symmetric: along two "
            message += f"random directions d1·J·d2 = {first:.{digits}g} and d2·J·d1 = {second:.{digits}g} "
            message += f"({drawn(seen)})"
            hint = "look at dS, not the value: what depends on S is treated as a constant, or a term is missing"
            yield Finding("not-a-gradient", "error", message, hint)
            return


def _slope(evidence: Evidence, seen: Case, along: FloatArray, onto: FloatArray) -> tuple[float, float]:
    """onto·J·along by a central difference of dS, and a bound on its error. Four calls."""
    size = np.abs(seen.analytic)
    rounding = np.maximum(seen.granted, np.finfo(np.float64).eps * size)
    h = float(np.clip(np.cbrt(np.max(rounding) / max(np.max(size), 1e-300)), *_STEPS))

    def central(h: float) -> float:
        after, before = (evidence.ask.evaluate(seen.S + t * along, seen.y, np.float64).gradient for t in (h, -h))
        return float(np.sum(onto * (after - before))) / (2 * h)

    fine, coarse = central(h), central(2 * h)
    return fine, abs(fine - coarse) + float(np.linalg.norm(onto * rounding)) / h


def no_known_cause(evidence: Evidence) -> Iterator[Finding]:
    """The last rule: it names the places where dS is wrong."""
    hint = "compare the terms of dS with the derivatives of the value's terms at these entries; `-v` lists them"
    message = f"no known cause fits; dS is {wrong_places(evidence)}"
    yield Finding("gradient-of-another-loss", "error", message, hint)
