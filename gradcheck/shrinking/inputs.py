"""The smallest failing case of a function of named inputs: smaller arrays, then rounder numbers."""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np

from gradcheck.checking.evidence import Case, Evidence
from gradcheck.config import Config
from gradcheck.config.settings import Settings
from gradcheck.errors import OutOfTime
from gradcheck.layout import Arguments, is_differentiable, leaves, rebuilt
from gradcheck.report import SmallestCase
from gradcheck.sampling import draw_inputs
from gradcheck.shrinking.predicates import WrongGradient, failing_entries
from gradcheck.shrinking.shrinker import Candidate
from gradcheck.shrinking.snippet import snippet_of_inputs

_MOST_NUMBERS = 40  # that a case to paste may have
_CALLS = 200  # that are granted at least: a screen takes 3, and what confirms it two for each entry
_SHAPE = re.compile(r"\[[\w, ]*\]")  # in the description of an input


def smallest_inputs(evidence: Evidence, code: str, config: Config, settings: Settings) -> SmallestCase | None:
    """The smallest case found at which a gradient is wrong; None where none is small enough to paste.

    The evidence's cases hold `Arguments`; ``code`` is of the leading finding.
    """
    first, ask = min(evidence.wrong, key=lambda seen: seen.S.size), evidence.ask
    ask.left = max(ask.left, _CALLS)
    smooth = bool(failing_entries(first, "wrong", smooth=True).any())
    predicate = WrongGradient(ask, "wrong", smooth, config, 1, first.bounds, first.numerical, first.granted)
    best, gradients = _candidate(first.arguments), (first.analytic, first.numerical)
    with suppress(OutOfTime):
        starts = _shrunk(config, first, predicate), first.arguments
        for candidate in (_rounded(each, decimals) for each in starts for decimals in (0, 1, 3)):
            is_likely = _numbers(candidate.y) <= _MOST_NUMBERS and predicate.seems_wrong(candidate)
            if is_likely and (confirmed := predicate.confirm(candidate)):
                best, gradients = candidate, confirmed
                break
    if _numbers(best.y) > _MOST_NUMBERS:
        return None
    texts = snippet_of_inputs(ask.loss, best.y, code, config, settings, gradients)
    return SmallestCase(best.S, best.y, code, *gradients, *texts)


def _candidate(arguments: Arguments) -> Candidate:
    return Candidate(arguments.x[np.newaxis].astype(np.float64), arguments)


def _shrunk(config: Config, first: Case, predicate: WrongGradient) -> Arguments:
    """The inputs drawn again with smaller sizes where a gradient seems wrong still; else those of the case."""
    given = best = first.arguments

    def is_smaller(config: Config, N: int) -> bool:
        nonlocal best
        values = draw_inputs(config, N, 0)
        if set(values) != set(given.values):  # a model's own parameters cannot be drawn smaller
            return False
        drawn = Arguments.of({name: values[name] for name in given.values}, given.layout.names, config.seed)
        if _numbers(drawn) >= _numbers(best) or not predicate.seems_wrong(_candidate(drawn)):
            return False
        best = drawn
        return True

    N = next((fewer for fewer in (1, 2, 3) if is_smaller(config, fewer)), first.batch_size)
    for size in dict.fromkeys(re.findall(r"\w+", " ".join(_SHAPE.findall(str(config.inputs))))):
        for less in range(1, min(int(size), 4) if size.isdigit() else 4 if size != "N" else 0):
            inputs = rebuilt(dict(config.inputs), "", partial(_resized, size, str(less)))
            smaller = config.model_copy(update={"inputs": inputs, "sizes": {**config.sizes, size: less}})
            if is_smaller(smaller, N):
                config = smaller
                break
    return best


def _resized(size: str, other: str, path: str, description: Any) -> Any:
    """The description of an input with another number in place of a number or a letter in its shape."""
    if not isinstance(description, str):
        return description
    return _SHAPE.sub(lambda shape: re.sub(rf"\b{size}\b", other, shape[0]), description)


def _rounded(arguments: Arguments, decimals: int) -> Candidate:
    """The arguments with all float arrays rounded."""

    def placed(path: str, leaf: Any) -> Any:
        is_drawn = is_differentiable(leaf) and isinstance(leaf, np.ndarray | np.floating)
        return np.round(leaf, decimals) + 0.0 if is_drawn else leaf

    return _candidate(replace(arguments, values=rebuilt(arguments.values, "", placed)))


def _numbers(arguments: Arguments) -> int:
    return sum(np.size(leaf) for _, leaf in leaves(arguments.values))
