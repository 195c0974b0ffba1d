"""Which sums of a few terms a gradient is, within its bounds: a sparse least-squares fit, then exact coefficients.

The coefficients are sought among the problems of one shape only; they are rounded to simple numbers, with a power of
1/N, and as such must hold in every entry of every problem. So all problems with another N are held out.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import chain, combinations, product

import numpy as np
import numpy.typing as npt

from gradcheck.checking.case import BoolArray
from gradcheck.diagnosis.coefficients import UNKNOWN, coefficients
from gradcheck.diagnosis.dictionary import Term, View, jumps_of
from gradcheck.diagnosis.notation import BY_CLASSES, Coefficient, Fit
from gradcheck.report import FloatArray

#: More terms explain nothing to anybody.
_MOST_TERMS = 3
#: Entries that coefficients are sought in; all others still have to bear them out.
_ENTRIES = 256
#: Below it the terms' Gram matrix, of unit columns, is one of dependent columns.
_DEPENDENT = 1e-13
#: A fit that leaves a larger part of the sum of squares is none, whatever rounding did to the normal equations.
_LEFT = 1e-2
#: A gradient below this part of the other one of the same problem may be called 0.
_NOTHING = 1e-5
#: Rounding in the terms themselves, in units of their sum's size: they are made of differences and sums of a row.
_ROUNDING = 64 * float(np.finfo(np.float64).eps)
#: Where so many sums hold, the entries tell nothing.
_TOO_MANY = 500


@dataclass(frozen=True, eq=False)
class Sample:
    """One problem and one gradient of it: dS, or the numerical one.

    Attributes:
        view: the problem's scores and labels.
        gradient: N x C.
        slack: N x C, bounds on its errors.
        entries: N x C, where it is known.
        rtol: a relative tolerance on top.
        scale: the largest of the problem's gradients, analytic and numerical.
    """

    view: View
    gradient: FloatArray
    slack: FloatArray
    entries: BoolArray
    rtol: float
    scale: float

    @property
    def shape(self) -> tuple[int, int]:
        return self.view.S.shape[0], self.view.S.shape[1]


def fits(samples: Sequence[Sample], terms: Sequence[Term]) -> list[Fit]:
    """The sums of the fewest terms that hold in all entries of all samples.

    Args:
        samples: of one loss.
        terms: what may be summed.

    Returns:
        Several where they are the same function or the samples do not tell them apart; none where nothing holds, or
        too much.
    """
    if not any(sample.entries.any() for sample in samples):
        return []
    if _is_zero(samples):
        return [Fit(())]
    shapes = sorted({sample.shape for sample in samples})
    at = max(shapes, key=lambda shape: sum(int(s.entries.sum()) for s in samples if s.shape == shape))
    by_classes = list(BY_CLASSES) if len({C for _, C in shapes}) > 1 else [("", "")]
    of_that_shape = [sample for sample in samples if sample.shape == at]
    smooth = [term for term in terms if not term.jumps_somewhere]
    searches = _Search.over(of_that_shape, smooth), _Search.over(of_that_shape, terms)
    for size in range(1, _MOST_TERMS + 1):
        held: list[Fit] = []
        for chosen, numbers, tolerances in chain.from_iterable(search.solutions(size) for search in searches):
            options = [coefficients(*known, *at, by_classes) for known in zip(numbers, tolerances, strict=True)]
            held += _holding(chosen, options, samples)
            if len(held) > _TOO_MANY:
                return []
        if held:
            return held
    return []


def holds(fit: Fit, sample: Sample) -> bool:
    """Whether a gradient is that sum in every entry that is known, and where no term jumps."""
    return bool(fit in _holding([term for term, _ in fit.parts], [[by] for _, by in fit.parts], [sample]))


def _is_zero(samples: Sequence[Sample]) -> bool:
    """It is 0 in every known entry, within slack that is nothing beside the problem's other gradient."""
    telling = [s for s in samples if s.scale > 0 and s.entries.any()]
    narrow = all(bool((s.slack <= _NOTHING * s.scale)[s.entries].all()) for s in telling)
    return bool(telling) and narrow and all(bool((np.abs(s.gradient) <= s.slack)[s.entries].all()) for s in samples)


