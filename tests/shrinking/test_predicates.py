"""The predicates: a broken contract, and a wrong gradient by a screen and by gradcheck's own check."""

import numpy as np
import pytest
from judging import hinge
from observed import changed

from gradcheck.checking.evidence import Allowance
from gradcheck.checking.problem import check_problem
from gradcheck.config import Config
from gradcheck.errors import LossDefect, OutOfTime
from gradcheck.functions.function import Function
from gradcheck.losses import BUILT_INS
from gradcheck.report import Finding
from gradcheck.sampling import problems
from gradcheck.shrinking.predicates import WrongGradient, breaks_contract
from gradcheck.shrinking.shrinker import Candidate

ONE = Config(batch_sizes=[3])
DOUBLED = changed("softmax", lambda dS, S, y: 2 * dS)


def candidate(S, y):
    return Candidate(np.array(S, dtype=float), np.array(y))


def zeros(N=2, C=3):
    return Candidate(np.zeros((N, C)), np.zeros(N, dtype=int))


def broken(loss, code, message="", at=None, calls=40):
    return breaks_contract(Allowance(Function("test", loss), calls), Finding(code, "error", message), at or zeros())


def test_another_type_of_exception_is_another_finding():
    def loss(S, y):
        raise (KeyError if len(S) > 1 else ValueError)("text")

    message = "raises KeyError: 'other text' (at batch size 8, normal(0, 1), seed 0)"
    assert broken(loss, "raises", message, zeros(N=2))
    assert not broken(loss, "raises", message, zeros(N=1))


def test_the_search_ends_when_no_call_is_left_or_the_loss_hangs():
    def hangs(S, y):
        raise LossDefect("hangs", "takes more than 1 s")

    with pytest.raises(OutOfTime):
        broken(DOUBLED, "raises", calls=0)
    with pytest.raises(OutOfTime):
        broken(hangs, "raises")


def predicate(loss, config=ONE, *, calls=2000, code="wrong", smooth=False):
    """That of a loss, as a check of the first problem would make it."""
    function = Function("test", loss)
    seen = check_problem(function, next(iter(problems(config))), config).case
    ask = Allowance(function, calls, config.dtype)
    return WrongGradient(ask, code, smooth, config.rtol, seen), ask


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("name", BUILT_INS)
def test_a_right_loss_is_not_wrong_at_random_scores(name, dtype):
    wrong, _ = predicate(BUILT_INS[name].function, Config(batch_sizes=[3], dtype=dtype), calls=4_000)
    rng = np.random.default_rng(0)
    sizes = (1, 2, 5) * 20
    assert not sum(wrong.screen(candidate(rng.normal(size=(N, 4)), rng.integers(0, 4, size=N))) for N in sizes)


@pytest.mark.parametrize(("at_ties", "is_wrong"), [(0.0, False), (0.4, False), (1.0, False), (2.0, True), (-1.0, True)])
def test_at_a_kink_what_lies_between_both_sides_is_right(at_ties, is_wrong):
    wrong, _ = predicate(hinge(at_ties), Config(batch_sizes=[3], scores="integers"))
    tie = candidate([[1.0, 0.0]], [0])
    assert wrong.screen(tie) is is_wrong
    assert (wrong.confirm(tie) is not None) is is_wrong
    assert not predicate(hinge(at_ties), smooth=True)[0].screen(tie)  # another reason than that of smooth ones


def test_a_candidate_that_raises_or_is_not_finite_fails_for_another_reason():
    def loss(S, y):
        value, dS = DOUBLED(S, y)
        if S.shape[1] == 2:
            raise ValueError("two classes")
        return (np.nan if S.shape[1] == 3 else value), dS

    wrong, _ = predicate(loss)
    assert not wrong.screen(candidate([[0.0, 1.0]], [0]))
    assert not wrong.screen(candidate([[0.0, 1.0, 2.0]], [0]))
    assert wrong.screen(candidate([[0.0, 1.0, 2.0, 3.0]], [0]))


@pytest.mark.parametrize("calls", [20, 100, 400])
def test_the_screen_leaves_the_calls_that_confirm_what_it_found_and_no_more_are_made(calls):
    wrong, ask = predicate(DOUBLED, calls=calls)
    with pytest.raises(OutOfTime):
        all(wrong.screen(zeros(1, 2)) for _ in range(100))
    assert wrong.confirm(zeros(1, 2)) is not None
    assert ask.calls <= calls
