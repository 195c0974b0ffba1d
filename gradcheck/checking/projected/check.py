"""A problem of more entries than are judged one by one.

noise near S, looks far from it, whether rows count alone -> a sample of entries -> directions -> bisection -> outcome
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from gradcheck.checking.projected.directions import DIRECTIONS, Directions, Seen
from gradcheck.checking.projected.entrywise import Judged
from gradcheck.checking.projected.search import Search
from gradcheck.checking.projected.setting import set_up
from gradcheck.checking.projected.singly import Singly
from gradcheck.functions.answer import Answer
from gradcheck.functions.function import Function
from gradcheck.numerics.projecting import smallest_defect
from gradcheck.numerics.verdict import TOO_WIDE
from gradcheck.report import Finding, FloatArray, Projections, Verdict

#: Directions that disagree by this many times what is allowed leave no doubt.
_BEYOND_DOUBT = 4.0
_GRAVITY = (Verdict.OK, Verdict.SUBGRADIENT, Verdict.UNRESOLVED, Verdict.WRONG)
_HINT = "check the same loss with fewer rows and classes, where every entry is judged"


@dataclass(frozen=True, eq=False)
class Projected:
    """What became of a problem.

    Attributes:
        projections: the outcome.
        entries: those judged one by one, the worst first.
        why: how single entries were looked at.
        calls: of the loss.
        findings: what the verdicts of single entries do not say.
    """

    projections: Projections
    entries: tuple[Judged, ...]
    why: str
    calls: int
    findings: tuple[Finding, ...]


def project(
    loss: Function, S: npt.NDArray[Any], y: npt.NDArray[Any], at_scores: Answer, rtol: float, atol: float, worst: int
) -> Projected:
    """Check one loss at one problem by projections.

    Args:
        loss: what is checked.
        S: N x C, of the dtype that the loss is to get.
        y: the problem's labels.
        at_scores: what the loss answered at S.
        rtol, atol: the user's tolerances.
        worst: wrong entries that are looked for.

    Raises:
        LossDefect: the loss raised at perturbed scores, or answered nonsense.
    """
    with np.errstate(over="ignore", invalid="ignore"):
        setting = set_up(loss, S, y, at_scores, rtol, atol)
        singly = Singly(setting, y, worst)
        singly.sample()
        directions = Directions(setting)
        seen = directions.look()
        search = Search(directions, seen, singly, worst)
        search.run()
        left = search.left()
        by = "single rows" if singly.setting.weight else f"the whole batch: {singly.setting.why_not}"
        return Projected(
            _outcome(directions, seen, left, singly, worst),
            tuple(sorted(singly.judged.values(), key=_gravity, reverse=True)),
            f"entries one by one by calls of {by}",
            setting.calls + directions.calls_of_rows + singly.calls_of_rows,
            tuple(_findings(directions, seen, left, singly, search)),
        )


def _outcome(directions: Directions, seen: Seen, left: FloatArray, singly: Singly, worst: int) -> Projections:
    """The numbers that stand in place of every entry's verdict.

    Args:
        left: what every direction leaves to be explained.
    """
    judged, base = list(singly.judged.values()), singly.setting.base
    disagree = bool(np.max(seen.excess(left)) > 1)
    too_coarse = smallest_defect(seen.bounds) > TOO_WIDE * singly.setting.scale()
    remarks = ["kinks meet at S: the directions were taken a little beside it"] if directions.is_beside else []
    if disagree:
        more = len(singly.wrong) >= worst
        what = "more are wrong than the worst that were looked for" if more else "what else is wrong could not be found"
        remarks.append(f"{_disagreement(seen, left)}; {what}")
    elif too_coarse:
        remarks.append("the loss is too noisy here for projections to tell")
    return Projections(
        directions=DIRECTIONS,
        agree=not disagree and not too_coarse,
        smallest_defect=smallest_defect(seen.allowed + np.abs(left)),
        largest_gradient=max(float(np.max(base.analytic)), -float(np.min(base.analytic))),
        checked=len(judged),
        wrong=len(singly.wrong),
        subgradient=sum(each.verdict is Verdict.SUBGRADIENT for each in judged),
        undecided=sum(each.verdict is Verdict.UNRESOLVED for each in judged),
        max_relative_error=max((each.relative_error for each in judged if each.is_telling), default=0.0),
        remark="; ".join(remarks),
    )


def _findings(directions: Directions, seen: Seen, left: FloatArray, singly: Singly, search: Search) -> list[Finding]:
    """What is wrong beyond doubt, though no entry at S shows it."""
    messages = [
        f"beside S, where no kinks meet, dS[{each.row}, {each.column}] is {each.analytic:.6g} "
        f"and the numerical gradient {each.numerical:.6g}"
        for each in search.wrong_beside[:1]
    ]
    beyond_doubt = np.max(seen.excess(left)) > _BEYOND_DOUBT and not directions.meets_kinks
    if beyond_doubt and not singly.wrong and not messages:
        messages.append(_disagreement(seen, left))
    return [Finding("projections-disagree", "error", message, _HINT) for message in messages]


def _disagreement(seen: Seen, left: FloatArray) -> str:
    k = int(np.argmax(seen.excess(left)))
    return (
        f"along a random direction dS and the numerical gradient differ by {abs(left[k]):.1e}, "
        f"where {seen.allowed[k]:.1e} is allowed"
    )


def _gravity(judged: Judged) -> tuple[int, float]:
    """By verdict, then by how far an entry is off."""
    telling = judged.is_telling or judged.verdict is not Verdict.OK
    return _GRAVITY.index(judged.verdict), float(np.nan_to_num(abs(judged.defect), nan=np.inf)) if telling else 0.0
