"""How a loss is called."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from gradcheck.errors import LossDefect
from gradcheck.functions.function import Function

S, Y = np.array([[0.5, -1.0, 2.0], [0.25, 0.0, -0.75]]), np.array([2, 0])


def raising(error: BaseException) -> Function:
    def raises(scores: Any, labels: Any) -> Any:
        raise error

    return Function("raises", raises)


def test_the_loss_gets_copies_and_cannot_spoil_its_callers_arrays() -> None:
    def spoils(scores: Any, labels: Any) -> Any:
        scores[:], labels[:] = 0, 0
        return 1.0, scores

    scores, labels = S.copy(), Y.copy()
    Function("spoils", spoils).evaluate(scores, labels)
    assert (scores.tolist(), labels.tolist()) == (S.tolist(), Y.tolist())


@pytest.mark.parametrize(
    "error", [ValueError("x is 3"), SystemExit(3), GeneratorExit(), AssertionError(), MemoryError()], ids=repr
)
def test_whatever_the_loss_raises_is_a_defect_with_its_name(error: BaseException) -> None:
    with pytest.raises(LossDefect) as caught:
        raising(error).evaluate(S, Y)
    expected = f"raises {type(error).__name__}" + (f": {error}" if str(error) else "")
    assert (caught.value.code, caught.value.message) == ("raises", expected)
    assert "raise error" in caught.value.details
    assert caught.value.__cause__ is error


def test_ctrl_c_goes_through() -> None:
    with pytest.raises(KeyboardInterrupt):
        raising(KeyboardInterrupt()).evaluate(S, Y)