@dataclass(frozen=True, eq=False)
class _Search:
    """Weighted entries of one shape where no term jumps.

    Attributes:
        terms: what may be summed; where some of them jump somewhere, each sum has one of those.
        columns: a row of m entries for each term, of unit length.
        target: m entries of the gradient.
        lengths: what the columns were divided by.
    """

    terms: Sequence[Term]
    columns: FloatArray
    target: FloatArray
    lengths: FloatArray

    @classmethod
    def over(cls, samples: Sequence[Sample], terms: Sequence[Term]) -> _Search:
        where = [_spread(s.entries & ~jumps_of(terms, s.view)) for s in samples]
        pairs = list(zip(samples, where, strict=True))
        target = np.concatenate([s.gradient[at] for s, at in pairs])
        slack = np.concatenate([(s.slack + s.rtol * np.abs(s.gradient))[at] for s, at in pairs])
        # No weight is beyond all measure.
        tolerance = slack + max(1e-10 * np.abs(target).max(initial=0.0), float(np.finfo(np.float64).tiny))
        with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
            values = [np.concatenate([term.of(s.view)[at] for s, at in pairs]) for term in terms]
            columns = np.array(values).reshape(len(terms), -1) / tolerance
            lengths = np.linalg.norm(columns, axis=1)
        usable = np.isfinite(lengths) & (lengths > 0)
        lengths = np.where(usable, lengths, np.inf)
        columns[~usable] = 0.0
        return cls(terms, columns / lengths[:, np.newaxis], target / tolerance, lengths)

    def solutions(self, size: int) -> Iterator[tuple[list[Term], FloatArray, FloatArray]]:
        """Terms that fit, their coefficients, and how far each of those may be off.

        With tolerances for weights, what is true leaves no more than sqrt(m) of m entries, and no least-squares fit
        leaves more than that. So |G^(1/2) (x - x_true)| <= sqrt(m), which bounds the error of each x.
        """
        A, b = self.columns, self.target
        m = len(b)
        if m < 2 * size + 4:
            return
        chosen = _subsets(tuple(term.jumps_somewhere for term in self.terms), size)
        gram, projected = A @ A.T, A @ b
        grams = gram[chosen[:, :, np.newaxis], chosen[:, np.newaxis, :]]
        independent = np.linalg.det(grams) > _DEPENDENT
        chosen, grams = chosen[independent], grams[independent]
        right = projected[chosen][:, :, np.newaxis]
        x = np.linalg.solve(grams, right)
        near = b @ b - (right * x).sum(axis=(1, 2)) <= _LEFT * (b @ b)
        chosen, x, inverses = chosen[near], x[near, :, 0], np.linalg.inv(grams[near])
        off = np.sqrt(m * np.maximum(np.diagonal(inverses, axis1=1, axis2=2), 0.0))
        tells = (off <= 2 * UNKNOWN * np.abs(x)).all(axis=1)  # else it would fit without one of its terms
        for subset, guess, inverse, error in zip(chosen[tells], x[tells], inverses[tells], off[tells], strict=True):
            columns = A[subset]
            for _ in range(2):  # normal equations lose digits: refined by what is left
                guess = guess + inverse @ (columns @ (b - guess @ columns))
            left = b - guess @ columns
            if left @ left <= m:
                yield [self.terms[k] for k in subset], guess / self.lengths[subset], error / self.lengths[subset]


@cache
def _subsets(jumping: tuple[bool, ...], size: int) -> npt.NDArray[np.int64]:
    """All of a size; where there are jumping terms, those with one."""
    subsets = np.array(list(combinations(range(len(jumping)), size)), dtype=np.int64).reshape(-1, size)
    return subsets[np.array(jumping)[subsets].any(axis=1)] if any(jumping) else subsets


def _spread(known: BoolArray) -> BoolArray:
    """No more than so many of them, over all rows."""
    which = np.flatnonzero(known)
    if len(which) <= _ENTRIES:
        return known
    few = np.zeros(known.size, dtype=bool)
    few[np.random.default_rng(known.shape).permutation(which)[:_ENTRIES]] = True
    return few.reshape(known.shape)


def _holding(terms: Sequence[Term], options: Sequence[Sequence[Coefficient]], samples: Sequence[Sample]) -> list[Fit]:
    """The sums with one of its options for every term that hold in every entry of every sample."""
    alive = list(product(*options))
    for narrow in (True, False):  # a large problem is looked at in full by those alone that hold in a part of it
        for sample in samples:
            if not alive:
                return []
            alive = _still(alive, terms, sample, narrow)
    return [Fit(tuple(zip(terms, each, strict=True))) for each in alive]


def _still(
    alive: list[tuple[Coefficient, ...]], terms: Sequence[Term], sample: Sample, narrow: bool
) -> list[tuple[Coefficient, ...]]:
    view = sample.view
    where = sample.entries & ~jumps_of(terms, view)
    where = _spread(where) if narrow else where
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        values = np.array([term.of(view)[where] for term in terms]).reshape(len(terms), int(where.sum()))
        by = np.array([[coefficient.at(*sample.shape) for coefficient in each] for each in alive])
        by = by.reshape(len(alive), len(terms))
        fitted, size = by @ values, np.abs(by) @ np.abs(values)
        gradient = sample.gradient[where]
        allowed = sample.slack[where] + sample.rtol * np.maximum(np.abs(gradient), np.abs(fitted)) + _ROUNDING * size
        held = (np.abs(gradient - fitted) <= allowed).all(axis=1)
    return [each for each, is_held in zip(alive, held, strict=True) if is_held]
