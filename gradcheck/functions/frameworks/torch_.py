"""Adapters for PyTorch. Tensors share the memory of the arrays, so that changes in place are found out."""

import copy
import functools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import torch

from gradcheck.errors import LossDefect
from gradcheck.functions.frameworks.adapters import Toolkit
from gradcheck.functions.frameworks.inputs import Differentiated
from gradcheck.layout import leaves


@contextmanager
def _settings() -> Iterator[None]:
    """Record graphs, whatever the user's setting."""
    try:
        with torch.enable_grad():
            yield
    except RuntimeError as error:
        if "double" in str(error).lower() and "float" in str(error).lower():
            error.add_note("make other tensors of the dtype of the inputs: float64, or use --dtype float32")
        raise


def _value_and_grad(total: Callable[..., Any], function: Callable[..., Any]) -> Callable[..., Any]:
    """As of JAX, for tensors. Changes in place, which torch forbids on a leaf, are copied back."""

    def both(leaves: list[Any], *others: Any, **options: Any) -> Any:
        clones = [leaf.requires_grad_().clone() for leaf in leaves]
        for clone in clones:
            clone.retain_grad()
        value, rest = total(clones, *others, **options)
        try:
            has_graph = isinstance(value, torch.Tensor) and value.requires_grad
            gradients = torch.autograd.grad(value, leaves, allow_unused=True) if has_graph else [None] * len(leaves)
        except RuntimeError as error:
            if "invalid gradient" not in str(error):
                raise
            raise LossDefect("wrong-shape", f"a gradient has a wrong shape or dtype: {error}") from None
        for leaf, clone in zip(leaves, clones, strict=True):
            leaf.data.copy_(clone.data)
        return (value, rest), gradients

    return both


def _vmap(function: Callable[..., Any], by_hand: bool, is_own: bool) -> Callable[..., Any]:
    """The points are made, and values differentiated, outside of vmap: ``torch.func.grad`` imports half of torch."""
    at_once = torch.func.vmap(function, (0, 0 if is_own else None))

    def at_points(scores: Any, labels: Any, at: Any, to: Any) -> tuple[Any, Any]:
        to.requires_grad_(not by_hand)
        points = scores.reshape(-1, scores[0].numel() if is_own else scores.numel()).expand(len(at), -1)
        points = points.scatter(1, at[:, None], to[:, None])
        answer = at_once(points.reshape(len(at), *scores.shape[is_own:]), labels)
        if not by_hand:
            return answer, torch.autograd.grad(_sum_of(answer), to)[0]
        return answer[0], answer[1].flatten(1).gather(1, at[:, None])[:, 0]

    return at_points


def _near(toolkit: Toolkit, function: Callable[..., Any]) -> Toolkit:
    """The toolkit with arrays on the device of a function's own tensors: a module's, or those that its code names."""
    code, names = getattr(function, "__code__", None), getattr(function, "__globals__", {})
    things = [function, getattr(function, "__self__", None), *getattr(function, "args", ())]
    things += [cell.cell_contents for cell in getattr(function, "__closure__", None) or ()]
    things += [names.get(name) for name in (code.co_names if code else ())]
    modules = [thing for thing in things if isinstance(thing, torch.nn.Module)]
    things += [each for module in modules for each in (*module.parameters(), *module.buffers())]
    places = [thing.device for thing in things if isinstance(thing, torch.Tensor) and thing.device.type != "cpu"]
    return replace(toolkit, from_numpy=lambda array: torch.from_numpy(array).to(places[0])) if places else toolkit


def _sum_of(answer: Any, weight: Any = None) -> Any:
    if not isinstance(answer, torch.Tensor) or not answer.requires_grad:
        what = "tensor without a graph" if isinstance(answer, torch.Tensor) else type(answer).__name__
        hint = "compute the value by operations of torch, without .item(), .detach() or no_grad"
        raise LossDefect("wrong-shape", f"returns a {what}, and no gradient: {hint}; or return (value, gradient)")
    if answer.is_complex():
        raise LossDefect("wrong-dtype", f"the value has dtype {answer.dtype}; it must be made of real numbers")
    return (answer if weight is None else answer * torch.from_numpy(weight).to(answer.device)).sum()


def _to_numpy(tensor: Any) -> Any:
    """Its own memory where NumPy has the dtype; bfloat16 as float32."""
    return (tensor.float() if tensor.dtype is torch.bfloat16 else tensor).numpy(force=True)


def _gradients(total: Callable[..., Any]) -> Callable[..., Any]:
    return lambda leaves: torch.autograd.grad(total(leaves)[0], leaves, create_graph=True, allow_unused=True)


TOOLKIT = Toolkit(
    "torch", torch.Tensor, _settings, torch.from_numpy, _to_numpy, _sum_of, _value_and_grad, _gradients, _vmap, _near
)


def own_form(
    thing: Any, make: Callable[[], Any]
) -> tuple[Differentiated, Callable[..., Any], dict[str, Any] | None] | None:
    """The door of a module, or of an ``autograd.Function`` or its ``apply``; None of anything else.

    Returns:
        With it the function that has its parameters, and the arrays of a module by name.
    """
    kind = thing if isinstance(thing, type) else getattr(thing, "__self__", type(thing))
    if not isinstance(kind, type) or not issubclass(kind, torch.autograd.Function | torch.nn.Module):
        return None
    own: Any = kind
    if issubclass(own, torch.autograd.Function):
        has_context = own.setup_context is torch.autograd.Function.setup_context
        forward = functools.partial(own.forward, None) if has_context else own.forward
        return Differentiated(lambda **given: own.apply(*given.values()), TOOLKIT), forward, None
    with torch.random.fork_rng():
        torch.manual_seed(0)  # for a class, whose weights are drawn
        module = make()

    def call(params: dict[str, Any], **inputs: Any) -> Any:
        own = {path.removeprefix("params."): each for path, each in leaves(params, "params")}
        tensors = [each for each in (*own.values(), *inputs.values()) if torch.is_tensor(each)]
        floats = sorted(filter(torch.is_floating_point, tensors), key=lambda each: not each.requires_grad)
        fresh = copy.deepcopy(module).to(*floats[:1])  # buffers of the same dtype, unchanged by other calls
        return torch.func.functional_call(fresh, own, (), inputs)

    params = {key: each.numpy(force=True) for key, each in module.named_parameters()}
    return Differentiated(call, TOOLKIT), module.forward, params
