"""gradcheck on the corpus of layers: no right one is accused, every wrong one is caught, and its place is named."""

from __future__ import annotations

import functools

import pytest

import gradcheck
from gradcheck.report import LossReport
from layers import RIGHT, WRONG, LayerCase

pytestmark = pytest.mark.benchmark


@functools.cache
def report_of(case: LayerCase) -> LossReport:
    beside = {key: getattr(case, key) for key in ("gradient", "backward", "value") if getattr(case, key) is not None}
    report = gradcheck.check(
        case.function, inputs=case.inputs, wrt=case.wrt, sizes=case.sizes, reseed=case.reseed, **beside
    )
    (loss,) = report.losses
    return loss


@pytest.mark.parametrize("name", RIGHT)
def test_a_right_one_is_right_in_every_entry(name: str) -> None:
    loss = report_of(RIGHT[name])
    assert loss.passed, loss.error or loss.findings
    assert not any(batch.unresolved for batch in loss.batches)
    assert all(finding.severity == "note" for finding in loss.findings)


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_one_is_wrong_where_its_author_slipped(name: str) -> None:
    case, loss = WRONG[name], report_of(WRONG[name])
    assert not loss.passed
    if loss.error:  # a gradient of another shape cannot be checked, and the message names it
        assert "has shape" in loss.error
        assert any(f"gradient of {place}" in loss.error for place in case.place)
        return
    seen = {each.name for batch in loss.batches for each in batch.by_input if each.wrong}
    assert seen == set(case.place)


def test_most_findings_name_the_cause_or_the_exact_place() -> None:
    """The cause in words, indices or a condition; or, of a function of several inputs, those that are wrong."""
    led = {name: _is_led(case, report_of(case)) for name, case in WRONG.items()}
    missed = [name for name, is_led in led.items() if not is_led]
    assert len(missed) <= len(WRONG) // 10, missed


def _is_led(case: LayerCase, loss: LossReport) -> bool:
    if loss.error:
        return True
    leading = next(finding for finding in loss.findings if finding.severity == "error")
    text = f"{leading.code} {leading.message} {leading.hint}".lower()
    inputs = {each.name for batch in loss.batches for each in batch.by_input}
    names_the_inputs = case.place != tuple(inputs) and all(f"d{place}" in leading.message for place in case.place)
    in_words = any(cause.lower() in text for cause in case.causes)
    return in_words or leading.code == "one-region" or (names_the_inputs and len(inputs) > len(case.place))
