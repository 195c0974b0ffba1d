"""Totals, the verdict in a sentence, numbers as text, and text held to a length that can be read."""

from dataclasses import replace

import numpy as np
import pytest

from gradcheck.output.summary import problem_remarks, sentences, totals
from gradcheck.output.text import LONGEST_LINE, MOST_LINES, digits_of, relative, shorten
from gradcheck.report import Finding, Projections

ERROR = Finding("missing-mean", "error", "dS is 3 times the numerical gradient", "divide by the number of rows")
WARNING = Finding("shared-buffer", "warning", "two calls return the same memory")


def last_line(report):
    return str(sentences(report)[-1])


def test_totals_are_sums_over_all_problems(problem):
    one = replace(problem(3, wrong=[(0, 0)], unresolved=[(0, 1)]), evaluations=10, seconds=0.5)
    other = replace(problem(8, subgradient=[(0, 0)]), evaluations=7, seconds=0.25)
    both = totals([one, other])
    assert (both.problems, both.entries, both.evaluations, both.seconds) == (2, 15 + 40, 17, 0.75)
    assert (both.wrong, both.unresolved, both.subgradient) == (1, 1, 1)
    assert both.max_relative_error == one.max_relative_error > other.max_relative_error
    assert (totals([]).entries, totals([]).max_relative_error) == (0, 0)


MUTATES = Finding("mutates-input", "error", "writes into S")


@pytest.mark.parametrize(
    ("cells", "findings", "line"),
    [
        ({}, (), "right: 15 entries of svm agree, largest relative error 3.1e-11"),
        ({"wrong": [(0, 0)]}, (), "wrong: 1 of 15 entries of svm disagrees, largest relative error 0.33"),
        ({"wrong": [(0, 0), (1, 1)], "unresolved": [(2, 2)]}, (ERROR,),
         "wrong: 2 of 15 entries of svm disagree, largest relative error 0.33: missing-mean; 1 unresolved"),
        ({}, (MUTATES,), "wrong: svm: mutates-input; 15 of 15 entries agree"),
        (None, (MUTATES,), "wrong: svm: mutates-input; no entry was checked"),
        ({"unresolved": [(0, 0)]}, (),
         "right: 14 of 15 entries of svm agree, largest relative error 3.1e-11; 1 unresolved"),
        ({"unresolved": list(np.ndindex(3, 5))}, (), "unresolved: none of 15 entries of svm could be decided"),
        ({"subgradient": [(0, 0)]}, (WARNING,),
         "right: 15 entries of svm agree, largest relative error 3.1e-11; 1 subgradient; 1 warning: shared-buffer"),
        (None, (), "not checked: no entry of svm was checked"),
    ],
)  # fmt: skip
def test_the_last_line_says_what_is_right_or_wrong_with_counts_and_why(problem, loss, report, cells, findings, line):
    assert last_line(report(loss(*([] if cells is None else [problem(**cells)]), findings=findings))) == line


@pytest.mark.parametrize("findings", [(), (WARNING,)])
def test_strict_fails_what_is_unresolved_or_warned_of_without_calling_it_wrong(problem, loss, report, findings):
    target = loss(problem(unresolved=[] if findings else [(0, 0)]), findings=findings, strict=True)
    line = last_line(report(target))
    assert line.startswith("failed: ")
    assert line.endswith("; --strict allows no unresolved entry and no warning")
    assert "wrong" not in line


@pytest.mark.parametrize(("how", "word"), [("interrupted", "interrupted"), ("out_of_time", "out of time")])
def test_a_run_that_was_cut_short_says_how_far_it_came_last(problem, loss, report, how, word):
    cut, not_begun = loss(problem(), problem(), unchecked=1), loss(unchecked=3, target="b")
    assert last_line(report(cut, not_begun, **{how: True})) == (
        f"{word}: after 2 problems, 30 entries; 4 problems were not checked"
    )
    assert last_line(report(cut, **{how: True})).endswith("; 1 problem was not checked")
    assert last_line(report(loss(unchecked=1), **{how: True})) == f"{word}: before any problem was checked"


