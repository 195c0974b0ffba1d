"""Where the losses are entered that findings are judged by: what each is, and what should be said of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

#: Codes that say a loss broke its contract: most of them end the check of a problem.
CONTRACT = frozenset(
    {"mutates-input", "not-deterministic", "wrong-shape", "wrong-dtype", "not-finite", "raises", "hangs"}
)


@dataclass(frozen=True)
class Case:
    """A loss and what should be said of it.

    Attributes:
        name: what is wrong with which loss, in a few words.
        function: ``(S, y) -> (value, dS)``.
        code: of the finding that should lead; empty where nothing should be found.
        also: codes that may lead as well, for they would be as right.
        with_: codes that must all be among the findings: there are two defects.
    """

    name: str
    function: Callable[..., Any]
    code: str = ""
    also: tuple[str, ...] = ()
    with_: frozenset[str] = frozenset()

    @property
    def keeps_contract(self) -> bool:
        """Every problem can be checked to its end."""
        return not CONTRACT & {self.code, *self.also, *self.with_}

    @property
    def acceptable(self) -> tuple[str, ...]:
        """Every code that may lead, the expected one first."""
        return self.code, *self.also


#: Losses whose gradient, or contract, is wrong.
WRONG: dict[str, Case] = {}
#: Losses whose gradient is right, with something to be said of them all the same.
WARNED: dict[str, Case] = {}
#: Losses of which nothing should be said.
QUIET: dict[str, Case] = {}

Register = Callable[[Any], Any]


def wrong(name: str, code: str, *, also: Iterable[str] = (), with_: Iterable[str] = ()) -> Register:
    """Enter a loss, or a class of which an instance is one, into ``WRONG``."""
    return _entering(WRONG, name, code, tuple(also), frozenset(with_))


def warned(name: str, code: str) -> Register:
    """Enter a loss into ``WARNED``: its gradient is right, and the finding ``code`` is expected."""
    return _entering(WARNED, name, code)


def quiet(name: str) -> Register:
    """Enter a loss into ``QUIET``: it is right in every respect."""
    return _entering(QUIET, name)


def _entering(registry: dict[str, Case], name: str, *expected: Any) -> Register:
    def register(thing: Any) -> Any:
        if name in registry:
            raise ValueError(f"there are two losses of the name {name!r}")
        registry[name] = Case(name, thing() if isinstance(thing, type) else thing, *expected)
        return thing

    return register
