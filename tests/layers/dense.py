"""Affine layers, activations and dropout."""
# ruff: noqa: RUF059 (a cache is unpacked whole, as its authors do)

from dataclasses import replace

import numpy as np

from layers.cases import right


def affine_forward(x, w, b):
    """x: (N, d_1, ..., d_k); w: (D, M); b: (M,)."""
    return x.reshape(x.shape[0], -1).dot(w) + b, (x, w, b)


def affine_backward(dout, cache):
    x, w, b = cache
    dx = dout.dot(w.T).reshape(x.shape)
    dw = x.reshape(x.shape[0], -1).T.dot(dout)
    db = np.sum(dout, axis=0)
    return dx, dw, db


AFFINE_INPUTS = {"x": "[N, 2, 3]", "w": "normal(0, 0.5) [D, M]", "b": "[M]"}
AFFINE = right("affine", affine_forward, AFFINE_INPUTS, backward=affine_backward, sizes={"D": 6})
AFFINE.slipped("""
affine_db_over_both_axes (b: summed, axis, axes): db is summed over the columns too, and broadcast
    ~ db = np.zeros_like(b)
    + db += np.sum(dout)
affine_db_axis_1 (b: shape, axis): db is summed over axis 1 and has N entries
    ~ db = np.sum(dout, axis=1)
affine_db_mean (b: mean, averag, 1/N, factor): db is the mean over the batch, not the sum
    ~ db = np.mean(dout, axis=0)
affine_dw_ignores_dout (w: upstream): dw is right for an upstream gradient of ones alone
    ~ dw = x.reshape(x.shape[0], -1).T.dot(np.ones_like(dout))
""")
SQUARE = {"x": "[N, D]", "w": "normal(0, 0.5) [D, D]", "b": "[D]"}
replace(AFFINE, inputs=SQUARE, sizes={"D": 4}).slipped("""
affine_dw_transposed (w: transpos): dw is dout' x, which a square w hides
    ~ dw = dout.T.dot(x)
affine_dx_w_not_transposed (x: transpos): dx multiplies by w instead of w', which a square w hides
    ~ dx = dout.dot(w).reshape(x.shape)
""")


def affine_first_layer_backward(dout, cache):
    """Nobody needs the gradient of the data."""
    _, dw, db = affine_backward(dout, cache)
    return None, dw, db


right("affine_first_layer", affine_forward, AFFINE_INPUTS, backward=affine_first_layer_backward, sizes={"D": 6})


def affine_loops_forward(x, w, b):
    """The same in loops, with a dict as the cache."""
    N, M = x.shape[0], w.shape[1]
    out = np.zeros((N, M))
    for i in range(N):
        for j in range(M):
            out[i, j] = b[j]
            for d in range(x.shape[1]):
                out[i, j] += x[i, d] * w[d, j]
    return out, {"x": x, "w": w}


def affine_loops_backward(dout, cache):
    x, w = cache["x"], cache["w"]
    dx, dw, db = np.zeros_like(x), np.zeros_like(w), np.zeros(w.shape[1])
    for i in range(x.shape[0]):
        for j in range(w.shape[1]):
            db[j] += dout[i, j]
            for d in range(x.shape[1]):
                dx[i, d] += dout[i, j] * w[d, j]
                dw[d, j] += dout[i, j] * x[i, d]
    return dx, dw, db


MATRIX = {"x": "[N, D]", "w": "[D, M]", "b": "[M]"}
right("affine_loops", affine_loops_forward, MATRIX, backward=affine_loops_backward, sizes={"M": 3}).slipped("""
affine_loops_short_range (x w b: last, column, range): the loop over columns ends one too early
    - for j in range(w.shape[1]):
    + for j in range(w.shape[1] - 1):
affine_loops_dw_overwritten (w: last, accumul, sample, row): = in place of +=: only the last sample counts
    - dw[d, j] += dout[i, j] * x[i, d]
    + dw[d, j] = dout[i, j] * x[i, d]
""")


