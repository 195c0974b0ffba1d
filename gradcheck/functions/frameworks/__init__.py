"""Losses written for PyTorch or JAX: they get that framework's arrays, and what they answer comes back as NumPy's.

An adapted loss is a ``Loss`` as any other, ``(S, y) -> (value, dS)`` in NumPy's arrays: nothing beyond this room knows
of frameworks. None of them is imported before it is asked for by name, or the user's own code has imported it.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy.typing as npt

from gradcheck.errors import LossDefect, UsageError
from gradcheck.functions.frameworks.evidence import is_behind, made_by, refuses_arrays
from gradcheck.functions.frameworks.way import Way
from gradcheck.functions.loss import Loss


@dataclass(frozen=True)
class Framework:
    """One framework.

    Attributes:
        packages: top-level packages that its modules are in; the first is the one to import.
        ways: returns the ways to call a loss, in the order in which they are tried. The second is the usual one: of a
            loss that works in none, what it says is reported.
    """

    packages: tuple[str, ...]
    ways: Callable[[], tuple[Way, ...]]


def _ways_of_torch() -> tuple[Way, ...]:
    from gradcheck.functions.frameworks.torch_ import WAYS

    return WAYS


def _ways_of_jax() -> tuple[Way, ...]:
    from gradcheck.functions.frameworks.jax_ import WAYS

    return WAYS


#: By the name that ``--framework`` and the extra of the package have.
FRAMEWORKS = {
    "torch": Framework(("torch",), _ways_of_torch),
    "jax": Framework(("jax", "jaxlib"), _ways_of_jax),
}


def require(name: str) -> None:
    """See to it that a framework is there.

    Raises:
        UsageError: it is not in ``FRAMEWORKS``, or cannot be imported.
    """
    if name not in FRAMEWORKS:
        raise UsageError(f"{name!r} is no framework", hint=f"there are auto, numpy, {' and '.join(FRAMEWORKS)}")
    package = FRAMEWORKS[name].packages[0]
    try:
        importlib.import_module(package)
    except ImportError as error:
        raise UsageError(
            f"--framework {name}: {package} cannot be imported: {error}", hint=f"pip install 'gradcheck[{name}]'"
        ) from None


def adapted(loss: Loss, name: str, scores: npt.NDArray[Any], labels: npt.NDArray[Any]) -> Loss:
    """The loss in the first of a framework's ways that works.

    Args:
        loss: as the user wrote it. The built-in losses are NumPy's, and stay as they are.
        name: of the framework, in ``FRAMEWORKS``.
        scores: N x C, where the ways are tried; left untouched.
        labels: the problem's y; left untouched.
    """
    if str(getattr(loss.function, "__module__", "")).startswith("gradcheck.losses.") or loss.framework == name:
        return loss
    return _first_that_works(loss, name, scores, labels)[0]


def recognised(loss: Loss, scores: npt.NDArray[Any], labels: npt.NDArray[Any], first: Any, usable: bool) -> Loss:
    """The loss in the framework that its first answer speaks of; the same loss where it speaks of none.

    Args:
        loss: as the user wrote it.
        scores, labels: the problem of that first call; left untouched.
        first: what the loss returned for NumPy's arrays, or the exception that it raised.
        usable: whether what it returned is a value and a gradient, as it is.
    """
    raised = isinstance(first, BaseException)
    for name, framework in FRAMEWORKS.items():
        if not (is_behind if raised else made_by)(framework.packages, first):
            continue
        other, works = _first_that_works(loss, name, scores, labels)
        if works or (refuses_arrays(framework.packages, first) if raised else not usable):
            return other
    return loss


def _first_that_works(loss: Loss, name: str, scores: npt.NDArray[Any], labels: npt.NDArray[Any]) -> tuple[Loss, bool]:
    others = [replace(loss, function=way(loss.function), framework=name, way=way) for way in FRAMEWORKS[name].ways()]
    for other in others:
        try:
            other.evaluate(scores, labels)
        except LossDefect:
            continue
        return other, True
    return others[1], False
