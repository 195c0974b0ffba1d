"""Wrong losses whose dS is the gradient of some function, and the value is another one."""

from __future__ import annotations

import numpy as np

from .parts import balanced, cross_entropy, log_softmax, margins_of, of_labels, one_hot, sigmoid, softmax
from .registry import wrong


@wrong("softmax without the log", "gradient-of-another-loss")
def softmax_without_log(S, y):
    """The value is -p_y, dS is that of -log p_y."""
    p = softmax(S)
    return -of_labels(p, y).mean(), (p - one_hot(S, y)) / len(S)


@wrong("brier over softmax, dS of the cross-entropy", "gradient-of-another-loss", also=["value-of-another-loss"])
def brier_with_cross_entropy(S, y):
    """The squared error of the probabilities beside p - 1{j=y}."""
    delta = softmax(S) - one_hot(S, y)
    return np.sum(delta**2) / len(S), delta / len(S)


@wrong("svm, max(0, .) lost in the value", "gradient-of-another-loss")
def svm_value_without_max(S, y):
    """Negative margins are added up with the others; dS knows better."""
    margins = S - of_labels(S, y)[:, np.newaxis] + 1
    margins[np.arange(len(S)), y] = 0
    return margins.sum() / len(S), balanced((margins > 0).astype(float), y) / len(S)


@wrong("svm in loops, max(0, .) lost in the value", "gradient-of-another-loss")
def svm_loops_value_without_max(S, y):
    """The margin is added before it is looked at."""
    loss, dS = 0.0, np.zeros(S.shape)
    for i, j in np.ndindex(S.shape):
        if j == y[i]:
            continue
        margin = S[i, j] - S[i, y[i]] + 1
        loss += margin
        if margin > 0:
            dS[i, j] += 1
            dS[i, y[i]] -= 1
    return loss / len(S), dS / len(S)


@wrong("hinge in the value, squared hinge in dS", "gradient-of-another-loss", also=["value-of-another-loss"])
def hinge_with_squared_gradient(S, y):
    """The square was added to the backward pass only."""
    margins = margins_of(S, y)
    return margins.sum() / len(S), balanced(2 * margins, y) / len(S)


@wrong("the error rate, dS of the cross-entropy", "gradient-of-another-loss")
def error_rate(S, y):
    """What is reported is returned: the part of wrong answers."""
    _, dS = cross_entropy(S, y)
    return np.mean(S.argmax(axis=1) != y), dS / len(S)


@wrong("log of the batch's mean p_y", "gradient-of-another-loss", also=["batch-size-dependent"])
def log_of_mean(S, y):
    """-log(mean p_y), where the mean of -log p_y is meant."""
    losses, dS = cross_entropy(S, y)
    return -np.log(np.mean(np.exp(-losses))), dS / len(S)


@wrong("softmax, -s_y lost in the value", "gradient-of-another-loss", also=["missing-label-term"])
def log_sum_exp_alone(S, y):
    """The value is log sum e^s, dS that of log sum e^s - s_y."""
    top = S.max(axis=1, keepdims=True)
    total = np.exp(S - top).sum(axis=1, keepdims=True)
    return np.mean(top + np.log(total)), (np.exp(S - top) / total - one_hot(S, y)) / len(S)


@wrong("perplexity, dS of its logarithm", "gradient-of-another-loss")
def perplexity(S, y):
    """exp of the mean cross-entropy is returned, and the chain rule through exp is not."""
    losses, dS = cross_entropy(S, y)
    return np.exp(losses.mean()), dS / len(S)


@wrong("squared error of sigmoids, their derivative lost", "gradient-of-another-loss")
def sigmoid_squared_error(S, y):
    """2 (sigmoid - t), without sigmoid (1 - sigmoid)."""
    residual = sigmoid(S) - one_hot(S, y)
    return np.sum(residual**2) / len(S), 2 * residual / len(S)


@wrong("smoothed labels in the value, hard ones in dS", "gradient-of-another-loss", also=["value-of-another-loss"])
def smoothed_value_hard_gradient(S, y, smoothing=0.1):
    """The smoothing was added to the value only."""
    log_p, hard = log_softmax(S), one_hot(S, y)
    soft = hard * (1 - smoothing) + smoothing / S.shape[1]
    return -np.sum(soft * log_p) / len(S), (np.exp(log_p) - hard) / len(S)


def focal(gamma):
    def loss(S, y):
        """(1 - p_y)^gamma is taken for a constant in dS, which makes it the gradient of another function of p_y."""
        losses, dS = cross_entropy(S, y)
        weight = (1 - np.exp(-losses)) ** gamma
        return np.mean(weight * losses), weight[:, None] * dS / len(S)

    return loss


wrong("focal with a gamma of 1.5, its weight a constant in dS", "row-factor")(focal(1.5))


wrong("focal, its weight a constant in dS", "row-factor")(focal(2.0))


@wrong("svm, max(0, .) lost in dS", "value-of-another-loss")
def svm_gradient_without_max(S, y):
    """Every other class gets 1, the label -(C - 1)."""
    return margins_of(S, y).sum() / len(S), balanced(np.ones(S.shape), y) / len(S)


@wrong("svm, delta subtracted in dS", "value-of-another-loss")
def svm_gradient_other_delta(S, y):
    """s_j - s_y - 1 > 0 in dS, s_j - s_y + 1 in the value."""
    gap = S - of_labels(S, y)[:, None]
    return margins_of(S, y).sum() / len(S), balanced(np.where(gap - 1 > 0, 1.0, 0.0), y) / len(S)


@wrong("softmax, dS for the predicted class", "value-of-another-loss")
def softmax_predicted(S, y):
    """1 is subtracted at argmax, not at y."""
    log_p = log_softmax(S)
    return -of_labels(log_p, y).mean(), (np.exp(log_p) - one_hot(S, log_p.argmax(axis=1))) / len(S)


@wrong("brier over softmax, the softmax's Jacobian lost", "value-of-another-loss")
def brier_without_jacobian(S, y):
    """2 (p - 1{j=y}) is the derivative by p, not by s."""
    r = softmax(S) - one_hot(S, y)
    return np.einsum("ij,ij", r, r) / len(S), 2 * r / len(S)


@wrong("huber, the cap lost in dS", "gradient-of-another-loss")
def huber_without_cap(S, y):
    """r everywhere, where sign(r) is meant outside [-1, 1]."""
    r = S - one_hot(S, y)
    a = np.abs(r)
    return np.where(a <= 1, r**2 / 2, a - 0.5).sum() / len(S), r / len(S)


@wrong("cubed relu, the relu lost in dS", "value-of-another-loss")
def cubed_relu_everywhere(S, y):
    """3 s^2 also where s is negative."""
    return np.sum(np.maximum(S, 0) ** 3) / len(S), 3 * S**2 / len(S)


@wrong("softmax, dS normalised over the rows", "value-of-another-loss")
def softmax_wrong_axis(S, y):
    """axis=0 in dS."""
    losses, _ = cross_entropy(S, y)
    return losses.sum() / len(S), (np.exp(S) / np.exp(S).sum(axis=0) - one_hot(S, y)) / len(S)
