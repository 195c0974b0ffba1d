"""The value of a built-in beside a dS that is not its gradient."""

from __future__ import annotations

from typing import Any

import numpy as np
from hypothesis import given
from observed import codes, evidence_of, right, seeds, some_losses

from gradcheck.diagnosis.rules.another_value import value_of_another_loss


def bent(a: Any, S: Any, y: Any) -> Any:
    return a * (1.5 + np.sin(S))


@given(some_losses, seeds)
def test_the_built_in_is_named(name: str, seed: int) -> None:
    (finding,) = value_of_another_loss(evidence_of(name, bent, seed=seed))
    assert finding.code == "value-of-another-loss"
    assert finding.message == f"the value is {name}'s in all 6 problems, and dS is not its gradient"
    assert f"gradcheck show {name}" in finding.hint


def test_a_constant_beside_it_is_told() -> None:
    def own_margin(S: Any, y: Any) -> tuple[Any, Any]:
        value, dS = right("svm")(S, y)
        return value + 1, dS

    (finding,) = value_of_another_loss(evidence_of(own_margin, bent))
    assert "the value is svm's plus 1 in all 6 problems" in finding.message


def test_a_value_that_is_nearly_a_built_in_s_is_not() -> None:
    def guarded(S: Any, y: Any) -> tuple[Any, Any]:
        L, dL = right("softmax")(S, y, reduction="none")  # type: ignore[call-arg]
        return -np.log(np.exp(-L) + 1e-6).mean(), dL / len(S)

    assert codes(value_of_another_loss(evidence_of(guarded, bent))) == []
