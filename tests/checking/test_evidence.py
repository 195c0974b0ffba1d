"""A loss that may be called so many times more."""

import numpy as np
import pytest

from gradcheck.checking.evidence import Allowance
from gradcheck.errors import OutOfTime
from gradcheck.functions.function import Function


def test_calls_are_counted_whoever_makes_them_and_end_and_scores_are_rounded_unless_asked_otherwise():
    S, y, seen = np.array([[0.1, 2.0]]), np.array([0]), []

    def loss(S, y, reduction="mean"):
        seen.append(S.dtype)
        return (S**2).sum(), 2 * S

    ask = Allowance(Function("test", loss), 3, np.float32)
    charged = ask.charged()
    assert charged.each_row_options == {"reduction": "none"}  # its signature is the loss's own
    assert ask.evaluate(S, y).value == pytest.approx(4.01)
    ask.evaluate(S, y, np.float64)
    assert seen == [np.float32, np.float64]
    charged.call(S, y, reduction="none")
    assert (ask.left, ask.calls) == (0, 3)
    for each in (ask, charged):
        with pytest.raises(OutOfTime):
            each.evaluate(S, y)
    assert ask.calls == 3
