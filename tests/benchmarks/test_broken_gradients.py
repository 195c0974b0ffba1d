"""The checker tried by mutation: every built-in, its gradient broken in each of twelve ways."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from breaks import BREAKS, broken
from numerics_alone import checked_at

from gradcheck.losses import BUILT_INS

pytestmark = pytest.mark.benchmark
SEEDS = 6
SHAPES = [(1, 3), (3, 3), (4, 5)]


@pytest.mark.parametrize("way", BREAKS)
@pytest.mark.parametrize("name", BUILT_INS)
def test_a_broken_gradient_is_caught_on_every_seed(name: str, way: str) -> None:
    right, rtol = BUILT_INS[name].function, 3e-10 if way == "1 + 1e-9" else 1e-7
    for seed in range(SEEDS):
        rng = np.random.default_rng(seed)
        N, C = SHAPES[seed % len(SHAPES)]
        S, y = rng.normal(size=(N, C)), rng.integers(0, C, size=N)
        wrong = broken(right, way, seed)
        before, after = right(S, y)[1], wrong(S, y)[1]
        if np.all(np.abs(after - before) <= rtol * np.maximum(np.abs(before), np.abs(after))):
            continue  # the break changes nothing here: 1/N of one row, say
        assert is_caught(wrong, S, y, rtol), seed


def is_caught(loss: Any, S: Any, y: Any, rtol: float) -> bool:
    batch, findings, _ = checked_at(loss, S, y, rtol)
    return bool(batch and batch.wrong) or any(finding.severity == "error" for finding in findings)
