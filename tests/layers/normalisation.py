"""Batch, layer, group and other normalisations."""

import numpy as np

from layers.cases import right


def batchnorm_forward(x, gamma, beta, bn_param):
    """Train mode normalises by the batch and keeps running means in bn_param; test mode uses them."""
    mode, eps, momentum = bn_param["mode"], bn_param.get("eps", 1e-5), bn_param.get("momentum", 0.9)
    running_mean = bn_param.get("running_mean", np.zeros(x.shape[1]))
    running_var = bn_param.get("running_var", np.zeros(x.shape[1]))
    if mode == "train":
        mu, var = x.mean(axis=0), x.var(axis=0)
        bn_param["running_mean"] = momentum * running_mean + (1 - momentum) * mu
        bn_param["running_var"] = momentum * running_var + (1 - momentum) * var
    else:
        mu, var = running_mean, running_var
    xhat = (x - mu) / np.sqrt(var + eps)
    return gamma * xhat + beta, (mode, x, xhat, mu, var, gamma, eps)


def batchnorm_backward(dout, cache):
    mode, x, xhat, mu, var, gamma, eps = cache
    N = x.shape[0]
    dgamma = np.sum(dout * xhat, axis=0)
    dbeta = np.sum(dout, axis=0)
    dxhat = dout * gamma
    std = np.sqrt(var + eps)
    if mode == "test":
        return dxhat / std, dgamma, dbeta
    dvar = np.sum(dxhat * (x - mu) * -0.5 * std**-3, axis=0)
    dmu = np.sum(-dxhat / std, axis=0)
    dx = dxhat / std + dvar * 2 * (x - mu) / N + dmu / N
    return dx, dgamma, dbeta


PARAMETERS = {"gamma": "normal(1, 0.3) [D]", "beta": "[D]"}
BN_INPUTS = {"x": "normal(1, 2) [N, D]", **PARAMETERS, "bn_param": {"mode": "train", "eps": 0.01}}
WRT = ("x", "gamma", "beta")
right("batchnorm_train", batchnorm_forward, BN_INPUTS, wrt=WRT, backward=batchnorm_backward).slipped("""
batchnorm_dgamma_dbeta_exchanged (gamma beta: exchang, swap): dgamma and dbeta are returned in each other's place
    - return dx, dgamma, dbeta
    + return dx, dbeta, dgamma
batchnorm_no_path_over_the_mean (x: mean, lost, missing, term): dx lacks the mean's part
    ~ dx = dxhat / std + dvar * 2 * (x - mu) / N
batchnorm_constant_statistics (x: mean, variance, constant, lost, missing): mean and variance are taken as constants
    ~ dx = dxhat / std
batchnorm_no_2 (x: variance, factor, lost, missing): the variance's derivative lacks its factor 2
    ~ dx = dxhat / std + dvar * (x - mu) / N + dmu / N
batchnorm_eps_outside (x: eps, factor): in the backward eps stands outside the root
    ~ std = np.sqrt(var) + eps
batchnorm_no_gamma (x: by gamma, factor): dx does not multiply dout by gamma
    ~ dxhat = dout
batchnorm_dgamma_of_x (gamma: xhat, normali, factor, extra): dgamma sums dout * x, not dout * xhat
    ~ dgamma = np.sum(dout * x, axis=0)
""")

RUNNING = {"running_mean": np.array([0.5, -1.0, 2.0, 0.1]), "running_var": np.array([1.0, 0.3, 4.0, 2.0])}
TEST_INPUTS = {**BN_INPUTS, "bn_param": {"mode": "test", **RUNNING}}
right("batchnorm_test", batchnorm_forward, TEST_INPUTS, wrt=WRT, backward=batchnorm_backward).slipped("""
batchnorm_test_as_train (x: mean, mode, extra, constant): test mode has the backward of train mode
    - if mode == "test":
    - return dxhat / std, dgamma, dbeta
""")


def batchnorm_backward_alt(dout, cache):
    """The short formula, for train mode."""
    _, x, xhat, _, var, gamma, eps = cache
    N = len(x)
    dbeta, dgamma = dout.sum(0), (dout * xhat).sum(0)
    return gamma / np.sqrt(var + eps) / N * (N * dout - dbeta - xhat * dgamma), dgamma, dbeta


right("batchnorm_alt", batchnorm_forward, BN_INPUTS, wrt=WRT, backward=batchnorm_backward_alt)


