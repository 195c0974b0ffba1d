"""Why a target is wrong, and what else is to be said of it: findings, and the smallest failing case."""

from dataclasses import replace

from gradcheck.checking.evidence import Allowance, Case, Evidence
from gradcheck.config import Config
from gradcheck.config.settings import Settings
from gradcheck.diagnosis.driver import LIKE, OF_INPUTS, find
from gradcheck.diagnosis.inputs import explain_hessian, explain_inputs, of_products
from gradcheck.diagnosis.known import Known
from gradcheck.diagnosis.notation import explain_terms
from gradcheck.diagnosis.statements import refine
from gradcheck.functions.function import Function
from gradcheck.run.seen import Explained, Seen, first_error
from gradcheck.shrinking import smallest_case

#: Finding out why may cost this part of the calls that the check took; so many where it took none.
_SHARE, _LEAST = 4, 40
_INSPECTING = 38  # calls that every loss may take once its problems are checked


def explain(
    seen: Seen, loss: Function, config: Config, settings: Settings, meant: Known | None, dtype: str
) -> Explained:
    """Why a loss is wrong or differs from what is ``meant``; the contract's findings are refined in place.

    ``dtype`` is what it is called with.
    """
    judged = tuple(case for case in seen.cases if case.judged)
    evaluations = sum(batch.evaluations for batch in seen.batches)
    ask = Allowance(loss, evaluations // _SHARE if evaluations else _LEAST, dtype)
    inspect = Allowance(loss, _INSPECTING, dtype)
    beside = tuple(case for case in seen.cases if not case.judged)
    evidence = Evidence(judged, config.rtol, ask, meant, inspect, beside)
    found = (_of_inputs if loss.is_of_named_inputs else _of_scores)(seen, evidence, config, settings)
    if inspect.calls and seen.batches:
        seen.batches[-1] = replace(seen.batches[-1], evaluations=seen.batches[-1].evaluations + inspect.calls)
    if any(case.is_wrong for case in seen.of_hessian):
        of_hessian = replace(evidence, observations=tuple(seen.of_hessian))
        found = replace(found, findings=(*found.findings, *explain_hessian(of_hessian)))
        seen.contract.pop("hessian-bound", None)  # elsewhere it is none: so it is one by chance
    return replace(found, calls=ask.calls)


def _of_inputs(seen: Seen, evidence: Evidence, config: Config, settings: Settings) -> Explained:
    judged, failed = evidence.observations, seen.failed
    evidence.ask.left = max(evidence.ask.left, _LEAST)
    worded = seen.cases[0].arguments.layout.worded
    # Second derivatives that are 0, or rounded, are no news.
    found = find(evidence, OF_INPUTS) if judged and (failed or not seen.of_products) else ()
    causes = tuple(replace(each, message=worded(each.message)) for each in found)
    if judged and failed and first_error(causes) is None:
        causes = (*explain_inputs(evidence), *causes)
    causes = of_products(causes, judged) if failed and seen.of_products else causes
    smallest = None
    if judged and failed and not seen.of_products:
        smallest = smallest_case(evidence, causes[0].code, config, settings)
    return Explained((*causes, *(find(evidence, [LIKE]) if evidence.like else ())), smallest)


def _of_scores(seen: Seen, evidence: Evidence, config: Config, settings: Settings) -> Explained:
    contract = first_error(seen.contract.values())
    how = config, settings, contract, seen.troubled
    if "hangs" in seen.contract:  # every further call might hang too: the problem is shown as it is
        evidence.ask.left = 0
        return Explained(smallest=smallest_case(replace(evidence, observations=()), "hangs", *how))
    if contract is not None and seen.troubled is not None:
        seen.contract[contract.code] = refine(contract, seen.troubled, evidence.ask) or contract
    # Without a contract, no answer is evidence of anything.
    findings = find(evidence) if contract is None or contract.code != "not-deterministic" else ()
    first = first_error(findings)
    if first is not None and (terms := explain_terms(evidence)):
        longer = replace(first, message=f"{terms}: {first.message}")
        findings = tuple(longer if finding is first else finding for finding in findings)
    # Shrinking looks for what the contract check reports, and the report says what that was refined to.
    leading = first_error([*seen.contract.values(), *findings])
    code, projected = leading.code if leading else "wrong", _wrong_by_projections(seen, evidence)
    is_wrong = contract or projected or any(case.is_wrong or case.leaps.any() for case in evidence.observations)
    return Explained(findings, smallest_case(evidence, code, *how, projected) if is_wrong else None)


def _wrong_by_projections(seen: Seen, evidence: Evidence) -> Case | None:
    """A problem that is wrong by projections; None where others, judged entry by entry, tell more."""
    if any(case.is_wrong for case in evidence.observations):
        return None
    disagree = "projections-disagree" in seen.contract
    return next((case for case in evidence.beside if case.is_wrong or disagree), None)
