from __future__ import annotations

import pytest

from gradcheck.losses import BUILT_INS


def test_every_loss_of_the_plan_is_there_in_the_order_that_list_shows():
    assert list(BUILT_INS) == [
        "svm", "squared-hinge", "crammer-singer",
        "softmax", "label-smoothing", "focal",
        "brier", "one-vs-all", "huber",
        "soft-cross-entropy", "binary-cross-entropy", "squared-error", "min-square-exp", "cubed-relu", "affine-exp",
    ]  # fmt: skip


@pytest.mark.parametrize("name", BUILT_INS)
def test_formula_and_gradient_are_one_line_each_and_the_derivation_tells_more(name):
    entry = BUILT_INS[name]
    assert entry.name == name
    for line in (entry.formula, entry.gradient):
        assert line == line.strip() != ""
        assert "\n" not in line
        assert len(line) <= 100
    assert entry.derivation.isascii()
    assert "dL/ds_j" in entry.derivation
    assert "1/N" in entry.derivation
    assert max(map(len, entry.derivation.splitlines())) <= 90
