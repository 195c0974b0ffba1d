"""Another function with which value and dS are compared: a built-in, any target, one of PyTorch or JAX, a callable."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import numpy as np

from gradcheck.config import Config
from gradcheck.diagnosis.known import Known, built_in
from gradcheck.errors import LossDefect, UsageError
from gradcheck.functions.doors import Layer, upstream_gradient
from gradcheck.functions.frameworks import FRAMEWORKS, require
from gradcheck.functions.frameworks.inputs import Differentiated
from gradcheck.functions.function import Function
from gradcheck.functions.loading import SUFFIXES, load_target
from gradcheck.functions.prepare import prepare
from gradcheck.functions.signatures import parameters_of
from gradcheck.layout import Arguments
from gradcheck.report import FloatArray


class Oracle(Known):
    """A function that is known to be right: one value, that of the whole batch, and dS of it, of any labels."""

    def at(self, S: FloatArray, y: Any) -> tuple[FloatArray, FloatArray]:
        """See ``Known.at``; dS is NaN where the function has no gradient. A UsageError where the function fails."""
        return self.function(S, y)


def known_as(meant: str | Callable[..., Any], labels: str, own: Function | None = None) -> Known:
    """The loss that a name, a target (after ``torch:`` or ``jax:`` whose arrays it takes) or a callable means.

    ``own`` is the function that is compared with it.

    Raises:
        UsageError: it leads to no function, or to a built-in that does not take such labels.
    """
    framework, target = "auto", str(meant)
    try:
        if target.partition(":")[0] in FRAMEWORKS:
            framework, _, target = target.partition(":")
            require(framework)
        if ":" not in target and not target.endswith(SUFFIXES):  # a module's function may be named module.function
            target = ":".join(target.rsplit(".", 1))
        name = getattr(meant, "__qualname__", type(meant).__qualname__)
        function = load_target(target) if isinstance(meant, str) else Function(name, meant)
        if function.is_built_in and labels in ("multi-hot", "real"):
            function.function(np.zeros((1, 2)), np.zeros((1, 2)))
    except UsageError as error:
        raise UsageError(f"like: {error.message}", hint=error.hint, details=error.details) from None
    except (TypeError, ValueError):
        hint = "labels.kind class or one-hot"
        raise UsageError(f"like: {target} takes classes as labels, and these are {labels}", hint=hint) from None
    if function.is_built_in:
        return built_in(target)
    return Oracle(meant if isinstance(meant, str) else name, "", lambda S, y: _asked(function, framework, own, S, y))


def _asked(
    function: Function, framework: str, own: Function | None, S: FloatArray, y: Any
) -> tuple[FloatArray, FloatArray]:
    """What a function returns for scores and labels, or as far as it takes them by name for the same arguments."""
    required, optional = parameters_of(function.function)
    takes = (*required, *optional)
    given, config = dict(zip(takes, (S, y), strict=False)), Config(wrt=takes[:1])
    if isinstance(y, Arguments):
        given = {name: each for name, each in y.at(S.reshape(-1)).items() if name in takes or not takes}
        config = Config(seed=y.seed)
    try:
        bound, (problem,), _ = prepare(function, config, given, framework)
        answer = bound.evaluate(problem.S, problem.y)
        if not np.isfinite(answer.value):
            raise UsageError(f"{function.target}: the value is {answer.value}")
    except (LossDefect, UsageError) as error:
        raise UsageError(f"like: {error.message}", details=error.details) from None
    its, gradient = problem.y.layout.arrays(answer.gradient.reshape(-1)), np.full(S.shape, np.nan)
    places = y.layout.arrays(gradient[0]) if isinstance(y, Arguments) else {takes[0]: gradient}
    for name in places.keys() & its.keys():
        places[name][...] = its[name]
    # The value of a layer, and of what a framework differentiates, is multiplied by an upstream gradient.
    weight = float(upstream_gradient(problem.seed, 0, ())) ** (_is_weighted(own) - _is_weighted(bound))
    return weight * np.array([answer.value]), weight * gradient


def _is_weighted(function: Function | None) -> bool:
    door = getattr(function and function.function, "door", None)
    return isinstance(door and inspect.unwrap(door), Layer | Differentiated)
