"""What a rule is, and how it is registered."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache
from typing import Literal

from gradcheck.diagnosis.evidence import Evidence
from gradcheck.report import Finding

#: ``wrong``: it explains entries that are wrong. ``always``: it looks at right losses as well.
Applies = Literal["wrong", "always"]
Judge = Callable[[Evidence], Iterable[Finding]]


@dataclass(frozen=True)
class Rule:
    """A rule.

    Attributes:
        codes: of the findings that it may return; where all are implied it is not asked. Codes of other rules, for what
            else is at work, may stand beside them.
        rank: the lower, the more specific; of several findings, that of the lowest rank leads.
        applies: to which losses.
        implies: codes that need not be said beside one of its own.
        judge: looks at the evidence.
    """

    codes: tuple[str, ...]
    rank: int
    applies: Applies
    implies: frozenset[str]
    judge: Judge


_REGISTERED: list[Rule] = []


def rule(*codes: str, rank: int, implies: Iterable[str] = (), applies: Applies = "wrong") -> Callable[[Judge], Judge]:
    """Decorate a function of the evidence to make it a rule; the function itself is left as it is.

        @rule("log-guard", rank=25, implies=LESS_SPECIFIC)
        def log_guard(evidence): ...

    Args:
        codes: of the findings that it may return.
        rank: see ``Rule``.
        implies: likewise.
        applies: likewise.
    """

    def register(judge: Judge) -> Judge:
        _REGISTERED.append(Rule(codes, rank, applies, frozenset(implies), judge))
        return judge

    return register


@cache
def rules() -> tuple[Rule, ...]:
    """All rules, the most specific first."""
    from gradcheck.diagnosis import rules as folder

    for module in pkgutil.iter_modules(folder.__path__):
        importlib.import_module(f"{folder.__name__}.{module.name}")
    return tuple(sorted(_REGISTERED, key=lambda rule: rule.rank))


#: What says less than a rule that explains every wrong entry exactly.
LESS_SPECIFIC = frozenset(
    {
        "gradient-of-another-loss",
        "label-column",
        "other-columns",
        "one-class",
        "one-row",
        "batch-size-dependent",
        "not-a-gradient",
        "value-of-another-loss",
    }
)