def linear_forward(A, W, b):
    """Samples are columns: A (D, N), W (M, D), b (M, 1)."""
    return W @ A + b, {"A": A, "W": W, "b": b}


def linear_backward(dZ, cache):
    dW = dZ @ cache["A"].T
    db = np.sum(dZ, axis=1, keepdims=True)
    return cache["W"].T @ dZ, dW, db


COLUMNS_INPUTS = {"A": "[D, N]", "W": "[M, D]", "b": "[M, 1]"}
right("linear_columns", linear_forward, COLUMNS_INPUTS, backward=linear_backward).slipped("""
linear_columns_divided_by_m (W b: mean, averag, 1/N, factor): dW and db are divided by m a second time
    ~ dW = 1 / dZ.shape[1] * dZ @ cache["A"].T
    ~ db = 1 / dZ.shape[1] * np.sum(dZ, axis=1, keepdims=True)
""")


class Linear:
    """A class of static methods with a cache."""

    @staticmethod
    def forward(x, w, b):
        return x @ w + b, (x, w)

    @staticmethod
    def backward(dout, cache):
        x, w = cache
        return dout @ w.T, x.T @ dout, dout.sum(0)


class Dense:
    """A layer that owns its weights and keeps its cache; backward returns the gradient of the input alone."""

    def __init__(self, fan_in=4, fan_out=3):
        self.W = np.cos(np.arange(fan_in * fan_out)).reshape(fan_in, fan_out)
        self.b = np.zeros(fan_out)

    def forward(self, x):
        self.x = x
        return x @ self.W + self.b

    def backward(self, dout):
        self.dW, self.db = self.x.T @ dout, dout.sum(0)
        return dout @ self.W.T


right("linear_class", Linear, MATRIX)
right("dense_object", Dense(), {"x": "[N, D]"})


def relu_forward(x):
    return np.maximum(0, x), x


def relu_backward(dout, cache):
    """Writes to dout."""
    x = cache
    dout[x <= 0] = 0
    return dout


X = {"x": "[N, D]"}
right("relu_in_place", relu_forward, X, backward=relu_backward).slipped("""
relu_no_mask (x: relu, mask, where): the mask is forgotten
    - dout[x <= 0] = 0
relu_mask_of_dout (x: upstream, mask, where): masks by the sign of dout, not of x
    - dout[x <= 0] = 0
    + dout[dout <= 0] = 0
relu_mask_inverted (x: relu, mask, where, invert): the mask is inverted
    - dout[x <= 0] = 0
    + dout[x > 0] = 0
""")


class ReLU:
    """Keeps its mask."""

    def forward(self, x):
        self.mask = x > 0
        return x * self.mask

    def backward(self, dout):
        return dout * self.mask


right("relu_class", ReLU, {"x": "[N, T, D]"}).slipped("""
relu_class_ignores_dout (x: upstream): returns the mask and ignores dout
    - return dout * self.mask
    + return self.mask.astype(float)
""")


def leaky_relu_forward(x, *, alpha=0.01):
    return np.where(x > 0, x, alpha * x), (x, alpha)


def leaky_relu_backward(dout, cache):
    x, alpha = cache
    dx = np.ones_like(x)
    dx[x < 0] = alpha
    return dout * dx


right("leaky_relu", leaky_relu_forward, {**X, "alpha": 0.1}, wrt=("x",), backward=leaky_relu_backward).slipped("""
leaky_relu_slope_on_the_other_side (x: where, slope, positive, factor): the slope is used where x > 0
    - dx[x < 0] = alpha
    + dx[x > 0] = alpha
leaky_relu_integers (x: integer, truncat, where, slope, zero): ones of integers make a slope of 0.1 to 0
    ~ dx = np.ones(x.shape, dtype=int)
""")


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def sigmoid_forward(x):
    cache = sigmoid(x)
    return cache, cache


def sigmoid_backward(dout, cache):
    s = cache
    return dout * s * (1 - s)


right("sigmoid", sigmoid_forward, X, backward=sigmoid_backward).slipped("""
sigmoid_of_the_output (x: sigmoid, factor): takes the sigmoid of the cached output once more
    ~ s = sigmoid(cache)
""")


