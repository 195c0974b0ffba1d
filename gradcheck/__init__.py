"""gradcheck: point it at a loss; it says whether the gradient is right, where it is not, and why.

>>> import gradcheck
>>> gradcheck.check("svm", gradcheck.Config(batch_sizes=[3])).passed
True
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from gradcheck.version import __version__

if TYPE_CHECKING:
    from gradcheck.api import assert_gradients, check, check_at
    from gradcheck.config import Config
    from gradcheck.report import Report

__all__ = ["Config", "Report", "__version__", "assert_gradients", "check", "check_at"]

#: Imported when they are first asked for: `gradcheck --version` needs no numpy.
_HOMES = {
    "Config": "gradcheck.config",
    "Report": "gradcheck.report",
    "assert_gradients": "gradcheck.api",
    "check": "gradcheck.api",
    "check_at": "gradcheck.api",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *_HOMES])
