"""Entries that look wrong, and may yet be subgradients where kinks meet: asked around S."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from gradcheck.checking import neighbourhood
from gradcheck.checking.hull import judge_hull
from gradcheck.evaluation.asking import IndexArray
from gradcheck.evaluation.oracle import Oracle
from gradcheck.evaluation.plans.full import FullPlan
from gradcheck.numerics import verdict
from gradcheck.report import FloatArray

BoolArray = npt.NDArray[np.bool_]

#: Entries of a matrix of which some fifty are held to search for the hull of derivatives around it.
_MOST_HELD = 2**18


@dataclass(frozen=True, eq=False)
class Suspects:
    """E entries of dS that are wrong so far.

    Attributes:
        rows, columns: which.
        kinked: whether left and right derivatives differ.
        analytic: E floats, dS.
        allowed: E floats, what the tolerances and the noise of dS allow.
    """

    rows: IndexArray
    columns: IndexArray
    kinked: BoolArray
    analytic: FloatArray
    allowed: FloatArray


def ask_around(
    oracle: Oracle,
    scores: FloatArray,
    suspects: Suspects,
    value_noise: float,
    scale: float,
    rng: np.random.Generator,
) -> tuple[BoolArray, npt.NDArray[np.int8]]:
    """Whether kinks meet at entries, and where they do, whether dS is in the hull of the derivatives around S.

    Of a matrix too large for a search around it, an entry near kinks is left open.

    Args:
        oracle: the loss at this problem.
        scores: N x C float64.
        suspects: E entries.
        value_noise: standard deviation of the noise of a value.
        scale: the largest gradient seen near.
        rng: draws the points.

    Returns:
        E truth values, whether kinks are there, and E verdicts.
    """
    kinked, verdicts = suspects.kinked.copy(), np.full(len(suspects.rows), verdict.WRONG, dtype=np.int8)
    if scores.size > _MOST_HELD:
        kinked |= neighbourhood.kinked_entries(oracle, scores, suspects.rows, suspects.columns, value_noise, scale, rng)
        verdicts[kinked] = verdict.UNRESOLVED
        return kinked, verdicts
    whole = FullPlan(oracle, scores)
    around = neighbourhood.sample(oracle, scores, value_noise, scale, rng)
    for e, entry in enumerate(zip(suspects.rows.tolist(), suspects.columns.tolist(), strict=True)):
        kinked[e] |= around.kinked(entry)
        if kinked[e]:
            analytic, allowed = float(suspects.analytic[e]), float(suspects.allowed[e])
            verdicts[e] = judge_hull(
                oracle, whole, scores, around, entry,
                lowest=analytic - allowed, highest=analytic + allowed, value_noise=value_noise,
                widest=verdict.TOO_WIDE * scale + allowed,
            )  # fmt: skip
    return kinked, verdicts
