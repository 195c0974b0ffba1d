"""No false alarm, and next to nothing unresolved, on right losses that tempt a checker."""

from __future__ import annotations

import numpy as np
import pytest
from numerics_alone import checked_at
from right_losses import RIGHT, SMOOTH
from score_kinds import SCORES, draw

import gradcheck

pytestmark = pytest.mark.benchmark
SEEDS = 20
RTOLS = (1e-7, 1e-9)

#: Values in which a millionth of the gradient is below their own rounding: no difference of values shows it.
COARSE = {"softmax offset by 1e6", "softmax minus a million, after adding it"}
#: Gradients of 1e-20 beside others of 1.
SATURATED = {"softmax times a temperature of 20"}


@pytest.mark.parametrize("name", RIGHT)
def test_a_right_loss_is_never_called_wrong(name: str) -> None:
    entries = unresolved = 0
    for kind in SCORES:
        for seed in range(SEEDS):
            S, y = draw(kind, seed)
            for rtol in RTOLS:
                report = gradcheck.check_at(RIGHT[name], S, y, gradcheck.Config(rtol=rtol))
                (batch,) = report.losses[0].batches
                assert report.passed, (name, kind, seed, rtol, batch.worst[0])
                entries += batch.entries
                unresolved += batch.unresolved
    assert unresolved <= 0.01 * entries, f"{unresolved} of {entries} unresolved"


@pytest.mark.parametrize("name", SMOOTH)
def test_a_right_smooth_gradient_costs_at_most_sixty_calls_beside_its_entries(name: str) -> None:
    if name in COARSE:
        pytest.skip("its value is too coarse for the first look alone")
    for kind in SCORES:
        for seed in range(SEEDS // 2):
            S, y = draw(kind, seed)
            # Complex steps, where central differences are less precise than rtol, come on top.
            (batch,) = gradcheck.check_at(RIGHT[name], S, y, reference="central").losses[0].batches
            assert batch.evaluations <= 2 * S.size + 60, (kind, seed, batch.evaluations - 2 * S.size)


@pytest.mark.parametrize(("defect", "rtol", "share"), [(1e-9, 3e-10, 0.98), (1e-10, 3e-11, 0.90)])
def test_a_small_relative_defect_in_one_entry_is_seen(defect: float, rtol: float, share: float) -> None:
    seen = draws = 0
    for name in SMOOTH:
        if name in COARSE | SATURATED:
            continue
        for seed in range(2 * SEEDS):
            S, y = draw("normal", seed)
            rng = np.random.default_rng([seed, 7])
            entry = int(rng.integers(S.shape[0])), int(rng.integers(S.shape[1]))
            right = RIGHT[name]

            def off(S, y, right=right, entry=entry):
                value, dS = right(S, y)
                dS = np.array(dS)
                dS[entry] *= 1 + defect
                return value, dS

            if right(S, y)[1][entry] == 0:
                continue
            batch = checked_at(off, S, y, rtol).batch
            assert batch is not None
            draws += 1
            seen += int(batch.verdicts[entry] == 3)
            assert batch.wrong == int(batch.verdicts[entry] == 3), "another entry was called wrong"
    assert seen >= share * draws, f"{seen} of {draws}"
