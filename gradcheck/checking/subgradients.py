"""Points near x where every side of its kinks is met; and where kinks meet, is dS between the derivatives there?

Where one kink meets another, the derivative along an axis can exist and the right answer still differ from it: a margin
at 0 switches on as another, at its cap, switches off. What is right there is any value in the hull of the limits of
gradients at smooth points nearby (gradient sampling: J. V. Burke, A. S. Lewis and M. L. Overton, "A robust gradient
sampling algorithm for nonsmooth, nonconvex optimization", SIAM J. Optim. 15, 2005).

Gradients only propose points; what is believed there are differences of values.
"""

from collections.abc import Iterator
from dataclasses import replace
from functools import cached_property

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


class Nearby:
    """The surroundings of x, wider where a function is noisy; gradients there are shared by all entries in doubt."""

    def __init__(self, objective: Objective, x: FloatArray, precision: Precision) -> None:
        self.objective, self.x, self.precision = objective, x, precision
        finest = SIGMAS * precision.value_noise / (1e-4 * precision.scale)
        #: How far from x to look, and the step of differences there.
        self.radius = min(_LARGEST_RADIUS, max(min(_RADIUS, precision.reach), finest / _WIDEST_STEP))
        self.step = max(self.radius * _STEP, min(finest, self.radius * _WIDEST_STEP))

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
    def jumps(self) -> BoolArray:
        """(n,), entries whose derivative jumps around x: its spread is above its noise and does not shrink near x."""
        nearer = np.ptp([self.gradient(direction, 1 / _SHRINK) for direction in self.directions], axis=0)
        spread = np.ptp(self.gradients, axis=0)
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
        kinked, verdicts = kinked.copy(), np.full(len(entries), verdict.WRONG, dtype=np.int8)
        if len(self.x) > MOST_HELD:  # kinks meet where entries of a block tie
            slices, blocks = self.objective.blocks.slices(), self.objective.blocks.of(entries)
            pairs = zip(entries.tolist(), (slices[block] for block in blocks), strict=True)
            kinked |= np.array([np.count_nonzero(self.x[own] == self.x[entry]) > 1 for entry, own in pairs])
            verdicts[kinked] = verdict.UNRESOLVED
            return kinked, verdicts
        for e, entry in enumerate(entries.tolist()):
            kinked[e] |= self.has_jump_at(entry)
            if kinked[e]:
                verdicts[e] = _judge_hull(self, entry, float(analytic[e]), float(allowed[e]))
        return kinked, verdicts


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


def _judge_hull(nearby: Nearby, entry: int, analytic: float, allowed: float) -> int:
    """Whether the derivatives by an entry around x reach both up to the analytic one and down to it: some 20 calls."""
    seen, widest = _seen_around(nearby, entry), verdict.TOO_WIDE * nearby.precision.scale + allowed
    for sign in (1.0, -1.0):
        goal = analytic - sign * allowed
        best = sorted(seen, key=lambda each: -sign * each[0])[:_CHECKED]
        limits = [nearby.derivative_along(direction, entry) for _, direction in best]
        known = [(limit, bound) for limit, bound in limits if bound <= widest]
        if not any(sign * (limit - goal) >= -bound for limit, bound in known):
            return verdict.WRONG if known else verdict.UNRESOLVED
    return verdict.SUBGRADIENT


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
