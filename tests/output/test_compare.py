"""Two reports beside each other."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import gradcheck
from gradcheck.errors import UsageError
from gradcheck.output import FORMATS, Options
from gradcheck.output.compare import Change, Facts, compare, facts, read_report, render


def batch(wrong: int = 0, unresolved: int = 0, seed: int = 0) -> dict[str, Any]:
    return {
        "batch_size": 3, "classes": 5, "scores": "normal(0, 1)", "seed": seed, "entries": 15,
        "wrong": wrong, "unresolved": unresolved,
    }  # fmt: skip


def loss(*batches: dict[str, Any], target: str = "svm", codes: tuple[str, ...] = (), **fields: Any) -> dict[str, Any]:
    findings = [
        {"code": code, "severity": "warning" if code == "overflows" else "error", "message": f"about {code}"}
        for code in codes
    ]
    passed = not any(each["wrong"] for each in batches) and not any(f["severity"] == "error" for f in findings)
    return {"target": target, "passed": passed, "batches": list(batches), "findings": findings, **fields}


def stored(*losses: dict[str, Any]) -> Facts:
    return facts({"schema": 1, "passed": True, "losses": list(losses)})


def changes(before: Facts, after: Facts, strict: bool = False) -> list[tuple[str, str]]:
    return [(change.direction, change.target) for change in compare(before, after, strict).changes]


def test_a_report_beside_itself_is_the_same() -> None:
    one = stored(loss(batch(), batch(seed=1)), loss(batch(wrong=2), target="softmax", codes=("missing-mean",)))
    comparison = compare(one, one)
    assert comparison.changes == ()
    assert (comparison.losses, comparison.problems) == (2, 3)


def test_more_wrong_entries_are_worse_and_fewer_are_better() -> None:
    few, many = stored(loss(batch(wrong=1))), stored(loss(batch(wrong=2)))
    assert compare(few, many).worse == (
        Change("svm", "batch size 3, 5 classes, normal(0, 1), seed 0", "worse", "1 wrong of 15", "2 wrong of 15"),
    )
    assert changes(many, few) == [("better", "svm")]


def test_what_became_unresolved_is_worse_unless_something_wrong_was_mended() -> None:
    right, open_, wrong = stored(loss(batch())), stored(loss(batch(unresolved=1))), stored(loss(batch(wrong=1)))
    assert changes(right, open_) == [("worse", "svm")]
    assert changes(wrong, open_) == [("better", "svm")]


def test_an_error_that_was_not_there_is_worse_and_a_warning_only_where_strict() -> None:
    right, warned, broken = (stored(loss(batch(), codes=codes)) for codes in ((), ("overflows",), ("mutates-input",)))
    assert changes(right, broken) == [("worse", "svm")]
    assert changes(broken, right) == [("better", "svm")]
    assert changes(right, warned) == []
    assert changes(right, warned, strict=True) == [("worse", "svm")]


def test_a_note_that_became_an_error_is_worse() -> None:
    offset = {"code": "constant-offset", "message": "the value is svm's plus 1"}
    noted, broken = (
        stored(loss(batch()) | {"findings": [offset | {"severity": severity}], "passed": severity == "note"})
        for severity in ("note", "error")
    )
    assert changes(noted, broken) == [("worse", "svm")]
    assert changes(broken, noted) == [("better", "svm")]


def test_a_loss_that_passed_and_does_not_is_worse_whatever_is_the_same() -> None:
    passed, failed = (stored(loss(batch(unresolved=1)) | {"passed": passed}) for passed in (True, False))
    assert compare(passed, failed).worse == (Change("svm", "", "worse", "passes", "does not pass"),)
    assert changes(failed, passed) == [("better", "svm")]


def test_problems_that_are_gone_are_told_in_their_order() -> None:
    many = stored(loss(*(batch(seed=seed) for seed in range(20))))
    gone = [change.where for change in compare(many, stored(loss())).changes]
    assert gone == [f"batch size 3, 5 classes, normal(0, 1), seed {seed}" for seed in range(20)]


def test_a_loss_that_cannot_be_checked_any_more_is_worse() -> None:
    assert changes(stored(loss(batch())), stored(loss(error="no such module", passed=False))) == [("worse", "svm")]


def test_a_loss_or_problem_that_is_gone_is_told_and_fails_only_where_strict() -> None:
    before, after = stored(loss(batch(), batch(seed=1)), loss(batch(), target="softmax")), stored(loss(batch()))
    assert changes(before, after) == [("gone", "svm"), ("gone", "softmax")]
    assert changes(before, after, strict=True) == [("worse", "svm"), ("worse", "softmax")]


def test_a_new_loss_is_worse_than_none_only_if_it_does_not_pass() -> None:
    before = stored(loss(batch()))
    assert changes(before, stored(loss(batch()), loss(batch(), target="new"))) == [("new", "new")]
    wrong = loss(batch(wrong=1), target="new", codes=("missing-mean",))
    assert changes(before, stored(loss(batch()), wrong)) == [("worse", "new")]


def test_what_is_worse_stands_first() -> None:
    before = stored(loss(batch(wrong=1)), loss(batch(), target="softmax"))
    after = stored(loss(batch()), loss(batch(wrong=1), target="softmax"))
    assert changes(before, after) == [("worse", "softmax"), ("better", "svm")]


def test_reports_are_read_as_they_were_written(tmp_path: Path) -> None:
    def wrong(S: Any, y: Any) -> Any:
        return float((S**2).sum()), S

    files = []
    for name, target in (("before", lambda S, y: (float((S**2).sum() / 2), S)), ("after", wrong)):
        target.__qualname__ = "mine"
        files.append(tmp_path / f"{name}.json")
        files[-1].write_text(FORMATS["json"](gradcheck.check([target, "svm"]), Options()))
    comparison = compare(*map(read_report, files))
    assert {change.target for change in comparison.worse} == {"mine"}
    assert any(change.where == "constant-factor" for change in comparison.worse)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("no json", "no gradcheck report: Expecting value"),
        ('{"schema": 2, "passed": true, "losses": []}', "schema is 2, not 1"),
        ("[]", "no gradcheck report"),
        ("{}", "no key 'schema'"),
    ],
)
def test_what_is_no_report_is_said_with_what_to_do(tmp_path: Path, text: str, said: str) -> None:
    file = tmp_path / "x.json"
    file.write_text(text)
    with pytest.raises(UsageError, match=said) as caught:
        read_report(file)
    assert "--format json" in caught.value.hint


def test_a_file_that_is_not_there_is_said() -> None:
    with pytest.raises(UsageError, match="cannot be read: No such file"):
        read_report(Path("not-there.json"))


def test_the_table_names_what_is_worse_and_obeys_no_text_from_outside() -> None:
    before = stored(loss(batch(), target="[bold]a\x1b[31m"))
    after = stored(loss(batch(wrong=1), target="[bold]a\x1b[31m", codes=("missing-mean",)))
    text = render(compare(before, after), Options(width=80))
    assert text.startswith("worse: [bold]a\\x1b[31m, missing-mean\n  after   error: about missing-mean\n")
    assert text.endswith("worse: 2 worse, 1 loss and 1 problem in both reports\n")
    assert render(compare(before, after), Options(quiet=True)).count("\n") == 1
