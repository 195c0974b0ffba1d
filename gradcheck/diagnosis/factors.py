"""dS = c n in every entry, in their places, exchanged, or for other labels: what is wrong with c, and which labels."""

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from fractions import Fraction

import numpy as np

from gradcheck.checking.evidence import Case, Evidence
from gradcheck.diagnosis.known import labels_of
from gradcheck.diagnosis.numbers import Law, count, factor_fit
from gradcheck.report import BoolArray, Finding, IntArray

#: Codes of the findings that a factor gives, the most surprising first.
CODES = ("sign-flipped", "missing-mean", "averaged-twice", "constant-factor")
#: The end of a message of which there are others.
MORE_DEFECTS = ": more than one defect is at work"

_SIGN = "look for a minus that is lost or one too many, in dS or in the value"
_MISSING_MEAN = "divide dS by N once, as the value is"
_TWICE = "look for a second division by N on the way to dS, or for a sum in the value where a mean is meant"
_CONSTANT = "look for a factor that only one of the two has: the 2 of a square, a weight, a logarithm's base"
_CLASSES = "look for a mean over all N·C entries (np.mean, dS.size) in one of the two, and over the N rows in the other"
_BATCH_HINT = (
    "look for a sum, mean or maximum over the whole batch (no axis=1), for an N-vector against an N x C matrix without "
    "[:, None], and for a batch or chunk size that is written as a number"
)
#: Smaller numbers are factors of other kinds than a batch size.
_SMALLEST_BATCH = 4
#: A factor that is nearer to 1 than this many times the tolerance has to hold more exactly.
NEAR_ONE = 10.0
#: The largest chance that rows of some N are right by coincidence: where one row is told from several; and otherwise.
_CHANCE, _CHANCE_OF_OTHERS = 0.05, 0.001


def how_many(entries: int, evidence: Evidence) -> str:
    """``in all 120 entries``, or ``in all 113 entries that have a derivative`` where that is not all of them."""
    total = sum(seen.S.size for seen in evidence.observations)
    return f"in all {entries} entries{'' if entries == total else ' that have a derivative'}"


def factor_findings(law: Law, where: str, beside: str = "", of: str = "the numerical") -> list[Finding]:
    """All that is wrong with c in dS = c n, in the entries ``where``: its sign, its power of N, what else there is.

    ``of`` says whose gradient n is.

    Example:
        >>> [each.code for each in factor_findings(Law(Fraction(-2), rows=1), "in all 45 entries")]
        ['sign-flipped', 'missing-mean', 'constant-factor']
    """
    or_else = f" (or {law.alternative})" if law.alternative else ""
    said = f"dS = {law} times {of} gradient {where}{or_else}{beside}"
    if law.k == 0:
        said = f"dS is 0 {where}, and {of} gradient is not{beside}"
    if abs(law.rows) == 1 == law.rows * law.classes:
        tail, hint = _constant(law)
        return [Finding("constant-factor", "error", f"{said}: {tail}", hint)]
    over_rows, told = "1/N" if abs(law.rows) == 1 else "1/N^2", []
    if law.k < 0:
        told.append(("sign-flipped", "" if law.k == -1 and not law.rows else "its sign is wrong", _SIGN))
    if law.rows > 0:
        told.append(("missing-mean", f"dS lacks a {over_rows} that the value has", _MISSING_MEAN))
    if law.rows < 0:
        more = "dS is divided by N once more than the value" if law.rows == -1 else "dS has 1/N^2 more than the value"
        told.append(("averaged-twice", f"{more}, or the value is a sum where a mean is meant", _TWICE))
    if abs(law.k) != 1 or law.classes:
        told.append(("constant-factor", *_constant(law)))
    return [Finding(code, "error", f"{said}: {tail}" if tail else said, hint) for code, tail, hint in told]


def _constant(law: Law) -> tuple[str, str]:
    """What is said of a constant, and the hint."""
    if law.k == 0:
        return "", "look for where dS is filled: it is what it was made as"
    if law.classes:
        divided, other = ("dS", "the value") if law.classes < 0 else ("the value", "dS")
        by = "N·C" if law.rows * law.classes == 1 else "C"
        return f"{divided} is divided by {by}, as a mean over all N·C entries is, and {other} is not", _CLASSES
    name = law.name.removeprefix("-")
    if name in ("log 2", "log 10"):
        return f"the value has a logarithm to base {name[4:]}, dS that of a natural one", _CONSTANT
    size = abs(law.k) ** -law.rows if isinstance(law.k, Fraction) and abs(law.rows) == 1 else 0
    if size >= _SMALLEST_BATCH and size == int(size):  # N/B or B/N: where N is meant, the number B is written
        return f"as if the batch size were written as {size}", "take N from S.shape[0]"
    return "", _CONSTANT


