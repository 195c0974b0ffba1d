"""Problems with more entries than are judged one by one; no more than six vectors of the length of x are held.

A sample of entries is judged like those of any problem. Derivatives along random normal directions, which move every
entry at once, are compared with the projections of dS; where they disagree, bisection leads to the wrong entries.
"""

from collections.abc import Sequence

import numpy as np

from gradcheck.checking.directions import DIRECTIONS, Base, Directions
from gradcheck.checking.entries import Verdicts, joined_verdicts, judge
from gradcheck.checking.precision import Precision
from gradcheck.checking.subgradients import Nearby
from gradcheck.evaluation.evaluators import Evaluator
from gradcheck.evaluation.objective import Objective
from gradcheck.layout import Arguments
from gradcheck.numerics.directional import smallest_defect
from gradcheck.numerics.verdicts import OK, SUBGRADIENT, TOO_WIDE, UNRESOLVED, WRONG, Tolerance, largest
from gradcheck.report import Finding, IndexArray, Projections
from gradcheck.sampling import classes_of

#: Entries of the sample, by calls of single rows and by calls of the whole batch; the part that may be labels' own.
_BY_ROWS, _BY_WHOLE, _LABELS = 64, 2, 0.75
#: Directions that disagree by this many times what is allowed leave no doubt.
_BEYOND_DOUBT = 4.0
#: Entries that directions lead to and that are not wrong, after which the search is given up.
_IN_VAIN = 3
#: A residual that was inferred is measured afresh once its bound is this part of it.
_UNSURE = 1 / 3
_HINT = "check the same loss with fewer rows and classes, where every entry is judged"


def check_directions(
    given: Objective,
    evaluator: Evaluator,
    base: Base,
    precision: Precision,
    tolerance: Tolerance,
    worst: int,
    also: Sequence[int] = (),
) -> tuple[Projections, Verdicts, tuple[Finding, ...]]:
    """Check a function by projections: ``given`` in the user's dtype, and single entries by the reference.

    The sample has entries of labels and ``also`` these in it; at most ``worst`` wrong entries are looked for.

    Returns:
        What stands in place of the verdicts of all entries; those of the entries that were judged one by one; and what
        neither says.

    Raises:
        NotSeparable: the evaluator takes rows one by one, and they turned out to be coupled.
        LossDefect: the function raised at moved points, or returned no value and gradient.
    """
    with np.errstate(over="ignore", invalid="ignore"):
        single = _Single(evaluator, precision, tolerance, base)
        single.judge(_sample(evaluator))
        single.judge(np.array(also, dtype=np.intp))
        directions = Directions(given, evaluator.objective, base, precision, tolerance)
        directions.look()
        wrong_beside = _search(directions, single, worst)
        return _outcome(directions, single, wrong_beside, worst)


class _Single:
    """Verdicts of single entries at a point, as they are asked for."""

    def __init__(self, evaluator: Evaluator, precision: Precision, tolerance: Tolerance, base: Base) -> None:
        self.evaluator, self.precision, self.tolerance, self.base = evaluator, precision, tolerance, base
        self.columns = evaluator.objective.shape[1]
        self._nearby = Nearby(
            evaluator.objective, base.x, precision, [] if evaluator.by_rows else [evaluator.objective.shape]
        )
        self.verdicts: list[Verdicts] = []
        #: By flat entry, the verdict; and of wrong ones the numerical less the analytic derivative.
        self.known: dict[int, int] = {}
        self.defects: dict[int, float] = {}

    def judge(self, entries: IndexArray) -> None:
        """Judge entries that were not judged before."""
        new = entries[[entry not in self.known for entry in entries.tolist()]]
        if not len(new):
            return
        base, nearby = self.base, self._nearby
        arguments = self.evaluator, base.answer, base.analytic, self.precision, self.tolerance, nearby
        judged = judge(*arguments, entries=new, reference="central")
        self.verdicts.append(judged)
        for entry, given, off in zip(new.tolist(), judged.verdicts, judged.numerical - judged.analytic, strict=True):
            self.known[entry] = int(given)
            if given == WRONG:
                self.defects[entry] = float(off)


