"""Functions of named inputs: from a target and the configuration's ``inputs`` to a function of x, and its problems."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from typing import Any

import numpy as np

from gradcheck.config import Config
from gradcheck.config.inputs import nested
from gradcheck.errors import LossDefect, TargetError
from gradcheck.functions.binding import Bound, Settled
from gradcheck.functions.frameworks.inputs import settle_in
from gradcheck.functions.function import Function
from gradcheck.functions.loading import load_target
from gradcheck.functions.opening import Opened, open_door
from gradcheck.functions.suggestions import backward_of, command, guessed_inputs
from gradcheck.layout import Arguments
from gradcheck.report import Finding
from gradcheck.sampling import Problem, draw_inputs


@dataclass(frozen=True)
class Prepared:
    """A function of named inputs, ready to be checked.

    Attributes:
        function: of x, 1 x n, and `Arguments`.
        problems: where it is checked.
        remarks: what a user should know of what is not checked.
    """

    function: Function
    problems: tuple[Problem, ...]
    remarks: tuple[Finding, ...]


def prepare(
    function: Function, config: Config, at: Mapping[str, Any] | None = None, framework: str = "auto"
) -> Prepared:
    """Find the form of a function, draw its inputs, and see which gradients it returns.

    Args:
        function: as it was loaded; ``beside`` holds functions that belong to it and are at hand.
        config: its ``inputs`` and ``wrt``, and the names of functions that belong to it.
        at: the one point at which it is checked, by the names of the inputs; None for drawn ones.
        framework: whose arrays it takes, as in the settings.

    Raises:
        TargetError: an input is not described, the results do not fit the inputs, or the function raises.
    """
    name = function.target
    named = {key: _other(function, getattr(config, key)) for key in ("gradient", "backward", "value")}
    opened = open_door(name, function.function, reseed=config.reseed, **named | function.beside)
    _refuse_undescribed(function, opened, config, at)
    wrt = tuple(dict.fromkeys(each.partition(".")[0].partition("[")[0] for each in config.wrt))
    only = config.wrt if wrt != config.wrt else (config.only,)
    problems: list[Problem] = []
    settled: Settled | None = None
    for N, trial in _draws(config) if at is None else [(0, 0)]:
        values = draw_inputs(config, N, trial, opened.params) if at is None else dict(at)
        values, seed = _in_order(values, opened), config.seed + trial
        settled = settled or _settled(function, opened, values, wrt, seed, framework)
        arrays = [each for each in settled.arrays if any(_is_called(each, pattern) for pattern in only)]
        if not arrays:
            hint = f"there are {', '.join(settled.arrays) or 'none'}"
            raise TargetError(f"{name}: no differentiated array is called {', '.join(only)}", hint=hint)
        arguments = Arguments.of(values, arrays, seed)
        if not np.all(np.isfinite(arguments.x)):
            raise TargetError(f"{name}: its inputs are not finite everywhere; there is no gradient to check there")
        kind = "inputs" if at is None else "given"
        problems.append(Problem(arguments.x[np.newaxis], arguments, seed, trial, kind, N))
    assert settled is not None
    bound = Bound(name, settled.door, settled.order)
    remarks = tuple(Finding("not-checked", "note", remark) for remark in settled.remarks)
    found = replace(function, function=bound, framework=settled.framework, by_name=False)
    return Prepared(found, tuple(problems), remarks)


def _draws(config: Config) -> Iterator[tuple[int, int]]:
    """Batch size and trial of every problem: one batch size where no input depends on it."""
    is_batched = any("N" in str(each).replace("None", "") or "labels" in str(each) for each in config.inputs.values())
    for N in config.batch_sizes if is_batched else config.batch_sizes[:1]:
        for trial in range(config.trials):
            yield N, trial


def _is_called(array: str, pattern: str) -> bool:
    """Whether an array, as ``params.W1``, has a name, or is a part of the input that has it."""
    return fnmatchcase(array, pattern) or array.startswith((f"{pattern}.", f"{pattern}["))


def _in_order(values: dict[str, Any], opened: Opened) -> dict[str, Any]:
    """The arguments in the order of the function's parameters."""
    order = [*opened.parameters, *opened.optional]
    known = {name: values[name] for name in order if name in values}
    return known | values


def _settled(
    function: Function, opened: Opened, values: dict[str, Any], wrt: tuple[str, ...], seed: int, framework: str
) -> Settled:
    """Which results are gradients of what, from a first call; what the function raises is a TargetError."""

    def first(values: Any, seed: Any) -> Settled:
        return settle_in(framework, function.target, opened.door, values, wrt, seed)

    try:
        found: Settled = replace(function, function=first).call(values, seed)  # type: ignore[arg-type]
        return found
    except LossDefect as defect:
        shapes = ", ".join(f"{name} {np.shape(each)}" for name, each in values.items() if isinstance(each, np.ndarray))
        hint = f"its arrays have the shapes {shapes}; describe other ones by --input or --size" if shapes else ""
        raise TargetError(f"{function.target}: {defect.message}", hint=hint, details=defect.details) from None


def _refuse_undescribed(function: Function, opened: Opened, config: Config, at: Mapping[str, Any] | None) -> None:
    own = {"params"} if opened.params is not None else set()
    described = nested(config.inputs) if at is None else at
    missing = [name for name in opened.parameters if name not in {*described, *own}]
    if not missing:
        return
    wanted = [name for name in opened.parameters if name not in own]
    guesses = guessed_inputs(wanted) | config.inputs
    takes = f"takes ({', '.join([*opened.parameters, *(f'{name}=…' for name in opened.optional)])})"
    others = [word for key in ("gradient", "backward", "value") if (word := _option(key, config))]
    if not others and (found := _backward_beside(function)):
        others = [f"--backward={found}"]
    what = "a loss of scores is called with (S, y)" if not config.inputs else f"{', '.join(missing)}: not described"
    hint = f"say what they are, for example: {command(function.target, guesses, others)}"
    raise TargetError(f"{function.target}: {takes}; {what}", hint=hint)


def _option(key: str, config: Config) -> str:
    value = getattr(config, key)
    return f"--{key}={value}" if value else ""


def _backward_beside(function: Function) -> str:
    """The backward that stands in the same module as a forward, by its name."""
    module = sys.modules.get(getattr(function.function, "__module__", ""), None)
    return backward_of(function.target.rpartition(":")[2], vars(module)) if module else ""


def _other(function: Function, target: str | Callable[..., Any] | None) -> Callable[..., Any] | None:
    """The function that a key such as ``backward`` names: a target, or a name in the module of the one checked."""
    if target is None or callable(target):
        return target
    place = function.target.rpartition(":")[0]
    return load_target(target if ":" in target or not place else f"{place}:{target}").function
