"""What the central difference of an entry does as its step falls: a table, and the sentence that reads it."""

import math
import re
from collections.abc import Iterable, Sequence

import numpy as np

from gradcheck.checking.precision import Precision
from gradcheck.checking.refinement import Limits, Refinement
from gradcheck.errors import UsageError
from gradcheck.evaluation.evaluators import Evaluator
from gradcheck.layout import Layout
from gradcheck.numerics.differences import Stencil
from gradcheck.numerics.noise import median
from gradcheck.report import Entry, Step, Verdict

#: Differences are called exact only where rounding hides no more than this part of the largest gradient.
_HIDDEN = 1e-4
#: An observed order is that of a power of h if it is as near to it; a ratio nearer to 1 is shown as a relative error.
_NEAR, _FACTOR = 0.25, 1e-2
_EXACT = "(exact: the function is a polynomial here, or symmetric about this point)"


def entries_named(texts: Iterable[str], layout: Layout) -> dict[str, int]:
    """The flat entry that each text as ``W[2,3]``, of scores also ``1,4``, names; without those that are not there."""
    found = {}
    for asked in texts:
        text = re.sub(r"\s", "", f"S[{asked}]" if asked[:1].isdigit() else asked)
        for own in layout.inputs:
            name = re.fullmatch(rf"d?{re.escape(own.name)}(\[\d+(,\d+)*\])?", text)
            index = tuple(map(int, re.findall(r"\d+", name[1] or ""))) if name else (-1,)
            if len(index) == len(own.shape) and all(0 <= i < most for i, most in zip(index, own.shape, strict=True)):
                found[asked] = own.start + (int(np.ravel_multi_index(index, own.shape)) if index else 0)
    return found


def refuse_unknown_entries(texts: Iterable[str], layouts: Sequence[Layout]) -> None:
    """A UsageError for a text that names no entry of any layout; it says which there are."""
    for text in texts:
        if not any(entries_named([text], layout) for layout in layouts):
            largest = max(layouts, key=lambda layout: layout.n)
            last = ", ".join(largest.name(own.start + own.size - 1) for own in largest.inputs)
            raise UsageError(f"there is no entry {text}", hint=f"entries go up to {last}, counted from 0")


def step_evidence(
    evaluator: Evaluator, entry: int, judged: Entry, granted: float, precision: Precision
) -> tuple[Entry, tuple[Step, ...], bool, str]:
    """Differences of one flat entry at falling steps, two calls each, as the parts of a `StepEvidence`.

    ``judged`` has the verdict of the entry, and ``granted`` is the bound on the rounding of dS there.
    """
    at, blocks, noise = np.array([entry]), evaluator.objective.blocks, np.array([precision.value_noise])
    if evaluator.by_rows:
        noise = precision.of_parts(blocks.of(at), evaluator.here(at).values)
    own = precision.of_input(int(blocks.of(at)[0]))
    refinement = Refinement.of(evaluator, at, noise, precision.gradient_noise.of(at), own)
    stencils, limits = refinement.stencils, refinement.limits()
    taken = np.isfinite(stencils.plain()[:, 0])
    if not taken.any():  # every step of the sequence is too fine for it
        only = Step(judged.step, judged.plain, abs(judged.plain - judged.analytic), math.inf, None)
        return judged, (only,), False, _reading(judged, [only], False, limits)
    stencil = Stencil(*(each[taken, 0] for each in stencils))
    rounding = stencil.noise_bound(precision.inside.noise(stencil, evaluator.x[at], noise))
    widths, differences = (stencil.above + stencil.below) / 2, stencil.plain()
    errors = np.abs(differences - judged.analytic)
    with np.errstate(divide="ignore", invalid="ignore"):
        orders = (np.log(errors[:-1] / errors[1:]) / np.log(widths[:-1] / widths[1:])).tolist()
    clear = errors > rounding + granted
    known = [None, *(order if seen else None for order, seen in zip(orders, clear[:-1] & clear[1:], strict=True))]
    columns = (each.tolist() for each in (widths, differences, errors, rounding))
    steps = tuple(Step(*each) for each in zip(*columns, known, strict=True))
    exact = bool(np.all(np.abs(differences - differences[0]) <= rounding + rounding[0]))
    exact &= bool(np.min(rounding) <= _HIDDEN * own.scale) and not limits.is_kink()[0]
    return judged, steps, exact, _reading(judged, steps, exact, limits)


def _reading(judged: Entry, steps: Sequence[Step], exact: bool, limits: Limits) -> str:
    """What the steps say, in a sentence that ends with the verdict."""
    name, dS, n, is_kink = judged.name, judged.analytic, judged.numerical, bool(limits.is_kink()[0])
    entry, sides = f"{name}, {dS:.6g}, is", "kinks meet near here"
    if is_kink:
        left, right = (_shown(float(each.estimate[0]), float(each.bound[0])) for each in (limits.left, limits.right))
        sides = f"left and right differences settle at {left} and {right}: a kink"
    match judged.verdict:
        case Verdict.UNRESOLVED:
            how = f"the differences settle {f'only within {judged.bound:.0e}' if judged.bound < np.inf else 'nowhere'}"
            how = "the value jumps here" if limits.jumps[0] else sides if is_kink else how
            return f"{how}: whether {entry} right cannot be decided"
        case Verdict.SUBGRADIENT:
            return f"{sides}; any value between the derivatives around is right, as {entry}"
        case Verdict.WRONG if is_kink:
            return f"{sides}, and {entry} not between: it is wrong"
        case Verdict.WRONG:
            off = ""
            if abs(n) > judged.bound:
                near = abs(dS / n - 1) < _FACTOR
                off = f" by a relative error of {abs(dS / n - 1):.1g}" if near else f" by the factor {dS / n:.5g}"
            settled = f"{'every difference is' if exact else 'the differences settle at'} {_shown(n, judged.bound, dS)}"
            return f"{settled}{f' {_EXACT}' * exact} while {name} is {_shown(dS, 0.0, n)}: it is wrong{off}"
    return f"{f'every difference equals {name} up to rounding {_EXACT}' if exact else _fall(steps)}: {name} is right"


def _fall(steps: Sequence[Step]) -> str:
    """How the error falls, down to where rounding takes over."""
    best = min(range(len(steps)), key=lambda k: steps[k].error)
    orders = [each.order for each in steps[: best + 1] if each.order is not None]
    if not orders and all(each.error <= each.rounding for each in steps):
        return "every difference is within rounding"
    power = float(median(np.array(orders))) if len(orders) > 1 else math.nan
    falls = f"falls as h^{power:.0f}" if abs(power - round(power, 0)) < _NEAR else f"falls from {steps[0].error:.2g}"
    falls += " (a smooth function's as h^2)" if falls.endswith("h^1") else ""
    grows = any(each.error > steps[best].error for each in steps[best + 1 :])
    after = " and grows below it as rounding does" if grows else ""
    return f"the error {falls} down to {steps[best].error:.2g} at h = {steps[best].step:.2g}{after}"


def _shown(number: float, bound: float, beside: float = math.nan) -> str:
    """A number within its bound, 0 where that hides it, with digits enough to tell it from another."""
    apart = abs(number - beside) / abs(number) if number else math.nan
    digits = min(max(6, 2 - math.floor(math.log10(apart))), 17) if apart > 0 else 6
    return "0" if abs(number) <= bound else f"{number:.{digits}g}"
