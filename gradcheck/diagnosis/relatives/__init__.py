"""Relatives of the built-in losses: what is left where a part was forgotten, in the value or in dS.

Each has a formula, its rows' values and derivatives, and words for what is missing where it stands in the place of its
built-in. The derivatives are those of the formulas, by the notes' two- and many-way selection.
"""

from __future__ import annotations

from gradcheck.diagnosis.relatives import each_class, margins, softmax
from gradcheck.diagnosis.relatives.registry import Relative, registered

__all__ = ["RELATIVES", "Relative", "each_class", "margins", "softmax"]

#: Every relative, those of the softmax first.
RELATIVES = registered()
