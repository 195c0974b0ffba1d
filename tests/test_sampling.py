"""Problems: the same for the same seed, whatever else is drawn; of the shapes, kinds and sizes asked for."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gradcheck.config import Config
from gradcheck.sampling import draw_inputs, problems
from gradcheck.sampling import drawn as drawn_again


def labels(kind, distribution, N, C, seed=0):
    config = Config(batch_sizes=N, classes=C, seed=seed, labels={"kind": kind, "distribution": distribution})
    return next(problems(config)).y


def test_problems_come_by_batch_size_then_classes_then_scores_then_trial():
    config = Config(batch_sizes=[2, 1], classes=[3, 2], scores=["normal", "uniform"], trials=2, seed=4)
    order = [(*problem.S.shape, problem.scores, problem.trial, problem.seed) for problem in problems(config)]
    kinds = "normal(0, 1)", "uniform(-1, 1)"
    assert order == [(*each, 4 + each[-1]) for each in itertools.product((2, 1), (3, 2), kinds, (0, 1))]


def test_the_draw_of_seed_0_is_the_one_it_has_always_been():
    normal, integers = problems(Config(batch_sizes=2, classes=3))
    # A normal draw takes exp and log in a few cases in a thousand: their last digit is the machine's.
    golden = [
        [0.05454730300294852, 0.2702420098239633, 0.8585742478376643],
        [1.6473743070353535, -0.589969285692482, -0.6752250349599533],
    ]
    np.testing.assert_allclose(normal.S, golden, rtol=1e-14)
    assert normal.y.tolist() == [1, 1]
    assert integers.S.tolist() == [[-2.0, 1.0, 2.0], [-1.0, 1.0, 1.0]]
    assert integers.y.tolist() == [2, 1]


sizes = st.lists(st.integers(1, 6), min_size=1, max_size=3, unique=True)
kinds = st.sampled_from(["normal", "normal(0, 2)", "integers", "uniform", "student-t"])
several_kinds = st.lists(kinds, min_size=1, max_size=3, unique=True)


@given(st.integers(0, 2**62), sizes, sizes, several_kinds, st.integers(1, 3), st.sampled_from(["class", "one-hot"]))
@settings(max_examples=40, deadline=None)
def test_each_problem_is_the_same_alone_or_drawn_again_or_among_others(
    seed, batch_sizes, classes, scores, trials, kind
):
    config = Config(
        seed=seed, batch_sizes=batch_sizes, classes=classes, scores=scores, trials=trials, labels={"kind": kind}
    )
    everything = list(problems(config))
    assert len(everything) == len(batch_sizes) * len(classes) * len(scores) * trials
    for problem in everything:
        N, C = problem.S.shape
        alone = Config(seed=problem.seed, batch_sizes=N, classes=C, scores=problem.scores, labels={"kind": kind})
        again = drawn_again(config, N, C, problem.scores, problem.seed)
        for other in (*problems(alone), again):
            assert np.array_equal(problem.S, other.S)
            assert np.array_equal(problem.y, other.y)
        assert (again.seed, again.trial, again.scores) == (problem.seed, problem.trial, problem.scores)


def test_problems_differ_by_seed_size_classes_and_kind_of_scores():
    config = Config(batch_sizes=[3, 4], classes=[3, 4], scores=["normal", "normal(0, 2)"], trials=3)
    firsts = [problem.S[0, 0] / (2 if "2" in problem.scores else 1) for problem in problems(config)]
    assert len(set(firsts)) == len(firsts) == 24


def test_inputs_are_drawn_as_described_and_what_is_given_stays_as_it_is():
    given, own = np.arange(3.0), {"W": np.ones((2, 2)), "steps": np.arange(2), "b": np.zeros(2)}
    inputs = {"x": "[N, D]", "y": "labels", "ids": "integers(0, 3) [N]", "rate": 0.1, "given": given, "params.b": "[2]"}
    values = draw_inputs(Config(inputs=inputs, sizes={"D": 2}), 3, 0, own)
    assert {name: np.shape(values[name]) for name in ("x", "y", "ids")} == {"x": (3, 2), "y": (3,), "ids": (3,)}
    assert (values["y"].dtype, values["ids"].dtype, values["rate"]) == (np.int64, np.int64, 0.1)
    assert values["given"] is given
    assert values["params"]["steps"] is own["steps"]
    assert 0 < np.abs(values["params"]["W"] - 1).max() < 1  # near its own value
    assert np.abs(values["params"]["b"]).max() > 0
    again = draw_inputs(Config(inputs={"rate": 0.2, "x": "[N, 2]"}), 3, 0)
    np.testing.assert_array_equal(again["x"], values["x"])  # whatever else is drawn
    assert draw_inputs(Config(inputs={"ids": "integers(0, 3) [4]"}, wrt="ids"), 1, 0)["ids"].dtype == np.float64
    assert draw_inputs(Config(inputs={"x": "[N]"}, dtype="float32"), 1, 0)["x"].dtype == np.float32


@pytest.mark.parametrize("kind", ["class", "real"])
def test_float32_is_the_float64_problem_rounded(kind):
    wide, narrow = (problems(Config(labels={"kind": kind}, dtype=dtype)) for dtype in ("float64", "float32"))
    for one, other in zip(wide, narrow, strict=True):
        assert other.S.dtype == np.float32
        assert np.array_equal(other.S, one.S.astype(np.float32))
        assert other.y.dtype == (np.int64 if kind == "class" else np.float32)


@given(st.integers(0, 1000), st.integers(1, 12), st.integers(1, 9), st.sampled_from(["uniform", "balanced", "skewed"]))
@settings(max_examples=60, deadline=None)
def test_labels_have_the_form_of_their_kind_and_balanced_ones_are_as_equal_as_can_be(seed, N, C, distribution):
    y = labels("class", distribution, N, C, seed)
    assert (y.shape, y.dtype) == ((N,), np.int64)
    assert ((y >= 0) & (y < C)).all()
    matrices = {kind: labels(kind, distribution, N, C, seed) for kind in ("one-hot", "multi-hot", "real", "sign")}
    assert {(matrix.shape, matrix.dtype) for matrix in matrices.values()} == {((N, C), np.dtype(np.float64))}
    assert {*matrices["one-hot"].ravel(), *matrices["multi-hot"].ravel()} <= {0.0, 1.0}
    assert {*matrices["sign"].ravel()} <= {-1.0, 1.0}
    assert (matrices["one-hot"].sum(axis=1) == 1).all()
    if distribution == "balanced":
        counts = np.bincount(y, minlength=C)
        assert counts.max() - counts.min() <= 1
        assert (np.abs(matrices["multi-hot"].sum(axis=0) - N / 2) <= 0.5).all()


def test_a_share_of_the_rows_may_be_ignored():
    ignored = {"labels": {"ignored": 0.2}}
    y = next(problems(Config(batch_sizes=10_000, classes=5, **ignored))).y
    assert np.mean(y == -1) == pytest.approx(0.2, abs=0.02)
    assert {*y.tolist()} == {-1, 0, 1, 2, 3, 4}
    assert drawn_again(Config(**ignored), 3, 5, "normal(0, 1)", 0).labels is not None


def test_uniform_labels_are_uniform_and_skewed_ones_halve_from_class_to_class():
    N = 20_000
    assert np.bincount(labels("class", "uniform", N, 4)) / N == pytest.approx(0.25, abs=0.02)
    assert np.bincount(labels("class", "skewed", N, 3)) / N == pytest.approx(np.array([4, 2, 1]) / 7, abs=0.02)
    assert labels("multi-hot", "skewed", N, 3).mean(axis=0) == pytest.approx([0.5, 0.25, 0.125], abs=0.02)
    assert labels("multi-hot", "uniform", N, 3).mean(axis=0) == pytest.approx(0.5, abs=0.02)
    for C in (1, 2, 1000, 5000):
        y = labels("class", "skewed", 1000, C)
        assert 0 == y.min() <= y.max() < C


@pytest.mark.parametrize(
    ("scores", "mean", "deviation"),
    [("normal(3, 0.5)", 3, 0.5), ("uniform(0, 6)", 3, 6 / 12**0.5), ("integers(-2, 2)", 0, 2**0.5)],
)
def test_scores_have_the_mean_and_deviation_asked_for(scores, mean, deviation):
    (problem,) = problems(Config(batch_sizes=2000, scores=scores))
    assert problem.S.mean() == pytest.approx(mean, abs=0.05)
    assert problem.S.std() == pytest.approx(deviation, rel=0.05)


positive = st.floats(0, 1e30, exclude_min=True)


@given(
    st.builds("normal(1e30, {!r})".format, positive)
    | st.builds("student-t({!r}, {!r})".format, positive, positive)
    | st.sampled_from(["uniform(-1e30, 1e30)", f"integers({-(2**53)}, {2**53})"]),
    st.sampled_from(["float64", "float32"]),
)
@settings(max_examples=80, deadline=None)
def test_scores_are_finite_whatever_the_parameters(scores, dtype):
    for problem in problems(Config(scores=scores, dtype=dtype, trials=3)):
        assert np.isfinite(problem.S).all()
