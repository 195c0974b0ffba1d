"""Whether a loss fails at a candidate for the same reason as before: it breaks its contract, or dS is wrong."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from gradcheck.checking.case import Case
from gradcheck.checking.contract import inspect, inspect_again
from gradcheck.checking.evidence import Allowance
from gradcheck.errors import LossDefect, OutOfTime
from gradcheck.report import Finding, FloatArray
from gradcheck.shrinking.candidates import Candidate, IndexArray
from gradcheck.shrinking.snippet import Gradients

#: Codes of wrong gradients at kinks and jumps, which have a screen of their own.
REMOVABLE_JUMP, NOT_A_SUBGRADIENT = "removable-jump", "not-a-subgradient"
#: Steps: as fine as a precise loss allows, and coarse enough for one that is float32 inside.
_FINEST, _COARSEST = 2.0**-14, 2.0**-4
#: The step of the check whose error bounds are known.
_CHECK_STEP = 2.0**-9
#: Differences beyond so many bounds count.
_BOUNDS = 10.0


def breaks_contract(ask: Allowance, finding: Finding, candidate: Candidate) -> bool:
    """Whether the contract check reports a finding again: of the same code, and of the same type of exception.

    Args:
        ask: the loss and the calls that are left.
        finding: what the contract check reported before.
        candidate: where the loss is called.

    Raises:
        OutOfTime: no call is left, or the loss hangs and each further candidate may cost a timeout.
    """
    loss, S, y = ask.charged(), candidate.S.astype(ask.dtype), candidate.y
    by_chance = finding.code == "not-deterministic"
    for _ in range(3 if by_chance else 1):  # what depends on chance must fail repeatedly
        inspection = inspect(loss, S, y, None)
        found = list(inspection.findings)
        if any(each.code == "hangs" for each in found):
            raise OutOfTime
        if by_chance and inspection.evaluation is not None:
            try:  # the loss may keep state from calls at other scores
                loss.evaluate(S + 1, y)
                found += filter(None, [inspect_again(loss, S, y, inspection.evaluation)])
            except LossDefect:
                return False
        if not any(_kind(each) == _kind(finding) for each in found):
            return False
    return True


def _kind(finding: Finding) -> tuple[str, str]:
    exception = re.match(r"raises (\w+)", finding.message)
    return finding.code, exception[1] if exception else ""


@dataclass(frozen=True)
class Reason:
    """What a wrong gradient looks like, whatever the number of rows and classes.

    Attributes:
        code: of the leading finding; ``wrong`` for none.
        smooth: some wrong entries are not at kinks; then those at kinks are something else.
        at_label: all wrong entries are in the label's column (True) or in other columns (False); None for both.
    """

    code: str
    smooth: bool = False
    at_label: bool | None = None

    @staticmethod
    def of(code: str, failed: Sequence[Case]) -> Reason:
        """The reason that observations with wrong entries have in common."""
        reason = Reason(code, any((seen.wrong & ~seen.kinked).any() for seen in failed))
        if any(seen.at_label is None for seen in failed):
            return reason
        at_label = {bool(at) for seen in failed for at in np.asarray(seen.at_label)[reason.entries(seen)]}
        return Reason(code, reason.smooth, at_label.pop() if len(at_label) == 1 else None)

    def entries(self, seen: Case) -> npt.NDArray[np.bool_]:
        """N x C, the entries that are wrong for this reason as far as one problem shows."""
        if self.code in (REMOVABLE_JUMP, NOT_A_SUBGRADIENT):
            return seen.kinked if self.code == NOT_A_SUBGRADIENT else np.asarray(seen.leaps != 0)
        wrong = seen.wrong & ~seen.kinked if self.smooth else seen.wrong
        return wrong if self.at_label is None or seen.at_label is None else wrong & (seen.at_label == self.at_label)


class WrongGradient:
    """Whether dS differs from numerical derivatives for a given reason.

    Args:
        ask: the loss and the calls that are left.
        reason: why the loss fails.
        rtol: the user's relative tolerance.
        rows: of a batch in which the loss was checked.
        bounds, slopes: its numerical derivatives, and the bounds on their errors.
    """

    def __init__(
        self, ask: Allowance, reason: Reason, rtol: float, rows: int, bounds: FloatArray, slopes: FloatArray
    ) -> None:
        self._ask, self._loss, self._reason, self._rtol = ask, ask.charged(), reason, rtol
        self._reserved = 0  # calls to confirm what the screen found last
        bound = float(np.median(bounds[np.isfinite(bounds)])) if np.isfinite(bounds).any() else 0.0
        scale = float(np.max(np.abs(slopes), initial=0.0)) or 1.0
        # The bound is of corrected differences. dS may be wrong here and its correction with it, so the step is one
        # that suits plain differences, whose truncation error is O(h^2).
        check_step = max((bound / scale) ** (1 / 4), _CHECK_STEP)
        self._step = float(np.clip((bound / scale * check_step) ** (1 / 3), _FINEST, _COARSEST))
        #: Of a row's own value: the noise of a derivative at this step, and the size of derivatives.
        self._noise, self._scale = _BOUNDS * bound * rows * max(check_step / self._step, 1.0), scale * rows

    def screen(self, candidate: Candidate) -> bool:
        """Whether dS seems to be wrong, by one or two random directions.

        Raises:
            OutOfTime: no call is left but those to confirm what was found.
        """
        directions = self._directions(candidate)
        left, needed = self._ask.left - _calls_along(len(directions)), _calls_along(candidate.S.size)
        if left < self._reserved:
            raise OutOfTime
        if left < needed or not self._differs(candidate, directions)[0].any():
            return False
        self._reserved = needed
        return True

    def confirm(self, candidate: Candidate) -> Gradients | None:
        """dS and central differences, each N x C, if some entry that belongs to the reason is wrong; else None.

        Raises:
            OutOfTime: the calls that are left do not suffice.
        """
        N, C = candidate.size
        if self._ask.left < _calls_along(N * C):
            raise OutOfTime
        differs, analytic, numerical = self._differs(candidate, np.eye(N * C).reshape(-1, N, C))
        differs = differs.reshape(N, C)
        if self._reason.at_label is not None and candidate.own is not None:
            differs &= _at_label(candidate.own, C) == self._reason.at_label
        joint = self._reason.code == NOT_A_SUBGRADIENT  # single entries may be right
        return (analytic.reshape(N, C), numerical.reshape(N, C)) if joint or differs.any() else None

    def _directions(self, candidate: Candidate) -> FloatArray:
        """K x N x C: one for the labels' entries and one for the others, where there are such."""
        rng = np.random.default_rng(candidate.S.shape)
        size = rng.uniform(0.5, 1.0, size=candidate.S.shape)
        signed = size * rng.choice([-1.0, 1.0], size=size.shape)
        if self._reason.code == NOT_A_SUBGRADIENT:
            return np.array([size, signed])
        if candidate.own is None:
            return np.array([signed])
        at_label = _at_label(candidate.own, size.shape[1])
        wanted = {None: slice(2), True: slice(1), False: slice(1, 2)}[self._reason.at_label]
        return np.array([signed * at_label, signed * ~at_label])[wanted]

    def _differs(
        self, candidate: Candidate, directions: FloatArray
    ) -> tuple[npt.NDArray[np.bool_], FloatArray, FloatArray]:
        """Along K directions, in float64: whether dS is wrong, its slopes, and central differences of values; (K,)."""
        S, y, h = candidate.S, candidate.y, self._step
        try:
            at = self._loss.evaluate(S, y)
            below, above = ([self._loss.evaluate(S + sign * h * d, y) for d in directions] for sign in (-1, 1))
        except LossDefect as defect:
            if defect.code == "hangs":
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
        if self._reason.code == REMOVABLE_JUMP:
            return jumps, slope, central
        kinked = (bend > scale * np.sqrt(h)) & ~jumps  # no curvature bends by so much
        bent = (np.abs(right - left - (g_above - g_below) / 2) > 0.1 * h * scale) & ~jumps
        outside = np.abs(slope - np.clip(slope, np.minimum(left, right), np.maximum(left, right)))
        gap = np.where(bent, outside, np.abs(slope - central + correction) - np.abs(correction))
        allowed = self._rtol * np.max(np.abs(directions * at.gradient), axis=(1, 2))
        differs = gap > allowed + self._noise / len(S)
        return (differs & ~kinked if self._reason.smooth else differs), slope, central


def _calls_along(directions: int) -> int:
    """Calls that differences along so many directions take."""
    return 1 + 2 * directions


def _at_label(own: IndexArray, classes: int) -> npt.NDArray[np.bool_]:
    """N x C, 1{j=y}."""
    return np.asarray(np.arange(classes) == own[:, np.newaxis])
