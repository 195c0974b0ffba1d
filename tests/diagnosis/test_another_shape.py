"""dS of another shape than S: which mistake made it so is said."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import gradcheck
from gradcheck import Config
from gradcheck.losses import BUILT_INS
from gradcheck.report import LossReport

LOSSES = ["softmax", "svm", "brier"]


def changing(name: str, change: Any) -> Any:
    def loss(S: Any, y: Any) -> Any:
        value, dS = BUILT_INS[name].function(S, y)
        return value, change(dS)

    return loss


def checked(loss: Any, config: Config | None = None) -> LossReport:
    return gradcheck.check(loss, config).losses[0]


def codes(report: LossReport) -> list[str]:
    return [finding.code for finding in report.findings]


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize("batch_sizes", [[1, 3], [3]])
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_C_x_N_is_tried_and_told_to_be_the_transpose(name: str, batch_sizes: Any, dtype: Any) -> None:  # noqa: N802
    report = checked(changing(name, np.transpose), Config(batch_sizes=batch_sizes, dtype=dtype))
    assert codes(report) == ["transposed"]
    (finding,) = report.findings
    assert finding.severity == "error"
    assert "dS.T is the gradient" in finding.message
    assert f"(at batch size {batch_sizes[0]}" in finding.message


def test_C_x_N_that_is_wrong_as_well_stays_a_wrong_shape() -> None:  # noqa: N802
    report = checked(changing("softmax", lambda dS: -dS.T))
    assert codes(report) == ["wrong-shape"]
    assert "return dS.T" in report.findings[0].message


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda dS: dS.T @ dS, "a product with a matrix transposed"),
        (lambda dS: dS @ dS.T, "a product with a matrix transposed"),
        (np.ravel, "flattened"),
        (lambda dS: dS.sum(axis=1), "one number for each row"),
        (lambda dS: dS.sum(axis=0), "all rows' together"),
        (lambda dS: dS[:, :2], "S has shape (3, 5), and so must dS"),
    ],
)
def test_what_another_shape_looks_like_is_said(change: Any, words: str) -> None:
    report = checked(changing("softmax", change), Config(batch_sizes=[3]))
    assert codes(report) == ["wrong-shape"]
    assert words in report.findings[0].message


def test_a_single_row_without_its_axis_is_said_to_lack_it() -> None:
    report = checked(changing("softmax", np.squeeze), Config(batch_sizes=[1]))
    assert "the axis of the rows is missing" in report.findings[0].message
