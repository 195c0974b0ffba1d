"""The snippet: it runs as it is pasted, in a process of its own, and fails."""

import numpy as np
import pytest

from gradcheck.config import Config
from gradcheck.config.settings import Settings
from gradcheck.functions.function import Function
from gradcheck.functions.loading import load_target
from gradcheck.shrinking.snippet import snippet

S, y = np.array([[0.5, -1.0]]), np.array([1])
GRADIENTS = np.array([[0.5, -1.0]]), np.array([[1.0, -2.0]])
MINE = Function("mine", lambda S, y: None, "/a\nimport os\n", 3)


def written(loss, code="wrong", gradients=None, S=S, y=y, **options):
    """The snippet and the line."""
    loss = load_target(loss) if isinstance(loss, str) else loss
    config = Config(**options.pop("config", {}))
    return list(snippet(loss, S, y, code, config, Settings(**options), gradients))


@pytest.mark.parametrize("target", ["mine:halved", "mine.py:halved"])
def test_it_reads_like_this_and_fails_in_a_process_of_its_own(run, target):
    text, line = written(target, "constant-factor", GRADIENTS)
    assert text == (
        "import gradcheck\n"
        "\n"
        "S = [[0.5, -1.0]]\n"
        "y = [1]\n"
        "# dS                 = [[0.5, -1]]\n"
        "# numerical gradient = [[1, -2]]\n"
        f"report = gradcheck.check_at('{target}', S, y)\n"
        "assert report.passed, 'dS is not the gradient of the value (constant-factor)'\n"
    )
    assert line == f"gradcheck.check_at('{target}', [[0.5, -1.0]], [1])   dS [[0.5, -1]], numerical [[1, -2]]"
    code, said = run(text)
    assert code == 1
    assert "AssertionError: dS is not the gradient of the value (constant-factor)" in said


def test_the_line_of_one_entry_has_no_brackets_and_one_of_many_is_left_out(run):
    one = np.array([[0.5]])
    _, line = written("mine:halved", gradients=(one, 2 * one), S=one)
    assert line == "gradcheck.check_at('mine:halved', [[0.5]], [1])   dS 0.5, numerical 1"
    assert written("mine:halved", S=np.zeros((4, 4)))[1] == ""


def test_it_passes_once_the_loss_is_right(run):
    assert run(written("mine:right", gradients=GRADIENTS)[0]) == (0, "")


def test_float32_stays_float32_and_looks_short(run):
    text, _ = written("mine:halved", S=np.float32([[0.1, 2]]))
    assert "S = np.array([[0.1, 2.0]], dtype=np.float32)\n" in text
    assert text.startswith("import numpy as np\n\nimport gradcheck\n")
    assert run(text)[0] == 1


def test_what_would_change_the_answer_is_kept_and_nothing_else(run):
    config = {"rtol": 1e-9, "atol": 1e-12, "batch_sizes": [3], "plan": "full", "seed": 7}
    how = {"framework": "numpy", "reference": "complex", "like": "svm", "jobs": 2, "strict": True, "timeout": 9.0}
    text, _ = written("mine:halved", config=config, **how)
    call = "gradcheck.check_at('mine:halved', S, y, rtol=1e-09, atol=1e-12, "
    assert f"{call}framework='numpy', reference='complex', like='svm')" in text
    assert run(text)[0] == 1


def test_what_hangs_is_ended_again_and_what_hangs_on_chance_is_tried_again(run):
    text, line = written("mine:slow", "hangs", timeout=0.5)
    assert line.endswith("[1], timeout=0.5)   hangs")
    assert "AssertionError: hangs" in run(text)[1]
    assert "timeout" not in written("mine:slow", timeout=0.5)[0]
    text, _ = written("mine:halved", "not-deterministic")
    assert "for _ in range(10):" in text
    assert run(text)[0] == 1


@pytest.mark.parametrize(
    ("loss", "name"),
    [
        (MINE, "mine"),
        (Function("test.<locals>.mine", lambda S, y: None), "mine"),
        (Function("<lambda>", lambda S, y: None), "myloss"),
        (Function("Mine", type("Mine", (), {"__call__": lambda self, S, y: None})()), "myloss"),
        (Function("a.class", lambda S, y: None), "myloss"),
    ],
)
def test_a_callable_that_no_target_names_is_to_be_in_scope(loss, name):
    text, _ = written(loss, gradients=GRADIENTS)
    assert f"# {name}: the loss that was checked" in text
    assert "must be in scope" in text
    assert f"check_at({name}, S, y)" in text
    assert "\nimport os" not in text  # a file of any name stays in its comment
    with pytest.raises(AssertionError, match="not the gradient"):
        exec(text, {name: lambda S, y: ((S**2).sum(), S)})


def test_derivatives_that_differ_little_are_shown_with_digits_that_tell_them_apart():
    analytic, _ = GRADIENTS
    text, _ = written(MINE, gradients=(analytic, analytic * (1 + 3e-9)))
    dS, numerical = (line.split("=")[1] for line in text.splitlines() if line.startswith(("# dS", "# num")))
    assert dS != numerical


def test_a_contracts_code_stands_alone_and_without_derivatives():
    text, _ = written(MINE, "mutates-input")
    assert "assert report.passed, 'mutates-input'" in text
    assert "numerical" not in text


def test_many_rows_have_a_line_each():
    text, _ = written(MINE, S=np.full((30, 3), 0.123), y=np.zeros(30, int))
    assert max(map(len, text.splitlines())) < 100
    assert text.count("    [0.123, 0.123, 0.123],\n") == 30


@pytest.mark.parametrize(
    "labels", [np.array([0.5]), np.array([[0.1 + 0.2, 1e-300]]), np.int32([1]), np.array(["a"]), np.float32([2])]
)
def test_labels_of_any_kind_come_back_as_they_were(labels):
    seen = []

    def mine(S, y):
        seen.append(y)
        return (S**2).sum(), S

    with pytest.raises(AssertionError):
        exec(written(Function("mine", mine), y=labels)[0], {"mine": mine})
    assert seen[0].dtype == labels.dtype
    assert seen[0].tolist() == labels.tolist()
