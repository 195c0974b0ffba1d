"""The report as JSON, schema 1: keys may be added, never renamed."""

import json
import math
import re
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from gradcheck.layout import Arguments
from gradcheck.output.summary import loss_remarks, loss_sentence, problem_remarks, sentences, symbols, totals_by_kind
from gradcheck.output.text import Options
from gradcheck.report import VERDICTS, BatchReport, Entry, LossReport, Report, SmallestCase, StepEvidence

SCHEMA = 1
MAX_ENTRIES = 10_000  # a problem with more comes without its matrices; its worst entries are there

_WORDS = np.array([verdict.value for verdict in VERDICTS])
#: A list or an object that holds no others, as ``json.dumps`` lays it out; line ends in texts are escaped.
_FLAT = r"[\[{]\n[^\[\]{}]*\n *[\]}]"


def render(report: Report, options: Options) -> str:
    """A report as JSON text in ASCII that ends with a newline; NaN and infinities become null. No option matters."""
    text = json.dumps(as_data(report), allow_nan=False, indent=2)
    return re.sub(_FLAT, lambda flat: " ".join(map(str.strip, flat[0].split("\n"))), text) + "\n"


def as_data(report: Report, text: Callable[[str], str] = str) -> dict[str, Any]:
    """A report in JSON's own types, ``text`` applied to every string."""
    data = {
        "schema": SCHEMA,
        **_attributes(report, "version passed interrupted out_of_time config"),
        **sentences(report)[-1]._asdict(),
        "losses": [_loss(loss) for loss in report.losses],
    }
    return {key: _plain(value, text) for key, value in data.items()}


def _loss(loss: LossReport) -> dict[str, Any]:
    case = loss.smallest_case
    return {
        **_attributes(loss, "target passed file line framework"),
        **loss_sentence(loss)._asdict(),
        "batches": [_batch(batch) for batch in loss.batches],
        "totals": [
            {"batch_size": N, "classes": C, "scores": scores, **({"input": name} if name else {}), **vars(total)}
            for (N, C, scores, name), total in totals_by_kind(loss.batches).items()
        ],
        "remarks": loss_remarks(loss),
        "symbols": symbols(loss),
        "findings": [_attributes(each, "code severity message hint details") for each in loss.findings],
        "smallest_case": case and _smallest_case(case),
        **_attributes(loss, "evaluations_to_explain error rerun unchecked cut_short"),
        **({"steps": [_steps(each) for each in loss.steps]} if loss.steps else {}),
    }


def _smallest_case(case: SmallestCase) -> dict[str, Any]:
    where = {"inputs": case.y.values} if isinstance(case.y, Arguments) else {"S": case.S, "y": case.y}
    return {**where, **_attributes(case, "code analytic numerical snippet"), "dtype": case.S.dtype}


def _batch(batch: BatchReport) -> dict[str, Any]:
    numbers = "evaluations entries wrong subgradient unresolved complex_steps max_relative_error seconds"
    fields = _attributes(batch, f"batch_size classes scores trial seed passed value plan why {numbers}")
    fields |= _attributes(batch, "input shape") if batch.input else {}
    fields |= {"remarks": problem_remarks(batch), "worst": [_entry(entry) for entry in batch.worst]}
    if batch.projections is not None:
        names = "directions agree smallest_defect largest_gradient smallest_relative_defect checked remark"
        fields["projections"] = _attributes(batch.projections, names)
    if batch.entries <= MAX_ENTRIES and batch.verdicts is not None:
        fields |= {**_attributes(batch, "labels relative_errors"), "verdicts": _WORDS[batch.verdicts]}
        if batch.by_complex is not None:
            fields["references"] = np.where(batch.by_complex, "complex", "central")
        if batch.negligible is not None:
            fields["negligible"] = np.argwhere(batch.negligible)
    return fields


def _entry(entry: Entry) -> dict[str, Any]:
    names = "label score analytic numerical bound relative_error verdict plain step reference central"
    place = _attributes(entry, "input index") if entry.input else {"row": entry.row, "class": entry.class_}
    fields = {**place, **_attributes(entry, names)}
    if entry.central is None:
        fields["central"] = entry.numerical
    return fields | ({"tried": entry.tried} if entry.tried else {})


def _steps(evidence: StepEvidence) -> dict[str, Any]:
    fields = {"name": evidence.entry.name, **_entry(evidence.entry), **_attributes(evidence, "where exact reading")}
    return fields | {"expected_order": 2, "steps": [vars(each) for each in evidence.steps]}


def _attributes(of: object, names: str) -> dict[str, Any]:
    return {name: getattr(of, name) for name in names.split()}


def _plain(value: Any, text: Callable[[str], str]) -> Any:
    """In JSON's own types: what is not finite as null, arrays as lists, what JSON does not know as text."""
    match value:
        case str():
            return text(str(value))
        case None | bool() | int():
            return value
        case float():
            return value if math.isfinite(value) else None
        case np.ndarray() | np.generic():
            return _plain(value.tolist(), str)
        case Mapping():
            return {text(str(key)): _plain(item, text) for key, item in value.items()}
        case list() | tuple():
            return [_plain(item, text) for item in value]
        case _:
            return text(str(value))
