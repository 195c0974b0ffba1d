"""Problems drawn, and the engine at one of them: a loss, scores and labels in, verdicts out."""

import functools
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

import gradcheck
from gradcheck.checking.entries import Verdicts, judge
from gradcheck.checking.precision import measure
from gradcheck.checking.subgradients import Nearby
from gradcheck.evaluation.evaluators import Evaluator, PerSample, Rows
from gradcheck.evaluation.objective import Objective
from gradcheck.functions.function import Function
from gradcheck.numerics.differences import Stencil
from gradcheck.numerics.verdicts import Tolerance
from gradcheck.report import VERDICTS, LossReport


@dataclass(frozen=True, eq=False)
class Judged:
    """What became of one problem: verdicts, and all calls of the loss that it took, the one at S among them."""

    verdicts: Verdicts
    calls: int
    shape: tuple[int, int]

    @property
    def words(self):
        return [VERDICTS[each].value for each in self.verdicts.verdicts]

    def word(self, row, column):
        return self.words[row * self.shape[1] + column]

    @property
    def set(self):
        return set(self.words)


def objective_of(loss, shape, y=None, dtype=np.float64):
    """An objective; labels of 0 where none are given."""
    labels = np.zeros(shape[0], dtype=np.int64) if y is None else np.asarray(y)
    return Objective(Function("test", loss), shape, labels, dtype)


def at_point(loss, S, y=None):
    """The objective, the flat point, what the loss answers there and what is measured there."""
    scores = np.asarray(S, dtype=np.float64)
    objective = objective_of(loss, (len(scores), scores.shape[1]), y)
    x = scores.reshape(-1)
    answer = objective(x)
    return objective, x, answer, measure(objective, x, answer)


def judged(loss, S, y=None, *, rtol=1e-7, atol=0.0, entries=None, reference="auto"):
    """Judge every entry, or some, by calls of the whole batch."""
    objective, x, answer, precision = at_point(loss, S, y)
    verdicts = judge(
        Evaluator(objective, x, answer), answer, answer.gradient, precision, Tolerance(rtol, atol),
        Nearby(objective, x, precision, [objective.shape]), entries=entries, reference=reference,
    )  # fmt: skip
    return Judged(verdicts, objective.calls, objective.shape)


def evaluators_of(loss, S, y, weight):
    """The three evaluators of a loss that takes ``reduction="none"`` and whose rows have this weight."""
    objective, x, answer, _ = at_point(loss, S, y)
    each = replace(objective, row_weight=weight, eps=(answer.value_eps, answer.gradient_eps))
    return [Evaluator(objective, x, answer), Rows(objective, x, weight=weight), PerSample(each, x, weight=weight)]


def drawn(seed, shape=(3, 5), scale=1.0):
    """Normal scores, and labels."""
    rng = np.random.default_rng(seed)
    return scale * rng.normal(size=shape), rng.integers(0, shape[1], size=shape[0])


def tied(seed, shape=(3, 5)):
    """Scores that are whole numbers, so that margins of 0 are common, and labels."""
    rng = np.random.default_rng(seed)
    return rng.integers(-2, 3, size=shape).astype(float), rng.integers(0, shape[1], size=shape[0])


def to_half(name):
    """Rounds float64 numbers to a half precision."""
    bits = {"float16": 11, "bfloat16": 8}[name]

    def rounded(numbers):
        mantissa, exponent = np.frexp(numbers)
        return np.ldexp(np.round(np.ldexp(mantissa, bits)), exponent - bits)

    return rounded


def stencil(f, g, s, below, above=0.0):
    """Of a function and what claims to be its derivative, with the distances as rounding leaves them."""
    low, high = s - below, s + (above or below)
    numbers = (s - low, high - s, f(low), f(s), f(high), g(low), g(s), g(high))
    return Stencil(*(np.array([float(number)]) for number in numbers))


def absolute(S, y):
    return float(np.abs(S).sum()), np.sign(S)


def ranked(k, last=False):
    """The mean of the k-th largest scores, from 0: of those that tie, the first or the last has the derivative."""

    def loss(S, y):
        i, C = np.arange(len(S)), S.shape[1]
        order = np.argsort(-S, axis=1, kind="stable") if not last else C - 1 - np.argsort(-S[:, ::-1], kind="stable")
        place = order[:, k % C]
        dS = np.zeros(S.shape)
        dS[i, place] = 1 / len(S)
        return S[i, place].mean(), dS

    return loss


def hinge(at_tie, sign=1.0, cap=np.inf, at_cap=0.0):
    """The multiclass hinge, or a ramp, with some subgradient where a margin is exactly 0 or at its cap."""

    def loss(S, y):
        N, i = len(S), np.arange(len(S))
        margins = S - S[i, y][:, None] + 1
        active = ((margins > 0) & (margins < cap)) + at_tie * (margins == 0) + at_cap * (margins == cap)
        margins[i, y] = active[i, y] = 0
        active[i, y] = -active.sum(axis=1)
        return np.clip(margins, 0, cap).sum() / N, sign * active / N

    return loss


def times(factor, loss):
    """The loss, value and dS multiplied."""

    def scaled(S, y):
        value, dS = loss(S, y)
        return factor * value, factor * dS

    return scaled


class Asked(NamedTuple):
    """The result for one loss: the exit code, the report, the codes of its findings, the leading one first, how often
    the loss was called, and how many calls the reports of its problems state."""

    exit_code: int
    report: LossReport
    codes: list[str]
    calls: int
    counted: int


@functools.cache
def asked(case):
    """What the default configuration reports about a loss of the corpora: each is checked once in a process."""
    calls = 0

    @functools.wraps(case.function)
    def counting(*arguments, **options):
        nonlocal calls
        calls += 1
        return case.function(*arguments, **options)

    with np.errstate(all="ignore"):  # what is not finite is reported as a finding
        report = gradcheck.check([counting])
    (loss,) = report.losses
    codes = [finding.code for finding in loss.findings]
    return Asked(report.exit_code, loss, codes, calls, sum(batch.evaluations for batch in loss.batches))
