"""Functions of PyTorch and JAX as what another one is compared with, and compared with others themselves."""

import numpy as np
import pytest

import gradcheck

SOURCES = {
    "torch": """
import torch
def loss(S, y): return torch.nn.functional.cross_entropy(S, y)
def dense(W, X, y): return torch.nn.functional.cross_entropy(X @ W, y)
def affine(x, w, b): return torch.nn.functional.linear(x, w.T, b)
""",
    "jax": """
import jax
import jax.numpy as jnp
def loss(S, y): return -jnp.mean(jax.nn.log_softmax(S)[jnp.arange(len(S)), y])
def dense(W, X, y): return loss(X @ W, y)
def affine(x, w, b): return x @ w + b
""",
}
AFFINE, DENSE = {"x": "[N, D]", "w": "[D, M]", "b": "[M]"}, {"W": "[D, C]", "X": "[N, D]", "y": "labels"}


@pytest.fixture(params=SOURCES)
def framework(request, tmp_path, monkeypatch):
    """The framework's name; ``oracle.py`` in the working directory has its functions."""
    pytest.importorskip(request.param)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "oracle.py").write_text(SOURCES[request.param])
    return str(request.param)


def dense(W, X, y):
    P = np.exp(X @ W) / np.exp(X @ W).sum(axis=1, keepdims=True)
    value = -np.log(P[range(len(X)), y]).mean()
    P[range(len(X)), y] -= 1
    return value, X.T @ P / len(X)


def backward(dout, cache):
    return dout @ cache[1].T, cache[0].T @ dout, dout.mean(axis=0)


def message(report):
    (found,) = [each for each in report.losses[0].findings if each.code == "unlike"]
    return found.message


def test_losses_and_functions_of_named_inputs_are_compared_with_it_and_it_with_them(framework):
    for prefix in ("", f"{framework}:"):
        report = gradcheck.check("softmax", batch_sizes=3, against=f"{prefix}oracle.py:loss")
        assert report.losses[0].alike == f"{prefix}oracle.py:loss"
        report = gradcheck.check(dense, inputs=DENSE, wrt=["W"], against=f"{prefix}oracle.py:dense", batch_sizes=3)
        assert report.losses[0].alike, report.losses[0]
    for how in ({}, {"reseed": True}):
        report = gradcheck.check("oracle.py:dense", inputs=DENSE, wrt=["W"], against=dense, batch_sizes=3, **how)
        assert (report.losses[0].framework, report.losses[0].alike) == (framework, "dense")
    assert "the value is not" in message(gradcheck.check("svm", batch_sizes=3, against=f"{framework}:oracle.py:loss"))


def test_a_layer_has_the_same_upstream_gradient(framework):
    def affine(x, w, b):
        return x @ w + b, (x, w)

    how = {"inputs": AFFINE, "backward": backward, "batch_sizes": 3}
    found = message(gradcheck.check(affine, against=f"{framework}:oracle.py:affine", **how))
    assert found.startswith(f"the value is {framework}:oracle.py:affine's, and the gradient is not, in 4 of 32 entries")
    assert "most where db[" in found
    assert found.endswith("the value is right and the gradient wrong")


def test_a_function_of_the_framework_itself():
    pytest.importorskip("torch")
    report = gradcheck.check("softmax", batch_sizes=3, against="torch:torch.nn.functional.cross_entropy")
    assert report.losses[0].alike
