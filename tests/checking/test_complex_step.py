"""Complex steps as the reference: believed where the loss is analytic, and nowhere else."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from judging import objective_of

from gradcheck.checking.complex_step import Sharpened, sharpen
from gradcheck.evaluation.evaluators import WholeBatch
from gradcheck.losses import BUILT_INS
from gradcheck.numerics.richardson import Limit
from gradcheck.numerics.verdicts import OK, WRONG, judge_by_complex_steps
from gradcheck.report import FloatArray

EPS = float(np.finfo(np.float64).eps)
RTOL = 3e-14

LossFunction = Callable[[Any, Any], Any]
SMOOTH = [name for name in BUILT_INS if name not in ("svm", "crammer-singer")]


def problem(seed: int, N: int = 3, scale: float = 1.0) -> tuple[FloatArray, npt.NDArray[np.int64]]:
    rng = np.random.default_rng(seed)
    return scale * rng.normal(size=(N, 5)), rng.integers(0, 5, size=N)


class Case:
    """A loss at a problem, every entry of its dS, and central differences that are as good as their bound says.

    Args:
        loss: what is asked.
        truth: its right gradient; dS where None.
        relative: bounds of the central differences, beside the largest entry of the truth.
        noise: standard deviation of the noise of dS, beside it.
    """

    def __init__(
        self,
        loss: LossFunction,
        S: FloatArray,
        y: Any,
        *,
        truth: FloatArray | None = None,
        relative: float = 1e-12,
        noise: float = 2 * EPS,
        rtol: float = RTOL,
    ) -> None:
        self.objective = objective_of(loss, S.shape, y)
        self.analytic = self.objective(S.ravel()).gradient
        right = self.analytic if truth is None else truth.ravel()
        size = float(np.abs(right).max())
        off = np.random.default_rng(0).uniform(-1, 1, size=S.size) * relative * size
        self.central = Limit(right + off, np.full(S.size, relative * size))
        self.noise = np.full(S.size, noise * size)
        self.S, self.rtol = S, rtol

    def sharpened(self, analytic: FloatArray | None = None) -> Sharpened:
        judged = self.analytic if analytic is None else analytic
        self.objective.calls = 0
        return sharpen(
            WholeBatch(self.objective, self.S.ravel()), np.arange(self.S.size), judged, self.noise, self.central,
            self.rtol, 0.0, np.full(self.S.size, float(np.abs(self.analytic).max())),
        )  # fmt: skip

    def verdicts(self, analytic: FloatArray | None = None) -> npt.NDArray[np.int8]:
        """Of the entries that complex steps judge; OK for the others."""
        judged = self.analytic if analytic is None else analytic
        seen = self.sharpened(judged)
        verdicts = judge_by_complex_steps(judged, seen.limit.estimate, seen.rounding, self.rtol, 0.0)
        return np.where(seen.by_complex, verdicts, OK).astype(np.int8)


# --- losses that carry complex scores ---------------------------------------------------------------------


@pytest.mark.parametrize("name", SMOOTH)
def test_a_built_in_is_judged_by_complex_steps_to_a_few_eps_wherever_it_is_not_0(name: str) -> None:
    for seed in range(4):
        S, y = problem(seed)
        case = Case(BUILT_INS[name].function, S, y)
        seen = case.sharpened()
        told = np.abs(case.analytic) > 2e-9 * np.abs(case.analytic).max()
        np.testing.assert_array_equal(seen.by_complex, told)
        largest = np.abs(case.analytic).max()
        assert (np.abs(seen.limit.estimate - case.analytic)[told] <= 1e-14 * largest).all()
        assert (seen.limit.bound[told] <= 3e-14 * largest).all()
        assert (seen.rounding[told] <= seen.limit.bound[told]).all()


@pytest.mark.parametrize("name", SMOOTH)
def test_of_right_entries_none_is_wrong_and_one_that_is_off_by_3e13_is(name: str) -> None:
    for seed in range(4):
        S, y = problem(seed)
        case = Case(BUILT_INS[name].function, S, y)
        assert (case.verdicts() == OK).all()
        e = int(np.argmax(np.abs(case.analytic)))
        off = np.where(np.arange(S.size) == e, 1 + 3e-13, 1.0)

        def broken(S: Any, y: Any, off: FloatArray = off) -> Any:
            value, dS = BUILT_INS[name].function(S, y)
            return value, dS * off.reshape(S.shape)

        verdicts = Case(broken, S, y, truth=case.analytic.reshape(S.shape)).verdicts()
        assert np.flatnonzero(verdicts == WRONG).tolist() == [e]


def test_calls_are_three_an_entry_and_twenty_and_more_only_for_those_in_doubt() -> None:
    S, y = problem(0)
    right = Case(naive, S, y)
    right.sharpened()
    settled = right.objective.calls
    assert settled == 3 * S.size + 3

    def one_off(S: Any, y: Any) -> Any:
        value, dS = naive(S, y)
        dS[1, 2] *= 1 + 1e-10
        return value, dS

    broken = Case(one_off, S, y, truth=right.analytic)
    broken.sharpened()
    assert broken.objective.calls == settled + 14 * 2


# --- rounding that is no defect ---------------------------------------------------------------------------


def softmax_of(S: Any) -> Any:
    e = np.exp(S - S.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def naive(S: Any, y: Any) -> Any:
    """p - 1{j=y} as everyone writes it: the label's entry has the rounding of 1."""
    p, i = softmax_of(S), np.arange(len(y))
    dS = p.copy()
    dS[i, y] -= 1
    return -np.log(p[i, y]).mean(), dS / len(y)


