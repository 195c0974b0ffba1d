"""The table: what is shown of a report."""

from __future__ import annotations

import re
import subprocess
import sys
from dataclasses import replace
from typing import Any

import pytest

from gradcheck.output import FORMATS, Options
from gradcheck.report import Finding, Report

ERROR = Finding("missing-mean", "error", "dS is 3 times the numerical gradient", "divide by the number of rows")

WHOLE = """\
mymodule:myloss

  ✗ error: dS is 3 times the numerical gradient (missing-mean)
    → divide by the number of rows

  batch size 2: 3 classes, normal(0, 1), seed 0 — 1 wrong
  row   class 0     class 1     class 2
 ─────────────────────────────────────────
    0  [3.1e-11]       0.33 ✗   3.1e-11
    1   3.1e-11    [3.1e-11]       0.50 ≈

                                                          relative
  row  class  label  score  analytic  numerical    bound     error    verdict
 ─────────────────────────────────────────────────────────────────────────────────
    0      1      0    0.5      0.25    0.16675  1.0e-12      0.33  ✗ wrong
    1      2      1    0.5      0.25      0.125  1.0e-12      0.50  ≈ subgradient

  [ ] the label's class   ✗ wrong   ≈ subgradient (at a kink)

  batch                                              sub-   unre-     largest  evalu-
   size  scores        problems  entries  wrong  gradient  solved  rel. error  ations  time
 ───────────────────────────────────────────────────────────────────────────────────────────
      2  normal(0, 1)         1        6      1         1       0        0.33      43  4 ms

  rerun the worst: gradcheck run mymodule:myloss --batch-size 2

wrong: 1 of 6 entries of mymodule:myloss disagrees, largest relative error 0.33: missing-mean
"""


def table(report: Report, **options: Any) -> str:
    return FORMATS["table"](report, Options(**options))


def words(text: str) -> str:
    return " ".join(text.split())


def test_a_whole_report_reads_like_this(problem, loss, report):
    wrong = problem(2, 3, wrong=[(0, 1)], subgradient=[(1, 2)])
    target = loss(
        wrong,
        target="mymodule:myloss",
        findings=(ERROR,),
        rerun="gradcheck run mymodule:myloss --batch-size 2",
    )
    assert table(report(target)) == WHOLE


@pytest.mark.parametrize(
    ("rendered", "imports_rich"),
    [
        ("", False),
        ("FORMATS['json'](Report('0.1.0', {}, ()), Options())", False),
        ("FORMATS['table'](Report('0.1.0', {}, ()), Options())", True),
    ],
)
def test_only_the_table_imports_rich(rendered, imports_rich):
    code = f"""
import sys
from gradcheck.output import FORMATS, Options
from gradcheck.report import Report
{rendered}
print(any(name.split('.')[0] == 'rich' for name in sys.modules))
"""
    run = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert run.stdout.strip() == str(imports_rich)


def test_the_same_report_is_rendered_the_same_way_whatever_the_environment(mixed, report, monkeypatch):
    before = table(report(mixed), color=True)
    for name, value in {"NO_COLOR": "1", "COLUMNS": "40", "TERM": "dumb", "FORCE_COLOR": "1"}.items():
        monkeypatch.setenv(name, value)
    assert table(report(mixed), color=True) == before
    assert "\x1b" not in table(report(mixed))


