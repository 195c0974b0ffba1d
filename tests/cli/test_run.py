"""The command line, in this process: options, formats, exit codes, messages."""

import sys
from pathlib import Path

import pytest
from command_line import report_of, run

from gradcheck import cli
from gradcheck.version import __version__


@pytest.mark.parametrize(
    ("words", "code", "last"),
    [
        ("svm softmax", 0, "right: all 2 losses"),
        ("svm --quiet", 0, "right: 120 entries"),
        ("svm mine.py:wrong --quiet", 1, "wrong: 1 of 2"),
        ("mine.py:raising", 1, "wrong: "),
        ("mine.py:drowned", 0, "unresolved: "),
        ("mine.py:drowned --strict", 1, "unresolved: "),
        ("nosuch", 2, "not checked: "),
        ("nosuch svm", 2, "not checked: 1 of 2"),
        ("nosuch mine.py:wrong", 1, "wrong: 1 of 2"),
        ("svm --set max_entries=4", 0, "right: "),
        ("mine.py:wrong --set max_entries=4", 1, "wrong: "),
        ("mine.py:wrong mine.py:interrupted", 130, "interrupted: "),
    ],
)
def test_the_exit_code_and_the_last_line_say_the_verdict(words, code, last):
    result = run(words)
    assert (result.exit_code, result.stderr) == (code, "")
    lines = result.stdout.strip().splitlines()
    assert lines[-1].startswith(last)
    assert (len(lines) == 1) is ("--quiet" in words)


@pytest.mark.parametrize(
    ("error", "code", "said"),
    [(RuntimeError("oops"), 2, "an error in gradcheck itself, not in your loss"), (KeyboardInterrupt(), 130, "")],
    ids=str,
)
def test_an_error_in_gradcheck_itself_is_2_and_ctrl_c_is_130(monkeypatch, capsys, error, code, said):
    def broken(*arguments):
        raise error

    monkeypatch.setattr(sys.modules["gradcheck.cli.run"], "check_targets", broken)
    monkeypatch.setattr(sys, "argv", ["gradcheck", "run", "svm"])
    with pytest.raises(SystemExit) as end:
        cli.main()
    assert end.value.code == code
    assert said in capsys.readouterr().err


def test_a_problem_of_too_many_entries_shows_no_grid_and_as_many_of_the_worst_as_were_asked_for():
    of_one = "mine.py:wrong --batch-size 4 --scores normal --set max_entries=10 --worst"
    shown = [run(f"{of_one} {worst}").stdout for worst in (1, 3)]
    assert [text.count("  ✗ wrong") for text in shown] == [1, 3]
    assert all("4 random directions" in text and "relative error of each entry" not in text for text in shown)


def test_every_option_takes_effect():
    options = "--seed 5 --trials 2 --batch-size 2,4 --classes 3 --scores uniform --rtol 1e-6 --atol 1e-12"
    options += " --dtype float32 --set labels.distribution=skewed"
    report = report_of(f"svm {options} --scores 'normal(0, 0.5)'")
    assert (report["schema"], report["version"]) == (1, __version__)
    batches = report["losses"][0]["batches"]
    assert {b["batch_size"] for b in batches} == {2, 4}
    assert {b["classes"] for b in batches} == {3}
    assert {b["scores"] for b in batches} == {"normal(0, 0.5)", "uniform(-1, 1)"}
    assert {(b["trial"], b["seed"]) for b in batches} == {(0, 5), (1, 6)}
    labels = {"kind": "class", "distribution": "skewed", "ignored": 0.0}
    assert {"rtol": 1e-6, "atol": 1e-12, "dtype": "float32", "labels": labels}.items() <= report["config"].items()


def test_options_win_over_the_file_and_the_file_over_the_defaults():
    Path("gradcheck.yaml").write_text("losses: [softmax]\nbatch_sizes: [2]\nclasses: [3]\nseed: 4\n")
    report = report_of("--seed 9")
    assert [loss["target"] for loss in report["losses"]] == ["softmax"]
    assert (report["config"]["seed"], report["config"]["batch_sizes"]) == (9, [2])
    Path("other.yaml").write_text("losses: [svm, softmax]\nclasses: 2\n")
    assert [loss["target"] for loss in report_of("-c other.yaml")["losses"]] == ["svm", "softmax"]
    assert [loss["target"] for loss in report_of("brier")["losses"]] == ["brier"]


def test_a_target_named_twice_is_checked_once():
    assert len(report_of("svm svm")["losses"]) == 1


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ("", ["nothing to check", "gradcheck run svm", "gradcheck list"]),
        ("svm --batch-size two", ["--batch-size: should be a whole number; got 'two'"]),
        ("svm --timeout soon", ["--timeout: should be a number; got 'soon'"]),
        ("svm --bach-size 2", ["--bach-size", "--batch-size"]),
        ("svm --worst 0", ["--worst"]),
        ("svm --dtype int8", ["--dtype", "float64", "float32", "int8"]),
        ("svm --rtol nan", ["--rtol", "a number"]),
        ("svm --set sed=1", ["--set sed=1", "seed"]),
        ("svm --config nosuch.yaml", ["nosuch.yaml"]),
        ("svm --config .", ["directory"]),
        ("svm --output .", ["cannot be written"]),
        ("svm --timeout 0", ["--timeout is 0"]),
        ("svm --max-seconds -1", ["--max-seconds is -1"]),
        ("svm --timeout nan", ["--timeout"]),
    ],
)
def test_a_mistake_gets_a_message_on_standard_error_and_no_report(arguments, words):
    result = run(arguments)
    assert (result.exit_code, result.stdout) == (2, "")
    for word in words:
        assert word in result.stderr
    assert "\\n" not in result.stderr  # lines are lines


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        ("softmax --hessian", 0, "right: 20 entries of softmax agree"),
        ("svm --hessian", 2, "no second derivatives after value and gradient"),
        ("mine.py:right --hvp product", 0, "right: 10 entries of mine.py:right, second derivatives agree"),
        ("mine.py:right --hvp twice", 1, "wrong: 10 of 10 entries of mine.py:right, second derivatives disagree"),
        ("svm --order 2", 2, "order 2 is for PyTorch and JAX"),
        ("svm --order x", 2, "--order: should be 1 or 2; got 'x'"),
        ("svm --entry S[1,4]", 0, "dS[1, 4] is right"),
        ("svm --entry S[9,9]", 2, "there is no entry S[9,9]"),
        ("svm --against svm", 0, "value and gradient are those of svm"),
        ("mine.py:right --against svm", 1, "unlike"),
    ],
)
def test_second_derivatives_entries_and_other_functions_from_the_command_line(words, code, said):
    result = run(f"{words} --batch-size 2 --scores normal")
    assert result.exit_code == code
    assert said in result.stdout + result.stderr
