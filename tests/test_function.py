"""How a loss is called."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from gradcheck.errors import LossDefect
from gradcheck.functions.function import Function

S = np.array([[0.5, -1.0, 2.0], [0.25, 0.0, -0.75]])
Y = np.array([2, 0])


def test_the_loss_gets_copies_and_cannot_spoil_its_callers_arrays() -> None:
    def spoils(scores: Any, labels: Any) -> Any:
        scores[:] = 0
        labels[:] = 0
        return 1.0, scores

    scores, labels = S.copy(), Y.copy()
    Function("spoils", spoils).evaluate(scores, labels)
    assert scores.tolist() == S.tolist()
    assert labels.tolist() == Y.tolist()


@pytest.mark.parametrize(
    "error",
    [
        ValueError("x is 3"),
        SystemExit(3),
        GeneratorExit(),
        AssertionError(),
        RecursionError("too deep"),
        MemoryError(),
    ],
    ids=repr,
)
def test_whatever_the_loss_raises_is_a_defect_with_its_name(error: BaseException) -> None:
    def raises(scores: Any, labels: Any) -> Any:
        raise error

    with pytest.raises(LossDefect) as caught:
        Function("raises", raises).evaluate(S, Y)
    assert caught.value.code == "raises"
    expected = f"raises {type(error).__name__}" + (f": {error}" if str(error) else "")
    assert caught.value.message == expected
    assert "raise error" in caught.value.details
    assert caught.value.__cause__ is error


def test_ctrl_c_goes_through() -> None:
    def interrupted(scores: Any, labels: Any) -> Any:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Function("interrupted", interrupted).evaluate(S, Y)


def test_call_hands_over_these_very_arrays_and_the_answer_untouched() -> None:
    seen = []

    def remembers(scores: Any, labels: Any) -> Any:
        seen.append((scores, labels))
        return seen

    assert Function("remembers", remembers).call(S, Y) is seen
    assert seen[0][0] is S
    assert seen[0][1] is Y
