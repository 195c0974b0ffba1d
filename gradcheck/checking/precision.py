"""How precise is this loss, here: the noise of its value and of its dS, and the step that suits it.

All measured, once a problem, by a number of calls that does not depend on the size of S: some 45 where the loss is
smooth, and at most 87.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gradcheck.checking.case import Line
from gradcheck.checking.gradient_noise import FLOOR, GradientNoise, gradient_noise
from gradcheck.checking.lines import LINES, SPACING, look_along_lines
from gradcheck.checking.step import choose_step, directions
from gradcheck.evaluation.asking import IndexArray
from gradcheck.evaluation.oracle import Oracle
from gradcheck.evaluation.plans.plan import RowPlan
from gradcheck.functions.answer import Answer
from gradcheck.numerics import noise
from gradcheck.report import FloatArray

#: Rows from which on one direction tells the step, where each has its own values.
_MANY_ROWS = 8


@dataclass(frozen=True, eq=False)
class Precision:
    """What was measured.

    Attributes:
        value_noise: standard deviation of the noise of a value.
        gradient_noise: of dS, entry by entry.
        step: the step for central differences.
        rounding: value_noise beside the value that it was measured at, or of which it was rounded.
        smallest_part: what a row's part of the value is taken for at least, when its rounding is reckoned.
        parts_noise: N floats, as value_noise, of each row's own part of the value; None where only the whole is known.
        lines: dS along the lines that noise was measured on.
    """

    value_noise: float
    gradient_noise: GradientNoise
    step: float
    rounding: float
    smallest_part: float
    parts_noise: FloatArray | None = None
    lines: tuple[Line, ...] = ()

    def of_parts(self, rows: IndexArray, parts: FloatArray) -> FloatArray:
        """Standard deviations of the noise of rows' parts of the value, E floats, as if each were rounded as the whole.

        A row may be noisier than that, but hardly noisier than the whole, of which it is a part.

        Args:
            rows: E rows.
            parts: E floats, what each adds to the value.
        """
        rounded = self.rounding * np.maximum(np.abs(parts), self.smallest_part)
        if self.parts_noise is not None:
            rounded = np.maximum(rounded, self.parts_noise[rows])
        return np.asarray(np.minimum(rounded, self.value_noise))


def measure(oracle: Oracle, scores: FloatArray, at_scores: Answer, rng: np.random.Generator) -> Precision:
    """Measure the loss around S.

    Args:
        oracle: the loss at this problem.
        scores: N x C float64.
        at_scores: what the loss answered at S.
        rng: draws the lines and directions.
    """
    oracle.look_afar(scores)
    before = oracle.calls
    lines = look_along_lines(oracle, scores, at_scores, rng)
    spent = oracle.calls - before > LINES * (noise.POINTS - 1)
    value_noise = lines.value_noise(at_scores, oracle)
    along = directions(lines.curvature(), rng)
    # Where noise was hard to tell, one direction has to do for the step, the more curved one; and where each row has
    # its own values, it does.
    enough = along[:1] if spent or (at_scores.parts is not None and len(scores) >= _MANY_ROWS) else along
    step = choose_step(oracle, scores, at_scores, value_noise, enough, in_short=spent)
    size = max(abs(at_scores.value), oracle.value_scale)
    assert oracle.gradient_scale is not None  # it has been called
    return Precision(
        value_noise,
        gradient_noise([line.gradients for line in lines.lines], at_scores.gradient_eps, oracle.gradient_scale),
        step,
        rounding=value_noise / size if size > 0 else 0.0,
        smallest_part=oracle.value_scale / len(scores),
        parts_noise=lines.parts_noise(),
        lines=lines.lines,
    )


def measure_parts(
    plan: RowPlan, scores: FloatArray, rows: IndexArray, parts: FloatArray, rng: np.random.Generator
) -> FloatArray:
    """The noise of some rows' parts of the value, along lines that move these rows alone.

    Args:
        plan: asked for the rows' parts: 21 calls for each row, or in all.
        scores: N x C float64.
        rows: R rows, each once.
        parts: R floats, their parts of the value at S.
        rng: draws the lines.

    Returns:
        R standard deviations: the middle one of three lines, since a kink on one raises its level. Infinite where the
        parts hardly change: what they were rounded from cannot be seen in them.
    """
    levels = []
    for _ in range(LINES):
        direction = rng.normal(size=(len(rows), scores.shape[1]))
        there = [plan.parts(rows, scores[rows] + t * SPACING * direction) for t in noise.POSITIONS[1:]]
        series = np.array([parts, *there])
        levels.append(np.where(noise.is_stair(series), np.inf, noise.noise_level(series)))
    return np.asarray(np.median(levels, axis=0))


def rounding_of_gradient(given: Oracle, exact: Oracle, scores: FloatArray, at_scores: Answer) -> FloatArray:
    """How far dS in the user's dtype lies from that in float64, by rounding alone.

    Measured at points near S and not at S, where it might be the very defect that is looked for.

    Args:
        given: the loss in the user's dtype.
        exact: the loss in float64.
        scores: N x C float64.
        at_scores: what the loss answered at S in the user's dtype.

    Returns:
        N x C standard deviations: six calls.
    """
    rng = np.random.default_rng(scores.shape)
    apart = []
    for _ in range(3):
        near = (scores + SPACING * rng.normal(size=scores.shape)).astype(given.dtype).astype(np.float64)
        apart.append(given(near).gradient - exact(near).gradient)
    own = np.sqrt(np.mean(np.square(apart), axis=0))
    # The errors of a row are of one size, for they come from numbers of one size; three of them may all be small.
    row = np.sqrt(np.mean(np.square(own), axis=1, keepdims=True))
    assert exact.gradient_scale is not None  # it has been called
    floor = FLOOR * at_scores.gradient_eps * exact.gradient_scale[:, None]
    return np.asarray(np.maximum(np.maximum(own, row), floor))
