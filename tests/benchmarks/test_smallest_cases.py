"""The smallest failing case of every wrong loss: what it costs, whether it fails, and whether it is the smallest."""

import re

import numpy as np
import pytest
from corpora import WRONG
from judging import asked

import gradcheck

pytestmark = [pytest.mark.benchmark, pytest.mark.xdist_group("wrong losses")]

CONFIGS = {
    "the defaults": gradcheck.Config(),
    "one problem": gradcheck.Config(batch_sizes=[3], scores="normal"),
    "float32": gradcheck.Config(dtype="float32"),
}
#: Every fourth: to try them all takes a quarter of an hour.
SOME = tuple(WRONG)[::4]


@pytest.fixture(autouse=True)
def quiet_numpy():
    """What is not finite is told by a finding."""
    with np.errstate(all="ignore"):
        yield


@pytest.mark.parametrize(
    ("name", "config"),
    [(name, "the defaults") for name in WRONG]
    + [(name, other) for other in ("one problem", "float32") for name in SOME],
)
def test_a_snippet_that_fails_is_found_within_the_calls_granted(name, config):
    loss = WRONG[name].function
    defaults = config == "the defaults"
    report = asked(WRONG[name]).report if defaults else gradcheck.check(loss, CONFIGS[config]).losses[0]
    if not report.failed:
        return  # one problem, or float32, shows nothing of it
    case, calls = report.smallest_case, sum(batch.evaluations for batch in report.batches)
    assert case.code == next((finding.code for finding in report.findings if finding.severity == "error"), "wrong")
    assert case.S.dtype == CONFIGS[config].dtype
    assert report.evaluations_to_explain <= (calls / 4 if calls else 40)
    (name_in_it,) = re.findall("^# (.*): the loss that was checked", case.snippet, re.MULTILINE)
    with pytest.raises(AssertionError):
        exec(case.snippet, {name_in_it: loss})


@pytest.mark.parametrize("name", SOME)
def test_nothing_smaller_fails_at_random(name):
    loss = WRONG[name].function
    case = asked(WRONG[name]).report.smallest_case
    if case.code in ("hangs", "not-deterministic"):
        return  # the one is shown as it was; of the other, what fails again and again
    N, C = case.S.shape
    sizes = [(N, classes) for classes in range(C - 1, 0, -1)]
    sizes += [(rows, classes) for rows in range(N - 1, 0, -1) for classes in (C, 5, 2, 1)]
    for rows, classes in dict.fromkeys(sizes[:8]):
        config = gradcheck.Config(batch_sizes=[rows], classes=[classes], trials=2, seed=100)
        report = gradcheck.check(loss, config).losses[0]
        if case.analytic is None:
            errors = {finding.code for finding in report.findings if finding.severity == "error"}
            assert case.code not in errors, (rows, classes)
        elif np.any(case.analytic != case.numerical):
            assert not any(batch.wrong for batch in report.batches), (rows, classes)
