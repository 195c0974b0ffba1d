"""Wrong losses whose dS is the gradient of another function than the value, or of none: then J is not symmetric."""

import numpy as np

from .bases import slips
from .registry import wrong


@wrong("cubed relu, the relu lost in dS", "value-of-another-loss")
def cubed_relu_everywhere(S, y):
    """3 s^2 also where s is negative."""
    return np.sum(np.maximum(S, 0) ** 3) / len(S), 3 * S**2 / len(S)


slips("""
gradient-of-another-loss | softmax_of_p | softmax without the log
    The value is -p_y, dS is that of -log p_y.
    ~ value = -of_labels(p, y).mean()
gradient-of-another-loss or value-of-another-loss | softmax_of_p | brier over softmax, dS of the cross-entropy
    The squared error of the probabilities beside p - 1{j=y}.
    ~ value = np.sum(dS**2) / len(S)
gradient-of-another-loss | svm_in_loops | svm in loops, max(0, .) lost in the value
    The margin is added before it is looked at.
    - if j != y[i] and margin > 0:
    + loss += margin * (j != y[i])
    + if j != y[i] and margin > 0:
    - loss += margin
gradient-of-another-loss or value-of-another-loss | squared_hinge | hinge in the value, squared hinge in dS
    The square was added to the backward pass only.
    ~ value = margins_of(S, y).sum() / len(S)
gradient-of-another-loss | cross_entropy | the error rate, dS of the cross-entropy
    What is reported is returned: the part of wrong answers.
    ~ value = np.mean(S.argmax(axis=1) != y)
gradient-of-another-loss or batch-size-dependent | cross_entropy | log of the batch's mean p_y
    -log(mean p_y), where the mean of -log p_y is meant.
    ~ value = -np.log(np.mean(np.exp(-losses)))
gradient-of-another-loss | cross_entropy | perplexity, dS of its logarithm
    exp of the mean cross-entropy is returned, and the chain rule through exp is not.
    ~ return np.exp(value), dS
value-of-another-loss | svm | svm, max(0, .) lost in dS
    Every other class gets 1, the label -(C - 1).
    ~ return value, balanced(np.ones(S.shape), y) / len(S)
value-of-another-loss | svm | svm, delta subtracted in dS
    s_j - s_y - 1 > 0 in dS, s_j - s_y + 1 in the value.
    ~ return value, balanced(np.where(S - of_labels(S, y)[:, None] - 1 > 0, 1.0, 0.0), y) / len(S)
value-of-another-loss | brier | brier over softmax, the softmax's Jacobian lost
    2 (p - 1{j=y}) is the derivative by p, not by s.
    ~ return value, 2 * (softmax(S) - one_hot(S, y)) / len(S)
value-of-another-loss | cross_entropy | softmax, dS normalised over the rows
    axis=0 in dS.
    ~ return value, (np.exp(S) / np.exp(S).sum(axis=0) - one_hot(S, y)) / len(S)
value-of-another-loss | softmax_of_p | softmax, dS for the predicted class
    1 is subtracted at argmax, not at y.
    ~ dS = p - one_hot(S, p.argmax(axis=1))
gradient-of-another-loss | svm_of_margins | svm, max(0, .) lost in the value
    Negative margins are added up with the others; dS knows better.
    ~ return (S - of_labels(S, y)[:, np.newaxis] + 1 - one_hot(S, y)).sum() / len(S), dS / len(S)
not-a-gradient or value-of-another-loss | brier | brier over softmax, the inner sum lost
    2 p r, without - 2 p sum p r: the diagonal of the softmax's Jacobian alone.
    ~ return value, 2 * softmax(S) * (softmax(S) - one_hot(S, y)) / len(S)
not-a-gradient | cross_entropy | softmax weighted by the entropy of p, the weight a constant in dS
    Uncertain rows weigh more; only the cross-entropy is derived.
    ~ weight = -np.sum(np.exp(log_softmax(S)) * log_softmax(S), axis=1)
    ~ return np.mean(weight * losses), weight[:, None] * dS
row-factor | one_vs_all | one-vs-all, dS scaled to a norm of 1
    A normalised step is returned for a gradient.
    ~ return value, dS / np.linalg.norm(dS)
not-a-gradient or value-of-another-loss | softmax_of_p | softmax, p multiplied by the label's p once too often
    p_y p_j - 1{j=y}: a factor of the Jacobian is left where 1/p_y cancels it.
    ~ dS = of_labels(p, y)[:, None] * p - one_hot(S, y)
not-a-gradient | cross_entropy | softmax of centred columns, the centring lost in dS
    The batch's mean is subtracted from every column and taken for a constant in dS.
    ~ losses, dS = cross_entropy(S - S.mean(axis=0), y)
row-factor | pairwise | pairwise ranking, each row's gradient clipped by its norm
    Clipping belongs to the optimiser; here it is inside the loss.
    - dS /= len(S)
    + dS *= np.minimum(1, 0.5 / np.linalg.norm(dS, axis=1, keepdims=True)) / len(S)
gradient-of-another-loss | huber | huber, the cap lost in dS
    r everywhere, where sign(r) is meant outside [-1, 1].
    ~ return value, (S - one_hot(S, y)) / len(S)
gradient-of-another-loss or missing-label-term | cross_entropy | softmax, -s_y lost in the value
    The value is log sum e^s, dS that of log sum e^s - s_y.
    ~ value = np.mean(losses + of_labels(S, y))
row-factor | cross_entropy | focal with a gamma of 1.5, its weight a constant in dS
    (1 - p_y)^gamma is taken for a constant in dS, which makes it the gradient of another function of p_y.
    ~ weight = (1 - np.exp(-losses)) ** 1.5
    ~ return np.mean(weight * losses), weight[:, None] * dS
row-factor | cross_entropy | focal, its weight a constant in dS
    (1 - p_y)^gamma is taken for a constant in dS, which makes it the gradient of another function of p_y.
    ~ weight = (1 - np.exp(-losses)) ** 2.0
    ~ return np.mean(weight * losses), weight[:, None] * dS
gradient-of-another-loss | squared_error | squared error of sigmoids, their derivative lost
    2 (sigmoid - t), without sigmoid (1 - sigmoid).
    ~ losses, dS = squared_error(sigmoid(S), y)
gradient-of-another-loss or value-of-another-loss | cross_entropy | smoothed labels in the value, hard ones in dS
    The smoothing was added to the value only.
    ~ value = np.mean(0.9 * losses - 0.1 * log_softmax(S).mean(axis=1))
not-a-gradient | cross_entropy | softmax of standardised rows, mean and deviation constants in dS
    Divides by the deviation and drops the derivatives of the mean and of the deviation.
    ~ deviation = np.sqrt(S.var(axis=1, keepdims=True) + 1e-5)
    ~ losses, dS = cross_entropy((S - S.mean(axis=1, keepdims=True)) / deviation, y)
    + dS /= deviation
not-a-gradient | squared_error | squared error of normalised rows, the norm a constant in dS
    z = s / ||s||, and the projection that its derivative needs is forgotten.
    ~ norm = np.sqrt((S**2).sum(axis=1, keepdims=True) + 1e-8)
    ~ losses, dS = squared_error(S / norm, y)
    + dS /= norm
""")