def test_several_losses_get_a_sentence_each_and_one_together(problem, loss, report):
    right, wrong, missing = loss(problem()), loss(problem(wrong=[(0, 0)]), target="b"), loss(error="no", target="c")
    assert list(map(str, sentences(report(right, wrong, missing)))) == [
        "right: 15 entries of svm agree, largest relative error 3.1e-11",
        "wrong: 1 of 15 entries of b disagrees, largest relative error 0.33",
        "not checked: c: no",
        "wrong: 1 of 3 losses, 1 not checked, 1 right; 30 entries in all",
    ]
    assert last_line(report()) == "not checked: no loss was named"
    assert last_line(report(right, right)) == "right: all 2 losses; 30 entries in all"
    assert last_line(report(right, missing)) == "not checked: 1 of 2 losses, 1 right; 15 entries in all"


AGREED = Projections(
    4, True, 5.1e-8, 2e-3, checked=64, wrong=0, subgradient=0, undecided=0, max_relative_error=3.14e-11
)
LOST = replace(AGREED, agree=False, smallest_defect=float("inf"), remark="the loss is too noisy here")


@pytest.fixture
def projected(problem):
    def make(seen=AGREED):
        return replace(problem(512, 32), plan="projections", relative_errors=None, verdicts=None, projections=seen)

    return make


def test_projections_say_what_defect_would_have_shown(projected, problem, loss, report):
    assert problem_remarks(projected()) == [
        "4 random directions agree with dS; a defect of 5.1e-08 in one entry (2.5e-05 of the largest) "
        "would have shown (99%)",
        "64 entries checked one by one",
    ]
    assert last_line(report(loss(problem(), projected()))) == (
        "right: 16,399 entries of svm agree, largest relative error 3.1e-11; 16,384 by random directions"
    )


def test_projections_that_disagree_leave_the_other_entries_unresolved(projected, loss, report):
    assert problem_remarks(projected(LOST))[:2] == [
        "4 random directions do not show that dS is right", "the loss is too noisy here"
    ]  # fmt: skip
    assert last_line(report(loss(projected(LOST)))) == "unresolved: 64 of 16,384 entries of svm could be decided"
    wrong = replace(AGREED, agree=False, wrong=10, max_relative_error=0.5)
    assert last_line(report(loss(projected(wrong)))) == (
        "wrong: 10 of 16,384 entries of svm disagree, largest relative error 0.50; 16,320 unresolved"
    )


@pytest.mark.parametrize(
    ("error", "two", "one"),
    [
        (0.0, "0", "0"),
        (3.14e-11, "3.1e-11", "3e-11"),
        (5e-324, "4.9e-324", "5e-324"),
        (0.0012, "0.0012", "1e-03"),
        (0.0567, "0.057", "0.06"),
        (0.333, "0.33", "0.33"),
        (2.0, "2.0", "2.0"),
        (float("inf"), "inf", "inf"),
    ],
)
def test_a_relative_error_has_few_significant_digits(error, two, one):
    assert (relative(error), relative(error, digits=1)) == (two, one)


def test_derivatives_of_a_wrong_entry_have_the_digits_that_tell_them_apart(problem):
    wrong = problem(wrong=[(0, 0)]).worst[0]
    for error in (0.5, 1e-3, 1e-7, 3e-10, 1e-13):
        digits = digits_of(replace(wrong, relative_error=error))
        assert f"{0.7:.{digits}g}" != f"{0.7 * (1 + error):.{digits}g}"
    assert [digits_of(replace(wrong, relative_error=error)) for error in (0.0, 2.0, 1e-300)] == [5, 5, 17]


def test_long_lines_and_many_lines_say_how_much_is_left_out():
    assert shorten("x" * LONGEST_LINE) == "x" * LONGEST_LINE
    assert shorten("x" * (LONGEST_LINE + 1)) == "x" * LONGEST_LINE + " (1 more character)"
    lines, half = [str(number) for number in range(MOST_LINES + 1)], MOST_LINES // 2
    assert shorten("\n".join(lines[1:])) == "\n".join(lines[1:])
    assert shorten("\n".join(lines)).split("\n") == [*lines[:half], "(1 line left out)", *lines[-half:]]
