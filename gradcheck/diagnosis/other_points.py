"""What calls beside S show: dS jumps where the value is smooth, or is left over from an earlier call."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from gradcheck.checking.case import Case
from gradcheck.checking.evidence import Allowance, Evidence
from gradcheck.diagnosis.conditions import drawn
from gradcheck.diagnosis.fits import count, significant
from gradcheck.report import Finding, FloatArray

#: Beside S dS is the derivative there if its error is at most this part of that at S.
_SMOOTH = 0.01
#: How far from S a dS that was right at S has to be right as well, and the step there, relative to the largest score;
#: the error of a difference with that step; and dS is wrong if it is off by so many times what it may be.
_BESIDE, _STEP, _ROUNDING, _DIFFERENT = 1e-3, 1e-4, 1e-6, 20.0


def smooth_kink(evidence: Evidence) -> Iterator[Finding]:
    """Beside S, on both sides, dS is what the numerical gradient is at S. Two calls for each wrong problem."""
    for seen in evidence.wrong:
        off = seen.wrong & seen.known
        step = np.sqrt(np.finfo(evidence.ask.dtype).eps) * (1 + np.abs(seen.S).max())
        rng = np.random.default_rng(seen.S.shape)
        moves = step * off * rng.uniform(0.5, 1, off.shape) * rng.choice([-1, 1], off.shape)
        most = _SMOOTH * np.abs(seen.analytic - seen.numerical)
        for side in (moves, -moves):
            beside = evidence.ask.evaluate(seen.S + side, seen.y).gradient
            if not off.any() or np.any(np.abs(beside - seen.numerical)[off] > most[off]):
                return
    seen = evidence.wrong[0]
    i, j = np.argwhere(seen.wrong & seen.known)[0].tolist()
    wrong = count([each.wrong for each in evidence.wrong])
    message = f"dS jumps where the value is smooth, in all {wrong} entries that are wrong: dS[{i}, {j}] is "
    message += f"{seen.analytic[i, j]:.6g} at S[{i}, {j}] = {seen.S[i, j]:g}, and near {seen.numerical[i, j]:.6g} as "
    message += f"soon as that is a little larger or smaller ({drawn(seen)})"
    hint = "derivatives that abs, relu, max or where have at a tie need not add up: write the value as one smooth "
    hint += "function, such as np.logaddexp(0, x) or softplus; or look for a comparison with == on the way to dS"
    yield Finding("smooth-kink", "error", message, hint)


def keeps_state(evidence: Evidence) -> Iterator[Finding]:
    """dS is right at the S of a problem and wrong around it: it is of the first call with such S, or y.

    Of a right loss this is only asked where dS does not change with S, which takes one call.
    """
    ask = evidence.ask if evidence.wrong else evidence.inspect or evidence.ask
    for seen in evidence.observations:
        if not seen.is_wrong and not seen.is_round and significant(seen).any():
            break
    else:
        return
    size = float(np.abs(seen.S).max())
    moved = _BESIDE * size * np.random.default_rng(seen.S.shape).uniform(-1, 1, seen.S.shape)
    if not evidence.wrong and not np.array_equal(ask.evaluate(seen.S + moved, seen.y).gradient, seen.analytic):
        return
    along = np.random.default_rng(seen.S.size).uniform(-1, 1, seen.S.shape)
    for side in (-moved, 0 * moved, moved):
        by_value, by_dS, error = _slopes(ask, seen, seen.S + side, along, _STEP * size)
        if (abs(by_value - by_dS) > _DIFFERENT * error) is not bool(side.any()):
            return
    message = f"dS depends on earlier calls: it is right at the scores of a problem ({drawn(seen)}), and at scores "
    message += f"{_BESIDE * size:.1g} beside them, along a random direction, the value changes by {by_value:.9g} t, "
    message += f"and by dS it would be {by_dS:.9g} t"
    hint = "keep no state between calls: what is kept from the first call is that of other scores in the next one"
    yield Finding("not-deterministic", "error", message, hint)


def _slopes(ask: Allowance, seen: Case, S: FloatArray, along: FloatArray, step: float) -> tuple[float, float, float]:
    """The derivative along a direction, by values and by dS, and how far apart they may be. Three calls."""
    here, after, before = (ask.evaluate(S + h * along, seen.y) for h in (0.0, step, -step))
    size, bounds = _ROUNDING * np.abs(here.gradient), seen.bounds + seen.granted
    error = np.sum((size + bounds) * np.abs(along)) + here.value_eps * abs(here.value) / step
    return (after.value - before.value) / (2 * step), float(np.sum(here.gradient * along)), float(error)
