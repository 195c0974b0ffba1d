"""Complex steps as the reference: believed where the loss is analytic, and nowhere else.

That losses which drop imaginary parts are not believed, and right ones never called wrong, is held by the corpora.
"""

import numpy as np
import pytest
from corpora.bases import softmax_of_p
from corpora.complex_scores import softmax_by_logaddexp
from judging import drawn, judged

from gradcheck.api import check_at
from gradcheck.checking.complex_step import in_question
from gradcheck.config import Config
from gradcheck.numerics.richardson import Limit
from gradcheck.numerics.verdicts import Tolerance

RTOL = 3e-14


@pytest.mark.parametrize(("factor", "wrong"), [(1.0, 0), (1.01, 1)])
def test_a_gradient_that_was_rounded_to_float32_is_granted_its_rounding(factor, wrong):
    def off(S, y):
        value, dS = softmax_of_p(S, y)
        dS[1, 2] *= S.dtype.type(factor)
        return value, dS

    S, y = drawn(0)
    (batch,) = check_at(off, S.astype(np.float32), y, Config(rtol=RTOL), reference="complex").losses[0].batches
    assert (batch.wrong, batch.unresolved) == (wrong, 0)


@pytest.mark.parametrize("weight", [0.0, 1e-10, 1e-9, 1e-8, 1e-7, 1e-5])
def test_what_a_noisy_value_hides_of_such_a_term_is_granted(weight):
    """Beside 1e8 a term of 1e-9 cannot be seen in any value: the complex step lacks it, and the gradient is right."""

    def regularized(S, y):
        value, dS = softmax_of_p(S, y)
        return value + weight * np.linalg.norm(S) ** 2 + 1e8, dS + 2 * weight * S

    for seed in range(10):
        assert "wrong" not in judged(regularized, *drawn(seed), rtol=1e-12, reference="complex").set


def test_a_loss_that_takes_no_complex_scores_costs_one_call():
    central, complex_ = (judged(softmax_by_logaddexp, *drawn(0), reference=each) for each in ("central", "complex"))
    assert not complex_.verdicts.by_complex.any()
    assert complex_.calls == central.calls + 1


@pytest.mark.parametrize(("bound", "reference", "wanted"), [
    (1e-10, "auto", False),  # as precise as rtol asks
    (5e-8, "auto", True),
    (1e-5, "central", False),
    (1e-10, "complex", True),
    (0.1, "auto", False),  # too wide to confirm a complex step
    (0.1, "complex", False),
    (np.nan, "auto", False),
])  # fmt: skip
def test_complex_steps_are_wanted_where_the_bound_is_wider_than_rtol_and_can_confirm_them(bound, reference, wanted):
    central = Limit(np.ones(1), np.array([bound]))
    assert in_question(reference, np.ones(1), central, Tolerance(1e-9)).tolist() == [wanted]