def test_a_file_in_the_working_directory_is_named_relative_to_it(loss, report, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    inside = loss(file=str(tmp_path / "pkg" / "mine.py"), line=12)
    outside = loss(file="/elsewhere/mine.py", line=12)
    assert table(report(inside)).splitlines()[0] == "svm  pkg/mine.py:12"
    assert table(report(replace(inside, framework="torch"))).splitlines()[0] == "svm (torch)  pkg/mine.py:12"
    assert table(report(outside)).splitlines()[0] == "svm  /elsewhere/mine.py:12"


def test_a_finding_shows_severity_code_message_hint_and_traceback(loss, report):
    details = 'Traceback (most recent call last):\n  File "mine.py", line 7, in broken\n    dS = S - y'
    text = table(report(loss(findings=(Finding("raises", "error", "raises ValueError", "look here", details),))))
    for part in (
        "✗ error: raises ValueError (raises)",
        "→ look here",
        '        File "mine.py", line 7',
        "dS = S - y",
    ):
        assert part in text


def test_a_target_that_could_not_be_checked_says_why_in_full(loss, report):
    text = table(report(loss(error="no built-in loss is called 'svn'\nthe nearest: svm")))
    assert "no built-in loss is called 'svn'\n    the nearest: svm" in text
    assert text.splitlines()[-1] == "not checked: svm: no built-in loss is called 'svn'"


def test_a_caption_says_what_came_of_the_problem_after_a_dash(problem, loss, report):
    mixed = report(loss(problem(wrong=[(0, 0), (1, 1)], unresolved=[(2, 2)])))
    caption = "  batch size 3: 5 classes, normal(0, 1), seed 0 — 2 wrong, 1 unresolved"
    assert caption in table(mixed).splitlines()
    assert caption.replace("—", "-") in table(mixed, ascii=True).splitlines()
    assert "—" not in table(report(loss(problem())))


def test_every_verdict_has_a_sign_of_its_own_without_colour(problem, loss, report):
    shown = problem(1, 4, wrong=[(0, 1)], subgradient=[(0, 2)], unresolved=[(0, 3)], labels=None)
    row = next(line for line in table(report(loss(shown))).splitlines() if line.startswith("    0"))
    assert row.split() == ["0", "3.1e-11", "0.33✗", "0.50≈", "1.2e-04?"]


def test_the_label_of_each_row_stands_in_brackets_and_nothing_else_does(problem, loss, report):
    lines = table(report(loss(problem(2, 3, labels=[2, 0])))).splitlines()
    rows = [line.split() for line in lines if re.match(r" +[01] +\[?3", line)]
    assert rows == [["0", "3.1e-11", "3.1e-11", "[3.1e-11]"], ["1", "[3.1e-11]", "3.1e-11", "3.1e-11"]]
    assert "[ ] the label's class" in words("\n".join(lines))


def test_labels_that_are_no_classes_leave_no_brackets_and_no_legend(problem, loss, report):
    assert "[" not in table(report(loss(problem(2, 3, labels=None))))


def test_an_entry_column_without_labels_is_left_out(problem, loss, report):
    text = table(report(loss(problem(2, 3, labels=None, wrong=[(0, 0)]))))
    assert "numerical" in text
    assert "label" not in text


@pytest.mark.parametrize(("rows", "classes", "is_grid"), [(40, 5, True), (41, 5, False), (3, 12, True), (3, 13, False)])
def test_a_grid_of_more_than_12_columns_or_40_rows_gives_way_to_the_worst_entries(
    problem, loss, report, rows, classes, is_grid
):
    text = table(report(loss(problem(rows, classes))), width=200)
    assert ("class 0" in text) is is_grid
    assert ("numerical" in text) is not is_grid


def test_a_grid_that_the_terminal_does_not_hold_gives_way_to_the_worst_entries(problem, loss, report):
    wide, tall = report(loss(problem(3, 12))), report(loss(problem(30, 5)))
    assert "class 11" in table(wide, width=140)
    assert "class 11" not in table(wide, width=80)
    assert "class 0" in table(tall, height=50)
    assert "class 0" not in table(tall, height=24)


def test_a_grid_in_a_narrow_terminal_has_one_digit_before_it_gives_way(problem, loss, report):
    text = table(report(loss(problem(3, 8))), width=80)
    assert "class 7" in text
    assert "3e-11" in text
    assert "3.1e-11" in table(report(loss(problem(3, 8))), width=100)


def test_entries_all_shows_the_whole_grid_in_pieces_that_fit(problem, loss, report):
    text = table(report(loss(problem(2, 40))), width=80, entries="all")
    assert all(f"class {class_}" in text for class_ in range(40))
    assert max(map(len, text.splitlines())) <= 80


def test_entries_worst_shows_no_grid_and_entries_none_neither(problem, loss, report):
    wrong = report(loss(problem(3, 5, wrong=[(0, 0)])))
    assert "class 0" not in table(wrong, entries="worst")
    assert "numerical" in table(wrong, entries="worst")
    assert "class 0" not in table(wrong, entries="none")
    assert "numerical" not in table(wrong, entries="none")
    assert "batch" in table(wrong, entries="none")


def test_a_wrong_grid_is_followed_by_its_entries_that_are_not_right_and_a_right_one_by_none(problem, loss, report):
    wrong = table(report(loss(problem(3, 5, wrong=[(1, 1)], unresolved=[(2, 2)]))))
    assert wrong.index("class 0") < wrong.index("numerical") < wrong.index("? unresolved")
    assert not re.search(r"  ok$", wrong, re.MULTILINE)
    assert "numerical" not in table(report(loss(problem(3, 5))))


def test_wrong_entries_beyond_those_shown_are_counted(problem, loss, report):
    wrong = problem(3, 5, wrong=[(row, class_) for row in range(3) for class_ in range(4)])
    text = table(report(loss(wrong)))
    assert len(re.findall(r"0\.33  ✗ wrong$", text, re.MULTILINE)) == 5
    assert "and 7 more wrong entries" in text
    assert table(report(loss(wrong)), verbose=True).count("0.33  ✗ wrong\n") == 12


def test_a_problem_without_worst_entries_shows_none(problem, loss, report):
    shown = replace(problem(50, 5, wrong=[(0, 0)]), worst=())
    assert "numerical" not in table(report(loss(shown)))


def test_verbose_adds_plain_difference_step_trial_and_plan(problem, loss, report):
    wrong = report(loss(problem(3, 5, wrong=[(0, 0)], trial=2)))
    for width in (80, 140):
        text = words(table(wrong, verbose=True, width=width))
        for part in ("difference", "0.2468", "step", "7.1e-04", "trial 2", "value 1.25", "plan full"):
            assert part in text
    assert "difference" not in table(wrong)


def test_a_wrong_entry_close_to_the_truth_is_shown_with_digits_that_tell_them_apart(problem, loss, report):
    shown = problem(3, 5, wrong=[(0, 0)])
    close = replace(shown.worst[0], numerical=0.25 * (1 + 4e-9), relative_error=4e-9)
    text = table(report(loss(replace(shown, worst=(close,)))), width=80)
    assert "0.250000001" in text


def test_the_summary_has_one_line_for_each_kind_of_problem_with_its_totals(problem, loss, report):
    problems = [
        problem(3, classes, scores=scores, trial=trial, wrong=[(0, 0)] if trial else (), subgradient=[(1, 1)])
        for classes in (5, 6)
        for scores in ("normal(0, 1)", "student-t(2, 1)")
        for trial in (0, 1)
    ]
    text = table(report(loss(*problems)), entries="none")
    lines = [words(line) for line in text.splitlines() if re.match(r" +3 ", line)]
    assert lines == [
        "3 5 normal(0, 1) 2 30 1 2 0 0.33 122 8 ms",
        "3 5 student-t(2, 1) 2 30 1 2 0 0.33 122 8 ms",
        "3 6 normal(0, 1) 2 36 1 2 0 0.33 134 8 ms",
        "3 6 student-t(2, 1) 2 36 1 2 0 0.33 134 8 ms",
    ]


def test_quiet_shows_the_verdict_and_errors_only(mixed, problem, loss, report):
    text = table(report(mixed), quiet=True)
    assert "missing-mean" in text
    assert "shared-buffer" not in text
    assert "class 0" not in text
    assert table(report(loss(problem())), quiet=True) == (
        "right: 15 entries of svm agree, largest relative error 3.1e-11\n"
    )
