"""What the reports say of which reference judged an entry."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from gradcheck.output import FORMATS, Options
from gradcheck.report import BatchReport


@pytest.fixture
def by_complex(problem: Callable[..., BatchReport]) -> BatchReport:
    """Two of six entries judged by complex steps, among them the wrong one."""
    judged = np.zeros((2, 3), dtype=bool)
    judged[0, 1] = judged[1, 2] = True
    drawn = problem(2, 3, wrong=[(0, 1)], by_complex=judged)
    worst = tuple(replace(entry, central=0.2479) if judged[entry.row, entry.class_] else entry for entry in drawn.worst)
    return replace(drawn, worst=worst)


def table(batch: BatchReport, loss: Any, report: Any, **options: Any) -> str:
    return FORMATS["table"](report(loss(batch)), Options(width=160, **options))


def test_the_table_says_how_many_were_judged_by_complex_steps(by_complex: BatchReport, loss: Any, report: Any) -> None:
    assert "2 of 6 entries judged by complex steps, the others by central differences" in table(
        by_complex, loss, report
    )
    every = replace(by_complex, by_complex=np.ones((2, 3), dtype=bool))
    assert "6 of 6 entries judged by complex steps\n" in table(every, loss, report)


def test_where_none_was_the_table_says_nothing_of_them(problem: Any, loss: Any, report: Any) -> None:
    text = table(problem(2, 3, wrong=[(0, 1)]), loss, report, verbose=True)
    assert "complex" not in text
    assert "refer" not in text


def test_verbose_shows_the_reference_of_each_worst_entry_and_the_central_difference_beside_it(
    by_complex: BatchReport, loss: Any, report: Any
) -> None:
    lines = table(by_complex, loss, report, verbose=True).splitlines()
    (wrong,) = [line for line in lines if "wrong" in line and "complex" in line and "0.2479" in line]
    assert "0.2468" in wrong  # the plain difference is there too
    assert any(" central " in line and "0.2479" not in line for line in lines)
    assert "0.2479" not in table(by_complex, loss, report)


def test_json_gives_each_worst_entry_its_reference_and_always_the_central_difference(
    by_complex: BatchReport, loss: Any, report: Any
) -> None:
    data = json.loads(FORMATS["json"](report(loss(by_complex)), Options()))
    (batch,) = data["losses"][0]["batches"]
    assert batch["complex_steps"] == 2
    assert batch["references"] == [["central", "complex", "central"], ["central", "central", "complex"]]
    for entry in batch["worst"]:
        if batch["references"][entry["row"]][entry["class"]] == "complex":
            assert (entry["reference"], entry["central"]) == ("complex", 0.2479)
        else:
            assert (entry["reference"], entry["central"]) == ("central", entry["numerical"])


def test_json_of_a_problem_that_central_differences_judged_alone(problem: Any, loss: Any, report: Any) -> None:
    data = json.loads(FORMATS["json"](report(loss(problem())), Options()))
    (batch,) = data["losses"][0]["batches"]
    assert batch["complex_steps"] == 0
    assert "references" not in batch
    assert {entry["reference"] for entry in batch["worst"]} == {"central"}
