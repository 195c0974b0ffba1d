"""gradcheck on the corpus of layers: no right one is accused, every wrong one is caught and led by its cause."""

import functools

import pytest

import gradcheck
from layers import RIGHT, WRONG

pytestmark = pytest.mark.benchmark


@functools.cache
def report_of(case):
    report = gradcheck.check([case.function], **case.keywords, **case.beside)
    return report.losses[0]


@pytest.mark.parametrize("name", RIGHT)
def test_a_right_one_is_right_in_every_entry(name):
    loss = report_of(RIGHT[name])
    assert loss.passed, loss.error or loss.findings
    assert not any(batch.unresolved for batch in loss.batches)
    assert all(finding.severity == "note" for finding in loss.findings)


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_one_is_wrong_where_its_author_slipped(name):
    case, loss = WRONG[name], report_of(WRONG[name])
    assert not loss.passed
    if loss.error:  # a gradient of another shape cannot be checked, and the message names it
        assert "has shape" in loss.error
        assert any(f"gradient of {place}" in loss.error for place in case.place)
        return
    seen = {batch.input for batch in loss.batches if batch.wrong}
    assert seen == set(case.place)


def test_most_findings_name_the_cause_or_the_exact_place():
    """The cause in words, indices or a condition; or, of a function of several inputs, those that are wrong."""
    led = {name: _is_led(case, report_of(case)) for name, case in WRONG.items()}
    missed = [name for name, is_led in led.items() if not is_led]
    assert len(missed) <= len(WRONG) // 10, missed


def _is_led(case, loss):
    if loss.error:
        return True
    leading = next(finding for finding in loss.findings if finding.severity == "error")
    text = f"{leading.code} {leading.message} {leading.hint}".lower()
    inputs = {batch.input for batch in loss.batches}
    if "no known cause" in leading.message:  # then the inputs that are wrong are a place, if others are right
        return inputs > set(case.place) and all(f"d{place}" in leading.message for place in case.place)
    return leading.code == "one-region" or any(cause.lower() in text for cause in case.causes)
