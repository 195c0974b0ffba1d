from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from row_losses import COUPLED, SEPARABLE

from gradcheck.api import check_at
from gradcheck.config import Config
from gradcheck.losses import BUILT_INS
from gradcheck.report import BatchReport, LossReport, Verdict

LossFunction = Callable[..., Any]
Change = Callable[[np.ndarray, np.ndarray, np.ndarray], None]
BY_PROJECTIONS = Config(plan="projections")
SOFTMAX, SVM = BUILT_INS["softmax"].function, BUILT_INS["svm"].function


def problem(N: int, C: int, seed: int = 0, kind: str = "normal") -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng([seed, N, C])
    S = rng.normal(size=(N, C)) if kind == "normal" else rng.integers(-2, 3, size=(N, C)).astype(float)
    return S, rng.integers(0, C, size=N)


class Counted:
    """A loss whose calls are counted, and whose dS of the whole batch is changed."""

    def __init__(self, loss: LossFunction, rows: int, change: Change = lambda dS, S, y: None) -> None:
        self.loss, self.rows, self.change = loss, rows, change
        self.of_batch = self.of_rows = 0

    def __call__(self, S: np.ndarray, y: np.ndarray) -> Any:
        value, dS = self.loss(S, y)
        if len(S) != self.rows:
            self.of_rows += 1
            return value, dS
        self.of_batch += 1
        self.change(dS, S, y)
        return value, dS


def checked(loss: LossFunction, S: np.ndarray, y: np.ndarray, worst: int = 10, **config: Any) -> LossReport:
    return check_at(loss, S, y, Config(plan="projections", **config), worst=worst).losses[0]


def wrong_entries(batch: BatchReport) -> list[tuple[int, int]]:
    return [(entry.row, entry.class_) for entry in batch.worst if entry.verdict is Verdict.WRONG]


def largest_of_rows(dS: np.ndarray) -> np.ndarray:
    return np.abs(dS).max(axis=1)


# --- right gradients --------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["normal", "integers"])
@pytest.mark.parametrize("name", BUILT_INS)
def test_a_right_gradient_is_right_in_40_calls_of_the_batch(name: str, kind: str) -> None:
    S, y = problem(24, 200, kind=kind)
    loss = Counted(BUILT_INS[name].function, 24)
    report = checked(loss, S, y)
    (batch,) = report.batches
    told = batch.projections
    assert told is not None
    assert report.passed
    assert (batch.plan, batch.entries, batch.wrong, batch.unresolved) == ("projections", 4800, 0, 0)
    assert told.agree
    assert told.directions >= 4
    assert 0 < told.smallest_relative_defect < 1e-3
    assert loss.of_batch <= 50
    assert batch.evaluations == loss.of_batch + loss.of_rows


@pytest.mark.parametrize("loss", [*SEPARABLE.values(), *COUPLED.values()], ids=lambda loss: loss.__name__)
@pytest.mark.parametrize("shape", [(1, 3), (2, 2), (3, 4), (20, 6)], ids=str)
def test_no_loss_is_called_wrong_for_the_company_its_rows_keep(loss: LossFunction, shape: tuple[int, int]) -> None:
    if shape[0] == 1 and loss.__name__.startswith("one_row"):
        return
    for seed in range(2):
        report = checked(loss, *problem(*shape, seed))
        assert not report.failed, report.findings
        told = report.batches[0].projections
        assert told is not None
        assert told.agree or loss is SEPARABLE["in_float32"], told


def test_float32_is_held_to_the_same_loss_in_float64() -> None:
    S, y = problem(16, 60)
    right = checked(SOFTMAX, S.astype(np.float32), y)
    assert right.passed
    told = right.batches[0].projections
    assert told is not None
    assert told.agree
    assert told.smallest_relative_defect < 1e-4

    def change(dS: np.ndarray, S: np.ndarray, y: np.ndarray) -> None:
        dS[3, 7] += 1e-2 * np.abs(dS[3]).max()

    assert wrong_entries(checked(Counted(SOFTMAX, 16, change), S.astype(np.float32), y).batches[0]) == [(3, 7)]


@pytest.mark.parametrize("offset", [1e3, 1e6, 1e9])
@pytest.mark.parametrize("rtol", [1e-7, 1e-12])
def test_a_gradient_that_was_rounded_on_the_way_is_no_wrong_one(offset: float, rtol: float) -> None:
    def rounded(S: np.ndarray, y: np.ndarray) -> Any:
        value, dS = SOFTMAX(S, y)
        return value, (dS + offset) - offset

    for seed in range(5):
        report = checked(rounded, *problem(16, 300, seed), rtol=rtol)
        assert not report.failed, report.findings
        assert report.batches[0].projections.agree or offset == 1e9  # what hardly moves hides how coarse it is


# --- wrong ones -------------------------------------------------------------------------------------------


def at(row: int, column: int, part: float) -> Change:
    def change(dS: np.ndarray, S: np.ndarray, y: np.ndarray) -> None:
        dS[row, column] += part * np.abs(dS[row]).max()

    return change


@pytest.mark.parametrize("kind", ["normal", "integers"])
@pytest.mark.parametrize("loss", [SOFTMAX, SVM])
@pytest.mark.parametrize("seed", range(4))
def test_one_wrong_entry_anywhere_is_found_exactly(loss: LossFunction, kind: str, seed: int) -> None:
    S, y = problem(40, 150, seed, kind)
    row, column = np.random.default_rng(seed).integers(40), np.random.default_rng(seed).integers(150)
    counted = Counted(loss, 40, at(row, column, 1e-2))
    (batch,) = checked(counted, S, y).batches
    assert wrong_entries(batch) == [(row, column)]
    assert batch.wrong == 1
    assert batch.projections is not None
    assert batch.projections.agree  # but for that entry
    assert batch.unresolved == 0
    assert counted.of_batch <= 180


