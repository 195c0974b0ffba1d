"""A loss at one problem as a function of a flat vector: counted, rounded, and its inputs left alone."""

import numpy as np
import pytest
from judging import objective_of

from gradcheck.errors import LossDefect

S = np.array([[0.5, -1.0], [2.0, 0.25], [0.0, 0.0]])
X = S.ravel()


def square(scores, labels):
    return float((scores**2).sum()), 2 * scores


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_value_and_flat_gradient_of_a_loss_that_gets_the_dtype_asked_for_and_may_spoil_its_arrays(dtype):
    seen = []

    def spoils(scores, labels):
        seen.append(scores.dtype)
        answer = square(scores, labels)
        scores[:], labels[:] = np.nan, -1
        return answer

    objective, x = objective_of(spoils, S.shape, dtype=dtype), X.copy()
    answer = objective(x)
    assert (answer.value, answer.gradient.tolist(), objective.calls) == (5.3125, (2 * X).tolist(), 1)
    objective.ask("whole", x, np.arange(6), np.ones(6))
    assert seen == [dtype] * 7
    assert np.array_equal(x, X)
    assert objective.labels.tolist() == [0, 0, 0]


@pytest.mark.parametrize(
    "answer",
    [
        lambda: (1.0, np.zeros((3, 3))),
        lambda: (1.0, None),
        lambda: 1.0,
        lambda: (1.0, np.zeros((3, 2), dtype=complex)),
        lambda: 1 / 0,
    ],
)
def test_an_answer_that_breaks_the_contract_is_a_defect_however_it_is_asked_for_and_its_call_is_counted(answer):
    objective = objective_of(lambda scores, labels: answer(), S.shape)
    asked = objective, objective.without_copy, lambda x: objective.ask("whole", x, np.array([0]), np.array([1.0]))
    for ask in asked:
        with pytest.raises(LossDefect):
            ask(X.copy())
    assert objective.calls == 3
