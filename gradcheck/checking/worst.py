"""The worst entries of a batch, as a reader wants them: what is wrong first, and the most wrong of it."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from gradcheck.checking.judgement import Judgement
from gradcheck.report import VERDICTS, Entry, FloatArray


def worst_entries(
    scores: FloatArray,
    labels: npt.NDArray[np.int64] | None,
    analytic: FloatArray,
    judgement: Judgement,
    most: int,
) -> tuple[Entry, ...]:
    """The worst entries, worst first.

    Args:
        scores: N x C float64.
        labels: N labels; None where the labels are not classes.
        analytic: N x C, dS.
        judgement: of the same problem.
        most: how many.

    Returns:
        At most so many: by verdict, then by relative error (but negligible entries last), then
        in reading order.
    """
    relative = np.where(judgement.negligible, 0.0, judgement.relative_errors).ravel()
    relative = np.fmin(relative, 2.0)  # it is at most 2 where it is a number
    badness = 3.0 * judgement.verdicts.ravel() + relative  # of ``VERDICTS`` the worst is the last
    last = np.partition(badness, -most)[-most] if badness.size > most else -np.inf
    candidates = np.flatnonzero(badness >= last)  # to sort these alone takes no time
    order = candidates[np.argsort(-badness[candidates], kind="stable")]
    rows, columns = np.unravel_index(order[:most], scores.shape)
    return tuple(
        Entry(
            row=row,
            class_=column,
            label=None if labels is None else int(labels[row]),
            score=float(scores[row, column]),
            analytic=float(analytic[row, column]),
            numerical=float(judgement.numerical[row, column]),
            bound=float(judgement.bounds[row, column]),
            relative_error=float(judgement.relative_errors[row, column]),
            verdict=VERDICTS[judgement.verdicts[row, column]],
            plain=float(judgement.plain[row, column]),
            step=float(judgement.steps[row, column]),
            central=float(judgement.central[row, column]) if judgement.by_complex[row, column] else None,
            tried=judgement.rungs.of(row * scores.shape[1] + column) if judgement.rungs else (),
        )
        for row, column in zip(rows.tolist(), columns.tolist(), strict=True)
    )
