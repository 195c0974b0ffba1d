"""Losses that overflow or are guarded at scores near 1000, and losses whose numbers are rounded inside."""

import itertools
import math
from functools import partial

import numpy as np
import pytest
from corpora import WARNED
from corpora.bases import softmax_of_p
from corpora.parts import of_labels, one_hot, sigmoid, softmax
from corpora.warned import softmax_batch_maximum
from judging import to_half
from observed import changed, findings, leading, right

from gradcheck import check
from gradcheck.errors import OutOfTime
from gradcheck.losses import BUILT_INS

softmax_naive = WARNED["softmax without any maximum"].function


def logged(log):
    """Softmax that takes a guarded log of p."""
    return lambda S, y: (-log(of_labels(softmax(S), y)).mean(), (softmax(S) - one_hot(S, y)) / len(S))


def unshifted_value(S, y):
    return (np.log(np.exp(S).sum(axis=1)) - of_labels(S, y)).mean(), right("softmax")(S, y)[1]


def softplus(S, y):
    return np.log(1 + np.exp(S)).sum() / len(S), sigmoid(S) / len(S)


def focal(S, y):
    p = softmax(S)
    u = of_labels(p, y)
    slope = 2 * u * (1 - u) * np.log(u) - (1 - u) ** 2
    return -np.mean((1 - u) ** 2 * np.log(u)), slope[:, None] * (one_hot(S, y) - p) / len(S)


def in_python(S, y):
    value, dS = 0.0, np.zeros(S.shape)
    for i, row in enumerate(S.tolist()):
        e = [math.exp(s) for s in row]
        value -= math.log(e[y[i]] / sum(e)) / len(S)
        dS[i] = np.array(e) / sum(e) / len(S)
        dS[i, y[i]] -= 1 / len(S)
    return value, dS


def of_each_class(S, Y):
    p = np.exp(S) / np.exp(S).sum(axis=1, keepdims=True)
    return -(Y * np.log(p)).sum() / len(S), (Y.sum(axis=1, keepdims=True) * p - Y) / len(S)


def overflow(loss, **config):
    """The finding of a loss that is right elsewhere."""
    report = check(loss, **config).losses[0]
    (finding,) = [each for each in report.findings if each.code == "overflows"]
    assert finding.severity == "warning"
    assert all(batch.passed for batch in report.batches)
    return finding


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize(
    ("loss", "message", "hint"),
    [
        (softmax_naive, "entries of dS are not finite", "each row's own maximum before exp"),
        (softmax_of_p, "and dS is finite, for scores near 1000; a stable softmax does not", "log p_y as a"),
        (softmax_batch_maximum, "entries of dS are not finite", "each row's own"),
        (unshifted_value, "and dS is finite, for scores near 1000", "exp overflows in the value"),
        (softplus, "the value is inf, and dS is finite", "np.logaddexp(0, z)"),
        (focal, "the value is inf", "dS divides by a probability"),
    ],
)
def test_the_mend_of_an_overflow_is_named(loss, message, hint, dtype):
    finding = overflow(loss, dtype=dtype)
    assert message in finding.message
    assert hint in finding.hint


def test_an_overflow_that_python_s_math_raises_is_one_and_other_labels_show_it_too():
    assert "the value is nan" in overflow(in_python).message
    for kind in ("one-hot", "multi-hot"):
        overflow(of_each_class, labels={"kind": kind})


def test_a_guard_that_changes_the_value_at_large_scores_alone_is_named():
    finding = overflow(logged(lambda p: np.log(np.maximum(p, 1e-10))))
    assert "for scores near 1000 the value is 17.2694, and that of a stable softmax is 418.094:" in finding.message
    assert "a guard such as clip, maximum or + 1e-12 changes it there" in finding.message


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("scores", [["normal(0, 1000)"], ["normal(0, 1)", "uniform(-900, 900)"]])
@pytest.mark.parametrize(
    "guard", [lambda p: np.maximum(p, 1e-10), lambda p: p + 1e-12, lambda p: np.clip(p, 1e-9, 1 - 1e-9)]
)
def test_a_guard_that_is_met_at_large_scores_is_named_as_one(guard, scores, dtype):
    finding = leading(logged(lambda p: np.log(guard(p))), scores=scores, dtype=dtype)
    assert (finding.code, finding.severity) == ("log-guard", "error")
    assert "the value is softmax's at small scores, and dS its" in finding.message or "+ eps) with" in finding.message


