"""What holds of every built-in loss, tried on scores that hypothesis draws."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as st_numpy

from gradcheck.losses import BUILT_INS
from gradcheck.losses.batch import as_batch, as_scores, reduced

SHIFT_INVARIANT = ["svm", "squared-hinge", "crammer-singer", "softmax", "label-smoothing", "focal", "brier"]
# Without a kink, on whose other side float32 may see a score.
SMOOTH = sorted(set(BUILT_INS) - {"svm", "crammer-singer", "min-square-exp"})
# e^{s_3} has no float at 1e3.
BOUNDED = [name for name in BUILT_INS if name != "affine-exp"]


@st.composite
def problems(draw, elements, min_classes=1, dtype=np.float64):
    shape = draw(st.tuples(st.integers(1, 5), st.integers(min_classes, 6)))
    S = draw(st_numpy.arrays(dtype, shape, elements=elements))
    y = draw(st_numpy.arrays(np.int64, shape[:1], elements=st.integers(0, shape[1] - 1)))
    return S, y


moderate = st.floats(-20, 20)
# Sixty-fourths and integer ties: differences, margins and shifts of them are exact.
exact = st.one_of(st.integers(-1280, 1280).map(lambda k: k / 64), st.integers(-2, 2).map(float))
huge = st.one_of(st.floats(-1e3, 1e3), st.sampled_from([-1e3, 0.0, 1e3]))

few = settings(max_examples=20, deadline=None)
every = pytest.mark.parametrize("name", BUILT_INS)


@every
@few
@given(problem=problems(st.one_of(moderate, exact)))
def test_inputs_are_left_alone_and_answers_are_fresh_memory_and_the_same_each_time(name, problem):
    loss, (S, y) = BUILT_INS[name].function, problem
    S_before, y_before = S.copy(), y.copy()
    S.flags.writeable = y.flags.writeable = False
    value, dS = loss(S, y)
    first = dS.copy()
    again, dS_again = loss(S, y)
    np.testing.assert_array_equal(S, S_before)
    np.testing.assert_array_equal(y, y_before)
    assert value == again
    np.testing.assert_array_equal(first, dS_again)
    for other in (S, y, dS_again):
        assert not np.shares_memory(dS, other)
    dS[:] = 7.0
    np.testing.assert_array_equal(loss(S, y)[1], first)


@pytest.mark.parametrize("name", SMOOTH)
@few
@given(problem=problems(st.floats(-20, 20, width=32), dtype=np.float32))
def test_float32_differs_from_float64_by_its_rounding_only(name, problem):
    loss, (S, y) = BUILT_INS[name].function, problem
    value, dS = loss(S, y)
    expected, expected_dS = loss(S.astype(np.float64), y)
    cancelled = 1e-5 * float(np.abs(S).max()) if name == "affine-exp" else 0.0  # 2 s_1 - 3 s_2 may nearly vanish
    assert float(value) == pytest.approx(float(expected), rel=1e-4, abs=cancelled + 1e-30)
    np.testing.assert_allclose(dS, expected_dS, rtol=1e-4, atol=1e-6 * np.abs(expected_dS).max() + 1e-30)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", BOUNDED)
@few
@given(data=st.data())
def test_scores_of_1e3_give_finite_answers_of_their_dtype_without_a_warning(name, dtype, data):
    elements = st.one_of(st.floats(-1e3, 1e3, width=32), st.sampled_from([-1e3, 0.0, 1e3]))
    S, y = data.draw(problems(elements, dtype=dtype))
    with np.errstate(over="raise", divide="raise", invalid="raise"):
        value, dS = BUILT_INS[name].function(S, y)
    assert (value.dtype, value.shape, dS.dtype, dS.shape) == (dtype, (), dtype, S.shape)
    assert np.isfinite(value)
    assert np.isfinite(dS).all()


@pytest.mark.parametrize("name", SHIFT_INVARIANT)
@few
@given(problem=problems(exact), shift=st.integers(-1000, 1000))
def test_adding_a_number_to_every_score_of_a_row_changes_nothing(name, problem, shift):
    loss, (S, y) = BUILT_INS[name].function, problem
    value, dS = loss(S, y)
    shifted, shifted_dS = loss(S + shift, y)
    assert value == shifted
    np.testing.assert_array_equal(dS, shifted_dS)


@pytest.mark.parametrize("name", SHIFT_INVARIANT)
@few
@given(problem=problems(st.one_of(moderate, huge, exact)))
def test_rows_of_a_shift_invariant_loss_sum_to_0(name, problem):
    S, y = problem
    _, dS = BUILT_INS[name].function(S, y)
    size = np.abs(dS).sum(axis=1)
    assert (np.abs(dS.sum(axis=1)) <= 1e-14 * size + 1e-300).all()


@pytest.mark.parametrize("name", [name for name in BUILT_INS if name not in ("min-square-exp", "affine-exp")])
@few
@given(problem=problems(exact, min_classes=2), data=st.data())
def test_renaming_the_classes_renames_the_gradients_columns(name, problem, data):
    loss, (S, y) = BUILT_INS[name].function, problem
    order = np.array(data.draw(st.permutations(range(S.shape[1]))))
    value, dS = loss(S, y)
    renamed, renamed_dS = loss(S[:, order], np.argsort(order)[y])
    assert float(renamed) == pytest.approx(float(value), rel=1e-13, abs=1e-290)
    if name != "crammer-singer":  # at a tie the first class takes it all, and renaming changes which is first
        np.testing.assert_allclose(renamed_dS, dS[:, order], rtol=1e-9, atol=1e-15)


@every
@pytest.mark.parametrize("shape", [(1, 1), (2, 1), (1, 2), (3, 2), (2, 5)])
def test_all_ties_are_answered_and_alike_in_all_rows_and_cost_nothing_where_only_differences_count(name, shape):
    S, y = np.full(shape, 0.5), np.full(shape[0], shape[1] - 1)
    value, dS = BUILT_INS[name].function(S, y)
    assert np.isfinite(value)
    np.testing.assert_array_equal(dS, np.broadcast_to(dS[0], shape))
    assert shape[1] > 1 or name not in SHIFT_INVARIANT or (value == 0 and not dS.any())


@every
def test_scores_in_any_memory_layout_give_the_same_answer(name):
    rng = np.random.default_rng(0)
    S, y = rng.normal(size=(6, 5)), rng.integers(0, 5, size=6)
    value, dS = BUILT_INS[name].function(S, y)
    for other in (np.asfortranarray(S), np.repeat(S, 2, axis=1)[:, ::2], S.tolist()):
        other_value, other_dS = BUILT_INS[name].function(other, y)
        assert other_value == value
        np.testing.assert_array_equal(other_dS, dS)


@every
@few
@given(problem=problems(st.one_of(moderate, exact)))
def test_reduction_sum_lacks_the_1_over_n_and_none_is_each_row_by_itself(name, problem):
    loss, (S, y) = BUILT_INS[name].function, problem
    N = len(S)
    value, dS = loss(S, y)
    values, derivatives = loss(S, y, reduction="none")
    total, total_dS = loss(S, y, reduction="sum")
    assert (values.shape, derivatives.shape) == ((N,), S.shape)
    assert (total, value) == (values.sum(), values.sum() / N)
    np.testing.assert_array_equal(total_dS, derivatives)
    np.testing.assert_array_equal(dS, derivatives / N)
    for i in range(N):
        alone, alone_dS = loss(S[i : i + 1], y[i : i + 1], reduction="mean")
        assert values[i] == pytest.approx(float(alone), rel=1e-14, abs=1e-290)
        np.testing.assert_allclose(derivatives[i], alone_dS[0], rtol=1e-13, atol=1e-300)
    for answer in (values, derivatives):
        assert not np.shares_memory(answer, S)


def test_every_loss_of_the_plan_is_there_in_the_order_that_list_shows():
    assert list(BUILT_INS) == [
        "svm", "squared-hinge", "crammer-singer",
        "softmax", "label-smoothing", "focal",
        "brier", "one-vs-all", "huber",
        "soft-cross-entropy", "binary-cross-entropy", "squared-error", "min-square-exp", "cubed-relu", "affine-exp",
    ]  # fmt: skip


@every
def test_formula_and_gradient_are_one_line_each_and_the_derivation_tells_more(name):
    entry = BUILT_INS[name]
    for line in (entry.formula, entry.gradient):
        assert line == line.strip() != ""
        assert "\n" not in line
        assert len(line) <= 100
    assert entry.derivation.isascii()
    assert "dL/ds_j" in entry.derivation
    assert "1/N" in entry.derivation
    assert max(map(len, entry.derivation.splitlines())) <= 90


# --- complex scores: the imaginary part of the value is the derivative, to rounding -------------------------


def imaginary_slopes(loss, S, y, **options):
    """Im(value) / h for every entry moved by i·h, the last axes those of the value."""
    slopes = []
    for entry in np.ndindex(S.shape):
        moved = S.astype(complex)
        moved[entry] += 1e-20j
        moved.flags.writeable = False
        value, dS = loss(moved, y, **options)
        assert np.iscomplexobj(value)
        assert dS.shape == S.shape
        slopes.append(np.imag(value) / 1e-20)
    return np.reshape(slopes, S.shape + np.shape(value))


FAR_APART = [[[30.0, 1.0, -2.0, 3.5]], [[1.0, 30.0, -2.0, 3.5]], [[-1e3, 1e3, 0.5, 0.25]]]


@every
def test_the_imaginary_part_is_the_derivative_to_a_few_eps_of_its_rows_largest_and_the_real_part_the_value(name):
    loss, rng = BUILT_INS[name].function, np.random.default_rng(0)
    shapes = [(1, 2), (1, 5), (3, 5), (8, 4)] * 6
    drawn = [(rng.normal(size=(N, C)), rng.integers(0, C, size=N)) for N, C in shapes]
    leading = [(np.array(S) / (10 if name == "affine-exp" else 1), np.array([0])) for S in FAR_APART]
    for S, y in drawn + leading:
        value, dS = loss(S, y)
        largest = np.abs(dS).max(axis=1, keepdims=True)
        assert (np.abs(imaginary_slopes(loss, S, y) - dS) <= 1e-14 * largest).all()
        complex_value, _ = loss(S.astype(complex), y)
        assert complex_value.imag == 0
        assert complex_value.real == pytest.approx(float(value), rel=1e-14, abs=1e-300)


@every
@pytest.mark.parametrize("reduction", ["sum", "none"])
def test_every_reduction_carries_it(name, reduction):
    rng = np.random.default_rng(0)
    S, y = rng.normal(size=(3, 4)), rng.integers(0, 4, size=3)
    _, derivatives = BUILT_INS[name].function(S, y, reduction="none")
    slopes = imaginary_slopes(BUILT_INS[name].function, S, y, reduction=reduction)
    if reduction == "none":  # row i moves value i alone
        others = ~np.eye(3, dtype=bool)[:, np.newaxis, :] & np.ones((3, 4, 3), dtype=bool)
        assert not slopes[others].any()
        slopes = np.diagonal(slopes, axis1=0, axis2=2).T
    np.testing.assert_allclose(slopes, derivatives, rtol=0, atol=1e-14 * np.abs(derivatives).max())


# --- what all of them refuse, and what they make of their arguments and of the values of the rows -----------

TWO_ROWS = np.zeros((2, 3))


def test_floats_and_complex_numbers_are_not_copied_integers_become_float64_and_memory_goes_row_by_row():
    for S in (np.zeros((2, 3), dtype=np.float32), np.full((1, 2), 1 + 1e-20j)):
        assert as_scores(S) is S
        assert as_batch(S.tolist(), [0] * len(S))[0].dtype == (np.complex128 if S.dtype.kind == "c" else np.float64)
    assert as_scores(np.zeros((2, 3), dtype=int)).dtype == np.float64
    by_column = np.asfortranarray(np.arange(6.0).reshape(2, 3))
    assert as_scores(by_column).flags.c_contiguous
    np.testing.assert_array_equal(as_scores(by_column), by_column)


@pytest.mark.parametrize(
    ("S", "y", "error", "said"),
    [
        (np.zeros(3), [0], ValueError, r"shape .* N x C"),
        (np.float64(1), [0], ValueError, r"shape .* N x C"),
        (np.zeros((1, 2, 3)), [0], ValueError, r"shape .* N x C"),
        (np.zeros((1, 2), dtype=bool), [0], TypeError, "bool"),
        (np.array([["1", "2"]]), [0], TypeError, "<U1"),
        (np.array([[None, 1.0]]), [0], TypeError, "object"),
        (TWO_ROWS, [0, 3], ValueError, "run from 0 to 3; 3 classes are 0 to 2"),
        (TWO_ROWS, [-1, 0], ValueError, "run from -1 to 0; 3 classes are 0 to 2"),
        (TWO_ROWS, [0], ValueError, r"\(2,\)"),
        (TWO_ROWS, [0, 1, 2], ValueError, r"\(2,\)"),
        (TWO_ROWS, [[0, 1, 0], [1, 0, 0]], ValueError, r"\(2,\)"),
        (TWO_ROWS, [0.0, 1.0], TypeError, "float64"),
    ],
)
def test_scores_that_are_no_matrix_of_numbers_and_labels_that_are_no_classes_are_refused(S, y, error, said):
    with pytest.raises(error, match=said):
        as_batch(S, y)


@pytest.mark.parametrize("reduction", ["Mean", "", None, "batchmean"])
def test_an_unknown_reduction_is_refused_with_those_there_are(reduction):
    with pytest.raises(ValueError, match=f"{reduction!r}; it must be 'mean', 'sum' or 'none'"):
        reduced(np.zeros(2), np.zeros((2, 3)), reduction)
