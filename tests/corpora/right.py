"""Right losses, some of them smooth, on which a checker may raise a false alarm; at a kink dS is a subgradient."""

import numpy as np

from .parts import balanced, brier, of_labels, one_hot, squared_error, squared_hinge
from .registry import right


def mean(losses, dS):
    return losses.sum() / len(dS), dS / len(dS)


def of_each_score(name, f, g, *, smooth=False):
    """The mean over rows of f(s), whose derivative is g(s)."""
    right(name, smooth=smooth)(lambda S, y: mean(f(S), g(S)))


# --- smooth -----------------------------------------------------------------------------------------------


@right("softmax", smooth=True)
def softmax(S, y):
    """Right, and stable."""
    shifted = S - S.max(axis=1, keepdims=True)
    log_p = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    return mean(-of_labels(log_p, y), np.exp(log_p) - one_hot(S, y))


@right("one-vs-all", smooth=True)
def one_vs_all(S, y):
    sign = 1 - 2 * one_hot(S, y)
    return mean(np.logaddexp(0, sign * S), sign * np.exp(-np.logaddexp(0, -sign * S)))


right("brier over softmax", smooth=True)(lambda S, y: mean(*brier(S, y)))
right("squared error to one-hot", smooth=True)(lambda S, y: mean(*squared_error(S, y)))
right("squared hinge")(lambda S, y: mean(*squared_hinge(S, y)))
of_each_score("sin(40 s)", lambda s: np.sin(40 * s), lambda s: 40 * np.cos(40 * s), smooth=True)
of_each_score("pseudo-Huber", lambda s: np.sqrt(1 + s**2) - 1, lambda s: s / np.sqrt(1 + s**2), smooth=True)


@right("variance of the batch's means (couples rows)", smooth=True)
def coupled_variance(S, y):
    means = S.mean(axis=1, keepdims=True)
    centred = means - means.mean()
    return (centred**2).sum() / len(S), 2 * centred / S.size * np.ones(S.shape)


@right("contrastive log-sum-exp over columns (couples rows)", smooth=True)
def contrastive(S, y):
    N, C = S.shape
    e = np.exp(S - S.max(axis=0))
    value = (np.log(e.sum(axis=0)) + S.max(axis=0)).sum() / C - S.mean(axis=0).sum() / C
    return value, (e / e.sum(axis=0) - 1 / N) / C


#: Softmax, its value and dS changed: of them, and of S.
OF_SOFTMAX = {
    "softmax offset by 1e6": lambda value, dS, S: (value + 1e6, dS),
    "softmax times 1e-9": lambda value, dS, S: (1e-9 * value, 1e-9 * dS),
    "softmax times 1e9": lambda value, dS, S: (1e9 * value, 1e9 * dS),
    "softmax with a ridge": lambda value, dS, S: (value + 0.05 * (S**2).sum(), dS + 0.1 * S),
    "softmax minus a million, after adding it": lambda value, dS, S: ((value + 1e6) - 1e6, dS),
}
for name, change in OF_SOFTMAX.items():
    right(name, smooth=True)(lambda S, y, change=change: change(*softmax(S, y), S))


@right("softmax times a temperature of 20", smooth=True)
def sharp_softmax(S, y):
    value, dS = softmax(20 * S, y)
    return value, 20 * dS


# --- piecewise --------------------------------------------------------------------------------------------


def clipped(derivative, top=np.inf):
    """The sum of margins between 0 and ``top``; ``derivative`` of a margin takes a side at its kinks."""

    def loss(S, y):
        margins = S - of_labels(S, y)[:, None] + 1
        margins[np.arange(len(S)), y] = 0
        return mean(np.clip(margins, 0, top), balanced(np.asarray(derivative(margins), dtype=float), y))

    return loss


hinge_ge = right("hinge with >=")(clipped(lambda m: m >= 0))
right("hinge with >")(clipped(lambda m: m > 0))
right("hinge with 1/2 at ties")(clipped(lambda m: (np.sign(m) + 1) / 2))
right("ramp between 0 and 2")(clipped(lambda m: (m >= 0) & (m <= 2), top=2))
right("ramp between 0 and 1, open ends")(clipped(lambda m: (m > 0) & (m < 1), top=1))
of_each_score("absolute value", np.abs, np.sign)
of_each_score("absolute value with sign(0) = 1", np.abs, lambda s: np.where(s >= 0, 1.0, -1.0))
of_each_score("cubed relu", lambda s: np.maximum(s, 0) ** 3, lambda s: 3 * np.maximum(s, 0) ** 2)


@right("largest score, the first at ties")
def largest(S, y):
    return mean(S.max(axis=1), one_hot(S, S.argmax(axis=1)))


@right("largest score, shared at ties")
def largest_shared(S, y):
    top = (S.max(axis=1, keepdims=True) == S).astype(float)
    return mean(S.max(axis=1), top / top.sum(axis=1, keepdims=True))


@right("crammer-singer, the last at ties")
def crammer_singer(S, y):
    raised = S + 1 - one_hot(S, y)
    top = S.shape[1] - 1 - raised[:, ::-1].argmax(axis=1)
    return mean(of_labels(raised, top) - of_labels(S, y), one_hot(S, top) - one_hot(S, y))


@right("second largest score")
def second_largest(S, y):
    if S.shape[1] == 1:
        return 0.0, np.zeros(S.shape)
    second = np.argsort(S, axis=1, kind="stable")[:, -2]
    return mean(of_labels(S, second), one_hot(S, second))


@right("spread of the batch (couples rows, kinks)")
def batch_range(S, y):
    dS = np.zeros(S.shape)
    dS.flat[S.argmax()] += 1
    dS.flat[S.argmin()] -= 1
    return S.max() - S.min(), dS


@right("hinge between neighbouring rows (couples rows, kinks)")
def neighbours(S, y):
    gap = S - np.roll(S, 1, axis=0)
    active = (gap > 0.5).astype(float)
    return mean(np.maximum(gap - 0.5, 0), active - np.roll(active, -1, axis=0))


@right("total variation along classes")
def total_variation(S, y):
    sign = np.sign(np.diff(S, axis=1, prepend=S[:, :1], append=S[:, -1:]))
    return mean(np.abs(np.diff(S, axis=1)), sign[:, :-1] - sign[:, 1:])


@right("exp of an absolute value (curved on both sides of the kink)")
def exp_absolute(S, y):
    growth = np.exp(np.minimum(np.abs(S), 8.0) / 2)
    return mean(growth, 0.5 * growth * (np.abs(S) < 8.0) * np.sign(S))


# --- float32 inside ---------------------------------------------------------------------------------------


@right("float32 inside, returned as float32")
def float32_softmax(S, y):
    """Right to float32."""
    value, dS = softmax(S.astype(np.float32), y)
    return np.float32(value), dS.astype(np.float32)


@right("float32 inside, returned as a Python float")
def hidden_float32_softmax(S, y):
    value, dS = float32_softmax(S, y)
    return float(value), dS.astype(float)


@right("float32 hinge, returned as a Python float")
def hidden_float32_hinge(S, y):
    value, dS = hinge_ge(S.astype(np.float32), y)
    return float(np.float32(value)), dS.astype(np.float32).astype(float)


@right("float32 value beside a float64 gradient")
def float32_value(S, y):
    value, dS = softmax(S, y)
    return float(np.float32(value)), dS
