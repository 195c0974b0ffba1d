"""The checker tried by mutation: every built-in, its gradient broken in each of twelve ways."""

from __future__ import annotations

import numpy as np
import pytest

from gradcheck import Config, check_at
from gradcheck.losses import BUILT_INS

from . import BREAKS, broken

pytestmark = pytest.mark.benchmark
SHAPES = [(3, 3), (4, 5)]


@pytest.mark.parametrize("way", BREAKS)
@pytest.mark.parametrize("name", BUILT_INS)
def test_a_broken_gradient_is_caught_on_every_seed(name: str, way: str) -> None:
    right, rtol = BUILT_INS[name].function, 3e-10 if way == "1 + 1e-9" else 1e-7
    for seed, (N, C) in enumerate(SHAPES):
        rng = np.random.default_rng(seed)
        S, y = rng.normal(size=(N, C)), rng.integers(0, C, size=N)
        wrong = broken(right, way, seed)
        before, after = right(S, y)[1], wrong(S, y)[1]
        if np.all(np.abs(after - before) <= rtol * np.maximum(np.abs(before), np.abs(after))):
            continue  # the break changes nothing here: 1/N of one row, say
        assert check_at(wrong, S, y, Config(rtol=rtol)).exit_code == 1, seed