@pytest.mark.parametrize("rtol", [1e-7, RTOL, 0.0])
@pytest.mark.parametrize("scale", [1e-3, 1.0, 8.0, 20.0])
def test_the_rounding_of_a_difference_of_nearly_equal_numbers_is_no_defect(scale: float, rtol: float) -> None:
    for seed in range(15):
        S, y = problem(seed, N=4, scale=scale)
        _, truth = BUILT_INS["softmax"].function(S, y)
        assert (Case(naive, S, y, truth=truth, rtol=rtol).verdicts() == OK).all()


def test_a_gradient_that_was_rounded_to_float32_is_granted_its_rounding() -> None:
    """As ``dtype: float32`` gives it: the objective's derivatives in float64, and the user's in float32."""
    S, y = problem(0)
    case = Case(naive, S, y, noise=float(np.finfo(np.float32).eps))
    assert (case.verdicts(case.analytic.astype(np.float32).astype(np.float64)) == OK).all()
    assert np.flatnonzero(case.verdicts(case.analytic * np.where(np.arange(15) == 7, 1.01, 1.0))).tolist() == [7]


# --- losses that do not carry complex scores --------------------------------------------------------------


def logistic(S: Any, y: Any, minus_size: Callable[[Any], Any]) -> Any:
    t = np.full(S.shape, -1.0)
    t[np.arange(len(y)), y] = 1.0
    z = -t * S
    value = (np.maximum(z, 0) + np.log1p(np.exp(minus_size(z)))).sum() / len(y)
    return value, -t / (1 + np.exp(-z)) / len(y)


def with_abs(S: Any, y: Any) -> Any:
    return logistic(S, y, lambda z: -np.abs(z))


def half_real(S: Any, y: Any) -> Any:
    value, dS = naive(S, y)
    return (value + np.real(value)) / 2, dS


def all_real(S: Any, y: Any) -> Any:
    value, dS = naive(S, y)
    return np.real(value), dS


def with_logaddexp(S: Any, y: Any) -> Any:
    i = np.arange(len(y))
    _, dS = naive(S, y)
    return (np.logaddexp.reduce(S, axis=1) - S[i, y]).mean(), dS


def cast(S: Any, y: Any) -> Any:
    return naive(S.astype(np.float64), y)


def into_floats(S: Any, y: Any) -> Any:
    losses = np.empty(len(y))
    losses[:] = -np.log(softmax_of(S)[np.arange(len(y)), y])
    return losses.mean(), naive(S, y)[1]


def with_a_branch(S: Any, y: Any) -> Any:
    value, dS = naive(S, y)
    return value if float(value) > 0 else 0.0, dS


def regularized(weight: float, square: Callable[[Any], Any], offset: float = 0.0) -> LossFunction:
    def loss(S: Any, y: Any) -> Any:
        value, dS = naive(S, y)
        return value + weight * square(S) + offset, dS + 2 * weight * S

    return loss


SQUARES: dict[str, Callable[[Any], Any]] = {
    "vdot": lambda S: np.vdot(S, S),
    "norm": lambda S: np.linalg.norm(S) ** 2,
    "abs squared": lambda S: (np.abs(S) ** 2).sum(),
    "conj": lambda S: (S * np.conj(S)).sum(),
    "real squared": lambda S: (np.real(S) ** 2).sum(),
}


@pytest.mark.parametrize("relative", [1e-12, 1e-6, 1e-4])
@pytest.mark.parametrize("loss", [with_abs, half_real, all_real, with_logaddexp, cast, into_floats, with_a_branch])
def test_a_loss_that_drops_imaginary_parts_is_not_believed_however_wide_the_central_bound(
    loss: LossFunction, relative: float
) -> None:
    S, y = problem(0)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert not Case(loss, S, y, relative=relative).sharpened().by_complex.any()


@pytest.mark.parametrize("weight", [1.0, 1e-3, 1e-6, 1e-9])
@pytest.mark.parametrize("square", SQUARES)
def test_a_small_term_that_drops_them_is_found_where_no_central_difference_could(square: str, weight: float) -> None:
    S, y = problem(1)
    case = Case(regularized(weight, SQUARES[square]), S, y, relative=1e-6)
    assert not case.sharpened().by_complex.any()


def test_the_same_term_written_without_conjugates_is_believed() -> None:
    S, y = problem(1)
    assert Case(regularized(1e-3, lambda S: (S * S).sum()), S, y, relative=1e-9).sharpened().by_complex.all()


@pytest.mark.parametrize("weight", [0.0, 1e-10, 1e-9, 3e-9, 1e-8, 3e-8, 1e-7, 1e-5])
def test_what_a_noisy_value_hides_of_such_a_term_is_granted(weight: float) -> None:
    """Beside 1e8 a term of 1e-9 cannot be seen in any value: the complex step lacks it, and the gradient is right."""
    for seed in range(10):
        S, y = problem(seed)
        case = Case(regularized(weight, SQUARES["norm"], offset=1e8), S, y, relative=1e-6, rtol=1e-12)
        assert (case.verdicts() == OK).all()


def test_a_loss_that_takes_no_complex_scores_costs_one_call() -> None:
    S, y = problem(0)
    case = Case(with_logaddexp, S, y)
    case.sharpened()
    assert case.objective.calls == 1


# --- kinks ------------------------------------------------------------------------------------------------
