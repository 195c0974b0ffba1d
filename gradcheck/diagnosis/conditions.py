"""dS is wrong under one condition alone, or by a factor of each label, class, place in the batch, batch or row."""

import math
from collections.abc import Callable, Iterator
from functools import partial
from itertools import product
from typing import Any

import numpy as np

from gradcheck.checking.evidence import Case, Evidence
from gradcheck.diagnosis.factors import NEAR_ONE
from gradcheck.diagnosis.known import labels_of, recognised
from gradcheck.diagnosis.numbers import Interval, Where, constant_law, count, deviates, factor_at, plain, significant
from gradcheck.diagnosis.places import CHANCE, CHANCE_OF_LABELS, relation, relation_in, zeros
from gradcheck.report import BoolArray, Finding, FloatArray

#: Of the rows, columns or entries that fulfil a condition this part is wrong; and so many numbers are listed.
_WRONG, _LISTED = 0.5, 6
#: So few numbers need no pattern.
FEW = 3


def _label(seen: Case) -> FloatArray:
    """N x 1; NaN where labels are no classes."""
    labels = labels_of(seen)
    return np.full((seen.rows, 1), np.nan) if labels is None else labels[:, np.newaxis].astype(np.float64)


def _above(seen: Case, labels: bool) -> FloatArray:
    """s_j - y_j, or s_j - s_y of class labels; NaN for other labels."""
    one_hot = np.where(np.isnan(_label(seen)), np.nan, np.arange(seen.classes) == _label(seen))
    if labels:
        return np.asarray(seen.S - np.sum(seen.S * one_hot, axis=1, keepdims=True))
    return np.asarray(seen.S - (seen.y if seen.y.shape == seen.S.shape else one_hot))


_LABELS = "look at what goes by the label: a class that is ignored, a weight of each class, a mask, a pair of labels"
_LOOPS = "look at loops, slices and chunks: where they begin and end, and their stride"
_BRANCH = "look at the branch, the mask or the clip that begins there, in the value and in dS"
_TERM = "look for what is 0 there, as a product with s_j: a term or a factor that is lost or has the wrong sign"
#: Whole numbers that broadcast to N x C, what wrong rows, or columns, of certain numbers are called, and the hint.
_NUMBERS: dict[str, tuple[Callable[[Case], Any], str, str]] = {
    "label": (_label, "rows with label", _LABELS),
    "row": (lambda seen: np.arange(seen.rows)[:, np.newaxis], "rows", _LOOPS),
    "row from the end": (lambda seen: np.arange(-seen.rows, 0)[:, np.newaxis], "rows", _LOOPS),
    "class": (lambda seen: np.arange(seen.classes), "classes", _LOOPS),
}
#: Numbers that wrong entries may lie beyond a threshold of.
_SCORES: dict[str, Callable[[Case], FloatArray]] = {
    "s_j": lambda seen: seen.S,
    "|s_j|": lambda seen: np.abs(seen.S),
    "s_j - s_y": lambda seen: _above(seen, labels=True),
    "s_j - y_j": lambda seen: _above(seen, labels=False),
    "|s_j - y_j|": lambda seen: np.abs(_above(seen, labels=False)),
}


_ORDERS = {">": np.greater, ">=": np.greater_equal, "<": np.less, "<=": np.less_equal}
#: In words, after "wrong only"; where it holds, N x C; what to look at.
Condition = tuple[str, Where, str]


def in_a_region(evidence: Evidence) -> Iterator[Finding]:
    """Wrong entries are where one condition holds, and not by coincidence, and most of those there are wrong."""
    # Where the value is known, ``value_known`` tells of thresholds.
    found = _set(evidence) or (None if any(recognised(evidence)) else threshold(evidence))
    if found is not None:
        words, where, hint = found
        wrong, inside = count([each.wrong for each in evidence.wrong]), count(list(map(where, evidence.observations)))
        there = relation(evidence, where)
        message = f"dS is wrong only {words}, {wrong} of {inside} entries{there and f'; {there}'}"
        yield Finding("one-region", "error", message, hint)


