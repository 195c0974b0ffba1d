"""Which problems are shown up close."""

from __future__ import annotations

import re
from typing import Any

from gradcheck.output import FORMATS, Options
from gradcheck.report import Report


def table(report: Report, **options: Any) -> str:
    return FORMATS["table"](report, Options(**options))


def test_few_problems_are_all_shown_and_of_many_right_ones_the_worst_of_each_batch_size(problem, loss, report):
    few = [problem(3, 5, scores=scores) for scores in ("normal(0, 1)", "integers(-2, 2)")]
    many = [
        problem(n, 5, trial=trial, seed=trial, errors=1e-12 * (1 + (trial == 7))) for n in (1, 3) for trial in range(9)
    ]
    assert table(report(loss(*few))).count("class 0") == 2
    text = table(report(loss(*many)))
    assert text.count("class 0") == 2
    assert "worst of 9 problems of batch size 1: 5 classes, normal(0, 1), seed 7" in text
    assert "worst of 9 problems of batch size 3: 5 classes, normal(0, 1), seed 7" in text
    assert table(report(loss(*many)), entries="all").count("class 0") == 18


def test_among_many_problems_the_wrong_ones_are_shown(problem, loss, report):
    problems = [problem(3, 5, seed=seed, wrong=[(0, 0)] if seed in (4, 6) else ()) for seed in range(9)]
    text = table(report(loss(*problems)))
    assert re.findall(r"seed (\d)", text) == ["4", "6"]


def test_of_very_many_wrong_problems_the_worst_of_each_kind_is_shown_and_the_others_are_counted(problem, loss, report):
    problems = [
        problem(n, 5, seed=seed, wrong=[(0, 0), (0, 1)] if seed == 5 else [(0, 0)]) for n in (1, 3) for seed in range(9)
    ]
    text = table(report(loss(*problems)))
    assert re.findall(r"worst of (\d+) wrong problems of batch size (\d).*seed (\d)", text) == [
        ("9", "1", "5"),
        ("9", "3", "5"),
    ]
    assert table(report(loss(*problems)), entries="all").count("class 0") == 18