def _search(directions: Directions, single: _Single, worst: int) -> list[str]:
    """Bisection along the direction that disagrees most, then along any that still does; what is wrong beside x."""
    there = single
    if directions.is_beside:
        base = directions.base
        there = _Single(single.evaluator.at(base.x), single.precision, single.tolerance, base)
    wrong_beside: list[str] = []
    in_vain = 0

    def take(entry: int) -> int:
        single.judge(np.array([entry]))
        there.judge(np.array([entry]))
        if there.known[entry] == WRONG:
            directions.explained[entry] = there.defects[entry]
            if single.known[entry] != WRONG:
                row, column = divmod(entry, single.columns)
                analytic = float(there.base.analytic[entry])
                wrong_beside.append(
                    f"beside S, where no kinks meet, dS[{row}, {column}] is {analytic:.6g} "
                    f"and the numerical gradient {analytic + there.defects[entry]:.6g}"
                )
        return there.known[entry]

    for entry in sorted(single.defects):
        take(entry)
    for number in np.argsort(-directions.excess(directions.left()), kind="stable").tolist():
        allowed = float(directions.allowed[number])
        while len(single.defects) + len(wrong_beside) < worst and in_vain < _IN_VAIN:
            remaining = float(directions.left()[number])
            if abs(remaining) <= allowed:
                break
            entry = _bisect(directions, number, remaining, single.columns)
            if entry in directions.explained:
                break
            given = take(entry)
            if given == WRONG:
                continue
            in_vain += 1
            if given == OK:  # it explains nothing
                break
            residual, _ = directions.measure(number, slice(entry, entry + 1), allowed)
            # A kink explains what a direction sees of it.
            directions.explained[entry] = residual / float(directions.draw(number)[entry])
    return wrong_beside


def _bisect(directions: Directions, number: int, residual: float, columns: int) -> int:
    """The entry that disagrees most along a direction: the half with more of the disagreement is halved again."""
    # Two calls a level tell of one half, and what the whole has more, of the other; that is measured afresh once it has
    # become uncertain.
    start, stop, bound = 0, len(directions.buffer), 0.0
    while stop - start > 1:
        if bound > _UNSURE * abs(residual):
            residual, bound = directions.measure(number, slice(start, stop), abs(residual))
        middle = (start + stop) // 2
        border = round(middle / columns) * columns
        middle = border if start < border < stop else middle  # between two rows, if there are several
        first, bound_of_first = directions.measure(number, slice(start, middle), abs(residual))
        if abs(first) >= abs(residual - first):
            stop, residual, bound = middle, first, bound_of_first
        else:
            start, residual, bound = middle, residual - first, bound + bound_of_first
    return start


def _outcome(
    directions: Directions, single: _Single, wrong_beside: list[str], worst: int
) -> tuple[Projections, Verdicts, tuple[Finding, ...]]:
    judged, remaining, allowed = joined_verdicts(single.verdicts), directions.left(), directions.allowed
    excess = directions.excess(remaining)
    disagree = bool(np.max(excess) > 1)
    too_coarse = smallest_defect(directions.bounds) > TOO_WIDE * single.precision.scale
    k = int(np.argmax(excess))
    disagreement = f"along a random direction dS and the numerical gradient differ by {abs(remaining[k]):.1e}"
    disagreement += f", where {allowed[k]:.1e} is allowed"
    remarks = ["kinks meet at S: the directions were taken a little beside it"] if directions.is_beside else []
    if disagree:
        more = len(single.defects) >= worst
        what = "more are wrong than the worst that were looked for" if more else "what else is wrong could not be found"
        remarks.append(f"{disagreement}; {what}")
    elif too_coarse:
        remarks.append("the loss is too noisy here for projections to tell")
    messages = wrong_beside[:1]
    if np.max(excess) > _BEYOND_DOUBT and not directions.meets_kinks and not single.defects and not messages:
        messages = [disagreement]
    telling = (judged.verdicts == WRONG) | ((judged.verdicts == OK) & ~judged.negligible)
    projections = Projections(
        directions=DIRECTIONS,
        agree=not disagree and not too_coarse,
        smallest_defect=smallest_defect(allowed + np.abs(remaining)),
        largest_gradient=largest(single.base.analytic),
        checked=len(judged.entries),
        wrong=len(single.defects),
        subgradient=int(np.count_nonzero(judged.verdicts == SUBGRADIENT)),
        undecided=int(np.count_nonzero(judged.verdicts == UNRESOLVED)),
        max_relative_error=float(judged.relative_errors[telling].max(initial=0.0)),
        remark="; ".join(remarks),
    )
    return projections, judged, tuple(Finding("projections-disagree", "error", each, _HINT) for each in messages)


def _sample(evaluator: Evaluator) -> IndexArray:
    """Entries that are judged in any case: some of labels' own, the others anywhere; all of a small problem."""
    shape, labels = evaluator.objective.shape, evaluator.objective.labels
    N, C = shape
    count = _BY_ROWS if evaluator.by_rows else _BY_WHOLE
    if count >= N * C:
        return np.arange(N * C)
    rng, classes = np.random.default_rng(shape), classes_of(labels, shape)
    if isinstance(labels, Arguments):
        return np.sort(rng.permutation(N * C)[:count])
    some = np.zeros(0, dtype=np.intp) if classes is None else np.sort(rng.permutation(N)[: int(_LABELS * count)])
    first = some if classes is None else some * C + classes[some]
    others = np.setdiff1d(rng.integers(0, N * C, size=2 * count), first)
    return np.concatenate([first, rng.permutation(others)[: count - len(first)]]).astype(np.intp)
