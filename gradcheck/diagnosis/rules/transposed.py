"""dS is right once its entries change places: rows and classes have been exchanged."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np

from gradcheck.checking.case import Case
from gradcheck.diagnosis.evidence import Evidence
from gradcheck.diagnosis.rule import LESS_SPECIFIC, rule
from gradcheck.report import Finding, FloatArray


@dataclass(frozen=True)
class _Layout:
    """A way to put the entries of an N x C gradient n into another N x C array.

    Attributes:
        words: what becomes of n by it.
        hint: what to look at.
        undone: dS to what it was before; None where no N x C array comes of that.
    """

    words: str
    hint: str
    undone: Callable[[FloatArray], FloatArray | None]


def _transposed(dS: FloatArray) -> FloatArray | None:
    return dS.T if dS.shape[0] == dS.shape[1] else None


def _columns_folded_by_rows(dS: FloatArray) -> FloatArray:
    return dS.reshape(dS.shape[::-1]).T


def _rows_folded_by_columns(dS: FloatArray) -> FloatArray:
    return dS.ravel(order="F").reshape(dS.shape)


_LAYOUTS = (
    _Layout("the numerical gradient transposed", "return dS.T, or fill dS[i, j] for row i and class j", _transposed),
    _Layout(
        "the numerical gradient transposed and reshaped, n.T.reshape(N, C),",
        "reshape does not exchange rows and classes: where dS is C x N, return dS.T",
        _columns_folded_by_rows,
    ),
    _Layout(
        'the numerical gradient flattened by rows and folded by columns, n.ravel().reshape((N, C), order="F"),',
        'order="F" on one of the two ways alone exchanges entries: leave it out, or have it on both',
        _rows_folded_by_columns,
    ),
)


@rule("transposed", rank=15, implies=LESS_SPECIFIC)
def transposed(evidence: Evidence) -> Iterator[Finding]:
    """dS = n.T, or what a reshape makes of it, in every entry of every problem, right ones too."""
    for layout in _LAYOUTS:
        undone = [_undone(layout, seen) for seen in evidence.observations if min(seen.S.shape) > 1]
        alike = [each for each in undone if each and evidence.same(each, each.analytic, each.numerical).all()]
        right = all(not seen.is_wrong for seen in evidence.observations if min(seen.S.shape) == 1)
        if not right or len(alike) < len(undone):
            continue
        entries = sum(int(np.count_nonzero(each.known)) for each in alike)
        wrong = sum(int(np.count_nonzero(seen.wrong)) for seen in evidence.wrong)
        problems = f"{len(alike)} problem{'' if len(alike) == 1 else 's'} of more than one row"
        yield Finding(
            "transposed",
            "error",
            f"dS is {layout.words} in all {entries} entries of {problems}; {wrong} are wrong where they stand",
            hint=layout.hint,
        )
        return


def _undone(layout: _Layout, seen: Case) -> Case | None:
    """The problem with dS as it was before its entries changed places."""
    before, granted = layout.undone(seen.analytic), layout.undone(seen.granted)
    return None if before is None or granted is None else replace(seen, analytic=before, granted=granted)
