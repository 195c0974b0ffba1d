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
#: Smaller numbers are factors of other kinds than a batch size.
_SMALLEST_BATCH = 4


def factor_findings(law: Law, where: str, beside: str = "") -> list[Finding]:
    """All that is wrong with a factor: its sign, its power of N, what else there is; a finding for each.

    Args:
        law: of c in dS = c n.
        where: which entries, for example ``in all 45 entries``.
        beside: what else is to be said of them.

    Example:
        >>> [each.code for each in factor_findings(Law.simple(-2, rows=1), "in all 45 entries")]
        ['sign-flipped', 'missing-mean', 'constant-factor']
    """
    or_else = f" (or {law.alternative})" if law.alternative else ""
    said = f"dS = {law} times the numerical gradient {where}{or_else}{beside}"
    if law.is_zero:
        said = f"dS is 0 {where}, and the numerical gradient is not{beside}"
    told: list[tuple[str, str, str]] = []
    over_rows = "1/N" if abs(law.rows) == 1 else "1/N^2"
    if law.constant < 0:
        told.append(("sign-flipped", "" if law.constant == -1 and not law.rows else "its sign is wrong", _SIGN))
    if law.rows > 0:
        told.append(("missing-mean", f"dS lacks a {over_rows} that the value has", _MISSING_MEAN))
    if law.rows < 0:
        more = "dS is divided by N once more than the value" if law.rows == -1 else "dS has 1/N^2 more than the value"
        told.append(("averaged-twice", f"{more}, or the value is a sum where a mean is meant", _TWICE))
    if abs(law.constant) != 1 or law.classes:
        told.append(("constant-factor", *_constant(law)))
    return [Finding(code, "error", f"{said}: {tail}" if tail else said, hint) for code, tail, hint in told]


def _constant(law: Law) -> tuple[str, str]:
    if law.is_zero:
        return "", "look for where dS is filled: it is what it was made as"
    if law.classes:
        divided, other = ("dS", "the value") if law.classes < 0 else ("the value", "dS")
        return f"{divided} is divided by C, as a mean over all N·C entries is, and {other} is not", _CLASSES
    name = law.name.removeprefix("-")
    if name in ("log 2", "log 10"):
        return f"the value has a logarithm to base {name[4:]}, dS that of a natural one", _CONSTANT
    size = abs(law.fraction) ** -law.rows if law.fraction and abs(law.rows) == 1 else 0
    if size >= _SMALLEST_BATCH and size == int(size):  # N/B or B/N: where N is meant, the number B is written
        return f"as if the batch size were written as {size}", "take N from S.shape[0]"
    return "", _CONSTANT
