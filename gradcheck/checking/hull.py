"""Where kinks meet: is the analytic entry in the hull of the derivatives around S?

At a point where one kink meets another, the derivative along an axis can exist and the right answer still differ from
it: a margin at 0 switches on as another, at its cap, switches off. What is right there is the hull of the limits of
gradients at smooth points nearby (gradient sampling: J. V. Burke, A. S. Lewis and M. L. Overton, "A robust gradient
sampling algorithm for nonsmooth, nonconvex optimization", SIAM J. Optim. 15, 2005).

The analytic gradient only *proposes* points; what is believed there are differences of values.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from gradcheck.checking.neighbourhood import Neighbourhood
from gradcheck.evaluation.asking import IndexArray
from gradcheck.evaluation.oracle import Oracle
from gradcheck.evaluation.plans.plan import Plan
from gradcheck.numerics.differences import SIGMAS
from gradcheck.numerics.verdict import SUBGRADIENT, UNRESOLVED, WRONG
from gradcheck.report import FloatArray

#: Ranks among tied entries that are tried: all of them; of more, the first few and others between them and the last.
_RANKS, _FIRST_RANKS = 16, 4
#: Calls that the search for one entry's two points may cost, and points that are checked for each of the two. Ranks
#: beyond a few are extra.
_SEARCH = 20
_FEW_RANKS = 5
_CHECKED = 2


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

    At most 36 calls, the search and four for each point that is checked; and one for each rank beyond the fifth among
    entries that it is tied with.
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
        self._most_calls = _SEARCH + max(0, self._calls - _FEW_RANKS)

    def towards(self, sign: float, goal: float) -> list[FloatArray]:
        """Directions by falling ``sign`` times derivative, once the first reaches ``goal`` or the calls are spent."""
        while not self._best(sign)[0] * sign >= sign * goal and self._calls < self._most_calls:
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
        ranks = {round(rank) for rank in np.linspace(0, len(others), min(_RANKS, len(others) + 1))}
        ranks |= set(range(min(_FIRST_RANKS, len(others) + 1)))
        for above in sorted(ranks if len(others) else ()):
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
