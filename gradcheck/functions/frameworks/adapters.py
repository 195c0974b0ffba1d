"""What the adapters of all frameworks have in common: they make of the user's function one of NumPy arrays."""

from __future__ import annotations

import functools
import gc
import numbers
from collections import defaultdict
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any, TypeGuard

import numpy as np

from gradcheck.errors import LossDefect
from gradcheck.functions.answer import described
from gradcheck.layout import rebuilt
from gradcheck.report import HESSIAN, Array


@dataclass(frozen=True)
class Toolkit:
    """What a framework provides for its adapters."""

    name: str
    kind: type  # of its arrays
    environment: Callable[[], AbstractContextManager[None]]  # of a call
    from_numpy: Callable[[Array], Any]  # converts an array to the framework's
    to_numpy: Callable[[Any], Array]  # converts one of its arrays to NumPy
    #: The sum of an array or a number, times an array; raises ``LossDefect`` where it has no gradient.
    sum_of: Callable[..., Any]
    #: Of a function of a list of arrays that returns (value, rest): returns those, and the gradients of the value. The
    #: second argument is the user's own function.
    value_and_grad: Callable[[Callable[..., Any], Callable[..., Any]], Callable[..., Any]]
    #: Of such a function: the gradients alone, as a function that can be differentiated once more.
    gradients: Callable[[Callable[..., Any]], Callable[..., Any]]
    #: Of a function of a point and labels, at many points by one call: see ``Quick.many``. The first flag says whether
    #: it returns a gradient of its own.
    mapped: Callable[[Callable[..., Any], bool, bool], Callable[..., Any]]
    #: The toolkit for a function of the user's, whose arrays may be on a GPU; JAX moves them itself.
    near: Callable[[Toolkit, Callable[..., Any]], Toolkit] = lambda toolkit, function: toolkit
    #: Compiles a function; the second argument is the user's own. None where nothing is gained.
    compiled: Callable[[Callable[..., Any], Callable[..., Any]], Callable[..., Any] | None] = lambda *_: None

    def by_hand(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """For a loss that takes the framework's arrays, derives its gradient itself, and returns (value, dS)."""
        near, compiled = self.near(self, function), self.compiled(function, function)

        def answer_of(S: Array, y: Array, is_compiled: bool = False, **options: Any) -> Any:
            own = compiled if compiled and is_compiled else function
            return own(near.array(S), near.array(y), **options)

        return near._loss(function, answer_of, Quick(near, function, True, compiled))

    def by_autodiff(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """For a loss that returns a value, or one for each row: the framework computes its gradient; or a pair."""

        def total(arrays: list[Any], y: Any, **options: Any) -> tuple[Any, Any]:
            answer = function(*arrays, y, **options)
            return (0.0 if _is_pair(answer) else self.total(answer)), answer

        near, differentiated = self.near(self, function), self.value_and_grad(total, function)
        compiled = self.compiled(differentiated, function)

        def answer_of(S: Array, y: Array, is_compiled: bool = False, **options: Any) -> Any:
            if S.dtype.kind == "c":
                return function(near.array(S), near.array(y), **options), np.nan  # complex steps use the value only
            own = compiled if compiled and is_compiled else differentiated
            (_, answer), (gradient,) = own([near.array(S)], near.array(y), **options)
            if gradient is None and not _is_pair(answer):
                raise LossDefect("wrong-shape", f"the graph of the value does not lead to S{NO_GRAPH}")
            return answer if _is_pair(answer) else (answer, gradient)

        return near._loss(function, answer_of, Quick(near, function, False, compiled))

    @property
    def adapters(self) -> tuple[Callable[..., Any], ...]:
        """In the order in which they are tried; the last is for a loss (S, y) -> (value, dS) that converts arrays."""
        return self.by_hand, self.by_autodiff, lambda function: self._loss(function, function)

    def total(self, answer: Any, weight: Any = None) -> Any:
        """The sum of what a function returned, times an array; a ``LossDefect`` where it has no gradient."""
        if not isinstance(answer, self.kind | numbers.Number | np.ndarray):
            raise LossDefect("wrong-shape", f"returns {described(answer)}, neither a value nor a pair (value, dS)")
        return self.sum_of(answer, weight)

    def plain(self, thing: Any, what: str) -> Any:
        """One of the framework's arrays as a NumPy array or number; anything else unchanged."""
        try:
            return self.to_numpy(thing)[()] if isinstance(thing, self.kind) else thing
        except (TypeError, RuntimeError) as error:  # bfloat16, sparse; a key of random numbers
            raise LossDefect("wrong-dtype", f"{what} is no array of numbers that NumPy can hold: {error}") from None

    def translated(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """A function of any arguments that takes the framework's arrays, as one that takes and returns NumPy arrays."""

        @functools.wraps(function, updated=())
        def translated(*given: Any, **named: Any) -> Any:
            with self.environment():
                given, named = rebuilt((given, named), "", lambda _, leaf: self.array(leaf))
                return rebuilt(function(*given, **named), "a result", lambda path, leaf: self.plain(leaf, path))

        return translated

    def array(self, leaf: Any) -> Any:
        """A NumPy array of numbers as the framework's; anything else unchanged."""
        is_array = isinstance(leaf, np.ndarray | np.generic) and leaf.dtype.kind in "biufc"
        return self.from_numpy(np.asarray(leaf)) if is_array else leaf

    def _loss(
        self, function: Callable[..., Any], answer_of: Callable[..., Any], quick: Quick | None = None
    ) -> Callable[..., Any]:
        """A loss with the answer converted."""

        @functools.wraps(function, updated=())
        def loss(S: Array, y: Array, **options: Any) -> Any:
            with self.environment():
                answer = answer_of(S, _labels(y, S), **options)
                if not _is_pair(answer):
                    return answer  # which `validated` refuses
                if answer[1] is None:  # S.grad, read too early
                    hint = "if it is S.grad, call backward first; or return the value alone, with its graph"
                    raise LossDefect("wrong-shape", f"dS is None: {hint}")
                value, dS, *rest = answer
                rest = [rebuilt(each, HESSIAN, lambda path, leaf: self.plain(leaf, path)) for each in rest]
                return self.plain(value, "the value"), self.plain(dS, "dS"), *rest

        if quick and quick.compiled:
            quick.compiled = functools.partial(loss, is_compiled=True)
        loss.quick = lambda labels: quick  # type: ignore[attr-defined]
        return loss


@dataclass(eq=False)
class Quick:
    """Faster ways to call a function of a framework's arrays, which may not give what plain calls give."""

    toolkit: Toolkit
    function: Callable[..., Any]
    by_hand: bool  # whether it returns a gradient of its own
    compiled: Callable[..., Any] | None  # takes and returns NumPy arrays
    #: Plain ones of each kind; -inf where there are to be no other ones.
    calls: dict[Any, float] = field(default_factory=lambda: defaultdict(float))
    _keeps: bool | None = None

    def many(self, points: tuple[Array, Any, bool, Array, Array], size: int) -> tuple[Array, Array]:
        """G values, or G x N, and derivatives by a flat entry of each of G points, which becomes another number.

        ``points`` are a matrix and labels, of all points or each of its own, as the flag says; G entries; G numbers.
        JAX compiles anew for every other G, and gets ``size`` points, the most that are to come.
        """
        *given, is_own, at, to = points
        each = np.minimum(np.arange(size), len(at) - 1) if self.toolkit.name == "jax" else slice(None)
        S, y = (part[each] if is_own else part.copy() for part in given)
        y = _labels(y, S) if isinstance(y, np.ndarray) else np.zeros(0)  # other arguments: the function has them
        with self.toolkit.environment():
            values, derivatives = self._mapped(is_own)(*map(self.toolkit.array, (S, y, at[each], to[each])))
            return self.toolkit.plain(values, "the value"), self.toolkit.plain(derivatives, "dS")

    @functools.cache  # noqa: B019  (of one function, as long as the run)
    def _mapped(self, is_own: bool) -> Callable[..., Any]:
        return self.toolkit.mapped(self.function, self.by_hand, is_own)

    def keeps_arrays(self, call: Callable[[], object]) -> bool:
        """Whether arrays of a call outlive it: those of another kind, kept so, would break the next one."""
        if self._keeps is None:
            gc.freeze()  # what there is already is not collected, nor listed below
            try:
                call()
                gc.collect()
                self._keeps = any(issubclass(type(each), self.toolkit.kind) for each in gc.get_objects())
            finally:
                gc.unfreeze()
        return self._keeps


#: Why a value may have no gradient by one of its inputs.
NO_GRAPH = ", so it has no gradient: is it copied by torch.tensor or detached, or does a backward return None for it?"


def _labels(y: Any, S: Array) -> Any:
    """Labels as int64, or floats in the precision of the scores."""
    dtype: Any = {"f": S.real.dtype, "i": np.int64, "u": np.int64}.get(y.dtype.kind, y.dtype)
    return y.astype(dtype, copy=False)


def _is_pair(answer: Any) -> TypeGuard[tuple[Any, ...]]:
    """Whether a function returned a gradient of its own beside the value, and perhaps more."""
    return isinstance(answer, tuple | list) and len(answer) > 1
