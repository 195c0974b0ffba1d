"""Candidates for the smallest failing case of a function of named inputs: smaller arrays, then rounder numbers."""

from collections.abc import Callable, Iterator
from functools import partial
from itertools import chain
from typing import Any

import numpy as np

from gradcheck.config import Config
from gradcheck.config.inputs import Drawn
from gradcheck.layout import Arguments, is_differentiable, leaves, rebuilt
from gradcheck.sampling import described
from gradcheck.shrinking.shrinker import Candidate, Pass

Axes = dict[str, tuple[str | int, ...]]
CALLS = 200  # that are granted at least: a screen takes 3, and what confirms it two for each entry


def parts_and_rounded(given: Arguments, config: Config) -> Iterator[Pass]:
    """Parts of 1 to 3 along each axis in turn, then all float arrays rounded.

    Axes are one where the config gives them one letter or number; those of arrays that it does not describe, where they
    have one length.
    """
    axes: Axes = {path: leaf.shape for path, leaf in leaves(given.values) if isinstance(leaf, np.ndarray)}
    axes |= {path: spec.shape for path, spec in leaves(described(config)) if isinstance(spec, Drawn) and path in axes}
    yield from (partial(_parts, axes, name) for name in dict.fromkeys(chain(*axes.values())))
    yield _rounded


def _parts(axes: Axes, name: str | int, best: Candidate) -> Iterator[Candidate]:
    """Parts along the axes of a name; whole numbers below their length stay below the new one."""
    arrays = [(axes[path], leaf.shape) for path, leaf in leaves(best.y.values) if path in axes]
    length = max(n for names, shape in arrays for own, n in zip(names, shape, strict=True) if own == name)

    def part(start: int, n: int, path: str, leaf: Any) -> Any:
        if path not in axes:
            return leaf
        kept = leaf[tuple(slice(start, start + n) if own == name else slice(None) for own in axes[path])]
        return kept % n if leaf.dtype.kind in "iu" and leaf.size and length > leaf.max() >= n else kept

    for n in range(1, min(length, 4)):
        yield from (_made(best, partial(part, start, n)) for start in range(0, length - n + 1, n))


def _rounded(best: Candidate) -> Iterator[Candidate]:
    def rounded(decimals: int, path: str, leaf: Any) -> Any:
        is_drawn = is_differentiable(leaf) and isinstance(leaf, np.ndarray | np.floating)
        return np.round(leaf, decimals) + 0.0 if is_drawn else leaf

    for candidate in (_made(best, partial(rounded, decimals)) for decimals in (0, 1, 3)):
        if len(str(candidate.S.tolist())) < len(str(best.S.tolist())):
            yield candidate


def _made(best: Candidate, make: Callable[[str, Any], Any]) -> Candidate:
    """A candidate of the arguments with each leaf replaced by ``make(path, leaf)``."""
    given = best.y
    new = Arguments.of(rebuilt(given.values, "", make), given.layout.names, given.seed, given.batched)
    return Candidate(new.x[np.newaxis].astype(np.float64), new)
