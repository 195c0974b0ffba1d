"""Functions of named inputs: from a target and the configuration's ``inputs`` to a function of x, and its problems."""

import functools
import inspect
import itertools
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from fnmatch import fnmatchcase
from operator import attrgetter
from typing import Any, NoReturn

import numpy as np

from gradcheck.config import Config
from gradcheck.config.inputs import nested
from gradcheck.errors import LossDefect, TargetError
from gradcheck.functions.binding import Settled
from gradcheck.functions.doors import AsReturned, Door, Layer, Products, Separate, WithHessian, called
from gradcheck.functions.frameworks.inputs import settle_in
from gradcheck.functions.function import Function
from gradcheck.functions.loading import guessed_config, load_target, names_beside
from gradcheck.functions.signatures import is_backward, is_layer, is_model, parameters_of
from gradcheck.functions.suggestions import command, forward_of, proposed
from gradcheck.layout import Arguments
from gradcheck.report import Finding
from gradcheck.sampling import Problem, batched, draw_inputs


def prepare(
    function: Function,
    config: Config,
    at: Mapping[str, Any] | None = None,
    framework: str = "auto",
    *,
    products: bool = False,
) -> tuple[Function, list[Problem], list[Finding]]:
    """Find the form of a function, draw its inputs, and see which gradients it returns.

    ``at`` is the one point at which it is checked, by the names of the inputs; None for those that ``config`` draws.
    With ``products`` it is the gradient of the function times random numbers that is to be checked.

    Returns:
        A function of x, 1 x n, and `Arguments`; where it is checked; what a user should know of what is not checked.

    Raises:
        TargetError: an input is not described, the results do not fit the inputs, or the function raises.
    """
    named = {key: _other(function, getattr(config, key)) for key in ("gradient", "backward", "value", "hvp")}
    door, main, params = open_door(function.function, named)
    hvp, order = named["hvp"], 1
    if products:
        door, order = (Products(door, hvp), 1) if hvp else (door, 2)
    elif config.hessian:
        door = WithHessian(door)
    own = () if params is None else ("params",)
    required, optional = (*own, *parameters_of(main)[0]), parameters_of(main)[1]
    given = {*own, *(nested(config.inputs) if at is None else at)}
    if missing := [each for each in required if each not in given]:
        takes = [*required, *(f"{each}=…" for each in optional)]
        _refuse_undescribed(function, takes, missing, config, is_drawn=at is None)
    wrt = tuple(dict.fromkeys(each.partition(".")[0].partition("[")[0] for each in config.wrt))
    first = functools.partial(settle_in, framework, config.reseed, order, door, wrt)
    only = config.wrt if wrt != config.wrt else (config.only,)
    problems: list[Problem] = []
    settled: Settled | None = None
    draws = itertools.product(batch_sizes(config), range(config.trials)) if at is None else [(0, 0)]
    for N, trial in draws:
        values = draw_inputs(config, N, trial, params) if at is None else dict(at)
        in_order = {each: values[each] for each in (*required, *optional) if each in values}
        values, seed = in_order | values, config.seed + trial
        settled = settled or _settled(replace(function, function=first), values, seed)
        arrays = [each for each in settled.arrays if any(_is_called(each, pattern) for pattern in only)]
        if not arrays:
            hint = f"there are {', '.join(settled.arrays) or 'none'}"
            raise TargetError(f"no differentiated array is called {', '.join(only)}", hint=hint)
        arguments = Arguments.of(values, arrays, seed, frozenset() if config.reseed else batched(config))
        if not arguments.layout.n or not np.all(np.isfinite(arguments.x)):
            problem = "are not finite everywhere" if arguments.layout.n else "have no entries"
            raise TargetError(f"its inputs {problem}; there is no gradient to check there")
        kind = "inputs" if at is None else "given"
        problems.append(Problem(arguments.x[np.newaxis], arguments, seed, trial, kind, N))
    assert settled is not None
    remarks = [Finding("not-checked", "note", remark) for remark in settled.remarks]
    found = replace(function, function=settled.bound, framework=settled.framework, by_name=False)
    return found, problems, remarks


