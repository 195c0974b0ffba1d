"""Gradients as tests of pytest's."""

from __future__ import annotations

import subprocess
import sys

import pytest

LOSSES = """
    import numpy as np

    def square(S, y):
        return 0.5 * float(np.sum(S**2)) / len(S), S / len(S)

    def no_mean(S, y):
        return 0.5 * float(np.sum(S**2)) / len(S), S.copy()

    def keeps_state(S, y):
        return 0.5 * float(np.sum(S**2)) / len(S), np.divide(S, len(S), out=S)
"""


@pytest.fixture
def project(pytester: pytest.Pytester) -> pytest.Pytester:
    """A project with losses, a configuration, and a test of its own."""
    pytester.makepyfile(losses=LOSSES)
    pytester.makefile(".yaml", gradcheck="losses: ['losses:square', 'losses:no_mean']\nbatch_sizes: [1, 3]\n")
    pytester.mkdir("tests").joinpath("test_own.py").write_text("def test_own(): pass\n")
    return pytester


def test_without_the_option_nothing_is_checked(project: pytest.Pytester) -> None:
    project.runpytest_subprocess("-q").assert_outcomes(passed=1)


@pytest.mark.parametrize("arguments", [[], ["gradcheck.yaml", "tests"], ["tests/test_own.py"]])
def test_each_loss_and_batch_size_is_a_test_whatever_else_is_run(
    project: pytest.Pytester, arguments: list[str]
) -> None:
    result = project.runpytest_subprocess("--gradcheck", "-v", *arguments)
    result.assert_outcomes(passed=4, failed=1)
    result.stdout.fnmatch_lines(
        ["*losses:square[[]batch size 3[]] PASSED*", "*losses:no_mean[[]batch size 1[]] PASSED*"], consecutive=False
    )


def test_a_failure_reads_like_the_table_and_its_first_line_is_the_verdict(project: pytest.Pytester) -> None:
    result = project.runpytest_subprocess("--gradcheck")
    result.stdout.fnmatch_lines(
        [
            "wrong: * entries of losses:no_mean disagree*missing-mean",
            "N=3 *",
            "rerun: gradcheck run losses:no_mean --batch-size 3 *--seed 0",
            "*error: your dS = s_j, but the gradient of your value is s_j/N*",
            "*(missing-mean)",
            "FAILED gradcheck.yaml::losses:no_mean[[]batch size 3[]] - *wrong: *",
        ]
    )
    assert "Traceback" not in result.stdout.str()
    assert "N=1 " not in result.stdout.str()


def test_the_items_bear_the_mark_and_can_be_left_out_or_chosen(project: pytest.Pytester) -> None:
    project.runpytest_subprocess("--gradcheck", "-m", "not gradcheck").assert_outcomes(passed=1, deselected=4)
    chosen = project.runpytest_subprocess("--gradcheck", "-m", "gradcheck", "-k", "square")
    chosen.assert_outcomes(passed=2, deselected=3)


def test_a_marked_function_is_a_loss_and_wrong_keys_of_its_mark_are_said(project: pytest.Pytester) -> None:
    test = """
        import pytest
        import losses

        @pytest.mark.gradcheck(batch_sizes=[1, 2, 4], rtol=1e-9)
        def test_square(S, y):
            return losses.square(S, y)

        @pytest.mark.gradcheck
        def test_no_mean(S, y):
            return losses.no_mean(S, y)
    """
    project.makepyfile(test_marked=test, test_misspelt=test.replace("batch_sizes", "batchsize"))
    result = project.runpytest_subprocess("test_marked.py", "-v", "--strict-markers")
    result.assert_outcomes(passed=4, failed=1)  # the batch sizes of gradcheck.yaml, where the mark names none
    result.stdout.fnmatch_lines(["*test_marked.py::test_square[[]batch size 4[]] PASSED*"])
    said = ["test_square: batchsize: unknown key", "did you mean batch_sizes?"]
    project.runpytest_subprocess("test_misspelt.py").stdout.fnmatch_lines(said)


LAYERS = """
    import numpy as np
    import pytest

    def affine_forward(x, w, b):
        return x @ w + b, (x, w)

    def affine_backward(dout, cache):
        x, w = cache
        return dout @ w.T, x.T @ dout, dout.sum(axis=0)

    def bias_of_the_wrong_axis(dout, cache):
        x, w = cache
        return dout @ w.T, x.T @ dout, dout[0] * len(x)

    INPUTS = {"x": "[N, D]", "w": "[D, M]", "b": "[M]"}
"""


