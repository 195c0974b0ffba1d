"""The public way in from Python."""

import functools
import itertools
import subprocess
import sys
from types import SimpleNamespace

import numpy as np
import pytest
from observed import changed

import gradcheck
from gradcheck.api import as_loss
from gradcheck.errors import TargetError, UsageError
from gradcheck.losses import BUILT_INS
from gradcheck.run import check_targets

SMALL = gradcheck.Config(batch_sizes=2, classes=3, scores="normal")
softmax = BUILT_INS["softmax"].function


def wrong(S, y):
    value, dS = softmax(S, y)
    dS[0, 0] *= 1.5
    return value, dS


class Hinge:
    def __call__(self, S, y):
        return softmax(S, y)

    method = __call__


LOSSES = {
    "name": "softmax", "function": softmax, "object": Hinge(), "method": Hinge().method,
    "partial": functools.partial(lambda S, y, margin: softmax(S, y), margin=2.0), "lambda": lambda S, y: softmax(S, y),
}  # fmt: skip


@pytest.mark.parametrize("kind", LOSSES)
def test_anything_that_is_a_loss_can_be_checked(kind):
    report = gradcheck.check(LOSSES[kind], SMALL)
    assert report.passed
    assert report.losses[0].batches[0].entries == 6


def test_several_losses_are_one_report_which_is_true_if_it_passed_and_its_repr_is_the_verdict():
    report = gradcheck.check(["svm", softmax, wrong], SMALL)
    assert [loss.passed for loss in report.losses] == [True, True, False]
    last = report.losses[2]
    assert (last.target, last.file, last.line) == ("wrong", __file__, wrong.__code__.co_firstlineno)
    worst = last.batches[0].worst[0]
    assert (worst.row, worst.class_, worst.relative_error) == (0, 0, pytest.approx(1 / 3))
    assert not report
    assert repr(report).startswith("<Report: wrong: 1 of 3 losses")
    assert gradcheck.check("softmax", SMALL)


def test_without_a_config_the_defaults_count_and_no_file_is_read(tmp_path, monkeypatch):
    (tmp_path / "gradcheck.yaml").write_text("seed: [")
    monkeypatch.chdir(tmp_path)
    report = gradcheck.check("softmax")
    assert report.passed
    assert [batch.batch_size for batch in report.losses[0].batches] == [1, 1, 3, 3, 8, 8]


@pytest.mark.parametrize("thing", ["sofmax", Hinge, lambda S: 0, 3, "module_that_is_not:there", ["svm", "sofmax"]])
def test_what_is_no_loss_is_a_target_error(thing):
    with pytest.raises((TargetError, TypeError)):
        gradcheck.check(thing, SMALL)


def test_keys_of_the_configuration_are_keywords_too_and_win_over_it():
    report = gradcheck.check("softmax", SMALL, batch_sizes=[1, 4], rtol=1e-6, jobs=1, strict=True)
    assert [batch.batch_size for batch in report.losses[0].batches] == [1, 4]
    assert (report.config["rtol"], report.config["classes"], report.losses[0].strict) == (1e-6, [3], True)
    assert gradcheck.check_at("softmax", [[1.0, 2.0]], [0], plan="full").losses[0].batches[0].plan == "full"
    gradcheck.assert_gradients("softmax", batch_sizes=2, scores="normal", fail_fast=True, jobs=1)


@pytest.mark.parametrize(
    ("keywords", "error", "words"),
    [
        ({"bach_sizes": 2}, TypeError, ["unknown keyword 'bach_sizes'", "strict, ", "did you mean batch_sizes?"]),
        ({"losses": "svm"}, TypeError, ["losses"]),
        ({"framework": "torhc"}, UsageError, ["should be 'auto', 'numpy', 'torch' or 'jax'", "did you mean torch?"]),
        ({"reference": "exact"}, UsageError, ["reference: should be 'auto', 'central' or 'complex'"]),
        ({"timeout": "soon"}, UsageError, ["timeout: should be a number", "got 'soon'"]),
        ({"strict": "very"}, UsageError, ["strict: should be true or false", "got 'very'"]),
        ({"batch_sizes": [0]}, UsageError, ["batch_sizes[0]: should be at least 1"]),
    ],
    ids=str,
)
def test_a_wrong_keyword_says_what_is_right(keywords, error, words):
    for function in (gradcheck.check, gradcheck.assert_gradients):
        with pytest.raises(error) as caught:
            function("svm", **keywords)
        assert all(word in str(caught.value) for word in words)
    for keyword in ("trials", "inputs"):
        with pytest.raises(TypeError, match=f"unknown keyword '{keyword}'"):
            gradcheck.check_at("svm", [[1.0]], [0], **{keyword: 2})


