"""How many calls functions of named inputs take, right and wrong ones."""

from collections import Counter

import numpy as np
import pytest
from layers import RIGHT, WRONG
from layers.nets import two_layer_loss
from layers.test_verdicts import report_of

import gradcheck

pytestmark = pytest.mark.benchmark


def test_a_net_of_5000_parameters_takes_2_calls_an_entry_and_150():
    weights = {"W1": "normal(0, 0.1) [D, H]", "b1": "[H]", "W2": "normal(0, 0.1) [H, C]", "b2": "[C]"}
    report = gradcheck.check(
        two_layer_loss,
        inputs={"params": weights, "X": "[N, D]", "y": "labels", "reg": 0.1},
        sizes={"D": 64, "H": 64},
        classes=10,
        batch_sizes=32,
    )
    assert report.passed
    assert sum(batch.evaluations - 2 * batch.entries for batch in report.losses[0].batches) <= 150


@pytest.mark.parametrize("name", RIGHT)
def test_a_right_one_takes_2_calls_an_entry_and_100(name):
    loss = report_of(RIGHT[name])
    problems = Counter()
    for batch in loss.batches:
        problems[batch.batch_size] += batch.evaluations - 2 * batch.entries
    assert max(problems.values()) <= 100


@pytest.mark.parametrize("name", [name for name in WRONG if name.startswith(("conv", "max_pool"))])
def test_a_wrong_one_of_many_entries_takes_4_calls_an_entry_and_800_an_input(name):
    """At most 16 wrong entries of an input take more than four calls."""
    loss = report_of(WRONG[name])
    assert sum(batch.evaluations - 4 * batch.entries - 800 for batch in loss.batches) <= 0


def test_ten_million_weights_by_projections_take_40_calls():
    def softplus_of_products(W, X):
        Z = X @ W
        return float(np.logaddexp(0, Z).sum()), X.T @ (1 / (1 + np.exp(-Z)))

    report = gradcheck.check(
        softplus_of_products, inputs={"W": "normal(0, 0.02) [10000, 1000]", "X": "[4, 10000]"}, batch_sizes=4
    )
    (batch,) = report.losses[0].batches
    assert batch.projections.agree
    assert report.passed
    assert batch.evaluations <= 40
