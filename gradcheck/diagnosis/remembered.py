"""What several rules ask of the same evidence is worked out once."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import TypeVar
from weakref import WeakKeyDictionary

from gradcheck.diagnosis.evidence import Evidence

Answer = TypeVar("Answer")


def remembered(function: Callable[[Evidence], Answer]) -> Callable[[Evidence], Answer]:
    """Decorate a function of the evidence so that it is worked out once, and forgotten with the evidence.

    What it raises is not remembered.
    """
    answers: WeakKeyDictionary[Evidence, Answer] = WeakKeyDictionary()

    @wraps(function)
    def asked(evidence: Evidence) -> Answer:
        if evidence not in answers:
            answers[evidence] = function(evidence)
        return answers[evidence]

    return asked
