"""A report that was written as JSON, read again: as much of it as two reports are compared by."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, Field, ValidationError

from gradcheck.errors import UsageError


class StoredFinding(BaseModel):
    """A finding: its code, severity and message."""

    code: str
    severity: Literal["error", "warning", "note"]
    message: str


class StoredBatch(BaseModel):
    """A problem: what draws it, and how many of its entries are what."""

    batch_size: int
    classes: int
    scores: str
    seed: int
    entries: int
    wrong: int
    unresolved: int


class StoredLoss(BaseModel):
    """A loss: whether it passed, its problems and findings; ``error`` where it could not be checked."""

    target: str
    passed: bool
    batches: list[StoredBatch]
    findings: list[StoredFinding]
    error: str = ""


class StoredReport(BaseModel):
    """A run; keys may have been added to schema 1 since."""

    schema_: Literal[1] = Field(alias="schema")
    losses: list[StoredLoss]


def read_report(path: Path) -> StoredReport:
    """Read a report as ``gradcheck run --format json`` writes it.

    Args:
        path: of the file.

    Raises:
        UsageError: it cannot be read, is no JSON, or is no report of schema 1; with what is wrong and where.
    """
    hint = "write one with `gradcheck run --format json --output json=report.json`"
    try:
        text = path.read_bytes()
    except OSError as error:
        raise UsageError(f"{str(path)!r} cannot be read: {error.strerror or error}", hint=hint) from None
    try:
        return StoredReport.model_validate_json(text)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(map(str, first["loc"]))
        where = f", at {place}" if place else ""
        raise UsageError(f"{str(path)!r} is no report of gradcheck's{where}: {first['msg']}", hint=hint) from None
