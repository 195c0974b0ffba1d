"""The JSON: schema 1 of the design, held to by a JSON Schema written by hand."""

import json
from dataclasses import replace

import jsonschema
import numpy as np
import pytest

from gradcheck.output import FORMATS, Options
from gradcheck.report import Finding, Projections


def items(schema):
    return {"type": "array", "items": schema}


TEXT, FLAG, COUNT = {"type": "string"}, {"type": "boolean"}, {"type": "integer", "minimum": 0}
NUMBER = {"type": ["number", "null"]}
MATRIX = items(items(NUMBER))
MATRIX_OR_NULL = {"oneOf": [MATRIX, {"type": "null"}]}
VERDICT = {"enum": ["ok", "subgradient", "wrong", "unresolved"]}
REFERENCE = {"enum": ["central", "complex"]}


def exactly(optional=(), texts="", counts="", numbers="", **others):
    """The schema of an object with these keys and no others."""
    properties = dict.fromkeys(texts.split(), TEXT) | dict.fromkeys(counts.split(), COUNT)
    properties |= dict.fromkeys(numbers.split(), NUMBER) | others
    required = [key for key in properties if key not in optional]
    return {"type": "object", "properties": properties, "required": required, "additionalProperties": False}


NAMED = {"input": TEXT, "index": items(COUNT)}
ENTRY = exactly(
    ("tried", "row", "class", *NAMED), counts="row class", **NAMED,
    numbers="score analytic numerical bound relative_error plain step central",
    label={"type": ["integer", "null"]}, verdict=VERDICT, reference=REFERENCE, tried=MATRIX,
)  # fmt: skip
PROJECTIONS = exactly(
    texts="remark", counts="directions checked", numbers="smallest_defect largest_gradient smallest_relative_defect",
    agree=FLAG,
)  # fmt: skip
BATCH = exactly(
    ("labels", "relative_errors", "verdicts", "references", "negligible", "projections", "input", "shape"),
    texts="scores plan why input", shape=items(COUNT),
    counts="batch_size classes trial seed evaluations entries wrong subgradient unresolved complex_steps",
    numbers="value max_relative_error seconds", passed=FLAG, remarks=items(TEXT), worst=items(ENTRY),
    projections=PROJECTIONS, labels={"type": ["array", "null"], "items": COUNT}, negligible=items(items(COUNT)),
    relative_errors=MATRIX, verdicts=items(items(VERDICT)), references=items(items(REFERENCE)),
)  # fmt: skip
FINDING = exactly(texts="code message hint details", severity={"enum": ["error", "warning", "note"]})
SMALLEST_CASE = exactly(
    ("S", "y", "inputs"), texts="dtype code snippet", inputs={"type": "object"}, S=MATRIX,
    y=items({"type": ["integer", "array"]}), analytic=MATRIX_OR_NULL,
    numerical=MATRIX_OR_NULL,
)  # fmt: skip
TOTALS = exactly(
    ("input",), texts="scores input",
    counts="batch_size classes problems entries wrong subgradient unresolved evaluations",
    numbers="max_relative_error seconds",
)  # fmt: skip
LOSS = exactly(
    texts="target verdict summary framework error rerun cut_short", counts="evaluations_to_explain unchecked",
    passed=FLAG, file={"type": ["string", "null"]}, line={"type": ["integer", "null"]}, batches=items(BATCH),
    totals=items(TOTALS), remarks=items(TEXT), symbols=TEXT, findings=items(FINDING),
    smallest_case={"oneOf": [SMALLEST_CASE, {"type": "null"}]},
)  # fmt: skip
SCHEMA = exactly(
    texts="version verdict summary", schema={"const": 1}, passed=FLAG, interrupted=FLAG, out_of_time=FLAG,
    config={"type": "object"}, losses=items(LOSS),
)  # fmt: skip


def refuse(constant):
    raise AssertionError(f"{constant} is not JSON")


def parsed(report, **options):
    answer = json.loads(FORMATS["json"](report, Options(**options)), parse_constant=refuse)
    jsonschema.validate(answer, SCHEMA, cls=jsonschema.Draft202012Validator)
    return answer


@pytest.fixture
def everything(problem, loss, report):
    finding = Finding("missing-mean", "error", "dS is 3 times the numerical gradient", "divide", "line 7")
    problems = problem(wrong=[(0, 1)], subgradient=[(1, 0)], unresolved=[(2, 2)]), problem(1, 2, labels=None)
    fields = {"file": "/tmp/mine.py", "line": 12, "rerun": "gradcheck run svm --seed 0"}
    checked = loss(*problems, findings=(finding,), **fields)
    return report(checked, loss(target="nosuch", error="there is no such loss"))


def test_the_values_are_those_of_the_report(everything):
    answer = parsed(everything)
    loss = answer["losses"][0]
    batch = loss["batches"][0]
    assert (answer["version"], answer["passed"], answer["interrupted"]) == ("0.1.0", False, False)
    assert answer["config"] == {"seed": 0, "batch_sizes": [1, 3]}
    assert (loss["target"], loss["file"], loss["line"], loss["passed"]) == ("svm", "/tmp/mine.py", 12, False)
    assert loss["findings"][0]["message"] == "dS is 3 times the numerical gradient"
    assert loss["smallest_case"] is None
    assert (batch["entries"], batch["wrong"], batch["subgradient"], batch["unresolved"]) == (15, 1, 1, 1)
    assert batch["worst"][0] == {
        "row": 0, "class": 1, "label": 0, "score": 0.5, "analytic": 0.25, "numerical": 0.25 * (1 - 0.333),
        "bound": 1e-12, "relative_error": 0.333, "verdict": "wrong", "plain": 0.2468, "step": 0.00071,
        "reference": "central", "central": 0.25 * (1 - 0.333),
    }  # fmt: skip
    assert answer["losses"][1]["error"] == "there is no such loss"


