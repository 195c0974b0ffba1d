"""Another function with which value and dS are compared: a built-in, any target, one of PyTorch or JAX, a callable."""

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from itertools import chain
from typing import Any

import numpy as np

from gradcheck.checking.contract import inspect_at_first
from gradcheck.config import Config
from gradcheck.diagnosis.known import Known, built_in
from gradcheck.errors import LossDefect, UsageError
from gradcheck.functions.doors import Layer, upstream_gradient
from gradcheck.functions.frameworks import FRAMEWORKS, require
from gradcheck.functions.frameworks.inputs import Differentiated
from gradcheck.functions.function import Function
from gradcheck.functions.loading import SUFFIXES, load_target
from gradcheck.functions.prepare import prepare
from gradcheck.functions.signatures import is_model, parameters_of
from gradcheck.layout import Arguments, rebuilt
from gradcheck.report import FloatArray


@dataclass(frozen=True)
class Oracle(Known):
    """A function that is known to be right: one value, that of the whole batch, and dS of it, of any labels."""

    framework: Any = "auto"  # whose arrays it takes
    own: Function | None = None  # the function that is compared with it

    def at(self, S: FloatArray, y: Any) -> tuple[FloatArray, FloatArray]:
        """See ``Known.at``; dS is NaN where the function has no gradient. A UsageError where the function fails."""
        function = Function(self.built_in, self.function)
        try:
            if isinstance(y, Arguments):
                return self._by_name(function, S, y)
            found = inspect_at_first(function, S, y, None, self.framework)[1]
        except (LossDefect, UsageError) as error:
            raise UsageError(f"like: {self.built_in}: {error.message}", details=error.details) from None
        if (answer := found.evaluation) is None:
            why = found.findings[0]
            raise UsageError(f"like: {self.built_in} {why.message}", details=why.details)
        rows = 1 if answer.parts is None else len(S)
        return np.array([answer.value / rows]), answer.gradient / rows

    def _by_name(self, function: Function, S: FloatArray, y: Arguments) -> tuple[FloatArray, FloatArray]:
        """Value, and gradient (1, n), of a function for those of the arguments that it takes."""
        takes = {"params" * is_model(self.function), *chain(*parameters_of(self.function))}

        def exact(_: str, leaf: Any) -> Any:
            return np.float64(leaf) if getattr(leaf, "dtype", None) == np.float32 else leaf

        given = {name: rebuilt(value, name, exact) for name, value in y.at(S.reshape(-1)).items() if name in takes}
        bound, (problem,), _ = prepare(function, Config(seed=y.seed), given, self.framework)
        answer, gradient = bound.evaluate(problem.S, problem.y), np.full(S.shape, np.nan)
        if not np.isfinite(answer.value):
            raise UsageError(f"the value is {answer.value}")
        places, its = y.layout.arrays(gradient[0]), problem.y.layout.arrays(answer.gradient[0])
        for name in places.keys() & its.keys():
            places[name][...] = its[name]
        # The value of a layer, and of what a framework differentiates, is multiplied by an upstream gradient.
        weight = float(upstream_gradient(y.seed, 0, ())) ** (_is_weighted(self.own) - _is_weighted(bound))
        return weight * np.array([answer.value]), weight * gradient


def _is_weighted(function: Function | None) -> bool:
    door = getattr(function and function.function, "door", None)
    return isinstance(door and inspect.unwrap(door), Layer | Differentiated)


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
    if function.is_built_in and not (own and own.is_of_named_inputs):
        return built_in(target)
    return Oracle(meant if isinstance(meant, str) else name, "", function.function, "", framework, own)
