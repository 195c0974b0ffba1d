"""The losses that the checker is held to, and the tests that do so.

The losses are what people write: in loops or vectorised, by einsum, in place, as a class or a closure. They import
nothing of gradcheck; their right parts are in ``parts``. What is wrong with a loss is its docstring; what should be
reported about it is entered beside it. The entries are the authority: a rule is made to report what stands here, and
not the other way about.
"""

from __future__ import annotations

from importlib import import_module
from pkgutil import iter_modules

from .breaks import BREAKS, broken, one_entry_off
from .registry import COMPLEX, CONTRACT, QUIET, RIGHT, SMOOTH, WARNED, WRONG, Case, Loss
from .scores import FOUR_KINDS, SCORES, draw

for _module in iter_modules(__path__):  # each enters its losses
    if not _module.name.startswith("test_"):
        import_module(f".{_module.name}", __name__)

__all__ = [
    "BREAKS", "COMPLEX", "CONTRACT", "FOUR_KINDS", "QUIET", "RIGHT", "SCORES", "SMOOTH", "WARNED", "WRONG",
    "Case", "Loss", "broken", "draw", "one_entry_off",
]  # fmt: skip