def factor(evidence: Evidence) -> Iterable[Finding]:
    """dS = c n, with one law c = k N^a C^b for all problems."""
    fit = factor_fit(evidence)
    if fit is None or fit.law.is_one:
        return []
    is_near = not (fit.law.rows or fit.law.classes) and abs(float(fit.law.k) - 1) < NEAR_ONE * evidence.rtol
    if is_near and not factor_fit(replace(evidence, rtol=evidence.rtol / 100)):  # the tolerance hides that it is none
        return []
    is_one = any(fit.law.at(seen.rows, seen.classes) == 1 for seen in evidence.observations)
    if fit.law.rows and abs(fit.law.k) != 1 and is_one:  # as N/8 is at 8: this is no missing mean
        return batch_size(evidence)
    return factor_findings(fit.law, how_many(fit.entries, evidence))


def batch_size(evidence: Evidence) -> Iterator[Finding]:
    """Right in every problem of some batch sizes, wrong in problems of others, by one factor or not by coincidence.

    A slip that shows in a few rows only, whatever N, spares small batches by coincidence: where w of R rows are wrong,
    all of them are among the M rows of the sizes that are wrong with a probability of (M choose w) / (R choose w).
    """
    is_wrong: dict[int, list[bool]] = {}
    for seen in sorted(evidence.observations, key=lambda each: each.rows):
        is_wrong.setdefault(seen.rows, []).append(seen.is_wrong)
    right = [N for N, each in is_wrong.items() if not any(each)]
    always = [N for N, each in is_wrong.items() if all(each)]
    sometimes = [N for N in is_wrong if N not in right + always]
    rows = sum(seen.rows for seen in evidence.observations)
    among = sum(seen.rows for seen in evidence.observations if seen.rows not in right)
    wrong_rows = sum(int(seen.wrong.any(axis=1).sum()) for seen in evidence.wrong)
    chance = _CHANCE if [1] in (right, always + sometimes) else _CHANCE_OF_OTHERS
    fit = factor_fit(evidence)
    if not right or (fit is None and math.comb(among, wrong_rows) > chance * math.comb(rows, wrong_rows)):
        return
    said = [f"{word} at N = {', '.join(map(str, N))}" for word, N in (("right", right), ("wrong", always)) if N]
    said += [f"wrong in {sum(is_wrong[N])} of {len(is_wrong[N])} problems at N = {N}" for N in sometimes]
    law = "" if fit is None else f": it is {fit.law} times the numerical gradient"
    yield Finding("batch-size-dependent", "error", f"dS is {', '.join(said)}{law}", _BATCH_HINT)


def transposed(evidence: Evidence) -> Iterator[Finding]:
    """dS = c T(n), where T is a transpose, or a transpose and a reshape to N x C."""
    fit = factor_fit(replace(evidence, observations=tuple(map(_moved, evidence.observations))))
    if fit is None or fit.law.k == 0 or fit.law.is_free or fit.rows < 2:
        return
    words = "the numerical gradient transposed and reshaped, n.T.reshape(N, C),"
    hint = "reshape does not exchange rows and classes: where dS is C x N, return dS.T"
    if all(seen.rows in (1, seen.classes) for seen in evidence.observations):
        words, hint = "the numerical gradient transposed", "return dS.T, or fill dS[i, j] for row i and class j"
    where, times = how_many(fit.entries, evidence), "" if fit.law.is_one else f"{fit.law} times "
    wrong = count([seen.wrong for seen in evidence.wrong])
    message = f"dS is {times}{words} {where}; {wrong} are wrong where they stand"
    yield Finding("transposed", "error", message, hint)
    if not fit.law.is_one:
        yield from factor_findings(fit.law, f"{where}, with its entries exchanged", MORE_DEFECTS)


def _moved(seen: Case) -> Case:
    """A problem with its numerical gradient transposed and reshaped."""
    arrays = {name: getattr(seen, name) for name in ("numerical", "bounds", "verdicts", "kinked")}
    return replace(seen, **{name: each.T.reshape(each.shape) for name, each in arrays.items()})


_FROM_ONE = "do the labels start at 0 or at 1? value and dS must take the same; an index of -1 is the last class"
_ORDER = "look for a shuffle, a sort or an order of rows that only one of value and dS goes by"
_SHIFT, _ONE_FOR_ALL = "look for a roll, a shift or an index", "index dS and y with the row: dS[np.arange(N), y]"
#: Class counts above this would cost too many calls.
_MOST_CLASSES = 10

#: Which labels dS takes, what to look at, and y and C to the labels that make dS take y.
_OTHER_CLASSES: tuple[tuple[str, str, Callable[[IntArray, int], IntArray]], ...] = (
    ("y - 1", _FROM_ONE, lambda y, C: (y + 1) % C),
    ("y + 1", _FROM_ONE, lambda y, C: (y - 1) % C),
    ("C - 1 - y", "are the classes reversed in dS alone?", lambda y, C: C - 1 - y),
)
#: Which labels dS takes, what to look at, and y to these labels.
_OTHER_ROWS: tuple[tuple[str, str, Callable[[IntArray], IntArray]], ...] = (
    ("y[i - 1], the label of the row before,", f"{_SHIFT} i - 1", lambda y: np.roll(y, 1)),
    ("y[i + 1], the label of the next row,", f"{_SHIFT} i + 1", lambda y: np.roll(y, -1)),
    ("y in reverse, y[N - 1 - i],", "look for reversed or [::-1]", lambda y: y[::-1]),
    ("y in ascending order", _ORDER, np.sort),
    ("y in descending order", _ORDER, lambda y: np.sort(y)[::-1]),
    ("y[0] for every row", _ONE_FOR_ALL, lambda y: np.full_like(y, y[0])),
    ("y[-1] for every row", _ONE_FOR_ALL, lambda y: np.full_like(y, y[-1])),
)


