"""gradcheck: point it at a loss; it says whether the gradient is right, where it is not, and why.

>>> import gradcheck
>>> gradcheck.check("svm", gradcheck.Config(batch_sizes=[3])).passed
True
"""

from gradcheck.api import assert_gradients, check, check_at
from gradcheck.config import Config
from gradcheck.report import Report
from gradcheck.version import __version__

__all__ = ["Config", "Report", "__version__", "assert_gradients", "check", "check_at"]
