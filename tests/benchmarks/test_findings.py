"""Why a gradient is wrong: is it said, is the right reason first, and is nothing said of right losses?"""

from __future__ import annotations

import inspect
from collections import Counter

import pytest
from right_losses import RIGHT
from score_kinds import SCORES, SHAPES, draw
from wrong_losses import CONTRACT, QUIET, WARNED, WRONG, Case
from wrong_losses_checked import asked

import gradcheck

pytestmark = [pytest.mark.benchmark, pytest.mark.xdist_group("wrong losses")]

#: This part of the wrong losses must have the expected reason first.
LEADING = 0.95
#: Calls for findings beside those of the problems, as a part of these.
BESIDE = 0.25
#: What a loss can be wrong by at the default configuration. A loss that hangs needs a time limit, and projections
#: more entries.
ERRORS = (CONTRACT - {"hangs"}) | {
    "sign-flipped", "missing-mean", "averaged-twice", "constant-factor", "missing-label-term", "label-column",
    "other-columns", "one-class", "one-row", "batch-size-dependent", "labels-misaligned", "transposed",
    "truncated-to-integer", "missing-regularizer", "gradient-of-another-loss", "value-of-another-loss",
    "not-a-gradient", "log-guard", "removable-jump", "not-a-subgradient",
}  # fmt: skip
WARNINGS = {"shared-buffer", "vacuous", "overflows", "not-the-mean", "reductions-disagree"}
NOTES = {"constant-offset", "sum-over-rows"}

PAIRS = [name for name, case in WRONG.items() if case.with_]
#: The kinds of ``score_kinds``, as a configuration has them.
FOUR_KINDS = [
    {"distribution": "normal"},
    {"distribution": "integers", "low": -2, "high": 2},
    {"distribution": "normal", "scale": 1e-3},
    {"distribution": "normal", "scale": 1e3},
]


# --- the losses themselves --------------------------------------------------------------------------------


def test_every_reason_has_at_least_three_losses() -> None:
    counts = Counter(case.code for case in WRONG.values())
    assert set(counts) == ERRORS
    assert min(counts.values()) >= 3, counts
    assert len(WRONG) >= 80
    assert len(PAIRS) >= 8


def test_every_warning_and_note_has_at_least_two_losses() -> None:
    counts = Counter(case.code for case in WARNED.values())
    assert set(counts) == WARNINGS | NOTES
    assert min(counts.values()) >= 2, counts


def test_every_loss_says_its_mistake_in_one_line() -> None:
    for case in [*WRONG.values(), *WARNED.values(), *QUIET.values()]:
        doc = inspect.getdoc(case.function)
        assert doc, case.name
        assert "\n" not in doc, case.name


# --- wrong losses -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_loss_is_caught(name: str) -> None:
    assert asked(WRONG[name]).exit_code == 1


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_loss_is_given_a_reason(name: str) -> None:
    report = asked(WRONG[name]).report
    assert any(finding.severity == "error" for finding in report.findings), report.findings


def test_the_leading_reason_is_the_right_one() -> None:
    misses = []
    for case in WRONG.values():
        found = asked(case).codes
        if not found or found[0] not in case.acceptable:
            misses.append(f"{case.name}: {' or '.join(case.acceptable)}, but found {', '.join(found) or 'nothing'}")
    right = len(WRONG) - len(misses)
    said = f"{right} of {len(WRONG)} wrong losses have the right reason first; not:\n" + "\n".join(misses)
    print("\n" + said)
    assert right >= LEADING * len(WRONG), said


@pytest.mark.parametrize("name", PAIRS)
def test_two_defects_are_both_named(name: str) -> None:
    case = WRONG[name]
    assert case.with_ <= set(asked(case).codes), asked(case).codes


# --- right losses -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", WARNED)
def test_a_right_loss_is_warned_of_and_passes(name: str) -> None:
    case = WARNED[name]
    assert asked(case).exit_code == 0
    severities = {finding.code: finding.severity for finding in asked(case).report.findings}
    assert severities.get(case.code) == ("note" if case.code in NOTES else "warning"), severities


@pytest.mark.parametrize("name", QUIET)
def test_nothing_is_said_of_a_right_loss(name: str) -> None:
    assert asked(QUIET[name]).exit_code == 0
    assert asked(QUIET[name]).report.findings == ()


def errors_of(report: gradcheck.Report) -> list[str]:
    return [f"{f.code}: {f.message}" for f in report.losses[0].findings if f.severity == "error"]


@pytest.mark.parametrize("name", RIGHT)
def test_no_reason_is_given_against_a_right_loss_at_one_problem(name: str) -> None:
    for kind in SCORES:
        for seed in range(len(SHAPES)):
            errors = errors_of(gradcheck.check_at(RIGHT[name], *draw(kind, seed)))
            assert not errors, (kind, seed, errors)


@pytest.mark.parametrize("name", RIGHT)
def test_no_reason_is_given_against_a_right_loss_over_all_kinds_of_scores(name: str) -> None:
    assert not errors_of(gradcheck.check(RIGHT[name], gradcheck.Config(scores=FOUR_KINDS)))


# --- what findings cost -----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [name for name, case in WRONG.items() if case.keeps_contract])
def test_a_reason_costs_at_most_a_quarter_of_the_check(name: str) -> None:
    told = asked(WRONG[name])
    assert told.calls <= (1 + BESIDE) * told.counted, f"{told.calls} calls, {told.counted} of them for the problems"


@pytest.mark.parametrize("case", [*WARNED.values(), *QUIET.values()], ids=lambda case: case.name)
def test_a_right_loss_is_called_no_oftener_than_is_said(case: Case) -> None:
    assert asked(case).calls == asked(case).counted
