"""The built-in losses, one family a file, each with its derivation in its docstring.

All are ``(S, y, reduction="mean") -> (value, dS)``: scores S of shape N x C, N labels y in [0, C), or for those of
``soft_targets`` N x C numbers as well; the value is the mean over the rows, dS its N x C gradient, both in the dtype
of S (float64 or float32; integers become float64). With
``reduction="sum"`` both are of the sum; with ``"none"`` the value is N values and row i of dS the derivative of value
i. They write to neither argument, return fresh memory at every call, and raise ``ValueError`` or ``TypeError`` for
what is no scores, no labels or no reduction.

Complex scores give a complex value that is analytic wherever the loss is smooth, so that Im(value)/h at S + i·h·e_jk is
the derivative to rounding. That is all they are good for: dS has the right shape then, and maxima go by real parts.

    >>> import numpy as np
    >>> from gradcheck.losses import BUILT_INS
    >>> value, dS = BUILT_INS["svm"].function(np.array([[1.0, 3.0, 0.5]]), np.array([1]))
    >>> float(value), dS.tolist()
    (0.0, [[0.0, 0.0, 0.0]])
    >>> values, dS = BUILT_INS["svm"].function(np.array([[1.0, 0.5, 0.0]] * 2), np.array([0, 1]), reduction="none")
    >>> values.tolist(), dS.tolist()
    ([0.5, 2.0], [[-2.0, 1.0, 1.0], [1.0, -2.0, 1.0]])
"""

from __future__ import annotations

from gradcheck.losses import brier, cross_entropy, hinge, huber, indicator_examples, one_vs_all, soft_targets
from gradcheck.losses.registry import BuiltIn, registered_in

# The order that ``gradcheck list`` shows: the notes' two losses lead their families, their examples end.
_FAMILIES = (hinge, cross_entropy, brier, one_vs_all, huber, soft_targets, indicator_examples)

#: Every built-in by the name that a target calls it.
BUILT_INS: dict[str, BuiltIn] = {entry.name: entry for family in _FAMILIES for entry in registered_in(family.__name__)}

__all__ = ["BUILT_INS", "BuiltIn"]
