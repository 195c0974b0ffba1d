"""Wrong losses whose dS errs in a term: the label's constant, count or sign, the regularizer, the guard of a log."""

import numpy as np

from .bases import slips
from .parts import of_labels, one_hot, softmax
from .registry import wrong


@wrong("poisson with counts from the label, without the count in dS", "missing-label-term")
def poisson_without_count(S, y):
    """The derivative of e^s - t s is taken as e^s."""
    rate = np.exp(S)
    return (rate.sum() - 2 * of_labels(S, y).sum()) / len(S), rate / len(S)


@wrong("crammer-singer, the label never pulled up", "missing-label-term")
def crammer_singer_without_label(S, y):
    """Pushes the highest class down and forgets the derivative of -s_y."""
    raised = S + 1.0 - one_hot(S, y)
    top = np.argmax(raised, axis=1)
    return np.mean(of_labels(raised, top) - of_labels(S, y)), one_hot(S, top) / len(S)


@wrong("softmax as a class, log(p + eps) with eps of 1e-5", "log-guard")
class GuardedSoftmax:
    """eps is an attribute of forward, unknown to backward."""

    def __init__(self, eps=1e-5):
        self.eps = eps

    def forward(self, S, y):
        self.p, self.y = softmax(S), y
        return -np.log(of_labels(self.p, y) + self.eps).mean()

    def backward(self):
        return (self.p - one_hot(self.p, self.y)) / len(self.p)

    def __call__(self, S, y):
        return self.forward(S, y), self.backward()


slips("""
missing-label-term | softmax_in_loops | softmax in loops, without -1{j=y}
    dS is p_j alone in every column.
    ~ dS[i, j] = p[j]
missing-label-term | squared_error | squared error, the target lost in dS
    2 s_j / N, where 2 (s_j - 1{j=y}) / N is meant.
    ~ return value, 2 * S / len(S)
missing-label-term | one_vs_all | one-vs-all, the target lost in dS
    The derivative of log(1 + e^s) is there, that of -t s is not.
    ~ return value, sigmoid(S) / len(S)
missing-label-term or label-column | svm | svm, the label's column one too many
    The label's own margin, 1 > 0, is counted with the others.
    + dS[np.arange(len(S)), y] -= 1
label-column | svm | svm, the label's column left at 0
    Zeroes the label's column of the indicator and never fills it.
    + dS[np.arange(len(S)), y] = 0
label-column | svm | svm, the label's column made of margins
    The sum of the margins stands where their count belongs.
    + dS[np.arange(len(S)), y] = -losses.sum(axis=1)
label-column | svm | svm, the label's column with the sign of the others
    += in place, where -= is meant.
    ~ dS[np.arange(len(S)), y] *= -1
    ~ dS /= len(S)
label-column | svm_in_loops | svm in loops, the label's column assigned and not added to
    = -1 for every violation, where -= 1 is meant.
    - dS[i, y[i]] -= 1
    + dS[i, y[i]] = -1
label-column | cross_entropy | softmax, the label's p lost
    -1 is assigned to the label's column, not subtracted from it.
    ~ dS[range(len(S)), y] = -1
    ~ dS /= len(S)
label-column or missing-label-term | softmax_of_p | softmax, 1 subtracted after the division by N
    p is divided by N, the label's 1 is not.
    ~ return value, p / len(S) - one_hot(S, y)
label-column | squared_hinge | squared hinge, the label's column made of a count
    Written from the hinge: the others got twice their margin, the label still gets a count.
    + dS[np.arange(len(S)), y] = -np.count_nonzero(losses, axis=1)
label-column | pairwise | pairwise ranking, the label's column averaged
    mean over the other classes, where the value takes their sum.
    + dS[np.arange(len(S)), y] /= S.shape[1]
missing-label-term or label-column | softmax_of_p | softmax, the label's one added
    p_y + 1 instead of p_y - 1.
    ~ dS = p + one_hot(S, y)
missing-regularizer | cross_entropy | softmax with a ridge, not in dS
    0.5 lam ||S||^2 in the value alone.
    ~ return value + 0.05 * np.sum(S * S), dS
missing-regularizer | svm | svm with a ridge over N, not in dS
    The mean of the squared scores' sum is in the value alone.
    ~ return value + 0.05 * np.linalg.norm(S) ** 2 / len(S), dS
missing-regularizer | squared_hinge | squared hinge with a ridge, its 2 lost
    reg * sum(S^2) in the value, reg * S in dS: half of the term is missing.
    ~ return value + 0.5 * np.sum(S**2), dS + 0.5 * S
missing-regularizer | one_vs_all | one-vs-all with a mean ridge, not in dS
    The mean of the squared scores, over all entries, is in the value alone.
    ~ return value + np.mean(S**2), dS
log-guard | softmax_of_p | softmax, log(p + 1e-8)
    The guard is in the value, and dS is that of log(p).
    ~ value = -np.sum(np.log(of_labels(p, y) + 1e-8)) / len(S)
log-guard | softmax_of_p | softmax over one-hot labels, log(p + 1e-7)
    The guard of a framework's default, for every class.
    ~ value = -np.mean(np.sum(one_hot(S, y) * np.log(p + 1e-7), axis=1))
log-guard | softmax_of_p | softmax, log(p + float32's epsilon)
    np.finfo(np.float32).eps added to every probability before the log.
    ~ value = -np.log(of_labels(p, y) + np.finfo(np.float32).eps).mean()
log-guard | softmax_in_loops | softmax in loops, log(p + 1e-3)
    A guard that is not small any more.
    ~ loss -= np.log(p[y[i]] + 1e-3)
missing-regularizer | brier | brier with a ridge in loops, not in dS
    Each entry adds its square to the value and nothing to dS.
    ~ for i, j in np.ndindex(S.shape):
    ~     value += 0.25 * S[i, j] ** 2 / len(S)
    ~ return value, dS
missing-regularizer | softmax_of_p | softmax with weight decay in dS alone
    The value lacks the term whose gradient is added.
    ~ return value, dS / len(S) + 0.01 * S
missing-label-term | cross_entropy | softmax at a temperature of 2, without -1{j=y}
    p_j / (T N) in every column.
    ~ losses, dS = cross_entropy(S / 2, y)[0], softmax(S / 2) / 2
label-column | focal | focal, 1 - p_y lost in the label's column
    dp_y/ds_y is taken as p_y.
    + dS[np.arange(len(S)), y] /= 1 - of_labels(softmax(S), y)
missing-label-term | cross_entropy | softmax with smoothed labels, only the smoothing subtracted
    Subtracts the smoothing's share of every class, and not the rest from the label.
    ~ value = np.mean(0.8 * losses - 0.2 * log_softmax(S).mean(axis=1))
    ~ return value, dS + (one_hot(S, y) - 0.2 / S.shape[1]) / len(S)
""")
