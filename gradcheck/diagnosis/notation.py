"""A sum of terms with simple coefficients, and how it is written: ``p_j/N - 1{j=y}/N``."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from gradcheck.diagnosis.dictionary import Term, View
from gradcheck.report import FloatArray

#: What a coefficient may be a multiple of, in the number of classes: above the line, below it, and its size.
BY_CLASSES: dict[tuple[str, str], Callable[[int], float]] = {
    ("", ""): lambda C: 1.0,
    ("", "C"): lambda C: 1 / C,
    ("(C-1)", ""): lambda C: C - 1.0,
    ("C", ""): lambda C: float(C),
    ("", "(C-1)"): lambda C: 1 / (C - 1) if C > 1 else np.nan,
}


@dataclass(frozen=True)
class Coefficient:
    """number / N^power, times a factor of the number of classes.

    Attributes:
        number: a simple fraction or a short decimal, not 0.
        power: 0, 1 or 2.
        by_classes: a key of ``BY_CLASSES``.

    Example:
        >>> Coefficient(Fraction(-2, 3), 1).at(4, 5)
        -0.16666666666666666
    """

    number: Fraction
    power: int = 1
    by_classes: tuple[str, str] = ("", "")

    def at(self, N: int, C: int) -> float:
        """The coefficient for N rows and C classes."""
        return float(self.number) * BY_CLASSES[self.by_classes](C) / float(N**self.power)

    def times(self, text: str) -> str:
        """|coefficient| times a term, as one would write it.

        Example:
            >>> Coefficient(Fraction(-2)).times("1{j=y}"), Coefficient(Fraction(1, 3)).times("p_j")
            ('2·1{j=y}/N', 'p_j/(3N)')
        """
        above, below = in_words(abs(self.number))
        by, over = self.by_classes
        product = [factor for factor in (above, by, text) if factor != "" and factor != "1"]
        divisor = [factor for factor in (below, ("", "N", "N^2")[self.power], over) if factor]
        line = "·".join(product) or "1"
        return f"{line}/({''.join(divisor)})" if len(divisor) > 1 else "/".join([line, *divisor])


def in_words(number: Fraction) -> tuple[str, str]:
    """What stands above the line of a fraction, and below it; the latter empty where it is 1 or a decimal is shorter.

    Example:
        >>> in_words(Fraction(2, 3)), in_words(Fraction(1, 10)), in_words(Fraction(7))
        (('2', '3'), ('0.1', ''), ('7', ''))
    """
    if number.denominator in (10, 20, 50) or number.denominator > 12 or number.numerator >= 1e5:
        return f"{float(number):g}", ""
    return str(number.numerator), "" if number.denominator == 1 else str(number.denominator)


def signed(parts: Sequence[tuple[bool, str]]) -> str:
    """A sum of products, each with whether it is subtracted; those that are added come first.

    Example:
        >>> signed([(True, "p_j/N"), (False, "1{j=y}/N")]), signed([(True, "s_j")]), signed([])
        ('1{j=y}/N - p_j/N', '-s_j', '0')
    """
    (is_negative, first), *others = sorted(parts, key=lambda part: part[0]) or [(False, "0")]
    return ("-" if is_negative else "") + first + "".join(f" {'-' if neg else '+'} {text}" for neg, text in others)


@dataclass(frozen=True)
class Fit:
    """A sum of terms that a gradient was found to be.

    Attributes:
        parts: each term with its coefficient, in the order of the dictionary; none for a gradient of 0.

    Example:
        >>> from gradcheck.diagnosis.dictionary import CLASS_TERMS
        >>> str(Fit(((CLASS_TERMS[0], Coefficient(Fraction(1))), (CLASS_TERMS[1], Coefficient(Fraction(-1))))))
        'p_j/N - 1{j=y}/N'
    """

    parts: tuple[tuple[Term, Coefficient], ...]

    def __str__(self) -> str:
        return signed([(by.number < 0, by.times(term.text)) for term, by in self.parts])

    def at(self, view: View) -> FloatArray:
        """The N x C values of the sum."""
        N, C = view.S.shape
        return np.asarray(sum((by.at(N, C) * term.of(view) for term, by in self.parts), np.zeros((N, C))))

    @property
    def complexity(self) -> tuple[float, ...]:
        """Of several that are the same function, the one with the least is the simplest: digits, then sizes."""
        powers = {(by.power, by.by_classes) for _, by in self.parts}
        digits = sum(len("".join(in_words(abs(by.number)))) for _, by in self.parts)
        return len(self.parts), len(powers), digits, float(sum(abs(by.number) for _, by in self.parts))
