"""Complex steps as the reference: believed where the loss is analytic, and nowhere else.

That losses which drop imaginary parts are not believed, and right ones never called wrong, is held by the corpora.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from judging import LossFunction, drawn, objective_of

from gradcheck.checking.complex_step import Sharpened, sharpen
from gradcheck.evaluation.evaluators import WholeBatch
from gradcheck.losses import BUILT_INS
from gradcheck.numerics.richardson import Limit
from gradcheck.numerics.verdicts import OK, WRONG, judge_by_complex_steps
from gradcheck.report import FloatArray

EPS = float(np.finfo(np.float64).eps)
RTOL = 3e-14
SMOOTH = [name for name in BUILT_INS if name not in ("svm", "crammer-singer")]


class Case:
    """A loss at a problem, every entry of its dS, and central differences that are as good as their bound says.

    Args:
        loss: the loss; its dS is judged.
        truth: its right gradient; dS where None.
        relative: bounds of the central differences, relative to the largest entry of the truth.
        noise: standard deviation of the noise of dS, relative to it.
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
        self.size = float(np.abs(right).max())
        off = np.random.default_rng(0).uniform(-1, 1, size=S.size) * relative * self.size
        self.central = Limit(right + off, np.full(S.size, relative * self.size))
        self.noise = np.full(S.size, noise * self.size)
        self.S, self.rtol = S, rtol

    def sharpened(self) -> Sharpened:
        self.objective.calls = 0
        return sharpen(
            WholeBatch(self.objective, self.S.ravel()), np.arange(self.S.size), self.analytic, self.noise, self.central,
            self.rtol, 0.0, np.full(self.S.size, float(np.abs(self.analytic).max())),
        )  # fmt: skip

    def verdicts(self) -> npt.NDArray[np.int8]:
        """Of the entries that complex steps judge; OK for the others."""
        seen = self.sharpened()
        verdicts = judge_by_complex_steps(self.analytic, seen.limit.estimate, seen.rounding, self.rtol, 0.0)
        return np.where(seen.by_complex, verdicts, OK).astype(np.int8)


def naive(S: Any, y: Any) -> Any:
    """p - 1{j=y} as everyone writes it: the label's entry has the rounding of 1."""
    e, i = np.exp(S - S.max(axis=1, keepdims=True)), np.arange(len(y))
    p = e / e.sum(axis=1, keepdims=True)
    dS = p.copy()
    dS[i, y] -= 1
    return -np.log(p[i, y]).mean(), dS / len(y)


@pytest.mark.parametrize("name", SMOOTH)
def test_built_ins_are_judged_to_a_few_eps_and_an_entry_that_is_off_by_3e13_is_wrong(name: str) -> None:
    right = BUILT_INS[name].function
    for seed in range(4):
        S, y = drawn(seed)
        case = Case(right, S, y)
        seen, told = case.sharpened(), np.abs(case.analytic) > 2e-9 * case.size
        np.testing.assert_array_equal(seen.by_complex, told)
        assert (np.abs(seen.limit.estimate - case.analytic)[told] <= 1e-14 * case.size).all()
        assert (seen.limit.bound[told] <= 3e-14 * case.size).all()
        assert (seen.rounding[told] <= seen.limit.bound[told]).all()
        assert (case.verdicts() == OK).all()
        e = int(np.argmax(np.abs(case.analytic)))
        off = np.where(np.arange(S.size) == e, 1 + 3e-13, 1.0).reshape(S.shape)

        def broken(S: Any, y: Any, off: FloatArray = off) -> Any:
            value, dS = right(S, y)
            return value, dS * off

        assert np.flatnonzero(Case(broken, S, y, truth=case.analytic).verdicts() == WRONG).tolist() == [e]


def test_a_gradient_that_was_rounded_to_float32_is_granted_its_rounding() -> None:
    """As ``dtype: float32`` gives it: the objective's derivatives in float64, and the user's in float32."""
    case = Case(naive, *drawn(0), noise=float(np.finfo(np.float32).eps))
    exact = case.analytic
    case.analytic = exact.astype(np.float32).astype(np.float64)
    assert (case.verdicts() == OK).all()
    case.analytic = exact * np.where(np.arange(15) == 7, 1.01, 1.0)
    assert np.flatnonzero(case.verdicts()).tolist() == [7]


# --- terms that drop the imaginary part -------------------------------------------------------------------


def regularized(weight: float, square: Callable[[Any], Any], offset: float = 0.0) -> LossFunction:
    def loss(S: Any, y: Any) -> Any:
        value, dS = naive(S, y)
        return value + weight * square(S) + offset, dS + 2 * weight * S

    return loss


SQUARES: dict[str, Callable[[Any], Any]] = {
    "vdot": lambda S: np.vdot(S, S),
    "norm": lambda S: np.linalg.norm(S) ** 2,
    "abs squared": lambda S: (np.abs(S) ** 2).sum(),
    "real squared": lambda S: (np.real(S) ** 2).sum(),
}


@pytest.mark.parametrize("weight", [1.0, 1e-3, 1e-6, 1e-9])
@pytest.mark.parametrize("square", SQUARES)
def test_a_small_term_that_drops_them_is_found_where_no_central_difference_could(square: str, weight: float) -> None:
    assert not Case(regularized(weight, SQUARES[square]), *drawn(1), relative=1e-6).sharpened().by_complex.any()


@pytest.mark.parametrize("weight", [0.0, 1e-10, 1e-9, 1e-8, 1e-7, 1e-5])
def test_what_a_noisy_value_hides_of_such_a_term_is_granted(weight: float) -> None:
    """Beside 1e8 a term of 1e-9 cannot be seen in any value: the complex step lacks it, and the gradient is right."""
    for seed in range(10):
        case = Case(regularized(weight, SQUARES["norm"], offset=1e8), *drawn(seed), relative=1e-6, rtol=1e-12)
        assert (case.verdicts() == OK).all()


def test_a_loss_that_takes_no_complex_scores_costs_one_call() -> None:
    def by_logaddexp(S: Any, y: Any) -> Any:
        return (np.logaddexp.reduce(S, axis=1) - S[np.arange(len(y)), y]).mean(), naive(S, y)[1]

    case = Case(by_logaddexp, *drawn(0))
    assert not case.sharpened().by_complex.any()
    assert case.objective.calls == 1
