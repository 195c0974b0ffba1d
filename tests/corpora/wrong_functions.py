"""Wrong losses whose dS is the gradient of some function, and the value is another one."""

from __future__ import annotations

import numpy as np

from .registry import wrong


@wrong("softmax without the log", "gradient-of-another-loss")
def softmax_without_log(S, y):
    """The value is -p_y, dS is that of -log p_y."""
    N = S.shape[0]
    i = np.arange(N)
    e = np.exp(S - S.max(axis=1).reshape((N, 1)))
    p = e / e.sum(axis=1, keepdims=True)
    loss = -np.sum(p[i, y]) / N
    p[i, y] -= 1.0
    return loss, p / N


@wrong("brier over softmax, dS of the cross-entropy", "gradient-of-another-loss", also=["value-of-another-loss"])
def brier_with_cross_entropy(S, y):
    """The squared error of the probabilities beside p - 1{j=y}."""
    N, C = S.shape
    e = np.exp(S - S.max(axis=1, keepdims=True))
    p = e / e.sum(axis=1, keepdims=True)
    delta = p - np.eye(C)[y]
    return np.sum(delta**2) / N, delta / N


@wrong("svm, max(0, .) lost in the value", "gradient-of-another-loss")
def svm_value_without_max(S, y):
    """Negative margins are added up with the others; dS knows better."""
    N = S.shape[0]
    i = np.arange(N)
    margins = S - S[i, y][:, np.newaxis] + 1
    margins[i, y] = 0
    loss = margins.sum() / N
    dS = (margins > 0).astype(float)
    dS[i, y] = -dS.sum(axis=1)
    return loss, dS / N


@wrong("svm in loops, max(0, .) lost in the value", "gradient-of-another-loss")
def svm_loops_value_without_max(S, y):
    """The margin is added before it is looked at."""
    N, C = S.shape
    loss, dS = 0.0, np.zeros((N, C))
    for i in range(N):
        for j in range(C):
            if j == y[i]:
                continue
            margin = S[i, j] - S[i, y[i]] + 1
            loss += margin
            if margin > 0:
                dS[i, j] += 1
                dS[i, y[i]] -= 1
    return loss / N, dS / N


@wrong("hinge in the value, squared hinge in dS", "gradient-of-another-loss", also=["value-of-another-loss"])
class SquaredHinge:
    """The square was added to the backward pass only."""

    def __call__(self, S, y):
        N = len(S)
        i = np.arange(N)
        margins = np.maximum(S - S[i, y][:, None] + 1, 0)
        margins[i, y] = 0
        dS = 2 * margins
        dS[i, y] = -dS.sum(axis=1)
        return margins.sum() / N, dS / N


@wrong("the error rate, dS of the cross-entropy", "gradient-of-another-loss")
def error_rate(S, y):
    """What is reported is returned: the part of wrong answers."""
    N, C = S.shape
    p = np.exp(S - np.logaddexp.reduce(S, axis=1, keepdims=True))
    return np.mean(S.argmax(axis=1) != y), (p - np.eye(C)[y]) / N


@wrong("log of the batch's mean p_y", "gradient-of-another-loss", also=["batch-size-dependent"])
def log_of_mean(S, y):
    """-log(mean p_y), where the mean of -log p_y is meant."""
    N = S.shape[0]
    p = np.exp(S - np.logaddexp.reduce(S, axis=1, keepdims=True))
    loss = -np.log(np.mean(p[np.arange(N), y]))
    p[np.arange(N), y] -= 1
    return loss, p / N


@wrong("softmax, -s_y lost in the value", "gradient-of-another-loss", also=["missing-label-term"])
def log_sum_exp_alone(S, y):
    """The value is log sum e^s, dS that of log sum e^s - s_y."""
    N = S.shape[0]
    top = S.max(axis=1, keepdims=True)
    total = np.exp(S - top).sum(axis=1, keepdims=True)
    dS = np.exp(S - top) / total
    dS[np.arange(N), y] -= 1
    return np.mean(top + np.log(total)), dS / N


@wrong("perplexity, dS of its logarithm", "gradient-of-another-loss")
def perplexity(S, y):
    """exp of the mean cross-entropy is returned, and the chain rule through exp is not."""
    N = S.shape[0]
    log_p = S - np.logaddexp.reduce(S, axis=1, keepdims=True)
    dS = np.exp(log_p)
    dS[np.arange(N), y] -= 1
    return np.exp(-log_p[np.arange(N), y].mean()), dS / N


