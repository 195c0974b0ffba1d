"""The report as JSON, schema 1: keys are added, never renamed."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from gradcheck.output import Options
from gradcheck.report import VERDICTS, BatchReport, Entry, Finding, LossReport, Report

if TYPE_CHECKING:
    from gradcheck.report import Projections, SmallestCase

SCHEMA = 1

#: Above it a problem's relative errors and verdicts are left out: its worst entries are what can be read.
MAX_ENTRIES = 10_000

_WORDS = np.array([verdict.value for verdict in VERDICTS])
_LINE = 120


def render(report: Report, options: Options) -> str:
    """A report as JSON text in ASCII that ends with a newline.

    Args:
        report: any; NaN and infinities become null.
        options: none of them changes what is written.
    """
    return f"{_laid_out(_plain(_report(report)))}\n"


def _report(report: Report) -> dict[str, Any]:
    return {
        "schema": SCHEMA,
        "version": report.version,
        "passed": report.passed,
        "interrupted": report.interrupted,
        "out_of_time": report.out_of_time,
        "config": report.config,
        "losses": [_loss(loss) for loss in report.losses],
    }


def _loss(loss: LossReport) -> dict[str, Any]:
    return {
        "target": loss.target,
        "passed": loss.passed,
        "file": loss.file,
        "line": loss.line,
        "framework": loss.framework,
        "batches": [_batch(batch) for batch in loss.batches],
        "findings": [_finding(finding) for finding in loss.findings],
        "smallest_case": _smallest_case(loss.smallest_case) if loss.smallest_case else None,
        "evaluations_to_explain": loss.evaluations_to_explain,
        "error": loss.error,
        "rerun": loss.rerun,
        "unchecked": loss.unchecked,
        "cut_short": loss.cut_short,
    }


def _batch(batch: BatchReport) -> dict[str, Any]:
    fields: dict[str, Any] = {
        "batch_size": batch.batch_size,
        "classes": batch.classes,
        "scores": batch.scores,
        "trial": batch.trial,
        "seed": batch.seed,
        "passed": batch.passed,
        "value": batch.value,
        "plan": batch.plan,
        "why": batch.why,
        "evaluations": batch.evaluations,
        "entries": batch.entries,
        "wrong": batch.wrong,
        "subgradient": batch.subgradient,
        "unresolved": batch.unresolved,
        "complex_steps": batch.complex_steps,
        "max_relative_error": batch.max_relative_error,
        "seconds": batch.seconds,
        "worst": [_entry(entry) for entry in batch.worst],
    }
    if batch.projections is not None:
        fields["projections"] = _projections(batch.projections)
    if batch.entries <= MAX_ENTRIES and batch.verdicts is not None:
        fields["relative_errors"] = batch.relative_errors
        fields["verdicts"] = _WORDS[batch.verdicts]
        if batch.by_complex is not None:
            fields["references"] = np.where(batch.by_complex, "complex", "central")
    return fields


def _projections(projections: Projections) -> dict[str, Any]:
    return {
        "directions": projections.directions,
        "agree": projections.agree,
        "smallest_defect": projections.smallest_defect,
        "largest_gradient": projections.largest_gradient,
        "smallest_relative_defect": projections.smallest_relative_defect,
        "checked": projections.checked,
        "remark": projections.remark,
    }


def _entry(entry: Entry) -> dict[str, Any]:
    fields = {
        "row": entry.row,
        "class": entry.class_,
        "label": entry.label,
        "score": entry.score,
        "analytic": entry.analytic,
        "numerical": entry.numerical,
        "bound": entry.bound,
        "relative_error": entry.relative_error,
        "verdict": entry.verdict.value,
        "plain": entry.plain,
        "step": entry.step,
        "reference": entry.reference,
        "central": entry.numerical if entry.central is None else entry.central,
    }
    return fields | ({"tried": entry.tried} if entry.tried else {})


def _smallest_case(case: SmallestCase) -> dict[str, Any]:
    return {
        "S": case.S,
        "y": case.y,
        "dtype": str(case.S.dtype),
        "code": case.code,
        "analytic": case.analytic,
        "numerical": case.numerical,
        "snippet": case.snippet,
    }


def _finding(finding: Finding) -> dict[str, Any]:
    return {
        "code": finding.code,
        "severity": finding.severity,
        "message": finding.message,
        "hint": finding.hint,
        "details": finding.details,
    }


def _plain(value: Any) -> Any:
    """In JSON's own types: what is not finite as null, arrays as lists, what is unknown to JSON as text."""
    match value:
        case None | bool() | int() | str():
            return value
        case float():
            return value if math.isfinite(value) else None
        case np.ndarray() | np.generic():
            return _plain(value.tolist())
        case Mapping():
            return {str(key): _plain(item) for key, item in value.items()}
        case list() | tuple():
            return [_plain(item) for item in value]
        case _:
            return str(value)


def _laid_out(value: Any, indent: str = "") -> str:
    """JSON that people can read too: what fits a line, and each row of a matrix, has a line of its own."""
    line = json.dumps(value, allow_nan=False)
    if len(indent) + len(line) <= _LINE or not _nested(value):
        return line
    inner = indent + "  "
    if isinstance(value, dict):
        items = [f"{json.dumps(key)}: {_laid_out(item, inner)}" for key, item in value.items()]
        return "{\n" + ",\n".join(inner + item for item in items) + f"\n{indent}}}"
    return "[\n" + ",\n".join(inner + _laid_out(item, inner) for item in value) + f"\n{indent}]"


def _nested(value: Any) -> bool:
    """Whether there is anything to break at: a list or an object of plain values stays on one line."""
    parts: Sequence[Any] = list(value.values()) if isinstance(value, dict) else value if isinstance(value, list) else []
    return any(isinstance(part, dict | list) for part in parts)
