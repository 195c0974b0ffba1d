"""The value at S apart from its values all around."""

from __future__ import annotations

import numpy as np

import gradcheck


def svm_without_margins_of_one(S: np.ndarray, y: np.ndarray) -> tuple[float, np.ndarray]:
    """Drops the label's margin by its value, and with it every tie with the label."""
    i = np.arange(len(S))
    margins = np.maximum(0, S - S[i, y][:, np.newaxis] + 1)
    margins[margins == 1] = 0
    dS = (margins > 0).astype(float)
    dS[i, y] = -dS.sum(axis=1)
    return margins.sum() / len(S), dS / len(S)


def codes(report: gradcheck.Report) -> list[str]:
    return [finding.code for finding in report.losses[0].findings]


def test_a_tie_that_is_dropped_by_its_value_is_an_error_that_names_the_entry() -> None:
    report = gradcheck.check_at(svm_without_margins_of_one, [[0.0, 2.0, 2.0]], [2])
    assert report.exit_code == 1
    (finding,) = [each for each in report.losses[0].findings if each.code == "removable-jump"]
    assert finding.severity == "error"
    assert "the value is 0 at S, but near 1 wherever S[0, 1] = 2" in finding.message


def test_without_a_tie_it_is_right() -> None:
    assert gradcheck.check_at(svm_without_margins_of_one, [[0.0, 1.5, 2.0]], [2]).passed


def test_a_value_that_jumps_to_one_side_alone_is_no_removable_jump() -> None:
    def counts_greater(S: np.ndarray, y: np.ndarray) -> tuple[float, np.ndarray]:
        value = np.mean(np.sum(S[np.arange(len(S)), y][:, np.newaxis] < S, axis=1) + np.sum(S**2, axis=1) / 2)
        return float(value), S / len(S)

    assert "removable-jump" not in codes(gradcheck.check_at(counts_greater, [[2.0, 1.0, 2.0]], [0]))


def test_a_value_between_its_two_sides_is_no_removable_jump() -> None:
    def half_at_ties(S: np.ndarray, y: np.ndarray) -> tuple[float, np.ndarray]:
        value = np.mean(np.sum(np.sign(S - S[np.arange(len(S)), y][:, np.newaxis]), axis=1))
        return float(value), np.zeros_like(S)

    assert "removable-jump" not in codes(gradcheck.check_at(half_at_ties, [[2.0, 1.0, 2.0]], [0]))


def test_kinks_are_no_removable_jump() -> None:
    assert codes(gradcheck.check_at("svm", [[0.0, 1.0, 1.0], [2.0, 2.0, 1.0]], [0, 2])) == []
