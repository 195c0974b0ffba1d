"""The smallest failing case of a function of named inputs: small, true, and Python that raises."""

import numpy as np
import pytest
from layers import WRONG

import gradcheck
from gradcheck.layout import leaves


def checked(function, **keywords):
    return gradcheck.check([function], **keywords).losses[0]


def numbers(report):
    """How many numbers the case has."""
    values = report.smallest_case.y.values
    return sum(np.size(leaf) for name, value in values.items() for _, leaf in leaves(value, name))


@pytest.mark.parametrize(
    ("name", "most"),
    [
        ("conv_no_stride", 30),
        ("affine_db_mean", 20),
        ("relu_mask_inverted", 1),
        ("softmax_no_regularizer", 6),
        ("temporal_softmax_no_mask", 8),
        ("batchnorm_dgamma_dbeta_exchanged", 8),
        ("net_no_mean", 15),
        ("rnn_db_of_one_step", 20),
        ("attention_no_scale", 15),
    ],
)
def test_the_case_of_a_layer_is_small_and_its_snippet_raises(name, most):
    case = WRONG[name]
    report = checked(case.function, **case.keywords, **case.beside)
    assert numbers(report) <= most
    scope = {each.__name__: each for each in (case.function, *case.beside.values())}
    with pytest.raises(AssertionError, match="is not the gradient of the value"):
        exec(report.smallest_case.snippet, scope)
    assert report.evaluations_to_explain <= sum(each.evaluations for each in report.batches) // 4 + 400


def test_it_reads_like_this_and_fails_in_a_process_of_its_own(run):
    report = checked("mine:tanh", inputs={"x": "[N, 5]"}, backward="tanh_backward", rtol=1e-9)
    (dx,), (numerical,) = report.smallest_case.analytic, report.smallest_case.numerical
    outcome = f"dx[0, 0] {dx[0]:.6g}, numerical {numerical[0]:.6g}"
    options = "backward='tanh_backward', rtol=1e-09"
    ((x,),) = report.smallest_case.y.values["x"].tolist()
    assert report.smallest_case.snippet == (
        "import gradcheck\n"
        "\n"
        f"inputs = {{'x': [[{x}]]}}\n"
        f"# {outcome}\n"
        f"report = gradcheck.check_at('mine:tanh', inputs, {options})\n"
        f"assert report.passed, 'dx is not the gradient of the value ({report.findings[0].code})'\n"
    )
    assert report.smallest_case.line == (f"gradcheck.check_at('mine:tanh', {{'x': [[{x}]]}}, {options})   {outcome}")
    assert x == round(x, 1)
    assert "AssertionError: dx is not the gradient" in run(report.smallest_case.snippet)[1]


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize(
    ("target", "inputs", "shown"),
    [
        ("nested", {"params": {"W": "[4, 5]", "rest": ["[3]", "[2, 2]"]}, "x": "[N]", "scale": 0.5}, "np.array([["),
        ("scaled", {"reg": "normal(0, 1) []", "x": "[7]"}, "'reg': np.float"),
    ],
)
def test_parts_numbers_and_dtypes_come_back_as_they_were(run, target, inputs, shown, dtype):
    report = checked(f"mine:{target}", inputs=inputs, dtype=dtype)
    if target == "nested":  # 3 c^2 is right at c = 2/3 alone
        assert numbers(report) <= 5
    assert "AssertionError: d" in run(report.smallest_case.snippet)[1]
    assert shown in report.smallest_case.snippet or dtype == "float32"
    assert ("np.float32" in report.smallest_case.snippet) is (dtype == "float32")


def test_a_point_of_ones_own_is_made_smaller_and_rounder_and_kept_where_no_other_is_wrong():
    def far_out(x):
        return float((x**2).sum()), 2 * x + (np.abs(x - 0.3217) < 1e-6)

    wrong = gradcheck.check_at(far_out, {"x": np.array([0.3217, 0.123456789])}).losses[0]
    assert wrong.smallest_case.y.values["x"].tolist() == [0.3217]
    double = gradcheck.check_at(lambda x: (float((x**2).sum()), x), {"x": np.array([0.7654, 1.2345])}).losses[0]
    assert double.smallest_case.y.values["x"].tolist() == [1.0]
    assert "myloss: the loss that was checked" in double.smallest_case.snippet


def test_a_case_that_nobody_would_paste_is_left_out():
    def last(x):
        assert len(x) == 60
        return float((x**2).sum()), 2 * x + (np.arange(60) == 59)

    assert checked(last, inputs={"x": "[60]"}).smallest_case is None
