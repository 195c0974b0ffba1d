"""Two reports beside each other."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

import gradcheck
from gradcheck.errors import UsageError
from gradcheck.output import FORMATS, Options
from gradcheck.output.compare import State, compare, read_report, render

States = Mapping[str, State]


def batch(wrong: int = 0, unresolved: int = 0, seed: int = 0) -> dict[str, Any]:
    where = {"batch_size": 3, "classes": 5, "scores": "normal(0, 1)", "seed": seed}
    return {**where, "wrong": wrong, "unresolved": unresolved}


def loss(*batches: dict[str, Any], target: str = "svm", codes: tuple[str, ...] = (), **fields: Any) -> dict[str, Any]:
    findings = [{"code": code, "severity": "warning" if code == "overflows" else "error"} for code in codes]
    passed = not any(each["wrong"] for each in batches) and not any(f["severity"] == "error" for f in findings)
    return {
        "target": target, "passed": passed, "batches": list(batches), "findings": findings, "error": "",
        "verdict": "right" if passed else "wrong", "summary": ", ".join(codes), **fields,
    }  # fmt: skip


def stored(*losses: dict[str, Any]) -> States:
    with tempfile.NamedTemporaryFile("w") as file:
        json.dump({"schema": 1, "losses": losses}, file)
        file.flush()
        return read_report(Path(file.name))


def changes(before: States, after: States, strict: bool = False) -> list[tuple[str, str]]:
    return [(change.direction, change.target) for change in compare(before, after, strict)]


RIGHT, ONE_WRONG, TWO_WRONG, UNRESOLVED = (
    loss(batch(**bad)) for bad in ({}, {"wrong": 1}, {"wrong": 2}, {"unresolved": 1})
)
NOTED, BROKEN = (
    loss(batch(), findings=[{"code": "constant-offset", "severity": severity}], passed=severity == "note")
    for severity in ("note", "error")
)


@pytest.mark.parametrize(
    ("good", "bad"),
    [
        (ONE_WRONG, TWO_WRONG),
        (RIGHT, UNRESOLVED),
        (UNRESOLVED, ONE_WRONG),
        (RIGHT, loss(batch(), codes=("mutates-input",))),
        (NOTED, BROKEN),
        (UNRESOLVED, UNRESOLVED | {"passed": False}),
        (RIGHT, loss(error="no such module", passed=False)),
    ],
)
def test_what_is_worse_one_way_is_better_the_other_way(good: dict[str, Any], bad: dict[str, Any]) -> None:
    assert changes(stored(good), stored(bad)) == [("worse", "svm")]
    assert changes(stored(bad), stored(good)) == [("better", "svm")]
    assert changes(stored(bad), stored(bad)) == []


def test_a_new_warning_and_what_is_no_longer_checked_are_worse_only_where_strict() -> None:
    right, warned = stored(RIGHT), stored(loss(batch(), codes=("overflows",)))
    assert changes(right, warned) == []
    assert changes(right, warned, strict=True) == [("worse", "svm")]
    before = stored(loss(batch(), batch(seed=1)), loss(batch(), target="softmax"))
    assert changes(before, right) == [("gone", "svm"), ("gone", "softmax")]
    assert changes(before, right, strict=True) == [("worse", "svm"), ("worse", "softmax")]


def test_a_new_loss_is_worse_than_none_only_if_it_does_not_pass() -> None:
    assert changes(stored(RIGHT), stored(RIGHT, loss(batch(), target="new"))) == [("new", "new")]
    wrong = loss(batch(wrong=1), target="new", codes=("missing-mean",))
    assert changes(stored(RIGHT), stored(RIGHT, wrong)) == [("worse", "new")]


def test_reports_are_read_as_they_were_written(tmp_path: Path) -> None:
    files = []
    for name, factor in (("before", 1), ("after", 2)):

        def mine(S: Any, y: Any, factor: int = factor) -> Any:
            return float((S**2).sum() * factor / 2), S

        mine.__qualname__ = "mine"
        files.append(tmp_path / f"{name}.json")
        files[-1].write_text(FORMATS["json"](gradcheck.check([mine, "svm"]), Options()))
    (change,) = compare(*map(read_report, files))
    assert (change.target, change.direction) == ("mine", "worse")
    assert "of 120 entries of mine disagree" in change.after
    assert "constant-factor" in change.after


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("no json", "no gradcheck report: Expecting value"),
        ('{"schema": 2, "passed": true, "losses": []}', "schema is 2, not 1"),
        ("[]", "no gradcheck report"),
        ("{}", "no key 'schema'"),
        (None, "cannot be read: No such file"),
    ],
)
def test_what_is_no_report_is_said_with_what_to_do(tmp_path: Path, text: str | None, said: str) -> None:
    file = tmp_path / "x.json"
    if text is not None:
        file.write_text(text)
    with pytest.raises(UsageError, match=said) as caught:
        read_report(file)
    assert "--format json" in caught.value.hint


def test_the_table_names_what_is_worse_and_obeys_no_text_from_outside() -> None:
    before = stored(loss(batch(), target="[bold]a\x1b[31m"))
    after = stored(loss(batch(wrong=1), target="[bold]a\x1b[31m", codes=("missing-mean",)))
    text = render(compare(before, after), Options(width=80))
    assert text.startswith("worse: [bold]a\\x1b[31m\n  before  right:\n  after   wrong: missing-mean\n")
    assert text.endswith("worse: 1 worse\n")
    assert render(compare(before, after), Options(quiet=True)) == "worse: 1 worse\n"
    assert render(compare(before, before), Options()) == "the same\n"


def test_problems_of_named_inputs_are_told_apart_by_the_input() -> None:
    one, other = (
        loss(*({**batch(bad), "input": name} for name, bad in (("W", W), ("b", b)))) for W, b in ((1, 0), (0, 1))
    )
    assert changes(stored(one), stored(other)) == changes(stored(other), stored(one)) == [("worse", "svm")]
    fewer = loss({**batch(1), "input": "W"})
    assert changes(stored(one), stored(fewer)) == [("gone", "svm")]