@pytest.mark.parametrize("plan", ["full", "projections"])
def test_as_many_of_the_worst_entries_are_kept_as_were_asked_for(plan):
    flipped = changed("softmax", lambda dS, S, y: -dS)
    config = gradcheck.Config(batch_sizes=20, classes=5, scores="normal", plan=plan)
    for worst in (1, 4, 20):
        report = gradcheck.check(flipped, config, worst=worst)
        assert [entry.verdict for entry in report.losses[0].batches[0].worst] == ["wrong"] * worst
        assert len(report.rows()) == (100 if plan == "full" else worst)
    with pytest.raises(UsageError, match="worst: should be at least 1"):
        gradcheck.check("svm", SMALL, worst=0)


def test_scores_may_be_any_matrix_of_numbers_and_float32_ones_stay_so():
    for S in ([[1, 2, 0]], [[1.0, 2.0, 0.0]], np.array([[1, 2, 0]]), np.array([[1, 2, 0]], dtype=np.float16)):
        (batch,) = gradcheck.check_at("softmax", S, [1]).losses[0].batches
        assert (batch.batch_size, batch.classes, batch.scores, batch.labels.tolist()) == (1, 3, "given", [1])
        assert batch.value == softmax(np.array([[1.0, 2.0, 0.0]]), np.array([1]))[0]
    seen = set()

    def to_target(S, y):
        seen.add(S.dtype.name)
        return float(((S - y) ** 2).sum()), 2 * (S - y)

    report = gradcheck.check_at(to_target, np.array([[0.5, 1.0]], dtype=np.float32), [[0.25, -1.0]])
    assert (report.passed, report.losses[0].batches[0].labels) == (True, None)
    assert "float32" in seen


def test_the_callers_arrays_stay_as_they_are():
    def spoils(S, y):
        answer = softmax(S, y)
        S[:] = y[:] = 0
        return answer

    S, y = np.array([[1.0, 2.0]]), np.array([1])
    assert not gradcheck.check_at(spoils, S, y).passed
    assert (S.tolist(), y.tolist()) == ([[1.0, 2.0]], [1])


@pytest.mark.parametrize(
    ("S", "y", "words"),
    [
        ([1.0, 2.0], [0], "shape (2,)"),
        ([[]], [0], "at least one of each"),
        ([[1.0, float("nan")]], [0], "infinite or NaN"),
        ([["a", "b"]], [0], "not made of numbers"),
        ([[None, 1.0]], [0], "S is not"),
        ([[1j, 1.0]], [0], "not made of numbers"),
        ([[1.0, 2.0], [3.0]], [0], "S or y is not an array"),
        ([[1.0, 2.0]], [[1], [1, 2]], "y is not an array"),
    ],
    ids=repr,
)
def test_scores_and_labels_that_are_none_are_a_usage_error(S, y, words):
    with pytest.raises(UsageError) as caught:
        gradcheck.check_at("softmax", S, y)
    assert words in str(caught.value)


def test_assert_gradients_is_silent_or_raises_with_the_entry_the_finding_and_the_verdict_in_words(capsys):
    gradcheck.assert_gradients(["softmax", "svm"], SMALL)
    assert capsys.readouterr() == ("", "")
    with pytest.raises(AssertionError) as caught:
        gradcheck.assert_gradients(wrong, SMALL)
    message = str(caught.value)
    assert all(words in message for words in ("wrong", "batch size 2", "test_api.py", "normal(0, 1)")), message
    assert "\x1b" not in message
    assert max(map(len, message.splitlines())) <= 120
    buffer = np.empty((2, 3))

    def shared(S, y):
        value, buffer[:] = softmax(S, y)
        return value, buffer

    gradcheck.assert_gradients(shared, SMALL)
    with pytest.raises(AssertionError, match="shared-buffer"):
        gradcheck.assert_gradients(shared, SMALL, strict=True)
    with pytest.raises(AssertionError, match="ZeroDivisionError: division by zero"):
        gradcheck.assert_gradients(lambda S, y: 1 / 0, SMALL)


@pytest.mark.parametrize(
    ("code", "heavy"),
    [
        ("import gradcheck", "numpy rich typer"),
        ("import gradcheck.pytest_plugin", "numpy pydantic"),
        ("import gradcheck; assert gradcheck.check('svm').passed", "torch jax joblib distributed typer"),
        ("import gradcheck, gradcheck.run, gradcheck.cli; assert gradcheck.check('svm').passed", "torch jax joblib"),
    ],
)
def test_what_is_not_needed_is_not_imported_and_no_module_takes_the_place_of_a_function(code, heavy):
    code = f"{code}\nimport sys\nprint(sorted({set(heavy.split())} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def svm(S, y):
    """Not the built-in of this name."""
    return (S**2).sum() / 2, 2 * S


