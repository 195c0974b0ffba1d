"""What is measured at a problem: noise of value and dS, the step that suits it, in few calls."""

import hashlib

import numpy as np
import pytest
from judging import drawn, objective_of, tied, to_half

from gradcheck.api import check
from gradcheck.checking.precision import measure, rounding_of_gradient
from gradcheck.losses import BUILT_INS

EPS = float(np.finfo(np.float64).eps)
softmax, svm = BUILT_INS["softmax"].function, BUILT_INS["svm"].function


def measured(loss, S=None, seed=0, in_short=False):
    """The precision, and the calls that it took."""
    scores = drawn(seed)[0] if S is None else np.asarray(S)
    labels = np.random.default_rng(seed).integers(0, scores.shape[1], size=len(scores))
    objective = objective_of(loss, scores.shape, labels)
    answer = objective(scores.ravel())
    return measure(objective, scores.ravel(), answer, in_short=in_short), objective.calls - 1


def noise_of(precision, entries=15):
    return precision.gradient_noise.of(np.arange(entries))


def in_float32(S, y):
    value, dS = softmax(S.astype(np.float32), y)
    return float(np.float32(value)), dS.astype(np.float32).astype(float)


def noisy(S, y):
    """Softmax with normal-like noise of 1e-6 that is a function of the scores, as that of an iterative solver is."""
    value, dS = softmax(S, y)
    uniform = np.frombuffer(hashlib.blake2b(S.tobytes()).digest(), dtype=np.uint32) / 2.0**32
    return value + 1e-6 * np.sqrt(12 / 16) * (uniform.sum() - 8), dS


@pytest.mark.parametrize("seed", range(10))
def test_noise_is_about_the_rounding_of_float64_or_of_float32_inside(seed):
    double, single = measured(softmax, seed=seed)[0], measured(in_float32, seed=seed)[0]
    assert 0.1 * EPS < double.value_noise < 20 * EPS
    assert np.all((noise_of(double) > 0.01 * EPS) & (noise_of(double) < 20 * EPS))
    assert 1e-8 < single.value_noise < 1e-6
    assert np.all(noise_of(single) > 1e-9)
    assert measured(svm, tied(seed)[0])[0].value_noise < 100 * EPS  # a tie at the scores is no noise


def test_noise_above_rounding_is_measured():
    levels = [measured(noisy, seed=seed)[0].value_noise for seed in range(60)]
    assert 0.5e-6 < np.median(levels) < 2e-6
    assert np.min(levels) > 1e-6 / 5
    assert np.max(levels) < 6e-6
    cancelled, _ = measured(lambda S, y: ((softmax(S, y)[0] + 1e6) - 1e6, softmax(S, y)[1]))
    assert cancelled.value_noise >= 2.0**-33 / np.sqrt(12)


@pytest.mark.parametrize("decimals", [4, 6, 9])
def test_in_short_it_takes_few_calls_and_stairs_and_kinks_are_told_apart(decimals):
    S, _ = drawn(0, (16, 300))
    stairs, calls = measured(
        lambda S, y: (round(float(softmax(S, y)[0]), decimals), softmax(S, y)[1]), S, in_short=True
    )
    assert 0.02 < stairs.value_noise / 10.0**-decimals < 10
    assert calls <= 64  # of a softmax 37: whether x is rounded is not clear where values stand still
    for ties in (S, np.round(S)):
        assert measured(svm, ties, in_short=True)[0].value_noise < 100 * EPS * 300


def test_the_rounding_of_a_float32_gradient_is_measured_beside_float64_and_not_at_s():
    S, y = drawn(0)[0].astype(np.float32).astype(float), np.array([0, 1, 2])

    def wrong_at_s(scores, labels):
        value, dS = softmax(scores, labels)
        return value, dS + (0.5 if np.array_equal(scores, S) else 0.0)

    given, exact = (objective_of(wrong_at_s, S.shape, y, dtype) for dtype in (np.float32, np.float64))
    eps = float(np.finfo(np.float32).eps)
    noise = rounding_of_gradient(given, exact, S.ravel(), eps)
    assert np.all(noise < 1e-6)
    assert np.all(noise >= 0.5 * eps * np.abs(softmax(S, y)[1].ravel()))


@pytest.mark.parametrize("scale", [1e-3, 1.0, 30.0])
@pytest.mark.parametrize(
    ("to", "eps"),
    [
        (to_half("float16"), 2.0**-10),
        (to_half("bfloat16"), 2.0**-7),
        (lambda S: S.astype(np.float32), 0.0),
        (lambda S: S, 0.0),
        (lambda S: np.clip(S, -16.5, 16.5), 0.0),  # flat from there
    ],
    ids=["float16", "bfloat16", "float32", "float64", "clipped"],
)
def test_whether_scores_are_in_half_precision_is_measured(to, eps, scale):
    S, _ = drawn(1)
    for loss in (softmax, svm):
        assert measured(lambda S, y, loss=loss: loss(to(S), y), scale * S)[0].inside.of_x == eps


def test_a_value_that_is_rounded_by_a_large_offset_is_no_score_in_half_precision():
    for seed in range(20):
        S, _ = drawn(seed)
        assert measured(lambda S, y: ((softmax(S, y)[0] + 1e6) - 1e6, softmax(S, y)[1]), S)[0].inside.of_x == 0


@pytest.mark.parametrize(
    "coarse",
    [lambda v: float(np.float32(v)), lambda v: v + 1e7 - 1e7, lambda v: v + 1e9 - 1e9],
    ids=["float32", "1e7", "1e9"],
)
def test_a_value_of_which_a_part_alone_is_coarse_is_right_and_a_wrong_gradient_of_it_is_caught(coarse):
    def penalised(S, y, factor=1.0):
        value, dS = BUILT_INS["softmax"].function(S, y)
        return coarse(value) + 0.05 * (S**2).sum(), factor * (dS + 0.1 * S)

    for seed in range(5):
        report = check(penalised, seed=seed).losses[0]
        assert report.passed, report.findings
        assert sum(batch.unresolved for batch in report.batches) <= 4
    assert check(penalised, batch_sizes=40, classes=30, max_entries=1000).passed  # by projections
    for factor in (2.0, 1.01, -1.0):
        assert check(lambda S, y, factor=factor: penalised(S, y, factor)).losses[0].failed


@pytest.mark.parametrize("frequency", [1e4, 1e6, 1e8])
def test_an_oscillation_that_the_gradient_lacks_is_no_rounding(frequency):
    value = lambda S: np.sin(frequency * S).sum() + (S**2).sum()  # noqa: E731
    assert check(lambda S, y: (value(S), frequency * np.cos(frequency * S) + 2 * S)).passed
    assert check(lambda S, y: (value(S), 2 * S)).losses[0].failed
