"""The notes' small examples of indicator calculus, made losses over a matrix of scores; s_1 is column 0 of S."""

import numpy as np

from gradcheck.losses.batch import Answer, Labels, Reduction, Scores, as_scores, reduced


def min_square_exp(S: Scores, y: Labels, reduction: Reduction = "mean") -> Answer:
    """Two-way selection: the smaller of two functions of two scores; y is ignored.

        L = min(s_1^2, e^{s_2})

    One of the two is selected, by two indicators of which exactly one is 1:

        L = 1{s_1^2 < e^{s_2}} s_1^2 + 1{s_1^2 >= e^{s_2}} e^{s_2}

    They do not change near s unless the two functions are equal, so they are constants:

        dL/ds_j = 1{j=1} 1{s_1^2 < e^{s_2}} 2 s_1 + 1{j=2} 1{s_1^2 >= e^{s_2}} e^{s_2}

    Where s_1^2 = e^{s_2} there is a kink: (2 s_1, 0), (0, e^{s_2}) and all between them are
    subgradients. Here it is the second, by the >= above.

    s_3 and further scores are in no term: their dS is 0. With one class, L = s_1^2.
    """
    S = as_scores(S)
    square = S[:, :1] ** 2
    with np.errstate(over="ignore"):
        exponential = np.exp(S[:, 1:2]) if S.shape[1] > 1 else np.full_like(square, np.inf)
    selects_square = square < exponential
    dS = np.zeros_like(S)
    dS[:, :1] = np.where(selects_square, 2 * S[:, :1], 0)
    dS[:, 1:2] = np.where(selects_square, 0, exponential)
    return reduced(np.minimum(square, exponential)[:, 0], dS, reduction)


def cubed_relu(S: Scores, y: Labels, reduction: Reduction = "mean") -> Answer:
    """Two-way selection in every class: the cube where it is not negative; y is ignored.

        L = sum_m max(0, s_m^3)
          = sum_m 1{s_m^3 >= 0} s_m^3

    The indicators are constants near any s that is not 0, and many-way selection leaves one
    term of the sum:

        dL/ds_j = sum_m 1{s_m^3 >= 0} 3 s_m^2 1{m=j}
                = 1{s_j^3 >= 0} 3 s_j^2

    At s_j = 0 the slope is 0 from both sides: no kink.
    """
    S = as_scores(S)
    positive = np.maximum(S, 0)
    return reduced((positive**3).sum(axis=1), 3 * positive**2, reduction)


def affine_exp(S: Scores, y: Labels, reduction: Reduction = "mean") -> Answer:
    """Grouped cases: a derivative that is another one for each score; y is ignored.

        L = 2 s_1 - 3 s_2 + e^{s_3}

        dL/ds_j = 1{j=1} 2 - 1{j=2} 3 + 1{j=3} e^{s_3}

    s_4 and further scores are in no term: their dS is 0. With fewer than three classes L has
    the terms whose scores there are. e^{s_3} overflows from about s_3 = 709.8 on.
    """
    S = as_scores(S)
    affine, exponential = S[:, :2], np.exp(S[:, 2:3])
    slopes = np.array([2, -3], dtype=S.dtype)[: affine.shape[1]]
    L = (affine * slopes).sum(axis=1) + exponential.sum(axis=1)
    dS = np.zeros_like(S)
    dS[:, :2] = slopes
    dS[:, 2:3] = exponential
    return reduced(L, dS, reduction)
