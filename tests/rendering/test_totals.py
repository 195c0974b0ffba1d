"""Several problems taken together."""

from __future__ import annotations

from dataclasses import replace

from gradcheck.output.totals import Totals, totals_by_kind
from gradcheck.report import Verdict


def test_the_sums_are_over_all_problems(problem):
    one = replace(problem(3, wrong=[(0, 0)], unresolved=[(0, 1)]), evaluations=10, seconds=0.5)
    other = replace(problem(8, subgradient=[(0, 0)]), evaluations=7, seconds=0.25)
    totals = Totals([one, other])
    assert (totals.entries, totals.evaluations, totals.seconds) == (15 + 40, 17, 0.75)
    counts = [totals.count(verdict) for verdict in (Verdict.WRONG, Verdict.UNRESOLVED, Verdict.SUBGRADIENT, Verdict.OK)]
    assert counts == [1, 1, 1, 52]
    assert totals.max_relative_error == one.max_relative_error > other.max_relative_error


def test_nothing_has_no_entries_and_no_error():
    assert (Totals([]).entries, Totals([]).max_relative_error, Totals([]).seconds) == (0, 0, 0)


def test_problems_of_one_kind_are_a_line_where_the_first_of_them_stands(problem):
    problems = [problem(3, seed=1), problem(8), problem(3, seed=2), problem(3, scores="integers(-2, 2)")]
    lines = totals_by_kind(problems)
    assert [(line.first.batch_size, line.first.scores, len(line.problems)) for line in lines] == [
        (3, "normal(0, 1)", 2), (8, "normal(0, 1)", 1), (3, "integers(-2, 2)", 1),
    ]  # fmt: skip
