"""Each built-in loss beside torch's, beside its formula in decimal arithmetic, and at scores worked out by hand."""

import decimal
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import gradcheck
from gradcheck.losses import BUILT_INS
from gradcheck.losses.cross_entropy import focal, soft_cross_entropy, softmax
from gradcheck.losses.indicator_examples import affine_exp


def torch_focal(torch, S, y):
    log_p = torch.log_softmax(S, dim=1)
    u = (log_p.exp() * (1 - one_hot(torch, S, y))).sum(dim=1)
    return (-(u**2) * log_p[torch.arange(len(y)), y]).mean()


def torch_brier(torch, S, y):
    p, others = torch.softmax(S, dim=1), 1 - one_hot(torch, S, y)
    # 1 - p_y as the sum of the others: torch's own p_y - 1 has no digits left at scores of 20.
    return ((p * others).sum(dim=1) ** 2 + (p**2 * others).sum(dim=1)).mean()


def torch_crammer_singer(torch, S, y):
    label = one_hot(torch, S, y)
    return ((S + 1 - label).max(dim=1).values - (S * label).sum(dim=1)).mean()


def one_hot(torch, S, y):
    return torch.nn.functional.one_hot(y, S.shape[1]).to(S.dtype)


KINDS = {"soft-cross-entropy": "one-hot", "binary-cross-entropy": "multi-hot", "squared-error": "real"}
TWINS = {"soft-cross-entropy": "softmax", "binary-cross-entropy": "one-vs-all"}


def drawn(kind, seed, scale=1.0, min_classes=1):
    rng = np.random.default_rng(seed)
    N, C = int(rng.integers(1, 9)), int(rng.integers(min_classes, 12))
    t = {
        "class": rng.integers(0, C, N),
        "one-hot": np.eye(C)[rng.integers(0, C, N)],
        "multi-hot": (rng.random((N, C)) < 0.5).astype(float),
        "real": rng.normal(size=(N, C)),
    }[kind]
    return scale * rng.normal(size=(N, C)), t


TORCH = {
    "softmax": lambda torch, S, y: torch.nn.CrossEntropyLoss()(S, y),
    "label-smoothing": lambda torch, S, y: torch.nn.CrossEntropyLoss(label_smoothing=0.1)(S, y),
    "focal": torch_focal,
    "brier": torch_brier,
    "svm": lambda torch, S, y: S.shape[1] * torch.nn.MultiMarginLoss()(S, y),  # torch's divides by C
    "squared-hinge": lambda torch, S, y: S.shape[1] * torch.nn.MultiMarginLoss(p=2)(S, y),
    "crammer-singer": torch_crammer_singer,
    "one-vs-all": lambda torch, S, y: torch.nn.BCEWithLogitsLoss(reduction="sum")(S, one_hot(torch, S, y)) / len(y),
    "huber": lambda torch, S, y: torch.nn.HuberLoss(reduction="sum", delta=1.0)(S, one_hot(torch, S, y)) / len(y),
    "min-square-exp": lambda torch, S, y: torch.minimum(S[:, 0] ** 2, S[:, 1].exp()).mean(),
    "cubed-relu": lambda torch, S, y: torch.relu(S**3).sum(dim=1).mean(),
    "soft-cross-entropy": lambda torch, S, t: torch.nn.CrossEntropyLoss()(S, t),
    "binary-cross-entropy": lambda torch, S, t: torch.nn.BCEWithLogitsLoss(reduction="sum")(S, t) / len(S),
    "squared-error": lambda torch, S, t: torch.nn.MSELoss(reduction="sum")(S, t) / 2 / len(S),
    "affine-exp": lambda torch, S, y: (2 * S[:, 0] - 3 * S[:, 1] + S[:, 2].exp()).mean(),
}


@pytest.mark.torch
@pytest.mark.parametrize("scale", [1e-3, 1.0, 20.0])
@pytest.mark.parametrize("name", TORCH)
def test_value_and_gradient_are_torchs_to_1e_12_of_the_largest_entry(name, scale):
    torch = pytest.importorskip("torch")
    for seed in range(10):
        S, y = drawn(KINDS.get(name, "class"), seed, scale, min_classes=3 if name == "affine-exp" else 2)
        value, dS = BUILT_INS[name].function(S, y)
        scores = torch.tensor(S, requires_grad=True)
        expected = TORCH[name](torch, scores, torch.tensor(y))
        expected.backward()
        size = float(scores.grad.abs().max())
        assert float(value) == pytest.approx(float(expected.detach()), rel=1e-12, abs=1e-15)
        np.testing.assert_allclose(dS, scores.grad.numpy(), rtol=1e-12, atol=1e-12 * size)


def p_of(s, j=0):
    return s[j].exp() / sum(score.exp() for score in s)


