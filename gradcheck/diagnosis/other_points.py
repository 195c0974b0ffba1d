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
_BESIDE, _FAR, _STEP, _ROUNDING, _DIFFERENT = 1e-3, 2.0, 1e-4, 1e-6, 20.0
#: Sizes of its entries that a dS has at least which is none of a constant.
_VARIED = 3


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
    """dS is right at the S of a problem and wrong around it, or the same far off and wrong: it is of an earlier call.

    Of a right loss this is only asked where dS does not change with S, which takes one call.
    """
    ask = evidence.ask if evidence.wrong else evidence.inspect or evidence.ask
    right = [seen for seen in evidence.observations if not (seen.is_wrong or seen.is_round) and significant(seen).any()]
    if not right:
        return
    seen = max(right, key=_variety)
    size = float(np.abs(seen.S).max())
    along, away = np.random.default_rng(seen.S.size).uniform(-1, 1, (2, *seen.S.shape))
    for distance in (_BESIDE * size, _FAR * size):
        moved = distance * away
        far = [ask.evaluate(seen.S + side, seen.y).gradient for side in (moved, -moved)]
        is_same = all(np.array_equal(each, seen.analytic) for each in far)
        # Far off many a wrong dS is wrong: only one that is the same there, though it is not the same everywhere at S.
        if not is_same and (not evidence.wrong or distance > size):
            return
        if distance > size and _variety(seen) < _VARIED:
            return
        at = [_slopes(ask, seen, seen.S + side, along, _STEP * size) for side in (-moved, 0 * moved, moved)]
        off = [bool(abs(by_value - by_dS) > _DIFFERENT * error) for by_value, by_dS, error in at]
        if off == [True, False, True]:
            message = f"dS depends on earlier calls: it is right at the scores of a problem ({drawn(seen)}), and at "
            message += f"scores {distance:.1g} beside them, along a random direction, the value changes by "
            message += f"{at[2][0]:.9g} t, and by dS it would be {at[2][1]:.9g} t"
            hint = "keep no state between calls: what is kept from the first call is that of other scores in the next"
            yield Finding("not-deterministic", "error", message, hint)
            return


def _variety(seen: Case) -> int:
    """How many sizes entries of dS have, of some; so many as tell."""
    return min(len(set(np.abs(seen.analytic).flat[:100].tolist())), _VARIED)


def _slopes(ask: Allowance, seen: Case, S: FloatArray, along: FloatArray, step: float) -> tuple[float, float, float]:
    """The derivative along a direction, by values and by dS, and how far apart they may be. Three calls."""
    here, after, before = (ask.evaluate(S + h * along, seen.y) for h in (0.0, step, -step))
    size, bounds = _ROUNDING * np.abs(here.gradient), seen.bounds + seen.granted
    error = np.sum((size + bounds) * np.abs(along)) + here.value_eps * abs(here.value) / step
    return (after.value - before.value) / (2 * step), float(np.sum(here.gradient * along)), float(error)
