"""Whole nets: models with a dict of parameters, and functions of such a dict."""

import numpy as np
from corpora.bases import mean as softmax_loss

from layers.cases import right
from layers.dense import affine_backward, affine_forward, relu_backward, relu_forward
from layers.normalisation import batchnorm_backward, batchnorm_forward


class TwoLayerNet:
    """affine - relu - affine - softmax; loss(X) alone returns the scores."""

    def __init__(self, input_dim=4, hidden_dim=6, num_classes=5, weight_scale=0.1, reg=0.2):
        rng = np.random.default_rng(0)
        self.reg, self.params = reg, {}
        self.params["W1"] = weight_scale * rng.standard_normal((input_dim, hidden_dim))
        self.params["b1"] = np.zeros(hidden_dim)
        self.params["W2"] = weight_scale * rng.standard_normal((hidden_dim, num_classes))
        self.params["b2"] = np.zeros(num_classes)

    def loss(self, X, y=None):
        W1, b1, W2, b2 = (self.params[name] for name in ("W1", "b1", "W2", "b2"))
        h, cache1 = affine_forward(X, W1, b1)
        a, relu_cache = relu_forward(h)
        scores, cache2 = affine_forward(a, W2, b2)
        if y is None:
            return scores
        loss, dscores = softmax_loss(scores, y)
        loss += 0.5 * self.reg * (np.sum(W1 * W1) + np.sum(W2 * W2))
        grads = {}
        da, grads["W2"], grads["b2"] = affine_backward(dscores, cache2)
        dh = relu_backward(da, relu_cache)
        _, grads["W1"], grads["b1"] = affine_backward(dh, cache1)
        grads["W2"] += self.reg * W2
        grads["W1"] += self.reg * W1
        return loss, grads


PARAMS = ("params.W1", "params.b1", "params.W2", "params.b2")
right("two_layer_net_model", TwoLayerNet(), {"X": "[N, 4]", "y": "labels"}, wrt=PARAMS).slipped("""
model_regularizer_twice_too_large (params.W2: regulariz, reg *, reg·, factor): 2 reg W2, the loss has reg/2 W2^2
    - grads["W2"] += self.reg * W2
    + grads["W2"] += 2 * self.reg * W2
model_regularizer_of_w2_forgotten (params.W2: regulariz, reg *, reg·): the regularizer of W2 is forgotten
    - grads["W2"] += self.reg * W2
model_no_relu (params.W1 params.b1: relu, mask, where): the hidden layer's ReLU is forgotten
    ~ dh = da
model_relu_of_the_gradient (params.W1 params.b1: relu, mask, where): masks by the gradient's sign
    ~ dh = relu_backward(da, da)
""")


def two_layer_loss(params, X, y, reg):
    """The same by hand, over a dict of parameters."""
    W1, b1, W2, b2 = params["W1"], params["b1"], params["W2"], params["b2"]
    N = X.shape[0]
    z1 = X.dot(W1) + b1
    a1 = np.maximum(0, z1)
    scores = a1.dot(W2) + b2
    probs = np.exp(scores) / np.sum(np.exp(scores), axis=1, keepdims=True)
    loss = np.sum(-np.log(probs[range(N), y])) / N + reg * (np.sum(W1 * W1) + np.sum(W2 * W2))
    dscores = probs
    dscores[range(N), y] -= 1
    dscores /= N
    dW2 = np.dot(a1.T, dscores) + 2 * reg * W2
    db2 = np.sum(dscores, axis=0)
    dhidden = np.dot(dscores, W2.T)
    dhidden[z1 <= 0] = 0
    dW1 = np.dot(X.T, dhidden) + 2 * reg * W1
    db1 = np.sum(dhidden, axis=0)
    return loss, {"W1": dW1, "b1": db1, "W2": dW2, "b2": db2}


DICT = {"params.W1": "[D, H]", "params.b1": "[H]", "params.W2": "[H, C]", "params.b2": "[C]"}
DATA = {"X": "[N, D]", "y": "labels", "reg": 0.05}
right("two_layer_net_dict", two_layer_loss, {**DICT, **DATA}, wrt=tuple(DICT), sizes={"H": 6}).slipped("""
net_regularizer_without_2 (params.W1: regulariz, reg *, reg·, factor): dW1 has reg * W1 where the loss has reg * W1^2
    ~ dW1 = np.dot(X.T, dhidden) + reg * W1
net_hidden_before_relu (params.W2: relu, where, mask): dW2 uses the hidden layer before its ReLU
    ~ dW2 = np.dot(z1.T, dscores) + 2 * reg * W2
net_no_mean (params.W1 params.b1 params.W2 params.b2: mean, 1/N, averag, factor): nothing is divided by N
    - dscores /= N
net_db1_before_relu (params.b1: relu, mask, where): db1 is summed before the mask
    ~ db1 = np.sum(np.dot(dscores, W2.T), axis=0)
""")


def batchnorm_net(params, bn_param, X, t):
    """affine - batch norm - relu - sum to one output; squared error; bn_param is written to at every call."""
    h, fc_cache = affine_forward(X, params["W"], 0)
    n, bn_cache = batchnorm_forward(h, params["gamma"], params["beta"], bn_param)
    a, relu_cache = relu_forward(n)
    error = a @ params["v"] - t
    grads = {"v": a.T @ error}
    dn = relu_backward(np.outer(error, params["v"]), relu_cache)
    dh, grads["gamma"], grads["beta"] = batchnorm_backward(dn, bn_cache)
    _, grads["W"], _ = affine_backward(dh, fc_cache)
    return 0.5 * np.sum(error**2), grads


BN_PARAMS = {"params.W": "[3, H]", "params.gamma": "normal(1, 0.3) [H]", "params.beta": "[H]", "params.v": "[H]"}
BN_DATA = {"bn_param": {"mode": "train", "eps": 0.01}, "X": "[N, 3]", "t": "[N]"}
right("batchnorm_net", batchnorm_net, {**BN_PARAMS, **BN_DATA}, wrt=tuple(BN_PARAMS)).slipped("""
batchnorm_net_exchanged (params.gamma params.beta: exchang, swap): takes dgamma for dbeta and the reverse
    - dh, grads["gamma"], grads["beta"] = batchnorm_backward(dn, bn_cache)
    + dh, grads["beta"], grads["gamma"] = batchnorm_backward(dn, bn_cache)
batchnorm_net_skips_the_norm (params.W: normali, factor): dW does not pass the normalisation
    - _, grads["W"], _ = affine_backward(dh, fc_cache)
    + _, grads["W"], _ = affine_backward(dn, fc_cache)
""")
