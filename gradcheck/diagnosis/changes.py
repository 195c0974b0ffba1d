"""How a value comes of the loss whose gradient dS is: by another built-in, or by what was done to its rows."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from gradcheck.diagnosis.known import Known, rows_of
from gradcheck.diagnosis.values import Values
from gradcheck.report import FloatArray

#: What dS of one built-in beside the value of another (value, gradient) mostly comes from.
PAIRS = {
    ("brier", "softmax"): "dL/dp stands where dL/ds belongs: the softmax's own derivative is missing in dS",
    ("label-smoothing", "softmax"): "dS has 1{j=y} where the smoothed target t_j belongs",
    ("softmax", "label-smoothing"): "dS has the smoothed target t_j where 1{j=y} belongs",
    ("focal", "softmax"): "the factor (1 - p_y)^2 is in the value and not in dS",
    ("softmax", "focal"): "the factor (1 - p_y)^2 is in dS and not in the value",
    ("squared-hinge", "svm"): "the square is in the value and not in dS: q_{j,y} stands where 2 h_{j,y} belongs",
    ("svm", "squared-hinge"): "the square is in dS and not in the value: 2 h_{j,y} stands where q_{j,y} belongs",
    ("crammer-singer", "svm"): "the value has the largest margin alone, dS every margin above 0",
    ("svm", "crammer-singer"): "the value has every margin above 0, dS the largest alone",
    ("one-vs-all", "softmax"): "the value has a probability of its own for each class, dS those of the softmax",
    ("softmax", "one-vs-all"): "the value has the softmax's probabilities, dS one of its own for each class",
}

_CHANGES: tuple[tuple[str, Callable[[FloatArray], float]], ...] = (
    (
        "-log mean(e^{-L}) with {0} L: the log is taken of the mean, and not the mean of the logs",
        lambda L: _log_mean(L),
    ),
    ("that of the last row alone, of {0}: rows are overwritten, not added", lambda L: float(L[-1])),
    ("that of the last row alone, over N, of {0}: rows are overwritten, not added", lambda L: float(L[-1] / len(L))),
    ("that of the first row alone, of {0}: the loop ends after it", lambda L: float(L[0])),
    ("that of the first row alone, over N, of {0}: the loop ends after it", lambda L: float(L[0] / len(L))),
    ("mean(L^2) with {0} L: each row's loss is squared", lambda L: float(np.mean(L**2))),
    ("mean(L)^2 with {0} L: it is squared", lambda L: float(np.mean(L)) ** 2),
    ("mean(sqrt(L)) with {0} L: the root of each row's loss is taken", lambda L: float(np.mean(np.sqrt(np.abs(L))))),
    ("sqrt(mean(L)) with {0} L: its root is taken", lambda L: float(np.sqrt(abs(np.mean(L))))),
    ("log(mean(L)) with {0} L: its log is taken", lambda L: float(np.log(abs(np.mean(L))))),
    ("e^{mean(L)} with {0} L: it is the exponential of the loss", lambda L: float(np.exp(np.mean(L)))),
    ("mean(e^L) with {0} L: each row's is the exponential of its loss", lambda L: float(np.mean(np.exp(L)))),
    ("the largest of {0} rows", lambda L: float(np.max(L))),
    ("the median of {0} rows", lambda L: float(np.median(L))),
    ("mean(e^{-L}) with {0} L", lambda L: float(np.mean(np.exp(-L)))),
)


def change_of(values: Values, known: Known) -> str | None:
    """What the user's value is made of a known loss's rows by, in words; None for nothing that is known.

    Args:
        values: the user's.
        known: the loss, of which the value is not the mean, nor the sum.
    """
    there = [rows_of(known, seen) for seen in values.observations]
    rows = [each.L for each in there if each is not None]
    if len(rows) < len(there):
        return None
    whose = f"{known.name}'s" if known.name else f"the {known.formula}"
    for words, change in _CHANGES:
        with np.errstate(all="ignore"):
            predicted = np.array([change(L) for L in rows])
        for sign, minus in ((1, ""), (-1, "minus ")):
            if np.all(np.isfinite(predicted)) and values.are(sign * predicted):
                return minus + words.replace("{0}", whose)
    return None


def _log_mean(L: FloatArray) -> float:
    return float(np.min(L) - np.log(np.mean(np.exp(np.min(L) - L))))
