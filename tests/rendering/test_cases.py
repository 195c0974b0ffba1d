"""A loss's report as test cases, one for each batch size."""

from __future__ import annotations

from dataclasses import replace

from gradcheck.output.cases import cases
from gradcheck.report import Finding

DEFECT = Finding("missing-mean", "error", "dS is 3 times the numerical gradient", "divide by N")


def test_each_batch_size_is_a_case_whatever_the_kinds_of_scores(report, loss, problem):
    one = loss(problem(1), problem(1, scores="integers(-2, 2)"), problem(3))
    assert [(case.name, case.outcome) for case in cases(report(one), one)] == [
        ("batch size 1", "passed"),
        ("batch size 3", "passed"),
    ]


def test_a_wrong_batch_size_fails_with_the_leading_finding_and_its_worst_entries(report, loss, problem):
    one = loss(problem(1), problem(3, wrong=[(2, 0)]), findings=(DEFECT,))
    right, wrong = cases(report(one), one)
    assert (right.outcome, wrong.outcome, wrong.kind) == ("passed", "failed", "missing-mean")
    assert wrong.message.startswith("1 of 15 entries disagrees")
    assert "dS is 3 times" in wrong.message
    assert "dS[2, 0] = 0.25" in wrong.text


def test_a_wrong_entry_has_the_digits_that_show_it(report, loss, problem):
    one = problem(3, wrong=[(2, 0)])
    close = replace(one.worst[0], analytic=0.25, numerical=0.25 * (1 - 3e-9), relative_error=3e-9)
    told = loss(replace(one, worst=(close,)))
    assert "dS[2, 0] = 0.25, numerical 0.24999999925 ± 1.0e-12: wrong" in cases(report(told), told)[0].text


def test_a_finding_that_no_batch_size_shows_is_a_case_of_its_own(report, loss, problem):
    one = loss(problem(1), problem(3), findings=(Finding("constant-offset", "error", "the value is svm's plus 1"),))
    assert [(case.name, case.outcome, case.kind) for case in cases(report(one), one)][-1] == (
        "findings", "failed", "constant-offset",
    )  # fmt: skip


def test_a_warning_fails_only_a_strict_run(report, loss, problem):
    warning = Finding("shared-buffer", "warning", "two calls return the same memory")
    for strict, outcomes in ((False, ["passed"]), (True, ["passed", "failed"])):
        one = loss(problem(1), findings=(warning,), strict=strict)
        assert [case.outcome for case in cases(report(one), one)] == outcomes


def test_what_was_not_checked_is_skipped_and_what_could_not_be_is_an_error(report, loss, problem):
    cut = loss(problem(1), unchecked=1)
    assert [case.outcome for case in cases(report(cut), cut)] == ["passed", "skipped"]
    unloadable = loss(error="there is no module of that name")
    assert [case.outcome for case in cases(report(unloadable), unloadable)] == ["error", "error"]


def test_unresolved_entries_fail_only_a_strict_run(report, loss, problem):
    for strict, outcome in ((False, "passed"), (True, "failed")):
        one = loss(problem(3, unresolved=[(0, 0)]), strict=strict)
        assert cases(report(one), one)[0].outcome == outcome
