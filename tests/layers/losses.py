"""Losses of weights, of pairs and triples of arrays, and of parameter vectors."""

import numpy as np

from layers.cases import right
from layers.dense import sigmoid


def svm_loss_naive(W, X, y, reg):
    dW, loss, N = np.zeros(W.shape), 0.0, X.shape[0]
    for i in range(N):
        scores = X[i].dot(W)
        for j in range(W.shape[1]):
            if j == y[i]:
                continue
            margin = scores[j] - scores[y[i]] + 1
            if margin > 0:
                loss += margin
                dW[:, j] += X[i]
                dW[:, y[i]] -= X[i]
    loss = loss / N + reg * np.sum(W * W)
    dW /= N
    dW += 2 * reg * W
    return loss, dW


LINEAR = {"W": "normal(0, 0.1) [D, C]", "X": "[N, D]", "y": "labels", "reg": 0.1}
right("svm_loss_naive", svm_loss_naive, LINEAR, wrt=("W",)).slipped("""
svm_naive_half_regularizer (W: regulariz, reg *, reg·, factor): dW has reg * W where the loss has reg * W^2
    ~ dW += reg * W
svm_naive_no_mean (W: mean, 1/N, averag): dW is not divided by N
    - dW /= N
svm_naive_no_label_term (W: label, correct, column): the correct class gets nothing
    - dW[:, y[i]] -= X[i]
svm_naive_regularizer_divided_too (W: regulariz, reg *, reg·, 1/N): the regularizer's gradient is divided by N as well
    - dW /= N
    ~ dW += 2 * reg * W
    + dW /= N
""")


def svm_loss_vectorized(W, X, y, reg):
    N = len(X)
    scores = X @ W
    margins = np.maximum(0, scores - scores[np.arange(N), y][:, None] + 1)
    margins[np.arange(N), y] = 0
    counts = (margins > 0).astype(float)
    counts[np.arange(N), y] = -counts.sum(axis=1)
    return margins.sum() / N + 0.5 * reg * np.sum(W**2), X.T @ counts / N + reg * W


right("svm_loss_vectorized", svm_loss_vectorized, LINEAR, wrt=("W",)).slipped("""
svm_vectorized_label_once (W: label, correct, column): the correct class gets -1, not minus the count
    - counts[np.arange(N), y] = -counts.sum(axis=1)
    + counts[np.arange(N), y] = -1
svm_vectorized_margins (W: where, margin, factor): sums the margins themselves, not their indicators
    ~ counts = margins.copy()
""")


def softmax_loss_vectorized(W, X, y, reg=0.0):
    """Returns the probabilities too."""
    N = X.shape[0]
    scores = X.dot(W)
    probs = np.exp(scores - scores.max(axis=1, keepdims=True))
    probs /= probs.sum(axis=1, keepdims=True)
    loss = -np.log(probs[range(N), y]).mean() + reg * np.sum(W * W)
    dscores = probs.copy()
    dscores[range(N), y] -= 1
    dscores /= N
    dW = X.T.dot(dscores)
    dW += 2 * reg * W
    return loss, dW, probs


right("softmax_loss_vectorized", softmax_loss_vectorized, LINEAR, wrt=("W",)).slipped("""
softmax_without_the_1 (W: label, correct): the label's 1 is not subtracted
    - dscores[range(N), y] -= 1
softmax_no_regularizer (W: regulariz, reg *, reg·): dW forgets the regularizer
    - dW += 2 * reg * W
softmax_divided_twice (W: twice, 1/N, averag, mean, factor): divides by N twice
    ~ dW = X.T.dot(dscores) / N
""")


def linear_regression(W, b, X, t):
    """Mean of the squares; the gradients are a tuple."""
    error = X @ W + b - t
    dout = 2 * error / error.size
    return np.mean(error**2), (X.T @ dout, dout.sum(axis=0))


REGRESSION = {"W": "[D, 2]", "b": "[2]", "X": "[N, D]", "t": "[N, 2]"}
right("linear_regression", linear_regression, REGRESSION, wrt=("W", "b")).slipped("""
linear_regression_divided_by_n (W b: factor, times, mean, 2 times): divides by N, but the mean runs over all entries
    ~ dout = 2 * error / len(error)
""")


def mse_loss(pred, target):
    diff = pred - target
    dpred = 2 * diff / diff.size
    return np.mean(diff**2), dpred


