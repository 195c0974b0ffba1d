"""Functions of named inputs that are written for PyTorch or JAX: autodiff, and which framework's arrays they take."""

import copy
import importlib
import numbers
from collections.abc import Callable
from dataclasses import dataclass, replace
from math import prod
from typing import Any

import numpy as np

from gradcheck.errors import TargetError
from gradcheck.functions.answer import described
from gradcheck.functions.binding import Settled, settle
from gradcheck.functions.doors import (
    AsReturned,
    Door,
    Layer,
    Separate,
    WithHessian,
    called,
    reseeded,
    upstream_gradient,
)
from gradcheck.functions.frameworks import first_that_works, recognised_form
from gradcheck.functions.frameworks.adapters import NO_GRAPH, Quick, Toolkit
from gradcheck.layout import Arguments, Seed, is_differentiable, leaves, rebuilt


@dataclass(frozen=True)
class Differentiated:
    """A function that its framework differentiates: the value is the sum of the outputs times random numbers."""

    function: Callable[..., Any]  # takes and returns the framework's arrays, and dicts, lists and tuples of them
    toolkit: Toolkit
    #: Inputs that must have a gradient; empty for all that hold arrays of floats, as far as they have one.
    wrt: tuple[str, ...] = ()
    order: int = 1  # 2 for its gradient times random numbers in place of itself

    def quick(self, arguments: Arguments) -> Quick:
        """Faster ways to call it with these arguments, as a function of their x, 1 x n."""
        toolkit = self.toolkit

        def value(x: Any, _: Any) -> Any:
            answer = self._answer(copy.deepcopy(arguments.values), arguments.layout.arrays(x[0]))
            # None shows its graph.
            outputs = [leaf for _, leaf in leaves(answer, "") if "float" in str(getattr(leaf, "dtype", ""))]
            weights = (upstream_gradient(arguments.seed, k, np.shape(out)) for k, out in enumerate(outputs))
            return sum((out * toolkit.array(weight)).sum() for out, weight in zip(outputs, weights, strict=True))

        both = toolkit.compiled(toolkit.value_and_grad(lambda arrays: (value(arrays[0], None), None), value), value)

        def compiled(x: Any, _: Any) -> Any:
            assert both is not None
            with toolkit.environment():
                (found, _), (gradient,) = both([toolkit.array(x)])
                return toolkit.plain(found, "the value"), toolkit.plain(gradient, "the gradient")

        return Quick(toolkit, value, False, both and compiled)

    def _answer(self, given: dict[str, Any], place: dict[str, Any]) -> Any:
        """What the function returns, with arrays of these names in the place of those that are given."""

        def placed(path: str, leaf: Any) -> Any:
            return place[path] if path in place else self.toolkit.array(leaf)

        return called(self.function, {name: rebuilt(each, name, placed) for name, each in given.items()})

    def __call__(self, given: dict[str, Any], seed: Seed) -> tuple[Any, tuple[Any, ...]]:
        """Value and gradients, these by the names of the inputs."""
        parts = {name: dict(leaves(given[name], name)) for name in self.wrt or given}
        moved = {
            path: np.asarray(leaf)
            for part in parts.values()
            for path, leaf in part.items()
            if is_differentiable(leaf) and (self.wrt or type(leaf) is not float)
        }

        def total(arrays: list[Any]) -> tuple[Any, None]:
            answer = self._answer(given, dict(zip(moved, arrays, strict=True)))
            first = answer[0] if isinstance(answer, tuple | list) and len(answer) > 1 else None
            if isinstance(first, numbers.Number) or prod(getattr(first, "shape", (0,))) == 1:
                hint = "return the value alone, or gradients that are computed without a graph of the inputs"
                raise TargetError(f"returns {described(answer)}, and not a value alone", hint=hint)
            outputs = [leaf for _, leaf in leaves(answer, "") if _has_gradient(leaf)] or [answer]
            weights = (upstream_gradient(seed, k, np.shape(out)) for k, out in enumerate(outputs))
            return sum(map(self.toolkit.total, outputs, weights)), None

        def products(arrays: list[Any]) -> tuple[Any, None]:
            found = [each for each in self.toolkit.gradients(total)(arrays) if each is not None]
            vectors = (upstream_gradient(seed, 1000 + k, np.shape(each)) for k, each in enumerate(found))
            return sum((each * self.toolkit.array(v)).sum() for each, v in zip(found, vectors, strict=True)), None

        wanted = total if self.order == 1 else products
        with self.toolkit.environment():
            arrays = [self.toolkit.array(each) for each in moved.values()]
            (value, _), found = self.toolkit.value_and_grad(wanted, wanted)(arrays)
            gradients = {path: self.toolkit.plain(each, f"d{path}") for path, each in zip(moved, found, strict=True)}
            value = self.toolkit.plain(value, "the value")
        if self.order == 2:  # what has no graph any more has second derivatives of 0
            gradients = {path: moved[path] * 0 if each is None else each for path, each in gradients.items()}
        lost = [name for name, part in parts.items() if all(gradients.get(path) is None for path in part)]
        if self.wrt and lost:
            raise TargetError(f"the graph of the value does not lead to {', '.join(lost)}{NO_GRAPH}")
        names = [name for name, part in parts.items() if moved.keys() & part]
        return value, ({name: rebuilt(given[name], name, lambda path, _: gradients.get(path)) for name in names},)


