"""What hypothesis draws for evidence: losses, seeds, numbers of classes."""

from hypothesis import settings
from hypothesis import strategies as st

#: An example makes six problems: fewer of them, and no clock.
few_examples = settings(deadline=None, max_examples=40)

#: Losses whose rows have enough to say for every rule.
smooth_losses = st.sampled_from(["softmax", "one-vs-all", "brier", "squared-hinge", "label-smoothing"])
some_losses = st.sampled_from(["softmax", "one-vs-all", "brier", "svm", "squared-hinge", "label-smoothing"])
seeds = st.integers(0, 10_000)
class_counts = st.integers(3, 8)
#: Losses of which every row has a gradient: a row that has none says nothing.
dense_losses = st.sampled_from(["softmax", "one-vs-all", "brier", "label-smoothing"])
