"""The terminal's report: what is shown, at any width, in any encoding, with any text from outside."""

import re
import unicodedata
from dataclasses import replace

import numpy as np
import pytest
from corpora.parts import of_labels, one_hot, softmax
from rich.cells import cell_len

import gradcheck
from gradcheck.output import FORMATS, Options
from gradcheck.report import Finding, SmallestCase

ANSI = re.compile(r"\x1b\[[0-9;]*m")


def table(report, **options):
    return FORMATS["table"](report, Options(**options))


def words(text):
    return " ".join(text.split())


def rows(text, row=0):
    """The cells of the first grid's row."""
    (line, *_) = [line for line in text.splitlines() if re.match(rf" +{row} ", line)]
    return line.split()[1:]


def too_wide(text, width):
    """Lines that are wider than that, but for what is to be copied."""
    to_copy = ("rerun: ", "smallest case:", "gradcheck.check_at", "assert", "import", "report = ", "# ", "inputs = ")
    return [line for line in text.splitlines() if len(line) > width and not line.startswith(to_copy)]


def case(line=""):
    return SmallestCase(np.zeros((1, 1)), np.zeros(1, int), "wrong", None, None, "import gradcheck\nassert 0", line)


@pytest.mark.parametrize("width", [40, 80, 140])
def test_at_the_defaults_a_right_loss_takes_at_most_28_lines_and_a_wrong_one_40(width):
    def no_mean(S, y):
        p = softmax(S)
        return -np.log(of_labels(p, y)).mean(), p - one_hot(S, y)

    right, wrong = (table(gradcheck.check(target), width=width) for target in ("svm", no_mean))
    assert len(right.splitlines()) <= 28
    assert len(wrong.splitlines()) <= (60 if width == 40 else 40)
    assert not too_wide(right + wrong, width)


def test_the_worst_problem_of_each_batch_size_is_shown_side_by_side_where_it_fits(problem, loss, report):
    run = report(loss(*(problem(n, errors=error) for n in (1, 3) for error in (1e-12, 3e-12))))
    wide, narrow = table(run, width=80), table(run, width=60)
    assert [len(re.findall(r"N=\d", line)) for line in wide.splitlines()[1:2]] == [2]
    assert re.findall(r"N=\d", narrow) == ["N=1", "N=3"]
    assert "1e-12" not in wide
    assert wide.count("3e-12") == 20


def test_a_grid_of_many_rows_and_classes_shows_the_worst_and_sums_up_the_others(problem, loss, report):
    run = report(loss(problem(50, 100, wrong=[(40, 70), *((row, 0) for row in range(9))], subgradient=[(30, 1)])))
    text = table(run, width=80)
    assert max(map(len, text.splitlines())) <= 80
    assert "42 more rows, 90 more classes: 2 wrong, 1 at kinks" in words(text)
    right = table(report(loss(problem(50, 5))), width=80)
    assert "42 more rows: all <= 3e-11" in right
    assert len(rows(right)) == 5


def test_every_verdict_has_a_sign_of_its_own_and_numbers_stand_below_their_class(problem, loss, report):
    shown = problem(1, 4, wrong=[(0, 1)], subgradient=[(0, 2)], unresolved=[(0, 3)], labels=None)
    text = table(report(loss(shown)))
    assert rows(text) == ["3e-11", "0.33✗", "0.50≈", "1e-04?"]
    assert "[" not in text.splitlines()[0]
    shown = problem(3, 2, labels=[0, 0, 1])
    shown.relative_errors[1] = 0.0
    assert table(report(loss(shown))).splitlines()[1:5] == [
        "N=3      0      1",
        "  0 [3e-11] 3e-11",
        "  1     [0]     0",
        "  2  3e-11 [3e-11]",
    ]


def test_what_is_too_small_to_compare_or_not_finite_is_shown_as_that(problem, loss, report):
    shown = problem(1, 4, wrong=[(0, 0)])
    shown.relative_errors[0] = [np.nan, np.inf, 0.0, 0.7]
    text = table(report(loss(replace(shown, negligible=np.array([[False, False, True, True]])))))
    assert rows(text) == ["[nan]✗", "inf", "0", "tiny"]
    assert "tiny: small beside its bound" in text


