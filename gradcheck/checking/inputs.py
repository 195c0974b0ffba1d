"""Verdicts for each input of a function of named inputs: by single rows of it, where the value is a sum over them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from gradcheck.checking.entries import Verdicts, joined_verdicts, judge
from gradcheck.checking.precision import Precision, measure
from gradcheck.checking.subgradients import Nearby
from gradcheck.config.settings import Reference
from gradcheck.evaluation.evaluators import Evaluator, NotSeparable
from gradcheck.evaluation.separability import RowValues, choose
from gradcheck.functions.answer import Answer
from gradcheck.functions.binding import OfRows
from gradcheck.layout import Input
from gradcheck.numerics.verdicts import Tolerance
from gradcheck.report import FloatArray

#: Of an input of fewer entries the evidence about its rows costs more calls than it can save.
_LEAST = 200


def judge_inputs(
    evaluator: Evaluator,
    answer: Answer,
    analytic: FloatArray,
    precision: Precision,
    tolerance: Tolerance,
    reference: Reference,
    *,
    rows: bool,
) -> tuple[Verdicts, list[str]]:
    """As ``judge``, each input with its own step and scale; and which were moved in single rows, if ``rows`` may be."""
    whole, beyond = evaluator.objective, precision.gradient_noise.beyond

    def by_rows(own: Input) -> Verdicts | None:
        N, x = own.shape[0], evaluator.x[own.entries]
        loss = replace(whole.loss, function=OfRows(whole.loss.function, whole.labels, own))
        objective = replace(whole, loss=loss, shape=(N, own.size // N), labels=np.arange(N), calls=0)
        here = replace(answer, gradient=answer.gradient[own.entries])
        try:
            chosen, _, _ = choose(RowValues(objective, here), x, precision.same, "auto")
            if not chosen.by_rows:
                return None
            measured = measure(objective, x, here)
            noise = replace(measured.gradient_noise, beyond=None if beyond is None else beyond[own.entries])
            measured = replace(measured, gradient_noise=noise)
            found = judge(chosen, here, analytic[own.entries], measured, tolerance, reference=reference)
            return replace(found, entries=found.entries + own.start)
        except NotSeparable:
            return None
        finally:
            whole.calls += objective.calls

    nearby, parts, names = Nearby(whole, evaluator.x, precision), [], []
    for number, own in enumerate(whole.labels.layout.inputs):
        of_input = precision.of_input(number) if precision.steps else precision
        is_batch = rows and own.name in whole.labels.batched and own.shape[0] > 1 and own.size >= _LEAST
        entries, found = np.arange(own.start, own.start + own.size), by_rows(own) if is_batch else None
        arguments = evaluator, answer, analytic, of_input, tolerance
        parts.append(found or judge(*arguments, entries=entries, reference=reference, nearby=nearby))
        names += [own.name] if found else []
    return joined_verdicts(parts), names
