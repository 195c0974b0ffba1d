"""What the tests of all frameworks need: the frameworks, checks in process, and losses for the command line."""

import importlib
import json
import os
import subprocess
import sys
from importlib.util import find_spec

import numpy as np
import pytest

import gradcheck
from gradcheck.functions.frameworks import first_that_works, forms_of

S, Y = np.array([[0.5, -1.0, 2.0], [0.25, 0.0, -0.75]]), np.array([2, 0])
SMALL = gradcheck.Config(batch_sizes=2, classes=3, scores="normal")


class Lazily:
    """A library that is imported at its first use: losses of NumPy's are tested where no framework is imported."""

    def __init__(self, name):
        self._name = name

    def __getattr__(self, attribute):
        if attribute.startswith("__"):  # which the collection of doctests asks of everything
            raise AttributeError(attribute)
        return getattr(importlib.import_module(self._name), attribute)


torch, F = Lazily("torch"), Lazily("torch.nn.functional")
jax, jnp = Lazily("jax"), Lazily("jax.numpy")


def each(framework, **cases):
    """Parameters of a test by their names, the framework before each; skipped where it is not installed."""
    marks = getattr(pytest.mark, framework), pytest.mark.skipif(find_spec(framework) is None, reason="not installed")
    values = {name: case if isinstance(case, tuple) else (case,) for name, case in cases.items()}
    return [pytest.param(framework, *case, id=f"{framework}-{name}", marks=marks) for name, case in values.items()]


def report_of(loss, of, config=SMALL, **options):
    """The report of a loss that has to be recognised as one of this framework."""
    importlib.import_module(of)  # as whoever writes such a loss has done
    report = gradcheck.check(loss, config, **options).losses[0]
    assert report.framework == of
    return report


def only_finding(loss, of, **options):
    (finding,) = report_of(loss, of, **options).findings
    return finding


def adapted(function, framework, S, y):
    """The function in the form of a framework's that works at S and y."""
    return first_that_works(forms_of(function, framework), lambda form: form.evaluate(S, y))[0]


@pytest.fixture
def run_json(tmp_path):
    """Runs gradcheck as a process beside ``mine.py`` of a given source: exit code, JSON, standard error."""

    def run(source, *arguments, **environment):
        (tmp_path / "mine.py").write_text(source)
        done = subprocess.run(
            [sys.executable, "-m", "gradcheck", "run", *arguments, "--format", "json"],
            cwd=tmp_path, env={**os.environ, **environment}, capture_output=True, text=True, timeout=120,
        )  # fmt: skip
        return done.returncode, json.loads(done.stdout) if done.stdout else None, done.stderr

    return run
