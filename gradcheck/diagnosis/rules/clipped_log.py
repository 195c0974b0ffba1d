"""The value takes log(max(p_y, eps)), and dS is that of log(p_y)."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from gradcheck.diagnosis.comparison import Values, gradient_match
from gradcheck.diagnosis.constants import short
from gradcheck.diagnosis.evidence import Evidence
from gradcheck.diagnosis.known import built_ins
from gradcheck.report import Finding

#: eps is told by the value of each problem that it holds at, and they must agree to this part of its logarithm.
_ALIKE = 1e-6


def clipped_log(evidence: Evidence) -> Iterator[Finding]:
    """Where p_y is below eps the value is flat: the numerical gradient of such rows is 0; that of the others is dS."""
    softmax = next(each for each in built_ins() if each.name == "softmax")
    if gradient_match(evidence, softmax) is None:
        return
    held, logarithms, count = [], [], 0
    free = [np.inf]
    values = Values(evidence.observations)
    for seen, value in zip(evidence.observations, values.own, strict=True):
        rows = softmax.at(seen.S, seen.y)
        assert rows is not None  # its gradient was compared
        L = rows[0]
        flat = np.all(np.abs(seen.numerical) <= seen.bounds + seen.granted, axis=1) & seen.wrong.any(axis=1)
        if np.any(seen.wrong[~flat]):
            return
        free.append(float(np.min(np.exp(-L[~flat]), initial=np.inf)))
        if np.any(flat):
            count += int(flat.sum())
            held.append(float(np.max(np.exp(-L[flat]))))
            logarithms.append((value * seen.rows - float(np.sum(L[~flat]))) / int(flat.sum()))
    guard = float(np.median(logarithms))
    if np.ptp(logarithms) > _ALIKE * abs(guard) or not max(held) <= np.exp(-guard) * (1 + _ALIKE) <= min(free):
        return
    yield Finding(
        "log-guard",
        "error",
        f"dS is softmax's gradient, but the value takes log(max(p_y, eps)), with eps = {short(np.exp(-guard), _ALIKE)}:"
        f" it is flat where p_y is below that, and dS is not ({count} {'row' if count == 1 else 'rows'})",
        hint="take the guard out of the value: log(sum_m e^{s_m}) - s_y, of scores less their row's maximum; or set "
        "the rows of dS with p_y < eps to 0",
    )