@pytest.mark.parametrize("worst", [1, 3, 12])
def test_no_more_are_looked_for_than_the_worst_that_were_asked_for(worst: int) -> None:
    S, y = problem(30, 100)
    counted = Counted(SOFTMAX, 30, lambda dS, S, y: np.negative(dS, out=dS))
    report = checked(counted, S, y, worst=worst)
    (batch,) = report.batches
    assert batch.wrong >= worst == len(wrong_entries(batch))
    assert batch.unresolved > 0
    assert "more are wrong" in batch.projections.remark
    assert counted.of_batch <= 90 + 2 * 12 * worst


WRONG: dict[str, Change] = {
    "a whole row": lambda dS, S, y: np.multiply(dS[5], 0.9, out=dS[5]),
    "a whole column": lambda dS, S, y: np.add(dS[:, 17], 0.01 * largest_of_rows(dS), out=dS[:, 17]),
    "the label's term missing": lambda dS, S, y: dS.__setitem__((np.arange(len(dS)), y), 0.0),
    "the sign": lambda dS, S, y: np.negative(dS, out=dS),
    "times 1 + 1e-5": lambda dS, S, y: np.multiply(dS, 1 + 1e-5, out=dS),
    "a regularizer": lambda dS, S, y: np.add(dS, 1e-4 * S, out=dS),
}


@pytest.mark.parametrize("way", WRONG)
@pytest.mark.parametrize("loss", [SOFTMAX, SVM])
def test_what_is_wrong_in_many_places_is_wrong_and_no_endless_work(loss: LossFunction, way: str) -> None:
    S, y = problem(40, 150)
    counted = Counted(loss, 40, WRONG[way])
    (batch,) = checked(counted, S, y).batches
    assert batch.wrong >= 10
    right = loss(S, y)[1]
    shown = loss(S, y)[1]
    WRONG[way](shown, S, y)
    for row, column in wrong_entries(batch):
        assert shown[row, column] != right[row, column]
    assert counted.of_batch <= 40 + 2 * np.ceil(np.log2(S.size)) * 10


@settings(deadline=None, max_examples=40)
@given(
    st.sampled_from([SOFTMAX, SVM, COUPLED["centred"]]),
    st.tuples(st.integers(1, 5), st.integers(2, 9)),
    st.integers(0, 1000),
    st.lists(st.tuples(st.integers(0, 44), st.sampled_from([1e-4, 1e-2, 0.5, -1.0])), max_size=3),
)
def test_projections_and_the_full_plan_say_the_same(
    loss: LossFunction, shape: tuple[int, int], seed: int, defects: list[tuple[int, float]]
) -> None:
    S, y = problem(*shape, seed)

    def change(dS: np.ndarray, S: np.ndarray, y: np.ndarray) -> None:
        scale = np.abs(dS).max()
        for place, part in defects:
            dS.flat[place % dS.size] += part * scale

    broken = Counted(loss, shape[0], change)
    (full,) = check_at(broken, S, y, Config(plan="full"), worst=50).losses[0].batches
    (batch,) = checked(broken, S, y, worst=50).batches
    assert full.verdicts is not None
    assert set(wrong_entries(batch)) == set(wrong_entries(full))
    assert batch.wrong == full.wrong


# --- where kinks meet -------------------------------------------------------------------------------------


def test_a_defect_that_kinks_at_s_make_room_for_is_seen_beside_s() -> None:
    """At S the label's derivative may be anything between -199/24 and 0: half of it is a subgradient there."""
    S, y = np.zeros((24, 200)), np.arange(24)
    S[np.arange(24), y] = 1.0  # every margin is 0

    def change(dS: np.ndarray, S: np.ndarray, y: np.ndarray) -> None:
        dS[5, y[5]] /= 2

    assert checked(Counted(SVM, 24), S, y).passed
    report = checked(Counted(SVM, 24, change), S, y)
    (batch,) = report.batches
    assert batch.wrong == 0
    assert [finding.code for finding in report.findings] == ["projections-disagree"]
    assert "dS[5, 5]" in report.findings[0].message
    assert report.failed


# --- what cannot be told ----------------------------------------------------------------------------------


def test_a_loss_too_coarse_for_projections_is_unresolved_and_says_so() -> None:
    def coarse(S: np.ndarray, y: np.ndarray) -> Any:
        value, dS = SOFTMAX(S, y)
        return round(value, 3), dS

    report = checked(coarse, *problem(16, 100))
    (batch,) = report.batches
    assert not report.failed
    assert batch.unresolved > 0
    assert "too noisy" in batch.projections.remark
    assert not batch.projections.agree


def test_a_disagreement_that_no_entry_owns_up_to_is_a_finding() -> None:
    """What single rows and single entries never see: the batch's value moves only where many entries do."""

    def together(S: np.ndarray, y: np.ndarray) -> Any:
        value, dS = SOFTMAX(S, y)
        moved = np.count_nonzero(S != HOME)
        return value + (0.5 * float(np.sum((S - HOME) * WEIGHTS)) if moved > 30 else 0.0), dS

    HOME, y = problem(16, 100)
    WEIGHTS = np.random.default_rng(1).normal(size=HOME.shape)
    report = checked(together, HOME, y)
    (batch,) = report.batches
    assert [finding.code for finding in report.findings] == ["projections-disagree"]
    assert batch.wrong == 0
    assert batch.unresolved > HOME.size - 100
    assert "could not be found" in batch.projections.remark
