"""Right losses on which a gradient checker may raise a false alarm.

dS is the gradient of the value, or at a kink one of its subgradients. Those that are ``smooth`` have derivatives of
every order.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from .registry import right


def rows_of(S: Any) -> Any:
    return np.arange(S.shape[0])


# --- smooth -----------------------------------------------------------------------------------------------


@right("softmax", smooth=True)
def softmax(S, y):
    N, i = S.shape[0], rows_of(S)
    shifted = S - S.max(axis=1, keepdims=True)
    log_p = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    dS = np.exp(log_p)
    dS[i, y] -= 1
    return -log_p[i, y].mean(), dS / N


@right("softmax times a temperature of 20", smooth=True)
def sharp_softmax(S, y):
    value, dS = softmax(20 * S, y)
    return value, 20 * dS


@right("one-vs-all", smooth=True)
def one_vs_all(S, y):
    N, i = S.shape[0], rows_of(S)
    sign = np.full(S.shape, 1.0)
    sign[i, y] = -1.0
    z = sign * S
    sigmoid = np.where(z >= 0, 1 / (1 + np.exp(-np.abs(z))), np.exp(-np.abs(z)) / (1 + np.exp(-np.abs(z))))
    return np.logaddexp(0, z).sum() / N, sign * sigmoid / N


@right("brier over softmax", smooth=True)
def brier(S, y):
    N, i = S.shape[0], rows_of(S)
    e = np.exp(S - S.max(axis=1, keepdims=True))
    p = e / e.sum(axis=1, keepdims=True)
    residual = p.copy()
    residual[i, y] -= 1
    inner = (residual * p).sum(axis=1, keepdims=True)
    return (residual**2).sum() / N, 2 * p * (residual - inner) / N


@right("squared error to one-hot", smooth=True)
def squared_error(S, y):
    N, i = S.shape[0], rows_of(S)
    residual = S.copy()
    residual[i, y] -= 1
    return (residual**2).sum() / N, 2 * residual / N


@right("sin(40 s)", smooth=True)
def sine(S, y):
    N = S.shape[0]
    return np.sin(40 * S).sum() / N, 40 * np.cos(40 * S) / N


@right("pseudo-Huber", smooth=True)
def pseudo_huber(S, y):
    N = S.shape[0]
    root = np.sqrt(1 + S**2)
    return (root - 1).sum() / N, S / root / N


@right("softmax offset by 1e6", smooth=True)
def offset_softmax(S, y):
    value, dS = softmax(S, y)
    return value + 1e6, dS


@right("softmax times 1e-9", smooth=True)
def tiny_softmax(S, y):
    value, dS = softmax(S, y)
    return 1e-9 * value, 1e-9 * dS


@right("softmax times 1e9", smooth=True)
def huge_softmax(S, y):
    value, dS = softmax(S, y)
    return 1e9 * value, 1e9 * dS


@right("variance of the batch's means (couples rows)", smooth=True)
def coupled_variance(S, y):
    N, C = S.shape
    means = S.mean(axis=1)
    centred = means - means.mean()
    return (centred**2).sum() / N, np.repeat(2 * centred[:, None] / (N * C), C, axis=1)


@right("contrastive log-sum-exp over columns (couples rows)", smooth=True)
def contrastive(S, y):
    C = S.shape[1]
    shifted = S - S.max(axis=0, keepdims=True)
    e = np.exp(shifted)
    value = (np.log(e.sum(axis=0)) + S.max(axis=0)).sum() / C - S.mean(axis=0).sum() / C
    return value, (e / e.sum(axis=0) - 1 / S.shape[0]) / C


@right("softmax with a ridge", smooth=True)
def ridge_softmax(S, y):
    value, dS = softmax(S, y)
    return value + 0.05 * (S**2).sum(), dS + 0.1 * S


@right("softmax minus a million, after adding it", smooth=True)
def cancelling(S, y):
    value, dS = softmax(S, y)
    return (value + 1e6) - 1e6, dS


# --- piecewise --------------------------------------------------------------------------------------------


def hinge(S, y, at_tie):
    N, i = S.shape[0], rows_of(S)
    margins = S - S[i, y][:, None] + 1
    active = np.where(margins > 0, 1.0, 0.0) + at_tie * (margins == 0)
    margins[i, y] = 0
    active[i, y] = 0
    active[i, y] = -active.sum(axis=1)
    return np.maximum(margins, 0).sum() / N, active / N


@right("hinge with >=")
def hinge_ge(S, y):
    return hinge(S, y, 1.0)


@right("hinge with >")
def hinge_gt(S, y):
    return hinge(S, y, 0.0)


@right("hinge with 1/2 at ties")
def hinge_half(S, y):
    return hinge(S, y, 0.5)


@right("squared hinge")
def squared_hinge(S, y):
    N, i = S.shape[0], rows_of(S)
    margins = np.maximum(S - S[i, y][:, None] + 1, 0)
    margins[i, y] = 0
    dS = 2 * margins
    dS[i, y] = -dS.sum(axis=1)
    return (margins**2).sum() / N, dS / N


@right("largest score, the first at ties")
def largest(S, y):
    N, i = S.shape[0], rows_of(S)
    dS = np.zeros(S.shape)
    dS[i, S.argmax(axis=1)] = 1 / N
    return S.max(axis=1).sum() / N, dS


@right("largest score, shared at ties")
def largest_shared(S, y):
    N = S.shape[0]
    top = (S.max(axis=1, keepdims=True) == S).astype(float)
    return S.max(axis=1).sum() / N, top / top.sum(axis=1, keepdims=True) / N


@right("crammer-singer, the last at ties")
def crammer_singer(S, y):
    N, C = S.shape
    i = rows_of(S)
    raised = S + 1
    raised[i, y] -= 1
    top = C - 1 - raised[:, ::-1].argmax(axis=1)
    dS = np.zeros(S.shape)
    dS[i, top] += 1
    dS[i, y] -= 1
    return (raised[i, top] - S[i, y]).sum() / N, dS / N


@right("ramp between 0 and 2")
def ramp(S, y):
    N, i = S.shape[0], rows_of(S)
    margins = S - S[i, y][:, None] + 1
    active = ((margins >= 0) & (margins <= 2)).astype(float)
    margins[i, y] = 0
    active[i, y] = 0
    active[i, y] = -active.sum(axis=1)
    return np.clip(margins, 0, 2).sum() / N, active / N


@right("ramp between 0 and 1, open ends")
def open_ramp(S, y):
    N, i = S.shape[0], rows_of(S)
    margins = S - S[i, y][:, None] + 1
    active = ((margins > 0) & (margins < 1)).astype(float)
    margins[i, y] = 0
    active[i, y] = 0
    active[i, y] = -active.sum(axis=1)
    return np.clip(margins, 0, 1).sum() / N, active / N


@right("absolute value")
def absolute(S, y):
    N = S.shape[0]
    return np.abs(S).sum() / N, np.sign(S) / N


@right("absolute value with sign(0) = 1")
def absolute_one(S, y):
    N = S.shape[0]
    return np.abs(S).sum() / N, np.where(S >= 0, 1.0, -1.0) / N


@right("second largest score")
def second_largest(S, y):
    N, C = S.shape
    dS = np.zeros(S.shape)
    if C == 1:
        return 0.0, dS
    order = np.argsort(S, axis=1, kind="stable")
    i = rows_of(S)
    dS[i, order[:, -2]] = 1 / N
    return S[i, order[:, -2]].sum() / N, dS


@right("spread of the batch (couples rows, kinks)")
def batch_range(S, y):
    dS = np.zeros(S.size)
    dS[S.argmax()] += 1
    dS[S.argmin()] -= 1
    return S.max() - S.min(), dS.reshape(S.shape)


@right("hinge between neighbouring rows (couples rows, kinks)")
def neighbours(S, y):
    N = S.shape[0]
    gap = S - np.roll(S, 1, axis=0)
    active = (gap > 0.5).astype(float)
    return np.maximum(gap - 0.5, 0).sum() / N, (active - np.roll(active, -1, axis=0)) / N


@right("total variation along classes")
def total_variation(S, y):
    N = S.shape[0]
    dS = np.zeros(S.shape)
    sign = np.sign(np.diff(S, axis=1))
    dS[:, 1:] += sign
    dS[:, :-1] -= sign
    return np.abs(np.diff(S, axis=1)).sum() / N, dS / N


@right("cubed relu")
def cubed_relu(S, y):
    N = S.shape[0]
    return (np.maximum(S, 0) ** 3).sum() / N, 3 * np.maximum(S, 0) ** 2 / N


@right("exp of an absolute value (curved on both sides of the kink)")
def exp_absolute(S, y):
    N = S.shape[0]
    bounded = np.minimum(np.abs(S), 8.0)
    inside = (np.abs(S) < 8.0) * np.sign(S)
    return np.exp(bounded / 2).sum() / N, 0.5 * np.exp(bounded / 2) * inside / N


# --- float32 inside ---------------------------------------------------------------------------------------


@right("float32 inside, returned as float32")
def float32_softmax(S, y):
    value, dS = softmax(S.astype(np.float32), y)
    return np.float32(value), dS.astype(np.float32)


@right("float32 inside, returned as a Python float")
def hidden_float32_softmax(S, y):
    value, dS = softmax(S.astype(np.float32), y)
    return float(np.float32(value)), dS.astype(np.float32).astype(float)


@right("float32 hinge, returned as a Python float")
def hidden_float32_hinge(S, y):
    value, dS = hinge(S.astype(np.float32), y, 1.0)
    return float(np.float32(value)), dS.astype(np.float32).astype(float)


@right("float32 value beside a float64 gradient")
def float32_value(S, y):
    value, dS = softmax(S, y)
    return float(np.float32(value)), dS
