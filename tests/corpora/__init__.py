"""The losses that the checker is held to, and the tests that do so.

They are what people write, and import nothing of gradcheck; many are a right one of ``bases`` with a line or two
exchanged. A docstring, or the sentence of a slip, says what is wrong, and beside it stands what should be reported: a
rule is made to report that, and not the other way about.
"""

from importlib import import_module
from pkgutil import iter_modules

from .registry import COMPLEX, CONTRACT, QUIET, RIGHT, SMOOTH, WARNED, WRONG, Case, Loss
from .trials import BREAKS, SCORES, broken, draw, one_entry_off

for _module in iter_modules(__path__):  # each enters its losses
    if not _module.name.startswith("test_"):
        import_module(f".{_module.name}", __name__)

__all__ = [
    "BREAKS", "COMPLEX", "CONTRACT", "QUIET", "RIGHT", "SCORES", "SMOOTH", "WARNED", "WRONG",
    "Case", "Loss", "broken", "draw", "one_entry_off",
]  # fmt: skip
