"""The table at any width, in any encoding, and with anything in the text that comes from outside."""

from __future__ import annotations

import re
import unicodedata
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import cell_len

from gradcheck.output import FORMATS, Options
from gradcheck.report import Finding, LossReport, Report

ANSI = re.compile(r"\x1b\[[0-9;]*m")


def table(report: Report, **options: Any) -> str:
    return FORMATS["table"](report, Options(**options))


def test_without_colour_there_is_no_escape_code_and_with_it_nothing_else_changes(mixed, loss, report):
    everything = report(mixed, loss(error="no such module", target="x"))
    plain, coloured = table(everything), table(everything, color=True)
    assert "\x1b" not in plain
    assert ANSI.search(coloured)
    assert [line.rstrip() for line in ANSI.sub("", coloured).splitlines()] == plain.splitlines()


@pytest.mark.parametrize("verbose", [False, True])
@pytest.mark.parametrize("width", [80, 100, 120, 140])
def test_no_line_is_wider_than_the_width_and_no_number_is_cut(problem, loss, report, width, verbose):
    batches = [
        problem(
            n,
            c,
            scores="student-t(2, 1)",
            wrong=[(0, 0)],
            unresolved=[(0, 1)],
            evaluations=1_234_567,
            seconds=99.0,
        )
        for n in (8, 64)
        for c in (5, 12, 1000)
    ]
    text = table(report(loss(*batches)), width=width, verbose=verbose)
    assert max(map(cell_len, text.splitlines())) <= width
    assert "…" not in text
    assert "12,345" not in text.replace("1,234,567", "")
    assert not re.search(r"\de-?$|\d\.$", text, re.MULTILINE)


@pytest.mark.parametrize("width", [1, 10, 20, 40])
def test_at_an_absurd_width_a_table_stays_whole_and_keeps_what_decides(mixed, report, width):
    text = table(report(mixed), width=width)
    assert "…" not in text
    assert re.search(r"row class analytic numerical +error +verdict", text)
    assert re.search(r" 2     2     0\.25   0\.16675     0\.33 ✗ wrong", text)


def test_at_80_columns_a_summary_gives_up_what_says_nothing_before_time_and_evaluations(mixed, report):
    text = table(report(mixed), width=80, entries="none")
    text = text[text.index(" batch") :]
    assert "problems" not in text
    for kept in ("wrong", "gradient", "solved", "rel. error", "ations", "time"):
        assert kept in text


def test_ascii_only_output_keeps_every_sign_apart(mixed, loss, report):
    foreign = Finding("raises", "error", "raises ValueError: 打分矩阵")
    text = table(report(mixed, loss(findings=(foreign,), file="/tmp/é.py", line=1)), ascii=True)
    assert text.isascii()
    assert r"\u6253\u5206" in text
    for sign in ("x wrong", "~ subgradient", "? unresolved", "x error", "! warning", "-> divide"):
        assert sign in text


def test_wide_characters_are_counted_as_the_terminal_does(loss, report):
    text = table(report(loss(findings=(Finding("raises", "error", "打分矩阵" * 60),))), width=80)
    assert max(map(cell_len, text.splitlines())) <= 80


def test_a_command_to_copy_stays_on_one_line(problem, loss, report):
    command = "gradcheck run " + "package.module:name " * 10 + "--seed 0"
    assert command in table(report(loss(problem(), rerun=command)), width=60).splitlines()


def test_a_long_message_is_wrapped_and_one_without_end_is_cut_unless_verbose(loss, report):
    long = Finding("raises", "error", "word " * 100 + "y" * 500)
    endless = Finding("raises", "error", "x" * 100_000, details="\n".join(f"line {n}" for n in range(5_000)))
    assert max(map(len, table(report(loss(findings=(long,))), width=80).splitlines())) <= 80
    short = table(report(loss(findings=(endless,))))
    assert len(short) < 5_000
    assert "98,000 more characters" in " ".join(short.split())
    assert "4,970 lines left out" in short
    assert "line 4999" in short
    assert table(report(loss(findings=(endless,))), verbose=True).count("x") == 100_000


# Text from outside

HOSTILE = "a\x1b[31mred\x1b]0;title\x07\x9b2J\r\b\x00\u202eback\u2028 [bold]b[/bold] :smile: \udcff"


def test_control_characters_and_markup_come_out_inert_wherever_they_stand(problem, loss, report):
    finding = Finding(HOSTILE, "error", HOSTILE, HOSTILE, f"{HOSTILE}\n{HOSTILE}")
    everything = report(
        loss(
            problem(scores=HOSTILE, plan=HOSTILE),
            target=HOSTILE,
            file=f"/{HOSTILE}",
            line=1,
            findings=(finding,),
        ),
        loss(target=HOSTILE, error=HOSTILE, rerun=HOSTILE),
    )
    for options in ({}, {"ascii": True}, {"quiet": True}, {"verbose": True}):
        text = table(everything, **options)
        assert not [c for c in text if c != "\n" and unicodedata.category(c) in {"Cc", "Cf", "Cs", "Zl", "Zp"}]
        assert "[bold]b[/bold]" in text
        assert ":smile:" in text
        assert r"\x1b[31mred" in text
        text.encode("utf-8")


@settings(max_examples=40, deadline=None)
@given(text=st.text(max_size=60), width=st.integers(1, 150), color=st.booleans(), ascii_only=st.booleans())
def test_any_text_from_outside_renders_at_any_width(text, width, color, ascii_only):
    finding = Finding(text, "error", text, text, text)
    target = LossReport(text, text, 3, (), (finding,), error=text or "no", rerun=text)
    rendered = table(Report("0", {}, (target, target)), width=width, color=color, ascii=ascii_only)
    rest = ANSI.sub("", rendered) if color else rendered
    assert not [c for c in rest if c != "\n" and unicodedata.category(c) == "Cc"]
    assert not ascii_only or rest.isascii()


def test_tabs_in_a_traceback_become_blanks(loss, report):
    assert "        dS" in table(report(loss(findings=(Finding("raises", "error", "raises", details="\t\tdS"),))))


def test_numbers_that_are_not_finite_are_shown_as_they_are(problem, loss, report):
    shown = problem(1, 3, wrong=[(0, 0)])
    shown.relative_errors[0] = [np.nan, np.inf, 0.0]
    row = next(line for line in table(report(loss(shown))).splitlines() if line.startswith("    0"))
    assert row.split() == ["0", "[nan]✗", "inf", "0"]


def test_what_is_narrower_than_its_neighbours_ends_where_their_numbers_end(problem, loss, report):
    shown = problem(3, 2, wrong=[(0, 1)], labels=[0, 0, 1])
    shown.relative_errors[1] = 0.0
    text = table(report(loss(shown)))
    assert "\n".join(text.splitlines()[3:8]) == (
        "  row   class 0     class 1\n"
        " ─────────────────────────────\n"
        "    0  [3.1e-11]       0.33 ✗\n"
        "    1        [0]          0\n"
        "    2   3.1e-11    [3.1e-11]"
    )


def test_the_text_ends_with_one_newline_and_no_line_with_blanks(mixed, report):
    text = table(report(mixed))
    assert text.endswith("\n")
    assert not text.endswith("\n\n")
    assert all(line == line.rstrip() for line in text.splitlines())
