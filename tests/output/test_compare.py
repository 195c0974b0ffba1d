"""Two reports beside each other."""

import json
import tempfile
from pathlib import Path

import pytest

from gradcheck.errors import UsageError
from gradcheck.output import Options
from gradcheck.output.compare import compare, read_report, render


def batch(wrong=0, unresolved=0, seed=0):
    where = {"batch_size": 3, "classes": 5, "scores": "normal(0, 1)", "seed": seed}
    return {**where, "wrong": wrong, "unresolved": unresolved}


def loss(*batches, target="svm", codes=(), **fields):
    findings = [{"code": code, "severity": "warning" if code == "overflows" else "error"} for code in codes]
    passed = not any(each["wrong"] for each in batches) and not any(f["severity"] == "error" for f in findings)
    return {
        "target": target, "passed": passed, "batches": list(batches), "findings": findings, "error": "",
        "verdict": "right" if passed else "wrong", "summary": ", ".join(codes), **fields,
    }  # fmt: skip


def stored(*losses):
    with tempfile.NamedTemporaryFile("w") as file:
        json.dump({"schema": 1, "losses": losses}, file)
        file.flush()
        return read_report(Path(file.name))


def changes(before, after, strict=False):
    return [(change.direction, change.target) for change in compare(before, after, strict)]


RIGHT, ONE_WRONG, TWO_WRONG, UNRESOLVED = (
    loss(batch(**bad)) for bad in ({}, {"wrong": 1}, {"wrong": 2}, {"unresolved": 1})
)
NOTED, BROKEN = (
    loss(batch(), findings=[{"code": "constant-offset", "severity": severity}], passed=severity == "note")
    for severity in ("note", "error")
)
WARNED, SOFTMAX = loss(batch(), codes=("overflows",)), loss(batch(), target="softmax")
W_WRONG, B_WRONG = (loss({**batch(W), "input": "W"}, {**batch(b), "input": "b"}) for W, b in ((1, 0), (0, 1)))


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
def test_what_is_worse_one_way_is_better_the_other_way(good, bad):
    assert changes(stored(good), stored(bad)) == [("worse", "svm")]
    assert changes(stored(bad), stored(good)) == [("better", "svm")]
    assert changes(stored(bad), stored(bad)) == []


@pytest.mark.parametrize(
    ("before", "after", "said", "strictly"),
    [
        # A new warning and what is no longer checked are worse only where it is strict.
        ([RIGHT], [WARNED], [], [("worse", "svm")]),
        ([loss(batch(), batch(seed=1)), SOFTMAX], [RIGHT], [("gone", "svm"), ("gone", "softmax")],
         [("worse", "svm"), ("worse", "softmax")]),
        # A new loss is worse than none only if it does not pass.
        ([RIGHT], [RIGHT, SOFTMAX], [("new", "softmax")], [("new", "softmax")]),
        ([SOFTMAX], [SOFTMAX, ONE_WRONG], [("worse", "svm")], [("worse", "svm")]),
        # Problems of named inputs are told apart by the input.
        ([W_WRONG], [B_WRONG], [("worse", "svm")], [("worse", "svm")]),
        ([B_WRONG], [W_WRONG], [("worse", "svm")], [("worse", "svm")]),
        ([W_WRONG], [loss({**batch(1), "input": "W"})], [("gone", "svm")], [("worse", "svm")]),
    ],
)  # fmt: skip
def test_what_is_new_or_gone_or_warned_of(before, after, said, strictly):
    assert changes(stored(*before), stored(*after)) == said
    assert changes(stored(*before), stored(*after), strict=True) == strictly


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("no json", "not a report of gradcheck: Expecting value"),
        ('{"schema": 2, "passed": true, "losses": []}', "schema is 2, not 1"),
        ("[]", "not a report of gradcheck"),
        ("{}", "no key 'schema'"),
        (None, "cannot be read: No such file"),
    ],
)
def test_what_is_no_report_is_said_with_what_to_do(tmp_path, text, said):
    file = tmp_path / "x.json"
    if text is not None:
        file.write_text(text)
    with pytest.raises(UsageError, match=said) as caught:
        read_report(file)
    assert "--format json" in caught.value.hint


def test_the_table_names_what_is_worse_and_obeys_no_text_from_outside():
    before = stored(loss(batch(), target="[bold]a\x1b[31m"))
    after = stored(loss(batch(wrong=1), target="[bold]a\x1b[31m", codes=("missing-mean",)))
    text = render(compare(before, after), Options(width=80))
    assert text.startswith("worse: [bold]a\\x1b[31m\n  before  right:\n  after   wrong: missing-mean\n")
    assert text.endswith("worse: 1 worse\n")
    assert render(compare(before, after), Options(quiet=True)) == "worse: 1 worse\n"
    assert render(compare(before, before), Options()) == "the same\n"