def _set(evidence: Evidence) -> Condition | None:
    """The set of labels, rows or classes that is the least likely to hold all wrong entries by coincidence."""
    found: list[tuple[float, int, Condition]] = []
    for k, (thing, (of, things, hint)) in enumerate(_NUMBERS.items()):
        off, shown, numbers = _flat(evidence, of, axis=0 if thing == "class" else 1)
        said, holds, alternatives = set_of(np.unique(numbers[off]).tolist(), np.unique(numbers[shown]).tolist())
        inside = holds(numbers) & shown
        is_exact = bool(said) and not np.any(inside & ~off)
        chance = math.log(alternatives) + _log_chance(off, inside, shown) if is_exact else math.inf
        if chance <= (CHANCE_OF_LABELS if hint == _LABELS else CHANCE):
            found.append((chance, k, (f"in {things} {said}", _where(of, holds), hint)))
    return min(found)[2] if found else None


def set_of(own: list[float], every: list[float]) -> tuple[str, Callable[[Any], Any], int]:
    """A set of numbers that holds all of their own: in words, as a condition, and how many would do as well."""
    listed = ", ".join(f"{each:g}" for each in own[:_LISTED]) + ", ..." * (len(own) > _LISTED)
    if len(own) > 1 and len({each % 2 for each in own}) == 1:
        return f"{listed} (every second)", lambda numbers: numbers % 2 == own[0] % 2, 2
    from_end = every[-1] == -1
    if 1 < len(own) < len(every) and own[-1] == every[-1]:
        said = f"{own[0]:g} and above{', counted from the end' * from_end}"
        return said, lambda numbers: numbers >= own[0], len(every)
    if 1 < len(own) < len(every) and own == every[:-1]:
        said = f"other than {'the last' if from_end else f'{every[-1]:g}'}"
        return said, lambda numbers: numbers != every[-1], len(every)
    if FEW < len(own) < len(every) and own[-1] - own[0] == len(own) - 1:
        run = f"{own[0]:g} to {own[-1]:g}"
        return run, lambda numbers: (own[0] <= numbers) & (numbers <= own[-1]), len(every) ** 2
    return listed if len(own) < len(every) else "", lambda numbers: np.isin(numbers, own), 2 ** len(every)


def fixed_indices(wrong: list[list[int]], sizes: list[int]) -> str:
    """The same indices in every problem, counted from the front or else from the back; empty if they are not."""
    for starts in ([0] * len(sizes), [-size for size in sizes]):
        numbers = [start + np.arange(size) for start, size in zip(starts, sizes, strict=True)]
        own = np.unique(np.concatenate([each[w] for each, w in zip(numbers, wrong, strict=True)])).tolist()
        every = np.unique(np.concatenate(numbers)).tolist()
        said, holds, alternatives = set_of(own, every)
        is_same = all(np.flatnonzero(holds(each)).tolist() == w for each, w in zip(numbers, wrong, strict=True))
        if said and is_same and (len(own) <= FEW or alternatives <= len(every) ** 2):
            return f"{'index' if len(own) == 1 else 'indices'} {said}"
    return ""


def threshold(evidence: Evidence) -> Condition | None:
    """A number beyond which all entries are wrong, and no others, or two between which they are; None for none."""
    for (words, of), at_round in product(_SCORES.items(), (True, False)):
        flat = _flat(evidence, of, at_round=at_round)
        one_hot = " (y one-hot)" if "y_j" in words and evidence.observations[0].y.ndim == 1 else ""
        if found := beyond(*flat):
            symbol, limit = found
            where = _where(of, _ORDERS[symbol], float(limit))
            if words.startswith("|") and symbol == ">" and limit == "0":
                return f"where {words.strip('|')} is not 0{one_hot}", where, _TERM
            return f"where {words} {symbol} {limit}{one_hot}", where, _BRANCH
        if between := _between(*flat):
            low, high = map(float, between)
            inside = _where(of, lambda numbers, low=low, high=high: (low < numbers) & (numbers < high))
            return f"where {between[0]} < {words} < {between[1]}{one_hot}", inside, _BRANCH
    return None


