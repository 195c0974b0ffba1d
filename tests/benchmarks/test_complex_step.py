"""Complex steps as the reference: a defect of 1e-13 is seen, and rounding, of any loss, is never called one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from breaks import Loss
from numerics_alone import checked_at
from score_kinds import SCORES, draw

from gradcheck.losses import BUILT_INS
from gradcheck.report import VERDICTS, BatchReport, Verdict

pytestmark = pytest.mark.benchmark

SMOOTH = [name for name in BUILT_INS if name not in ("svm", "crammer-singer")]
SHAPES = [(3, 5), (8, 5)]
DEFECT, RTOL = 1e-13, 3e-14
DRAWS, ALLOWED_TO_MISS = 100, 2
SEEDS = 9

OK = VERDICTS.index(Verdict.OK)


def checked(loss: Loss, S: Any, y: Any, rtol: float, reference: Any = "complex") -> BatchReport:
    batch = checked_at(loss, S, y, rtol, reference).batch
    assert batch is not None
    return batch


def off_by(loss: Loss, entry: tuple[int, int], defect: float) -> Loss:
    """The loss with one entry of its dS off by a part of itself, whatever the reduction."""

    def wrong(S: Any, y: Any, reduction: Any = "mean") -> Any:
        value, dS = loss(S, y, reduction) if reduction != "mean" else loss(S, y)
        dS = np.array(dS)
        if len(dS) > entry[0]:
            dS[entry] *= 1 + defect
        return value, dS

    return wrong


@pytest.mark.parametrize("name", SMOOTH)
def test_a_relative_defect_of_1e13_in_one_entry_is_seen_in_98_of_100_draws_and_nothing_else_is_called_wrong(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    right = BUILT_INS[name].function
    missed, alarms = [], []
    for seed in range(DRAWS):
        rng = np.random.default_rng([seed, len(name)])
        N, C = SHAPES[seed % len(SHAPES)]
        S, y = rng.normal(size=(N, C)), rng.integers(0, C, size=N)
        row, class_ = rng.choice(np.argwhere(right(S, y)[1] != 0))
        alarms += [seed] * checked(right, S, y, RTOL).wrong
        verdicts = checked(off_by(right, (row, class_), DEFECT), S, y, RTOL).verdicts.copy()
        missed += [seed] * int(verdicts[row, class_] == OK)
        verdicts[row, class_] = OK
        alarms += [seed] * int(np.count_nonzero(verdicts != OK))
    with capsys.disabled():
        print(f"\n{name}: a defect of {DEFECT:g} seen in {DRAWS - len(missed)} of {DRAWS} draws")
    assert alarms == []
    assert len(missed) <= ALLOWED_TO_MISS


# --- no false alarm ---------------------------------------------------------------------------------------

RIGHT: dict[str, Callable[[Any, Any], tuple[Any, Any]]] = {}


def right_loss(loss: Any) -> Any:
    RIGHT[loss.__name__.replace("_", " ")] = loss
    return loss


def softmax_of(S: Any) -> Any:
    e = np.exp(S - S.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def softmax_gradient(S: Any, y: Any) -> Any:
    p = softmax_of(S)
    p[np.arange(len(y)), y] -= 1
    return p / len(y)


def one_hot(S: Any, y: Any) -> Any:
    return (np.arange(S.shape[1]) == y[:, np.newaxis]).astype(float)


@right_loss
def softmax(S, y):
    """Log-sum-exp less the score, as a loop over rows and classes."""
    value, dS = 0.0, np.zeros_like(S)
    for i, row in enumerate(S):
        top = row.max()
        Z = np.exp(row - top).sum()
        value = value + np.log(Z) + top - row[y[i]]
        for j in range(len(row)):
            dS[i, j] = (np.exp(row[j] - top) / Z - (j == y[i])) / len(S)
    return value / len(S), dS


@right_loss
def softmax_by_logaddexp(S, y):
    i = np.arange(len(y))
    return (np.logaddexp.reduce(S, axis=1) - S[i, y]).mean(), softmax_gradient(S, y)


@right_loss
def softmax_in_floats(S, y):
    losses = np.zeros(len(y))
    losses[:] = softmax(S, y)[0]
    return losses.mean(), softmax_gradient(S, y)


@right_loss
def softmax_as_real(S, y):
    return np.real(softmax(S, y)[0]), softmax_gradient(S, y)


@right_loss
def logistic_by_abs(S, y):
    t = 2 * one_hot(S, y) - 1
    z = -t * S
    value = (np.maximum(z, 0) + np.log1p(np.exp(-np.abs(z)))).sum(axis=1).mean()
    with np.errstate(over="ignore"):
        return value, -t / (1 + np.exp(-z)) / len(y)


@right_loss
def softmax_with_norm(S, y):
    return softmax(S, y)[0] + 1e-3 * np.linalg.norm(S) ** 2, softmax_gradient(S, y) + 2e-3 * S


@right_loss
def softmax_with_faint_vdot(S, y):
    return softmax(S, y)[0] + 1e-8 * np.vdot(S, S), softmax_gradient(S, y) + 2e-8 * S


@right_loss
def softmax_with_squares(S, y):
    return softmax(S, y)[0] + 1e-3 * (S * S).sum(), softmax_gradient(S, y) + 2e-3 * S


@right_loss
def softmax_beside_1e6(S, y):
    return softmax(S, y)[0] + 1e6, softmax_gradient(S, y)


@right_loss
def softmax_with_norm_beside_1e6(S, y):
    value, dS = softmax_with_norm(S, y)
    return value + 1e6, dS


@right_loss
def softmax_times_1e9(S, y):
    value, dS = softmax(S, y)
    return 1e9 * value, 1e9 * dS


@right_loss
def softmax_in_float32(S, y):
    value, dS = softmax(S.astype(np.float32), y)
    return float(value), dS.astype(np.float64)


@right_loss
def softmax_with_gradient_in_float32(S, y):
    value, dS = softmax(S, y)
    return value, (dS.real if np.iscomplexobj(dS) else dS).astype(np.float32)


@right_loss
def squared_error(S, y):
    r = S - one_hot(S, y)
    return (r**2).sum() / (2 * len(y)), r / len(y)


@right_loss
def norm_of_scores(S, y):
    norm = np.sqrt((S * S).sum())
    return norm, S / norm


@right_loss
def softmax_of_centred_scores(S, y):
    """Rows coupled: the mean of the batch is taken off."""
    centred = S - S.mean(axis=0)
    dS = softmax_gradient(centred, y)
    return softmax(centred, y)[0], dS - dS.mean(axis=0)


@right_loss
def absolute(S, y):
    return np.abs(S).sum(), np.sign(S)


@right_loss
def svm(S, y):
    i = np.arange(len(y))
    margins = np.maximum(S - S[i, y][:, np.newaxis] + 1, 0)
    margins[i, y] = 0
    dS = (margins > 0).astype(float)
    dS[i, y] = -dS.sum(axis=1)
    return margins.sum() / len(y), dS / len(y)


RIGHT |= {f"built-in {name}": entry.function for name, entry in BUILT_INS.items()}


@pytest.mark.parametrize(("reference", "rtol"), [("complex", RTOL), ("complex", 1e-9), ("auto", 1e-7), ("auto", 1e-12)])
@pytest.mark.parametrize("kind", [kind for kind in SCORES if kind != "1e3"])
@pytest.mark.parametrize("name", RIGHT)
def test_a_right_loss_is_never_called_wrong_by_complex_steps(name: str, kind: str, reference: str, rtol: float) -> None:
    alarms = []
    for seed in range(SEEDS // 2):
        S, y = draw(kind, seed)
        by_steps = checked(RIGHT[name], S, y, rtol, reference)
        wrong = by_steps.verdicts == VERDICTS.index(Verdict.WRONG)
        if by_steps.by_complex is not None:
            alarms += [(seed, *entry) for entry in np.argwhere(wrong & by_steps.by_complex).tolist()]
    assert alarms == []


@pytest.mark.parametrize("name", ["softmax by logaddexp", "softmax in floats", "softmax as real", "logistic by abs",
                                  "softmax with norm", "softmax with faint vdot", "softmax in float32",
                                  "softmax with norm beside 1e6"])  # fmt: skip
def test_no_entry_is_judged_by_complex_steps_where_they_would_lack_a_term(name: str) -> None:
    for seed in range(SEEDS):
        S, y = draw("normal", seed)
        assert checked(RIGHT[name], S, y, RTOL).complex_steps == 0


@pytest.mark.parametrize("name", ["softmax", "softmax with squares", "softmax times 1e9", "squared error",
                                  "norm of scores", "softmax of centred scores"])  # fmt: skip
def test_every_entry_that_is_not_0_is_judged_by_complex_steps_where_nothing_speaks_against_it(name: str) -> None:
    judged = 0
    for seed in range(SEEDS):
        S, y = draw("normal", seed)
        batch = checked(RIGHT[name], S, y, RTOL)
        assert batch.complex_steps == np.count_nonzero(RIGHT[name](S, y)[1])
        judged += batch.complex_steps
    assert judged >= 100