def test_what_is_not_finite_is_null_wherever_it_stands(problem, loss, report):
    shown = problem(1, 3)
    shown.relative_errors[0, :2] = [np.nan, np.inf]
    entry = replace(shown.worst[0], analytic=np.inf, numerical=np.nan, bound=np.float64(np.inf))
    run = report(loss(replace(shown, value=-np.inf, worst=(entry,))))
    run = replace(run, config={"rtol": float("nan"), "deep": [{"loc": np.inf}], "seed": np.int64(3), "path": object})
    answer = parsed(run)
    batch = answer["losses"][0]["batches"][0]
    assert batch["value"] is None
    assert batch["relative_errors"] == [[None, None, 3.14e-11]]
    assert (batch["worst"][0]["analytic"], batch["worst"][0]["numerical"], batch["worst"][0]["bound"]) == (None,) * 3
    assert answer["config"] == {"rtol": None, "deep": [{"loc": None}], "seed": 3, "path": str(object)}


@pytest.mark.parametrize(("rows", "kept"), [(100, True), (101, False)])
def test_matrices_of_more_than_10000_entries_are_left_out(problem, loss, report, rows, kept):
    batch = parsed(report(loss(problem(rows, 100))))["losses"][0]["batches"][0]
    assert batch["entries"] == rows * 100
    assert ("relative_errors" in batch, "verdicts" in batch) == (kept, kept)
    assert len(batch["worst"]) == 20


def test_any_text_survives_in_ascii_and_each_row_and_entry_has_a_line_of_its_own(everything, loss, report):
    text = 'quote " back\\slash \x1b[31m 打分矩阵 \udcff \u2028'
    rendered = FORMATS["json"](report(loss(target=text, error=text)), Options())
    assert rendered.isascii()
    assert "\x1b" not in rendered
    assert json.loads(rendered)["losses"][0]["target"] == text
    text = FORMATS["json"](everything, Options())
    assert text.endswith("}\n")
    assert not text.endswith("\n\n")
    lines = [line.strip().rstrip(",") for line in text.splitlines()]
    assert sum(line.startswith('{ "row"') for line in lines) == 15 + 2
    row = json.dumps(everything.losses[0].batches[0].relative_errors[0].tolist())
    assert f"[ {row[1:-1]} ]" in lines


def test_which_reference_judged_an_entry_and_always_the_central_difference(problem, loss, report):
    judged = np.zeros((2, 3), dtype=bool)
    judged[0, 1] = judged[1, 2] = True
    drawn = problem(2, 3, wrong=[(0, 1)], by_complex=judged, negligible=judged)
    worst = tuple(replace(entry, central=0.2479) if judged[entry.row, entry.class_] else entry for entry in drawn.worst)
    batch = parsed(report(loss(replace(drawn, worst=worst))))["losses"][0]["batches"][0]
    assert batch["complex_steps"] == 2
    assert batch["references"] == [["central", "complex", "central"], ["central", "central", "complex"]]
    assert batch["negligible"] == [[0, 1], [1, 2]]
    for entry in batch["worst"]:
        by_complex = bool(judged[entry["row"], entry["class"]])
        assert entry["reference"] == ("complex" if by_complex else "central")
        assert entry["central"] == (0.2479 if by_complex else entry["numerical"])
    plain = parsed(report(loss(problem())))["losses"][0]["batches"][0]
    assert (plain["complex_steps"], "references" in plain) == (0, False)


def test_projections_stand_in_place_of_matrices(problem, loss, report, wide_weights):
    seen = Projections(4, True, float("inf"), 2e-3, 64, 0, 0, 0, 3.14e-11)
    drawn = replace(problem(512, 32), relative_errors=None, verdicts=None, projections=seen)
    batch = parsed(report(loss(drawn)))["losses"][0]["batches"][0]
    assert batch["projections"] == {
        "directions": 4, "agree": True, "smallest_defect": None, "largest_gradient": 2e-3,
        "smallest_relative_defect": None, "checked": 64, "remark": "",
    }  # fmt: skip
    assert not {"verdicts", "relative_errors", "labels"} & set(batch)
    (batch,) = parsed(wide_weights)["losses"][0]["batches"]
    assert (batch["input"], batch["shape"], batch["entries"], batch["wrong"]) == ("W", [200, 100], 20_000, 6)
    assert "verdicts" not in batch
    assert batch["worst"][0]["index"][0] == 17


def test_named_inputs_have_a_batch_each_and_entries_say_where_they_stand(wrong_layer):
    (loss,) = parsed(wrong_layer)["losses"]
    batches = loss["batches"]
    assert [(each["batch_size"], each["input"]) for each in batches[:4]] == [(1, "x"), (1, "w"), (1, "b"), (3, "x")]
    assert [each["shape"] for each in batches[3:6]] == [[3, 2, 3], [6, 4], [4]]
    assert np.shape(batches[3]["relative_errors"]) == np.shape(batches[3]["verdicts"]) == (6, 3)
    worst = batches[3]["worst"]
    assert {(each["input"], tuple(each["index"])) for each in worst if each["verdict"] == "wrong"} == {
        ("x", (row, 1, 2)) for row in range(3)
    }
    assert not {"row", "class"} & set(worst[0])
    assert [each["input"] for each in loss["totals"]] == ["x", "w", "b"] * 3
    assert set(loss["smallest_case"]["inputs"]) == {"x", "w", "b"}
