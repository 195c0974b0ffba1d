"""The contract: each way to break it, by its code, and nothing said of a loss that keeps it."""

import itertools
import warnings

import numpy as np
import pytest
from observed import changed, codes

from gradcheck.checking.contract import differs, inspect
from gradcheck.checking.problem import check_problem
from gradcheck.config import Config
from gradcheck.functions.answer import Answer
from gradcheck.functions.function import Function
from gradcheck.functions.output_capture import silenced
from gradcheck.losses import BUILT_INS
from gradcheck.sampling import Problem

S = np.array([[0.5, -1.0, 2.0], [0.25, 0.0, -0.75]])
Y = np.array([2, 0])

softmax = BUILT_INS["softmax"].function


def inspected(loss):
    return inspect(Function("test", loss), S, Y, None)


def only_finding(loss):
    findings = inspected(loss).findings
    assert len(findings) == 1, findings
    return findings[0]


def checked(loss):
    """One problem, the numerics and all."""
    problem = Problem(S.copy(), Y.copy(), seed=0, trial=0, scores="given")
    found = check_problem(Function("test", loss), problem, Config())
    assert problem.S.tolist() == S.tolist()
    return found


def test_a_loss_that_keeps_its_contract_is_called_twice_and_nothing_is_said():
    inspection = inspected(softmax)
    assert (inspection.findings, inspection.calls) == ((), 2)
    assert inspection.evaluation.value == softmax(S, Y)[0]


def subtracts_in_place(scores, labels):
    scores -= scores.max(axis=1, keepdims=True)
    return softmax(scores, labels)


def nudges(scores, labels):
    scores[0, 0] += 1e-15
    return softmax(scores, labels)


def test_scores_changed_in_place_are_named_and_the_loss_is_judged_on_scores_of_its_own():
    finding = only_finding(subtracts_in_place)
    assert (finding.code, finding.severity) == ("mutates-input", "error")
    assert "S[0, 0] was 0.5 and is -1.5" in finding.message
    assert "6 of 6 entries" in finding.message
    assert "copy" in finding.hint
    found = checked(subtracts_in_place)
    assert codes(found.findings) == ["mutates-input"]
    assert [batch.wrong for batch in found.batches] == [0]
    # A change in the last digit is shown with that digit, and one beside nonsense too.
    assert "was 0.5 and is 0.500000000000001 after" in only_finding(nudges).message
    assert codes(inspected(lambda scores, labels: scores.fill(0)).findings) == ["wrong-shape", "mutates-input"]


def test_random_values_are_not_deterministic_and_rounding_is_no_randomness():
    rng, order = np.random.default_rng(0), itertools.cycle([1, -1])
    finding = only_finding(lambda scores, labels: (rng.random(), np.zeros(scores.shape)))
    assert (finding.code, finding.severity) == ("not-deterministic", "error")
    assert "values 0.6369" in finding.message
    in_any_order = changed("softmax", lambda dS, scores, y: dS * (1 + next(order) * 2.0**-52))
    assert inspected(in_any_order).findings == ()


def test_a_state_that_drifts_and_a_cache_that_is_never_emptied_are_found_by_the_last_call():
    calls, seen = itertools.count(), [S]

    def drifts(scores, labels):
        value, dS = softmax(scores, labels)
        return value * (1 + 1e-15 * next(calls) ** 3), dS

    def remembers_the_last(scores, labels):
        seen.append(scores.copy())
        value, dS = softmax(scores, labels)
        return value + (not np.array_equal(seen[-2], scores)), dS

    for loss in (drifts, remembers_the_last):
        assert "not-deterministic" in codes(checked(loss).findings)