PAIR = {"pred": "[N, D]", "target": "[N, D]"}
right("mse_loss", mse_loss, PAIR, wrt=("pred",)).slipped("""
mse_no_2 (pred: factor, times, 2 times): the factor 2 is missing
    ~ dpred = diff / diff.size
mse_sign (pred: sign): target - pred
    ~ dpred = 2 * (target - pred) / diff.size
""")


def l1_loss(w, X, t, lam):
    r = X @ w - t
    return np.abs(r).mean() + lam * np.abs(w).sum(), X.T @ np.sign(r) / len(r) + lam * np.sign(w)


right("l1_loss", l1_loss, {"w": "[D]", "X": "[N, D]", "t": "[N]", "lam": 0.3}, wrt=("w",)).slipped("""
l1_penalty_of_squares (w: regulariz, penalty, sign): the penalty's gradient is that of the squares
    ~ return np.abs(r).mean() + lam * np.abs(w).sum(), X.T @ np.sign(r) / len(r) + lam * 2 * w
""")


def logistic_cost(theta, X, t, lam):
    """The first weight is the intercept, which is not penalised."""
    h = sigmoid(X @ theta)
    return -np.mean(t * np.log(h) + (1 - t) * np.log(1 - h)) + lam / 2 * np.sum(theta[1:] ** 2)


def logistic_gradient(theta, X, t, lam):
    grad = X.T @ (sigmoid(X @ theta) - t) / len(t)
    grad[1:] += lam * theta[1:]
    return grad


THETA = {"theta": "[D]", "X": "[N, D]", "t": "integers(0, 1) [N]", "lam": 0.5}
right("logistic_cost", logistic_cost, THETA, wrt=("theta",), gradient=logistic_gradient).slipped("""
logistic_intercept_penalised (theta: intercept, first, regulariz, extra, [0]): the intercept is penalised too
    - grad[1:] += lam * theta[1:]
    + grad += lam * theta
logistic_penalty_shifted (theta: shift, last, regulariz, [0]): the penalty leaves out the last weight, not the first
    - grad[1:] += lam * theta[1:]
    + grad[:-1] += lam * theta[:-1]
""")


def propagate(w, b, X, Y):
    """Samples are columns; a dict of gradients."""
    m = X.shape[1]
    A = sigmoid(w.T @ X + b)
    cost = -1 / m * np.sum(Y * np.log(A) + (1 - Y) * np.log(1 - A))
    return cost, {"w": 1 / m * X @ (A - Y).T, "b": 1 / m * np.sum(A - Y)}


COLUMNS = {"w": "[D, 1]", "b": "normal(0, 1)", "X": "[D, N]", "Y": "integers(0, 1) [1, N]"}
right("propagate", propagate, COLUMNS, wrt=("w", "b")).slipped("""
propagate_db_not_divided (b: mean, 1/N, averag, factor, times): db is not divided by m
    ~ return cost, {"w": 1 / m * X @ (A - Y).T, "b": np.sum(A - Y)}
""")


def matrix_factorization(U, V, R, observed, lam):
    E = observed * (U @ V.T - R)
    return 0.5 * np.sum(E**2) + lam * (np.sum(U**2) + np.sum(V**2)), E @ V + 2 * lam * U, E.T @ U + 2 * lam * V


RATINGS = {"U": "[N, 2]", "V": "[M, 2]", "R": "[N, M]", "observed": "integers(0, 1) [N, M]", "lam": 0.1}
right("matrix_factorization", matrix_factorization, RATINGS, wrt=("U", "V")).slipped("""
matrix_factorization_mask_forgotten (U V: mask, where): the gradients run over unobserved entries too
    - E = observed * (U @ V.T - R)
    - return 0.5 * np.sum(E**2) + lam * (np.sum(U**2) + np.sum(V**2)), E @ V + 2 * lam * U, E.T @ U + 2 * lam * V
    + E = U @ V.T - R
    + loss = 0.5 * np.sum((observed * E) ** 2) + lam * (np.sum(U**2) + np.sum(V**2))
    + return loss, E @ V + 2 * lam * U, E.T @ U + 2 * lam * V
""")


def gaussian_nll(mu, log_sigma, x):
    z = (x - mu) / np.exp(log_sigma)
    return np.sum(0.5 * z**2 + log_sigma), -z / np.exp(log_sigma), 1 - z**2


right("gaussian_nll", gaussian_nll, {"mu": "[N]", "log_sigma": "[N]", "x": "[N]"}, wrt=("mu", "log_sigma")).slipped("""
gaussian_nll_of_sigma (log_sigma: exp(, factor): the derivative with respect to sigma, not to its logarithm
    ~ return np.sum(0.5 * z**2 + log_sigma), -z / np.exp(log_sigma), (1 - z**2) / np.exp(log_sigma)
""")


