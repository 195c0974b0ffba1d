"""The built-in losses, one family a file, each with its derivation in its docstring.

All are ``(S, y, reduction="mean") -> (value, dS)``: scores S of shape N x C, N labels y in [0, C), or where the formula
has labels t, N x C numbers as well; the value is the mean over the rows, dS its N x C gradient, both of the dtype of S
(integers become float64). With ``reduction="sum"`` both are of the sum; with ``"none"`` the value is N values and row i
of dS the derivative of value i. They change no argument, return fresh memory, and raise ``ValueError`` or ``TypeError``
for invalid arguments. Complex scores give a value for complex steps, analytic wherever the loss is smooth; dS has only
the right shape then. Where ``hessian`` is true, the N x C diagonal of the second derivatives is a third result.

    >>> import numpy as np
    >>> from gradcheck.losses import BUILT_INS
    >>> value, dS = BUILT_INS["svm"].function(np.array([[1.0, 3.0, 0.5]]), np.array([1]))
    >>> float(value), dS.tolist()
    (0.0, [[0.0, 0.0, 0.0]])
"""

import inspect
from collections.abc import Callable
from dataclasses import dataclass

from gradcheck.losses import cross_entropy, elementwise, hinge, indicator_examples
from gradcheck.losses.batch import Answer

__all__ = ["BUILT_INS", "BuiltIn"]

_BATCH = """

The mean over the batch brings 1/N, and row i of S is in L^(i) alone:

    (dS)_ij = 1/N dL^(i)/ds_j^(i)

The value and dS have the dtype of S. With the reduction "sum" both lack the 1/N;
"none" gives N values, and dS_ij = dL^(i)/ds_j^(i)."""


@dataclass(frozen=True, eq=False)
class BuiltIn:
    """A loss that gradcheck brings along."""

    function: Callable[..., Answer]  # ``(S, y, reduction="mean") -> (value, dS)``
    formula: str  # L of one row, in one line
    gradient: str  # dL/ds_j of one row, in one line; dS is 1/N times it

    @property
    def name(self) -> str:
        """What a target calls it, for example ``squared-hinge``."""
        return self.function.__name__.replace("_", "-")

    @property
    def derivation(self) -> str:
        """How the gradient follows from the formula, in the notes' notation: the function's docstring and the batch."""
        own = inspect.getdoc(self.function)  # None under ``python -OO``
        return own + _BATCH if own else ""


#: In the order that ``gradcheck list`` shows: the notes' two losses lead their families, their examples end.
_ALL = (
    BuiltIn(hinge.svm, "sum_{m!=y} max(0, s_m - s_y + 1)",
            "1{j!=y} q_{j,y} - 1{j=y} sum_{m!=y} q_{m,y},  q_{m,y} = 1{s_m - s_y + 1 >= 0}"),
    BuiltIn(hinge.squared_hinge, "sum_{m!=y} max(0, s_m - s_y + 1)^2",
            "1{j!=y} 2 h_{j,y} - 1{j=y} sum_{m!=y} 2 h_{m,y},  h_{m,y} = max(0, s_m - s_y + 1)"),
    BuiltIn(hinge.crammer_singer, "max_k (s_k + 1{k!=y}) - s_y",
            "1{j=t} - 1{j=y},  t = the first class that attains the maximum"),
    BuiltIn(cross_entropy.softmax, "-log p_y,  p_j = e^{s_j} / sum_m e^{s_m}", "p_j - 1{j=y}"),
    BuiltIn(cross_entropy.label_smoothing, "-sum_j t_j log p_j,  t_j = 0.9 1{j=y} + 0.1/C", "p_j - t_j"),
    BuiltIn(cross_entropy.focal, "-(1 - p_y)^2 log p_y", "(u^2 - 2 u p_y log p_y) (p_j - 1{j=y}),  u = 1 - p_y"),
    BuiltIn(cross_entropy.brier, "sum_j (p_j - 1{j=y})^2,  p_j = e^{s_j} / sum_m e^{s_m}",
            "2 p_j (r_j - sum_m p_m r_m),  r_j = p_j - 1{j=y}"),
    BuiltIn(elementwise.one_vs_all, "sum_j log(1 + e^{-t_j s_j}),  t_j = 1{j=y} - 1{j!=y}", "-t_j / (1 + e^{t_j s_j})"),
    BuiltIn(elementwise.huber, "sum_j (1{|r_j|<=1} r_j^2/2 + 1{|r_j|>1} (|r_j| - 1/2)),  r_j = s_j - 1{j=y}",
            "1{|r_j|<=1} r_j + 1{r_j>1} - 1{r_j<-1}"),
    BuiltIn(cross_entropy.soft_cross_entropy, "-sum_j t_j log p_j,  labels t one-hot, or any N x C weights",
            "p_j sum_m t_m - t_j"),
    BuiltIn(elementwise.binary_cross_entropy, "sum_j log(1 + e^{s_j}) - t_j s_j,  labels t multi-hot",
            "g(s_j) - t_j,  g(x) = 1 / (1 + e^{-x})"),
    BuiltIn(elementwise.squared_error, "1/2 sum_j (s_j - t_j)^2,  labels t real", "s_j - t_j"),
    BuiltIn(indicator_examples.min_square_exp, "min(s_1^2, e^{s_2})",
            "1{j=1} 1{s_1^2 < e^{s_2}} 2 s_1 + 1{j=2} 1{s_1^2 >= e^{s_2}} e^{s_2}"),
    BuiltIn(indicator_examples.cubed_relu, "sum_j max(0, s_j^3)", "1{s_j^3 >= 0} 3 s_j^2"),
    BuiltIn(indicator_examples.affine_exp, "2 s_1 - 3 s_2 + e^{s_3}", "1{j=1} 2 - 1{j=2} 3 + 1{j=3} e^{s_3}"),
)  # fmt: skip

#: Every built-in by the name that a target calls it.
BUILT_INS = {each.name: each for each in _ALL}
