"""Gradients as tests of pytest's."""

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
def project(pytester):
    """A project with losses, a configuration, and a test of its own."""
    pytester.makepyfile(losses=LOSSES)
    pytester.makefile(".yaml", gradcheck="losses: ['losses:square', 'losses:no_mean']\nbatch_sizes: [1, 3]\n")
    pytester.mkdir("tests").joinpath("test_own.py").write_text("def test_own(): pass\n")
    return pytester


@pytest.mark.parametrize("arguments", [[], ["gradcheck.yaml", "tests"], ["tests/test_own.py"]])
def test_each_loss_and_batch_size_is_a_test_whatever_else_is_run(project, arguments):
    result = project.runpytest_subprocess("--gradcheck", "-v", *arguments)
    result.assert_outcomes(passed=4, failed=1)
    result.stdout.fnmatch_lines(
        ["*losses:square[[]batch size 3[]] PASSED*", "*losses:no_mean[[]batch size 1[]] PASSED*"]
    )


def test_a_failure_reads_like_the_table_its_first_line_is_the_verdict_and_junit_has_a_case_for_each(project):
    result = project.runpytest_subprocess("--gradcheck", "--gradcheck-seed", "7", "--junitxml=out.xml")
    result.stdout.fnmatch_lines(
        [
            "wrong: * entries of losses:no_mean disagree*missing-mean",
            "N=3 *",
            "rerun: gradcheck run losses:no_mean --batch-size 3 *--seed 7",
            "*error: your dS = s_j, but the gradient of your value is s_j/N*",
            "*(missing-mean)",
            "FAILED gradcheck.yaml::losses:no_mean[[]batch size 3[]] - *wrong: *",
        ]
    )
    assert "Traceback" not in result.stdout.str()
    assert "N=1 " not in result.stdout.str()
    junit = (project.path / "out.xml").read_text()
    assert 'name="losses:no_mean[batch size 3]"' in junit
    assert 'failures="1"' in junit


def test_without_the_option_nothing_is_checked_and_its_items_bear_the_mark_and_can_be_left_out_or_chosen(project):
    project.runpytest_subprocess("-q").assert_outcomes(passed=1)
    project.runpytest_subprocess("--gradcheck", "-m", "not gradcheck").assert_outcomes(passed=1, deselected=4)
    chosen = project.runpytest_subprocess("--gradcheck", "-m", "gradcheck", "-k", "square")
    chosen.assert_outcomes(passed=2, deselected=3)


MARKED = """
    import losses
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

    @pytest.fixture
    def factor():
        return 3.0

    @pytest.mark.gradcheck(batch_sizes=[1, 2, 4], rtol=1e-9)
    def test_square(S, y):
        return losses.square(S, y)

    @pytest.mark.gradcheck
    def test_no_mean(S, y):
        return losses.no_mean(S, y)

    @pytest.mark.gradcheck(inputs=INPUTS, backward="affine_backward", wrt=["x", "w", "b"], batch_sizes=2)
    def test_by_name(x, w, b):
        return affine_forward(x, w, b)

    @pytest.mark.gradcheck(inputs=INPUTS, backward=bias_of_the_wrong_axis)
    def test_wrong(x, w, b):
        return affine_forward(x, w, b)

    @pytest.mark.xfail(strict=True)
    @pytest.mark.gradcheck(inputs=INPUTS, backward=bias_of_the_wrong_axis, batch_sizes=2)
    def test_known_to_be_wrong(x, w, b):
        return affine_forward(x, w, b)

    @pytest.mark.gradcheck(inputs={"x": "[D]"}, gradient=lambda x: 2 * x)
    def test_one_vector_is_of_no_batch_size(x):
        return (x**2).sum()

    @pytest.mark.gradcheck(inputs={"x": "[D]"})
    def test_undescribed(x):
        return (x**2).sum()

    @pytest.mark.parametrize("scale", [1.0, 2.0])
    @pytest.mark.gradcheck(batch_sizes=2)
    def test_right_for_one_only(S, y, scale):
        return scale * float((S**2).sum()) / 2, S

    class TestLosses:
        @pytest.mark.parametrize("power", [2, 3])
        @pytest.mark.gradcheck(inputs={"x": "[N, D]"})
        def test_with_a_fixture(self, x, factor, power, offset=1.0):
            return factor * (x**power).sum() + offset, factor * power * x ** (power - 1)
"""


def test_a_marked_function_is_checked_with_what_its_mark_describes_and_beside_fixtures_and_other_marks(project):
    project.makepyfile(test_marked=MARKED, test_misspelt=MARKED.replace("batch_sizes", "batchsize"))
    result = project.runpytest_subprocess("test_marked.py", "-v", "--strict-markers")
    # The batch sizes are those of gradcheck.yaml, where the mark names none.
    result.assert_outcomes(passed=12, failed=4, xfailed=1)
    for line in (
        "*test_marked.py::test_square[[]batch size 4[]] PASSED*",
        "*::test_no_mean[[]batch size 3[]] FAILED*",
        "*::test_by_name[[]batch size 2[]] PASSED*",
        "*::test_wrong[[]batch size 3[]] FAILED*",
        "*::test_one_vector_is_of_no_batch_size[[]batch size 1[]] PASSED*",
        "wrong: 4 of 32 entries of test_wrong disagree*",
        "*error: *db*",
        "not checked: test_undescribed: returns *not a value with its gradients",
        "wrong: 16 of 20 entries of test_right_for_one_only disagree*",
        "FAILED *2.0* - *wr*",
    ):
        result.stdout.fnmatch_lines([line])
    said = ["test_square: batchsize: unknown key", "did you mean batch_sizes?"]
    project.runpytest_subprocess("test_misspelt.py").stdout.fnmatch_lines(said)


@pytest.mark.parametrize(
    ("text", "is_run", "said"),
    [
        ("losses: 'losses:keeps_state'\nbatch_sizes: 2\n", True, ["*mutates-input*"]),
        ("losses: 'losses:squares'\nbatch_sizes: 2\n", True, ["not checked: losses:squares*", "*did you mean*square*"]),
        ("losses: []", False, ["*names no losses: nothing would be checked*"]),
        ("batchsizes: 3", False, ["*batch_sizes*"]),
    ],
)
def test_a_broken_contract_a_loss_that_cannot_be_loaded_and_a_useless_configuration_fail(project, text, is_run, said):
    project.makefile(".yaml", gradcheck=text)
    result = project.runpytest_subprocess("--gradcheck")
    assert result.ret not in (0, 5)
    result.stdout.fnmatch_lines(said)
    if is_run:
        result.assert_outcomes(passed=1, failed=1)
