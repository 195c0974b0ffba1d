"""Where kinks meet: is the analytic entry in the hull of the derivatives around S?

At a point where one kink meets another, the derivative along an axis can exist and the right answer still differ from
it: a margin at 0 switches on as another, at its cap, switches off. What is right there is the hull of the limits of
gradients at smooth points nearby (gradient sampling: J. V. Burke, A. S. Lewis and M. L. Overton, "A robust gradient
sampling algorithm for nonsmooth, nonconvex optimization", SIAM J. Optim. 15, 2005).

The analytic gradient only *proposes* points; what is believed there are differences of values.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from gradcheck.numerics.differences import SIGMAS
from gradcheck.numerics.verdict import SUBGRADIENT, UNRESOLVED, WRONG
from gradcheck.oracle import IndexArray, Oracle
from gradcheck.plans.plan import Plan
from gradcheck.report import FloatArray

_RADIUS = 1e-4
#: Directions of each of two patterns that are sampled for all entries together.
_PATTERNS = 8
_SHRINK = 16.0
#: Ranks among tied entries that are tried.
_RANKS = 4
#: Calls that the search for one entry's two points may cost, and points that are checked for each of the two.
_SEARCH = 20
_CHECKED = 2
#: Steps of the differences at a sampled point, in radii: shorter than the way to any kink through S. The wider one is
#: for losses whose noise asks for it.
_STEP = 1 / 256
_WIDEST_STEP = 1 / 64


@dataclass(frozen=True, eq=False)
class Neighbourhood:
    """Gradients sampled around S, shared by all entries in doubt.

    Attributes:
        radius: how far the points lie from S along each axis, at most.
        step: of differences of values at those points.
        directions: M x N x C, each of at most 1.
        gradients: M x N x C, the analytic gradients at S + radius * direction.
        nearer: the same at a sixteenth of the radius.
    """

    radius: float
    step: float
    directions: FloatArray
    gradients: FloatArray
    nearer: FloatArray

    def is_one_of_many(self, scores: FloatArray, entry: tuple[int, int]) -> bool:
        """Whether the entry is tied with two others of its row or more.

        Then its derivative may jump at points that were not sampled: the second largest of many is seldom just this.
        """
        return len(_tied(scores, self.radius, *entry)) > 1

    def kinked(self, entry: tuple[int, int]) -> bool:
        """Whether a derivative of the entry's row or column jumps around S: its spread does not shrink with the radius.

        Not the entry's own alone: where two of its kinks meet, one may go on as the other goes off at every point;
        but across a kink the derivatives by all its scores jump.
        """
        row, column = entry
        spread, nearer = (
            np.concatenate([np.ptp(seen[:, row], axis=0), np.ptp(seen[:, :, column], axis=0)])
            for seen in (self.gradients, self.nearer)
        )
        return bool(np.any((spread > 0) & (nearer > spread / 4)))


def sample(
    oracle: Oracle, scores: FloatArray, value_noise: float, scale: float, rng: np.random.Generator
) -> Neighbourhood:
    """Sample gradients around S, on two radii: 32 calls.

    Args:
        oracle: the loss at this problem.
        scores: N x C float64.
        value_noise: standard deviation of the noise of a value; differences must rise above it within the radius.
        scale: the largest gradient seen near.
        rng: draws the directions.
    """
    finest = _finest(value_noise, scale)
    radius = _radius(finest)
    step = max(radius * _STEP, min(finest, radius * _WIDEST_STEP))
    directions = np.array(list(_patterns(scores.shape, 2 * _PATTERNS, rng)))
    gradients = np.array([oracle(scores + radius * d).gradient for d in directions])
    nearer = np.array([oracle(scores + radius / _SHRINK * d).gradient for d in directions])
    return Neighbourhood(radius, step, directions, gradients, nearer)


def kinked_entries(
    oracle: Oracle,
    scores: FloatArray,
    rows: IndexArray,
    columns: IndexArray,
    value_noise: float,
    scale: float,
    rng: np.random.Generator,
) -> npt.NDArray[np.bool_]:
    """As ``Neighbourhood.kinked`` for E entries of a matrix too large to be held several times: 16 calls.

    Args:
        rows, columns: the entries.
        oracle, scores, value_noise, scale, rng: as for ``sample``.
    """
    radius = _radius(_finest(value_noise, scale))
    (own_rows, row), (own_columns, column) = (np.unique(index, return_inverse=True) for index in (rows, columns))
    spreads = [_Spread(), _Spread()], [_Spread(), _Spread()]
    for direction in _patterns(scores.shape, _PATTERNS, rng):
        for (in_rows, in_columns), reach in zip(spreads, (radius, radius / _SHRINK), strict=True):
            gradient = oracle.handed((scores + reach * direction).astype(oracle.dtype, copy=False))[1]
            in_rows.see(gradient[own_rows].T)
            in_columns.see(gradient[:, own_columns])
            del gradient
    jumps = [
        np.any((far.spread > 0) & (near.spread > far.spread / 4), axis=0) for far, near in zip(*spreads, strict=True)
    ]
    return np.asarray(jumps[0][row] | jumps[1][column])


class _Spread:
    """The range of numbers that are seen one after another, each of an array's."""

    def __init__(self) -> None:
        self._least: FloatArray | None = None
        self._most: FloatArray | None = None

    def see(self, numbers: FloatArray) -> None:
        self._least = numbers.copy() if self._least is None else np.minimum(self._least, numbers)
        self._most = numbers.copy() if self._most is None else np.maximum(self._most, numbers)

    @property
    def spread(self) -> FloatArray:
        assert self._least is not None
        assert self._most is not None
        return np.asarray(self._most - self._least)


