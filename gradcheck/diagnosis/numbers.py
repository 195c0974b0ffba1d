"""Numbers that are known within bounds: intervals, simple fractions, and laws k N^a C^b over several problems."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from itertools import product

import numpy as np

from gradcheck.report import FloatArray

#: Denominators of simple fractions.
_DENOMINATORS = (*range(1, 17), 20, 25, 50, 100)
#: The largest q of 1/q: batches are no larger.
_LARGEST_BATCH = 2**20
#: A fraction that a random number would meet more often than this says nothing.
_CHANCE = 0.01
#: Numbers below this are too small to divide by.
_TINY = 1e-280
#: A constant that is known less well than this, relative to its size, is not known.
_WIDE = 1e-2

_EPSILONS = {f"{name}'s epsilon": float(np.finfo(name).eps) for name in ("float32", "float64")}
_LOGS = {"log 2": math.log(2), "1/log 2": 1 / math.log(2), "log 10": math.log(10), "1/log 10": 1 / math.log(10)}
_CONSTANTS = {**_LOGS, "pi": math.pi, "1/pi": 1 / math.pi, "2 pi": 2 * math.pi, "sqrt 2": math.sqrt(2), **_EPSILONS}


# --- fractions and constants ------------------------------------------------------------------------------


def fraction_of(number: float, tolerance: float) -> Fraction | None:
    """The simplest fraction within a tolerance of a number: of small denominator, of two decimals, or 1/q.

    Fractions with denominators up to q are about 3 q^2 / pi^2 to a unit of length (the sum of Euler's totients), so
    a random number is within t of one with a probability of about 0.6 q^2 t.

    Returns:
        None where there is no simple fraction, or only by coincidence.

    Example:
        >>> fraction_of(0.33333333, 1e-7), fraction_of(0.693147, 1e-7), fraction_of(1 / 128, 1e-9)
        (Fraction(1, 3), None, Fraction(1, 128))
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


def constant_of(number: float, tolerance: float) -> str:
    """The name of the known constant within a tolerance of a number, for example ``log 2``; empty for none."""
    if not tolerance <= _CHANCE / len(_CONSTANTS) * abs(number):
        return ""
    for name, value in _CONSTANTS.items():
        if abs(abs(number) - value) <= tolerance + 4 * math.ulp(value):
            return f"-{name}" if number < 0 else name
    return ""


def fraction_in_words(fraction: Fraction) -> str:
    """A fraction as one would write it: ``1/12``, but as a decimal where that is as short, ``0.9``."""
    decimal, ratio = plain(float(fraction)), str(fraction)
    is_decimal = fraction.denominator >= 10 and len(decimal) <= len(ratio) and Fraction(decimal) == fraction
    return decimal if is_decimal else ratio


def number_in_words(number: float, tolerance: float = 0.0) -> str:
    """A number as one would write it: a simple fraction, a known constant, or its first digits.

    Example:
        >>> [number_in_words(x, 1e-9) for x in (2.0, 1 / 3, 0.9, 0.05, 1.001, -0.25, 0.69314718056)]
        ['2', '1/3', '0.9', '0.05', '1.001', '-1/4', '0.693147 = log 2']
    """
    fraction = fraction_of(number, tolerance)
    if fraction is not None:
        return fraction_in_words(fraction)
    name = constant_of(number, tolerance)
    return f"{plain(number)} = {name}" if name else plain(number)


def plain(number: float, digits: int = 6) -> str:
    """So many digits at most, and a short exponent: ``1e-8``."""
    return f"{number:.{digits}g}".replace("e-0", "e-").replace("e+0", "e+")


# --- intervals --------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Interval:
    """Where a number is known to lie; without bounds where nothing is known of it."""

    low: float = -math.inf
    high: float = math.inf

    @property
    def is_bounded(self) -> bool:
        return math.isfinite(self.low) and math.isfinite(self.high)

    @property
    def middle(self) -> float:
        return self.low + (self.high - self.low) / 2

    @property
    def radius(self) -> float:
        return (self.high - self.low) / 2


def meet(intervals: Iterable[Interval]) -> Interval | None:
    """The intersection of several intervals; None where it is empty."""
    low, high = -math.inf, math.inf
    for each in intervals:
        low, high = max(low, each.low), min(high, each.high)
    return Interval(low, high) if low <= high else None


def multiplier(
    x: FloatArray, target: FloatArray, slack: FloatArray, error: FloatArray | float = 0.0
) -> Interval | None:
    """All c with ``abs(target - c x) <= slack + abs(c) error`` in every entry.

    Where ``abs(x) > error`` that is c = target / x within (slack + abs(target / x) error) / (abs(x) - error); other
    entries only say whether any such c is large enough.

    Args:
        x, target: arrays of one shape.
        slack: how far the target may be off; at least 0.
        error: how far x itself may be off; at least 0.

    Returns:
        None where there is no such c; without bounds where no entry determines it.

    Example:
        >>> multiplier(np.array([1.0, 2.0]), np.array([3.0, 6.0]), np.array([0.5, 0.5]))
        Interval(low=2.75, high=3.25)
    """
    error = np.broadcast_to(error, x.shape)
    known = np.abs(x) > np.maximum(error, _TINY)
    c = target[known] / x[known]
    radius = (slack[known] + np.abs(c) * error[known]) / (np.abs(x[known]) - error[known])
    low, high = float(np.max(c - radius, initial=-math.inf)), float(np.min(c + radius, initial=math.inf))
    most = (np.abs(x) + error)[~known]
    reach = np.multiply(max(abs(low), abs(high)), most, where=most > 0, out=np.zeros(len(most)))
    return Interval(low, high) if low <= high and np.all(np.abs(target[~known]) <= slack[~known] + reach) else None


# --- laws -------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Law:
    """A number that is k N^a C^b in every problem.

    Attributes:
        constant: k.
        rows, classes: a and b.
        fraction: k, where it is a simple fraction.
        name: of k, where it is a known constant.
        alternative: what the number may be as well, and why that cannot be decided; empty where it can.
    """

    constant: float
    rows: int = 0
    classes: int = 0
    fraction: Fraction | None = None
    name: str = ""
    alternative: str = field(default="", compare=False)

    @classmethod
    def simple(cls, fraction: Fraction | int, rows: int = 0) -> Law:
        """fraction N^rows."""
        return cls(float(fraction), rows, fraction=Fraction(fraction))

    @property
    def is_one(self) -> bool:
        return self.constant == 1 and not self.rows and not self.classes

    @property
    def is_zero(self) -> bool:
        return self.constant == 0

    @property
    def is_free(self) -> bool:
        """k was measured, and is none of the numbers that people write."""
        return self.fraction is None and not self.name

    @property
    def size(self) -> Law:
        """The law without its sign."""
        fraction = None if self.fraction is None else abs(self.fraction)
        return replace(self, constant=abs(self.constant), fraction=fraction, name=self.name.lstrip("-"))

    def over(self, other: Law) -> Law:
        """The quotient of two laws."""
        fraction = None if self.fraction is None or not other.fraction else self.fraction / other.fraction
        rows, classes = self.rows - other.rows, self.classes - other.classes
        return Law(self.constant / other.constant, rows, classes, fraction)

    @property
    def cost(self) -> float:
        """How far a law is from simple: N before C, because values are means over N; both before constants."""
        powers = (0.0, 1.0, 4.0)[abs(self.rows)] + (0.0, 2.5, 5.0)[abs(self.classes)]
        if self.fraction is None:
            return powers + (6 if self.name else 12)
        p, q = abs(self.fraction.numerator), self.fraction.denominator
        return powers + (min(1 + math.log2(p * q), 11) if p * q > 1 else 0)

    def at(self, rows: int, classes: int) -> float:
        """The number at N and C."""
        return self.constant * float(rows) ** self.rows * float(classes) ** self.classes

    def of(self, term: str = "") -> str:
        """The law times a term, as one would write it.

        Example:
            >>> Law.simple(-2, rows=-1).of("1{j=y}"), Law.simple(Fraction(1, 3), rows=-1).of("p_j")
            ('-2·1{j=y}/N', 'p_j/(3N)')
        """
        letters = (("N", self.rows), ("C", self.classes))
        above, below = ("".join(_power(letter, sign * a) for letter, a in letters) for sign in (1, -1))
        number = self.name.removeprefix("-") or plain(abs(self.constant), 10)
        if self.fraction is not None:
            number = fraction_in_words(abs(self.fraction))
        elif self.name and not (above or below or term):
            number = f"{plain(abs(self.constant))} ({number})"
        number, _, divisor = number.partition("/") if self.fraction is not None else (number, "", "")
        top = "·".join([each for each in (f"{'' if number == '1' else number}{above}", term) if each]) or "1"
        bottom = f"{divisor}{below}"
        if bottom:
            top += f"/{bottom}" if len(bottom.removesuffix("^2")) == 1 or bottom.isdigit() else f"/({bottom})"
        return f"-{top}" if self.constant < 0 else top

    def __str__(self) -> str:
        """The law as one would write it, such as ``-N/2`` or ``4/(5N)``."""
        return self.of()


#: The law of what is 1 everywhere.
ONE = Law.simple(1)


def simplest_law(known: Sequence[tuple[int, int, Interval]], rows: int = 2, classes: int = 2) -> Law | None:
    """The simplest k N^a C^b that a number follows in all problems.

    Each a and b leaves an interval for k, and in it lies a fraction, a known constant or neither; ``Law.cost`` says
    what is simpler.

    Args:
        known: N, C and where the number lies, for each problem.
        rows, classes: the largest powers of N and of C, up or down.

    Returns:
        None where there is no such law, or nothing is known of the number.

    Example:
        >>> str(simplest_law([(N, 5, Interval(-2 * N - 1e-9, -2 * N + 1e-9)) for N in (1, 3, 8)]))
        '-2N'
    """
    bounded = [each for each in known if each[2].is_bounded]
    if not bounded:
        return None
    sizes, counts = {N for N, _, _ in bounded}, {C for _, C, _ in bounded}
    laws = []
    powers_of_rows = range(-rows, rows + 1) if sizes != {1} else (0,)
    for a, b in product(powers_of_rows, range(-classes, classes + 1) if counts != {1} else (0,)):
        if a and b and len(sizes) == len(counts) == 1:  # any number is close to some k N^a C^b of one N and C
            continue
        units = [float(N) ** a * float(C) ** b for N, C, _ in known]
        k = meet(Interval(each.low / unit, each.high / unit) for unit, (_, _, each) in zip(units, known, strict=True))
        law = None if k is None else _with_constant(k, a, b)
        if law is not None and not (law.is_zero and (a or b)):
            laws.append(law)
    if not laws:
        return None
    # Where one N alone was tried, N/3 is no simpler than a constant.
    best = min(laws, key=lambda law: law.cost + 2 * (len(sizes) == 1 and law.rows != 0 and abs(law.constant) != 1))
    return replace(best, alternative=_alternative(best, sizes, counts))


def _with_constant(k: Interval, a: int, b: int) -> Law | None:
    fraction = fraction_of(k.middle, k.radius)
    if fraction is not None:
        return Law(float(fraction), a, b, fraction)
    if k.radius > _WIDE * abs(k.middle):
        return None
    name = constant_of(k.middle, k.radius)
    shortened = (float(f"{k.middle:.{digits}g}") for digits in range(1, 17))
    short = next((each for each in shortened if k.low <= each <= k.high), k.middle)
    return Law(k.middle if name else short, a, b, name=name)


def _alternative(law: Law, sizes: set[int], counts: set[int]) -> str:
    """What a law that was seen at one N or C alone may be as well, and why."""
    by_n, by_c = law.rows != 0 and len(sizes) == 1, law.classes != 0 and len(counts) == 1
    if not by_n and not by_c:
        return ""
    N, C = min(sizes) if by_n else 1, min(counts) if by_c else 1
    rows, classes = law.rows if by_n else 0, law.classes if by_c else 0
    by = 1 / (Fraction(N) ** rows * Fraction(C) ** classes)
    other = law.over(Law(float(by), rows, classes, by))
    return f"{other}: only {' and '.join([f'N = {N}'] * by_n + [f'C = {C}'] * by_c)} was tried"


def _power(letter: str, power: int) -> str:
    return "" if power < 1 else letter if power == 1 else f"{letter}^{power}"
