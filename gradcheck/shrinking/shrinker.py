"""Candidates for the smallest failing case: which is simpler, where they come from, and the search among them."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any

import numpy as np
import numpy.typing as npt

from gradcheck.config import Config
from gradcheck.config.inputs import Drawn
from gradcheck.errors import OutOfTime
from gradcheck.layout import Arguments, is_differentiable, leaves, rebuilt
from gradcheck.report import BoolArray, FloatArray, IndexArray
from gradcheck.sampling import classes_of, described

_TRIES = (1, 4, 16)  # candidates of each smaller size, one round of passes after another
_SIMPLIFICATIONS = 16  # attempts to make scores and labels simpler
_FEW = 8  # scores are made simpler one by one only in candidates of at most so many entries
MOST_ENTRIES, MOST_NUMBERS = 500, 40  # nobody pastes more scores than this, nor more numbers in arrays of many names
_ROWS, _CLASSES = 16, 30  # of a candidate, at most, where the failure is larger than that
CALLS = 200  # that are granted at least: a screen takes 3, and what confirms it two for each entry
#: Numbers of rows and of classes that are tried, beside one less than the least that is known to fail.
_SIZES = (*range(1, 9), 12, _ROWS, 22, _CLASSES, 45, 70, 110, 160, 240, 360)


@dataclass(frozen=True, eq=False)
class Candidate:
    """Scores (N x C float64) and labels of any kind, or x (1 x n) and `Arguments`, at which a loss may fail."""

    S: FloatArray
    y: Any

    @property
    def is_small(self) -> bool:
        """Whether somebody would paste it."""
        if isinstance(self.y, Arguments):
            return sum(np.size(leaf) for _, leaf in leaves(self.y.values)) <= MOST_NUMBERS
        return self.S.size <= MOST_ENTRIES

    @cached_property
    def own(self) -> IndexArray | None:
        """N columns, the class of each row; None where the labels are neither classes nor one-hot."""
        return classes_of(self.y, self.S.shape)

    def part(self, rows: IndexArray, columns: IndexArray) -> Candidate:
        """Some rows and columns. The class of a row that is not among the columns becomes one that is."""
        S, y = self.S[np.ix_(rows, columns)], self.y
        if self.own is not None:
            place = {int(column): k for k, column in enumerate(columns)}
            return self.labelled(S, np.array([place.get(int(j), int(j) % len(columns)) for j in self.own[rows]]))
        if y.shape == self.S.shape:
            return Candidate(S, y[np.ix_(rows, columns)])
        return Candidate(S, y[rows] if y.ndim and len(y) == len(self.S) else y)

    def labelled(self, S: FloatArray, own: IndexArray) -> Candidate:
        """Other scores, and the class of each of their rows as labels of the same kind."""
        y = own if self.y.ndim == 1 else np.eye(S.shape[1])[own]
        return Candidate(S, y.astype(self.y.dtype))


@dataclass(frozen=True, eq=False)
class Failure(Candidate):
    """A problem at which a loss failed, and which of its N x C entries are wrong or likely to matter."""

    wrong: BoolArray

    def most_wrong(self, N: int, C: int) -> Candidate:
        """The N rows and C columns with most wrong entries, the label of the first of these rows among them."""
        rows = np.sort(np.argsort(-self.wrong.sum(axis=1), kind="stable")[:N])
        weights = 2.0 * self.wrong[rows].sum(axis=0)
        if self.own is not None and C > 1:
            weights += np.bincount(self.own[rows], minlength=len(weights))
            weights[self.own[rows[0]]] = np.inf
        return self.part(rows, np.sort(np.argsort(-weights, kind="stable")[:C]))


Axes = dict[str, tuple[str | int, ...]]
#: Proposes candidates that are simpler than one.
Pass = Callable[[Candidate], Iterator[Candidate]]


def simplicity(candidate: Candidate) -> tuple[float, ...]:
    """Sort key, the simplest candidate first: fewer rows, fewer classes, smaller labels, rounder scores."""
    labels = np.abs(candidate.y).sum() if candidate.y.dtype.kind in "iuf" else 0.0
    return *candidate.S.shape, float(labels), sum(map(_complexity, candidate.S.ravel().tolist()))


def _complexity(score: float) -> float:
    """0 for zero; then 1, -1, 2 and further integers to 9; then halves; then by the number of digits."""
    size = abs(score)
    if size <= 9 and (2 * size).is_integer():
        return (size + (score < 0) / 2 + 1) / 10 + 2 * (not size.is_integer()) if size else 0.0
    return 4 + len(repr(score)) / 10


def of_size(failure: Failure, N: int, C: int) -> Iterator[Candidate]:
    """Candidates of N rows and C classes made of a failure, without end and the same at every call."""
    rows, zeros, rng = np.arange(N), np.zeros((N, C)), np.random.default_rng((N, C))

    def drawn(S: FloatArray) -> Candidate:
        if failure.own is not None:
            return failure.labelled(S, rng.integers(0, C, size=N))
        return Candidate(S, failure.part(rng.integers(0, len(failure.S), N), rng.permutation(failure.S.shape[1])[:C]).y)

    yield failure.most_wrong(N, C)
    yield failure.labelled(zeros, rows % C) if failure.own is not None else drawn(zeros)
    yield drawn(rng.normal(size=(N, C)))
    yield failure.part(rows, np.arange(C))
    if failure.own is not None:
        yield failure.labelled(zeros, (-1 - rows) % C)
    while True:
        yield drawn(rng.integers(-2, 3, size=(N, C)).astype(np.float64))
        yield drawn(rng.normal(size=(N, C)))
        yield drawn(rng.choice(failure.S.ravel(), size=(N, C)))


def simpler(candidate: Candidate) -> Iterator[Candidate]:
    """Candidates of the same size with rounder scores or smaller labels, the largest changes first."""
    S, y, own = candidate.S, candidate.y, candidate.own
    zeros = np.zeros_like(S)
    if own is not None:
        rows, exchanged, first = np.arange(len(S)), S.copy(), np.zeros_like(own)
        exchanged[rows, own], exchanged[:, 0] = S[:, 0], S[rows, own]
        yield candidate.labelled(zeros, first)
        yield Candidate(zeros, y)
        yield from (candidate.labelled(scores, first) for scores in (exchanged, S))
        yield Candidate(S - S[rows, own][:, np.newaxis], y)
    elif y.dtype.kind == "f":
        yield from (Candidate(S, labels) for labels in (np.zeros_like(y), np.rint(y)))
    halves, above_least = np.rint(2 * S) / 2, S - S.min(axis=1, keepdims=True)
    for scores in (zeros, above_least, np.rint(S), halves, np.clip(np.rint(S), -1, 1), np.round(S, 1), np.abs(S)):
        yield Candidate(scores, y)
    for place in np.ndindex(S.shape if S.size <= _FEW else (0, 0)):
        for score in (0.0, np.sign(S[place]), np.rint(S[place]), halves[place], np.round(S[place], 1)):
            changed = S.copy()
            changed[place] = score
            yield Candidate(changed, y)


def passes(failure: Failure, dtype: npt.DTypeLike) -> Iterator[Pass]:
    """Few candidates of fewer rows, then of fewer classes, then rounder ones; then the same with more candidates.

    Candidates are made of the failure, their scores rounded to ``dtype``; none comes twice.
    """
    tried: set[tuple[tuple[int, ...], bytes, bytes]] = set()

    def new(best: Candidate, proposed: Iterable[Candidate]) -> Iterator[Candidate]:
        so_far = simplicity(best) if best.is_small else (np.inf,)
        for each in proposed:
            candidate = Candidate(each.S.astype(dtype).astype(np.float64) + 0.0, each.y)  # -0.0 becomes 0.0
            key = candidate.S.shape, candidate.S.tobytes(), candidate.y.tobytes()
            if key not in tried and simplicity(candidate) < so_far:
                tried.add(key)
                yield candidate

    def smaller(number: int, axis: int, best: Candidate) -> Iterator[Candidate]:
        N, C = best.S.shape
        shapes = [(n, C) if axis == 0 else (N, n) for n in sorted({*_SIZES, best.S.shape[axis] - 1} - {0})]
        if best.S.size > MOST_ENTRIES:
            shapes = [(n, c) for n in _SIZES if n <= min(N, _ROWS) for c in _SIZES if c <= min(C, _CLASSES)]
        of_each = (itertools.islice(of_size(failure, *shape), number) for shape in shapes if shape < (N, C))
        return new(best, itertools.chain.from_iterable(of_each))

    for number in _TRIES:
        yield from (partial(smaller, number, axis) for axis in (0, 1))
        yield lambda best: new(best, itertools.islice(simpler(best), _SIMPLIFICATIONS * best.is_small))


def parts_and_rounded(given: Arguments, config: Config) -> Iterator[Pass]:
    """Parts of 1 to 3 along each axis in turn, then all float arrays rounded.

    Axes are one where the config gives them one letter or number; those of arrays that it does not describe, where they
    have one length.
    """
    axes: Axes = {path: leaf.shape for path, leaf in leaves(given.values) if isinstance(leaf, np.ndarray)}
    axes |= {path: spec.shape for path, spec in leaves(described(config)) if isinstance(spec, Drawn) and path in axes}
    yield from (partial(_parts, axes, name) for name in dict.fromkeys(itertools.chain(*axes.values())))
    yield _rounded


def _parts(axes: Axes, name: str | int, best: Candidate) -> Iterator[Candidate]:
    """Parts along the axes of a name; whole numbers below their length stay below the new one."""
    arrays = [(axes[path], leaf.shape) for path, leaf in leaves(best.y.values) if path in axes]
    length = max(n for names, shape in arrays for own, n in zip(names, shape, strict=True) if own == name)

    def part(start: int, n: int, path: str, leaf: Any) -> Any:
        if path not in axes:
            return leaf
        kept = leaf[tuple(slice(start, start + n) if own == name else slice(None) for own in axes[path])]
        return kept % n if leaf.dtype.kind in "iu" and leaf.size and length > leaf.max() >= n else kept

    for n in range(1, min(length, 4)):
        yield from (_made(best, partial(part, start, n)) for start in range(0, length - n + 1, n))


def _rounded(best: Candidate) -> Iterator[Candidate]:
    def rounded(decimals: int, path: str, leaf: Any) -> Any:
        is_drawn = is_differentiable(leaf) and isinstance(leaf, np.ndarray | np.floating)
        return np.round(leaf, decimals) + 0.0 if is_drawn else leaf

    for candidate in (_made(best, partial(rounded, decimals)) for decimals in (0, 1, 3)):
        if len(str(candidate.S.tolist())) < len(str(best.S.tolist())):
            yield candidate


def _made(best: Candidate, make: Callable[[str, Any], Any]) -> Candidate:
    """A candidate of the arguments with each leaf replaced by ``make(path, leaf)``."""
    given = best.y
    new = Arguments.of(rebuilt(given.values, "", make), given.layout.names, given.seed, given.batched)
    return Candidate(new.x[np.newaxis].astype(np.float64), new)


def shrink(failure: Candidate, passes: Iterable[Pass], fails: Callable[[Candidate], bool]) -> list[Candidate]:
    """The failure and then others, each the first of a pass that fails; each pass is repeated as long as one does.

    ``fails`` raises OutOfTime if calls run out.
    """
    failed = [failure]
    with suppress(OutOfTime):
        for propose in passes:
            while found := next(filter(fails, propose(failed[-1])), None):
                failed.append(found)
    return failed