def layernorm_forward(x, gamma, beta, ln_param):
    mu, var = x.mean(axis=1, keepdims=True), x.var(axis=1, keepdims=True)
    std = np.sqrt(var + ln_param.get("eps", 1e-5))
    xhat = (x - mu) / std
    return gamma * xhat + beta, (xhat, std, gamma)


def layernorm_backward(dout, cache):
    xhat, std, gamma = cache
    D = dout.shape[1]
    dgamma = np.sum(dout * xhat, axis=0)
    dbeta = np.sum(dout, axis=0)
    d = dout * gamma
    dx = D * d - np.sum(d, axis=1, keepdims=True) - xhat * np.sum(d * xhat, axis=1, keepdims=True)
    return dx / std / D, dgamma, dbeta


LN_INPUTS = {"x": "normal(1, 2) [N, D]", **PARAMETERS, "ln_param": {}}
right("layernorm", layernorm_forward, LN_INPUTS, wrt=WRT, backward=layernorm_backward).slipped("""
layernorm_batch_axis (x: axis, summed): the sums in dx run over the batch, as in batch norm
    ~ dx = D * d - np.sum(d, axis=0, keepdims=True) - xhat * np.sum(d * xhat, axis=0, keepdims=True)
layernorm_batch_size (x: mean, 1/N): dx has the batch size in the place of D
    ~ D = dout.shape[0]
layernorm_mean_over_the_batch (gamma beta: mean, averag, 1/N, factor): dgamma and dbeta are means, not sums
    ~ dgamma = np.mean(dout * xhat, axis=0)
    ~ dbeta = np.mean(dout, axis=0)
""")


def groupnorm_forward(x, gamma, beta, G, gn_param):
    """x: (N, C, H, W) in G groups of channels; gamma and beta: (1, C, 1, 1)."""
    groups = x.reshape(x.shape[0] * G, -1)
    mu, var = groups.mean(1, keepdims=True), groups.var(1, keepdims=True)
    istd = 1 / np.sqrt(var + gn_param.get("eps", 1e-5))
    xhat = ((groups - mu) * istd).reshape(x.shape)
    return gamma * xhat + beta, (xhat, istd, gamma)


def groupnorm_backward(dout, cache):
    xhat, istd, gamma = cache
    dgamma = np.sum(dout * xhat, axis=(0, 2, 3), keepdims=True)
    dbeta = np.sum(dout, axis=(0, 2, 3), keepdims=True)
    d, h = (dout * gamma).reshape(len(istd), -1), xhat.reshape(len(istd), -1)
    dx = istd * (d - d.mean(1, keepdims=True) - h * (d * h).mean(1, keepdims=True))
    return dx.reshape(dout.shape), dgamma, dbeta


GAMMA_BETA = {"gamma": "normal(1, 0.3) [1, 4, 1, 1]", "beta": "[1, 4, 1, 1]"}
GN_INPUTS = {"x": "[N, 4, 2, 3]", **GAMMA_BETA, "G": 2, "gn_param": {}}
right("groupnorm", groupnorm_forward, GN_INPUTS, wrt=WRT, backward=groupnorm_backward).slipped("""
groupnorm_no_mean (x: mean, lost, missing, term): dx lacks the path over the group's mean
    ~ dx = istd * (d - h * (d * h).mean(1, keepdims=True))
groupnorm_no_keepdims (beta: shape): keepdims is forgotten, so that dbeta is (4,) and beta (1, 4, 1, 1)
    ~ dbeta = np.sum(dout, axis=(0, 2, 3))
""")


def spatial_batchnorm_forward(x, gamma, beta, bn_param):
    N, C, H, W = x.shape
    out, cache = batchnorm_forward(x.transpose(0, 2, 3, 1).reshape(-1, C), gamma, beta, bn_param)
    return out.reshape(N, H, W, C).transpose(0, 3, 1, 2), cache


def spatial_batchnorm_backward(dout, cache):
    N, C, H, W = dout.shape
    dx, dgamma, dbeta = batchnorm_backward(dout.transpose(0, 2, 3, 1).reshape(-1, C), cache)
    dx = dx.reshape(N, H, W, C).transpose(0, 3, 1, 2)
    return dx, dgamma, dbeta


SPATIAL = {**BN_INPUTS, "x": "[N, D, 2, 3]"}
right("spatial_batchnorm", spatial_batchnorm_forward, SPATIAL, wrt=WRT, backward=spatial_batchnorm_backward).slipped("""
spatial_batchnorm_not_transposed_back (x: transpos, permut, order, reshape): dx is reshaped, not transposed back
    ~ dx = dx.reshape(dout.shape)
""")