def beyond(off: BoolArray, shown: BoolArray, numbers: FloatArray) -> tuple[str, str] | None:
    """Of which side of which number all are that are off, and no others that are shown; None where it is by chance."""
    if np.isnan(numbers).any() or math.log(2 * shown.sum()) + _log_chance(off, off, shown) > CHANCE:
        return None
    for sign, symbol in ((1, ">"), (-1, "<")):
        low, high = np.max(sign * numbers[shown & ~off], initial=-np.inf), np.min(sign * numbers[off])
        if -np.inf < low < high and np.count_nonzero(off) >= _WRONG * np.count_nonzero(sign * numbers > low):
            limit = _short(low, high)
            return symbol + "=" * bool(limit == high), plain(sign * limit + 0.0, 15)
    return None


def _between(off: BoolArray, shown: BoolArray, numbers: FloatArray) -> tuple[str, str] | None:
    """Two numbers between which all are that are off, and no others that are shown, which lie to both sides."""
    if np.isnan(numbers).any() or 2 * math.log(shown.sum()) + _log_chance(off, off, shown) > CHANCE:
        return None
    right, least, most = numbers[shown & ~off], np.min(numbers[off]), np.max(numbers[off])
    below, above = right[right < least], right[right > most]
    if len(below) + len(above) < len(right) or not (len(below) and len(above)):
        return None
    return plain(_short(float(below.max()), float(least)), 15), plain(_short(float(most), float(above.min())), 15)


def _short(low: float, high: float) -> float:
    """The shortest decimal number from one number to another."""
    between = [0.0, *(float(f"{(low + high) / 2:.{digits}g}") for digits in range(1, 18))]
    return next(each for each in between if low <= each <= high)


def _where(of: Callable[[Case], Any], holds: Callable[..., Any], *limit: float) -> Where:
    return lambda seen: np.broadcast_to(holds(of(seen), *limit), seen.S.shape)


def _flat(
    evidence: Evidence, of: Callable[[Case], Any], axis: int | None = None, *, at_round: bool = True
) -> tuple[BoolArray, BoolArray, Any]:
    """Of all entries, rows (axis 1) or columns (axis 0): whether dS is off, whether one can see that, their numbers.

    What is right at round scores may be so by coincidence: it counts only if ``at_round``.
    """
    flat = []
    for seen in evidence.observations:
        off, numbers = deviates(evidence, seen), np.broadcast_to(of(seen), seen.S.shape)
        # A zero that is right may be one whatever dS was made of.
        shown = off | (seen.known & (seen.analytic != 0) & (at_round or not seen.is_round))
        if axis is not None:
            off, shown, numbers = np.asarray(off.any(axis)), np.asarray(shown.any(axis)), numbers.take(0, axis)
        flat.append((off.ravel(), shown.ravel(), numbers.ravel()))
    is_off, is_shown, all_numbers = map(np.concatenate, zip(*flat, strict=True))
    return is_off, is_shown, all_numbers


def _log_chance(off: BoolArray, inside: BoolArray, shown: BoolArray) -> float:
    """The logarithm of how likely all that is off would be inside by chance; infinite where most there is right."""
    w, r, R = (int(np.count_nonzero(each)) for each in (off, inside, shown))
    is_region = not np.any(off & ~inside) and w >= _WRONG * r
    return math.log(math.comb(r, w)) - math.log(math.comb(R, w)) if is_region else math.inf


def wrong_places(evidence: Evidence) -> str:
    """In how many entries dS is wrong, beyond which threshold, and an example; it follows "dS is"."""
    wrong, total = count([seen.wrong for seen in evidence.wrong]), sum(seen.S.size for seen in evidence.observations)
    only = f", only {found[0]}" if (found := threshold(evidence)) else ""
    there = relation_in(evidence, lambda seen: seen.wrong) or zeros(evidence.wrong)
    there = there and f"where dS is wrong, {there}; "
    return f"wrong in {wrong} of {total} entries{only}; {there}{largest_error(evidence)}"


