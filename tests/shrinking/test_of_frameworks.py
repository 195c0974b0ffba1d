"""A loss written for PyTorch shrinks as any other, and its snippet runs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

import gradcheck

pytestmark = pytest.mark.torch


@pytest.fixture(scope="module")
def without_label() -> Callable[[Any, Any], Any]:
    """Softmax cross-entropy by a custom function; the label's term is forgotten in the backward."""
    torch = pytest.importorskip("torch")

    class WithoutLabel(torch.autograd.Function):
        @staticmethod
        def forward(ctx, S, y):
            p = torch.softmax(S, dim=1)
            ctx.save_for_backward(p)
            return -torch.log(p[torch.arange(len(S)), y]).mean()

        @staticmethod
        def backward(ctx, gradient):
            (p,) = ctx.saved_tensors
            return gradient * p / len(p), None

    def mine(S, y):
        return WithoutLabel.apply(S, y)

    return mine


@pytest.mark.parametrize("framework", ["auto", "torch"])
def test_a_custom_backward_has_a_smallest_case(without_label, framework):
    report = gradcheck.check(without_label, framework=framework).losses[0]
    case = report.smallest_case
    assert case.S.shape == (1, 1)
    assert ("framework='torch'" in case.snippet) == (framework == "torch")
    with pytest.raises(AssertionError, match="not the gradient"):
        exec(case.snippet, {"mine": without_label})
