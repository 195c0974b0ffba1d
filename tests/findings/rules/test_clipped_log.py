"""log(max(p_y, eps)) in the value."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import gradcheck
from gradcheck.report import Finding


def clipped(eps: float, flat: float | None = None) -> Any:
    """A softmax whose p_y is clipped in the value; rows below eps are ``flat`` where that is given."""

    def loss(S: Any, y: Any) -> tuple[Any, Any]:
        N, i = len(S), np.arange(len(S))
        p = np.exp(S - S.max(axis=1, keepdims=True))
        p /= p.sum(axis=1, keepdims=True)
        rows = -np.log(np.clip(p[i, y], eps, 1))
        if flat is not None:
            rows[p[i, y] < eps] = flat * np.arange(1, 1 + np.count_nonzero(p[i, y] < eps))
        p[i, y] -= 1
        return rows.mean(), p / N

    return loss


def findings(loss: Any, scale: float) -> tuple[Finding, ...]:
    config = gradcheck.Config(scores=f"normal(0, {scale})", batch_sizes=[1, 3, 8])  # type: ignore[arg-type]
    return gradcheck.check(loss, config).losses[0].findings


@pytest.mark.parametrize(("eps", "scale", "words"), [(1e-9, 20, "1e-9"), (1e-12, 30, "1e-12"), (0.05, 1, "5e-2")])
def test_eps_is_told_by_the_value_of_the_rows_that_are_flat(eps: float, scale: float, words: str) -> None:
    finding = findings(clipped(eps), scale)[0]
    assert finding.code == "log-guard"
    assert f"the value takes log(max(p_y, eps)), with eps = {words}" in finding.message


def test_rows_that_are_flat_at_other_heights_are_no_guard() -> None:
    assert "log-guard" not in [each.code for each in findings(clipped(1e-9, flat=3.0), 20)]
