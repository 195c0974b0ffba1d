"""Whatever is on the command line or in the configuration: an exit code, and never a traceback."""

from pathlib import Path

from command_line import gradcheck
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from gradcheck.config import Config

UNCHECKED = [HealthCheck.too_slow, HealthCheck.function_scoped_fixture]
fuzzed = settings(max_examples=80, deadline=None, suppress_health_check=UNCHECKED)


def answers(arguments):
    """It does, with an exit code of 0, 1 or 2, and no traceback of gradcheck's own."""
    result = gradcheck(*arguments)
    assert result.exit_code in (0, 1, 2)
    assert "Traceback" not in result.output
    if result.exit_code == 2:
        assert result.output.strip()


anything = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=12)
numbers = st.integers(-3, 10**20) | st.floats() | st.sampled_from(["1e-8", "0", "-0", "nan", "0x10", "1_0"])
# Few rows and classes, so that every run is short.
sizes = st.one_of(st.integers(-1, 3).map(str), st.sampled_from(["", "two", "1.5", "1e99", "-1"]))
scores = st.one_of(
    anything,
    st.builds("{}({}, {})".format, st.sampled_from(["normal", "integers", "uniform", "student-t"]), numbers, numbers),
)
parts_of_keys = ["labels.kind", "labels.0", "scores.0", "scores.1.high", "scores.distribution", "", "..", "sed"]
keys = st.sampled_from([*Config.model_fields, *parts_of_keys])
yaml_texts = st.one_of(
    anything,
    numbers,
    st.sampled_from(["[]", "{}", "[[", "{a: b}", "null", "true", "~", "normal", "one-hot", "&a *a", "!!python/x"]),
)
options = st.one_of(
    st.tuples(st.sampled_from(["--seed", "--rtol", "--atol"]), numbers.map(str)),
    st.tuples(st.sampled_from(["--batch-size", "--classes", "--trials"]), sizes),
    st.tuples(st.just("--scores"), scores),
    st.tuples(st.just("--set"), st.builds("{}={}".format, keys, yaml_texts)),
    st.tuples(st.just("--set"), anything),
    st.tuples(st.sampled_from(["--dtype", "--format", "--entries", "--config"]), anything),
    st.tuples(st.just("--format"), st.just("json")),
    st.sampled_from([("--strict",), ("--fail-fast",), ("-q",), ("-v",), ("--version",), ("--help",), ("--",), ("-",)]),
    st.tuples(anything),
)
named = ["svm", "softmax", "mine.py:right", "mine:wrong", "mine.py:raising", "mine.py:nosuch", "mine.py:", ":", "mine"]
targets = st.sampled_from(named) | anything.filter(lambda text: not text.startswith("-"))


@fuzzed
@given(st.lists(targets, max_size=2), st.lists(options, max_size=4))
@example(["svm"], [("--set", "scores.0=normal(1e30, 1e30)")])
@example(["svm"], [("--scores", "student-t(1e-30, 1e30)")])
@example(["svm"], [("--set", "=")])
@example(["mine.py:raising"], [("--format", "json")])
@example(["\udcff"], [])
def test_any_arguments_get_an_answer(losses, chosen):
    small = ["--batch-size", "2", "--classes", "2"] if not any("--batch-size" in option for option in chosen) else []
    answers(["run", *losses, *small, *(word for option in chosen for word in option)])


@fuzzed
@given(st.lists(st.one_of(anything, st.sampled_from(["show", "list", "--help", "svm", "--version"])), max_size=3))
def test_any_command_gets_an_answer(words):
    answers(words if "run" not in words else ["run", "nosuch"])


@fuzzed
@given(st.text(st.characters(codec="utf-8"), max_size=30))
@example("loss = lambda S, y: None")
@example("def loss(S, y): raise SystemExit")
@example("raise SystemExit(0)")
@example("def loss(S, y): return S, S")
@example("loss = print")
@example("loss = 3")
@example("class loss: pass")
@example("\0")
@example("loss = lambda *a: loss(*a)")
@example("def loss(S, y): return 10**400, S")
@example("def loss(S, y): return 1e308 * S.sum(), 1e308 + 0 * S")
@example("def loss(S, y): S.resize((1, 1)); return 0, S")
@example("def loss(S, y): y[:] = 10**9; return y[y[0]], S")
@example("def loss(S, y): return 0, S.view('complex128')")
def test_any_file_gets_an_answer(source):
    Path("fuzzed.py").write_text(source, encoding="utf-8")
    answers(["run", "fuzzed.py:loss", "--batch-size", "2", "--classes", "2"])
