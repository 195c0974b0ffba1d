"""What losses become that are a sum over classes, each with its own score alone."""

from __future__ import annotations

import numpy as np

from gradcheck.diagnosis.known import IntArray
from gradcheck.diagnosis.relatives.registry import indicator, relative, sigmoid
from gradcheck.report import FloatArray


@relative(
    "one-vs-all",
    "sum_j log(1 + e^{s_j})",
    in_value="-s_y is missing in the value",
    in_gradient="-1{j=y} is missing in dS",
)
def without_label(S: FloatArray, y: IntArray) -> tuple[FloatArray, FloatArray]:
    """dL/ds_j = g(s_j) = 1 / (1 + e^{-s_j})."""
    return np.logaddexp(0, S).sum(axis=1), sigmoid(S)


@relative(
    "one-vs-all",
    "sum_j (g_j - 1{j=y})^2, g_j = 1 / (1 + e^{-s_j})",
    in_value="the value has squared differences where logarithms belong",
    in_gradient="dS is that of squared differences, where logarithms belong",
)
def squared_sigmoid(S: FloatArray, y: IntArray) -> tuple[FloatArray, FloatArray]:
    """dL/ds_j = 2 (g_j - 1{j=y}) g_j (1 - g_j)."""
    g = sigmoid(S)
    r = g - indicator(S, y)
    return (r**2).sum(axis=1), 2 * r * g * sigmoid(-S)


@relative(
    "huber",
    "sum_j (s_j - 1{j=y})^2 / 2",
    in_value="the straight parts are missing in the value: it is squared throughout",
    in_gradient="the straight parts are missing in dS: r_j is not clipped",
)
def squared_error(S: FloatArray, y: IntArray) -> tuple[FloatArray, FloatArray]:
    """dL/ds_j = s_j - 1{j=y}."""
    r = S - indicator(S, y)
    return (r**2).sum(axis=1) / 2, r
