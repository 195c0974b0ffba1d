"""Verdicts for each input of a function of named inputs: by single rows of it, where the value is a sum over them."""

from dataclasses import replace

import numpy as np

from gradcheck.checking.entries import Verdicts, joined_verdicts, judge
from gradcheck.checking.precision import GradientNoise, Precision
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
    nearby: Nearby,
    reference: Reference,
    *,
    rows: bool,
) -> tuple[Verdicts, list[str]]:
    """As ``judge``, each input with its own step and scale; and which were moved in single rows, if ``rows`` may be."""
    whole, noise = evaluator.objective, precision.gradient_noise
    parts, names = [], []

    def by_rows(number: int, own: Input, of_input: Precision) -> Verdicts | None:
        N, entries = own.shape[0], own.entries
        loss = replace(whole.loss, function=OfRows(whole.loss.function, whole.labels, own))
        objective = replace(whole, loss=loss, shape=(N, own.size // N), labels=np.arange(N), calls=0)
        here = replace(answer, gradient=answer.gradient[entries])
        of_rows = replace(
            of_input,
            smallest_part=of_input.smallest_part / N,
            block_scales=np.full(N, of_input.block_scales[number]),
            gradient_noise=GradientNoise(
                noise.series[:, :, entries], None, objective.blocks, np.full(N, noise.least[number]),
                None if noise.beyond is None else noise.beyond[entries],
            ),
        )  # fmt: skip
        try:
            chosen, _, _ = choose(RowValues(objective, here), evaluator.x[entries], precision.same, "auto")
            if not chosen.by_rows:
                return None
            around = Nearby(objective, chosen.x, of_rows, [own.shape])
            found = judge(chosen, here, analytic[entries], of_rows, tolerance, around, reference=reference)
            return replace(found, entries=found.entries + own.start)
        except NotSeparable:
            return None
        finally:
            whole.calls += objective.calls

    for number, own in enumerate(whole.labels.layout.inputs):
        of_input, entries = precision.of_input(number), np.arange(own.start, own.start + own.size)
        is_batch = rows and own.name in whole.labels.batched and own.shape[0] > 1
        is_batch &= own.size >= _LEAST and noise.watched is None
        if is_batch:  # unless the whole batch is as cheap
            x = evaluator.x.astype(whole.dtype).reshape(1, -1)
            is_batch = not whole.batched.suits("whole", x, entries, x[0, entries] + 2.0**-9)
        found = by_rows(number, own, of_input) if is_batch else None
        names += [own.name] if found else []
        arguments = evaluator, answer, analytic, of_input, tolerance, nearby
        parts.append(found or judge(*arguments, entries=entries, reference=reference))
    return joined_verdicts(parts), names
