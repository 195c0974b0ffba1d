"""Problems drawn from a configuration, each from a stream of its own: the same whatever else is drawn."""

import re
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np

from gradcheck.config import Config, Integers, Labels, Normal, ScoresKind, Uniform
from gradcheck.config.inputs import DEFAULT_SIZE, Drawn, nested, parse_input
from gradcheck.layout import Arguments, Layout, leaves, rebuilt
from gradcheck.report import Array, BoolArray, FloatArray, IntArray

_SPREAD = 0.1  # standard deviation of what is added to a model's own parameters, where those are all alike
_LARGEST = 1e30  # of Student's t, which can overflow; its squares stay finite in float64


@dataclass(frozen=True, eq=False)
class Problem:
    """One draw."""

    S: Array  # N x C scores, of the config's dtype
    #: N int64 labels in [0, C), or -1; or, for the other kinds of labels, N x C numbers of the config's dtype; or the
    #: `Arguments` of a function of named inputs, whose flat vector x is S, 1 x n
    y: Any
    seed: int  # draws this problem alone, as trial 0
    trial: int  # which draw of its kind, from 0
    scores: str  # the kind of scores, for example ``normal(0, 1)``; "given" or "inputs" for what is not drawn so
    batch_size: int = 0  # N, where it is not the number of rows of S

    @property
    def layout(self) -> Layout | None:
        """Of the inputs of a function of named inputs; None for scores."""
        return self.y.layout if isinstance(self.y, Arguments) else None

    @property
    def where(self) -> str:
        """Which problem it is, in words."""
        if self.layout and self.scores == "given":
            return "the point given"
        scores = "" if self.layout else f", {self.scores}"
        return f"batch size {self.batch_size or len(self.S)}{scores}, seed {self.seed}"

    @property
    def labels(self) -> IntArray | None:
        """N labels; None where they are not classes."""
        if isinstance(self.y, Arguments):
            return None
        return self.y.astype(np.int64) if self.y.shape == self.S.shape[:1] and self.y.dtype.kind in "iu" else None


def problems(config: Config) -> Iterator[Problem]:
    """Every problem of a configuration, one at a time: by batch size, number of classes, kind of scores, trial.

    Example:
        >>> from gradcheck.config import Config
        >>> [problem.S.shape for problem in problems(Config(batch_sizes=[1, 3], scores="normal"))]
        [(1, 5), (3, 5)]
    """
    for N, C, kind, trial in product(config.batch_sizes, config.classes, config.scores, range(config.trials)):
        yield drawn(config, N, C, kind.describe(), config.seed + trial)


