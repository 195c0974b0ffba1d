"""Huber's loss of the scores against the label."""

from __future__ import annotations

import numpy as np

from gradcheck.losses.batch import Answer, Labels, Reduction, Scores, as_batch, reduced
from gradcheck.losses.registry import built_in

#: Where the parabola ends and the straight line begins.
DELTA = 1.0


@built_in(
    "huber",
    formula="sum_j (1{|r_j|<=1} r_j^2/2 + 1{|r_j|>1} (|r_j| - 1/2)),  r_j = s_j - 1{j=y}",
    gradient="1{|r_j|<=1} r_j + 1{r_j>1} - 1{r_j<-1}",
)
def huber(S: Scores, y: Labels, reduction: Reduction = "mean") -> Answer:
    """Huber's loss of the scores as estimates of 1{j=y}: squared when near, absolute when far.

        r_m = s_m - 1{m=y}
        L = sum_m (1{|r_m| <= d} r_m^2/2 + 1{|r_m| > d} d (|r_m| - d/2)),    d = 1

    The label's score should be 1 and every other 0; r_m is how far it is from that. This is
    the regression that one reads classes from; the scores go through no softmax.

    The two cases exclude each other, so their indicators add and each is differentiated by
    itself. 1{m=y} is a constant, dr_m/ds_j = 1{m=j}, and |r| = 1{r >= 0} r - 1{r < 0} r:

        dL/ds_j = sum_m 1{m=j} (1{|r_m| <= d} r_m + 1{|r_m| > d} d (1{r_m > 0} - 1{r_m < 0}))
                = 1{|r_j| <= d} r_j + 1{|r_j| > d} d (1{r_j > 0} - 1{r_j < 0})

    |r_j| > d and r_j > 0 is r_j > d (AND is a product), and likewise below:

        dL/ds_j = 1{|r_j| <= d} r_j + d 1{r_j > d} - d 1{r_j < -d}

    which is r_j clipped to [-d, d]. At |r_j| = d both cases have the value d^2/2 and the
    slope d, so there is no kink.

    With c the clipped r, one product covers both cases of the value: c (r - c/2).

    The mean over the batch: (dS)_ij = 1/N dL^(i)/ds_j^(i).

    S is N x C, y holds N labels; the value and dS have the dtype of S. With the
    reduction "sum" both lack the 1/N; "none" gives N values, and dS_ij = dL^(i)/ds_j^(i).
    """
    S, i, y = as_batch(S, y)
    r = S.copy()
    r[i, y] -= 1
    clipped = np.clip(r, -DELTA, DELTA)
    return reduced((clipped * (r - clipped / 2)).sum(axis=1), clipped, reduction)
