"""dS of another shape than S: which mistake made it so is said."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from observed import right

import gradcheck
from gradcheck import Config


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (np.transpose, "it has the shape of S transposed, return dS.T"),
        (lambda dS: dS.T @ dS, "a product with a matrix transposed"),
        (lambda dS: dS @ dS.T, "a product with a matrix transposed"),
        (np.ravel, "flattened"),
        (lambda dS: dS.sum(axis=1), "one number for each row"),
        (lambda dS: dS.sum(axis=0), "all rows' together"),
        (lambda dS: dS[:, :2], "S has shape (3, 5), and so must dS"),
        (lambda dS: dS[0], "the axis of the rows is missing"),
    ],
)
def test_what_another_shape_looks_like_is_said(change: Any, words: str) -> None:
    def loss(S: Any, y: Any) -> Any:
        value, dS = right("softmax")(S, y)
        return value, change(dS)

    rows = 1 if "axis of the rows" in words else 3
    (finding,) = gradcheck.check(loss, Config(batch_sizes=[rows])).losses[0].findings
    assert finding.code == "wrong-shape"
    assert words in finding.message
