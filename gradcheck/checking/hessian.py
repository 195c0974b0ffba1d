"""Second derivatives that a function returns as ``hess``, against differences of its own gradient.

The gradient is checked first. An entry of ``hess`` is the derivative of one entry of the gradient by one number of x:
``judge`` gets the former as its values and ``hess`` as their derivatives, with the noise of the gradient as that of
values. Two calls move a number of x, and show a whole column of second derivatives.
"""

import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from gradcheck.checking import steps
from gradcheck.checking.contract import finding_of
from gradcheck.checking.entries import Verdicts, judge
from gradcheck.checking.evidence import Case
from gradcheck.checking.precision import FLOOR, Precision, measure, rounding_of_gradient
from gradcheck.checking.problem import Checked, Judged, batches_of, case_of
from gradcheck.config import Config
from gradcheck.config.settings import Settings
from gradcheck.errors import LossDefect, UsageError
from gradcheck.evaluation.evaluators import Evaluator, Moved
from gradcheck.evaluation.objective import Asking, Objective, groups_for
from gradcheck.functions.answer import Answer, as_array, as_float64, described, validated
from gradcheck.functions.function import Function
from gradcheck.functions.signatures import signature_of
from gradcheck.layout import Arguments, Blocks, Input, Layout, leaves
from gradcheck.numerics import verdicts as verdict
from gradcheck.numerics.differences import SIGMAS
from gradcheck.numerics.verdicts import Tolerance, largest
from gradcheck.report import HESSIAN, Array, BatchReport, Finding, FloatArray, IndexArray
from gradcheck.sampling import Problem

#: A matrix may have so many times the entries that a gradient may, since two calls show a column of it.
_MOST = 100
#: Sums of absolute second derivatives are compared to this part of themselves.
_SUMS = 1e-6


@dataclass(frozen=True, eq=False)
class Hessian:
    """Second derivatives by one input, or by all of them as one vector."""

    name: str  # ``hess``; where there are several, ``hess.W``
    own: Input
    entries: FloatArray  # of any shape
    eps: float  # machine epsilon of the dtype that was returned


def gradient_and_hessians(loss: Function, scores: Array, labels: Any) -> tuple[Answer, list[Hessian]]:
    """Value and gradient of the shape of the scores, N x C or 1 x n, and the second derivatives that come with them.

    Raises:
        LossDefect: as ``Function.evaluate``, and where the second derivatives are no finite real numbers.
        UsageError: there are none.
    """
    loss, signature = replace(loss, has_hessian=False), signature_of(loss.function)
    takes = signature is not None and "hessian" in signature.parameters  # it returns them where it is asked to
    answer = loss.call(scores.copy(), labels.copy(), **({"hessian": True} if takes else {}))
    if not isinstance(answer, tuple | list) or len(answer) < 3:
        hint = "return (value, gradient, hess): the diagonal, a block for each row, or the whole matrix"
        raise UsageError(f"returns {described(answer)}, and no second derivatives after value and gradient", hint=hint)
    inputs = labels.layout.inputs if isinstance(labels, Arguments) else (Input("S", scores.shape, 0),)
    found = []
    for name, own, given in _of_inputs(answer[2], inputs):
        entries, eps = as_float64(as_array(given, name), name)
        if not np.isfinite(entries).all():
            place = tuple(np.argwhere(~np.isfinite(entries))[0].tolist())
            raise LossDefect("not-finite", f"{name}[{', '.join(map(str, place))}] is {entries[place]}")
        found.append(Hessian(name, own, entries, eps))
    return validated(answer[:2], scores.shape), found


def _of_inputs(given: Any, inputs: tuple[Input, ...]) -> Iterator[tuple[str, Input, Any]]:
    """What was returned for each input: in their order, or in a dict by their names; None is left out."""
    parts = list(leaves(given, HESSIAN))
    if len(inputs) == 1 or isinstance(given, np.ndarray):
        n = sum(each.size for each in inputs)
        lone = isinstance(given, dict | tuple) and len(parts) == 1
        own = inputs[0] if len(inputs) == 1 else Input("all inputs together", (n,), 0)
        yield HESSIAN, own, parts[0][1] if lone else given
        return
    if len(parts) != len(inputs):
        names = ", ".join(each.name for each in inputs)
        raise LossDefect("wrong-shape", f"{HESSIAN} has {len(parts)} arrays; {len(inputs)} are differentiated: {names}")
    by_name = {name.removeprefix(f"{HESSIAN}."): part for name, part in parts}
    for own, (_, in_order) in zip(inputs, parts, strict=True):
        part = by_name.get(own.name, by_name.get(own.name.partition(".")[2], in_order))
        if part is not None:
            yield f"{HESSIAN}.{own.name}", own, part


