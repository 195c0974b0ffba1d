"""gradcheck: checks the gradient of a loss: is it right, where is it wrong, and why.

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

#: Imported at first use: every pytest run in the environment imports this package for its plugin.
_MODULES = {"Config": "config", "Report": "report", "assert_gradients": "api", "check": "api", "check_at": "api"}


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"gradcheck.{_MODULES[name]}"), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *_MODULES])
