"""What a crew needs of whatever runs its processes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from importlib.util import find_spec
from typing import Any, Protocol

from gradcheck.errors import UsageError


class Future(Protocol):
    """An answer that is still to come."""

    def done(self) -> bool:
        """Whether it is there, or never will be."""
        ...

    def result(self, timeout: float | None = None) -> Any:
        """The answer, waited for.

        Raises:
            TimeoutError: it is not there yet.
        """
        ...


class Pool(Protocol):
    """Processes that call functions.

    Attributes:
        jobs: how many there are.
    """

    jobs: int

    def submit(self, function: Callable[..., Any], *arguments: Any) -> Future:
        """Have one of them call a function; they are started by then. What it prints is lost."""
        ...

    def look(self) -> None:
        """See, while an answer is waited for, whether one can still come.

        Raises:
            UsageError: it cannot.
        """
        ...

    def forget(self, futures: Sequence[Future]) -> None:
        """These answers are not wanted any more."""
        ...

    def why(self, error: Exception) -> UsageError:
        """What it means that a ``submit``, or a wait for an answer, failed. The next ``submit`` starts anew."""
        ...

    def close(self) -> None:
        """End the processes, or leave those of a cluster; also in the midst of calls."""
        ...


def require(module: str, option: str, extra: str) -> None:
    """See to it that a package is installed; it is not imported.

    Raises:
        UsageError: it is not.
    """
    if find_spec(module) is None:
        raise UsageError(f"{option} needs {module}, which is not installed", hint=f"pip install 'gradcheck[{extra}]'")
