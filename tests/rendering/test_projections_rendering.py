"""A problem that was checked by projections, in every format: there is no grid to show."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from gradcheck.output import FORMATS, Options
from gradcheck.report import BatchReport, LossReport, Projections, Report

AGREED = Projections(
    directions=4,
    agree=True,
    smallest_defect=5.1e-8,
    largest_gradient=2e-3,
    checked=64,
    wrong=0,
    subgradient=0,
    undecided=0,
    max_relative_error=3.14e-11,
)
LOST = replace(AGREED, agree=False, smallest_defect=float("inf"), remark="the loss is too noisy here")


@pytest.fixture
def projected(problem: Callable[..., BatchReport]) -> Callable[..., BatchReport]:
    def make(told: Projections = AGREED, **fields: Any) -> BatchReport:
        one = problem(512, 32, **fields)
        return replace(one, plan="projections", relative_errors=None, verdicts=None, projections=told)

    return make


def table(report: Report, **options: Any) -> str:
    return FORMATS["table"](report, Options(width=200, **options))


def test_it_says_how_many_directions_and_what_would_have_shown(projected, loss, report):
    text = table(report(loss(projected())))
    assert "4 random directions agree with dS; a defect of 5.1e-08 in one entry (2.5e-05 of the largest)" in text
    assert "64 entries checked one by one" in text
    assert "class 0" not in text  # no grid


@pytest.mark.parametrize("entries", ["auto", "all", "worst", "none"])
def test_no_option_asks_for_a_grid_that_there_is_not(projected, loss, report, entries):
    assert "16,384" in table(report(loss(projected())), entries=entries)


def test_the_sentence_says_right_as_far_as_it_goes(projected, loss, report):
    assert table(report(loss(projected()))).splitlines()[-1] == (
        "right: projections of 16,384 entries of svm agree, largest relative error 3.1e-11 of 64 checked one by one; "
        "a defect of 5.1e-08 in one entry would have shown (99%)"
    )


def test_beside_problems_of_which_every_entry_was_judged_it_says_which_were_not(problem, projected, loss, report):
    assert table(report(loss(problem(), projected()))).splitlines()[-1] == (
        "right: 16,399 entries of svm agree, largest relative error 3.1e-11; "
        "16,384 by projections: a defect of 5.1e-08 in one entry would have shown (99%)"
    )


def test_what_cannot_be_told_is_unresolved_and_says_why(projected, loss, report):
    text = table(report(loss(projected(LOST))))
    assert "4 random directions do not tell that dS is right" in text
    assert "the loss is too noisy here" in text
    assert text.splitlines()[-1] == "unresolved: 64 of 16,384 entries of svm could be decided"
    assert "a defect of" not in text


def test_wrong_entries_are_counted_and_the_rest_is_not_passed_over(projected, loss, report):
    told = replace(AGREED, agree=False, wrong=10, max_relative_error=0.5)
    assert table(report(loss(projected(told)))).splitlines()[-1] == (
        "wrong: 10 of 16,384 entries of svm disagree, largest relative error 0.50; 16,320 unresolved"
    )


def test_json_has_what_projections_told_and_no_matrices(projected, loss, report):
    def batch(one: LossReport) -> dict[str, Any]:
        parsed: dict[str, Any] = json.loads(FORMATS["json"](report(one), Options()))["losses"][0]["batches"][0]
        return parsed

    told = batch(loss(projected()))
    assert told["projections"] == {
        "directions": 4,
        "agree": True,
        "smallest_defect": 5.1e-8,
        "largest_gradient": 2e-3,
        "smallest_relative_defect": 5.1e-8 / 2e-3,
        "checked": 64,
        "remark": "",
    }
    assert "verdicts" not in told
    assert "relative_errors" not in told
    assert batch(loss(projected(LOST)))["projections"]["smallest_defect"] is None