def draw_inputs(config: Config, N: int, trial: int, params: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """The arguments of a function of named inputs, by name: float arrays of the config's dtype, int64, or constants.

    ``params`` are a model's own parameters, which are drawn near their own values where ``inputs`` does not name them.
    """
    sizes = {"C": config.classes[0], **config.sizes, "N": N}
    named = {re.split(r"[.[]", name)[0] for name in config.wrt}

    def draw(path: str, spec: Any) -> Any:
        key = (N, zlib.crc32(path.encode()))
        rng = _generator(np.random.SeedSequence(config.seed + trial, spawn_key=key))
        if isinstance(spec, str) and spec.strip() == "labels":
            y = draw_labels(rng, config.labels, N, sizes["C"])
            return y.astype(config.dtype) if y.dtype.kind == "f" else y
        if isinstance(spec, np.ndarray) and params is not None and path.startswith("params."):
            own = spec + max(float(np.std(spec)), _SPREAD) * rng.standard_normal(spec.shape)
            return own.astype(config.dtype) if spec.dtype.kind == "f" else spec
        if not isinstance(spec, Drawn):
            return spec
        shape = tuple(sizes.get(each, DEFAULT_SIZE) if isinstance(each, str) else each for each in spec.shape)
        array = _draw_scores(rng, spec.kind or config.scores[0], shape)
        is_whole = isinstance(spec.kind, Integers) and re.split(r"[.[]", path)[0] not in named
        return array.astype(np.int64 if is_whole else config.dtype)[()]

    specs = described(config)
    if params is not None and isinstance(own := specs.get("params", {}), dict):
        specs["params"] = {**params, **own}
    return rebuilt(specs, "", draw)  # type: ignore[no-any-return]


def batched(config: Config) -> frozenset[str]:
    """The names of the inputs whose first axis is that of the N rows of a batch."""

    def is_batched(spec: Any) -> bool:
        return spec.shape[:1] == ("N",) if isinstance(spec, Drawn) else isinstance(spec, str) and spec == "labels"

    return frozenset(path for path, spec in leaves(described(config)) if is_batched(spec))


def described(config: Config) -> dict[str, Any]:
    return {name: parse_input(given, config.sizes) for name, given in nested(config.inputs).items()}


def drawn(config: Config, N: int, C: int, scores: str, seed: int) -> Problem:
    """The problem of a configuration that has N rows, C classes, this kind of scores and this seed."""
    kind = next(kind for kind in config.scores if kind.describe() == scores)
    key = (N, C, zlib.crc32(scores.encode()), zlib.crc32(config.labels.describe().encode()))
    scores_stream, labels_stream = map(_generator, np.random.SeedSequence(entropy=seed, spawn_key=key).spawn(2))
    # Drawn in float64 for every dtype, so that float32 sees the same problem, rounded.
    S = _draw_scores(scores_stream, kind, (N, C)).astype(config.dtype, copy=False)
    y = draw_labels(labels_stream, config.labels, N, C)
    return Problem(S, y.astype(config.dtype) if y.ndim == 2 else y, seed, seed - config.seed, scores)


def shapes(config: Config) -> list[tuple[int, int]]:
    """N and C of every problem of a configuration, in the order of ``problems``."""
    each = range(len(config.scores) * config.trials)
    return [(N, C) for N, C, _ in product(config.batch_sizes, config.classes, each)]


def _generator(stream: np.random.SeedSequence) -> np.random.Generator:
    """PCG64 by name: default_rng may become another generator, and with it every draw."""
    return np.random.Generator(np.random.PCG64(stream))


def _draw_scores(rng: np.random.Generator, kind: ScoresKind, shape: tuple[int, ...]) -> FloatArray:
    """Float64 numbers of this shape, all finite."""
    match kind:
        case Normal():
            return kind.loc + kind.scale * rng.standard_normal(shape)
        case Integers():
            return rng.integers(kind.low, kind.high, size=shape, endpoint=True).astype(np.float64)
        case Uniform():
            return kind.low + (kind.high - kind.low) * rng.random(shape)
        case _:  # Student's t
            with np.errstate(over="ignore"):
                scores = kind.scale * rng.standard_t(kind.df, shape)
            return np.nan_to_num(np.clip(scores, -_LARGEST, _LARGEST))


def draw_labels(rng: np.random.Generator, labels: Labels, N: int, C: int) -> Array:
    """Labels of N rows and C classes: N int64 for the kind ``class``, -1 for ignored rows, else N x C float64."""
    if labels.kind == "real":
        return rng.standard_normal((N, C))
    if labels.kind in ("multi-hot", "sign"):
        indicators = _indicators(rng, labels.distribution, N, C).astype(np.float64)
        return indicators if labels.kind == "multi-hot" else 2 * indicators - 1
    y = _classes(rng, labels.distribution, N, C)
    if labels.ignored:
        y[rng.random(N) < labels.ignored] = -1
    return y if labels.kind == "class" else np.eye(C)[y] * (y >= 0)[:, np.newaxis]


def _classes(rng: np.random.Generator, distribution: str, N: int, C: int) -> IntArray:
    """N classes; balanced: each N // C or one more times; skewed: class j with probability proportional to 2^-j."""
    if distribution == "uniform":
        return rng.integers(0, C, size=N)
    if distribution == "balanced":
        return rng.permutation(rng.permutation(C)[np.arange(N) % C])
    # P(class < j) = (1 - 2^-j) / (1 - 2^-C), so class = floor(-log2(1 - u (1 - 2^-C))).
    y = np.floor(-np.log2(1.0 - rng.random(N) * (1.0 - 2.0**-C)))
    return np.clip(y, 0, C - 1).astype(np.int64)


def _indicators(rng: np.random.Generator, distribution: str, N: int, C: int) -> BoolArray:
    """N x C truth values; balanced: each class in half of the rows; skewed: class j with probability 2^-(j+1)."""
    if distribution == "balanced":
        alternating = (np.arange(N)[:, np.newaxis] + rng.integers(0, 2, size=C)) % 2 == 0
        return rng.permuted(alternating, axis=0)
    return rng.random((N, C)) < (0.5 if distribution == "uniform" else 2.0 ** -(np.arange(C) + 1.0))


def classes_of(y: Any, shape: tuple[int, ...]) -> IntArray | None:
    """The class of each row, N ints in [0, C), if the labels are classes or one-hot; else None."""
    if isinstance(y, Arguments):
        return None
    if y.ndim == 1 and y.dtype.kind in "iu" and len(y) == shape[0]:
        return y.astype(np.int64) if np.all((y >= 0) & (y < shape[1])) else None
    if y.shape != shape or y.dtype.kind not in "fiub":
        return None
    is_one_hot = np.all((y == 0) | (y == 1)) and np.all(np.count_nonzero(y, axis=1) == 1)
    return np.argmax(y, axis=1).astype(np.int64) if is_one_hot else None