def _finest(value_noise: float, scale: float) -> float:
    """The step below which differences do not rise above the noise."""
    return SIGMAS * value_noise / (1e-4 * scale) if scale > 0 else 0.0


def _radius(finest: float) -> float:
    return min(0.1, max(_RADIUS, finest / _WIDEST_STEP))


def _patterns(shape: tuple[int, ...], count: int, rng: np.random.Generator) -> Iterator[FloatArray]:
    return (_signs(shape, rng) if k % 2 else _ranks(shape, rng) for k in range(count))


def _signs(shape: tuple[int, ...], rng: np.random.Generator) -> FloatArray:
    """Every score up or down: switches kinks of single scores and of pairs, each on or off."""
    rows, columns = shape
    sizes = np.linspace(0.6, 1.0, columns)  # all different: no two scores that move together stay tied
    moved = np.array([rng.uniform(0.9, 1.0) * rng.permutation(sizes) for _ in range(rows)])
    return np.asarray(moved * rng.choice([-1.0, 1.0], size=shape))


def _ranks(shape: tuple[int, ...], rng: np.random.Generator) -> FloatArray:
    """The scores of each row in some order, evenly spaced: breaks ties of many in every way there is."""
    rows, columns = shape
    levels = (np.arange(columns) + 0.5) / columns * 2 - 1
    return np.array([rng.uniform(0.8, 1.0) * rng.permutation(levels) for _ in range(rows)])


def judge_hull(
    oracle: Oracle,
    plan: Plan,
    scores: FloatArray,
    around: Neighbourhood,
    entry: tuple[int, int],
    lowest: float,
    highest: float,
    value_noise: float,
    widest: float,
) -> int:
    """Whether the derivatives by an entry around S reach both up to ``lowest`` and down to ``highest``.

    Args:
        oracle: the loss at this problem.
        plan: how values are obtained; asked at points around S.
        scores: N x C float64.
        around: gradients sampled around S.
        entry: (row, class).
        lowest, highest: the analytic entry less and plus what its tolerance allows.
        value_noise: standard deviation of the noise of a value.
        widest: a bound wider than this says nothing.

    Returns:
        ``verdict.SUBGRADIENT`` where they do, ``WRONG`` where they do not, ``UNRESOLVED`` where what was found
        could not be checked.

    At most 36 calls: the search, and four for each point that is checked.
    """
    search = _Search(oracle, scores, around, entry)
    for sign, goal in ((+1.0, lowest), (-1.0, highest)):
        candidates = search.towards(sign, goal)[:_CHECKED]
        limits = [_limit_along(plan, scores, around, direction, entry, value_noise) for direction in candidates]
        told = [(limit, bound) for limit, bound in limits if bound <= widest]
        if not any(sign * (limit - goal) >= -bound for limit, bound in told):
            return WRONG if told else UNRESOLVED
    return SUBGRADIENT


