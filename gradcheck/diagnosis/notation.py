"""dS and the gradient of the value in the notes' own notation: ``p_j/N``, but ``p_j/N - 1{j=y}/N``.

A sparse least-squares fit among the problems of one shape finds which sums of up to three terms may do. Their
coefficients are rounded to simple numbers over powers of N, and the sum must hold so in every entry of every problem,
and in one that is drawn for this and has another N.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import chain, combinations, product
from typing import Any

import numpy as np
import numpy.typing as npt

from gradcheck.checking.case import BoolArray
from gradcheck.checking.evidence import Evidence, Spent
from gradcheck.diagnosis.numbers import Law, fraction_of
from gradcheck.diagnosis.terms import labels_as_numbers, term_names, term_values
from gradcheck.diagnosis.validation import validation_problem
from gradcheck.errors import LossDefect, OutOfTime
from gradcheck.report import FloatArray

#: More terms explain nothing to anybody.
_MOST_TERMS = 3
#: Entries that coefficients are sought in; the sum must hold in all others as well.
_ENTRIES = 256
#: Below it the Gram matrix of terms of unit length is one of dependent terms.
_DEPENDENT = 1e-13
#: A least-squares fit that leaves a larger part of the sum of squares is none, whatever rounding did to it.
_LEFT = 1e-2
#: A coefficient that is known less well than this, relative to its size, is not known; nor is one of which a random
#: number would be as close to a simple fraction more often than this.
_UNKNOWN, _CHANCE = 1e-3, 1e-4
#: A gradient below this part of the other one of the same problem may be called 0.
_NOTHING = 1e-5
#: Rounding of the terms themselves, relative to the sum of their sizes.
_ROUNDING = 64 * float(np.finfo(np.float64).eps)
#: Where so many sums hold, the entries determine nothing.
_TOO_MANY = 100
#: Tolerances beside the bounds: of dS, and of the numerical gradient, which dS corrects and may spoil by this.
_RTOL_OF_DS, _RTOL = 1e-9, 1e-7
#: Of a gradient that is nowhere larger, rounding to whole numbers leaves 0: that dS is 0 would say too much.
_HALF = 0.51


@dataclass(frozen=True)
class Sum:
    """A sum of terms with simple coefficients.

    Attributes:
        parts: for each term its index, its name and the law of its coefficient.
    """

    parts: tuple[tuple[int, str, Law], ...]

    def at(self, values: FloatArray) -> FloatArray:
        """N x C, of the values of all terms."""
        _, N, C = values.shape
        return np.asarray(sum((law.at(N, C) * values[k] for k, _, law in self.parts), start=np.zeros((N, C))))

    def __str__(self) -> str:
        """The sum, what is added before what is subtracted."""
        parts = [(law.constant < 0, law.size.of("" if name == "1" else name)) for _, name, law in self.parts] or [
            (False, "0")
        ]
        first, *others = sorted(parts, key=lambda part: part[0])
        text = ("-" if first[0] else "") + first[1]
        return text + "".join(f" {'-' if negative else '+'} {part}" for negative, part in others)

    @property
    def complexity(self) -> tuple[int, float]:
        """Few different powers of N before simple numbers."""
        return len({(law.rows, law.classes) for _, _, law in self.parts}), sum(law.cost for _, _, law in self.parts)


@dataclass(frozen=True)
class Terms:
    """What the two gradients of a loss are; None where a few terms do not say it."""

    analytic: Sum | None
    numerical: Sum | None

    def sentence(self) -> str:
        """In one line, without a full stop."""
        if self.analytic is None:
            said = f"the gradient of your value is {self.numerical}, and your dS is not"
        elif self.numerical is None:
            said = f"your dS = {self.analytic}, which is not the gradient of your value"
        else:
            said = f"your dS = {self.analytic}, but the gradient of your value is {self.numerical}"
        return f"{said}, where q_{{m,y}} = 1{{s_m - s_y + 1 > 0}}" if "q_{" in said else said


@dataclass(frozen=True, eq=False)
class _Sample:
    """One gradient at one problem, N x C, its tolerances, and where it is known; the terms, T x N x C."""

    gradient: FloatArray
    slack: FloatArray
    known: BoolArray
    values: FloatArray
    jumps: BoolArray

    def holds(self, candidate: Sum) -> bool:
        """Whether the gradient is that sum in every known entry where none of its terms jumps."""
        used = [k for k, _, _ in candidate.parts]
        where = self.known & ~self.jumps[used].any(axis=0)
        with np.errstate(invalid="ignore", over="ignore"):
            error = np.abs(self.gradient - candidate.at(self.values))
            size = sum((np.abs(law.at(*self.known.shape) * self.values[k]) for k, _, law in candidate.parts), start=0.0)
            return bool(np.all((error <= self.slack + _ROUNDING * np.asarray(size))[where]))


def explain_terms(evidence: Evidence) -> Terms | None:
    """Write dS and the numerical gradient as sums of a few terms.

    Args:
        evidence: of a wrong loss. A sum is tried at one more problem, for a few calls; if there is none, problems of
            several N must agree on it.

    Returns:
        None where neither is such a sum, or both are the same.
    """
    seen = [each for each in evidence.observations if each.known.any()]
    kinds = {(each.y.ndim, labels_as_numbers(each.S, each.y) is None) for each in seen}
    if not evidence.wrong or kinds not in ({(1, False)}, {(2, False)}):
        return None
    rtol = min(evidence.rtol, _RTOL)
    terms = [term_values(each.S, each.y) for each in seen]
    analytic = [_Sample(s.analytic, _plus(s.granted, min(rtol, _RTOL_OF_DS), s.analytic), s.known, *t)
                for s, t in zip(seen, terms, strict=True)]  # fmt: skip
    numerical = [_Sample(s.numerical, _plus(s.bounds, rtol, s.numerical), s.known, *t)
                 for s, t in zip(seen, terms, strict=True)]  # fmt: skip
    names, all_values = term_names(seen[0].y), [values for values, _ in terms]
    found = sums(analytic, numerical, names), sums(numerical, analytic, names)
    try:
        drawn = validation_problem(evidence.ask, seen) if any(found) else None
    except (Spent, LossDefect, OutOfTime):
        drawn = None
    if drawn is None and len({each.rows for each in seen}) == 1:
        return None
    if drawn is not None:
        values, jumps = term_values(drawn.S, drawn.y)
        slack = _plus(np.full(drawn.S.shape, drawn.granted), _RTOL_OF_DS, drawn.dS)
        sample = _Sample(drawn.dS, slack, np.ones(drawn.S.shape, dtype=bool), values, jumps)
        error = drawn.error + _RTOL * abs(drawn.slope)
        found = (
            [each for each in found[0] if sample.holds(each)],
            [each for each in found[1] if abs(np.sum(each.at(values) * drawn.direction) - drawn.slope) <= error],
        )
        all_values.append(values)
    ours, theirs = (_simplest(each, all_values) for each in found)
    largest = max(float(np.abs(each.numerical[each.known]).max()) for each in seen)
    if ours is not None and not ours.parts and largest <= _HALF:
        ours = None
    is_one = ours is not None and theirs is not None and _are_same(ours, theirs, all_values)
    return None if is_one or (ours is None and theirs is None) else Terms(ours, theirs)


def _plus(bounds: FloatArray, rtol: float, gradient: FloatArray) -> FloatArray:
    """How far a gradient may be off, with a relative tolerance."""
    return np.asarray(bounds + rtol * np.abs(gradient))


def _simplest(found: Sequence[Sum], values: Sequence[FloatArray]) -> Sum | None:
    """The simplest of several ways to write one function; None where they are different functions."""
    best = min(found, key=lambda each: each.complexity, default=None)
    return best if best is not None and all(_are_same(best, each, values) for each in found) else None


def _are_same(one: Sum, other: Sum, values: Sequence[FloatArray]) -> bool:
    """Whether two sums are the same in all entries, those too that are not known."""
    with np.errstate(invalid="ignore", over="ignore"):
        pairs = [(one.at(each), other.at(each)) for each in values]
        return all(np.allclose(a, b, rtol=_RTOL_OF_DS, atol=_RTOL_OF_DS * np.abs(a).max()) for a, b in pairs)


def sums(samples: Sequence[_Sample], others: Sequence[_Sample], names: Sequence[str]) -> list[Sum]:
    """The sums of the fewest terms that hold in all samples.

    Args:
        samples: of one gradient.
        others: of the other one, at the same problems.
        names: of the terms.

    Returns:
        Several where they are the same function or the samples do not tell them apart; none where nothing holds, or
        too much.
    """
    if _is_zero(samples, others):
        return [Sum(())]
    shapes = [each.known.shape for each in samples]
    N, C = max(shapes, key=lambda shape: sum(int(each.known.sum()) for each in samples if each.known.shape == shape))
    powers = list(product((1, 0, 2), (0, 1) if len({C for _, C in shapes}) > 1 else (0,)))
    of_one_shape = [each for each in samples if each.known.shape == (N, C)]
    smooth = np.flatnonzero(~np.any([each.jumps.any(axis=(1, 2)) for each in of_one_shape], axis=0))
    searches = [_columns(of_one_shape, smooth), _columns(of_one_shape, np.arange(len(names)))]
    for size in range(1, _MOST_TERMS + 1):
        held: list[Sum] = []
        for chosen, numbers, errors in chain.from_iterable(_least_squares(*each, size) for each in searches):
            options = [_laws(*known, N, C, powers) for known in zip(numbers, errors, strict=True)]
            for laws in product(*options):
                candidate = Sum(tuple((int(k), names[k], law) for k, law in zip(chosen, laws, strict=True)))
                if candidate not in held and all(each.holds(candidate) for each in samples):
                    held.append(candidate)
        if held:
            return held if len(held) <= _TOO_MANY else []
    return []


def _is_zero(samples: Sequence[_Sample], others: Sequence[_Sample]) -> bool:
    """It is 0 in every known entry, within tolerances that are nothing beside the other gradient."""
    for each, other in zip(samples, others, strict=True):
        scale = np.abs(other.gradient[each.known]).max()
        if np.any((np.abs(each.gradient) > each.slack)[each.known]) or np.any(
            each.slack[each.known] > _NOTHING * scale
        ):
            return False
    return True


def _laws(number: float, error: float, N: int, C: int, powers: Sequence[tuple[int, int]]) -> list[Law]:
    """The simple fractions over powers of N and C that a number may be."""
    laws = []
    for a, b in powers:
        k, off = number * N**a * C**b, error * N**a * C**b
        fraction = fraction_of(k, off)
        if fraction and 0.6 * fraction.denominator**2 * off <= _CHANCE and abs(fraction.numerator) < 100:
            laws.append(Law(float(fraction), -a, -b, fraction))
    return laws


def _columns(
    samples: Sequence[_Sample], terms: npt.NDArray[np.intp]
) -> tuple[npt.NDArray[np.intp], FloatArray, FloatArray]:
    """Some terms, their values (T x m) and the gradient (m) where none of them jumps, in units of the tolerance."""
    columns, target = [], []
    for each in samples:
        where = each.known & ~each.jumps[terms].any(axis=0)
        tolerance = each.slack[where] + max(1e-10 * np.abs(each.gradient[where]).max(initial=0.0), 1e-300)
        columns.append(each.values[terms][:, where] / tolerance)
        target.append(each.gradient[where] / tolerance)
    few = np.random.default_rng(0).permutation(sum(len(each) for each in target))[:_ENTRIES]
    return terms, np.concatenate(columns, axis=1)[:, few], np.concatenate(target)[few]


def _least_squares(
    terms: npt.NDArray[np.intp], columns: FloatArray, target: FloatArray, size: int
) -> Iterator[tuple[npt.NDArray[Any], Any, Any]]:
    """Terms that fit, their coefficients, and how far each of those may be off.

    With tolerances for weights, the true sum leaves no more than sqrt(m) of m entries, and no least-squares fit
    leaves more than that. So |G^(1/2) (x - x_true)| <= sqrt(m), which bounds the error of each x.
    """
    m = len(target)
    if m < 2 * size + 4:
        return
    with np.errstate(over="ignore", invalid="ignore"):
        lengths = np.linalg.norm(columns, axis=1)
    usable = np.flatnonzero(np.isfinite(lengths) & (lengths > 0))
    chosen = usable[_subsets(len(usable), size)]
    unit = np.where(np.isfinite(columns), columns, 0.0) / np.where(lengths > 0, lengths, 1.0)[:, np.newaxis]
    gram, projected = unit @ unit.T, unit @ target
    grams = gram[chosen[:, :, np.newaxis], chosen[:, np.newaxis, :]]
    independent = np.linalg.det(grams) > _DEPENDENT
    chosen, grams = chosen[independent], grams[independent]
    right = projected[chosen][:, :, np.newaxis]
    near = target @ target - (right * np.linalg.solve(grams, right)).sum(axis=(1, 2)) <= _LEFT * (target @ target)
    for subset in chosen[near]:
        A = unit[subset].T
        x = np.linalg.lstsq(A, target, rcond=None)[0]
        error = np.sqrt(m * np.diagonal(np.linalg.inv(A.T @ A)).clip(0))
        left = target - A @ x
        if left @ left <= m and np.all(error <= 2 * _UNKNOWN * np.abs(x)):  # else it would fit with one term less
            yield terms[subset], x / lengths[subset], error / lengths[subset]


@cache
def _subsets(count: int, size: int) -> npt.NDArray[np.int64]:
    return np.array(list(combinations(range(count), size)), dtype=np.int64).reshape(-1, size)
