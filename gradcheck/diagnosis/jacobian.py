"""What a layer's backward takes from each of its outputs, beside how the outputs change with its inputs."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from gradcheck.checking.evidence import Allowance, Case, Evidence
from gradcheck.diagnosis.conditions import FEW, fixed_indices
from gradcheck.diagnosis.input_rules import other_form
from gradcheck.functions.binding import Bound
from gradcheck.functions.doors import upstream_gradient
from gradcheck.layout import Arguments, Input
from gradcheck.report import BoolArray, Finding, FloatArray, IndexArray

#: Of the entries' sizes: a step, below what a number is 0, and by how much two numbers may differ and be equal.
_STEP, _ZERO, _EQUAL = 2.0**-16, 1e-6, 1e-5
#: Outputs that a factor of each is told from a coincidence by.
_FEWEST = 4
#: No more than this part of the calls that are left are made.
_SHARE = 0.5


@dataclass(eq=False)
class Parts:
    """The parts of O outputs in E entries of an input's gradient: what there is where the upstream gradient is 1."""

    taken: FloatArray  # E x O, from the backward
    true: FloatArray  # E x O, from the outputs
    entries: IndexArray  # E indices into the input, one row an axis
    outputs: IndexArray  # O indices into the outputs, one row an axis; zeros where an output has fewer axes
    numbers: IndexArray  # O numbers of outputs
    values: FloatArray  # O outputs
    own: Input

    def __post_init__(self) -> None:
        tiny = _ZERO * float(np.max(np.abs(self.true), initial=1e-300))
        for array in (self.true, self.taken):
            array[np.abs(array) <= tiny] = 0.0
        #: E x O each: where an output changes with an entry; where dS takes none of it, or though it does not change.
        self.has, is_taken = self.true != 0, self.taken != 0
        self.missing, self.extra = self.has & ~is_taken, is_taken & ~self.has
        self.same = np.isclose(self.taken, self.true, rtol=_EQUAL, atol=0.0)
        is_square = self.taken.shape[0] == self.taken.shape[1]
        self.is_transpose = is_square and np.allclose(self.taken, self.true.T, rtol=_EQUAL, atol=tiny)


def same_for_any_upstream(evidence: Evidence) -> Iterator[Finding]:
    """dS does not change with the upstream gradient, while the value does."""
    each = max(evidence.wrong, key=lambda one: one.rows)
    other = evidence.answer_with(each, seed=each.seed + 1)
    is_same = np.array_equal(each.part(other.gradient), each.analytic) and each.analytic.any()
    if is_same and other.value != each.value:
        message = "dS is the same whatever the upstream gradient is"
        hint = "multiply by dout, the gradient of the loss by the layer's output: it is not all ones"
        yield Finding("ignores-upstream-gradient", "error", message, hint)


def outputs_taken(evidence: Evidence) -> Iterator[Finding]:
    """What dS lacks of some outputs, has of others too, or takes by another factor."""
    parts = _parts(evidence)
    if parts is None or np.all(parts.same):
        return
    missing, extra = parts.missing, parts.extra
    told = []
    for which, among, words in ((missing, parts.has, "lacks its part"), (extra, parts.taken != 0, "has a part")):
        if which.any() and (found := next(_places(parts, which, among), None)):
            told.append((found[0], f"{words} of {found[1]}"))
    if told:
        rest = ", beside other differences" * (not np.all(parts.same | missing | extra))
        message = f"dS {', and '.join(words for _, words in told)}{rest}"
        yield Finding(told[0][0], "error", message, _HINTS["term"])
    elif not extra.any() and (words := _one_of_several(parts)):
        yield Finding("one-region", "error", f"dS has, of all outputs that an entry enters, {words} alone", _HINTS["="])
    elif parts.is_transpose:
        yield Finding("transposed", "error", "dS multiplies by the layer's Jacobian where its transpose belongs", "")
    elif not (missing | extra).any() and (words := _factor(parts)):
        yield Finding("row-factor", "error", words, _HINTS["factor"])


def example(evidence: Evidence) -> Iterator[Finding]:
    """An output that dS has a part of, though it does not change with that entry; or the other way round."""
    parts = _parts(evidence)
    if parts is None:
        return
    for which, words in ((parts.extra, "has a part of {}, which does not change with {}"), (parts.missing, "lacks {}")):
        if which.any():
            entry, output = (int(each) for each in np.argwhere(which)[0])
            name = f"{parts.own.name}{parts.entries[:, entry].tolist()}"
            out = f"the output at {parts.outputs[:, output].tolist()}"
            message = f"dS is wrong in what it takes of single outputs: d{name} {words.format(out, name)}"
            yield Finding("gradient-of-another-loss", "error", message, _HINTS["place"])
            return


_HINTS = {
    "term": "look for a lost term: a sum over another axis, a path over a mean or a later step, a loop that ends early",
    "=": "look for = where += belongs: what overlaps or repeats has to be added up",
    "factor": "look at what the upstream gradient is multiplied by, first of all",
    "place": "look at the places that backward writes to: stride, padding, the maximum's index, the mask",
}
_RELATIONS = {"is later than": np.less, "is earlier than": np.greater, "is not": np.not_equal, "is": np.equal}


def _parts(evidence: Evidence) -> Parts | None:
    """Of the smallest wrong problem, with several rows if there is one; None if it is no layer, or takes too long."""
    ask = evidence.ask
    layer = bound.layer if isinstance(bound := ask.loss.function, Bound) else None
    for each in sorted(evidence.wrong, key=lambda each: (each.rows == 1, each.S.size)) if layer else ():
        outputs, _ = _call(ask, each, each.arguments.x, None)
        count = sum(out.size for out in outputs)
        if count and count + 2 * each.S.size <= _SHARE * ask.left:
            return _measured(ask, each, outputs)
    return None


