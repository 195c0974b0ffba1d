"""The smallest failing case: a value, one order of simplicity, one predicate, small passes.

failures -> variants -> (does it still fail?) -> fewer rows, fewer classes, simpler scores -> a check -> SmallestCase
"""

from __future__ import annotations

from gradcheck.shrinking.smallest import case_as_it_was, smallest_failing_contract, smallest_wrong_gradient

__all__ = ["case_as_it_was", "smallest_failing_contract", "smallest_wrong_gradient"]
