"""Every wrong loss is caught, with the right reason first; right losses get the warnings that they should, or none."""

import ast
import inspect
from collections import Counter
from pathlib import Path

import pytest
from judging import asked

from . import CONTRACT, QUIET, WARNED, WRONG

pytestmark = pytest.mark.benchmark

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
    "not-a-gradient", "log-guard", "removable-jump", "not-a-subgradient", "row-factor", "smooth-kink",
}  # fmt: skip
WARNINGS = {"shared-buffer", "vacuous", "overflows", "not-the-mean", "reductions-disagree"}
NOTES = {"constant-offset", "sum-over-rows"}


def test_there_are_losses_for_every_code():
    wrong, warned = (Counter(case.code for case in cases.values()) for cases in (WRONG, WARNED))
    assert set(wrong) == ERRORS
    assert set(warned) == WARNINGS | NOTES
    assert min(wrong.values()) >= 3, wrong
    assert min(warned.values()) >= 2, warned
    assert len(WRONG) >= 180
    assert sum(bool(case.with_) for case in WRONG.values()) >= 8


def test_every_loss_states_its_mistake_in_one_line():
    for case in [*WRONG.values(), *WARNED.values(), *QUIET.values()]:
        doc = inspect.getdoc(case.function)
        assert doc, case.name
        assert "\n" not in doc, case.name


def test_the_losses_import_nothing_of_gradcheck():
    for file in Path(__file__).parent.glob("*.py"):
        if not file.name.startswith("test_"):
            for node in ast.walk(ast.parse(file.read_text())):
                if isinstance(node, ast.Import | ast.ImportFrom):
                    assert "gradcheck" not in ast.unparse(node), file.name


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_loss_is_caught_and_given_a_reason_at_a_quarter_of_the_calls(name):
    case = WRONG[name]
    result = asked(case)
    assert result.exit_code == 1
    assert any(finding.severity == "error" for finding in result.report.findings), result.report.findings
    assert case.with_ <= set(result.codes), "one of two defects is not named"
    if not CONTRACT & {case.code, *case.also, *case.with_}:  # every problem can be checked to its end
        assert result.calls <= (1 + BESIDE) * result.counted, f"{result.calls} calls, {result.counted} for the problems"


def test_the_leading_reason_is_the_right_one():
    misses = [
        f"{case.name}: {' or '.join([case.code, *case.also])}, but found {', '.join(asked(case).codes) or 'nothing'}"
        for case in WRONG.values()
        if not {*asked(case).codes[:1]} & {case.code, *case.also}
    ]
    right = len(WRONG) - len(misses)
    said = f"{right} of {len(WRONG)} wrong losses have the right reason first; not:\n" + "\n".join(misses)
    print("\n" + said)
    assert right >= LEADING * len(WRONG), said


@pytest.mark.parametrize("case", [*WARNED.values(), *QUIET.values()], ids=lambda case: case.name)
def test_a_right_loss_passes_with_the_warning_that_it_should_have_or_none(case):
    result = asked(case)
    assert result.exit_code == 0
    severities = {finding.code: finding.severity for finding in result.report.findings}
    if case.code:
        assert severities.get(case.code) == ("note" if case.code in NOTES else "warning"), severities
    else:
        assert severities == {}
    assert result.calls == result.counted, "it was called more often than the report states"