def test_a_factor_of_a_loss_that_is_right_at_large_scores_is_no_guard():
    (finding,) = findings(changed("softmax", lambda dS, S, y: 2 * dS), scores="normal(0, 1000)")
    assert finding.code == "constant-factor"


def raising(error):
    def loss(S, y):
        if np.max(np.abs(S)) >= 500:
            raise error
        return right("softmax")(S, y)

    return loss


@pytest.mark.parametrize(
    "loss",
    [
        lambda S, y: (np.exp(S).sum(), np.exp(S)),
        raising(ValueError("scores out of range")),
        raising(OutOfTime()),
        *BUILT_INS,
    ],
    ids=lambda loss: loss if isinstance(loss, str) else "",
)
def test_a_loss_that_is_stable_or_has_no_stable_form_or_rejects_large_scores_has_no_finding(loss):
    assert findings(loss, scores="normal") == ()


# --- rounding --------------------------------------------------------------------------------------------

HALVES = ("float16", "bfloat16")


def unchanged(numbers):
    return numbers


def log_cosh(S, y):
    return np.sum(np.log(np.cosh(S))) / len(S), np.tanh(S) / len(S)


def rankings(S, y):
    """Every pair of scores of a row whose order is wrong by less than 1."""
    apart = S[:, :, None] - S[:, None, :]
    wanted = np.arange(S.shape[1])[:, None] < np.arange(S.shape[1])
    active = wanted & (apart > -1)
    return np.sum(active * (apart + 1)) / len(S), (active.sum(axis=2) - active.sum(axis=1)) / len(S)


def squares(S, y):
    return np.sum(S**2) / 2, S.copy()


def rounding(loss, *, S=unchanged, value=unchanged, dS=unchanged, **keys):
    """The report about a loss whose scores, value and dS are changed on the way, and what it says of rounding."""

    def rounded(scores, y):
        answer = loss(S(scores), y)
        return value(answer[0]), dS(answer[1])

    report = check(rounded, **keys).losses[0]
    return report, [each for each in report.findings if each.code == "rounded"]


@pytest.mark.parametrize("scores", ["normal", "integers", "normal(0, 30)"])
@pytest.mark.parametrize("loss", [log_cosh, rankings])
@pytest.mark.parametrize("name", HALVES)
def test_scores_in_half_precision_are_named_and_nothing_is_wrong(name, loss, scores):
    report, found = rounding(loss, S=to_half(name), scores=scores)
    assert not report.failed
    if any(batch.unresolved for batch in report.batches):
        (note,) = found
        assert note.severity == "note"
        assert note.message.startswith(f"S is rounded to {name}: ")


@pytest.mark.parametrize("scores", ["normal(0, 30)", "integers(-60, 60)"])
def test_a_kink_that_a_value_in_half_precision_hides_beside_the_point_makes_nothing_wrong(scores):
    for seed in range(8):
        assert not rounding(BUILT_INS["svm"].function, value=to_half("bfloat16"), scores=scores, seed=seed)[0].failed


@pytest.mark.parametrize(("dS", "words"), [(unchanged, "the value is"), (np.float16, "the value and dS are")])
def test_a_value_and_a_gradient_in_half_precision_are_named(dS, words):
    report, found = rounding(log_cosh, value=np.float16, dS=dS)
    assert not report.failed
    assert found[0].message.startswith(f"{words} rounded to float16")


@pytest.mark.parametrize(
    ("name", "factor"), [("float16", 2.0), ("float16", 0.5), ("float16", -1.0), ("bfloat16", 2.0), ("bfloat16", -1.0)]
)
@pytest.mark.parametrize("loss", [log_cosh, rankings])
def test_a_wrong_gradient_is_caught_though_scores_or_the_value_are_in_half_precision(name, factor, loss):
    assert rounding(loss, S=to_half(name), dS=lambda dS: factor * dS)[0].failed
    assert rounding(loss, value=lambda value: float(to_half(name)(value)), dS=lambda dS: factor * dS)[0].failed


