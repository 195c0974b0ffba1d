"""Every relative's derivatives are those of its values; gradcheck itself is the judge."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy.special import log_softmax

import gradcheck
from gradcheck.diagnosis.known import built_ins
from gradcheck.diagnosis.relatives import RELATIVES, Relative
from gradcheck.losses import BUILT_INS


def as_loss(relative: Relative) -> Any:
    def loss(S: Any, y: Any) -> tuple[float, Any]:
        L, dL = relative.function(S, y)
        return L.mean(), dL / len(S)

    return loss


@pytest.mark.parametrize("relative", RELATIVES, ids=lambda each: each.formula)
def test_derivatives_are_those_of_the_values(relative: Relative) -> None:
    # Not at ties: the rate of errors jumps there.
    gradcheck.assert_gradients(as_loss(relative), gradcheck.Config(scores=["normal"], classes=[2, 5]))


@pytest.mark.parametrize("relative", RELATIVES, ids=lambda each: each.formula)
def test_every_relative_is_one_of_a_built_in_and_says_what_it_lacks(relative: Relative) -> None:
    assert relative.of in BUILT_INS
    assert relative.in_value


def test_none_is_a_built_in_by_another_name() -> None:
    rng = np.random.default_rng(0)
    S, y = rng.standard_normal((4, 5)), np.array([0, 3, 3, 1])
    known = [each.function(S, y) for each in built_ins()]
    for relative in RELATIVES:
        L, dL = relative.function(S, y)
        assert not any(np.isclose(L.mean(), np.mean(value)) or np.allclose(dL, dS) for value, dS in known)


def test_values_are_those_of_another_library() -> None:
    S, y = np.random.default_rng(1).standard_normal((4, 5)), np.array([0, 3, 3, 1])
    log_p = log_softmax(S, axis=1)
    by_formula = {each.formula: each.function(S, y)[0] for each in RELATIVES}
    np.testing.assert_allclose(by_formula["-p_y"], -np.exp(log_p[np.arange(4), y]))
    np.testing.assert_allclose(by_formula["-sum_m log p_m"], -log_p.sum(axis=1))
    margins = np.delete(S[1] - S[1, 3] + 1, 3)
    assert by_formula["sum_{m!=y} (s_m - s_y + 1)"][1] == pytest.approx(margins.sum())
    assert by_formula["max(0, sum_{m!=y} (s_m - s_y + 1))"][1] == pytest.approx(max(0, margins.sum()))
