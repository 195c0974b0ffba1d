"""What the softmax cross-entropy becomes; p_j = e^{s_j} / sum_m e^{s_m}."""

from __future__ import annotations

import numpy as np

from gradcheck.diagnosis.known import IntArray
from gradcheck.diagnosis.relatives.registry import at, indicator, log_sum_exp, relative, softmax
from gradcheck.report import FloatArray


@relative(
    "softmax",
    "-p_y",
    in_value="the log is missing in the value",
    in_gradient="the log is not differentiated: the factor 1/p_y is missing in dS",
)
def minus_p_y(S: FloatArray, y: IntArray) -> tuple[FloatArray, FloatArray]:
    """dL/ds_j = p_y (p_j - 1{j=y})."""
    p, t = softmax(S), indicator(S, y)
    p_y = at(p, y)
    return -p_y, p_y[:, np.newaxis] * (p - t)


@relative(
    "softmax",
    "log(sum_m e^{s_m})",
    in_value="-s_y is missing in the value",
    in_gradient="-1{j=y} is missing in dS",
)
def label_lost(S: FloatArray, y: IntArray) -> tuple[FloatArray, FloatArray]:
    """dL/ds_j = p_j."""
    return log_sum_exp(S), softmax(S)


@relative(
    "softmax",
    "-s_y",
    in_value="log(sum_m e^{s_m}) is missing in the value",
    in_gradient="p_j is missing in dS",
)
def minus_s_y(S: FloatArray, y: IntArray) -> tuple[FloatArray, FloatArray]:
    """dL/ds_j = -1{j=y}."""
    return -at(S, y), -indicator(S, y)


@relative(
    "softmax",
    "sum_m e^{s_m} - s_y",
    in_value="the log of the sum is missing in the value",
    in_gradient="the division by sum_m e^{s_m} is missing in dS",
)
def sum_exp(S: FloatArray, y: IntArray) -> tuple[FloatArray, FloatArray]:
    """dL/ds_j = e^{s_j} - 1{j=y}."""
    e = np.exp(S)
    return e.sum(axis=1) - at(S, y), e - indicator(S, y)


@relative(
    "softmax",
    "-sum_m log p_m",
    in_value="-log p is summed over all classes: the label's is not selected in the value",
    in_gradient="-log p of all classes is differentiated: the label's is not selected in dS",
)
def all_logs(S: FloatArray, y: IntArray) -> tuple[FloatArray, FloatArray]:
    """dL/ds_j = C p_j - 1."""
    C = S.shape[1]
    return C * log_sum_exp(S) - S.sum(axis=1), C * softmax(S) - 1


@relative(
    "softmax",
    "-p_y log p_y",
    in_value="p_y stands before the log in the value, where 1 belongs",
    in_gradient="p_y stands before the log in dS, where 1 belongs",
)
def weighted_log(S: FloatArray, y: IntArray) -> tuple[FloatArray, FloatArray]:
    """dL/ds_j = (1 + log p_y) p_y (p_j - 1{j=y})."""
    p_y, log_p_y = at(softmax(S), y), at(S, y) - log_sum_exp(S)
    weight = (1 + log_p_y) * p_y
    return -p_y * log_p_y, weight[:, np.newaxis] * (softmax(S) - indicator(S, y))


@relative(
    "softmax",
    "1{argmax_m s_m != y}",
    in_value="the value is the rate of errors, whose gradient is 0",
    in_gradient="",
)
def error_rate(S: FloatArray, y: IntArray) -> tuple[FloatArray, FloatArray]:
    """dL/ds_j = 0."""
    return (S.argmax(axis=1) != y).astype(np.float64), np.zeros_like(S)