def misaligned(evidence: Evidence) -> list[Finding]:
    """Calls with other labels show for which labels dS is the gradient; a factor may be a second defect."""
    if any(labels_of(seen) is None for seen in evidence.observations) or factor_fit(evidence) is not None:
        return []
    tried = [seen for seen in evidence.wrong if np.any(seen.wrong & seen.known) and seen.classes > 1]
    tried.sort(key=lambda seen: -int(seen.wrong.any(axis=1).sum()))
    tried = [*tried[:1], *sorted(tried[1:], key=lambda seen: seen.rows == tried[0].rows)[:1]]
    for words, hint, given in _OTHER_CLASSES if tried else ():
        answered = [_with_labels(evidence, seen, given(_labels(seen), seen.classes)) for seen in tried]
        found = _findings(evidence, words, hint, answered, "called with labels that make up for it")
        if found:
            return found
    return _other_rows(evidence, tried)


def _labels(seen: Case) -> IntArray:
    labels = labels_of(seen)
    assert labels is not None
    return labels


def _with_labels(evidence: Evidence, seen: Case, labels: IntArray) -> Case:
    """The problem with the dS that the loss returns for other labels. One call."""
    y = labels.astype(seen.y.dtype) if seen.y.ndim == 1 else np.eye(seen.classes, dtype=seen.y.dtype)[labels]
    return replace(seen, analytic=evidence.ask.evaluate(seen.S, y).gradient)


def _findings(evidence: Evidence, words: str, hint: str, answered: Iterable[Case], how: str) -> list[Finding]:
    """dS takes other labels than the value, if dS = c n in what the loss answered for labels that make up for it."""
    made_up_for = replace(evidence, observations=tuple(answered))
    fit = factor_fit(made_up_for)
    if fit is None or fit.law.k == 0 or fit.law.is_free:
        return []
    where = f"{how_many(fit.entries, made_up_for)}, {how}"
    taken = f"dS takes the labels {words} where the value takes y"
    if fit.law.is_one:
        return [Finding("labels-misaligned", "error", f"{taken}: dS is right {where}", hint)]
    second = f"{taken}, and a factor is a second defect: dS is {fit.law} times the numerical gradient {where}"
    return [Finding("labels-misaligned", "error", second, hint), *factor_findings(fit.law, where, MORE_DEFECTS)]


def _other_rows(evidence: Evidence, tried: Sequence[Case]) -> list[Finding]:
    """dS is right where all rows have the same label, and else has the labels of other rows, or one for all."""
    answered = [seen for seen in evidence.observations if len(set(_labels(seen))) == 1]
    tables = []
    for seen in tried:
        if 1 < len(set(_labels(seen))) <= _MOST_CLASSES:
            repaired, table = _for_each_label(evidence, seen)
            answered.append(repaired)
            tables.append((seen, table))
            if not table.any(axis=1).all():
                return []

    def takes(labels: Callable[[IntArray], IntArray]) -> bool:
        return all(table[np.arange(seen.rows), labels(_labels(seen))].all() for seen, table in tables)

    if takes(lambda y: y):  # dS does not depend on other rows' labels, or on none
        return []
    words, hint = next((each[:2] for each in _OTHER_ROWS if takes(each[2])), ("of other rows", _ORDER))
    seen, table = tables[0]
    row = int(np.argmax(seen.wrong.any(axis=1)))
    example = f"row {row} has the label {_labels(seen)[row]} and the dS of {int(np.argmax(table[row]))}"
    where = f"{example} at batch size {seen.rows}, {seen.scores}, seed {seen.seed}"
    return _findings(evidence, words, hint, answered, f"called with one label for all rows ({where})")


def _for_each_label(evidence: Evidence, seen: Case) -> tuple[Case, BoolArray]:
    """The problem with each row's dS for its own label, and N x C, for which labels a row's dS is what it was."""
    # Row i of dS(S, l, l, ..., l) is its gradient for label l, whichever row's label it takes: a call for each label.
    y, dS, table = _labels(seen), seen.analytic.copy(), np.zeros(seen.S.shape, dtype=bool)
    for label in set(y.tolist()):
        alone = _with_labels(evidence, seen, np.full_like(y, label)).analytic
        dS[y == label] = alone[y == label]
        tolerance = 2 * seen.granted + evidence.rtol * np.maximum(np.abs(alone), np.abs(seen.analytic))
        table[:, label] = np.all(np.abs(alone - seen.analytic) <= tolerance, axis=1)
    return replace(seen, analytic=dS), table
