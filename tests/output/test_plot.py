"""Pictures: that they are ones, and hold what they should."""

from __future__ import annotations

import builtins
import io
from dataclasses import replace
from pathlib import Path

import pytest
from hostile_text import HOSTILE

from gradcheck.errors import UsageError
from gradcheck.output.plot import picture, refuse_what_cannot_be_drawn

matplotlib = pytest.importorskip("matplotlib")


@pytest.fixture
def in_doubt(loss, problem):
    """A loss with a wrong entry that was tried at several steps."""
    one = problem(3, wrong=[(1, 2)])
    tried = tuple((4.0**-k, 0.25 + 4.0 ** (-2 * k) + 1e-16 * 4.0**k) for k in range(10))
    return loss(problem(1), replace(one, worst=(replace(one.worst[0], tried=tried), *one.worst[1:])))


@pytest.mark.parametrize(("kind", "begins"), [("png", b"\x89PNG"), ("svg", b"<?xml"), ("pdf", b"%PDF")])
def test_every_kind_of_picture_can_be_written(report, in_doubt, kind, begins):
    assert picture(report(in_doubt), kind).startswith(begins)


def test_the_picture_names_the_loss_the_problems_and_the_entry_in_doubt(report, in_doubt):
    with matplotlib.rc_context({"svg.fonttype": "none"}):  # letters as text
        text = picture(report(in_doubt), "svg").decode()
    for words in ("svm: wrong", "batch size 1, normal(0, 1)", "batch size 3", "dS[1, 2]: wrong", "the step taken"):
        assert words in text


def test_without_an_entry_in_doubt_there_is_no_plot_of_steps(report, loss, problem):
    with matplotlib.rc_context({"svg.fonttype": "none"}):
        text = picture(report(loss(problem(3))), "svg").decode()
    assert "the step taken" not in text
    assert "largest relative error" in text


def test_a_report_of_nothing_is_a_picture_too(report, loss):
    assert picture(report(loss(error="no such module")), "png").startswith(b"\x89PNG")


def test_text_from_outside_is_no_mathematics(report, loss, problem):
    name = f"$\\frac{{1}}{{2$ {HOSTILE}"
    assert picture(report(loss(problem(3, scores=name), target=name)), "png").startswith(b"\x89PNG")


def test_the_picture_is_as_wide_as_it_says_and_not_blank(report, in_doubt):
    pixels = matplotlib.image.imread(io.BytesIO(picture(report(in_doubt), "png")))
    assert pixels.shape[1] > 1000
    assert pixels.std() > 0.1


@pytest.mark.parametrize("name", ["errors", "errors.jpg", "errors.png.txt"])
def test_a_file_of_another_kind_is_refused_before_the_work(name):
    with pytest.raises(UsageError, match=r"\.png, \.svg or \.pdf"):
        refuse_what_cannot_be_drawn(Path(name))


def test_without_matplotlib_it_says_what_to_install(monkeypatch):
    original = builtins.__import__

    def without(name, *rest):
        if name.startswith("matplotlib"):
            raise ImportError(name)
        return original(name, *rest)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(UsageError) as caught:
        refuse_what_cannot_be_drawn(Path("errors.png"))
    assert "gradcheck[plot]" in caught.value.hint
