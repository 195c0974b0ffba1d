"""The snippet: it runs as it is pasted, in a process of its own, and fails."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from gradcheck.config import Config
from gradcheck.config.settings import Settings
from gradcheck.functions.function import Function
from gradcheck.functions.loading import load_loss
from gradcheck.shrinking.snippet import listed, one_line, snippet

WRONG = """
import numpy as np

def myloss(S, y):
    return (S**2).sum() / len(S), S / len(S)

def right(S, y):
    return (S**2).sum() / len(S), 2 * S / len(S)

def slow(S, y):
    while True:
        pass
"""
S, y = np.array([[0.5, -1.0]]), np.array([1])
A, N = np.array([[0.5, -1.0]]), np.array([[1.0, -2.0]])


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "mymodule.py").write_text(WRONG)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(text: str, where: Path) -> subprocess.CompletedProcess[str]:
    (where / "case.py").write_text(text)
    return subprocess.run([sys.executable, "case.py"], cwd=where, capture_output=True, text=True, timeout=120)


def test_it_reads_like_this(here):
    text = snippet(load_loss("mymodule:myloss"), S, y, "constant-factor", Config(), Settings(), (A, N))
    assert text == (
        "import gradcheck\n"
        "\n"
        "S = [[0.5, -1.0]]\n"
        "y = [1]\n"
        "# dS                 = [[0.5, -1]]\n"
        "# numerical gradient = [[1, -2]]\n"
        "report = gradcheck.check_at('mymodule:myloss', S, y)\n"
        "assert report.passed, 'dS is not the gradient of the value (constant-factor)'\n"
    )


def test_the_line_reads_like_this(here):
    loss = load_loss("mymodule:myloss")
    one = np.array([[0.5]])
    how = Config(), Settings()
    assert one_line(loss, one, y[:1], "constant-factor", *how, (one, 2 * one)) == (
        "gradcheck.check_at('mymodule:myloss', [[0.5]], [1])   dS 0.5, numerical 1"
    )
    assert one_line(loss, S, y, "wrong", *how, (A, N)).endswith(
        "[[0.5, -1.0]], [1])   dS [[0.5, -1]], numerical [[1, -2]]"
    )
    assert one_line(loss, S, y, "hangs", how[0], Settings(timeout=2)).endswith("[1], timeout=2)   hangs")
    assert one_line(loss, np.zeros((4, 4)), y, "wrong", *how) == ""


@pytest.mark.parametrize("target", ["mymodule:myloss", "mymodule.py:myloss"])
def test_it_fails_in_a_process_of_its_own(here, target):
    done = run(snippet(load_loss(target), S, y, "constant-factor", Config(), Settings(), (A, N)), here)
    assert done.returncode == 1
    assert "AssertionError: dS is not the gradient of the value (constant-factor)" in done.stderr


def test_it_passes_once_the_loss_is_right(here):
    done = run(snippet(load_loss("mymodule:right"), S, y, "wrong", Config(), Settings(), (A, N)), here)
    assert (done.returncode, done.stderr) == (0, "")


def test_float32_stays_float32_and_looks_short(here):
    text = snippet(load_loss("mymodule:myloss"), np.float32([[0.1, 2]]), y, "wrong", Config(), Settings())
    assert "S = np.array([[0.1, 2.0]], dtype=np.float32)\n" in text
    assert text.startswith("import numpy as np\n\nimport gradcheck\n")
    assert run(text, here).returncode == 1


def test_what_would_change_the_answer_is_kept_and_nothing_else(here):
    config = Config(rtol=1e-9, atol=1e-12, batch_sizes=[3], plan="full", seed=7)
    how = Settings(framework="numpy", reference="complex", like="svm", jobs=2, strict=True, timeout=9.0)
    text = snippet(load_loss("mymodule:myloss"), S, y, "wrong", config, how)
    call = "gradcheck.check_at('mymodule:myloss', S, y, gradcheck.Config(rtol=1e-09, atol=1e-12), "
    assert f"{call}framework='numpy', reference='complex', like='svm')" in text
    assert run(text, here).returncode == 1


def test_what_hangs_is_ended_again(here):
    text = snippet(load_loss("mymodule:slow"), S, y, "hangs", Config(), Settings(timeout=0.5))
    assert "timeout=0.5" in text
    assert "AssertionError: hangs" in run(text, here).stderr
    assert "timeout" not in snippet(load_loss("mymodule:slow"), S, y, "wrong", Config(), Settings(timeout=0.5))


def test_what_hangs_on_chance_is_tried_again_and_again(here):
    text = snippet(load_loss("mymodule:myloss"), S, y, "not-deterministic", Config(), Settings())
    assert "for _ in range(10):" in text
    assert run(text, here).returncode == 1


@pytest.mark.parametrize(
    ("loss", "name"),
    [
        (Function("mine", lambda S, y: None, "/a/b.py", 3), "mine"),
        (Function("test.<locals>.mine", lambda S, y: None), "mine"),
        (Function("<lambda>", lambda S, y: None), "myloss"),
        (Function("Mine", type("Mine", (), {"__call__": lambda self, S, y: None})()), "myloss"),
        (Function("a.class", lambda S, y: None), "myloss"),
    ],
)
def test_a_callable_that_no_target_names_is_to_be_in_scope(loss, name):
    text = snippet(loss, S, y, "wrong", Config(), Settings(), (A, N))
    assert f"# {name}: the loss that was checked" in text
    assert "must be in scope" in text
    assert f"check_at({name}, S, y)" in text
    scope = {name: lambda S, y: ((S**2).sum(), S)}
    with pytest.raises(AssertionError, match="not the gradient"):
        exec(text, scope)


def test_a_file_of_any_name_stays_in_its_comment():
    text = snippet(Function("mine", lambda S, y: None, "/a\nimport os\n", 3), S, y, "wrong", Config(), Settings())
    assert "\nimport os" not in text


def test_derivatives_that_differ_little_are_shown_with_digits_that_tell_them_apart():
    text = snippet(Function("mine", lambda S, y: None), S, y, "wrong", Config(), Settings(), (A, A * (1 + 3e-9)))
    told = [line for line in text.splitlines() if line.startswith("# dS") or line.startswith("# num")]
    assert told[0].split("=")[1] != told[1].split("=")[1]


def test_a_contracts_code_stands_alone_and_without_derivatives():
    text = snippet(Function("mine", lambda S, y: None), S, y, "mutates-input", Config(), Settings())
    assert "assert report.passed, 'mutates-input'" in text
    assert "numerical" not in text


def test_many_rows_have_a_line_each():
    text = snippet(
        Function("mine", lambda S, y: None), np.full((30, 3), 0.123), np.zeros(30, int), "wrong", Config(), Settings()
    )
    assert max(map(len, text.splitlines())) < 100
    assert text.count("    [0.123, 0.123, 0.123],\n") == 30


@settings(max_examples=80, deadline=None)
@given(
    arrays.arrays(
        st.sampled_from([np.float64, np.float32, np.int64, np.int8, np.bool_]),
        arrays.array_shapes(min_dims=1, max_dims=2, min_side=1, max_side=4),
        elements={"allow_nan": False, "allow_infinity": False},
    )
)
def test_lists_make_the_same_array_again(array):
    again = np.array(eval(listed(array)), dtype=array.dtype)
    assert again.shape == array.shape
    assert np.array_equal(again, array)


@pytest.mark.parametrize(
    "labels", [np.array([0.5]), np.array([[1.0, 0.0]]), np.int32([1]), np.array(["a"]), np.float32([2])]
)
def test_labels_of_any_kind_come_back_as_they_were(labels):
    seen = []

    def mine(S, y):
        seen.append(y)
        return (S**2).sum(), S

    with pytest.raises(AssertionError):
        exec(snippet(Function("mine", mine), S, labels, "wrong", Config(), Settings()), {"mine": mine})
    assert seen[0].dtype == labels.dtype
    assert seen[0].tolist() == labels.tolist()