def _flat(arrays: list[Any]) -> FloatArray:
    return np.asarray(np.concatenate([np.ravel(array) for array in arrays]), dtype=np.float64)


def _measured(ask: Allowance, each: Case, outputs: list[Any]) -> Parts | None:
    own, x, values, axes = each.own, each.arguments.x, _flat(outputs), max(out.ndim for out in outputs)
    assert own is not None
    taken = np.array([_call(ask, each, x, unit)[1] for unit in range(len(values))]).T
    true = np.empty((own.size, len(values)))
    for row, entry in enumerate(range(own.start, own.start + own.size)):
        step = _STEP * max(1.0, abs(float(x[entry]))) * (np.arange(x.size) == entry)
        above, below = x + step, x - step
        difference = _flat(_call(ask, each, above, None)[0]) - _flat(_call(ask, each, below, None)[0])
        true[row] = difference / (above[entry] - below[entry])
    padded = np.concatenate([np.pad(_indices(out.shape), ((0, axes - out.ndim), (0, 0))) for out in outputs], axis=1)
    numbers = np.repeat(np.arange(len(outputs)), [out.size for out in outputs])
    parts = Parts(taken[own.entries], true, _indices(own.shape), padded, numbers, values, own)
    upstream = [upstream_gradient(each.arguments.seed, k, out.shape) for k, out in enumerate(outputs)]
    atol = 1e-9 + _ZERO * np.abs(each.analytic).max()
    is_linear = np.allclose(parts.taken @ _flat(upstream), each.analytic.ravel(), rtol=1e-6, atol=atol)
    return parts if is_linear and np.isfinite(parts.true).all() else None


def _indices(shape: tuple[int, ...]) -> IndexArray:
    return np.indices(shape).reshape(len(shape), int(np.prod(shape)))


def _call(ask: Allowance, each: Case, x: FloatArray, unit: int | None) -> tuple[list[Any], FloatArray]:
    """Outputs, and the gradient (n,) for an upstream gradient that is 1 at the output of this number alone, else 0."""
    bound = ask.loss.function
    assert isinstance(bound, Bound)
    assert bound.layer
    layer, begun = bound.layer, 0

    def upstream(number: int, shape: tuple[int, ...]) -> FloatArray:
        nonlocal begun
        places = begun + np.arange(int(np.prod(shape)))
        begun += len(places)
        return np.asarray(places == (-1 if unit is None else unit), dtype=np.float64).reshape(shape)

    def call(x: FloatArray, arguments: Arguments) -> tuple[list[Any], FloatArray]:
        outputs, _, results = layer.at_upstream(arguments.at(x.reshape(-1)), upstream)
        return [np.array(out) for out in outputs], bound.flat(results, arguments)

    outputs, gradient = ask.call(x[np.newaxis].copy(), each.arguments, call)
    return outputs, gradient


def _places(parts: Parts, which: BoolArray, among: BoolArray) -> Iterator[tuple[str, str]]:
    """A code and words for the outputs of pairs of entry and output: all of ``among`` that are so, and no others."""
    count = int(parts.numbers.max()) + 1
    for number in range(count if count > 1 else 0):
        if np.array_equal(which, among & (parts.numbers == number)):
            yield "ignores-upstream-gradient", f"output {number} of the {count}, whose upstream gradient is ignored"
    for words, relation in _RELATIONS.items():
        for axis, own in enumerate(parts.entries):
            for other, index in enumerate(parts.outputs):
                holds = relation(own[:, np.newaxis], index)
                if own.max() == index.max() > 0 and np.array_equal(which, among & holds) and (among & ~holds).any():
                    yield "one-region", f"the outputs whose index of axis {other} {words} its own of axis {axis}"
    for axis, index in enumerate(parts.outputs):
        some = sorted(set(index[which.any(axis=0)].tolist()))
        there, is_run = np.isin(index, some), some[-1] - some[0] == len(some) - 1
        is_place = (among & ~there).any() and (is_run or index.max() >= FEW)  # of few indices any set is one by chance
        words = fixed_indices([some], [int(index.max()) + 1]) if is_place else ""
        if words and np.array_equal(which, among & there):
            yield "one-region", f"the outputs at {words} of axis {axis}"


def _one_of_several(parts: Parts) -> str:
    """Whether each entry has its part of the last, or of the first, of the outputs that it enters, and of no other."""
    kept, several = parts.has & ~parts.missing, parts.has.sum(axis=1) > 1
    if not several.any() or not parts.same[kept].all():
        return ""
    order = np.arange(parts.has.shape[1])
    for words, place in (("the last", np.where(parts.has, order, -1).max(axis=1)),
                         ("the first", np.where(parts.has, order, len(order)).min(axis=1))):  # fmt: skip
        if np.array_equal(kept[several], (order == place[:, np.newaxis])[several]):
            return words
    return ""


def _factor(parts: Parts) -> str:
    """Words where the part of each output has a factor of its own, the same for all entries."""
    ratios = np.where(parts.has, parts.taken / np.where(parts.has, parts.true, 1.0), np.nan)[:, parts.has.any(axis=0)]
    own, values = np.nanmax(ratios, axis=0), parts.values[parts.has.any(axis=0)]
    if len(values) < _FEWEST or not np.allclose(own, np.nanmin(ratios, axis=0), rtol=_EQUAL):
        return ""
    if pair := other_form([values], lambda f, g: np.allclose(own * g[0], f[0], rtol=_EQUAL)):
        return f"dS has {pair[0].format(x='out')} where the gradient has {pair[1].format(x='out')}, of the output"
    several = parts.has.sum() > len(values)
    return "dS takes the part of each output by another factor, the same in all entries" if several else ""