def open_door(thing: Any, beside: Mapping[str, Any]) -> tuple[Door, Any, dict[str, Any] | None]:
    """The door of a function, a class or an object; a TargetError where that has none of the forms.

    ``beside`` has what belongs to it: ``gradient``, the ``backward`` of a forward, or the ``value`` of a gradient.

    Returns:
        With the door what has its parameters, and a model's own parameters, ``params``; None of anything else.
    """
    if backward := beside.get("backward"):
        return Layer(lambda: (thing, backward)), thing, None
    if gradient := beside.get("gradient"):
        return Separate(thing, gradient), thing, None
    if value := beside.get("value"):
        return Separate(value, thing), value, None
    if "torch" in sys.modules:
        from gradcheck.functions.frameworks.torch_ import own_form

        if found := own_form(thing, lambda: _maker(thing)()):
            return found
    if inspect.ismethod(thing) and is_model(thing.__self__) and thing.__name__ == "loss":
        thing = thing.__self__
    if is_layer(thing) or is_model(thing):
        make = _maker(thing)
        first = make()
        if is_layer(thing):
            return Layer(lambda: attrgetter("forward", "backward")(make())), first.forward, None
        if not is_model(first):
            raise TargetError("has a method loss, but no dict called params with its parameters")

        def loss(params: dict[str, Any], **rest: Any) -> Any:
            model = make()
            model.params = params
            return called(model.loss, rest)

        return AsReturned(loss), first.loss, first.params
    if isinstance(thing, type) or not callable(thing):
        kind = "a class" if isinstance(thing, type) else f"of type {type(thing).__name__}"
        hint = "name a function, an object to call, or one with forward and backward, or with params and loss"
        raise TargetError(f"is {kind}, which cannot be checked", hint=hint)
    return AsReturned(thing), thing, None


def _maker(thing: Any) -> Callable[[], Any]:
    if not isinstance(thing, type):
        return lambda: thing
    if takes := parameters_of(thing.__init__)[0]:  # type: ignore[misc]
        hint = f"make an object in the file, `layer = {thing.__name__}(...)`, and name that"
        raise TargetError(f"is a class that is made with {', '.join(takes)}", hint=hint)
    return thing


def batch_sizes(config: Config) -> tuple[int, ...]:
    """The batch sizes at which a function of named inputs is checked: one of them, where no input depends on it."""
    is_batched = any(re.search(r"\b(N|labels)\b", str(each)) for each in config.inputs.values())
    return config.batch_sizes if is_batched else config.batch_sizes[:1]


def _is_called(array: str, pattern: str) -> bool:
    """Whether an array, as ``params.W1``, has a name, or is a part of the input that has it."""
    return fnmatchcase(array, pattern) or f"{array}.".startswith((f"{pattern}.", f"{pattern}["))


def _settled(first: Function, values: dict[str, Any], seed: int) -> Settled:
    """Which results are gradients of what, from a first call; what the function raises is a TargetError."""
    try:
        return first.call(values, seed)  # type: ignore[arg-type, no-any-return]
    except LossDefect as defect:
        shapes = ", ".join(f"{name} {np.shape(each)}" for name, each in values.items() if isinstance(each, np.ndarray))
        hint = f"its arrays have the shapes {shapes}; describe other ones by --input or --size" if shapes else ""
        raise TargetError(defect.message, hint=hint, details=defect.details) from None


def _refuse_undescribed(
    function: Function, takes: Sequence[str], missing: Sequence[str], config: Config, is_drawn: bool
) -> NoReturn:
    name, names = function.target.rpartition(":")[2], names_beside(function.function)
    if is_backward(function.function):
        forward, hint = forward_of(function.target), "name its forward, with this one as its backward"
        if function.by_name:
            is_there = forward.rpartition(":")[2] in names
            example = command(forward, guessed_config(forward) if is_there else Config(backward=name))
            hint = f"name its forward, for example:\n{example}"
        raise TargetError("is a backward, which is checked with its forward", hint=hint)
    guess = proposed(name, function.function, names, config)
    hint = f"say what they are, for example:\n{command(function.target, guess)}"
    if not function.by_name:
        hint = f"say what they are, for example: inputs={guess.inputs}" if is_drawn else "give an argument for each"
    message = f"takes ({', '.join(takes)}); not described: {', '.join(missing)}"
    raise TargetError(message, hint=hint)


def _other(function: Function, target: str | Callable[..., Any] | None) -> Callable[..., Any] | None:
    """The function that a key such as ``backward`` names: a target, or a name beside the function that is checked."""
    if not isinstance(target, str):
        return target
    place = function.target.rpartition(":")[0]
    if ":" not in target and place and function.by_name:
        target = f"{place}:{target}"
    module = sys.modules.get(getattr(function.function, "__module__", None) or "")
    found: Callable[..., Any] = getattr(module, target, None) or load_target(target).function
    return found