class Tanh:
    def forward(self, x):
        self.x, self.y = x, np.tanh(x)
        return self.y

    def backward(self, dy):
        return dy * (1 - self.y**2)


right("tanh_class", Tanh, X).slipped("""
tanh_of_the_input (x: tanh, factor): 1 - x^2 of the input in place of 1 - y^2 of the output
    - return dy * (1 - self.y**2)
    + return dy * (1 - self.x**2)
tanh_no_square (x: tanh, square, factor): the square is missing
    - return dy * (1 - self.y**2)
    + return dy * (1 - self.y)
""")


def softmax_layer(x):
    e = np.exp(x - x.max(axis=1, keepdims=True))
    s = e / e.sum(axis=1, keepdims=True)
    return s, s


def softmax_layer_backward(dout, s):
    return s * (dout - np.sum(dout * s, axis=1, keepdims=True))


right("softmax_layer", softmax_layer, X, backward=softmax_layer_backward).slipped("""
softmax_layer_diagonal (x: diagonal, softmax, missing, lost): the Jacobian's diagonal alone
    ~ return dout * s * (1 - s)
softmax_layer_axis_0 (x: axis, summed, softmax): sums over the batch in place of the classes
    ~ return s * (dout - np.sum(dout * s, axis=0, keepdims=True))
""")


def two_relus_forward(x, W1, W2):
    h1, fc1_cache = affine_forward(x, W1, 0)
    a1, relu1_cache = relu_forward(h1)
    h2, fc2_cache = affine_forward(a1, W2, 0)
    out, relu2_cache = relu_forward(h2)
    return out, ((fc1_cache, relu1_cache), (fc2_cache, relu2_cache))


def two_relus_backward(dout, cache):
    (fc1_cache, relu1_cache), (fc2_cache, relu2_cache) = cache
    dh2 = relu_backward(dout, relu2_cache)
    da1, dW2, _ = affine_backward(dh2, fc2_cache)
    dh1 = relu_backward(da1, relu1_cache)
    dx, dW1, _ = affine_backward(dh1, fc1_cache)
    return dx, dW1, dW2


WEIGHTS = {"W1": "[D, D]", "W2": "[D, D]"}
right("two_relus", two_relus_forward, {**X, **WEIGHTS}, backward=two_relus_backward, sizes={"D": 6}).slipped("""
two_relus_one_forgotten (x W1: relu, mask, where): the ReLU in between is forgotten
    ~ dh1 = da1
two_relus_cache_of_the_other_call (x W1: cache, mask, where): the first ReLU gets the cache of the second
    ~ dh1 = relu_backward(da1, relu2_cache)
""")


def dropout_forward(x, dropout_param):
    """Inverted dropout; p is the probability to keep."""
    p, mask = dropout_param["p"], None
    if dropout_param["mode"] == "train":
        mask = (np.random.rand(*x.shape) < p) / p
        return x * mask, (dropout_param, mask)
    return x, (dropout_param, mask)


def dropout_backward(dout, cache):
    dropout_param, mask = cache
    if dropout_param["mode"] == "train":
        return dout * mask
    return dout


DROPOUT_INPUTS = {"x": "[N, 6]", "dropout_param": {"mode": "train", "p": 0.6}}
DROPOUT = right("dropout", dropout_forward, DROPOUT_INPUTS, wrt=("x",), backward=dropout_backward, reseed=True)
DROPOUT_TEST_INPUTS = {"x": "[N, 6]", "dropout_param": {"mode": "test", "p": 0.6}}
right("dropout_test", dropout_forward, DROPOUT_TEST_INPUTS, wrt=("x",), backward=dropout_backward)
DROPOUT.slipped("""
dropout_no_scaling (x: factor, times, 0.6, 1.67): the backward does not divide by p
    - return dout * mask
    + return dout * (mask > 0)
dropout_no_mask (x: mask, where, dropped, zero): the dropped units get a gradient too
    - return dout * mask
    + return dout / dropout_param["p"]
""")
