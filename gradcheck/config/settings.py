"""How a run goes: what does not change the problems that are checked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Framework = Literal["auto", "numpy", "torch", "jax"]
Reference = Literal["auto", "central", "complex"]
Backend = Literal["loky", "dask"]


@dataclass(frozen=True, eq=False)
class Settings:
    """The options of a run beside its configuration.

    Attributes:
        strict: unresolved entries and warnings fail.
        fail_fast: stop after the first problem that fails.
        framework: what the loss's arrays are; ``auto`` recognises it from what the loss returns.
        reference: what judges an entry: central differences, complex steps, or (``auto``) complex steps only where
            central differences are less precise than rtol asks for.
        worst: how many of the worst entries are looked for and kept.
        jobs: processes that call the loss; 0 for one on each core. Of a cluster, 0 and 1 are all workers.
        backend: where they run.
        scheduler: address of the cluster, for the backend ``dask``.
        max_seconds: wall time after which no further call of a loss is begun; None for no end.
        timeout: seconds that one call of a loss may take; None for no end.
        like: the built-in loss that the value is meant to be; None where nothing is said.
    """

    strict: bool = False
    fail_fast: bool = False
    framework: Framework = "auto"
    reference: Reference = "auto"
    worst: int = 10
    jobs: int = 1
    backend: Backend = "loky"
    scheduler: str | None = None
    max_seconds: float | None = None
    timeout: float | None = None
    like: str | None = None
