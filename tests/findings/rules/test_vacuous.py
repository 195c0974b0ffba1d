"""Nothing was tried."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import gradcheck
from gradcheck import Config
from gradcheck.losses import BUILT_INS


def flat(S: Any, y: Any) -> Any:
    return 3.0, np.zeros_like(S)


def codes(loss: Any, config: Config | None = None) -> list[str]:
    return [finding.code for finding in gradcheck.check(loss, config).losses[0].findings]


def test_a_loss_that_never_changes_is_warned_of_and_passes() -> None:
    report = gradcheck.check(flat, Config(batch_sizes=[3], scores="normal"))
    (finding,) = report.losses[0].findings
    assert (finding.code, finding.severity) == ("vacuous", "warning")
    assert "0 in all 15 entries of the one problem: nothing was tried" in finding.message
    assert report.passed
    assert not gradcheck.check(flat, strict=True).passed


def test_one_problem_at_which_something_changes_is_enough_to_say_nothing() -> None:
    def of_large_batches(S: Any, y: Any) -> Any:
        return (0.0, np.zeros_like(S)) if len(S) < 8 else BUILT_INS["softmax"].function(S, y)

    assert "vacuous" in codes(of_large_batches, Config(batch_sizes=[1, 3]))
    assert "vacuous" not in codes(of_large_batches)


def test_a_tiny_gradient_is_not_none() -> None:
    def tiny(S: Any, y: Any) -> Any:
        value, dS = BUILT_INS["softmax"].function(S, y)
        return 1e-30 * value, 1e-30 * dS

    assert codes(tiny) == []


def test_a_flat_dS_beside_a_value_that_changes_is_wrong_and_not_vacuous() -> None:  # noqa: N802
    assert "vacuous" not in codes(lambda S, y: (BUILT_INS["softmax"].function(S, y)[0], np.zeros_like(S)))


def test_at_a_kink_something_was_tried() -> None:
    report = gradcheck.check_at(lambda S, y: (np.abs(S).sum(), np.sign(S)), [[0.0, 0.0]], [0])
    assert report.losses[0].findings == ()


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_softmax_over_one_class_says_nothing(dtype: Any) -> None:
    def own(S: Any, y: Any) -> Any:
        return BUILT_INS["softmax"].function(S, y)

    assert "vacuous" in codes(own, Config(classes=[1], dtype=dtype))
