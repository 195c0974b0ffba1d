"""Every case is what it says it is, by plain central differences in place of the checker's judgement."""

import numpy as np
import pytest

from gradcheck.api import as_function
from gradcheck.config import Config
from gradcheck.errors import TargetError
from gradcheck.evaluation.objective import Objective
from gradcheck.functions.prepare import prepare
from layers import RIGHT, WRONG

STEP = 1e-5


def test_there_are_enough_cases():
    assert len(RIGHT) >= 45
    assert len(WRONG) >= 70


@pytest.mark.parametrize("name", RIGHT)
def test_gradient_of_a_right_case_is_that_of_its_value(name):
    assert wrong_inputs(RIGHT[name], N=3) == set()
    assert wrong_inputs(RIGHT[name], N=1) == set()


@pytest.mark.parametrize("name", WRONG)
def test_gradient_of_a_wrong_case_is_wrong_in_its_place_alone(name):
    case = WRONG[name]
    assert case.slip
    assert case.causes
    assert wrong_inputs(case, N=3) == set(case.place)


def wrong_inputs(case, N):
    """The inputs whose gradient is off by more than 1e-6 of its largest entry and rounding, or has another shape."""
    config = Config(batch_sizes=[N], **case.keywords, **case.beside)
    try:
        function, (problem,), _ = prepare(as_function(case.function), config)
    except TargetError as error:
        return {name for name in case.inputs if f"the gradient of {name} has shape" in str(error)}
    objective, x, arrays = Objective(function, problem.S.shape, problem.y), problem.S[0], problem.y.layout.arrays
    moves = STEP * np.eye(len(x))
    differences = np.array([objective(x + h).value - objective(x - h).value for h in moves]) / (2 * STEP)
    analytic, numerical = arrays(objective(x).gradient), arrays(differences)
    return {
        name
        for name, expected in numerical.items()
        if np.max(np.abs(analytic[name] - expected)) > 1e-6 * np.max(np.abs(expected)) + 1e-9
    }
