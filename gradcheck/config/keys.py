"""Every key of the configuration and its default, the only place where defaults are written.

Plain values, of which nothing is checked here: `gradcheck.config.model` says what is allowed.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, is_dataclass
from typing import Any, Literal

from gradcheck.config.scores import Integers, Normal, ScoresKind


@dataclass(frozen=True, kw_only=True)
class Labels:
    """What labels the problems have.

    Attributes:
        kind: N ints for ``class``, N x C of 0 and 1 for ``one-hot`` and ``multi-hot``, N x C normal numbers
            for ``real``.
        distribution: how often each class occurs. Real labels have none.
    """

    kind: Literal["class", "one-hot", "multi-hot", "real"] = "class"
    distribution: Literal["uniform", "balanced", "skewed"] = "uniform"

    def describe(self) -> str:
        """For example ``class, uniform``."""
        return self.kind if self.kind == "real" else f"{self.kind}, {self.distribution}"


@dataclass(frozen=True, kw_only=True)
class Keys:
    """The values of a configuration, however they were come by.

    Attributes:
        losses: targets to check, when the command line names none.
        seed: of the first trial; trial t is drawn with seed + t.
        trials: problems for each batch size, class count and kind of scores.
        batch_sizes, classes: numbers of rows N and of classes C.
        scores: kinds of scores; each makes problems of its own.
        labels: what labels the problems have.
        dtype: what the loss is given.
        rtol: relative error that an entry may have beyond the measured bound.
        atol: an allowance on top of the measured bound.
        plan: how perturbed values are obtained.
        max_entries: entries above which the plan ``auto`` takes projections.
    """

    losses: tuple[str, ...] = ()
    seed: int = 0
    trials: int = 1
    batch_sizes: tuple[int, ...] = (1, 3, 8)
    classes: tuple[int, ...] = (5,)
    scores: tuple[ScoresKind, ...] = (Normal(), Integers())
    labels: Labels = Labels()
    dtype: Literal["float64", "float32"] = "float64"
    rtol: float = 1e-7
    atol: float = 0.0
    plan: Literal["auto", "per-sample", "rows", "full", "projections"] = "auto"
    max_entries: int = 10_000

    def as_data(self) -> dict[str, Any]:
        """Mappings, lists, texts and numbers, as JSON and YAML have them; ``Config(**data)`` reads it back.

        Example:
            >>> Keys().as_data()["labels"]
            {'kind': 'class', 'distribution': 'uniform'}
        """
        data: dict[str, Any] = plain(self)
        return data


def plain(value: Any) -> Any:
    """A value of a configuration as plain data: tuples as lists, dataclasses as mappings."""
    if isinstance(value, tuple):
        return [plain(item) for item in value]
    if is_dataclass(value):
        return {key.name: plain(getattr(value, key.name)) for key in fields(value)}
    return value