def test_a_report_reads_as_the_terminal_shows_it_and_gives_a_row_for_each_entry(monkeypatch):
    report = gradcheck.check(svm, batch_sizes=[2], scores="normal")
    assert str(report).startswith("svm  ")
    assert str(report).endswith("missing-mean")
    rows = report.rows()
    assert [(row["row"], row["class"]) for row in rows] == [(row, at) for row in range(2) for at in range(5)]
    assert {row["verdict"] for row in rows} == {"wrong"}
    assert all(row["analytic"] == pytest.approx(2 * row["numerical"]) for row in rows)
    monkeypatch.setitem(sys.modules, "pandas", SimpleNamespace(DataFrame=list))
    assert report.to_frame() == rows
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(ImportError, match=r"rows\(\) gives the same"):
        report.to_frame()


def test_the_command_that_repeats_a_check_is_left_out_where_no_target_leads_to_the_function():
    assert gradcheck.check(svm).losses[0].rerun == ""
    assert gradcheck.check("svm").losses[0].rerun.startswith("gradcheck run svm ")


RUN = gradcheck.Config(batch_sizes=[1, 2], classes=3, scores=["normal", "integers(-2, 2)"])
twice = changed("softmax", lambda dS, S, y: 2 * dS, "twice")


def test_the_same_run_twice_or_beside_other_targets_is_the_same_report():
    alone = gradcheck.check(["svm", twice], RUN).losses
    among = gradcheck.check(["softmax", lambda S, y: 1 / 0, "svm", twice], RUN).losses[2:]
    told, again = (
        [(b.seed, b.value, b.evaluations, b.worst) for loss in x for b in loss.batches] for x in (alone, among)
    )
    assert told == again
    assert len(told) == 8


def test_errors_stand_before_warnings_and_fail_though_every_entry_is_right():
    buffers = {N: np.empty((N, 3)) for N in (1, 2)}

    def both(S, y):
        value, buffers[len(S)][:] = softmax(S, y)
        S[:] = 0
        return value, buffers[len(S)]

    (loss,) = gradcheck.check(both, RUN).losses
    assert [(f.code, f.severity) for f in loss.findings] == [("mutates-input", "error"), ("shared-buffer", "warning")]
    assert loss.failed
    assert all(batch.passed for batch in loss.batches)


def test_fail_fast_stops_at_the_first_problem_that_fails_and_leaves_the_other_targets():
    report = gradcheck.check(["softmax", twice, "svm"], RUN, fail_fast=True)
    assert [len(loss.batches) for loss in report.losses] == [4, 1]
    assert report.exit_code == 1
    assert [len(loss.batches) for loss in gradcheck.check(["softmax", "svm"], RUN, fail_fast=True).losses] == [4, 4]


@pytest.mark.parametrize("call", [1, 2, 3, 30, 100])
def test_ctrl_c_ends_with_130_and_keeps_what_was_done_and_goes_through_in_python(call):
    calls = itertools.count(1)

    def interrupted(S, y):
        if next(calls) == call:
            raise KeyboardInterrupt
        return softmax(S, y)

    report = check_targets([as_loss(each) for each in ("svm", interrupted, twice)], RUN)
    assert (report.interrupted, report.exit_code, report.passed) == (True, 130, False)
    assert [len(loss.batches) + loss.unchecked for loss in report.losses] == [4, 4, 4]
    assert [loss.passed for loss in report.losses] == [True, False, False]
    first, second, third = report.losses
    assert (len(first.batches), third.unchecked) == (4, 4)
    assert (call == 100) <= len(second.batches) < 4
    assert second.cut_short.startswith("batch size ")
    calls = itertools.count(1)
    with pytest.raises(KeyboardInterrupt):
        gradcheck.check(interrupted, RUN)


@pytest.mark.parametrize(
    ("max_entries", "asked", "plan"), [(15, "auto", "per-sample"), (14, "auto", "projections"), (10, "full", "full")]
)
def test_more_entries_than_max_entries_are_checked_by_projections_unless_a_plan_was_asked_for(max_entries, asked, plan):
    config = gradcheck.Config(batch_sizes=3, classes=5, scores="normal", max_entries=max_entries, plan=asked)
    (batch,) = gradcheck.check("softmax", config).losses[0].batches
    assert batch.plan == plan
    assert (batch.projections is None) == (batch.verdicts is not None) == (plan != "projections")


def test_float32_is_what_the_loss_is_given_and_float64_what_it_is_judged_by_where_it_takes_that():
    config, seen = gradcheck.Config(batch_sizes=3, classes=5, dtype="float32"), []

    def remembers(S, y):
        seen.append(S.dtype.name)
        return softmax(S, y)

    def only_single(S, y):
        assert S.dtype == np.float32
        return softmax(S, y)

    report = gradcheck.check(remembers, config)
    assert report.passed
    assert sum(batch.evaluations for batch in report.losses[0].batches) == len(seen)
    assert {*seen} == {"float32", "float64"}
    assert gradcheck.check(only_single, config).passed
    off = changed("softmax", lambda dS, S, y: dS * np.float32(1.001))
    assert gradcheck.check(off, config).losses[0].batches[0].wrong > 0