def test_entries_says_which_grids_and_tables_are_shown(problem, loss, report):
    run = report(loss(problem(3, 5, wrong=[(0, 0)]), problem(3, 5, seed=1)))
    heads = {each: table(run, entries=each) for each in ("auto", "all", "worst", "none")}
    assert {each: (text.count("N=3   "), text.count("numerical ")) for each, text in heads.items()} == {
        "auto": (1, 1), "all": (2, 2), "worst": (0, 1), "none": (0, 0),
    }  # fmt: skip
    assert re.search(r"^N +C +scores +problems", heads["all"], re.MULTILINE)


def test_of_a_wrong_problem_the_entries_that_are_not_right_are_listed_and_others_counted(problem, loss, report):
    wrong = problem(3, 5, wrong=[(row, class_) for row in range(3) for class_ in range(4)])
    text = table(report(loss(wrong)), entries="worst", worst=5)
    assert len(re.findall(r"0\.33  ✗ wrong$", text, re.MULTILINE)) == 5
    assert "and 7 more wrong entries" in text
    assert not re.search(r"  ok$", text, re.MULTILINE)
    assert len(re.findall(r"0\.33  ✗ wrong$", table(report(loss(wrong)), entries="all"), re.MULTILINE)) == 12
    assert "numerical" not in table(report(loss(replace(wrong, worst=()))), entries="worst")


@pytest.mark.parametrize("width", [80, 140])
def test_verbose_adds_plain_difference_step_trial_plan_and_reference(problem, loss, report, width):
    drawn = problem(2, 3, wrong=[(0, 1)], trial=2, by_complex=np.ones((2, 3), dtype=bool), why="rows are coupled")
    worst = tuple(replace(entry, central=0.2479) for entry in drawn.worst)
    run = report(loss(replace(drawn, worst=worst)))
    text = words(table(run, entries="all", width=width))
    for part in ("plain", "0.2468", "trial 2", "value 1.25", "plan full", "central", "0.2479"):
        assert part in text
    assert "plan full: rows are coupled" in text
    assert "6 of 6 entries judged by complex steps" in text
    assert "complex" not in table(report(loss(problem(wrong=[(0, 0)]))), entries="all")