DECIMAL = {
    "softmax": lambda s: -p_of(s).ln(),
    "label-smoothing": lambda s: (
        -sum((Decimal("0.1") / len(s) + Decimal("0.9") * (j == 0)) * p_of(s, j).ln() for j in range(len(s)))
    ),
    "focal": lambda s: -((1 - p_of(s)) ** 2) * p_of(s).ln(),
    "brier": lambda s: sum((p_of(s, j) - (j == 0)) ** 2 for j in range(len(s))),
    "one-vs-all": lambda s: sum((1 + (score if j else -score).exp()).ln() for j, score in enumerate(s)),
    "min-square-exp": lambda s: min(s[0] ** 2, s[1].exp()),
    "cubed-relu": lambda s: sum(max(Decimal(0), x**3) for x in s),
    "affine-exp": lambda s: 2 * s[0] - 3 * s[1] + s[2].exp(),
}


#: In which naive formulas lose digits; no p_j underflows.
HARD_ROWS = [
    [1060.0, 1000.0, 999.5, 1003.0],
    [1000.0, 1060.0, 999.5, 1003.0],
    [1000.0, 1000.1, 999.5, 999.9],
    [0.0, 70.0, 70.0, 12.5],
    [1e3, 1e3, 1e3, 1e3],
]


@pytest.mark.parametrize(
    ("name", "row", "rtol"),
    [
        *((name, row, 1e-12) for name in ("softmax", "label-smoothing", "focal", "brier") for row in HARD_ROWS),
        ("softmax", [350.0, -350.0, 3.0], 1e-12),
        ("softmax", [-350.0, 350.0, 3.0], 1e-12),
        *(("brier", [0.3 + 35 * (k == 0), -1.2 + 35 * (k == 1), 0.8 + 35 * (k == 2)], 1e-12) for k in range(3)),
        ("brier", [0.0, 70.0, 70.00000003, 60.0], 1e-13),  # p_t - p_j as a difference of the two is off by 6e-13 here
        ("one-vs-all", [40.0, -40.0, -50.0], 1e-14),
        ("one-vs-all", [-40.0, 700.0, 30.0], 1e-14),
        ("one-vs-all", [0.0, 0.0, 0.0], 1e-14),
        ("one-vs-all", [1e-9, -1e-9, 1.0], 1e-14),
        ("min-square-exp", [0.5, 1.0, 9.0], 1e-14),
        ("min-square-exp", [3.0, 1.0, 9.0], 1e-14),
        ("min-square-exp", [-3.0, -40.0, 9.0], 1e-14),
        ("min-square-exp", [30.0, 1e3, 9.0], 1e-14),  # e^1000 is no float, and not the smaller one
        ("cubed-relu", [1e3, -1e3, 0.25, -0.25], 1e-14),
        ("affine-exp", [0.5, -2.0, 3.0, 7.0], 1e-14),
    ],
)
def test_value_and_gradient_are_those_of_the_formula_in_400_digits(name, row, rtol):
    """Each entry to ``rtol`` of itself, at a row of label 0.

    The gradient is the formula's central difference with a step of 1e-60: no derivation is trusted.
    """
    with np.errstate(all="raise", under="ignore"):
        value, dS = BUILT_INS[name].function(np.array([row]), np.array([0]))
    h = Decimal("1e-60")
    with decimal.localcontext(decimal.Context(prec=400, Emin=-(10**6), Emax=10**6)):
        s = [Decimal(score) for score in row]
        expected = float(DECIMAL[name](s))
        slopes = []
        for j in range(len(s)):
            above, below = ([x + sign * h if k == j else x for k, x in enumerate(s)] for sign in (1, -1))
            slopes.append(float((DECIMAL[name](above) - DECIMAL[name](below)) / (2 * h)))
    assert float(value) == pytest.approx(expected, rel=rtol, abs=1e-300)
    np.testing.assert_allclose(dS[0], slopes, rtol=rtol, atol=1e-300)


