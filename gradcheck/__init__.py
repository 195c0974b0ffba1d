"""gradcheck: checks the gradient of a loss: is it right, where is it wrong, and why.

>>> import gradcheck
>>> gradcheck.check("svm", gradcheck.Config(batch_sizes=[3])).passed
True
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gradcheck.version import __version__

if TYPE_CHECKING:
    from gradcheck.api import assert_gradients, check, check_at
    from gradcheck.config import Config
    from gradcheck.report import Report

__all__ = ["Config", "Report", "__version__", "assert_gradients", "check", "check_at"]


def __getattr__(name: str) -> Any:
    """The public names, imported at first use: every pytest run imports this package for its plugin."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from gradcheck import api

    return getattr(api, name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
