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
