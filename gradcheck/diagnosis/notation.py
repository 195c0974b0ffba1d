"""dS and the gradient of the value as sums of up to three terms of the notes: ``p_j/N``, but ``p_j/N - 1{j=y}/N``."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations, product
from typing import Any

import numpy as np

from gradcheck.checking.evidence import Evidence
from gradcheck.diagnosis.numbers import Law, fraction_of
from gradcheck.diagnosis.terms import sigmoid, softmax
from gradcheck.numerics.differences import EPS
from gradcheck.report import Array, BoolArray, FloatArray

#: The most terms of a sum, and entries to find coefficients in; the least Gram determinant of independent unit terms.
_MOST_TERMS, _ENTRIES, _DEPENDENT = 3, 256, 1e-13
#: A coefficient is not known if its relative error is larger than the first, or if a random number would be as close to
#: a simple fraction more often than the second; a gradient below the third part of the other one may be called 0.
_UNKNOWN, _CHANCE, _NOTHING = 1e-3, 1e-4, 1e-5
#: Tolerances beside the bounds: of the terms, relative to the sum of their sizes; of dS; and of the numerical gradient,
#: which dS corrects and may spoil by this.
_ROUNDING, _RTOL_OF_DS, _RTOL = 64 * EPS, 1e-9, 1e-7


def _sum(x: FloatArray) -> FloatArray:
    """N x 1, over the classes."""
    return np.asarray(x.sum(axis=1, keepdims=True))


def _margins(S: FloatArray, Y: FloatArray) -> FloatArray:
    """max(0, s_j - s_y + 1) where j != y, else 0."""
    return np.asarray(np.maximum(S - _sum(S * Y) + 1, 0) * (1 - Y))


def _violated(S: FloatArray, Y: FloatArray) -> FloatArray:
    return (_margins(S, Y) > 0).astype(np.float64)


#: How a term is written for labels that are classes, for labels that are a number for each class (empty: not in use),
#: and its values for scores S and labels Y, N x C each. Of several ways to write one function the first is preferred.
TERMS: tuple[tuple[str, str, Callable[[FloatArray, FloatArray], FloatArray]], ...] = (
    ("p_j", "p_j", lambda S, Y: softmax(S)),
    ("1{j=y}", "y_j", lambda S, Y: Y),
    ("1{j!=y}", "", lambda S, Y: 1 - Y),
    ("1", "1", lambda S, Y: np.ones(S.shape)),
    ("q_{j,y}1{j!=y}", "", _violated),
    ("1{j=y}·sum_{m!=y} q_{m,y}", "", lambda S, Y: Y * _sum(_violated(S, Y))),
    ("1{j!=y}p_j", "", lambda S, Y: (1 - Y) * softmax(S)),
    ("p_y·p_j", "p_j·sum_m y_m·p_m", lambda S, Y: softmax(S) * _sum(Y * softmax(S))),
    ("1{j=y}p_j", "y_j·p_j", lambda S, Y: Y * softmax(S)),
    ("", "p_j·sum_m y_m", lambda S, Y: softmax(S) * _sum(Y)),
    ("max(0, s_j - s_y + 1)·1{j!=y}", "", _margins),
    ("min(0, s_j - s_y + 1)·1{j!=y}", "", lambda S, Y: np.minimum(S - _sum(S * Y) + 1, 0) * (1 - Y)),
    ("1{j=y}·sum_{m!=y} max(0, s_m - s_y + 1)", "", lambda S, Y: Y * _sum(_margins(S, Y))),
    ("s_j", "s_j", lambda S, Y: S),
    ("1{j=y}s_j", "y_j·s_j", lambda S, Y: Y * S),
    ("mean_m s_m", "mean_m s_m", lambda S, Y: np.broadcast_to(S.mean(axis=1, keepdims=True), S.shape)),
    ("sigmoid(s_j)", "sigmoid(s_j)", lambda S, Y: sigmoid(S)),
    ("", "y_j·sigmoid(s_j)", lambda S, Y: Y * sigmoid(S)),
    ("e^{s_j}", "e^{s_j}", lambda S, Y: np.exp(S)),
    ("log p_j", "log p_j", lambda S, Y: np.log(softmax(S))),
    ("p_j^2", "p_j^2", lambda S, Y: softmax(S) ** 2),
    ("(1{j=y}/p_j)", "(y_j/p_j)", lambda S, Y: Y / softmax(S)),
    ("tanh(s_j)", "tanh(s_j)", lambda S, Y: np.tanh(S)),
    ("1{s_j > 0}", "1{s_j > 0}", lambda S, Y: (S > 0).astype(np.float64)),
)  # fmt: skip


def _labels_as_numbers(S: FloatArray, y: Array) -> FloatArray | None:
    """N x C, 1{j=y}, or the labels themselves where they are a number for each class; None for other labels."""
    if y.dtype.kind in "iu" and y.shape == S.shape[:1]:
        return np.asarray(np.arange(S.shape[1]) == y[:, np.newaxis], dtype=np.float64)
    return y.astype(np.float64) if y.dtype.kind in "iuf" and y.shape == S.shape else None


@dataclass(frozen=True)
class Sum:
    """A sum of terms with simple coefficients: for each its index, its name and the law of its coefficient."""

    parts: tuple[tuple[int, str, Law], ...]

    def at(self, values: FloatArray) -> FloatArray:
        """N x C, of the values of all terms, T x N x C."""
        _, N, C = values.shape
        return np.asarray(sum((law.at(N, C) * values[k] for k, _, law in self.parts), start=np.zeros((N, C))))

    def __str__(self) -> str:
        """The sum, what is added before what is subtracted."""
        parts = [(law.k < 0, law.size.of("" if name == "1" else name)) for _, name, law in self.parts]
        first, *others = sorted(parts or [(False, "0")], key=lambda part: part[0])
        text = ("-" if first[0] else "") + first[1]
        return text + "".join(f" {'-' if negative else '+'} {part}" for negative, part in others)

    @property
    def complexity(self) -> tuple[int, float]:
        """Few different powers of N before simple numbers."""
        laws = [law for _, _, law in self.parts]
        return len({(law.rows, law.classes) for law in laws}), sum(law.cost for law in laws)


@dataclass(frozen=True, eq=False)
class _Sample:
    """One gradient at one problem, N x C, its tolerances, and where it is known; the terms, T x N x C."""

    gradient: FloatArray
    slack: FloatArray
    known: BoolArray
    values: FloatArray

    def holds(self, candidate: Sum) -> bool:
        """Whether the gradient is that sum in every known entry."""
        with np.errstate(invalid="ignore", over="ignore"):
            error = np.abs(self.gradient - candidate.at(self.values))
            size = sum((np.abs(law.at(*self.known.shape) * self.values[k]) for k, _, law in candidate.parts), start=0.0)
            return bool(np.all((error <= self.slack + _ROUNDING * np.asarray(size))[self.known]))


def explain_terms(evidence: Evidence) -> str:
    """A sentence with dS and the numerical gradient as sums of a few terms; empty if neither is, or both are alike."""
    seen = [each for each in evidence.observations if each.known.any()]
    labels = [Y for each in seen if (Y := _labels_as_numbers(each.S, each.y)) is not None]
    kinds = {each.y.ndim - 1 for each in seen}
    has_several_N = len({each.rows for each in seen}) > 1  # else 1/N is any number
    if not evidence.wrong or len(kinds) != 1 or len(labels) < len(seen) or not has_several_N:
        return ""
    kind, rtol = kinds.pop(), min(evidence.rtol, _RTOL)
    names = [texts[kind] for *texts, _ in TERMS if texts[kind]]
    analytic, numerical = [], []
    for each, Y in zip(seen, labels, strict=True):
        with np.errstate(all="ignore"):  # some overflow
            values = np.array([of(each.S, Y) for *texts, of in TERMS if texts[kind]])
        a, n, terms = each.analytic, each.numerical, (each.known, values)
        analytic.append(_Sample(a, each.granted + min(rtol, _RTOL_OF_DS) * np.abs(a), *terms))
        numerical.append(_Sample(n, each.bounds + rtol * np.abs(n), *terms))
    ours, theirs = _simplest(analytic, numerical, names), _simplest(numerical, analytic, names)
    if ours == theirs or (ours and theirs and _are_same(ours, theirs, analytic)):
        return ""
    said = f"your dS = {ours}, but the gradient of your value is {theirs}"
    if theirs is None:
        said = f"your dS = {ours}, which is not the gradient of your value"
    elif ours is None:
        said = f"the gradient of your value is {theirs}, and your dS is not"
    return f"{said}, where q_{{m,y}} = 1{{s_m - s_y + 1 > 0}}" if "q_{" in said else said


def _simplest(samples: Sequence[_Sample], others: Sequence[_Sample], names: Sequence[str]) -> Sum | None:
    """The simplest way to write one gradient, beside the other; None for no sum, or for different functions."""
    found = _sums(samples, others, names)
    best = min(found, key=lambda each: each.complexity, default=None)
    return best if best is not None and all(_are_same(best, each, samples) for each in found) else None


def _are_same(one: Sum, other: Sum, samples: Sequence[_Sample]) -> bool:
    """Whether two sums are the same in all entries, those too that are not known."""
    with np.errstate(invalid="ignore", over="ignore"):
        pairs = [(one.at(each.values), other.at(each.values)) for each in samples]
        return all(np.allclose(a, b, rtol=_RTOL_OF_DS, atol=_RTOL_OF_DS * np.abs(a).max()) for a, b in pairs)


def _sums(samples: Sequence[_Sample], others: Sequence[_Sample], names: Sequence[str]) -> list[Sum]:
    """The sums of the fewest terms that hold in all samples of a gradient; ``others`` are of the other gradient."""
    pairs = list(zip(samples, others, strict=True))
    is_precise = all(np.max(a.slack[a.known]) <= _NOTHING * np.max(np.abs(b.gradient[b.known])) for a, b in pairs)
    if is_precise and all(each.holds(Sum(())) for each in samples):
        return [Sum(())]
    shapes = [each.known.shape for each in samples]
    N, C = max(shapes, key=lambda shape: sum(int(each.known.sum()) for each in samples if each.known.shape == shape))
    powers = list(product((1, 0, 2), (0, 1) if len({C for _, C in shapes}) > 1 else (0,)))
    columns, target = _columns([each for each in samples if each.known.shape == (N, C)])
    for size in range(1, _MOST_TERMS + 1):
        held: list[Sum] = []
        for chosen, numbers, errors in _least_squares(columns, target, size):
            for laws in product(*(_laws(*known, N, C, powers) for known in zip(numbers, errors, strict=True))):
                candidate = Sum(tuple((int(k), names[k], law) for k, law in zip(chosen, laws, strict=True)))
                if all(each.holds(candidate) for each in samples):
                    held.append(candidate)
        if held:
            return held
    return []


def _laws(number: float, error: float, N: int, C: int, powers: Sequence[tuple[int, int]]) -> list[Law]:
    """The simple fractions over powers of N and C that a number may be."""
    laws = []
    for a, b in powers:
        k, off = number * N**a * C**b, error * N**a * C**b
        fraction = fraction_of(k, off)
        if fraction and 0.6 * fraction.denominator**2 * off <= _CHANCE and abs(fraction.numerator) < 100:
            laws.append(Law(fraction, -a, -b))
    return laws


def _columns(samples: Sequence[_Sample]) -> tuple[FloatArray, FloatArray]:
    """The terms (T x m) and the gradient (m), in units of the tolerance."""
    columns, target = [], []
    for each in samples:
        where = each.known
        tolerance = each.slack[where] + max(1e-10 * np.abs(each.gradient[where]).max(initial=0.0), 1e-300)
        columns.append(each.values[:, where] / tolerance)
        target.append(each.gradient[where] / tolerance)
    few = np.random.default_rng(0).permutation(sum(map(len, target)))[:_ENTRIES]
    return np.concatenate(columns, axis=1)[:, few], np.concatenate(target)[few]


def _least_squares(columns: FloatArray, target: FloatArray, size: int) -> Iterator[tuple[Any, Any, Any]]:
    """Terms that fit, their coefficients, and how far each of those may be off.

    With tolerances for weights, the true sum leaves no more than sqrt(m) of m entries, and no least-squares fit
    leaves more than that. So |R (x - x_true)| <= sqrt(m), with the terms' QR decomposition, which bounds each error.
    """
    m = len(target)
    with np.errstate(over="ignore", invalid="ignore"):
        lengths = np.linalg.norm(columns, axis=1)
    usable = np.flatnonzero(np.isfinite(lengths) & (lengths > 0))
    if m < 2 * size + 4 or len(usable) < size:
        return
    chosen = np.array(list(combinations(usable, size)))
    A = (columns[chosen] / lengths[chosen][:, :, np.newaxis]).transpose(0, 2, 1)
    Q, R = np.linalg.qr(A)
    independent = np.prod(np.diagonal(R, axis1=1, axis2=2) ** 2, axis=1) > _DEPENDENT
    chosen, A, Q, inverse = chosen[independent], A[independent], Q[independent], np.linalg.inv(R[independent])
    x = np.einsum("kij,kmj,m->ki", inverse, Q, target, optimize=True)
    error = np.sqrt(m * (inverse**2).sum(axis=2))
    left = ((target - np.einsum("kmi,ki->km", A, x)) ** 2).sum(axis=1)
    fits = (left <= m) & np.all(error <= 2 * _UNKNOWN * np.abs(x), axis=1)  # else it would fit with one term less
    size_of = lengths[chosen[fits]]
    yield from zip(chosen[fits], x[fits] / size_of, error[fits] / size_of, strict=True)
