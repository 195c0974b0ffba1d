"""The value takes log(max(p_y, eps)), and dS is the derivative of log(p_y)."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from gradcheck.diagnosis.evidence import Evidence
from gradcheck.diagnosis.hypotheses import probability_of_label
from gradcheck.diagnosis.numbers import plain
from gradcheck.report import Finding

#: A larger probability than this is hardly one that a guard replaces.
_LARGEST_GUARD = 0.01


def clipped_log(evidence: Evidence) -> Iterator[Finding]:
    """The rows with a wrong entry have the smallest p_y of all rows, and the numerical gradient is 0 in them."""
    flat, others = [0.0], [1.0]
    for seen in evidence.observations:
        p_y = probability_of_label(seen)
        wrong = seen.wrong.any(axis=1)
        if p_y is None or np.any((np.abs(seen.numerical) > seen.bounds + seen.granted)[wrong]):
            return
        flat += p_y[wrong, 0].tolist()
        moving = np.any(np.abs(seen.numerical) > seen.bounds + seen.granted, axis=1)
        others += p_y[moving, 0].tolist()
    if not max(flat) < min(*others, _LARGEST_GUARD):
        return
    rows = f"{len(flat) - 1} {'row' if len(flat) == 2 else 'rows'}"
    yield Finding(
        "log-guard",
        "error",
        f"the value does not change with the scores of rows whose p_y is at most {plain(max(flat))}, and dS is not 0 "
        f"there ({rows}); where p_y is at least {plain(min(others))} dS is right: the value takes log(max(p_y, eps)) "
        f"with an eps between these",
        hint="take the guard out of the value: log(sum_m e^{s_m}) - s_y, of scores less their row's maximum; or set "
        "the rows of dS with p_y < eps to 0",
    )
