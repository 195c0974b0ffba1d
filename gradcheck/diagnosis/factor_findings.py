"""A factor between dS and the numerical gradient, in the words of findings."""

from __future__ import annotations

from gradcheck.diagnosis.numbers import Law
from gradcheck.report import Finding

#: Codes of the findings that a factor gives, the most surprising first.
CODES = ("sign-flipped", "missing-mean", "averaged-twice", "constant-factor")

_SIGN = "look for a minus that is lost or one too many, in dS or in the value"
_MISSING_MEAN = "divide dS by N once, as the value is"
_TWICE = "look for a second division by N on the way to dS, or for a sum in the value where a mean is meant"
_CONSTANT = (
    "look for a factor that only one of the two has: the 2 of a square, a weight, a temperature, a logarithm's base"
)
_CLASSES = "look for a mean over all N·C entries (np.mean, dS.size) in one of the two, and over the N rows in the other"
#: Smaller numbers are factors of other kinds.
_SMALLEST_BATCH = 4
_BASES = {"log 2": "2", "log 10": "10"}


def factor_in_words(law: Law, where: str, beside: str = "") -> str:
    """What dS is, in a law of its factor.

    Args:
        law: of c in dS = c n.
        where: which entries, for example ``in all 45 entries``.
        beside: what else is to be said of them.

    Example:
        >>> from fractions import Fraction
        >>> factor_in_words(Law(-1.0, fraction=Fraction(-1)), "in all 45 entries")
        'dS = -1 times the numerical gradient in all 45 entries'
    """
    if law.is_zero:
        return f"dS is 0 {where}, and the numerical gradient is not{beside}"
    or_else = f" (or {law.alternative})" if law.alternative else ""
    return f"dS = {law} times the numerical gradient {where}{or_else}{beside}"


def factor_findings(law: Law, where: str, beside: str = "") -> list[Finding]:
    """All that is wrong with a factor: its sign, its power of N, what else there is; each a finding of its own.

    Arguments as for ``factor_in_words``.

    Example:
        >>> from fractions import Fraction
        >>> [each.code for each in factor_findings(Law(-2.0, rows=1, fraction=Fraction(-2)), "in all 45 entries")]
        ['sign-flipped', 'missing-mean', 'constant-factor']
    """
    said = factor_in_words(law, where, beside)
    told: list[tuple[str, str, str]] = []
    if law.constant < 0:
        told.append(("sign-flipped", "" if law.constant == -1 and not law.rows else "its sign is wrong", _SIGN))
    if law.rows > 0:
        told.append(("missing-mean", f"dS lacks a {_over_rows(law.rows)} that the value has", _MISSING_MEAN))
    if law.rows < 0:
        one_more = f"dS has {_over_rows(-law.rows)} once more than the value"
        told.append(("averaged-twice", f"{one_more}, or the value is a sum and lacks its own", _TWICE))
    if abs(law.constant) != 1 or law.classes:
        told.append(("constant-factor", *_constant(law)))
    return [Finding(code, "error", f"{said}: {tail}" if tail else said, hint) for code, tail, hint in told]


def _over_rows(power: int) -> str:
    return "1/N" if power == 1 else "1/N^2"


def _constant(law: Law) -> tuple[str, str]:
    if law.is_zero:
        return "", "look for where dS is filled: it is what it was made as"
    if law.classes:
        both = ("dS", "the value") if law.classes < 0 else ("the value", "dS")
        return f"{both[0]} is divided by C, as a mean over all N·C entries is, and {both[1]} is not", _CLASSES
    base = _BASES.get(law.name.removeprefix("-"))
    if base:
        return f"the value has a logarithm to base {base}, dS that of a natural one", _CONSTANT
    written = _written_size(law)
    if written:
        return f"as if the batch size were written as {written}", "take N from S.shape[0]"
    return "", _CONSTANT


def _written_size(law: Law) -> int | None:
    """The B of a factor N/B or B/N: where N is meant, the number B is written."""
    if abs(law.rows) != 1 or law.fraction is None:
        return None
    size = abs(law.fraction) ** -law.rows
    return int(size) if size.denominator == 1 and size >= _SMALLEST_BATCH else None