@wrong("squared error of sigmoids, their derivative lost", "gradient-of-another-loss")
def sigmoid_squared_error(S, y):
    """2 (sigmoid - t), without sigmoid (1 - sigmoid)."""
    N, C = S.shape
    sigmoid = 1 / (1 + np.exp(-S))
    residual = sigmoid - (y[:, None] == np.arange(C))
    return np.sum(residual**2) / N, 2 * residual / N


@wrong("smoothed labels in the value, hard ones in dS", "gradient-of-another-loss", also=["value-of-another-loss"])
def smoothed_value_hard_gradient(S, y, smoothing=0.1):
    """The smoothing was added to the value only."""
    N, C = S.shape
    log_p = S - np.logaddexp.reduce(S, axis=1, keepdims=True)
    hard = np.eye(C)[y]
    soft = hard * (1 - smoothing) + smoothing / C
    return -np.sum(soft * log_p) / N, (np.exp(log_p) - hard) / N


def focal(gamma):
    def loss(S, y):
        """(1 - p_y)^gamma is taken for a constant in dS, which makes it the gradient of another function of p_y."""
        N, C = S.shape
        log_p = S - np.logaddexp.reduce(S, axis=1, keepdims=True)
        p = np.exp(log_p)
        weight = (1 - p[np.arange(N), y]) ** gamma
        dS = weight[:, None] * (p - np.eye(C)[y])
        return -np.mean(weight * log_p[np.arange(N), y]), dS / N

    return loss


wrong("focal with a gamma of 1.5, its weight a constant in dS", "gradient-of-another-loss")(focal(1.5))


wrong("focal, its weight a constant in dS", "value-of-another-loss")(focal(2.0))


@wrong("svm, max(0, .) lost in dS", "value-of-another-loss")
def svm_gradient_without_max(S, y):
    """Every other class gets 1, the label -(C - 1)."""
    N, C = S.shape
    i = np.arange(N)
    margins = np.maximum(S - S[i, y][:, None] + 1, 0)
    margins[i, y] = 0
    dS = np.ones((N, C))
    dS[i, y] = -(C - 1)
    return margins.sum() / N, dS / N


@wrong("svm, delta subtracted in dS", "value-of-another-loss")
def svm_gradient_other_delta(S, y):
    """s_j - s_y - 1 > 0 in dS, s_j - s_y + 1 in the value."""
    N = S.shape[0]
    i = np.arange(N)
    gap = S - S[i, y][:, None]
    hinge = np.maximum(gap + 1, 0)
    hinge[i, y] = 0
    dS = np.where(gap - 1 > 0, 1.0, 0.0)
    dS[i, y] = -dS.sum(axis=1)
    return hinge.sum() / N, dS / N


@wrong("softmax, dS for the predicted class", "value-of-another-loss")
def softmax_predicted(S, y):
    """1 is subtracted at argmax, not at y."""
    N = S.shape[0]
    log_p = S - np.logaddexp.reduce(S, axis=1, keepdims=True)
    dS = np.exp(log_p)
    dS[np.arange(N), dS.argmax(axis=1)] -= 1
    return -log_p[np.arange(N), y].mean(), dS / N


@wrong("brier over softmax, the softmax's Jacobian lost", "value-of-another-loss")
class Brier:
    """2 (p - 1{j=y}) is the derivative by p, not by s."""

    def __call__(self, S, y):
        N, C = S.shape
        e = np.exp(S - S.max(axis=1, keepdims=True))
        r = e / e.sum(axis=1, keepdims=True) - np.eye(C)[y]
        return np.einsum("ij,ij", r, r) / N, 2 * r / N


@wrong("huber, the cap lost in dS", "value-of-another-loss")
def huber_without_cap(S, y):
    """r everywhere, where sign(r) is meant outside [-1, 1]."""
    N, C = S.shape
    r = S - np.eye(C)[y]
    a = np.abs(r)
    return np.where(a <= 1, r**2 / 2, a - 0.5).sum() / N, r / N


@wrong("cubed relu, the relu lost in dS", "value-of-another-loss")
def cubed_relu_everywhere(S, y):
    """3 s^2 also where s is negative."""
    N = S.shape[0]
    return np.sum(np.maximum(S, 0) ** 3) / N, 3 * S**2 / N


@wrong("softmax, dS normalised over the rows", "value-of-another-loss")
def softmax_wrong_axis(S, y):
    """axis=0 in dS."""
    N = S.shape[0]
    log_p = S - np.logaddexp.reduce(S, axis=1, keepdims=True)
    dS = np.exp(S) / np.exp(S).sum(axis=0)
    dS[np.arange(N), y] -= 1
    return -log_p[np.arange(N), y].sum() / N, dS / N
