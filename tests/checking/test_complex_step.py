"""Complex steps as the reference: believed where the loss is analytic, and nowhere else.

That losses which drop imaginary parts are not believed, and right ones never called wrong, is held by the corpora.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from judging import LossFunction, drawn, judged

from gradcheck.api import check_at
from gradcheck.config import Config
from gradcheck.losses import BUILT_INS

RTOL = 3e-14


def naive(S: Any, y: Any) -> Any:
    """p - 1{j=y} as everyone writes it: the label's entry has the rounding of 1."""
    e, i = np.exp(S - S.max(axis=1, keepdims=True)), np.arange(len(y))
    p = e / e.sum(axis=1, keepdims=True)
    dS = p.copy()
    dS[i, y] -= 1
    return -np.log(p[i, y]).mean(), dS / len(y)


@pytest.mark.parametrize("name", [name for name in BUILT_INS if name not in ("svm", "crammer-singer")])
def test_built_ins_are_judged_to_a_few_eps_and_an_entry_that_is_off_by_3e13_is_wrong(name: str) -> None:
    right = BUILT_INS[name].function
    for seed in range(4):
        S, y = drawn(seed)
        seen, dS = judged(right, S, y, rtol=RTOL, reference="complex"), right(S, y)[1].ravel()
        size, told = np.abs(dS).max(), seen.verdicts.by_complex
        assert seen.set == {"ok"}
        assert told[np.abs(dS) > 1e-3 * size].all()
        assert (np.abs(seen.verdicts.numerical - dS)[told] <= 1e-14 * size).all()
        assert (seen.verdicts.bounds[told] <= 3e-14 * size).all()
        row, column = np.argwhere(np.abs(right(S, y)[1]) == size)[0].tolist()

        def broken(S: Any, y: Any, entry: tuple[int, int] = (row, column)) -> Any:
            value, dS = right(S, y)
            dS[entry] *= 1 + 3e-13
            return value, dS

        seen = judged(broken, S, y, rtol=RTOL, reference="complex")
        assert (seen.words.count("wrong"), seen.word(row, column)) == (1, "wrong")


@pytest.mark.parametrize(("factor", "wrong"), [(1.0, 0), (1.01, 1)])
def test_a_gradient_that_was_rounded_to_float32_is_granted_its_rounding(factor: float, wrong: int) -> None:
    def off(S: Any, y: Any) -> Any:
        value, dS = naive(S, y)
        dS[1, 2] *= S.dtype.type(factor)
        return value, dS

    S, y = drawn(0)
    (batch,) = check_at(off, S.astype(np.float32), y, Config(rtol=RTOL), reference="complex").losses[0].batches
    assert (batch.wrong, batch.unresolved) == (wrong, 0)


SQUARES: dict[str, Callable[[Any], Any]] = {
    "vdot": lambda S: np.vdot(S, S),
    "norm": lambda S: np.linalg.norm(S) ** 2,
    "abs squared": lambda S: (np.abs(S) ** 2).sum(),
    "real squared": lambda S: (np.real(S) ** 2).sum(),
}


def regularized(weight: float, square: str, offset: float = 0.0) -> LossFunction:
    def loss(S: Any, y: Any) -> Any:
        value, dS = naive(S, y)
        return value + weight * SQUARES[square](S) + offset, dS + 2 * weight * S

    return loss


@pytest.mark.parametrize("square", SQUARES)
def test_a_term_that_drops_them_makes_no_right_gradient_wrong(square: str) -> None:
    for weight in (1.0, 1e-3, 1e-6):
        seen = judged(regularized(weight, square), *drawn(1), rtol=1e-12, reference="complex")
        assert "wrong" not in seen.set
        assert not seen.verdicts.by_complex.any()


@pytest.mark.parametrize("weight", [0.0, 1e-10, 1e-9, 1e-8, 1e-7, 1e-5])
def test_what_a_noisy_value_hides_of_such_a_term_is_granted(weight: float) -> None:
    """Beside 1e8 a term of 1e-9 cannot be seen in any value: the complex step lacks it, and the gradient is right."""
    for seed in range(10):
        loss = regularized(weight, "norm", offset=1e8)
        assert "wrong" not in judged(loss, *drawn(seed), rtol=1e-12, reference="complex").set


def test_a_loss_that_takes_no_complex_scores_costs_one_call() -> None:
    def by_logaddexp(S: Any, y: Any) -> Any:
        return (np.logaddexp.reduce(S, axis=1) - S[np.arange(len(y)), y]).mean(), naive(S, y)[1]

    central, complex_ = (judged(by_logaddexp, *drawn(0), reference=each) for each in ("central", "complex"))
    assert not complex_.verdicts.by_complex.any()
    assert complex_.calls == central.calls + 1