@pytest.mark.parametrize(
    ("first", "second", "words"),
    [
        ((1.0, [[1.0]]), (1.0 + 1e-15, [[1.0 - 1e-15]]), ""),
        ((1.0, [[1.0]]), (1.0 + 1e-10, [[1.0]]), "values 1 and 1.0000000001"),
        ((1.0, [[1.0, 2.0]]), (1.0, [[1.0, 2.5]]), "dS[0, 1] is 2 and then 2.5"),
        ((1.0, [[1.0]], 2.0**-23), (1.0 + 1e-6, [[1.0]], 2.0**-23), ""),
        ((0.0, [[0.0]]), (0.0, [[1e-300]]), "dS[0, 0] is 0 and then 1e-300"),
        # Small entries beside large ones: sums in parallel round by the largest number.
        ((0.0, [[1e-16, 1.0]]), (0.0, [[0.0, 1.0]]), ""),
    ],
)
def test_two_answers_differ_where_rounding_does_not_explain_it(first, second, words):
    def answer(value, gradient, eps=2.0**-52):
        return Answer(value, np.array(gradient), eps, eps)

    assert differs(answer(*first), answer(*second)) == words


@pytest.mark.parametrize("view", [lambda b: b, lambda b: b[:], memoryview], ids=["itself", "a view", "a memoryview"])
def test_two_results_in_one_memory_are_a_warning(view):
    buffer = np.empty(S.shape)

    def loss(scores, labels):
        value, buffer[:] = softmax(scores, labels)
        return value, view(buffer)

    finding = only_finding(loss)
    assert (finding.code, finding.severity) == ("shared-buffer", "warning")
    # Scores that are returned themselves are not shared, because each call has its own.
    assert inspected(lambda scores, labels: (float((scores**2).sum() / 2), scores)).findings == ()


@pytest.mark.parametrize(("code", "answer"), [("wrong-shape", (1.0, S.T)), ("wrong-dtype", (1j, S))])
def test_an_answer_that_is_no_value_and_gradient_ends_the_inspection(code, answer):
    inspection = inspected(lambda scores, labels: answer)
    (finding,) = inspection.findings
    assert (finding.code, finding.severity, bool(finding.hint)) == (code, "error", True)
    assert (inspection.evaluation, inspection.calls) == (None, 1)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_what_is_not_finite_is_named(bad):
    dS = S.copy()
    dS[1, 1:] = bad
    value, gradient = (only_finding(lambda scores, labels, a=a: a) for a in ((bad, S.copy()), (1.0, dS)))
    assert (value.code, gradient.code) == ("not-finite", "not-finite")
    assert f"the value is {bad}" in value.message
    assert f"dS[1, 1] is {bad} (2 of 6 entries" in gradient.message


@pytest.mark.parametrize(
    "error", [ValueError("x is 3"), SystemExit(0), GeneratorExit(), AssertionError(), MemoryError()], ids=repr
)
def test_whatever_a_loss_raises_is_told_with_its_name_and_where(error):
    def raises(scores, labels):
        raise error

    finding = only_finding(raises)
    assert (finding.code, finding.severity) == ("raises", "error")
    assert finding.message.startswith(f"raises {type(error).__name__}" + (f": {error}" if str(error) else ""))
    assert "raise error" in finding.details


def test_a_loss_that_breaks_its_contract_only_at_perturbed_scores_is_told_so():
    def only_at_home(scores, labels):
        assert np.array_equal(scores, S), "these are not my scores"
        return softmax(scores, labels)

    found = checked(only_at_home)
    assert not found.batches
    assert codes(found.findings) == ["raises"]
    assert "these are not my scores" in found.findings[0].message
    assert "at scores near these" in found.findings[0].message
    shy = changed("softmax", lambda dS, scores, y: dS if np.array_equal(scores, S) else dS[0])
    assert codes(checked(shy).findings) == ["wrong-shape"]


def test_what_a_loss_warns_stops_nothing():
    def warns(scores, labels):
        warnings.warn("old", DeprecationWarning, stacklevel=1)
        return softmax(scores, labels)

    with silenced():
        assert inspected(warns).findings == ()