def test_a_marked_function_of_named_inputs_is_checked_with_what_its_mark_describes(project: pytest.Pytester) -> None:
    project.makepyfile(
        test_layers=LAYERS
        + """
    @pytest.mark.gradcheck(inputs=INPUTS, backward=affine_backward)
    def test_affine(x, w, b):
        return affine_forward(x, w, b)

    @pytest.mark.gradcheck(inputs=INPUTS, backward="affine_backward", wrt=["x", "w", "b"], batch_sizes=2)
    def test_by_name(x, w, b):
        return affine_forward(x, w, b)

    @pytest.mark.gradcheck(inputs=INPUTS, backward=bias_of_the_wrong_axis)
    def test_wrong(x, w, b):
        return affine_forward(x, w, b)

    @pytest.mark.gradcheck(inputs={"x": "[D]"}, gradient=lambda x: 2 * x)
    def test_one_vector_is_of_no_batch_size(x):
        return (x**2).sum()

    @pytest.mark.gradcheck(inputs={"x": "[D]"})
    def test_undescribed(x):
        return (x**2).sum()
    """
    )
    result = project.runpytest_subprocess("test_layers.py", "-v")
    result.assert_outcomes(passed=5, failed=2)
    result.stdout.fnmatch_lines(
        [
            "*::test_affine[[]batch size 3[]] PASSED*",
            "*::test_by_name[[]batch size 2[]] PASSED*",
            "*::test_wrong[[]batch size 3[]] FAILED*",
            "*::test_one_vector_is_of_no_batch_size[[]batch size 1[]] PASSED*",
            "wrong: 4 of 32 entries of test_wrong disagree*",
            "*error: *db*",
            "not checked: test_undescribed: returns *not a value with its gradients",
        ]
    )


def test_methods_fixtures_parametrize_and_other_marks_stand_beside_the_mark(project: pytest.Pytester) -> None:
    project.makepyfile(
        test_beside=LAYERS
        + """
    @pytest.fixture
    def factor():
        return 3.0

    class TestLosses:
        @pytest.mark.gradcheck(batch_sizes=[2])
        def test_scores(self, S, y):
            return float((S**2).sum()) / 2, S

        @pytest.mark.parametrize("power", [2, 3])
        @pytest.mark.gradcheck(inputs={"x": "[N, D]"})
        def test_with_a_fixture(self, x, factor, power, offset=1.0):
            return factor * (x**power).sum() + offset, factor * power * x ** (power - 1)

    @pytest.mark.xfail(strict=True)
    @pytest.mark.gradcheck(inputs=INPUTS, backward=bias_of_the_wrong_axis, batch_sizes=2)
    def test_known_to_be_wrong(x, w, b):
        return affine_forward(x, w, b)

    @pytest.mark.parametrize("scale", [1.0, 2.0])
    @pytest.mark.gradcheck(batch_sizes=2)
    def test_right_for_one_only(S, y, scale):
        return scale * float((S**2).sum()) / 2, S
    """
    )
    result = project.runpytest_subprocess("test_beside.py", "-v")
    result.assert_outcomes(passed=6, failed=1, xfailed=1)
    result.stdout.fnmatch_lines(["wrong: 16 of 20 entries of test_right_for_one_only disagree*", "FAILED *2.0* - *wr*"])


def test_another_seed_is_another_draw_and_junit_has_a_case_for_each(project: pytest.Pytester) -> None:
    result = project.runpytest_subprocess("--gradcheck", "--gradcheck-seed", "7", "--junitxml=out.xml")
    result.stdout.fnmatch_lines(["rerun: *--seed 7"])
    text = (project.path / "out.xml").read_text()
    assert 'name="losses:no_mean[batch size 3]"' in text
    assert 'failures="1"' in text


@pytest.mark.parametrize(
    ("losses", "said"),
    [
        ("losses:keeps_state", ["*mutates-input*"]),
        ("losses:squares", ["not checked: losses:squares*", "*did you mean*square*"]),
    ],
)
def test_a_broken_contract_and_a_loss_that_cannot_be_loaded_fail(
    project: pytest.Pytester, losses: str, said: list[str]
) -> None:
    project.makefile(".yaml", gradcheck=f"losses: '{losses}'\nbatch_sizes: 2\n")
    result = project.runpytest_subprocess("--gradcheck")
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(said)


@pytest.mark.parametrize(
    ("text", "said"),
    [("losses: []", "*names no losses: nothing would be checked*"), ("batchsizes: 3", "*batch_sizes*")],
)
def test_a_configuration_that_is_of_no_use_is_an_error_and_no_silence(
    project: pytest.Pytester, text: str, said: str
) -> None:
    project.makefile(".yaml", gradcheck=text)
    result = project.runpytest_subprocess("--gradcheck")
    assert result.ret not in (0, 5)
    result.stdout.fnmatch_lines([said])


def test_a_plugin_that_is_not_asked_for_imports_nothing_of_weight() -> None:
    code = "import sys, gradcheck.pytest_plugin; print(sorted({'numpy', 'pydantic'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
