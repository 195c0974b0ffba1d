"""A loss that may be called so many times more."""

import numpy as np
import pytest

from gradcheck.checking.evidence import Allowance
from gradcheck.errors import OutOfTime
from gradcheck.functions.function import Function

S, Y = np.array([[0.1, 2.0]]), np.array([0])


def square(S, y, reduction="mean"):
    return (S**2).sum(), 2 * S


def test_calls_are_counted_and_end_and_scores_are_rounded_as_the_loss_gets_them_unless_asked_otherwise():
    seen = []

    def loss(S, y):
        seen.append(S.dtype)
        return square(S, y)

    ask = Allowance(Function("test", loss), 2, np.float32)
    assert ask.evaluate(S, Y).value == pytest.approx(4.01)
    assert (ask.left, ask.calls) == (1, 1)
    ask.evaluate(S, Y, np.float64)
    assert seen == [np.float32, np.float64]
    with pytest.raises(OutOfTime):
        ask.evaluate(S, Y)
    assert (ask.left, ask.calls) == (0, 2)


def test_a_loss_that_is_charged_counts_whoever_calls_it_and_ends_as_time_does():
    ask = Allowance(Function("test", square), 3)
    charged = ask.charged()
    assert charged.each_row_options == {"reduction": "none"}  # its signature is the loss's own
    charged.evaluate(S, Y)
    charged.call(S, Y, reduction="none")
    ask.evaluate(S, Y)
    assert (ask.left, ask.calls) == (0, 3)
    with pytest.raises(OutOfTime):
        charged.evaluate(S, Y)
    assert ask.calls == 3
