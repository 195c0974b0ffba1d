"""Where the losses of the corpora are entered: what each is, and what a checker should report about it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

Loss = Callable[..., Any]
Register = Callable[[Any], Any]

#: Codes of a broken contract: most of them end the check of a problem.
CONTRACT = frozenset(
    {"mutates-input", "not-deterministic", "wrong-shape", "wrong-dtype", "not-finite", "raises", "hangs"}
)


@dataclass(frozen=True)
class Case:
    """A loss and what should be reported about it.

    Attributes:
        name: what is wrong with which loss, in a few words.
        function: ``(S, y) -> (value, dS)``.
        code: of the finding that should lead; empty where nothing should be found.
        also: codes that may lead as well because they are equally right.
        with_: codes that must all be among the findings: the loss has two defects.
    """

    name: str
    function: Loss
    code: str = ""
    also: tuple[str, ...] = ()
    with_: frozenset[str] = frozenset()


#: Losses whose gradient, or contract, is wrong.
WRONG: dict[str, Case] = {}
#: Losses whose gradient is right, with a warning or a note to give.
WARNED: dict[str, Case] = {}
#: Right losses about which nothing should be reported.
QUIET: dict[str, Case] = {}
#: Right losses on which a checker may raise a false alarm.
RIGHT: dict[str, Loss] = {}
#: Those of ``RIGHT`` with derivatives of every order, on which a planted defect can be seen exactly.
SMOOTH: list[str] = []
#: Right losses that take complex scores in every way there is, and whether complex steps can judge them.
COMPLEX: dict[str, tuple[Loss, Literal["always", "never", "perhaps"]]] = {}


def entering(
    registry: dict[str, Case], name: str, code: str = "", *, also: Iterable[str] = (), with_: Iterable[str] = ()
) -> Register:
    """Enter a loss, or a class of which an instance is one, with what should be reported about it."""

    def register(thing: Any) -> Any:
        if name in registry:
            raise ValueError(f"there are two losses of the name {name!r}")
        loss = thing() if isinstance(thing, type) else thing
        registry[name] = Case(name, loss, code, tuple(also), frozenset(with_))
        return thing

    return register


wrong, warned, quiet = (partial(entering, registry) for registry in (WRONG, WARNED, QUIET))


def right(name: str, *, smooth: bool = False) -> Register:
    """Enter a loss into ``RIGHT``, and into ``SMOOTH`` where it is."""

    def register(loss: Loss) -> Loss:
        RIGHT[name] = loss
        if smooth:
            SMOOTH.append(name)
        return loss

    return register
