"""The value at S lies apart from its values all around: a removable discontinuity."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from gradcheck.diagnosis.evidence import Evidence
from gradcheck.report import Finding


def removable_jump(evidence: Evidence) -> Iterator[Finding]:
    """Along some axis the value tends to one number from both sides, and S itself has another.

    Such a loss has no derivative at S, and a step in any direction undoes the jump: something is compared with ``==``.
    """
    for seen in evidence.observations:
        leaps = np.argwhere(seen.leaps != 0)
        if not len(leaps):
            continue
        row, column = leaps[0].tolist()
        near = seen.value + float(seen.leaps[row, column])
        yield Finding(
            "removable-jump",
            "error",
            f"the value is {seen.value:.6g} at S, but near {near:.6g} wherever S[{row}, {column}] = "
            f"{seen.S[row, column]:g} is moved a little, up or down (batch size {seen.rows}, {seen.scores}, "
            f"seed {seen.seed})",
            hint="look for a comparison with ==, or for numbers dropped by their value: a margin of exactly 1 is a tie "
            "with the label, and not always the label's own",
        )
        return
