"""Nothing was tried: value and dS are flat at every problem."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from gradcheck.checking.case import Case
from gradcheck.diagnosis.evidence import Evidence
from gradcheck.diagnosis.rule import rule
from gradcheck.report import Finding


@rule("vacuous", rank=110, applies="always")
def vacuous(evidence: Evidence) -> Iterator[Finding]:
    """dS and the numerical gradient are 0 in every entry of every problem, and some of these are known."""
    observations = evidence.observations
    if not any(seen.known.any() for seen in observations) or not all(map(_is_flat, observations)):
        return
    problems = f"{len(observations)} problems" if len(observations) > 1 else "the one problem"
    yield Finding(
        "vacuous",
        "warning",
        f"dS and the numerical gradient are 0 in all {sum(seen.S.size for seen in observations)} entries of "
        f"{problems}: nothing was tried",
        hint="try scores at which the value changes: larger or smaller ones, or more than one class; where there are "
        "none, the value does not depend on S",
    )


def _is_flat(seen: Case) -> bool:
    """0 but for rounding and bounds; at a kink something was tried."""
    flat = (np.abs(seen.numerical) <= seen.bounds) & (np.abs(seen.analytic) <= seen.granted)
    return bool(np.all(flat & ~seen.kinked))
