"""Whether a loss fails at a candidate for the same reason as before: it breaks its contract, or dS is wrong."""

import re

import numpy as np

from gradcheck.checking.contract import inspect
from gradcheck.checking.evidence import Allowance, Case
from gradcheck.errors import LossDefect, OutOfTime, UsageError
from gradcheck.report import BoolArray, Finding, FloatArray
from gradcheck.shrinking.shrinker import Candidate
from gradcheck.shrinking.snippet import Gradients

#: Codes of wrong gradients at kinks and jumps, which are recognised in ways of their own.
REMOVABLE_JUMP, NOT_A_SUBGRADIENT = "removable-jump", "not-a-subgradient"
_FINEST, _COARSEST = 2.0**-14, 2.0**-4  # steps: for a precise loss, and for one that is float32 inside
_CHECK_STEP = 2.0**-9  # of the check whose error bounds are known
_BOUNDS = 10.0  # differences beyond so many bounds count


def breaks_contract(ask: Allowance, finding: Finding, candidate: Candidate) -> bool:
    """Whether the contract check reports a finding again, with the same type of exception; OutOfTime if it hangs."""
    found = inspect(ask.charged(), candidate.S.astype(ask.dtype), candidate.y, None).findings
    if any(each.code == "hangs" for each in found):
        raise OutOfTime  # each further candidate may cost a timeout
    kinds = [(each.code, re.findall(r"^raises \w+", each.message)) for each in (finding, *found)]
    return kinds[0] in kinds[1:]


def failing_entries(seen: Case, code: str, smooth: bool = False) -> BoolArray:
    """N x C, the entries of an observation that are wrong for a reason; those at kinks are not if it is smooth."""
    if code == NOT_A_SUBGRADIENT:
        return seen.kinked
    if code == REMOVABLE_JUMP:
        return np.asarray(seen.leaps != 0)
    return seen.wrong & ~seen.kinked if smooth else seen.wrong


class WrongGradient:
    """Whether dS differs from numerical derivatives for the reason that ``code`` names.

    ``smooth``: it is wrong at entries that are not at kinks; then those at kinks are another reason. ``seen`` is where
    the derivatives, the bounds on their errors and those on the rounding of dS are known.
    """

    def __init__(self, ask: Allowance, code: str, smooth: bool, rtol: float, seen: Case) -> None:
        self._ask, self._loss, self._code, self._smooth, self._rtol = ask, ask.charged(), code, smooth, rtol
        self._reserved = 0  # calls to confirm what the screen found last
        bound, rounding, rows = _typical(seen.bounds), _typical(seen.granted), len(seen.S)
        slopes = seen.numerical[np.isfinite(seen.numerical)]
        scale = float(np.max(np.abs(slopes), initial=0.0)) or 1.0
        # The bound is of corrected differences. dS may be wrong here and its correction with it, so the step is one
        # that suits plain differences, whose truncation error is O(h^2).
        check_step = max((bound / scale) ** (1 / 4), _CHECK_STEP)
        self._step = float(np.clip((bound / scale * check_step) ** (1 / 3), _FINEST, _COARSEST))
        #: Of a row's own value: the noise of a derivative at this step, the rounding of dS, the size of derivatives.
        self._noise, self._scale = _BOUNDS * bound * rows * max(check_step / self._step, 1.0), scale * rows
        self._rounding = rounding * rows

    def screen(self, candidate: Candidate) -> bool:
        """Whether dS seems wrong along one or two random directions; OutOfTime where too few calls are left."""
        directions, needed = self._directions(candidate), 1 + 2 * candidate.S.size
        left = self._ask.left - 1 - 2 * len(directions)
        if left < self._reserved:
            raise OutOfTime
        if not self._differs(candidate, directions)[0].any():
            return False
        self._reserved = needed if needed <= left else 0  # it may be made smaller yet
        return True

    def confirm(self, candidate: Candidate) -> Gradients | None:
        """dS and numerical derivatives, each N x C, if some are wrong for the reason; OutOfTime if calls are few."""
        S, joint = candidate.S, self._code == NOT_A_SUBGRADIENT
        if self._ask.left < 1 + 2 * S.size:
            raise OutOfTime
        differs, analytic, numerical = self._differs(candidate, np.eye(S.size).reshape(-1, *S.shape))
        return (analytic.reshape(S.shape), numerical.reshape(S.shape)) if joint or differs.any() else None

    def _directions(self, candidate: Candidate) -> FloatArray:
        """K x N x C: one for the labels' entries and one for the others, where there are such."""
        rng = np.random.default_rng(candidate.S.shape)
        size = rng.uniform(0.5, 1.0, size=candidate.S.shape)
        signed = size * rng.choice([-1.0, 1.0], size=size.shape)
        if self._code == NOT_A_SUBGRADIENT:
            return np.array([size, signed])
        if candidate.own is None:
            return np.array([signed])
        at_label = np.arange(size.shape[1]) == candidate.own[:, np.newaxis]
        return np.array([signed * at_label, signed * ~at_label])

    def _differs(self, candidate: Candidate, directions: FloatArray) -> tuple[BoolArray, FloatArray, FloatArray]:
        """Along K directions, in float64: whether dS is wrong, its slopes, and central differences of values; (K,)."""
        S, y, h = candidate.S, candidate.y, self._step
        try:
            at = self._loss.evaluate(S, y)
            below, above = ([self._loss.evaluate(S + sign * h * d, y) for d in directions] for sign in (-1, 1))
        except (LossDefect, UsageError) as error:  # a UsageError: arguments of another size do not suit the loss
            if isinstance(error, LossDefect) and error.code == "hangs":
                raise OutOfTime from None  # each further candidate may cost a timeout
            none = np.zeros(len(directions))
            return none != 0, none, none
        f_below, f_above = (np.array([each.value for each in side]) for side in (below, above))
        g_below, slope, g_above = (
            np.sum(directions * np.array([each.gradient for each in side]), axis=(1, 2))
            for side in (below, [at], above)
        )
        left, right, central = (at.value - f_below) / h, (f_above - at.value) / h, (f_above - f_below) / (2 * h)
        correction = (g_above - 2 * slope + g_below) / 6  # Simpson's rule: the error of central - correction is O(h^4)

        scale = np.max(np.abs([central, g_below, g_above, slope]), axis=0, initial=self._scale / len(S))
        bend = np.abs(right - left)
        jumps = bend > scale / np.sqrt(h)  # no kink bends by so much: the value at S alone is off
        if self._code == REMOVABLE_JUMP:
            return jumps, slope, central
        kinked = (bend > scale * np.sqrt(h)) & ~jumps  # no curvature bends by so much
        bent = (np.abs(right - left - (g_above - g_below) / 2) > 0.1 * h * scale) & ~jumps
        outside = np.abs(slope - np.clip(slope, np.minimum(left, right), np.maximum(left, right)))
        gap = np.where(bent, outside, np.abs(slope - central + correction) - np.abs(correction))
        allowed = self._rtol * np.max(np.abs(directions * at.gradient), axis=(1, 2))
        allowed += self._rounding / len(S) * np.sum(np.abs(directions), axis=(1, 2))
        differs = gap > allowed + self._noise / len(S)
        return (differs & ~kinked if self._smooth else differs), slope, central


def _typical(bounds: FloatArray) -> float:
    """The median of those that are finite; 0 where none is."""
    finite = bounds[np.isfinite(bounds)]
    return float(np.median(finite)) if finite.size else 0.0