class _Search:
    """Looks for directions in which an entry's analytic derivative is large, or small."""

    def __init__(self, oracle: Oracle, scores: FloatArray, around: Neighbourhood, entry: tuple[int, int]) -> None:
        self._oracle, self._scores, self._around, self._entry = oracle, scores, around, entry
        self._seen = list(zip(around.gradients[:, *entry].tolist(), around.directions, strict=True))
        self._calls = 0
        self._proposals = self._proposed()
        for ranked in self._ranks_among_tied(*entry):
            self._ask(ranked)

    def towards(self, sign: float, goal: float) -> list[FloatArray]:
        """Directions by falling ``sign`` times derivative, once the first reaches ``goal`` or the calls are spent."""
        while not self._best(sign)[0] * sign >= sign * goal and self._calls < _SEARCH:
            direction = next(self._proposals, None)
            if direction is None:
                direction = self._turned(self._best(sign)[1])
            self._ask(direction)
        return [direction for _, direction in sorted(self._seen, key=lambda p: (-sign * p[0], -self._room(p[1])))]

    def _room(self, direction: FloatArray) -> float:
        """How far a direction moves the entry apart from the nearest of its row: a difference needs room.

        From those that it is not tied with too, for a margin's two scores may tie at any distance.
        """
        row, column = self._entry
        apart = np.abs(np.delete(direction[row], column) - direction[row, column])
        return float(np.min(apart, initial=np.inf))

    def _best(self, sign: float) -> tuple[float, FloatArray]:
        return max(self._seen, key=lambda pair: sign * pair[0])

    def _ask(self, direction: FloatArray) -> FloatArray:
        self._calls += 1
        gradient = self._oracle(self._scores + self._around.radius * direction).gradient
        self._seen.append((float(gradient[self._entry]), direction))
        return gradient

    def _proposed(self) -> Iterator[FloatArray]:
        """Informed guesses, for kinks between pairs of scores and for ties of many.

        Across a kink of a function of s_k - s_j (or s_k + s_j), the derivative by s_j jumps against (or with) that by
        s_k. So with s_j kept where it is, all other scores are moved up, then down: the derivatives by them say
        which way to move each for this one's sake.
        """
        up = np.full(self._scores.shape, 0.9)
        up[self._entry] = 0.1
        rising = np.where(self._ask(up) >= self._ask(-up), up, -up)
        yield rising
        yield -rising
        row, column = self._entry
        # An entry that passes all others of its row, one after another, takes every rank among those it is tied with.
        columns = self._scores.shape[1]
        levels = np.arange(columns) / columns * 2 - 1
        for level in levels[:: max(1, columns // 6)]:
            passing = self._around.directions[0].copy()
            passing[row] = np.insert(levels[1:], column, level) - 1 / columns
            yield passing

    def _ranks_among_tied(self, row: int, column: int) -> Iterator[FloatArray]:
        """The entry as the first, the second, ... of those of its row that it is tied with; and as the last of them."""
        others = _tied(self._scores, self._around.radius, row, column)
        for above in sorted({*range(min(_RANKS, len(others) + 1)), len(others)} if len(others) else ()):
            ranked = self._around.directions[0].copy()
            ranked[row, others[:above]] = np.linspace(0.9, 0.4, above)
            ranked[row, others[above:]] = np.linspace(-0.4, -0.9, len(others) - above)
            ranked[row, column] = _roomiest(np.delete(ranked[row], column))
            yield ranked

    def _turned(self, direction: FloatArray) -> FloatArray:
        """The direction with one of its coordinates turned round, first those of the entry's row, then its column's."""
        row, column = self._entry
        rows, columns = self._scores.shape
        in_row = [(row, k) for k in range(columns)]
        in_column = [(i, column) for i in range(rows) if i != row]
        turned = direction.copy()
        turned[(in_row + in_column)[self._calls % (rows + columns - 1)]] *= -1
        return turned


def _roomiest(taken: FloatArray) -> float:
    """The place about 0 that is farthest from those that are taken."""
    places = np.linspace(-0.3, 0.3, 61)
    room = np.min(np.abs(places[:, np.newaxis] - taken), axis=1, initial=1.0)
    return float(places[np.argmax(room)])


def _tied(scores: FloatArray, radius: float, row: int, column: int) -> IndexArray:
    """The other entries of a row that are tied with one, as far as the sampled points can tell."""
    apart = np.abs(scores[row] - scores[row, column])
    return np.flatnonzero((apart <= radius) & (np.arange(scores.shape[1]) != column))


def _limit_along(
    plan: Plan,
    scores: FloatArray,
    around: Neighbourhood,
    direction: FloatArray,
    entry: tuple[int, int],
    value_noise: float,
) -> tuple[float, float]:
    """The limit at S, along a direction, of the derivative by an entry, from values alone; and its bound."""
    row, column = np.array([entry[0]]), np.array([entry[1]])
    step = np.array([around.step])
    derivatives = []
    for distance in (around.radius, around.radius / 2):
        there = plan.at(scores + distance * direction)
        above, below = there.along(row, column, step), there.along(row, column, -step)
        derivatives.append(float((above.values - below.values)[0] / (above.moved - below.moved)[0]))
    far, near = derivatives
    noise = SIGMAS * np.sqrt(2.0) * value_noise / (2 * around.step)
    return 2 * near - far, abs(near - far) + 3 * noise