@dataclass(frozen=True, eq=False)
class Pairs:
    """What P entries of a ``hess`` are, in reading order: derivatives of gradient ``out`` by number ``moved`` of x."""

    out: IndexArray  # P flat indices
    moved: IndexArray  # P flat indices
    shape: tuple[int, int]  # blocks of entries whose second derivatives are of one scale, and entries of each


def pairs_of(name: str, shape: tuple[int, ...], own: Input) -> Pairs:
    """What the entries of a ``hess`` of this shape are: the diagonal, a block for each row, or the whole matrix.

    Raises:
        LossDefect: ``wrong-shape``: it is none of these for such an input.

    Example:
        >>> pairs_of("hess", (2, 2, 2), Input("S", (2, 2), 0)).moved.tolist()
        [0, 1, 0, 1, 2, 3, 2, 3]
    """
    n, width, here = own.size, own.shape[-1] if own.shape else 1, own.start + np.arange(own.size)
    rows = own.shape[0] if len(own.shape) == 2 else 1
    if shape == own.shape:
        return Pairs(here, here, (rows, n // rows))
    if shape in ((n, n), own.shape * 2):
        return Pairs(np.repeat(here, n), np.tile(here, n), (rows, n * n // rows))
    if shape == (*own.shape, width):
        moved = here.reshape(-1, 1, width).repeat(width, axis=1)
        return Pairs(np.repeat(here, width), moved.reshape(-1), (rows, n * width // rows))
    row_blocks = f", {(*own.shape, width)} for a block of each row" if len(own.shape) > 1 else ""
    may = f"{own.shape} for the diagonal{row_blocks}, or {(n, n)} for the whole matrix"
    raise LossDefect("wrong-shape", f"{name} has shape {shape}; {own.name} has shape {own.shape}, so it may be {may}")


@dataclass(eq=False, kw_only=True)
class _Second(Objective):
    """A function as one of its arrays of second derivatives: called, it answers with them in place of a gradient."""

    of: tuple[int, int]  # (N, C); ``shape`` is that of ``pairs``
    pairs: Pairs
    number: int  # of the array among those that the function returns

    def __post_init__(self) -> None:
        self.blocks = Blocks.of_rows(self.shape)

    def both(self, x: FloatArray) -> tuple[Answer, Hessian]:
        """Value and gradient at x (n,), and the second derivatives there; raises as a call of the function."""
        self.calls += 1
        answer, found = gradient_and_hessians(self.loss, x.astype(self.dtype).reshape(self.of), self.labels)
        return answer, found[self.number]

    def __call__(self, x: FloatArray) -> Answer:
        """The gradient's place is taken by the second derivatives (P,)."""
        answer, found = self.both(x)
        return Answer(answer.value, found.entries.reshape(-1), answer.gradient_eps, found.eps)

    def without_copy(self, point: Array) -> tuple[float, FloatArray]:
        """See ``Objective.without_copy``."""
        answer = self(point)
        return answer.value, answer.gradient


class _OfGradients(Evaluator):
    """Entries of the gradient as values; ``together`` moves a number of every row at once, where none meet."""

    def __init__(self, objective: _Second, x: FloatArray, *, together: bool) -> None:
        super().__init__(objective, x[objective.pairs.moved])
        self._second, self._point = objective, x
        self._grouped: Asking = "each-row" if together else "whole"
        answer, found = objective.both(x)
        self._here = answer.gradient.reshape(-1), found.entries.reshape(-1)

    def moved(self, entries: IndexArray, offsets: FloatArray) -> Moved:
        """See ``Evaluator.moved``: entries that belong to the same number of x, moved alike, share a call."""
        pairs, before = self._second.pairs, self.x[entries]
        after = self._second.rounded(before + offsets)
        moves, own = np.unique([pairs.moved[entries], after], axis=1, return_inverse=True)
        numbers = moves[0].astype(np.intp)
        of_moves = np.split(np.argsort(own.ravel(), kind="stable"), np.cumsum(np.bincount(own.ravel()))[:-1])
        values, derivatives = np.empty(len(entries)), np.empty(len(entries))
        for group in groups_for(self._grouped, numbers // self._second.of[1]):
            which, point = np.concatenate([of_moves[k] for k in group]), self._point.copy()
            point[numbers[group]] = moves[1, group]
            answer, found = self._second.both(point)
            values[which] = answer.gradient.reshape(-1)[pairs.out[entries[which]]]
            derivatives[which] = found.entries.reshape(-1)[entries[which]]
        return Moved(after - before, values, derivatives)

    def here(self, entries: IndexArray) -> Moved:
        """See ``Evaluator.here``."""
        gradient, hessian = self._here
        return Moved(np.zeros(len(entries)), gradient[self._second.pairs.out[entries]], hessian[entries])

    def sums(self, step: float) -> FloatArray:
        """For each number that entries are derivatives by, the sum of all absolute second derivatives by it, (P,)."""
        width = self._second.of[1] if self._grouped == "each-row" else len(self._point)
        columns, sums = np.arange(len(self._point)) % width, np.empty(len(self._point))
        for column in range(width):
            moved = (self._point + h * (columns == column) for h in (step, -step))
            above, below = (self._second.both(point)[0].gradient for point in moved)
            sums[column::width] = np.abs(above - below).reshape(-1, width).sum(axis=1) / (2 * step)
        return sums[self._second.pairs.moved]


def check_hessian(loss: Function, problem: Problem, config: Config, settings: Settings, *, by_rows: bool) -> Checked:
    """Check the second derivatives that a function returns at one problem; rows are not coupled if ``by_rows``.

    Raises:
        UsageError: it returns none.
        OutOfTime: the run's time is up.
    """
    begun, x = time.perf_counter(), problem.S.astype(np.float64, copy=False).reshape(-1)
    batches: list[BatchReport] = []
    findings: list[Finding] = []
    cases: list[Case] = []
    try:
        answer, found = gradient_and_hessians(loss, problem.S, problem.y)
        N, C = problem.S.shape
        first = Objective(loss, (N, C), problem.y, np.float64, resolution=problem.S.dtype)
        precision = measure(first, x, first(x))
        for number, seen in enumerate(found):
            pairs = pairs_of(seen.name, seen.entries.shape, seen.own)
            # Moved together, rows must not meet in an entry.
            together = by_rows and not np.any(pairs.out // C != pairs.moved // C)
            moves = C if together else len(np.unique(pairs.moved))
            if max(moves, seen.entries.size / _MOST) > config.max_entries:
                size = f"{seen.name} has {seen.entries.size:,} entries, got by moving {moves:,} numbers one by one"
                message = f"{size}, and max_entries is {config.max_entries:,}: it is not checked"
                findings.append(Finding("not-checked", "note", message, "check fewer rows: --batch-size"))
                continue
            given = _Second(loss, pairs.shape, problem.y, problem.S.dtype, of=(N, C), pairs=pairs, number=number)
            judged, note = _judge(given, x, seen, precision, config, together=together)
            if note:
                findings.append(note)
                continue
            as_inputs, seconds = _problem_of(problem, seen, x[pairs.moved]), time.perf_counter() - begun
            batches += batches_of(as_inputs, answer, judged, judged.calls + first.calls, seconds, settings.worst)
            case = case_of(as_inputs, replace(answer, gradient=seen.entries.reshape(1, -1)), judged)
            cases.append(replace(case, S=case.analytic))
    except LossDefect as defect:
        finding = finding_of(defect)
        shapes = "return (value, gradient, hess), and hess of one of these shapes"
        findings.append(replace(finding, hint=shapes) if defect.code == "wrong-shape" else finding)
    return Checked(tuple(batches), findings, cases=tuple(cases))


def _problem_of(problem: Problem, seen: Hessian, moved: FloatArray) -> Problem:
    """The second derivatives as an input of their own, so that they are shown and explained like one."""
    values = {seen.name: seen.entries, **({"S": problem.S} if problem.layout is None else problem.y.values)}
    layout = Layout((Input(seen.name, seen.entries.shape, 0),))
    size = problem.batch_size or len(problem.S)
    return replace(problem, S=moved[np.newaxis], y=Arguments(values, layout), batch_size=size)


def _judge(
    given: _Second, x: FloatArray, seen: Hessian, first: Precision, config: Config, *, together: bool
) -> tuple[Judged, Finding | None]:
    analytic, beyond, calls = seen.entries.reshape(-1), None, 0
    exact = replace(given, dtype=np.float64, resolution=given.dtype)
    if given.dtype != np.float64:
        beyond, calls = rounding_of_gradient(given, exact, x, seen.eps), given.calls
    precision = _measure(exact, x, first, beyond)
    evaluator = _OfGradients(exact, x, together=together)
    tolerance = Tolerance(config.rtol, config.atol)
    # Where the gradient itself has kinks, its one-sided derivatives along the axes have the last word.
    arguments = evaluator, exact(x), analytic, precision, tolerance, None
    verdicts = judge(*arguments, entries=np.arange(len(analytic)), reference="central")
    is_diagonal = np.array_equal(given.pairs.out, given.pairs.moved)
    note = _bound(evaluator, verdicts, precision, given.of[1]) if is_diagonal else None
    how = "an entry of every row is moved at once" if together else "each number is moved alone"
    return Judged("full", how, exact.calls + calls, (), verdicts, precision.inside.of_x), note


def _measure(second: _Second, x: FloatArray, first: Precision, beyond: FloatArray | None) -> Precision:
    """The precision of the gradient as values, and of second derivatives as their derivatives: 17 calls."""
    answer = second(x)
    found = measure(second, x, answer, in_short=True, of_x=first.inside.of_x)
    # Rounding to decimals is no noise: second derivatives have to be as precise as their dtype.
    least = np.maximum(FLOOR * answer.gradient_eps * found.block_scales, np.finfo(np.float64).smallest_normal)
    value_noise = largest(first.gradient_noise.of(np.unique(second.pairs.out)))
    return replace(
        found,
        value_noise=value_noise,
        gradient_noise=replace(found.gradient_noise, least=least, beyond=beyond),
        step=min(first.step, steps.usual_step(value_noise, found.scale)),
        reach=first.reach,
    )


def _bound(evaluator: _OfGradients, seen: Verdicts, precision: Precision, classes: int) -> Finding | None:
    """The note that a diagonal is an upper bound of the true one, such as libraries for boosting use on purpose."""
    # By diagonal dominance: sums of absolute second derivatives, 2 p (1 - p) for the softmax, as in XGBoost. LightGBM
    # has C/(C - 1) p (1 - p), where the scores of a row are determined up to a number that all have in common.
    wrong = seen.verdicts == verdict.WRONG
    if not wrong.any() or np.any(seen.analytic < seen.numerical - seen.bounds - seen.granted):
        return None
    step = precision.step / 16  # a plain difference: its error is O(h^2)
    sums = evaluator.sums(step)
    slack = seen.bounds + seen.granted + _SUMS * sums + 2 * SIGMAS * classes * precision.value_noise / step
    is_twice = classes > 1 and np.all(np.abs(sums - 2 * seen.numerical) <= slack)
    if np.all(np.abs(seen.analytic - sums) <= slack) and np.any(sums > seen.numerical + slack):
        what = "the sums of the absolute second derivatives by each number, such as 2 p (1 - p)"
    elif is_twice and np.all(np.abs(seen.analytic - classes / (classes - 1) * seen.numerical) <= slack):
        what = f"C/(C - 1) times the second derivatives, {classes}/{classes - 1} here"
    else:
        return None
    message = f"hess is an upper bound of the diagonal, and not the diagonal itself: {what}"
    hint = "libraries for boosting use such bounds on purpose; if the diagonal was meant, it is smaller"
    return Finding("hessian-bound", "note", message, hint)