@pytest.mark.parametrize(
    ("name", "S", "y", "value", "dS"),
    [
        ("svm", [[3, 1, 2.5], [0, 0, -2]], [0, 1], 0.75, [[-0.5, 0, 0.5], [0.5, -0.5, 0]]),
        ("svm", [[2, 1, -5]], [0], 0, [[-1, 1, 0]]),  # a margin of exactly 0 counts, as in the notes
        ("squared-hinge", [[0, 1, -0.5]], [0], 4.25, [[-5, 4, 1]]),
        ("squared-hinge", [[2, 1]], [0], 0, [[0, 0]]),
        ("crammer-singer", [[0, 3, 2]], [0], 4, [[-1, 1, 0]]),
        ("crammer-singer", [[5, 3, 2]], [0], 0, [[0, 0, 0]]),
        ("crammer-singer", [[7, 7, 7]], [1], 1, [[1, -1, 0]]),  # the first class takes it all
        ("brier", [[np.log(1), np.log(3)]], [0], 2 * 0.75**2, [[-4 * 0.75 * 0.1875, 4 * 0.75 * 0.1875]]),
        ("brier", [[-1e3, 1e3, 1e3]], [0], 1.5, [[0, 0, 0]]),
        ("huber", [[1.5, 1, -4]], [0], 4.125, [[0.5, 1, -1]]),
        ("huber", np.eye(3), [0, 1, 2], 0, np.zeros((3, 3))),
        ("min-square-exp", [[1, 0, 5]], [0], 1, [[0, 1, 0]]),  # the second at a tie, as in the notes
        ("min-square-exp", [[-3], [1]], [0, 0], 5, [[-3], [1]]),
        ("cubed-relu", [[0, -2, 2]], [0], 8, [[0, 0, 12]]),
        ("affine-exp", [[5]], [0], 10, [[2]]),
        ("affine-exp", [[5, 2]], [0], 4, [[2, -3]]),
        ("affine-exp", [[5, 2, 0, 8, 9]], [0], 5, [[2, -3, 1, 0, 0]]),
    ],
)
def test_by_hand(name, S, y, value, dS):
    answer, gradient = BUILT_INS[name].function(np.array(S, dtype=float), np.array(y))
    assert answer == pytest.approx(value, rel=1e-14, abs=0)
    np.testing.assert_allclose(gradient, dS, rtol=1e-14, atol=0)


def test_focal_is_the_softmax_where_the_label_has_no_chance():
    S, y = np.array([[-1e3, 1e3, 0.0]]), np.array([0])
    assert focal(S, y)[0] == softmax(S, y)[0] == 2e3
    np.testing.assert_array_equal(focal(S, y)[1], softmax(S, y)[1])


def test_affine_exp_overflows_by_its_own_nature_and_only_where_it_must():
    assert np.isfinite(affine_exp(np.array([[0.0, 0.0, 709.7]]), np.array([0]))[0])
    with np.errstate(over="ignore"):
        value, dS = affine_exp(np.array([[0.0, 0.0, 1e3]]), np.array([0]))
    assert np.isinf(value)
    np.testing.assert_array_equal(dS, [[2, -3, np.inf]])


# --- losses whose labels are numbers: one-hot, multi-hot, real ----------------------------------------------


@pytest.mark.parametrize(("name", "twin"), TWINS.items())
@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), scale=st.sampled_from([1e-3, 1.0, 30.0]))
def test_of_one_class_a_row_it_is_the_loss_of_classes(name, twin, seed, scale):
    S, t = drawn("one-hot", seed, scale)
    expected, expected_dS = BUILT_INS[twin].function(S, t.argmax(axis=1))
    for labels in (t, t.argmax(axis=1), t.astype(int), t.astype(bool)):
        value, dS = BUILT_INS[name].function(S, labels)
        assert float(value) == pytest.approx(float(expected), rel=1e-13)
        np.testing.assert_allclose(dS, expected_dS, rtol=1e-12, atol=1e-300)


@pytest.mark.parametrize(("name", "kind"), KINDS.items())
def test_gradcheck_finds_it_right_with_its_own_kind_of_labels_and_a_slip_in_it_wrong(name, kind):
    def slipped(S, t):
        value, dS = BUILT_INS[name].function(S, t)
        return value, dS * (1 + 1e-6)

    assert not gradcheck.check(slipped, gradcheck.Config(labels={"kind": kind})).passed
    for dtype in ("float64", "float32"):
        report = gradcheck.check(name, gradcheck.Config(labels={"kind": kind}, trials=2, dtype=dtype))
        assert report.passed
        assert sum(batch.unresolved for batch in report.losses[0].batches) == 0


@pytest.mark.parametrize("row", [[40.0, -40.0, -50.0], [0.0, 0.0, 0.0], [1e-9, -1e-9, 1.0]])
def test_digits_are_kept_where_a_probability_nears_1(row):
    t = [0.25, 0.75, 0.0]
    e = [Decimal(score).exp() for score in row]
    expected = [float(Decimal(e_j) / sum(e) - Decimal(t_j)) for e_j, t_j in zip(e, t, strict=True)]
    _, dS = soft_cross_entropy(np.array([row]), np.array([t]))
    np.testing.assert_allclose(dS[0], expected, rtol=1e-14)


@pytest.mark.parametrize("name", KINDS)
@pytest.mark.parametrize(
    ("labels", "error"), [(np.zeros((2, 3)), ValueError), (np.zeros((2, 2), complex), TypeError), ([5, 0], ValueError)]
)
def test_labels_that_are_none_are_refused(name, labels, error):
    with pytest.raises(error, match="labels"):
        BUILT_INS[name].function(np.zeros((2, 2)), labels)
