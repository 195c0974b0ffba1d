"""Complex steps as the reference: a defect of 1e-13 is seen, and the rounding of no loss is called one."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from gradcheck import Config, check_at
from gradcheck.losses import BUILT_INS
from gradcheck.report import VERDICTS, BatchReport, Verdict

from . import COMPLEX, SCORES, Loss, draw, one_entry_off

pytestmark = pytest.mark.benchmark

SMOOTH = [name for name in BUILT_INS if name not in ("svm", "crammer-singer")]
RIGHT = {name: loss for name, (loss, _) in COMPLEX.items()} | {
    f"built-in {name}": entry.function for name, entry in BUILT_INS.items()
}
DEFECT, RTOL = 1e-13, 3e-14
DRAWS = 8
OK, WRONG = VERDICTS.index(Verdict.OK), VERDICTS.index(Verdict.WRONG)


def checked(loss: Loss, S: Any, y: Any, rtol: float, reference: Any = "complex") -> BatchReport:
    (batch,) = check_at(loss, S, y, Config(rtol=rtol), reference=reference).losses[0].batches
    return batch


def test_a_relative_defect_of_1e13_in_one_entry_is_seen_in_98_of_100_draws_and_nothing_else_is_called_wrong() -> None:
    missed, alarms = [], []
    for name in SMOOTH:
        right = BUILT_INS[name].function
        for seed in range(DRAWS):
            rng = np.random.default_rng([seed, len(name)])
            N, C = (8 if seed % 2 else 3), 5
            S, y = rng.normal(size=(N, C)), rng.integers(0, C, size=N)
            row, class_ = rng.choice(np.argwhere(right(S, y)[1] != 0))
            verdicts = np.array(
                checked(one_entry_off(right, S, (row, class_), lambda x: x * (1 + DEFECT)), S, y, RTOL).verdicts
            )
            missed += [(name, seed)] * int(verdicts[row, class_] == OK)
            verdicts[row, class_] = OK
            if checked(right, S, y, RTOL).wrong or np.any(verdicts != OK):
                alarms.append((name, seed))
    assert alarms == []
    assert len(missed) <= 0.02 * DRAWS * len(SMOOTH), missed


@pytest.mark.parametrize(("reference", "rtol"), [("complex", RTOL), ("complex", 1e-9), ("auto", 1e-7), ("auto", 1e-12)])
@pytest.mark.parametrize("name", RIGHT)
def test_a_right_loss_is_never_called_wrong_by_complex_steps(name: str, reference: str, rtol: float) -> None:
    alarms = []
    for kind in SCORES:
        for seed in range(3 if kind != "1e3" else 0):
            batch = checked(RIGHT[name], *draw(kind, seed), rtol, reference)
            if batch.by_complex is not None:
                alarms += [(kind, seed, *entry) for entry in np.argwhere((batch.verdicts == WRONG) & batch.by_complex)]
    assert alarms == []


@pytest.mark.parametrize("name", [name for name, (_, when) in COMPLEX.items() if when != "perhaps"])
def test_entries_are_judged_by_complex_steps_unless_they_are_0_or_the_steps_lack_a_term(name: str) -> None:
    for seed in range(6):
        S, y = draw("normal", seed)
        expected = np.count_nonzero(RIGHT[name](S, y)[1]) if COMPLEX[name][1] == "always" else 0
        assert checked(RIGHT[name], S, y, RTOL).complex_steps == expected
