"""The precision of a loss at a problem: its noise and the step that suits it, measured by few calls."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from gradcheck.evaluation.oracle import Oracle

from gradcheck.checking.precision import Precision, measure, rounding_of_gradient
from gradcheck.functions.function import Function
from gradcheck.losses import BUILT_INS
from gradcheck.report import FloatArray

EPS = float(np.finfo(np.float64).eps)
LossFunction = Callable[[Any, Any], Any]

softmax = BUILT_INS["softmax"].function
svm = BUILT_INS["svm"].function


def measured(
    loss: LossFunction, shape: tuple[int, int] = (3, 5), seed: int = 0, S: npt.NDArray[Any] | None = None
) -> tuple[Precision, int]:
    """The precision, and the calls that it took."""
    rng = np.random.default_rng(seed)
    scores = rng.normal(size=shape) if S is None else S
    oracle = Oracle(Function("test", loss), rng.integers(0, scores.shape[1], size=len(scores)))
    at_scores = oracle(scores)
    calls = oracle.calls
    return measure(oracle, scores, at_scores, rng), oracle.calls - calls


def noise_of(precision: Precision, shape: tuple[int, int] = (3, 5)) -> FloatArray:
    rows, columns = (index.ravel() for index in np.indices(shape))
    return precision.gradient_noise.of(rows, columns).reshape(shape)


def in_float32(S: Any, y: Any) -> Any:
    value, dS = softmax(S.astype(np.float32), y)
    return float(np.float32(value)), dS.astype(np.float32).astype(float)


def noisy_by(sigma: float) -> LossFunction:
    """Softmax with normal-like noise that is a function of the scores, as that of an iterative solver is."""

    def loss(S: Any, y: Any) -> Any:
        value, dS = softmax(S, y)
        uniform = np.frombuffer(hashlib.blake2b(S.tobytes()).digest(), dtype=np.uint32) / 2.0**32
        return value + sigma * np.sqrt(12 / 16) * (uniform.sum() - 8), dS

    return loss


def sine(S: Any, y: Any) -> Any:
    return float(np.sin(40 * S).mean()), 40 * np.cos(40 * S) / S.size


def flat(S: Any, y: Any) -> Any:
    return 0.0, np.zeros(S.shape)


def a_pole_nearby(S: Any, y: Any) -> Any:
    """Not finite where any score is below its value at S by a hair."""
    with np.errstate(all="ignore"):
        return float(np.sqrt(S - 1).sum()), 0.5 / np.sqrt(S - 1)


LOSSES: dict[str, LossFunction] = {
    **{name: built_in.function for name, built_in in BUILT_INS.items()},
    "in float32": in_float32,
    "noisy": noisy_by(1e-6),
    "sine": sine,
    "flat": flat,
    "offset by 1e6": lambda S, y: (softmax(S, y)[0] + 1e6, softmax(S, y)[1]),
}


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize("kind", ["normal", "ties", "small", "large"])
def test_it_takes_at_most_87_calls_whatever_the_loss(name: str, kind: str) -> None:
    for seed in range(3):
        rng = np.random.default_rng(seed)
        S = {
            "normal": rng.normal(size=(4, 3)),
            "ties": rng.integers(-2, 3, size=(4, 3)).astype(float),
            "small": 1e-3 * rng.normal(size=(4, 3)),
            "large": 100 * rng.normal(size=(4, 3)),
        }[kind]
        precision, calls = measured(LOSSES[name], S=S)
        assert calls <= 87
        assert np.isfinite(precision.value_noise)
        assert 0 < precision.step <= 2
        assert noise_of(precision, S.shape).shape == S.shape


@pytest.mark.parametrize("name", ["softmax", "label-smoothing", "focal", "brier", "one-vs-all"])
def test_it_takes_at_most_57_calls_of_a_smooth_loss(name: str) -> None:
    assert max(measured(LOSSES[name], seed=seed)[1] for seed in range(20)) <= 57


def test_it_takes_at_most_57_calls_of_a_smooth_loss_that_is_wild() -> None:
    assert max(measured(sine, seed=seed)[1] for seed in range(20)) <= 57


@pytest.mark.parametrize("seed", range(20))
def test_a_value_is_never_less_noisy_than_its_rounding_nor_much_noisier(seed: int) -> None:
    precision, _ = measured(softmax, seed=seed)
    assert 0.1 * EPS < precision.value_noise < 20 * EPS
    assert np.all(noise_of(precision) > 0.01 * EPS)
    assert np.all(noise_of(precision) < 20 * EPS)


@pytest.mark.parametrize("seed", range(20))
def test_a_tie_at_the_scores_is_not_taken_for_noise(seed: int) -> None:
    S = np.random.default_rng(seed).integers(-2, 3, size=(3, 5)).astype(float)
    precision, _ = measured(svm, S=S)
    assert precision.value_noise < 100 * EPS


@pytest.mark.parametrize("seed", range(20))
def test_float32_inside_is_found_out_though_float64_is_returned(seed: int) -> None:
    precision, _ = measured(in_float32, seed=seed)
    assert 1e-8 < precision.value_noise < 1e-6
    assert np.all(noise_of(precision) > 1e-9)


def test_an_offset_that_is_added_and_taken_away_leaves_its_noise() -> None:
    precision, _ = measured(lambda S, y: ((softmax(S, y)[0] + 1e6) - 1e6, softmax(S, y)[1]))
    assert precision.value_noise >= 2.0**-33 / np.sqrt(12)


def test_noise_far_above_rounding_is_measured() -> None:
    levels = [measured(noisy_by(1e-6), seed=seed)[0].value_noise for seed in range(60)]
    assert 0.5e-6 < np.median(levels) < 2e-6
    assert np.min(levels) > 1e-6 / 5
    assert np.max(levels) < 6e-6


def test_the_step_is_wider_for_a_noisy_loss_and_narrower_for_a_wild_one() -> None:
    usual, noisy, wild = (measured(loss)[0].step for loss in (softmax, noisy_by(1e-6), sine))
    assert wild < usual < noisy
    assert 1e-4 < usual < 0.05


def test_a_flat_loss_is_measured_without_a_division_by_0() -> None:
    precision, _ = measured(flat)
    assert precision.value_noise == 0.0
    assert not np.any(noise_of(precision))


@pytest.mark.parametrize("loss", [softmax, svm, flat], ids=["softmax", "svm", "flat"])
def test_a_single_entry_is_enough(loss: LossFunction) -> None:
    precision, _ = measured(loss, shape=(1, 1))
    assert noise_of(precision, (1, 1)).shape == (1, 1)


def test_values_that_are_not_finite_nearby_are_survived() -> None:
    precision, _ = measured(a_pole_nearby, S=np.array([[1.0 + 1e-6, 2.0]]))
    assert np.isfinite(precision.value_noise)
    assert 0 < precision.step < 1


def test_the_rounding_of_a_float32_gradient_is_measured_beside_float64() -> None:
    S, y = np.random.default_rng(0).normal(size=(3, 5)), np.array([0, 1, 2])
    given = Oracle(Function("softmax", softmax), y, np.float32)
    exact = Oracle(Function("softmax", softmax), y)
    exact(S)
    at_scores = given(S)
    noise = rounding_of_gradient(given, exact, S, at_scores)
    assert (given.calls, exact.calls) == (4, 4)
    assert noise.shape == S.shape
    assert np.all(noise < 1e-6)
    assert np.all(noise >= 0.5 * at_scores.gradient_eps * np.abs(exact(S).gradient))
