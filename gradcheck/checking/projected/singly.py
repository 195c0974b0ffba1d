"""Single entries of a large problem: a sample in any case, and those that directions lead to."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from gradcheck.checking.projected.entrywise import Entrywise, Judged
from gradcheck.checking.projected.first_look import BY_ROWS, BY_THE_WHOLE, chosen, first_look
from gradcheck.checking.projected.setting import Setting
from gradcheck.evaluation.plans.bearing_out import verify_entries
from gradcheck.evaluation.plans.plan import Coupled
from gradcheck.evaluation.plans.projections import Base
from gradcheck.report import Verdict

#: Entries of the sample that are looked into where a first look leaves doubt: of labels' own and of others, at least.
_LOOKED_INTO = 8
#: Wrong entries that calls of a row alone have shown and that calls of the whole batch must bear out.
_BORNE_OUT = 3
#: By how much an entry is moved for that.
_MOVED = 2.0**-4


class Singly:
    """Verdicts of single entries, as they are asked for.

    Args:
        setting: the problem.
        y: its labels.
        worst: wrong entries that are looked for.
    """

    def __init__(self, setting: Setting, y: npt.NDArray[Any], worst: int) -> None:
        self.setting, self._y, self._worst = setting, y, worst
        self._rng = np.random.default_rng(setting.buffer.shape)
        self._judges: dict[Base, Entrywise] = {}
        self._calls_before = 0
        self.judged: dict[tuple[int, int], Judged] = {}

    @property
    def calls_of_rows(self) -> int:
        """Calls of single rows."""
        return self._calls_before + sum(each.calls_of_rows for each in self._judges.values())

    @property
    def wrong(self) -> list[Judged]:
        """Those that are, so far."""
        return [judged for judged in self.judged.values() if judged.verdict is Verdict.WRONG]

    def sample(self) -> None:
        """A few entries, whatever the directions will say."""
        try:
            self._sample()
        except Coupled as evidence:
            self.take_the_whole(evidence)
            self._sample()

    def judge(self, row: int, column: int) -> Judged:
        """One entry at S; what its row alone calls wrong, the whole batch must bear out.

        Raises:
            Coupled: it does not, or the loss does not take the row alone.
        """
        if (row, column) not in self.judged:
            judged = self.judge_at(self.setting.base, row, column)
            if judged.verdict is Verdict.WRONG and len(self.wrong) < _BORNE_OUT:
                self._bear_out(row, column)
            self.judged[row, column] = judged
        return self.judged[row, column]

    def judge_at(self, base: Base, row: int, column: int) -> Judged:
        """One entry at S, or beside it.

        Raises:
            Coupled: the loss does not take the row alone.
        """
        if base not in self._judges:
            setting = self.setting
            weight = setting.weight
            precision = setting.of_single_entries() if weight is None else setting.precision.of_entries(setting.oracle)
            self._judges[base] = Entrywise(
                setting.oracle, setting.given, base, precision, setting.rtol, setting.atol, weight
            )
        (judged,) = self._judges[base].judge(row, [column])
        return judged

    def take_the_whole(self, evidence: Coupled) -> None:
        """Rows are coupled after all: what single rows told of entries is void."""
        self._calls_before = self.calls_of_rows
        self.setting = self.setting.without_rows(str(evidence))
        self.judged.clear()
        self._judges.clear()

    def _sample(self) -> None:
        setting = self.setting
        labels = _classes(self._y, setting.buffer.shape)
        count = BY_THE_WHOLE if setting.weight is None else BY_ROWS
        rows, columns = chosen(setting.buffer.shape, labels, count, self._rng)
        in_doubt = list(zip(rows.tolist(), columns.tolist(), strict=True))
        if setting.weight is not None:
            precision = setting.precision.of_entries(setting.oracle)
            told = first_look(
                setting.oracle, setting.base, setting.weight, precision, rows, columns, setting.rtol, setting.atol
            )
            self.judged.update({(each.row, each.column): each for each in told.right})
            # Labels' entries gather the most kinks: they must not keep the others from being looked into.
            most = max(self._worst, _LOOKED_INTO)
            labels_own = [entry for entry in told.doubtful if labels is not None and labels[entry[0]] == entry[1]]
            others = [entry for entry in told.doubtful if entry not in labels_own]
            in_doubt = [*labels_own[:most], *others[:most]]
        for row, column in in_doubt:
            if len(self.wrong) < self._worst:
                self.judge(row, column)

    def _bear_out(self, row: int, column: int) -> None:
        """Move an entry: the whole batch must change by what its row says. One call of it, two of the row."""
        oracle, base, weight = self.setting.oracle, self.setting.base, self.setting.weight
        if weight is None or len(base.scores) == 1:
            return
        scores = base.scores[row : row + 1].copy()
        here = oracle.row(scores, row).value
        scores[0, column] += _MOVED
        change = weight * (oracle.row(scores, row).value - here)
        entry, offset = (np.array([row]), np.array([column])), np.array([_MOVED])
        verify_entries(oracle, base.scores, entry, offset, np.array([change]), base.value, self.setting.yardstick)


def _classes(y: npt.NDArray[Any], shape: tuple[int, ...]) -> npt.NDArray[np.intp] | None:
    """Each row's label, or the class that its labels point to most; None where they point to none."""
    if y.shape == shape:
        return np.asarray(np.argmax(y, axis=1))
    if y.shape == shape[:1] and y.dtype.kind in "iu" and np.all((y >= 0) & (y < shape[1])):
        return y.astype(np.intp)
    return None
