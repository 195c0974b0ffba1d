"""Numbers known within bounds: intervals, fractions, laws k N^a C^b; the laws of c and d in dS = c n + d x."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from itertools import product

import numpy as np

from gradcheck.checking.evidence import Case, Evidence
from gradcheck.numerics.differences import EPS
from gradcheck.report import BoolArray, FloatArray

#: Denominators of simple fractions, and the largest q of 1/q: batches are no larger.
_DENOMINATORS, _LARGEST_BATCH = (*range(1, 17), 20, 25, 50, 100), 2**20
#: A fraction that a random number would meet more often than this says nothing.
_CHANCE = 0.01
#: Numbers below this are too small to divide by.
TINY = 1e-280
#: A constant that is known less well than this, relative to its size, is not known.
_WIDE = 1e-2

_LOGS = {"log 2": math.log(2), "1/log 2": 1 / math.log(2), "log 10": math.log(10), "1/log 10": 1 / math.log(10)}
_CONSTANTS = {**_LOGS, "pi": math.pi, "1/pi": 1 / math.pi, "2 pi": 2 * math.pi, "sqrt 2": math.sqrt(2)}


@dataclass(frozen=True)
class Interval:
    """Where a number is known to lie; without bounds where nothing is known of it."""

    low: float = -math.inf
    high: float = math.inf

    @property
    def middle(self) -> float:
        return self.low + self.radius

    @property
    def radius(self) -> float:
        return (self.high - self.low) / 2

    def within(self, other: Interval) -> Interval:
        """The numbers that both hold; of negative radius where there are none."""
        return Interval(max(self.low, other.low), min(self.high, other.high))


def around(number: float, rtol: float) -> Interval:
    """The numbers that differ from another one by at most a part of it."""
    return Interval(number - rtol * abs(number), number + rtol * abs(number))


def fraction_of(number: float, tolerance: float) -> Fraction | None:
    """The simplest fraction within a tolerance of a number, of small denominator or 1/q; None for a coincidence.

    Fractions with denominators up to q are about 3 q^2 / pi^2 to a unit of length (the sum of Euler's totients), so
    a random number is within t of one with a probability of about 0.6 q^2 t.
    """
    if not (math.isfinite(number) and math.isfinite(tolerance)):
        return None
    slack = tolerance + 4 * math.ulp(number)
    inverse = max(1, round(1 / abs(number))) if abs(number) > 1 / _LARGEST_BATCH else 1
    for q in (*_DENOMINATORS, inverse):
        p = round(number * q)
        if abs(p / q - number) <= slack and 0.6 * q**2 * tolerance <= _CHANCE:
            return Fraction(p, q)
    return None


def multiplier(
    x: FloatArray, target: FloatArray, slack: FloatArray, error: FloatArray | float = 0.0
) -> Interval | None:
    """All c with ``abs(target - c x) <= slack + abs(c) error`` in every entry, arrays of one shape; None for no such c.

    Where ``abs(x) > error`` that is c = target / x within (slack + abs(target / x) error) / (abs(x) - error); other
    entries only say whether any such c is large enough.
    """
    error = np.broadcast_to(error, x.shape)
    known = np.abs(x) > np.maximum(error, TINY)
    c = target[known] / x[known]
    radius = (slack[known] + np.abs(c) * error[known]) / (np.abs(x[known]) - error[known])
    low, high = float(np.max(c - radius, initial=-math.inf)), float(np.min(c + radius, initial=math.inf))
    most = (np.abs(x) + error)[~known]
    reach = np.multiply(max(abs(low), abs(high)), most, where=most > 0, out=np.zeros(len(most)))
    return Interval(low, high) if low <= high and np.all(np.abs(target[~known]) <= slack[~known] + reach) else None


@dataclass(frozen=True)
class Law:
    """A number that is k N^rows C^classes in every problem."""

    k: Fraction | float  #: a fraction where it is a simple one
    rows: int = 0
    classes: int = 0
    name: str = ""  #: of k, where it is a known constant
    alternative: str = field(default="", compare=False)  #: what it may be as well, and why that cannot be decided

    @property
    def is_one(self) -> bool:
        return self.k == 1 and not self.rows and not self.classes

    @property
    def is_free(self) -> bool:
        """k was measured, and is none of the numbers that people write."""
        return not isinstance(self.k, Fraction) and not self.name

    @property
    def size(self) -> Law:
        """The law without its sign."""
        return replace(self, k=self.k if self.k > 0 else -self.k, name=self.name.lstrip("-"))

    @property
    def cost(self) -> float:
        """How far a law is from simple: N before C, because values are means over N; both before constants."""
        powers = (0.0, 1.0, 4.0)[abs(self.rows)] + (0.0, 2.5, 5.0)[abs(self.classes)]
        if not isinstance(self.k, Fraction):
            return powers + (6 if self.name else 12)
        pq = abs(self.k.numerator) * self.k.denominator
        return powers + (min(1 + math.log2(pq), 11) if pq > 1 else 0)

    def at(self, rows: int, classes: int) -> float:
        """The number at N and C."""
        return float(self.k) * float(rows) ** self.rows * float(classes) ** self.classes

    def of(self, term: str = "") -> str:
        """The law times a term, as one would write it.

        Example:
            >>> Law(Fraction(-2), rows=-1).of("1{j=y}"), Law(Fraction(1, 3), rows=-1).of("p_j"), Law(0.9).of()
            ('-2·1{j=y}/N', 'p_j/(3N)', '0.9')
        """
        powers = {"N": self.rows, "C": self.classes}
        above, below = (
            "".join(letter + f"^{abs(a)}" * (abs(a) > 1) for letter, a in powers.items() if sign * a > 0)
            for sign in (1, -1)
        )
        number, divisor = self.name.removeprefix("-") or plain(abs(float(self.k)), 10), ""
        if isinstance(self.k, Fraction):
            number, _, divisor = _fraction_in_words(abs(self.k)).partition("/")
        elif self.name and not (above or below or term):
            number = f"{plain(abs(float(self.k)))} ({number})"
        top = "·".join(filter(None, (f"{'' if number == '1' else number}{above}", term))) or "1"
        bottom = f"{divisor}{below}"
        if bottom:
            top += f"/{bottom}" if len(bottom.removesuffix("^2")) == 1 or bottom.isdigit() else f"/({bottom})"
        return f"-{top}" if self.k < 0 else top

    def __str__(self) -> str:
        """The law as one would write it, such as ``-N/2`` or ``4/(5N)``."""
        return self.of()


#: The law of what is 1 everywhere.
ONE = Law(Fraction(1))


def constant_law(k: Interval, rows: int = 0, classes: int = 0) -> Law | None:
    """The law whose k is the simplest number in an interval: a fraction, a known constant or the shortest decimal.

    None where the interval is empty, or too wide to tell.

    Example:
        >>> [str(constant_law(around(x, 1e-9))) for x in (2.0, 1 / 3, 0.9, 1.001, -0.25, 0.69314718056)]
        ['2', '1/3', '0.9', '1.001', '-1/4', '0.693147 (log 2)']
    """
    number, tolerance = k.middle, k.radius
    fraction = fraction_of(number, tolerance)
    if fraction is not None and tolerance >= 0:
        return Law(fraction, rows, classes)
    if not 0 <= tolerance <= _WIDE * abs(number):
        return None
    if tolerance <= _CHANCE / len(_CONSTANTS) * abs(number):
        for name, value in _CONSTANTS.items():
            if abs(abs(number) - value) <= tolerance + 4 * math.ulp(value):
                return Law(number, rows, classes, f"-{name}" if number < 0 else name)
    shortened = (float(f"{number:.{digits}g}") for digits in range(1, 17))
    return Law(next((each for each in shortened if k.low <= each <= k.high), number), rows, classes)


def simplest_law(known: Sequence[tuple[int, int, Interval]], classes: int = 2) -> Law | None:
    """The simplest k N^a C^b that a number follows in all problems; None for no such law, or if nothing is known of it.

    Each a and b leaves an interval for k; ``Law.cost`` says which of the laws is simpler. Of each problem ``known`` has
    N, C and where the number lies; ``classes`` is the largest b, up or down.

    Example:
        >>> str(simplest_law([(N, 5, Interval(-2 * N - 1e-9, -2 * N + 1e-9)) for N in (1, 3, 8)]))
        '-2N'
    """
    bounded = [each for each in known if math.isfinite(each[2].radius)]
    if not bounded:
        return None
    sizes, counts = {N for N, _, _ in bounded}, {C for _, C, _ in bounded}
    laws, powers_of_rows = [], range(-2, 3) if sizes != {1} else (0,)
    for a, b in product(powers_of_rows, range(-classes, classes + 1) if counts != {1} else (0,)):
        if a and b and len(sizes) == len(counts) == 1:  # any number is close to some k N^a C^b of one N and C
            continue
        units = [(float(N) ** a * float(C) ** b, each) for N, C, each in bounded]
        k = Interval(max(each.low / unit for unit, each in units), min(each.high / unit for unit, each in units))
        law = constant_law(k, a, b)
        if law is not None and not (law.k == 0 and (a or b)):
            laws.append(law)
    if not laws:
        return None
    # Where one N alone was tried, N/3 is no simpler than a constant.
    best = min(laws, key=lambda law: law.cost + 2 * (len(sizes) == 1 and law.rows != 0 and abs(law.k) != 1))
    return replace(best, alternative=_alternative(best, sizes, counts))


def _alternative(law: Law, sizes: set[int], counts: set[int]) -> str:
    """What a law that was seen at one N or C alone may be as well, and why."""
    k, powers, tried = law.k, {"N": law.rows, "C": law.classes}, []
    for letter, seen in (("N", sizes), ("C", counts)):
        if powers[letter] and len(seen) == 1:
            tried.append(f"{letter} = {min(seen)}")
            k *= Fraction(min(seen)) ** powers.pop(letter)
    other = Law(k, powers.get("N", 0), powers.get("C", 0))
    return f"{other}: only {' and '.join(tried)} was tried" if tried else ""


def _fraction_in_words(fraction: Fraction) -> str:
    """A fraction as one would write it: ``1/12``, but as a decimal where that is as short, ``0.9``."""
    decimal, ratio = plain(float(fraction)), str(fraction)
    is_decimal = fraction.denominator >= 10 and len(decimal) <= len(ratio) and Fraction(decimal) == fraction
    return decimal if is_decimal else ratio


def plain(number: float, digits: int = 6) -> str:
    """So many digits at most, and a short exponent: ``1e-8``."""
    return f"{number:.{digits}g}".replace("e-0", "e-").replace("e+0", "e+")


#: For each problem, N x C truth values.
Masks = Sequence[BoolArray]
#: Which entries of a problem: N x C truth values.
Where = Callable[[Case], BoolArray]
#: x, and how far off it may be: N x C each; None where labels of that kind have none.
Basis = Callable[[Case], tuple[FloatArray, FloatArray] | None]

#: Bounds are made for verdicts, which have a tolerance on top: by themselves they hold within this factor.
SLACK = 10.0
#: Rounding of what is computed here, relative to the problem's largest number.
_ROUNDING = 64 * EPS
#: A number below this many times its bound is not significant.
_SIGNIFICANT = 8.0
#: Where a part of dS is right, it is so within this part of the tolerance.
_PART = 0.02


@dataclass(frozen=True)
class Fit:
    """A coefficient's law, and how many known entries it holds in."""

    law: Law
    entries: int
    significant: Masks  #: the entries that determine it

    @property
    def rows(self) -> int:
        """Rows of all problems with a significant entry."""
        return sum(int(np.count_nonzero(each.any(axis=1))) for each in self.significant)


def everywhere(seen: Case) -> BoolArray:
    """Every entry."""
    return np.ones(seen.S.shape, dtype=bool)


def known_entries(observations: Sequence[Case]) -> FloatArray:
    """dS, the numerical gradient, its bounds and what is granted in the M entries of known derivative, 4 x M."""
    each_of = [(np.array([s.analytic, s.numerical, s.bounds, s.granted]), s.known) for s in observations]
    return np.concatenate([arrays[:, known] for arrays, known in each_of], axis=1)


def count(masks: Masks) -> int:
    """How many entries of all problems."""
    return sum(int(np.count_nonzero(each)) for each in masks)


def factor_fit(evidence: Evidence, where: Where = everywhere) -> Fit | None:
    """The law of c in dS = c n in some entries; None where there is none, or too few are significant to be sure."""
    observations = evidence.observations
    chosen = [where(seen) & seen.known for seen in observations]
    pairs = list(zip(observations, chosen, strict=True))
    determined = [each & significant(seen) for seen, each in pairs]
    fit = _fit(evidence, chosen, [factor_at(evidence, *pair) for pair in pairs], determined, classes=2)
    is_enough = fit is not None and count(determined) > 1 and (fit.rows > 1 or fit.law.size.is_one)
    return fit if is_enough else None


def significant(seen: Case) -> BoolArray:
    """N x C, where the numerical gradient is known not to be 0."""
    return np.asarray(seen.known & (np.abs(seen.numerical) > _SIGNIFICANT * seen.bounds))


def deviates(evidence: Evidence, seen: Case) -> BoolArray:
    """N x C, where dS is wrong, or clearly off and yet within the tolerance: not at round scores, of kinks and ties."""
    apart, size = np.abs(seen.analytic - seen.numerical), np.maximum(np.abs(seen.analytic), np.abs(seen.numerical))
    beyond = np.maximum(SLACK * (seen.bounds + seen.granted), _PART * evidence.rtol * size)
    return seen.wrong | (seen.known & (apart > beyond) & (not seen.is_round))


def factor_at(evidence: Evidence, seen: Case, chosen: BoolArray) -> Interval | None:
    """All c with dS = c n in some entries of one problem; None where there is no such c."""
    n, a = seen.numerical[chosen], seen.analytic[chosen]
    rounding = (evidence.rtol + 4 * EPS) * np.abs(a)
    return multiplier(n, a, seen.granted[chosen] + rounding, seen.bounds[chosen])


def slack(evidence: Evidence, seen: Case, size: FloatArray) -> FloatArray:
    """What two numbers of this size in the place of a derivative may differ by and be equal."""
    return np.asarray(SLACK * (seen.bounds + seen.granted) + (evidence.rtol + _ROUNDING) * np.abs(size))


def equal(evidence: Evidence, seen: Case, one: FloatArray, other: FloatArray, bounds: FloatArray | float = 0.0) -> bool:
    """Whether two arrays agree in all known entries; NaN agrees. ``bounds`` are of ``other``, where not its own."""
    allowed = slack(evidence, seen, np.maximum(np.abs(one), np.abs(other))) + SLACK * bounds
    return bool(np.all((np.abs(one - other) <= allowed) | ~seen.known | np.isnan(other)))


def term_fit(evidence: Evidence, basis: Basis, factor: Law = ONE, where: Where = everywhere) -> Fit | None:
    """The law of d in dS = c n + d x, in entries with finite x, where c follows ``factor``; None for none, or d = 0."""
    intervals, significant, known = [], [], [where(seen) & seen.known for seen in evidence.observations]
    for seen in evidence.observations:
        c = factor.at(seen.rows, seen.classes)
        values = basis(seen)
        if values is None:
            return None
        x, error = (np.broadcast_to(each, seen.S.shape) for each in values)
        chosen = where(seen) & seen.known & np.isfinite(x)
        target, scaled = seen.analytic - c * seen.numerical, np.abs(c * seen.numerical)
        largest = max(float(np.abs(seen.analytic).max()), float(scaled[chosen].max(initial=0.0)))
        slack = SLACK * (abs(c) * seen.bounds + seen.granted) + _ROUNDING * largest
        intervals.append(multiplier(x[chosen], target[chosen], slack[chosen], SLACK * error[chosen]))
        significant.append(chosen & (np.abs(target) > _SIGNIFICANT * slack))
    fit = _fit(evidence, known, intervals, significant, classes=1)
    return None if fit is None or fit.law.k == 0 else fit


def _fit(
    evidence: Evidence, chosen: Masks, intervals: Sequence[Interval | None], significant: Masks, classes: int
) -> Fit | None:
    """One law through the intervals of all problems."""
    pairs = zip(evidence.observations, intervals, strict=True)
    known = [(seen.rows, seen.classes, each) for seen, each in pairs if each is not None]
    law = simplest_law(known, classes=classes) if len(known) == len(intervals) else None
    return None if law is None else Fit(law, count(chosen), significant)
