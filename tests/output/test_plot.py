"""Pictures: that they are ones, and hold what they should."""

import sys
from pathlib import Path

import pytest
from hostile_text import HOSTILE

from gradcheck.errors import UsageError
from gradcheck.output.plot import picture, refuse_what_cannot_be_drawn

matplotlib = pytest.importorskip("matplotlib")


@pytest.mark.parametrize(("kind", "begins"), [("png", b"\x89PNG"), ("svg", b"<?xml"), ("pdf", b"%PDF")])
def test_every_kind_of_picture_can_be_written_whatever_its_text(report, loss, problem, kind, begins):
    name = f"$\\frac{{1}}{{2$ {HOSTILE}"  # no mathematics
    for one in (loss(error="no such module"), loss(problem(3, scores=name, wrong=[(1, 2)]), target=name)):
        assert picture(report(one), kind).startswith(begins)


def test_the_picture_names_the_loss_the_problems_and_the_verdicts(report, loss, problem, wrong_layer, wide_weights):
    of_scores = report(loss(problem(1), problem(3, wrong=[(1, 2)])))
    with matplotlib.rc_context({"svg.fonttype": "none"}):  # letters as text
        scores, layer, wide = (picture(each, "svg").decode() for each in (of_scores, wrong_layer, wide_weights))
    for words in ("svm: wrong", "batch size 1, 5 classes, normal(0, 1)", "batch size 3", "relative error", ">wrong<"):
        assert words in scores
    for words in ("batch size 8, dx, 8 x 2 x 3", "batch size 1, db, 4", "last axis"):
        assert words in layer
    assert "no matrix of relative errors" in wide


def test_without_matplotlib_it_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(UsageError) as caught:
        refuse_what_cannot_be_drawn(Path("errors.png"))
    assert "gradcheck[plot]" in caught.value.hint
