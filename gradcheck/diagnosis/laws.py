"""What problems of several N and C tell of one number, and the simplest law k N^a C^b that it follows in all."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction

from gradcheck.diagnosis.fractions_ import constant_of, fraction_in_words, fraction_of
from gradcheck.diagnosis.intervals import Interval, meet

#: What is known of a constant no better than this part of it is not known.
_WIDE = 1e-2


@dataclass(frozen=True)
class Told:
    """What one problem tells of a number.

    Attributes:
        rows, classes: the problem's N and C.
        interval: where the number lies there.
    """

    rows: int
    classes: int
    interval: Interval


@dataclass(frozen=True)
class Law:
    """A number that is k N^a C^b in every problem.

    Attributes:
        constant: k.
        rows, classes: a and b.
        fraction: k, where it is a simple fraction.
        name: of k, where it is a known constant.
        alternative: what the number may be as well, and why that cannot be told; empty where it can.
    """

    constant: float
    rows: int = 0
    classes: int = 0
    fraction: Fraction | None = None
    name: str = ""
    alternative: str = field(default="", compare=False)

    @property
    def is_one(self) -> bool:
        return self.constant == 1 and not self.rows and not self.classes

    @property
    def is_zero(self) -> bool:
        return self.constant == 0

    @property
    def is_free(self) -> bool:
        """k is none of the numbers that people write: it was measured, not recognised."""
        return self.fraction is None and not self.name

    def at(self, rows: int, classes: int) -> float:
        """The number at N and C."""
        return self.constant * float(rows) ** self.rows * float(classes) ** self.classes

    def is_one_at(self, rows: int, classes: int) -> bool:
        """Whether the number is exactly 1 at N and C."""
        return (
            self.fraction is not None
            and self.fraction * Fraction(rows) ** self.rows * Fraction(classes) ** self.classes == 1
        )

    def __str__(self) -> str:
        """The law as one would write it.

        Example:
            >>> str(Law(-0.5, rows=1, fraction=Fraction(-1, 2))), str(Law(0.8, rows=-1, fraction=Fraction(4, 5)))
            ('-N/2', '4/(5N)')
            >>> str(Law(math.log(2), name="log 2")), str(Law(math.log(2), rows=-1, name="log 2"))
            ('0.693147 (log 2)', 'log 2/N')
            >>> str(Law(1.5003)), str(Law(1.5003, classes=2))
            ('1.5003', '1.5003·C^2')
            >>> str(Law(1 / 64, rows=1, fraction=Fraction(1, 64))), str(Law(0.1, rows=-2, fraction=Fraction(1, 10)))
            ('N/64', '0.1/N^2')
        """
        above = "".join(_power(letter, power) for letter, power in (("N", self.rows), ("C", self.classes)))
        below = "".join(_power(letter, -power) for letter, power in (("N", self.rows), ("C", self.classes)))
        sign = "-" if self.constant < 0 else ""
        if self.fraction is None:
            k = self.name.removeprefix("-") or f"{abs(self.constant):.10g}"
            if self.name and not above and not below:
                return f"{self.constant:.6g} ({self.name})"
            return sign + (f"{k}·{above}" if above else k) + _under(below)
        p, q = abs(self.fraction.numerator), self.fraction.denominator
        if not above and not below:
            return fraction_in_words(self.fraction)
        if q >= 10 and 100 % q == 0 and (p > 1 or not above):
            return sign + f"{p / q:g}" + (f"·{above}" if above else "") + _under(below)
        top = f"{p if p != 1 else ''}{above}" or "1"
        return sign + top + (f"/{q}" if q != 1 and not below else _under(f"{q if q != 1 else ''}{below}"))


#: The law of what is 1 everywhere.
ONE = Law(1.0, fraction=Fraction(1))


def simplest_law(told: Sequence[Told], rows: int = 2, classes: int = 2) -> Law | None:
    """The simplest k N^a C^b that a number follows in all problems.

    Each a and b leaves an interval for k, and in it stands a fraction, a known constant or neither. What is simpler is
    told by ``_cost``: N before C, for values are means over N; both before constants of their size.

    Args:
        told: what each problem tells.
        rows, classes: the largest powers of N and of C, up or down.

    Returns:
        None where there is no such law, or nothing tells of it.

    Example:
        >>> tight = lambda c: Interval(c - 1e-9, c + 1e-9)
        >>> str(simplest_law([Told(N, 5, tight(-2 * N)) for N in (1, 3, 8)]))
        '-2N'
        >>> law = simplest_law([Told(N, 5, tight(0.2)) for N in (1, 3, 8)])
        >>> str(law), law.alternative
        ('1/C', '1/5: only C = 5 was tried')
        >>> simplest_law([Told(1, 5, tight(1)), Told(3, 5, tight(2)), Told(8, 5, tight(9))]) is None
        True
    """
    bounded = [each for each in told if each.interval.is_bounded]
    if not bounded:
        return None
    sizes, counts = {each.rows for each in bounded}, {each.classes for each in bounded}
    laws = []
    for a in range(-rows, rows + 1) if sizes != {1} else (0,):
        for b in range(-classes, classes + 1) if counts != {1} else (0,):
            k = meet(each.interval.times(float(each.rows) ** -a * float(each.classes) ** -b) for each in told)
            if k is not None and (law := _with_constant(k, a, b)) is not None:
                laws.append(law)
    laws = [law for law in laws if not (law.is_zero and (law.rows or law.classes))]
    if not laws:
        return None
    # Of one N alone, N/3 is no simpler than a constant.
    best = min(laws, key=lambda law: _cost(law) + (2 if len(sizes) == 1 and law.rows and abs(law.constant) != 1 else 0))
    return Law(best.constant, best.rows, best.classes, best.fraction, best.name, _alternative(best, sizes, counts))


def _with_constant(k: Interval, a: int, b: int) -> Law | None:
    fraction = fraction_of(k.middle, k.radius)
    if fraction is not None:
        return Law(float(fraction), a, b, fraction)
    if k.radius > _WIDE * abs(k.middle):
        return None
    name = constant_of(k.middle, k.radius)
    return Law(k.middle if name else _shortest(k), a, b, name=name)


def _shortest(k: Interval) -> float:
    """The number of fewest digits in an interval."""
    shortened = (float(f"{k.middle:.{digits}g}") for digits in range(1, 17))
    return next((number for number in shortened if k.holds(number)), k.middle)


def _cost(law: Law) -> float:
    powers = (0.0, 1.0, 4.0)[abs(law.rows)] + (0.0, 2.5, 5.0)[abs(law.classes)]
    if law.fraction is not None:
        p, q = abs(law.fraction.numerator), law.fraction.denominator
        return powers + (1 + math.log2(p * q) if p * q > 1 else 0)
    return powers + (6 if law.name else 12)


def _alternative(law: Law, sizes: set[int], counts: set[int]) -> str:
    """What a law that was seen at one N or C alone may be as well, and why."""
    N = min(sizes) if len(sizes) == 1 else 0
    C = min(counts) if len(counts) == 1 else 0
    if (law.rows and N) or (law.classes and C):
        constant = Fraction(N or 1) ** law.rows * Fraction(C or 1) ** law.classes
        k = None if law.fraction is None else law.fraction * constant
        other = str(Law(law.constant * float(constant), 0 if N else law.rows, 0 if C else law.classes, k))
        alone = [f"N = {N}"] * bool(law.rows and N) + [f"C = {C}"] * bool(law.classes and C)
        return f"{other}: only {' and '.join(alone)} was tried"
    if law.fraction is not None and not law.rows and not law.classes:
        for letter, size in (("N", N), ("C", C)):
            if size > 1 and abs(law.fraction) in (size, Fraction(1, size)):
                sign, over = "-" if law.fraction < 0 else "", "" if abs(law.fraction) == size else "1/"
                return f"{sign}{over}{letter}: only {letter} = {size} was tried"
    return ""


def _power(letter: str, power: int) -> str:
    return "" if power < 1 else letter if power == 1 else f"{letter}^2"


def _under(below: str) -> str:
    return "" if not below else f"/{below}" if len(below.removesuffix("^2")) == 1 else f"/({below})"
