"""Points near x where every side of its kinks is met; and where kinks meet, is dS between the derivatives there?

Where one kink meets another, the derivative along an axis can exist and the right answer still differ from it: a margin
at 0 switches on as another, at its cap, switches off. What is right there is any value in the hull of the limits of
gradients at smooth points nearby (gradient sampling: J. V. Burke, A. S. Lewis and M. L. Overton, "A robust gradient
sampling algorithm for nonsmooth, nonconvex optimization", SIAM J. Optim. 15, 2005).

Gradients only propose points; what is believed there are differences of values.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import product
from math import prod

import numpy as np

from gradcheck.checking.precision import Precision
from gradcheck.evaluation.objective import Objective
from gradcheck.layout import Blocks
from gradcheck.numerics import verdicts as verdict
from gradcheck.numerics.differences import SIGMAS
from gradcheck.report import BoolArray, FloatArray, IndexArray, VerdictArray

_RADIUS, _LARGEST_RADIUS = 1e-4, 0.1
#: Steps of differences at a point nearby, in radii: shorter than the way to any kink through x. The wider one is for
#: functions whose noise asks for it.
_STEP, _WIDEST_STEP = 1 / 256, 1 / 64
#: Directions that are sampled for all entries together; and once more at this part of the radius.
_SAMPLED, _SHRINK = 16, 16.0
#: Of evenly spaced levels: with a half, an entry in the middle would not be moved at all.
_OFF_CENTRE = 0.4
#: A longer x is not searched around, because some fifty gradients are held.
MOST_HELD = 2**18
#: Points whose derivatives are checked by values, of the largest and of the smallest.
_CHECKED = 2
#: Ranks among tied entries that are tried: all of them; of more, the first few and others between them and the last.
_RANKS, _FIRST_RANKS = 16, 4
#: Further directions where rows are coupled: if the value is one of 40 tied scores, such as the least of the classes'
#: maxima, some 64 of these show each of them.
_FURTHER = 128
#: Of these, how many may fail to have by values what the gradient has there: a wrong dS has it nowhere.
_TRIES = 8


#: Shapes of the arrays, one after another in x, of which any entries may tie; none where rows of a matrix are separate.
Shapes = Sequence[tuple[int, ...]]


class Nearby:
    """The surroundings of x, wider where a function is noisy; gradients there are shared by all entries in doubt."""

    def __init__(self, objective: Objective, x: FloatArray, precision: Precision, arrays: Shapes) -> None:
        self.objective, self.x, self.precision, self.arrays = objective, x, precision, arrays
        finest = SIGMAS * precision.value_noise / (1e-4 * precision.scale)
        #: How far from x to look, and the step of differences there.
        self.radius = min(_LARGEST_RADIUS, max(min(_RADIUS, precision.reach), finest / _WIDEST_STEP))
        self.step = max(self.radius * _STEP, min(finest, self.radius * _WIDEST_STEP))
        #: Directions in which the derivative by an entry reaches that of dS.
        self.reached: list[FloatArray] = []

    def gradient(self, direction: FloatArray, part: float = 1.0) -> FloatArray:
        """The gradient (n,) at x + radius * direction, or at a part of the radius: one call."""
        return self.objective(self.x + part * self.radius * direction).gradient

    @cached_property
    def directions(self) -> FloatArray:
        """(M, n), of at most 1."""
        rng = np.random.default_rng(self.objective.shape)
        return np.array(list(patterns(self.objective.blocks, _SAMPLED, rng)))

    @cached_property
    def gradients(self) -> FloatArray:
        """(M, n), at x + radius * direction: 16 calls."""
        return np.array([self.gradient(direction) for direction in self.directions])

    @cached_property
    def nearer(self) -> FloatArray:
        """(M, n), the same at a part of the radius."""
        return np.array([self.gradient(direction, 1 / _SHRINK) for direction in self.directions])

    @cached_property
    def jumps(self) -> BoolArray:
        """(n,), entries whose derivative jumps around x: its spread is above its noise and does not shrink near x."""
        spread, nearer = np.ptp(self.gradients, axis=0), np.ptp(self.nearer, axis=0)
        own = replace(self.precision.gradient_noise, beyond=None)  # gradients here are the reference's
        noise = SIGMAS * own.of(np.arange(len(self.x)))
        return np.asarray((spread > 2 * noise) & (nearer > spread / 4))

    def has_jump_at(self, entry: int) -> bool:
        """Whether a derivative by an entry of the same row or column jumps around x."""
        # Not the entry's own alone: where two of its kinks meet, one may go on as the other goes off at every point;
        # but across a kink the derivatives by all its scores jump.
        row, column = divmod(entry, self.objective.shape[1])
        jumps = self.jumps.reshape(self.objective.shape)
        return bool(jumps[row].any() or jumps[:, column].any())

    def derivative_along(self, direction: FloatArray, entry: int) -> tuple[float, float]:
        """The limit at x, along a direction, of the derivative by an entry, from values alone; and its bound."""
        slopes = []
        for distance in (self.radius, self.radius / 2):
            point = self.x + distance * direction
            after = self.objective.rounded(point[entry] + np.array([self.step, -self.step]))
            values, _ = self.objective.ask("whole", point, np.array([entry, entry]), after)
            slopes.append(float((values[0] - values[1]) / (after[0] - after[1])))
        far, near = slopes
        noise = SIGMAS * np.sqrt(2.0) * self.precision.value_noise / (2 * self.step)
        return 2 * near - far, abs(near - far) + 3 * noise

    def judge(
        self, entries: IndexArray, analytic: FloatArray, allowed: FloatArray, kinked: BoolArray
    ) -> tuple[BoolArray, VerdictArray]:
        """Whether kinks meet at entries that are wrong so far, and whether dS is between the derivatives around x.

        Of E entries, dS, what the tolerances and its noise allow, and whether left and right derivatives differ.

        Returns:
            E truth values, whether there is a kink, and E verdicts; of a long x, entries at ties are unresolved.
        """
        kinked = kinked.copy()
        if len(self.x) > MOST_HELD:  # kinks meet where entries of a block tie
            slices, blocks = self.objective.blocks.slices(), self.objective.blocks.of(entries)
            pairs = zip(entries.tolist(), (slices[block] for block in blocks), strict=True)
            kinked |= np.array([np.count_nonzero(self.x[own] == self.x[entry]) > 1 for entry, own in pairs])
            return kinked, np.where(kinked, verdict.UNRESOLVED, verdict.WRONG).astype(np.int8)
        around = [_Around(self, int(k), float(analytic[e]), float(allowed[e])) for e, k in enumerate(entries)]
        for e, each in enumerate(around):
            kinked[e] |= self.has_jump_at(each.entry)
            if kinked[e]:
                each.look()
        if self.arrays:
            # Where all entries may tie, few points show the one that dS chose: dS is unlike all gradients seen.
            far, near = (np.abs(g[:, entries] - analytic).min(axis=0) for g in (self.gradients, self.nearer))
            rare = kinked | ((far > allowed) & (near > far / 4))
            _look_further(self, [each for e, each in enumerate(around) if rare[e] and each.missing])
        verdicts = np.array([each.verdict for each in around], dtype=np.int8)
        return kinked | (verdicts == verdict.SUBGRADIENT), verdicts


def patterns(blocks: Blocks, count: int, rng: np.random.Generator) -> Iterator[FloatArray]:
    """So many directions (n,) of at most 1, of two kinds in turn: orders of the entries of each block, and signs."""
    for k in range(count):
        of_block = _signs if k % 2 else _order
        yield np.concatenate([of_block(each.stop - each.start, rng) for each in blocks.slices()])


def _signs(count: int, rng: np.random.Generator) -> FloatArray:
    """Every entry up or down, by different lengths: switches kinks of single entries and of pairs on or off."""
    lengths = rng.uniform(0.9, 1.0) * rng.permutation(np.linspace(0.6, 1.0, count))
    return np.asarray(lengths * rng.choice([-1.0, 1.0], size=count))


def _order(count: int, rng: np.random.Generator) -> FloatArray:
    """The entries in some order, evenly spaced: breaks ties of many in every way there is."""
    levels = (np.arange(count) + _OFF_CENTRE) / count * 2 - 1
    return np.asarray(rng.uniform(0.8, 1.0) * rng.permutation(levels))


@dataclass(eq=False)
class _Around:
    """Whether the derivatives by one entry around x reach both up to the analytic one and down to it."""

    nearby: Nearby
    entry: int
    analytic: float
    allowed: float
    missing: tuple[float, ...] = (1.0, -1.0)  # the signs of the sides that no derivative reaches so far
    tries: int = _TRIES
    is_known: bool = True  # whether any derivative that is to reach dS from the first missing side is

    def look(self) -> None:
        """Judge by the directions sampled for all entries and by guesses: some 20 calls."""
        seen = _seen_around(self.nearby, self.entry)
        for sign in self.missing:
            best = sorted(seen, key=lambda each: -sign * each[0])[:_CHECKED]
            self.is_known = False
            if not self._reaches(sign, [direction for _, direction in best]):
                return

    def add(self, gradient: FloatArray, direction: FloatArray) -> None:
        """Judge by the gradient at one more point, if that reaches dS from a side that is missing."""
        for sign in self.missing:
            if self.tries and sign * (gradient[self.entry] - self.analytic) >= -self.allowed:
                self.tries -= 1
                self._reaches(sign, [direction])

    def _reaches(self, sign: float, directions: list[FloatArray]) -> bool:
        """Whether one of the derivatives along directions, by values, reaches dS from this side."""
        widest = verdict.TOO_WIDE * self.nearby.precision.scale + self.allowed
        for direction in directions:
            limit, bound = self.nearby.derivative_along(direction, self.entry)
            self.is_known |= bound <= widest
            if bound <= widest and sign * (limit - self.analytic) >= -self.allowed - bound:
                self.missing = tuple(each for each in self.missing if each != sign)
                self.nearby.reached.append(direction)
                return True
        return False

    @property
    def verdict(self) -> int:
        """Right once both sides are reached; else wrong, if any derivative is known."""
        if not self.missing:
            return verdict.SUBGRADIENT
        return verdict.WRONG if self.is_known else verdict.UNRESOLVED


def _look_further(nearby: Nearby, left: list[_Around]) -> None:
    """Judge entries by rarer points: some 8 for each of them, then at most 128 for all."""
    for each in left:
        for direction in _lines(nearby.arrays, each.entry):
            each.add(nearby.gradient(direction), direction)
    for direction in rare_directions(nearby.arrays):
        left = [each for each in left if each.missing]
        if not left:
            return
        gradient = nearby.gradient(direction)
        for each in left:
            each.add(gradient, direction)


def _lines(arrays: Shapes, entry: int) -> Iterator[FloatArray]:
    """Directions (n,) in which an entry stays, and those along each axis from it and all others move, up or down.

    They show what a minimum of maxima takes, or a maximum of minima.
    """
    starts = np.cumsum([0, *map(prod, arrays)])
    number = int(np.searchsorted(starts, entry, side="right")) - 1
    shape, own = arrays[number], slice(starts[number], starts[number + 1])
    index = np.unravel_index(entry - own.start, shape)
    for of_rest, *of_lines in product((0.8, -0.8), repeat=1 + len(shape)):
        direction = np.full(starts[-1], of_rest)
        array = direction[own].reshape(shape)
        for axis, of_line in enumerate(of_lines):
            array[(*index[:axis], slice(None), *index[axis + 1 :])] = of_line
        array[index] = 0.1 * of_rest
        yield direction


def rare_directions(arrays: Shapes) -> Iterator[FloatArray]:
    """128 orders (n,) of all entries, evenly spaced: slices across an axis come first, or single entries do."""
    rng = np.random.default_rng(len(arrays))
    for _ in range(_FURTHER):
        levels = []
        for shape in arrays:
            across = [[length if k == axis else 1 for k, length in enumerate(shape)] for axis in range(len(shape))]
            weights = rng.dirichlet([0.5] * (1 + len(across)))
            parts = [w * rng.uniform(-1, 1, size) for w, size in zip(weights, [shape, *across], strict=True)]
            levels.append(np.ravel(sum(parts)))
        order = np.concatenate(levels).argsort().argsort()
        yield (order + _OFF_CENTRE) / len(order) * 2 - 1


def _seen_around(nearby: Nearby, entry: int) -> list[tuple[float, FloatArray]]:
    """Analytic derivatives by an entry around x, and the directions of the points: those sampled for all, and guesses.

    The guesses are for kinks between pairs of entries, and for ties of many.
    """
    blocks = nearby.objective.blocks
    own = blocks.slices()[int(blocks.of(np.array([entry]))[0])]
    others = np.setdiff1d(np.arange(own.start, own.stop), entry)
    # Across a kink of a function of s_k - s_j (or s_k + s_j), the derivative by s_j jumps against (or with) that by
    # s_k. So with s_j kept where it is, all other entries are moved up, then down: the derivatives by them say
    # which way to move each so that the derivative by s_j becomes large.
    up = np.full(len(nearby.x), 0.9)
    up[entry] = 0.1
    rising = np.where(nearby.gradient(up) >= nearby.gradient(-up), up, -up)
    guesses = [*_ranks_among_tied(nearby, entry, others), rising, -rising]
    sampled = zip(nearby.gradients[:, entry].tolist(), nearby.directions, strict=True)
    return [*sampled, *((float(nearby.gradient(each)[entry]), each) for each in guesses)]


def _ranks_among_tied(nearby: Nearby, entry: int, others: IndexArray) -> Iterator[FloatArray]:
    """The entry as the first, the second, ... of those of its block that it is tied with; and as the last."""
    x = nearby.x
    tied = others[np.abs(x[others] - x[entry]) <= nearby.radius]
    ranks = {round(rank) for rank in np.linspace(0, len(tied), min(_RANKS, len(tied) + 1))}
    ranks |= set(range(min(_FIRST_RANKS, len(tied) + 1)))
    for above in sorted(ranks if len(tied) else ()):
        ranked = nearby.directions[0].copy()
        ranked[tied[:above]] = np.linspace(0.9, 0.4, above)
        ranked[tied[above:]] = np.linspace(-0.4, -0.9, len(tied) - above)
        ranked[entry] = 0.0
        yield ranked
