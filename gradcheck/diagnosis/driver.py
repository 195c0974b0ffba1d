"""Evidence in, findings out: the rules in the order in which they are asked, the most specific first."""

from collections.abc import Callable, Iterable, Sequence, Set
from contextlib import suppress
from dataclasses import dataclass, replace

from gradcheck.checking.evidence import Evidence
from gradcheck.diagnosis import floats, other_rules
from gradcheck.diagnosis.another_loss import gradient_known, like, value_and_gradient_known, value_known
from gradcheck.diagnosis.conditions import in_a_region, row_factors, weights
from gradcheck.diagnosis.factors import CODES as FACTORS
from gradcheck.diagnosis.factors import batch_size, factor, misaligned, transposed
from gradcheck.diagnosis.floats import guarded, half_precision, overflows
from gradcheck.diagnosis.inputs import rounded
from gradcheck.diagnosis.places import CODES as PLACES
from gradcheck.diagnosis.places import places
from gradcheck.diagnosis.terms import TERMS, extra_term, lost_derivative, lost_in_the_value
from gradcheck.diagnosis.weights import average, ignored_rows, laws
from gradcheck.errors import LossDefect, OutOfTime
from gradcheck.report import Finding


@dataclass(frozen=True)
class Rule:
    """A rule: evidence in, findings out."""

    judge: Callable[[Evidence], Iterable[Finding]]
    codes: tuple[str, ...]  #: of its findings; where all of them are implied already, it is not asked
    implies: Set[str] = frozenset()  #: codes that need not be said beside a finding of this rule
    of_right_losses: bool = False  #: it looks at losses without a wrong entry as well


_GRADIENT, _VALUE = "gradient-of-another-loss", "value-of-another-loss"
#: What says less than a rule that explains every wrong entry exactly.
_LESS_SPECIFIC = {"batch-size-dependent", "not-a-gradient", "row-factor", "one-region", _VALUE, _GRADIENT, *PLACES}
#: What a rule that explains every wrong entry as wrong at kinks implies: none of these speaks of kinks.
_ALL = _LESS_SPECIFIC | {"labels-misaligned", "log-guard", "missing-label-term", "missing-regularizer", *FACTORS}

#: What need not be said of a loss that is not the same at every call.
_EVERY = _ALL | {"smooth-kink", "truncated-to-integer", "not-a-subgradient", "transposed", "removable-jump"}

LIKE = Rule(like, ("constant-offset", "sum-over-rows", "unlike"), of_right_losses=True)
#: The rules, the most specific first: of several findings, that of the first rule leads.
RULES: tuple[Rule, ...] = (
    Rule(other_rules.keeps_state, ("not-deterministic",), _EVERY, of_right_losses=True),
    Rule(ignored_rows, ("mask-ignored",), _LESS_SPECIFIC, of_right_losses=True),
    Rule(other_rules.truncated, ("truncated-to-integer",), _LESS_SPECIFIC | {"constant-factor"}),
    Rule(floats.rounded, ("rounded",), _ALL | {"transposed", "not-a-subgradient", "smooth-kink"}, of_right_losses=True),
    Rule(other_rules.not_a_subgradient, ("not-a-subgradient",), _ALL),
    Rule(other_rules.smooth_kink, ("smooth-kink",), _ALL),
    Rule(factor, (*FACTORS, "batch-size-dependent"), _LESS_SPECIFIC | {*FACTORS, "labels-misaligned", "transposed"}),
    Rule(transposed, ("transposed",), _LESS_SPECIFIC),
    Rule(misaligned, ("labels-misaligned",), _LESS_SPECIFIC),
    Rule(other_rules.removable_jump, ("removable-jump",), {_GRADIENT}, of_right_losses=True),
    Rule(extra_term, (*{term.code: None for term in TERMS},), _LESS_SPECIFIC),
    Rule(guarded, ("log-guard",), _LESS_SPECIFIC),
    Rule(value_and_gradient_known, (_GRADIENT, _VALUE), _LESS_SPECIFIC),
    Rule(places, PLACES, _LESS_SPECIFIC),
    Rule(weights, ("row-factor",), _LESS_SPECIFIC),
    Rule(lost_derivative, (_GRADIENT,), _LESS_SPECIFIC),
    Rule(lost_in_the_value, (_VALUE,), _LESS_SPECIFIC),
    Rule(in_a_region, ("one-region",), _LESS_SPECIFIC),
    Rule(gradient_known, (_GRADIENT, *FACTORS), _LESS_SPECIFIC - {_VALUE}),
    Rule(average, ("mask-ignored",), _LESS_SPECIFIC | {_VALUE}),
    Rule(row_factors, ("row-factor",), _LESS_SPECIFIC - {_VALUE}),
    Rule(batch_size, ("batch-size-dependent",), {"not-a-gradient", _GRADIENT}),
    Rule(other_rules.not_a_gradient, ("not-a-gradient",), {_GRADIENT}),
    Rule(value_known, (_VALUE,), {_GRADIENT}),
    Rule(other_rules.no_known_cause, (_GRADIENT,)),
    LIKE,
    Rule(other_rules.vacuous, ("vacuous",), of_right_losses=True),
    Rule(overflows, ("overflows",), of_right_losses=True),
    Rule(half_precision, ("rounded",), of_right_losses=True),
    Rule(other_rules.not_the_mean, ("not-the-mean",), of_right_losses=True),
)

#: Those for functions of named inputs, before the rules for each input.
_OF_WEIGHTS = "weights-ignored", "mask-ignored"
OF_INPUTS = (
    RULES[0],
    Rule(laws, _OF_WEIGHTS, {*_OF_WEIGHTS}, of_right_losses=True),
    Rule(average, _OF_WEIGHTS),
    Rule(ignored_rows, ("mask-ignored",), of_right_losses=True),
    Rule(rounded, ("rounded",), of_right_losses=True),
    Rule(other_rules.vacuous, ("vacuous",), of_right_losses=True),
    Rule(half_precision, ("rounded",), of_right_losses=True),
)


def find(evidence: Evidence, rules: Sequence[Rule] = RULES) -> tuple[Finding, ...]:
    """What is wrong with a loss, and why: the most specific finding first, without those that another one implies."""
    found: list[Finding] = []
    implied: set[str] = set()
    for rule in rules:
        if not (rule.of_right_losses or evidence.wrong) or implied.issuperset(rule.codes):
            continue
        with suppress(LossDefect, OutOfTime):  # the rule needs calls that cannot be had
            new = [finding for finding in rule.judge(evidence) if finding.code not in implied]
            if rule.judge is value_known and found:  # it helps to know the loss, and is no second defect
                new = [replace(finding, severity="note") for finding in new]
            found += new
            if new:
                implied |= rule.implies
    return tuple(found)
