"""What a function returns as its second derivatives, ``hess``, beside value and gradient."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from gradcheck.errors import LossDefect, UsageError
from gradcheck.functions.answer import Answer, as_array, as_float64, described, validated
from gradcheck.functions.function import Function
from gradcheck.functions.signatures import signature_of
from gradcheck.layout import Arguments, Input, leaves
from gradcheck.report import HESSIAN, Array, FloatArray


@dataclass(frozen=True, eq=False)
class Hessian:
    """Second derivatives by one input, or by all of them as one vector."""

    name: str  # ``hess``; where there are several, ``hess.W``
    own: Input
    entries: FloatArray  # of any shape
    eps: float  # machine epsilon of the dtype that was returned


def gradient_and_hessians(loss: Function, scores: Array, labels: Any) -> tuple[Answer, list[Hessian]]:
    """Value and gradient of the shape of the scores, N x C or 1 x n, and the second derivatives that come with them.

    Raises:
        LossDefect: as ``Function.evaluate``, and where the second derivatives are no finite real numbers.
        UsageError: there are none.
    """
    loss, signature = replace(loss, has_hessian=False), signature_of(loss.function)
    takes = signature is not None and "hessian" in signature.parameters  # it returns them where it is asked to
    answer = loss.call(scores.copy(), labels.copy(), **({"hessian": True} if takes else {}))
    if not isinstance(answer, tuple | list) or len(answer) < 3:
        hint = "return (value, gradient, hess): the diagonal, a block for each row, or the whole matrix"
        raise UsageError(f"returns {described(answer)}, and no second derivatives after value and gradient", hint=hint)
    inputs = labels.layout.inputs if isinstance(labels, Arguments) else (Input("S", scores.shape, 0),)
    found = []
    for name, own, given in _of_inputs(answer[2], inputs):
        entries, eps = as_float64(as_array(given, name), name)
        if not np.isfinite(entries).all():
            place = tuple(np.argwhere(~np.isfinite(entries))[0].tolist())
            raise LossDefect("not-finite", f"{name}[{', '.join(map(str, place))}] is {entries[place]}")
        found.append(Hessian(name, own, entries, eps))
    return validated(answer[:2], scores.shape), found


def _of_inputs(given: Any, inputs: tuple[Input, ...]) -> Iterator[tuple[str, Input, Any]]:
    """What was returned for each input: in their order, or in a dict by their names; None is left out."""
    parts = list(leaves(given, HESSIAN))
    if len(inputs) == 1 or isinstance(given, np.ndarray):
        n = sum(each.size for each in inputs)
        lone = isinstance(given, dict | tuple) and len(parts) == 1
        own = inputs[0] if len(inputs) == 1 else Input("all inputs together", (n,), 0)
        yield HESSIAN, own, parts[0][1] if lone else given
        return
    if len(parts) != len(inputs):
        names = ", ".join(each.name for each in inputs)
        raise LossDefect("wrong-shape", f"{HESSIAN} has {len(parts)} arrays; {len(inputs)} are differentiated: {names}")
    by_name = {name.removeprefix(f"{HESSIAN}."): part for name, part in parts}
    for own, (_, in_order) in zip(inputs, parts, strict=True):
        part = by_name.get(own.name, by_name.get(own.name.partition(".")[2], in_order))
        if part is not None:
            yield f"{HESSIAN}.{own.name}", own, part