def penalised(name, loss, penalty=0.05, factor=1.0):
    """A loss of scores in half precision, and a penalty in float64."""

    def function(S, y):
        value, dS = BUILT_INS[loss].function(to_half(name)(S), y)
        return value + penalty * (S**2).sum(), factor * (dS + 2 * penalty * S)

    return function


@pytest.mark.parametrize("loss", ["softmax", "svm"])
@pytest.mark.parametrize("name", HALVES)
def test_scores_in_half_precision_in_one_part_beside_a_penalty_make_nothing_wrong(name, loss):
    for scores, seed in itertools.product(("normal", "integers"), range(3)):
        assert not check(penalised(name, loss), scores=scores, seed=seed).losses[0].failed
    for scores, factor in itertools.product(("normal", "integers"), (2.0, -1.0)):
        assert check(penalised(name, loss, factor=factor), scores=scores).losses[0].failed
    for penalty in (0.0, 0.05):  # by projections
        large = {"batch_sizes": 40, "classes": 30, "max_entries": 1000}
        assert not check(penalised(name, loss, penalty), **large).losses[0].failed


def test_weights_in_half_precision_beside_a_penalty_in_float64_make_nothing_wrong():
    def loss(W, X, y, reg, factor=1.0):
        value, dZ = BUILT_INS["softmax"].function((X.astype(np.float16) @ W.astype(np.float16)).astype(float), y)
        return value + reg * (W**2).sum(), factor * (X.T @ dZ + 2 * reg * W)

    inputs = {"W": "normal(0, 0.5) [D, C]", "X": "[N, D]", "y": "labels", "reg": 0.1}
    for seed in range(3):
        assert not check(loss, inputs=inputs, seed=seed).losses[0].failed
        assert check(partial(loss, factor=2.0), inputs=inputs, wrt=["W"], seed=seed).losses[0].failed


@pytest.mark.parametrize(
    "step", [np.round, np.floor, lambda S: np.round(S, 2), lambda S: np.round(S, 3), lambda S: np.round(8 * S) / 8]
)
def test_other_steps_are_no_half_precision(step):
    for seed in range(3):
        assert not rounding(squares, S=step, scores="normal", seed=seed)[1]


@pytest.mark.parametrize("keys", [{}, {"rtol": 1e-3}, {"scores": "normal(0, 3)"}], ids=str)
@pytest.mark.parametrize("places", [5, 6, 8])
@pytest.mark.parametrize("loss", [log_cosh, squares])
def test_a_gradient_rounded_to_decimals_is_named_whether_that_is_wrong_or_allowed(loss, places, keys):
    report, (found,) = rounding(loss, dS=lambda dS: np.round(dS, places), **keys)
    assert found.message.startswith(f"dS is rounded to {places} decimals")
    assert found.severity == ("error" if any(batch.wrong for batch in report.batches) else "note")
    assert not any(each.severity == "error" and each is not found for each in report.findings)


@pytest.mark.parametrize("name", HALVES)
@pytest.mark.parametrize("loss", [log_cosh, BUILT_INS["svm"].function, squares])
def test_a_gradient_alone_in_half_precision_is_named(loss, name):
    for seed in range(3):
        report, found = rounding(loss, dS=to_half(name), seed=seed)
        assert [f"dS is rounded to {name}, which leaves it off by up to" in each.message for each in found] == [True]
        assert [each for each in report.findings if each.severity == "error"] == found * report.failed


def test_scores_of_few_decimals_and_a_coarse_truth_are_not_called_rounded():
    for scores in ("integers", "integers(-20000, 20000)"):  # dS is S's own, which has four decimals at such scores
        assert not rounding(squares, dS=lambda dS: np.round(dS, 4), scores=scores)[1]
    assert not rounding(rankings)[1]
    assert not rounding(squares, dS=lambda dS: np.round(2 * dS, 6))[1]