def settle_in(
    wanted: str, reseed: bool, order: int, door: Door, wrt: tuple[str, ...], given: dict[str, Any], seed: int
) -> Settled:
    """Call a function in the form for the arrays that it takes; arguments and errors are those of ``settle``.

    ``wanted`` is a framework, or ``auto`` for the one that the first call shows: see ``recognised_form``. With
    ``reseed``, the generators of random numbers are seeded before every call. ``order`` is that of ``Differentiated``.
    """
    if isinstance(door, Differentiated):
        wanted = door.toolkit.name

    def settled(form: tuple[str, Door]) -> Settled:
        framework, own = form[0], reseeded(form[1]) if reseed else form[1]
        is_none = framework == "jax" and not wrt and order == 1
        return replace(settle(own, given, wrt, seed, is_none), framework=framework)

    def forms(framework: str) -> list[tuple[str, Door]]:
        toolkit = importlib.import_module(f"{__package__}.{framework}_").TOOLKIT
        found = _forms(toolkit, door, wrt)
        if order == 2:
            found = [replace(form, order=2) for form in found if isinstance(form, Differentiated)]
        return [(framework, form) for form in found]

    if wanted not in ("auto", "numpy"):
        return settled(first_that_works(forms(wanted), settled)[0])
    try:
        first = settled(("numpy", door))
        other = recognised_form(first.answer, True, forms, settled) if wanted == "auto" else None
    except Exception as error:
        other = recognised_form(error, False, forms, settled) if wanted == "auto" else None
        if other is None:
            raise
    return settled(other) if other else first


def _has_gradient(output: Any) -> bool:
    """Whether it is an array of floats, and in torch one with a graph."""
    return "float" in str(getattr(output, "dtype", "")) and getattr(output, "requires_grad", True)


def _forms(toolkit: Toolkit, door: Door, wrt: tuple[str, ...]) -> list[Door]:
    """A door's forms for a framework: with gradients by hand, and by autodiff."""
    translated = toolkit.translated
    match door:
        case Differentiated():
            return [replace(door, wrt=wrt)]
        case AsReturned(function):
            near = toolkit.near(toolkit, function)
            return [AsReturned(near.translated(function)), Differentiated(function, near, wrt)]
        case Separate(value, gradient):
            return [Separate(translated(value), translated(gradient))]
        case WithHessian(own):
            forms = _forms(toolkit, own, wrt)
            return [WithHessian(form) for form in forms if not isinstance(form, Differentiated)]
        case Layer(pair):
            return [Layer(lambda: (translated((both := pair())[0]), translated(both[1])))]
    return [door]
