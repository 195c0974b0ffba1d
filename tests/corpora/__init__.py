"""The losses that the checker is held to, and the tests that do so.

The losses are what people write: in loops or vectorised, by einsum, in place, as a class or a closure. They import
nothing of gradcheck. What is wrong with a loss is its docstring; what should be reported about it is entered beside it.
The entries are the authority: a rule is made to report what stands here, and not the other way about.
"""

from __future__ import annotations

from . import (
    complex_scores,
    quiet,
    right,
    warned,
    wrong_answers,
    wrong_columns,
    wrong_factors,
    wrong_functions,
    wrong_jacobians,
    wrong_labels,
    wrong_layouts,
    wrong_manners,
    wrong_pairs,
    wrong_rows,
    wrong_scales,
    wrong_terms,
    wrong_ties,
)
from .breaks import BREAKS, broken
from .registry import COMPLEX, CONTRACT, QUIET, RIGHT, SMOOTH, WARNED, WRONG, Case, Loss
from .scores import FOUR_KINDS, SCORES, SHAPES, draw

#: Importing a family enters its losses.
FAMILIES = (
    wrong_factors, wrong_scales, wrong_labels, wrong_columns, wrong_rows, wrong_layouts, wrong_terms, wrong_functions,
    wrong_ties, wrong_jacobians, wrong_manners, wrong_answers, wrong_pairs, warned, quiet, right, complex_scores,
)  # fmt: skip

__all__ = [
    "BREAKS", "COMPLEX", "CONTRACT", "FAMILIES", "FOUR_KINDS", "QUIET", "RIGHT", "SCORES", "SHAPES", "SMOOTH", "WARNED",
    "WRONG", "Case", "Loss", "broken", "draw",
]  # fmt: skip