def triplet_loss(anchor, positive, negative, margin):
    d = np.sum((anchor - positive) ** 2 - (anchor - negative) ** 2, axis=1) + margin
    active = (d > 0)[:, None] * 2 / len(d)
    da = active * (negative - positive)
    return np.maximum(d, 0).mean(), (da, active * (positive - anchor), active * (anchor - negative))


TRIPLET = {"anchor": "[N, D]", "positive": "[N, D]", "negative": "[N, D]", "margin": 2.0}
right("triplet_loss", triplet_loss, TRIPLET, wrt=("anchor", "positive", "negative")).slipped("""
triplet_anchor_sign (anchor: sign): the anchor's gradient has the other sign
    ~ da = active * (positive - negative)
triplet_without_the_hinge (anchor positive negative: where, mask, hinge, row): inactive triples get a gradient too
    ~ active = 2 / len(d)
""")


def temporal_softmax_loss(x, y, mask):
    """Scores x (N, T, V), words y (N, T), mask (N, T); summed over time, the mean over the batch."""
    N, T, V = x.shape
    x_flat, y_flat, mask_flat = x.reshape(N * T, V), y.reshape(N * T), mask.reshape(N * T)
    probs = np.exp(x_flat - np.max(x_flat, axis=1, keepdims=True))
    probs /= np.sum(probs, axis=1, keepdims=True)
    loss = -np.sum(mask_flat * np.log(probs[np.arange(N * T), y_flat])) / N
    dx = probs.copy()
    dx[np.arange(N * T), y_flat] -= 1
    dx /= N
    dx *= mask_flat[:, None]
    return loss, dx.reshape(N, T, V)


CAPTIONS = {"x": "[N, T, 5]", "y": "integers(0, 4) [N, T]", "mask": "integers(0, 1) [N, T]"}
right("temporal_softmax_loss", temporal_softmax_loss, CAPTIONS, wrt=("x",)).slipped("""
temporal_softmax_no_mask (x: mask, where): dx forgets the mask
    - dx *= mask_flat[:, None]
temporal_softmax_divided_by_t (x: factor, times, 1/T, mean): dx is divided by T too
    ~ dx /= N * T
""")


def crf_log_likelihood(emissions, transitions, tags):
    """Log-partition minus the score of the tags, of one chain; marginals by forward and backward sums."""
    T, K = emissions.shape
    alpha, beta = np.zeros((T, K)), np.zeros((T, K))
    alpha[0] = emissions[0]
    for t in range(1, T):
        alpha[t] = emissions[t] + np.log(np.exp(alpha[t - 1][:, None] + transitions).sum(axis=0))
    for t in range(T - 2, -1, -1):
        beta[t] = np.log(np.exp(transitions + emissions[t + 1] + beta[t + 1]).sum(axis=1))
    log_z = np.log(np.exp(alpha[-1]).sum())
    de, dt = np.exp(alpha + beta - log_z), np.zeros_like(transitions)
    for t in range(1, T):
        dt += np.exp(alpha[t - 1][:, None] + transitions + emissions[t] + beta[t] - log_z)
    score = emissions[range(T), tags].sum() + transitions[tags[:-1], tags[1:]].sum()
    de[range(T), tags] -= 1
    np.subtract.at(dt, (tags[:-1], tags[1:]), 1)
    return log_z - score, de, dt


CHAIN = {"emissions": "[6, 2]", "transitions": "[2, 2]", "tags": "integers(0, 1) [6]"}
right("crf_log_likelihood", crf_log_likelihood, CHAIN, wrt=("emissions", "transitions")).slipped("""
crf_repeated_transitions (transitions: repeat, accumul, twice): a transition that occurs twice is subtracted once
    - np.subtract.at(dt, (tags[:-1], tags[1:]), 1)
    + dt[tags[:-1], tags[1:]] -= 1
""")


def log_loss_value(preds, t):
    return np.sum(np.logaddexp(0, preds) - t * preds)


def log_loss_objective(preds, t):
    """Gradient and diagonal Hessian, as boosting libraries want them."""
    p = sigmoid(preds)
    grad = p - t
    return grad, p * (1 - p)


BOOSTED = {"preds": "[N]", "t": "integers(0, 1) [N]"}
right("boosting", log_loss_objective, BOOSTED, wrt=("preds",), value=log_loss_value).slipped("""
boosting_of_the_probability (preds: factor, sigmoid): derives the sigmoid once too often
    ~ grad = (p - t) * p * (1 - p)
""")
