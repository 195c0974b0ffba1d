"""The predicate for a broken contract."""

from __future__ import annotations

import numpy as np
import pytest

from gradcheck.diagnosis.evidence import Allowance, Spent
from gradcheck.functions.function import Function
from gradcheck.report import Finding
from gradcheck.shrinking.candidate import Candidate
from gradcheck.shrinking.contracts import StillBroken


def broken(loss, code, message="", calls=40) -> tuple[StillBroken, Allowance]:
    ask = Allowance(Function("test", loss), calls)
    return StillBroken(ask, Finding(code, "error", message)), ask


def candidate(N=2, C=3) -> Candidate:
    return Candidate(np.zeros((N, C)), np.zeros(N, dtype=int))


def square(S, y):
    return (S**2).sum(), 2 * S


def test_a_loss_that_keeps_its_contract_is_not_broken():
    fails, ask = broken(square, "mutates-input")
    assert not fails(candidate())
    assert ask.calls == 2


@pytest.mark.parametrize(
    ("code", "loss"),
    [
        ("mutates-input", lambda S, y: (np.add(S, 1, out=S).sum(), np.ones_like(S))),
        ("wrong-shape", lambda S, y: (S.sum(), np.ones(S.shape[1]))),
        ("wrong-dtype", lambda S, y: ("a", S)),
        ("not-finite", lambda S, y: (np.inf, S)),
        ("raises", lambda S, y: 1 / 0),
    ],
)
def test_each_breach_is_known_again_and_is_not_another(code, loss):
    message = "raises ZeroDivisionError: division by zero" if code == "raises" else "as it was"
    assert broken(loss, code, message)[0](candidate())
    assert not broken(loss, "raises" if code != "raises" else "not-finite", "raises KeyError")[0](candidate())


def test_another_exception_is_another_breach():
    def loss(S, y):
        raise (KeyError if len(S) > 1 else ValueError)("text")

    fails, _ = broken(loss, "raises", "raises KeyError: 'other text' (at batch size 8, normal(0, 1), seed 0)")
    assert fails(candidate(N=2))
    assert not fails(candidate(N=1))


def test_what_hangs_on_chance_must_fail_each_time():
    answers = iter([0.0, 1.0, 0.0, 0.0] + [0.0] * 50)
    fails, _ = broken(lambda S, y: (next(answers), 0 * S), "not-deterministic")
    assert not fails(candidate())
    rng = np.random.default_rng(0)
    assert broken(lambda S, y: (rng.normal(), 0 * S), "not-deterministic")[0](candidate())


def test_state_that_shows_after_a_call_elsewhere_is_found():
    class Remembers:
        last = None

        def __call__(self, S, y):
            if self.last is None or not np.array_equal(S, self.last):
                self.last, self.factor = S.copy(), getattr(self, "factor", 0) + 1
            return self.factor * (S**2).sum() + self.factor, 2 * self.factor * S

    assert broken(Remembers(), "not-deterministic")[0](candidate())


@pytest.mark.parametrize(("code", "calls"), [("raises", 1), ("not-deterministic", 3)])
def test_nothing_is_asked_that_cannot_be_asked_to_the_end(code, calls):
    fails, ask = broken(square, code, calls=calls)
    with pytest.raises(Spent):
        fails(candidate())
    assert ask.calls == 0
