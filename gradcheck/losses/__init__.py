"""The built-in losses, one family a file, each with its derivation in its docstring.

All are ``(S, y) -> (value, dS)``: scores S of shape N x C, N labels y in [0, C); the value is the mean over
the rows, dS its N x C gradient, both in the dtype of S (float64 or float32; integers become float64). They
write to neither argument, return fresh memory at every call, and raise ``ValueError`` or ``TypeError`` for
what is no scores or no labels.

    >>> import numpy as np
    >>> from gradcheck.losses import BUILT_INS
    >>> value, dS = BUILT_INS["svm"].function(np.array([[1.0, 3.0, 0.5]]), np.array([1]))
    >>> float(value), dS.tolist()
    (0.0, [[0.0, 0.0, 0.0]])
"""

from __future__ import annotations

from gradcheck.losses import brier, cross_entropy, hinge, huber, indicator_examples, one_vs_all
from gradcheck.losses.registry import BuiltIn, registered_in

# The order that ``gradcheck list`` shows: the notes' two losses lead their families, their examples end.
_FAMILIES = (hinge, cross_entropy, brier, one_vs_all, huber, indicator_examples)

#: Every built-in by the name that a target calls it.
BUILT_INS: dict[str, BuiltIn] = {entry.name: entry for family in _FAMILIES for entry in registered_in(family.__name__)}

__all__ = ["BUILT_INS", "BuiltIn"]
