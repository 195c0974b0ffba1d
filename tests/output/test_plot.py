"""Pictures: that they are ones, and hold what they should."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from hostile_text import HOSTILE

from gradcheck.errors import UsageError
from gradcheck.output.plot import picture, refuse_what_cannot_be_drawn

matplotlib = pytest.importorskip("matplotlib")


@pytest.fixture
def wrong(loss, problem):
    return loss(problem(1), problem(3, wrong=[(1, 2)]))


@pytest.mark.parametrize(("kind", "begins"), [("png", b"\x89PNG"), ("svg", b"<?xml"), ("pdf", b"%PDF")])
def test_every_kind_of_picture_can_be_written(report, wrong, kind, begins):
    assert picture(report(wrong), kind).startswith(begins)


def test_the_picture_names_the_loss_the_problems_and_the_verdicts(report, wrong):
    with matplotlib.rc_context({"svg.fonttype": "none"}):  # letters as text
        text = picture(report(wrong), "svg").decode()
    for words in ("svm: wrong", "batch size 1, 5 classes, normal(0, 1)", "batch size 3", "relative error", ">wrong<"):
        assert words in text


def test_a_report_of_nothing_is_a_picture_too(report, loss):
    assert picture(report(loss(error="no such module")), "png").startswith(b"\x89PNG")


def test_text_from_outside_is_no_mathematics(report, loss, problem):
    name = f"$\\frac{{1}}{{2$ {HOSTILE}"
    assert picture(report(loss(problem(3, scores=name), target=name)), "png").startswith(b"\x89PNG")


@pytest.mark.parametrize("name", ["errors", "errors.jpg", "errors.png.txt"])
def test_a_file_of_another_kind_is_refused_before_the_work(name):
    with pytest.raises(UsageError, match=r"\.png, \.svg or \.pdf"):
        refuse_what_cannot_be_drawn(Path(name))


def test_without_matplotlib_it_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(UsageError) as caught:
        refuse_what_cannot_be_drawn(Path("errors.png"))
    assert "gradcheck[plot]" in caught.value.hint


def test_inputs_of_a_function_are_named(wrong_layer, wide_weights):
    with matplotlib.rc_context({"svg.fonttype": "none"}):
        text = picture(wrong_layer, "svg").decode()
        assert "no matrix of relative errors" in picture(wide_weights, "svg").decode()
    for words in ("batch size 8, dx, 8 x 2 x 3", "batch size 1, db, 4", "last axis"):
        assert words in text
