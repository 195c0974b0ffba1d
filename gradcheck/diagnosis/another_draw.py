"""One more problem, with another N and rows of every kind, at which a sum of terms has to hold as well."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import count
from typing import Any

import numpy as np

from gradcheck.checking.case import Case
from gradcheck.diagnosis.dictionary import View
from gradcheck.diagnosis.evidence import Allowance, Spent
from gradcheck.diagnosis.fitting import Sample
from gradcheck.errors import LossDefect

#: Rows, or a few more.
_ROWS = 6
#: Beside what scores are spread by: more than the 1 of a margin.
_BEYOND = 2.0
#: Entries whose numerical gradient is taken, two calls each.
_ENTRIES = 3
#: The largest step that entries are judged with where values are noisy, about: bounds times it are that noise.
_JUDGED_STEP = 0.02
#: Bounds that are a larger part of the gradient than this bear nothing out.
_TOO_WIDE = 1e-3


def another_draw(ask: Allowance, seen: Sequence[Case], rtol: float) -> tuple[Sample, Sample]:
    """dS at a problem of its own, and its numerical gradient in a few entries.

    Central differences err by about h^2/6 of the third derivative and by the values' noise over h; h makes them equal.

    Args:
        ask: the loss; no more than half of the calls that are left are made.
        seen: problems that were judged, at least one: the new one has scores like theirs, but
            for labels' own, and an N that none has.
        rtol: as in ``Sample``.

    Returns:
        Two samples of the same problem; the second without any entry where noise would tell nothing.

    Raises:
        Spent: too few calls are left.
        LossDefect: the loss does not take such a problem, or its answer is not finite.
    """
    tried = min(_ENTRIES, (ask.left // 2 - 2) // 2)
    if tried < 1:
        raise Spent
    view = _drawn(seen, ask.dtype)
    answer = ask.evaluate(view.S, view.y)
    if not (np.isfinite(answer.value) and np.isfinite(answer.gradient).all()):
        raise LossDefect("not-finite", "dS is not finite")
    known = [each.known for each in seen]
    scale = max(float(np.abs(each.numerical[at]).max(initial=0.0)) for each, at in zip(seen, known, strict=True))
    scale = max(scale, float(np.abs(answer.gradient).max()))
    bound = max(float(np.median(each.bounds[at])) for each, at in zip(seen, known, strict=True) if at.any())
    exact = answer if ask.dtype == np.float64 else ask.evaluate(view.S, view.y, np.float64)
    noise = max(4 * exact.value_eps * abs(exact.value), _JUDGED_STEP * bound)
    step = min(max((noise / scale) ** (1 / 3), 1e-5), 0.05) if scale > 0 else 0.05
    slack = 4 * noise / step + 10 * scale * step**2

    numerical = np.full(view.S.shape, np.nan)
    if slack <= _TOO_WIDE * scale:
        for row, column in _entries(view, tried):
            numerical[row, column] = _central(ask, view, row, column, step)
    granted = max(float(each.granted.max()) for each in seen) + 8 * answer.gradient_eps * scale
    everywhere = np.ones(view.S.shape, dtype=bool)
    return (
        Sample(view, answer.gradient, np.full(view.S.shape, granted), everywhere, rtol, scale),
        Sample(view, numerical, np.full(view.S.shape, slack), np.isfinite(numerical), rtol, scale),
    )


def _drawn(seen: Sequence[Case], dtype: np.dtype[Any]) -> View:
    """Of three rows one is drawn as it is, one is right by a margin, and one has every margin violated."""
    first, rows = seen[0], {each.rows for each in seen}
    N, C = next(n for n in count(_ROWS) if n not in rows), first.classes
    rng = np.random.default_rng([N, C])
    spread = float(first.S.std()) or 1.0
    S = first.S.mean() + spread * rng.standard_normal((N, C))
    y = rng.choice(np.concatenate([each.y for each in seen if each.classes == C]), size=N)
    labels = View(S, y).y_j.argmax(axis=1)
    S[np.arange(N), labels] += (_BEYOND + 4 * spread) * np.array([0.0, 1.0, -1.0])[np.arange(N) % 3]
    return View(S.astype(dtype).astype(np.float64), y)


def _entries(view: View, tried: int) -> list[tuple[int, int]]:
    """One in each kind of row."""
    labels = view.y_j.argmax(axis=1)
    others = (labels + 1) % view.S.shape[1]
    return [(0, int(labels[0])), (1, int(labels[1])), (2, int(others[2]))][:tried]


def _central(ask: Allowance, view: View, row: int, column: int, step: float) -> float:
    """In float64, where the loss takes it."""
    forward, backward = view.S.copy(), view.S.copy()
    forward[row, column] += step
    backward[row, column] -= step
    higher, lower = (ask.evaluate(S, view.y, np.float64).value for S in (forward, backward))
    return (higher - lower) / float(forward[row, column] - backward[row, column])
