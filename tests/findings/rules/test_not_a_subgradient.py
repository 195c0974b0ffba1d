"""dS at kinks is none of the subgradients."""

from __future__ import annotations

import numpy as np
import pytest

import gradcheck


def codes(report: gradcheck.Report) -> list[str]:
    return [finding.code for finding in report.losses[0].findings]


def svm_with(at_ties: float):
    """The svm, with a slope of one's own where a margin is exactly 0."""

    def loss(S: np.ndarray, y: np.ndarray) -> tuple[float, np.ndarray]:
        N, i = len(S), np.arange(len(S))
        margins = S - S[i, y][:, np.newaxis] + 1
        margins[i, y] = -1
        q = (margins > 0) + at_ties * (margins == 0)
        q[i, y] = -q.sum(axis=1)
        return np.maximum(0, margins).sum() / N, q / N

    return loss


@pytest.mark.parametrize("slope", [0.0, 0.25, 1.0])
def test_any_number_between_the_two_sides_is_right(slope: float) -> None:
    assert gradcheck.check(svm_with(slope)).passed


@pytest.mark.parametrize("slope", [-1.0, 2.0])
def test_a_number_outside_is_wrong_at_kinks_and_said_to_be_so(slope: float) -> None:
    report = gradcheck.check(svm_with(slope))
    assert report.exit_code == 1
    assert codes(report)[0] == "not-a-subgradient"
    (finding,) = [each for each in report.losses[0].findings if each.code == "not-a-subgradient"]
    assert "at kinks" in finding.message


def test_a_loss_that_is_wrong_elsewhere_too_is_not_explained_so() -> None:
    def loss(S: np.ndarray, y: np.ndarray) -> tuple[float, np.ndarray]:
        value, dS = svm_with(2.0)(S, y)
        return value, -dS

    assert "not-a-subgradient" not in codes(gradcheck.check(loss))


def test_one_entry_at_0_of_a_smooth_loss_is_no_kink() -> None:
    def loss(S: np.ndarray, y: np.ndarray) -> tuple[float, np.ndarray]:
        return float((S**2).sum()) / len(S), np.where(S == 0, 1.0, 2 * S) / len(S)

    found = codes(gradcheck.check(loss))
    assert not {"labels-misaligned", "not-a-subgradient"} & set(found)