def test_a_file_in_the_working_directory_is_named_relative_to_it(loss, report, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    inside = loss(file=str(tmp_path / "pkg" / "mine.py"), line=12)
    assert table(report(inside)).splitlines()[0] == "svm  pkg/mine.py:12"
    assert table(report(replace(inside, framework="torch"))).splitlines()[0] == "svm (torch)  pkg/mine.py:12"
    assert table(report(loss(file="/elsewhere/mine.py", line=12))).splitlines()[0] == "svm  /elsewhere/mine.py:12"


def test_a_finding_shows_severity_code_message_hint_and_traceback(loss, report):
    details = 'Traceback (most recent call last):\n  File "mine.py", line 7, in broken\n\t\tdS = S - y'
    text = table(report(loss(findings=(Finding("raises", "error", "raises ValueError", "look here", details),))))
    assert "✗ error: raises ValueError (raises)\n→ look here\n" in text
    assert '      File "mine.py", line 7' in text
    assert "        dS = S" in text


def test_colour_comes_from_the_options_alone_and_changes_nothing_else(mixed, loss, report, monkeypatch):
    everything = report(mixed, loss(error="no such module", target="x"))
    plain, coloured = table(everything), table(everything, color=True)
    assert "\x1b" not in plain
    assert ANSI.search(coloured)
    assert [line.rstrip() for line in ANSI.sub("", coloured).splitlines()] == plain.splitlines()
    for name, value in {"NO_COLOR": "1", "COLUMNS": "40", "TERM": "dumb", "FORCE_COLOR": "1"}.items():
        monkeypatch.setenv(name, value)
    assert (table(everything), table(everything, color=True)) == (plain, coloured)


@pytest.mark.parametrize("options", [{}, {"entries": "all"}, {"entries": "worst"}])
@pytest.mark.parametrize("width", [80, 100, 140])
def test_no_line_is_wider_than_the_width_and_no_number_is_cut(problem, loss, report, width, options):
    fields = {"scores": "student-t(2, 1)", "wrong": [(0, 0)], "evaluations": 1_234_567, "seconds": 99.0}
    batches = [problem(n, c, unresolved=[(0, 1)], **fields) for n in (8, 64) for c in (5, 12, 100)]
    text = table(report(loss(*batches)), width=width, **options)
    assert max(map(cell_len, text.splitlines())) <= width
    assert "…" not in re.sub("…  ", "", text)
    assert not re.search(r"\de-?$|\d\.$", text, re.MULTILINE)


@pytest.mark.parametrize("width", [1, 40])
def test_at_an_absurd_width_a_table_stays_whole_and_keeps_what_decides(mixed, report, width):
    text = table(report(mixed), width=width, entries="worst")
    assert re.search(r"row  class    dS  numerical +error +verdict\n", text)
    assert re.search(r"  2      2  0\.25    0\.16675 +0\.33  ✗ wrong", text)


def test_ascii_only_output_keeps_every_sign_apart(mixed, loss, report):
    foreign = Finding("raises", "error", "raises ValueError: 打分矩阵")
    run = report(mixed, loss(findings=(foreign,), file="/tmp/é.py", line=1))
    text = table(run, ascii=True) + table(run, ascii=True, entries="all")
    assert text.isascii()
    assert r"\u6253\u5206" in text
    for sign in ("x wrong", "~ kink", "? unresolved", "x error", "! warning", "> divide", "+- 1e-12"):
        assert sign in text


def test_what_is_to_be_copied_stays_on_one_line(problem, loss, report):
    command = "gradcheck run " + "package.module:name " * 10 + "--seed 0"
    call = "gradcheck.check_at('package.module:a_long_name', [[0.0, 1.0]], [0])"
    wrong = loss(problem(wrong=[(0, 0)]), rerun=command, smallest_case=case(f"{call}   dS 1, numerical 0"))
    lines = table(report(wrong), width=60).splitlines()
    assert f"rerun: {command}" in lines
    assert lines[lines.index(f"smallest case: {call}") + 1].strip() == "dS 1, numerical 0"
    snippet = table(report(loss(problem(wrong=[(0, 0)]), smallest_case=case())), width=10).splitlines()
    assert {"import gradcheck", "assert 0"} <= set(snippet)


def test_a_long_message_is_wrapped_and_one_without_end_is_cut_unless_verbose(loss, report):
    long = Finding("raises", "error", "word " * 100 + "y" * 500)
    endless = Finding("raises", "error", "x" * 100_000, details="\n".join(f"line {n}" for n in range(5_000)))
    assert max(map(len, table(report(loss(findings=(long,))), width=80).splitlines())) <= 80
    short = table(report(loss(findings=(endless,))))
    assert len(short) < 5_000
    assert "98,000 more characters" in words(short)
    assert "4,970 lines left out" in short
    assert "line 4999" in short
    assert table(report(loss(findings=(endless,))), entries="all").count("x") == 100_000


HOSTILE = "a\x1b[31mred\x1b]0;title\x07\x9b2J\r\b\x00\u202eback\u2028 [bold]b[/bold] :smile: \udcff"


@pytest.mark.parametrize("width", [1, 80])
@pytest.mark.parametrize("options", [{}, {"ascii": True}, {"quiet": True}, {"entries": "all"}, {"entries": "worst"}])
def test_control_characters_and_markup_have_no_effect_wherever_they_stand(problem, loss, report, options, width):
    finding = Finding(HOSTILE, "error", HOSTILE, HOSTILE, f"{HOSTILE}\n{HOSTILE}")
    checked = loss(
        problem(scores=HOSTILE, plan=HOSTILE, why=HOSTILE), target=HOSTILE, file=f"/{HOSTILE}", line=1,
        findings=(finding,), smallest_case=case(HOSTILE), unchecked=1, cut_short=HOSTILE,
    )  # fmt: skip
    both = (loss(target=HOSTILE, error=HOSTILE, rerun=HOSTILE), checked)
    for run in (report(*both), report(both[1])):
        text = table(run, width=width, **options)
        assert not [c for c in text if c != "\n" and unicodedata.category(c) in {"Cc", "Cf", "Cs", "Zl", "Zp"}]
        text.encode("ascii" if "ascii" in options else "utf-8")
    for part in ("[bold]b[/bold]", ":smile:", r"\x1b[31mred"):
        assert part in text or width == 1


def test_what_could_not_be_checked_says_why(loss, report):
    text = table(report(loss(error="no built-in loss is called 'svn'\nthe nearest: svm", unchecked=3)))
    assert "✗ could not be checked\n  no built-in loss is called 'svn'\n  the nearest: svm" in text
    assert text.splitlines()[-1] == "not checked: svm: no built-in loss is called 'svn'"


@pytest.mark.parametrize("options", [{}, {"ascii": True}, {"entries": "all"}, {"entries": "worst"}])
@pytest.mark.parametrize("width", [40, 80, 140])
def test_named_inputs_fit_the_width_in_few_lines(wrong_layer, wide_weights, width, options):
    for run in (wrong_layer, wide_weights):
        text = table(run, width=width, **options)
        assert not too_wide(text, width) or width == 40  # where a table of numbers is wider
        if not options:
            assert len(text.splitlines()) <= (60 if width == 40 else 40)


def test_each_input_has_a_line_the_worst_last_and_grids_or_tables_of_those_that_are_wrong(wrong_layer):
    text = table(wrong_layer, width=80)
    lines = text.splitlines()
    assert [line.split()[:6] for line in lines[1:5]] == [
        ["input", "shape", "entries", "wrong", "largest", "error"],
        ["w", "6", "x", "4", "72", lines[2].split()[5]],
        ["b", "4", "12", "12", "0.33"],
        ["x", "8", "x", "2", "x", "3"],
    ]
    assert "batch size 8: dx, 8 x 2 x 3, seed 0, 8 wrong" in text  # three axes: a table
    assert "and 3 more wrong entries" in text
    assert re.search(r"^db, 4, N=\d\n +0 +1 +2 +3\n +0\.33✗ +0\.33✗", text, re.MULTILINE)
    assert "dw, 6 x 4" not in text
    assert re.search(r"^worst: N=8 dx\[\d, 1, 2\] -?[\d.]+   numerical -?[\d.]+ ± ", text, re.MULTILINE)
    whole = table(wrong_layer, width=80, entries="all")
    assert re.search(r"^dx, 3 x 2 x 3, N=3\n +0 +1 +2\n0,0 .*\n0,1 .*✗\n1,0 ", whole, re.MULTILINE)


def test_a_right_function_takes_a_line_an_input_and_many_inputs_are_summed_up():
    def linear(W, b):
        return float((W**2).sum() + b.sum()), 2 * W, np.ones(4)

    linear.__qualname__ = "linear"
    right = table(gradcheck.check(linear, inputs={"W": "[4, 5]", "b": "[4]"}), width=80)
    assert [line.split()[:1] for line in right.splitlines()[1:]] == [["input"], ["b"], ["W"], [], ["right:"]]
    many = gradcheck.check(
        lambda params: (sum(float((each**2).sum()) for each in params.values()), {k: 2 * p for k, p in params.items()}),
        inputs={"params": {f"W{k}": "[2]" for k in range(40)}},
    )
    text = table(many, width=80)
    assert len(text.splitlines()) <= 28
    assert "24 inputs and these, which are no better:" in text


def test_long_names_keep_the_end_which_tells_them_apart_and_hostile_ones_do_nothing(problem, loss, report):
    names = [f"params.{'encoder.' * 10}layer{k}\x1b[31m" for k in range(2)]
    wrong = [problem(2, 3, wrong=[(0, 0)], labels=None, input=name, shape=(2, 3)) for name in names]
    batches = [
        replace(each, worst=tuple(replace(e, input=each.input, index=(0, 0)) for e in each.worst)) for each in wrong
    ]
    for options in ({}, {"entries": "all"}, {"ascii": True}):
        text = table(report(loss(*batches)), width=80, **options)
        assert "\x1b" not in text
        assert max(map(len, text.splitlines())) <= 80
        assert all(re.search(rf"(…|\.\.\.).*layer{k}\\x1b\[31m", text) for k in range(2))
