"""What a sum of terms is the gradient of."""

from __future__ import annotations

from fractions import Fraction

from gradcheck.diagnosis.notation import Coefficient, Fit, in_words, signed

_ONE, _HALF = Fraction(1), Fraction(1, 2)
_MARGINS = "max(0, s_m - s_y + 1)"

#: A term, and a multiple of what it is the derivative of by s_j, in one row.
_OF_A_TERM: dict[str, tuple[Fraction, str]] = {
    "p_j": (_ONE, "log sum_m e^{s_m}"),
    "1{j=y}": (_ONE, "s_y"),
    "1{j!=y}": (_ONE, "sum_{m!=y} s_m"),
    "1": (_ONE, "sum_m s_m"),
    "s_j": (_HALF, "sum_m s_m^2"),
    "1{j=y}s_j": (_HALF, "s_y^2"),
    "mean_m s_m": (_HALF, "(sum_m s_m)^2/C"),
    "sigmoid(s_j)": (_ONE, "sum_m log(1 + e^{s_m})"),
    "e^{s_j}": (_ONE, "sum_m e^{s_m}"),
    "tanh(s_j)": (_ONE, "sum_m log cosh(s_m)"),
    "1{s_j > 0}": (_ONE, "sum_m max(0, s_m)"),
    "y_j": (_ONE, "sum_m y_m·s_m"),
    "y_j·s_j": (_HALF, "sum_m y_m·s_m^2"),
    "p_j·sum_m y_m": (_ONE, "(sum_m y_m)·log sum_m e^{s_m}"),
}

#: Two terms of which neither is a derivative, the one minus the other.
_OF_TWO: dict[tuple[str, str], tuple[Fraction, str]] = {
    ("q_{j,y}1{j!=y}", "1{j=y}·sum_{m!=y} q_{m,y}"): (_ONE, f"sum_{{m!=y}} {_MARGINS}"),
    ("max(0, s_j - s_y + 1)·1{j!=y}", "1{j=y}·sum_{m!=y} max(0, s_m - s_y + 1)"): (
        _HALF,
        f"sum_{{m!=y}} {_MARGINS}^2",
    ),
    ("1{j=y}p_j", "p_y·p_j"): (_ONE, "p_y"),
    ("y_j·p_j", "p_j·sum_m y_m·p_m"): (_ONE, "sum_m y_m·p_m"),
}


def integral_of(fit: Fit) -> str | None:
    """What a sum of terms is the gradient of.

    Args:
        fit: the sum.

    Returns:
        For example ``mean(log sum_m e^{s_m} - s_y)``; None where it is no gradient, or not one of a mean or a sum over
        rows that can be written down.

    Example:
        >>> from gradcheck.diagnosis.dictionary import CLASS_TERMS
        >>> integral_of(Fit(((CLASS_TERMS[0], Coefficient(Fraction(1), power=1)),)))
        'mean(log sum_m e^{s_m})'
    """
    factors = {(by.power, by.by_classes) for _, by in fit.parts}
    if len(factors) != 1:
        return None
    left = {term.text: by.number for term, by in fit.parts}
    whole: list[tuple[Fraction, str]] = []
    for (first, second), (multiple, text) in _OF_TWO.items():
        if first in left and left[first] == -left.get(second, Fraction(0)):
            whole.append((multiple * left.pop(first), text))
            del left[second]
    if not left.keys() <= _OF_A_TERM.keys():
        return None
    whole += [(_OF_A_TERM[term][0] * number, _OF_A_TERM[term][1]) for term, number in left.items()]
    return _over_the_batch(whole, *factors.pop())


def _over_the_batch(whole: list[tuple[Fraction, str]], power: int, by_classes: tuple[str, str]) -> str:
    """A multiple that all have in common stands before the mean."""
    sizes = {abs(number) for number, _ in whole}
    common = sizes.pop() if len(sizes) == 1 else _ONE
    if all(number < 0 for number, _ in whole):
        common = -common
    inner = signed([(number / common < 0, _times(abs(number / common), text)) for number, text in whole])
    outer = Coefficient(common, max(power - 1, 0), by_classes)
    return ("-" if common < 0 else "") + outer.times(f"{'mean' if power else 'sum'}({inner})")


def _times(number: Fraction, text: str) -> str:
    above, below = in_words(number)
    if below:
        return f"({above}/{below})·{text}"
    return text if above == "1" else f"{above}·{text}"
