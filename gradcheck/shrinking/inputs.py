"""The smallest failing case of a function of named inputs: smaller arrays, then rounder numbers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from gradcheck.checking.case import Case
from gradcheck.checking.evidence import Evidence
from gradcheck.checking.problem import check_problem
from gradcheck.config import Config
from gradcheck.config.inputs import Drawn, nested, parse_input
from gradcheck.errors import OutOfTime, UsageError
from gradcheck.functions.function import Function
from gradcheck.layout import Arguments, is_differentiable, rebuilt
from gradcheck.report import SmallestCase
from gradcheck.sampling import Problem, draw_inputs
from gradcheck.shrinking.snippet import listed

#: Numbers that a case to paste may have.
_MOST_NUMBERS = 40
#: Entries up to which the gradients are shown, and letters up to which the call is one line.
_MOST_SHOWN, _MOST_LETTERS = 4, 100


def smallest_inputs(evidence: Evidence, code: str, config: Config) -> SmallestCase | None:
    """The smallest case found at which a gradient is wrong; None where none is small enough to paste.

    Args:
        evidence: its cases hold `Arguments`; calls are taken from its ``ask``.
        code: of the leading finding.
        config: of the run.
    """
    first = min(evidence.wrong, key=lambda seen: seen.S.size)
    names = _wrong_inputs(first)
    loss, best = evidence.ask.charged(), first

    def try_out(arguments: Arguments) -> bool:
        """Whether the gradient of one of the same inputs is wrong there; then it is the best case."""
        nonlocal best
        problem = Problem(arguments.x[np.newaxis].astype(np.float64), arguments, arguments.seed, 0, "given", 1)
        try:
            case = check_problem(loss, problem, config).case
        except UsageError:
            return False
        if case is None or not names & _wrong_inputs(case):
            return False
        best = case
        return True

    try:
        for arguments in _smaller(config, first.arguments):
            if arguments.x.size < first.S.size and try_out(arguments):
                break
        for decimals in (0, 1):
            if try_out(_rounded(best.arguments, best.S, decimals)):
                break
    except OutOfTime:  # no further call is granted
        pass
    arguments = _rounded(best.arguments, best.S, None)
    if _numbers(arguments.values) > _MOST_NUMBERS:
        return None
    return SmallestCase(
        best.S, arguments, code, best.analytic, best.numerical, *_texts(evidence.ask.loss, best, config)
    )


def _wrong_inputs(seen: Case) -> set[str]:
    layout = seen.arguments.layout
    return {each.name for each in layout.inputs if seen.wrong[0, each.entries].any()}


def _smaller(config: Config, arguments: Arguments) -> Iterator[Arguments]:
    """The inputs drawn again with smaller sizes, the smallest first."""
    letters = sorted({letter for given in nested(config.inputs).values() for letter in _letters(given, config)})
    for size in (1, 2, 3):
        sizes = {letter: size for letter in letters if letter not in "NC"}
        smaller = config.model_copy(update={"sizes": sizes, "classes": (max(size, 2),)})
        for N in (1, 2, 3):
            values = draw_inputs(smaller, N, 0)
            if set(values) == set(arguments.values):
                ordered = {name: values[name] for name in arguments.values}
                yield Arguments.of(ordered, arguments.layout.names, config.seed)


def _letters(given: Any, config: Config) -> Iterator[str]:
    spec = parse_input(given, config.sizes) if not isinstance(given, Drawn) else given
    if isinstance(spec, Drawn):
        yield from (each for each in spec.shape if isinstance(each, str))
    for part in spec.values() if isinstance(spec, dict) else spec if isinstance(spec, list) else ():
        yield from _letters(part, config)


def _rounded(arguments: Arguments, S: Any, decimals: int | None) -> Arguments:
    """The arguments at these entries of x, with all float arrays rounded; None leaves the numbers as they are."""

    def placed(path: str, leaf: Any) -> Any:
        if decimals is None or not is_differentiable(leaf) or not np.ndim(leaf):
            return leaf
        return np.round(leaf, decimals) + 0.0

    at = arguments.at(S.reshape(-1))
    return replace(arguments, values={name: rebuilt(value, name, placed) for name, value in at.items()})


def _numbers(thing: Any) -> int:
    if isinstance(thing, dict):
        return sum(map(_numbers, thing.values()))
    return sum(map(_numbers, thing)) if isinstance(thing, list | tuple) else int(np.size(thing))


def _texts(loss: Function, seen: Case, config: Config) -> tuple[str, str]:
    """Python that raises as long as the gradient is wrong, and its call with the result in one line."""
    name = repr(loss.target) if ":" in loss.target else loss.target
    inputs = "{" + ", ".join(f"{key!r}: {_written(value)}" for key, value in seen.arguments.values.items()) + "}"
    options = [f"wrt={list(config.wrt)!r}"] if config.wrt else []
    options += [f"{key}={given!r}" for key in ("gradient", "backward", "value") if (given := getattr(config, key))]
    options += [f"{key}={each.__name__}" for key, each in loss.beside.items()]
    options += ["reseed=True"] * config.reseed + [f"seed={seen.arguments.seed}"] * bool(seen.arguments.seed)
    wrong = np.flatnonzero(seen.wrong)
    names = ", ".join(f"d{seen.arguments.layout.name(entry)}" for entry in wrong[:_MOST_SHOWN].tolist())
    analytic, numerical = (
        ", ".join(f"{each:.6g}" for each in array[0, wrong[:_MOST_SHOWN]]) for array in (seen.analytic, seen.numerical)
    )
    result = f"{names} = {analytic}, numerical {numerical}"
    call = ", ".join([name, "inputs", *options])
    lines = ["import gradcheck", "", f"inputs = {inputs}", f"# {result}", f"report = gradcheck.check_at({call})"]
    line = f"gradcheck.check_at({', '.join([name, inputs, *options])})   {result}"
    return "\n".join([*lines, "assert report.passed, report"]) + "\n", line if len(line) <= _MOST_LETTERS else ""


def _written(thing: Any) -> str:
    if isinstance(thing, dict):
        return "{" + ", ".join(f"{key!r}: {_written(value)}" for key, value in thing.items()) + "}"
    if isinstance(thing, list | tuple):
        return f"[{', '.join(map(_written, thing))}]"
    return (
        listed(thing)
        if isinstance(thing, np.ndarray)
        else repr(thing.item() if isinstance(thing, np.generic) else thing)
    )