def largest_error(evidence: Evidence) -> str:
    """The wrong entry with the largest error."""
    errors = [np.where(seen.wrong, np.abs(seen.analytic - seen.numerical), -1.0) for seen in evidence.wrong]
    error, seen = max(zip(errors, evidence.wrong, strict=True), key=lambda pair: float(np.max(pair[0])))
    at = int(np.argmax(error))
    place = [int(k) for k in np.unravel_index(at, error.shape)] or ""
    entry = f"dS{place} = {seen.analytic.flat[at]:.6g}, where the numerical gradient is {seen.numerical.flat[at]:.6g}"
    return f"the largest error is in {entry} ({drawn(seen)})"


def drawn(seen: Case) -> str:
    """How a problem was drawn, for the end of a message."""
    return f"batch size {seen.rows}{'' if seen.scores == 'inputs' else f', {seen.scores}'}, seed {seen.seed}"


#: Entries that must determine factors, beside two of each; and rows, beside the first with each factor.
_ENTRIES, _ROWS = 4, 3
#: A factor is known within this part of 1, and so many are shown.
_KNOWN, _SHOWN = 1e-3, 5
_WEIGHTS = "look for weights of this kind that only one of the value and dS has, or has twice"
_OUTER = (
    "look for what multiplies whole rows: a weight, a norm, a sum over the batch, or an outer function's derivative"
)
_SIZE, _BATCH, _OWN = "batch size", "batch", "row of all batches"
#: What has a factor, the hint, and its number, which broadcasts to N x C; NaN where there is none.
_GROUPS: dict[str, tuple[str, Callable[[Case], Any]]] = {
    _SIZE: ("", lambda seen: seen.rows),
    **{thing: (_WEIGHTS, of) for thing, (of, _, _) in _NUMBERS.items()},
    _BATCH: (_OUTER, id),
    _OWN: (_OUTER, lambda seen: id(seen) + np.arange(seen.rows)[:, np.newaxis]),
}


def _grouped(evidence: Evidence, things: tuple[str, ...]) -> Iterator[Finding]:
    """One c of each group, several of which are not 1; those that follow from N are left to ``batch_size``."""
    for thing in (_SIZE, *things):
        hint, of = _GROUPS[thing]
        factors = _factors(evidence, thing, of)
        off = [each for each in factors.values() if abs(each.middle - 1) > NEAR_ONE * evidence.rtol]
        if not off:
            continue
        if thing != _SIZE and max(each.low for each in off) > min(each.high for each in off):
            middles = [each.middle for each in off]
            said = f"from {min(middles):.6g} to {max(middles):.6g}"
            if thing in _NUMBERS:
                shown = [f"{constant_law(each)} for {thing} {key:g}" for key, each in list(factors.items())[:_SHOWN]]
                said = ", ".join(shown) + ", ..." * (len(factors) > _SHOWN)
            message = f"dS is the numerical gradient times a factor of each {thing}: {said}"
            yield Finding("row-factor", "error", message, hint)
        return


def _factors(evidence: Evidence, thing: str, of: Callable[[Case], Any]) -> dict[float, Interval]:
    """The factor of each group, over all problems; empty where one has none, or they are not well determined."""
    factors: dict[float, Interval] = {}
    rows = entries = 0
    for seen in evidence.observations:
        numbers = np.broadcast_to(of(seen), seen.S.shape)
        if np.isnan(numbers).any():
            return {}
        for group in np.unique(numbers).tolist():
            chosen = seen.known & (numbers == group)
            factor = factor_at(evidence, seen, chosen)
            if factor is None or (common := factor.within(factors.get(group, Interval()))).radius < 0:
                return {}
            if factor.radius <= _KNOWN * max(1.0, abs(factor.middle)):
                factors[group] = common
                determined = significant(seen) & chosen
                entries += int(np.count_nonzero(determined))
                rows += int(np.count_nonzero(determined.any(axis=1)))
    is_enough = entries - 2 * len(factors) >= _ENTRIES and (thing == _OWN or rows - len(factors) >= _ROWS)
    return dict(sorted(factors.items())) if is_enough else {}


#: dS = c n, with a c of each label, of each class or of each place in the batch; and of each batch, or row of all.
weights = partial(_grouped, things=("label", "class", "row"))
row_factors = partial(_grouped, things=(_BATCH, _OWN))
