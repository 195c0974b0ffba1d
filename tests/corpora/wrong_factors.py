"""Wrong losses whose dS is a number times the gradient: -1, N, 1/N, or another constant."""

import numpy as np

from .bases import slips
from .parts import log_softmax
from .registry import wrong


@wrong("entropy, its negative's gradient", "sign-flipped")
def entropy_sign(S, y):
    """dS is the gradient of sum p log p; the value is the entropy, with a minus."""
    log_p = log_softmax(S)
    p = np.exp(log_p)
    H = -np.einsum("ij,ij->i", p, log_p)
    return H.mean(), p * (log_p + H[:, None]) / len(S)


slips("""
sign-flipped | cross_entropy | softmax, the direction of ascent
    dS is the gradient of the log-likelihood; the value is its negative.
    ~ return value, -dS
sign-flipped | svm_in_loops | svm in loops, plus and minus exchanged
    Takes 1 from the class that violates and gives it to the label.
    - dS[i, j] += 1
    + dS[i, j] -= 1
    - dS[i, y[i]] -= 1
    + dS[i, y[i]] += 1
sign-flipped | pairwise | pairwise ranking, roles exchanged
    The label's score is pushed down and every other one up.
    ~ return value, -dS
sign-flipped | squared_error | squared error, target minus score
    The derivative of (s - t)^2 is taken as 2 (t - s).
    ~ return value, 2 * (one_hot(S, y) - S) / len(S)
missing-mean | svm_in_loops | svm in loops, dS not divided
    Divides the value by N and forgets dS.
    ~ return loss / len(S), dS
missing-mean | cross_entropy | softmax, dS not divided
    Takes the mean of the losses and returns p - 1{j=y} as it is.
    - dS /= len(S)
missing-mean | svm_of_margins | svm, counts left as integers and not divided
    Returns the counts of violations themselves, integers.
    ~ dS = (margins > 0).astype(int)
    ~ return margins.sum() / len(S), dS
missing-mean or constant-factor or batch-size-dependent | cross_entropy | softmax, the batch size written as 8
    dS / 8, whatever N is; the value is the mean.
    ~ dS /= 8
averaged-twice | cross_entropy | softmax, divided twice
    Divides p - 1{j=y} by N, and once more on return.
    ~ return value, dS / len(S)
averaged-twice | svm | svm, the value a sum beside a mean's gradient
    Forgets 1/N in the value alone.
    ~ value = losses.sum()
constant-factor | squared_error | squared error, the 2 lost
    The exponent does not come down.
    ~ return value, dS / 2
constant-factor | squared_hinge | squared hinge, the 2 lost
    dS is made of margins, and not of twice the margins.
    ~ return value, dS / 2
constant-factor | squared_error | mean squared error over all entries, dS over rows
    np.mean divides by N C, the gradient by N.
    ~ value = np.mean(losses)
constant-factor | softmax_of_p | softmax in bits, dS in nats
    log2 in the value, and the gradient of the natural logarithm.
    ~ value = -np.log2(of_labels(p, y)).mean()
constant-factor | one_vs_all | one-vs-all, dS averaged over classes
    The value is summed over classes; dS.size divides dS.
    ~ dS /= dS.size
constant-factor | cross_entropy | softmax at a temperature of 4, its 1/T lost
    The chain rule through s / T is forgotten.
    ~ losses, dS = cross_entropy(S / 4, y)
missing-mean | squared_hinge | squared hinge, dS not divided
    Its backward pass knows nothing of the mean that its forward pass takes.
    - dS /= len(S)
averaged-twice | huber | huber, the weight of a row squared
    Multiplies by the row's weight 1/N in the residual's derivative and in the sum's.
    ~ return value, dS / len(S)
constant-factor | focal | focal, alpha in the value alone
    The balance alpha = 0.25 weighs the value and not dS.
    ~ value = 0.25 * losses.sum() / len(S)
sign-flipped | one_vs_all | one-vs-all, minus of the chain rule lost
    Forgets the minus that -t brings out of exp(-t s).
    ~ return value, -dS
missing-mean | brier | brier, dS not divided
    The Jacobian of the softmax is applied, the 1/N is not.
    - dS /= len(S)
averaged-twice | one_vs_all | one-vs-all, divided inside and after
    Each entry is divided by N where it is made, and all of them again at the end.
    ~ return value, dS / len(S)
missing-mean | in_batch_contrastive | in-batch contrastive, dS not divided
    Rows compete for each row's class; dS is of the sum over rows.
    ~ return -np.trace(log_share) / len(S), dS - one_hot(S, y)
""")
