"""What the hinges become: losses on s_m - s_y + 1."""

from __future__ import annotations

import numpy as np

from gradcheck.diagnosis.known import IntArray
from gradcheck.diagnosis.relatives.registry import indicator, margins, relative
from gradcheck.report import FloatArray


def _margin_losses(S: FloatArray, y: IntArray, values: FloatArray, slopes: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Rows' sums over m != y of functions of s_m - s_y + 1, whose values and slopes are N x C."""
    others = 1 - indicator(S, y)
    dL = slopes * others
    return (values * others).sum(axis=1), dL - indicator(S, y) * dL.sum(axis=1, keepdims=True)


@relative(
    "svm",
    "sum_{m!=y} (s_m - s_y + 1)",
    in_value="max(0, .) is missing in the value",
    in_gradient="the indicator q_{j,y} = 1{s_j - s_y + 1 > 0} is missing in dS (max(0, .) is not differentiated)",
)
def without_max(S: FloatArray, y: IntArray) -> tuple[FloatArray, FloatArray]:
    """dL/ds_j = 1{j!=y} - 1{j=y} (C - 1)."""
    margin = margins(S, y)
    return _margin_losses(S, y, margin, np.ones_like(S))


@relative(
    "svm",
    "sum_{m!=y} max(0, s_m - s_y)",
    in_value="the 1 of the margin s_m - s_y + 1 is missing in the value",
    in_gradient="the 1 of the margin s_m - s_y + 1 is missing in dS",
)
def without_one(S: FloatArray, y: IntArray) -> tuple[FloatArray, FloatArray]:
    """dL/ds_j as the svm's, with q_{m,y} = 1{s_m - s_y > 0}."""
    margin = margins(S, y) - 1
    return _margin_losses(S, y, np.maximum(margin, 0), (margin > 0).astype(np.float64))


@relative(
    "svm",
    "max(0, sum_{m!=y} (s_m - s_y + 1))",
    in_value="max(0, .) is taken of the sum in the value, not of each margin",
    in_gradient="max(0, .) is taken of the sum in dS, not of each margin",
)
def max_of_sum(S: FloatArray, y: IntArray) -> tuple[FloatArray, FloatArray]:
    """dL/ds_j = 1{sum_{m!=y} (s_m - s_y + 1) > 0} (1{j!=y} - 1{j=y} (C - 1))."""
    total, dL = without_max(S, y)
    return np.maximum(total, 0), (total > 0)[:, np.newaxis] * dL


@relative(
    "svm",
    "sum_{m!=y} max(0, s_y - s_m + 1)",
    in_value="s_m and s_y are exchanged in the value's margins",
    in_gradient="s_m and s_y are exchanged in the margins that dS is made of",
)
def exchanged(S: FloatArray, y: IntArray) -> tuple[FloatArray, FloatArray]:
    """dL/ds_j = -1{j!=y} q_{j,y} + 1{j=y} sum_{m!=y} q_{m,y}, with q_{m,y} = 1{s_y - s_m + 1 > 0}."""
    margin = 2 - margins(S, y)
    return _margin_losses(S, y, np.maximum(margin, 0), -(margin > 0).astype(np.float64))


@relative(
    "squared-hinge",
    "sum_{m!=y} (s_m - s_y + 1)^2",
    in_value="max(0, .) is missing in the value",
    in_gradient="max(0, .) is missing in dS",
)
def squared_without_max(S: FloatArray, y: IntArray) -> tuple[FloatArray, FloatArray]:
    """dL/ds_j = 1{j!=y} 2 (s_j - s_y + 1) - 1{j=y} sum_{m!=y} 2 (s_m - s_y + 1)."""
    margin = margins(S, y)
    return _margin_losses(S, y, margin**2, 2 * margin)
