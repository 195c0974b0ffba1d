"""Snippets run as they are pasted, beside a module that they name."""

import subprocess
import sys

import pytest

MODULE = """
import numpy as np

def halved(S, y):
    return (S**2).sum() / len(S), S / len(S)

def right(S, y):
    return (S**2).sum() / len(S), 2 * S / len(S)

def slow(S, y):
    while True:
        pass

def nested(params, x, scale):
    W, (b, c) = params["W"], params["rest"]
    grads = {"W": 2 * scale * W, "rest": (np.ones_like(b), 3 * c**2)}
    return float(scale * (W**2).sum() + b.sum() + (c**2).sum() + x.sum()), grads

def scaled(reg, x):
    return float(reg * (x**2).sum()), 2 * (x**2).sum(), 2 * reg * x

def tanh(x):
    return np.tanh(x), x

def tanh_backward(dout, x):
    return dout * (1 - np.tanh(x))
"""


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Runs a snippet in a process of its own, beside the module ``mine``: its exit code, and what it says."""
    (tmp_path / "mine.py").write_text(MODULE)
    monkeypatch.chdir(tmp_path)

    def in_a_process(snippet):
        (tmp_path / "case.py").write_text(snippet)
        done = subprocess.run([sys.executable, "case.py"], capture_output=True, text=True, timeout=120)
        return done.returncode, done.stderr

    return in_a_process
