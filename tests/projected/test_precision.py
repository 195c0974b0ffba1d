from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from gradcheck.checking.projected.precision import ProjectedPrecision, measure_line, rounding_of_projections
from gradcheck.evaluation.oracle import Oracle
from gradcheck.evaluation.plans.projections import Base, draw

from gradcheck.functions.function import Function
from gradcheck.losses import BUILT_INS

SHAPE = (16, 300)
EPS = float(np.finfo(np.float64).eps)
softmax = BUILT_INS["softmax"].function


def measured(loss: Any, kind: str = "normal") -> tuple[ProjectedPrecision, Oracle]:
    rng = np.random.default_rng(0)
    S = rng.normal(size=SHAPE) if kind == "normal" else rng.integers(-2, 3, size=SHAPE).astype(float)
    y = rng.integers(0, SHAPE[1], SHAPE[0])
    evaluation = Function("loss", loss).evaluate(S, y)
    oracle = Oracle(Function("loss", loss), y)
    oracle.remember(evaluation)
    base = Base(S, evaluation.value, evaluation.gradient, evaluation.gradient)
    return measure_line(oracle, base, evaluation.value_eps, evaluation.gradient_eps, draw(SHAPE, 0)), oracle


def test_a_smooth_loss_has_the_noise_of_its_rounding_in_eleven_calls() -> None:
    precision, oracle = measured(softmax)
    assert oracle.calls == 11
    assert EPS < precision.value_noise < 20 * EPS
    assert precision.slope_noise < 100 * EPS


@pytest.mark.parametrize("kind", ["normal", "integers"])
def test_thousands_of_kinks_are_not_taken_for_noise(kind: str) -> None:
    precision, _ = measured(BUILT_INS["svm"].function, kind)
    value = 300.0
    assert precision.value_noise < 100 * EPS * value


@pytest.mark.parametrize("decimals", [4, 6, 9])
def test_the_line_is_long_enough_to_see_stairs(decimals: int) -> None:
    def rounded(S: Any, y: Any) -> Any:
        value, dS = softmax(S, y)
        return round(float(value), decimals), dS

    precision, _ = measured(rounded)
    assert 0.02 < precision.value_noise / 10.0**-decimals < 3


def test_float32_inside_is_seen_in_value_and_gradient() -> None:
    def coarse(S: Any, y: Any) -> Any:
        value, dS = softmax(S.astype(np.float32), y)
        return float(value), dS.astype(float)

    precision, _ = measured(coarse)
    assert 1e-8 < precision.value_noise < 1e-5
    assert precision.derivative_rounding >= 2e-7


def test_noise_of_the_gradient_is_measured_on_a_longer_line() -> None:
    def noisy(S: Any, y: Any) -> Any:
        value, dS = softmax(S, y)
        return value, (dS + 1e6) - 1e6

    precision, _ = measured(noisy)
    noise = 2.0**-33 / np.sqrt(12)
    assert precision.slope_noise == pytest.approx(noise * np.sqrt(SHAPE[0] * SHAPE[1]), rel=0.5)
    assert precision.derivative_noise >= noise


@pytest.mark.parametrize(("kind", "at_kinks"), [("normal", False), ("integers", True)])
def test_many_kinks_at_the_first_point_are_noticed(kind: str, at_kinks: bool) -> None:
    assert measured(BUILT_INS["svm"].function, kind)[0].starts_at_kinks == at_kinks
    assert not measured(softmax, kind)[0].starts_at_kinks


def test_rounding_to_float32_is_measured_beside_s_and_not_at_s() -> None:
    S = np.random.default_rng(0).normal(size=SHAPE).astype(np.float32).astype(float)
    y = np.zeros(SHAPE[0], dtype=int)

    def wrong_at_s(scores: Any, labels: Any) -> Any:
        value, dS = softmax(scores, labels)
        return value, dS + (0.5 if np.array_equal(scores, S) else 0.0)

    given, exact = (Oracle(Function("loss", wrong_at_s), y, dtype) for dtype in (np.float32, np.float64))
    gradient = softmax(S, y)[1]
    rounding = rounding_of_projections(given, exact, Base(S, 0.0, gradient, gradient))
    assert 1e-10 < rounding < 1e-6 * np.linalg.norm(gradient)
    assert given.calls == exact.calls == 3
