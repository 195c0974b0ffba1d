"""The losses that findings are judged by, all in one place: wrong ones, right ones to warn of, and right ones.

Each is what people write: in loops or vectorised, by einsum, in place, as a class or a closure. What is wrong with it
is its docstring; what should be said of it is entered beside it. The entries are the authority: a rule is made to say
what stands here, and not the other way about.
"""

from __future__ import annotations

import noted_losses
import quiet_losses
import warned_losses
import wrong_answers
import wrong_columns
import wrong_factors
import wrong_functions
import wrong_jacobians
import wrong_labels
import wrong_layouts
import wrong_manners
import wrong_pairs
import wrong_rows
import wrong_scales
import wrong_terms
import wrong_ties
from wrong_registry import CONTRACT, QUIET, WARNED, WRONG, Case

#: Importing a family enters its losses.
FAMILIES = (
    wrong_factors, wrong_scales, wrong_labels, wrong_columns, wrong_rows, wrong_layouts, wrong_terms, wrong_functions,
    wrong_ties, wrong_jacobians, wrong_manners, wrong_answers, wrong_pairs, warned_losses, noted_losses, quiet_losses,
)  # fmt: skip

__all__ = ["CONTRACT", "FAMILIES", "QUIET", "WARNED", "WRONG", "Case"]
