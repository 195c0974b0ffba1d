"""Functions of named inputs as a user meets them: by options, by YAML, by ``init``; and what bad input gets."""

import json
from pathlib import Path

import pytest
import yaml
from command_line import gradcheck, report_of, run

LAYERS = """\
import functools
import numpy as np

def softmax_loss(W, X, y, reg):
    P = np.exp(X @ W) / np.exp(X @ W).sum(axis=1, keepdims=True)
    rows = np.arange(len(X))
    loss = -np.log(P[rows, y]).mean() + reg * (W**2).sum()
    P[rows, y] -= 1
    return loss, X.T @ P / len(X) + 2 * reg * W

def affine_forward(x, w, b):
    return x @ w + b, (x, w)

def affine_backward(dout, cache):
    x, w = cache
    return dout @ w.T, x.T @ dout, dout.sum(axis=0)

def dx_alone(dout, cache):
    return dout @ cache[1].T

def too_many(dout, x, w, b, mask):
    return dout

def cubes(x):
    return (x**3).sum()

def cubes_der(x):
    return 3 * x**2

def dropout_forward(x):
    mask = np.random.rand(*x.shape) < 0.5
    return x * mask, mask

def dropout_backward(dout, mask):
    return dout * mask

class Tanh:
    def forward(self, x):
        self.y = np.tanh(x)
        return self.y
    def backward(self, dout):
        return dout * (1 - self.y**2)

class Net:
    def __init__(self):
        self.params = {"W1": np.ones((4, 5)), "b1": np.zeros(5)}
    def loss(self, X, y=None, reg=0.1):
        W, b = self.params["W1"], self.params["b1"]
        loss = (X @ W + b).sum() + reg * (W**2).sum()
        return loss, {"W1": X.sum(axis=0)[:, None] + 2 * reg * W, "b1": np.full(5, 1.0 * len(X))}

def keyword_only(W, *, X, reg, scale=1.0):
    return scale * reg * (W**2).sum() + X.sum(), scale * reg * 2 * W

net, partial = Net(), functools.partial(keyword_only, reg=0.5)

def transposed(W):
    return W.sum(), np.ones_like(W).T

def other_keys(params):
    return params["W"].sum(), {"V": params["W"]}

def output_alone(x):
    return np.tanh(x)

def one_of_two(W, b):
    return W.sum() + b.sum(), np.ones_like(W)

def and_more(W):
    return W.sum(), np.ones_like(W), np.ones(7)
"""


@pytest.fixture(autouse=True)
def _layers(monkeypatch):
    Path("layers.py").write_text(LAYERS)
    monkeypatch.setenv("COLUMNS", "120")


def inputs_of(words):
    """What a run checks, all of which is right: each input with its shape."""
    report = report_of(words)
    assert report["passed"], report["summary"]
    return {(batch["input"], tuple(batch["shape"])) for batch in report["losses"][0]["batches"]}


AFFINE = "-i 'x=[N, D]' -i 'w=normal(0, 0.5) [D, M]' -i 'b=[M]' --batch-size 2"
SOFTMAX = "-i 'W=normal(0, 0.5) [D, C]' -i 'X=[N, D]' -i y=labels -i reg=0.1"


@pytest.mark.parametrize(
    ("words", "inputs"),
    [
        (f"softmax_loss {SOFTMAX}", {("W", (4, 5))}),
        (f"softmax_loss {SOFTMAX} --size D=2 --classes 3", {("W", (2, 3))}),
        (f"affine_forward --backward affine_backward {AFFINE}", {("x", (2, 4)), ("w", (4, 4)), ("b", (4,))}),
        (f"affine_forward --backward layers.py:affine_backward {AFFINE} --only '[xb]'", {("x", (2, 4)), ("b", (4,))}),
        (f"affine_forward --backward dx_alone {AFFINE} --wrt x", {("x", (2, 4))}),
        ("cubes --gradient cubes_der -i 'x=uniform(-1, 1) [6]'", {("x", (6,))}),
        ("cubes_der --value cubes -i 'x=[6]'", {("x", (6,))}),
        ("dropout_forward --backward dropout_backward --reseed -i 'x=[3, 4]'", {("x", (3, 4))}),
        ("Net -i 'X=[N, 4]'", {("params.W1", (4, 5)), ("params.b1", (5,))}),
        ("net -i 'X=[N, 4]' --only 'params.W*' -i reg=0.5", {("params.W1", (4, 5))}),
        ("net.loss -i 'X=[N, D]' -i 'params.W1=[D, 5]' -i 'params.b1=[5]' --size D=2",
         {("params.W1", (2, 5)), ("params.b1", (5,))}),
        ("net -i 'X=[N, 4]' -i 'params.b1=uniform(0, 1) [5]'", {("params.W1", (4, 5)), ("params.b1", (5,))}),
        ("keyword_only -i 'W=[3]' -i 'X=[N]' -i reg=2 -i scale=0.5", {("W", (3,))}),
        ("partial -i 'W=normal(1, 1)' -i 'X=[N]'", {("W", ())}),
        ("and_more -i 'W=integers(-2, 2) [2, 3]' --wrt W", {("W", (2, 3))}),
    ],
)  # fmt: skip
def test_options_describe_a_function_and_each_of_its_inputs_is_checked(words, inputs):
    assert inputs_of(f"layers.py:{words}") == inputs


def test_results_after_the_gradients_are_ignored_which_is_said():
    further = run("layers.py:and_more -i 'W=[2, 3]'")
    assert further.exit_code == 0
    assert "ignored" in further.stdout


def test_yaml_says_the_same_options_win_over_it_input_by_input_and_a_mistake_names_its_line():
    inputs = "inputs: {W: 'normal(0, 0.5) [D, C]', X: [N, D], y: labels, reg: 0.1}"
    Path("gradcheck.yaml").write_text(f"losses: layers.py:softmax_loss\n{inputs}\nsizes: {{D: 3}}\nwrt: W\n")
    assert inputs_of("") == {("W", (3, 5))}
    assert inputs_of("-i 'X=uniform(0, 1) [N, D]' --size D=2") == {("W", (2, 5))}
    layer = "losses: layers.py:dropout_forward\nbackward: dropout_backward\nreseed: true\nonly: x\n"
    Path("gradcheck.yaml").write_text(f"{layer}inputs: {{x: {{distribution: normal, shape: 3}}}}\n")
    assert inputs_of("") == {("x", (3,))}
    Path("gradcheck.yaml").write_text("losses: layers.py:net\ninputs: {X: '[N, 4]', params: {W1: '[4, 5]', b1: '[5]'}}")
    assert len(inputs_of("")) == 2
    Path("gradcheck.yaml").write_text("losses: layers.py:and_more\ninputs:\n  x: [N, 3]\n  W: '[n, 3]'\n")
    assert run("").stderr.startswith("gradcheck.yaml:4: inputs.W: [n, 3]: n has no size\nset it: --size n=4")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("softmax_loss", "takes (W, X, y, reg); not described: W, X, y, reg\n"
         "say what they are, for example:\n"
         "gradcheck run layers.py:softmax_loss --input 'W=normal(0, 0.5) [D, C]' --input 'X=[N, D]' --input y=labels "
         "--input reg=0.1"),
        ("affine_forward -i 'x=[N, 2]'", "not described: w, b\nsay what they are, for example:\n"
         "gradcheck run layers.py:affine_forward --backward affine_backward --input 'x=[N, 2]'"),
        ("cubes", "gradcheck run layers.py:cubes --gradient cubes_der --input 'x=[D]'"),
        ("net.loss", "takes (params, X, y=…, reg=…); not described: X"),
        ("net.loss", "gradcheck run layers.py:net.loss --input 'X=[N, D]' --input y=labels"),
        ("affine_backward", "is a backward, which is checked with its forward\n"
         "name its forward, for example:\ngradcheck run layers.py:affine_forward --backward affine_backward --input"),
        ("dx_alone", "gradcheck run layers.py:FORWARD --backward dx_alone"),
        (f"softmax_loss {SOFTMAX} -i margin=1", "called with W, X, y, reg, margin"),
        (f"softmax_loss {SOFTMAX} --wrt y", "wrt names y, which is int64: only floats have a derivative"),
        ("transposed -i 'W=integers(-2, 2) [2, 2]'", "none of its inputs is an array of floats"),
        (f"softmax_loss {SOFTMAX} --wrt V", "wrt names V, which is not an input\nthere are W, X, y, reg"),
        (f"softmax_loss {SOFTMAX} --only V", "no differentiated array is called V\nthere are W"),
        (f"softmax_loss {SOFTMAX} -i 'X=[N, 3]'", "arrays have the shapes W (4, 5), X (1, 3), y (1,)"),
        ("transposed -i 'W=[2, 3]'", "the gradient of W has shape (3, 2); W has shape (2, 3)\nreturn its tr"),
        ("one_of_two -i 'W=[2]' -i 'b=[3]' --wrt W --wrt b", "returns 1 gradients, and 2 inputs are"),
        (f"affine_forward --backward too_many {AFFINE}", "its backward takes too_many(dout, x, w, b, mask)"),
        (f"affine_forward --backward affine_backwrd {AFFINE}", "did you mean affine_backward?"),
        ("other_keys -i 'params.W=[2]'", "the gradient of params has no part W\nit has V"),
        ("output_alone -i 'x=[5, 3]'", "returns a 5 x 3 array, not a value with its gradients\n"
         "is there a backward? --backward"),
        ("and_more -i 'W=[0, 3]'", "its inputs have no entries"),
        ("Net.nosuch", "nothing in it is called nosuch"),
        ("functools", "is of type module, which cannot be checked\nname a function"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_said_with_what_to_paste(words, message):
    result = run(f"layers.py:{words}")
    assert result.exit_code == 2
    assert message in "\n".join(line.strip() for line in result.stdout.splitlines())


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("-i 'W=[rank, C]'", "--input W: [rank, C]: rank has no size\nset it: --size rank=4, or sizes: {rank: 4}"),
        ("-i 'W=[D, C'", "--input W: '[D, C' does not describe an input\nwrite DISTRIBUTION [SHAPE]"),
        ("-i 'W=nrmal(0, 1) [D, C]'", "there is no distribution 'nrmal(0, 1)'; there are normal, integers"),
        ("-i 'W=normal(0, -1) [D]'", "--input W: normal (scale): should be greater than 0"),
        ("-i 'W=[-2]'", "[-2] is not a shape"),
        ("-i 'W=[2]' -i 'W.a=[2]'", "W.a: W is described as '[2]', and not by its parts"),
        ("-i W", "--input W: must be NAME=DESCRIPTION"),
        ("--size D", "--size D: must be LETTER=N\nfor example --size D=4"),
        ("--size D=x", "--size D: should be a whole number; got 'x'"),
        ("--size D=0", "--size D: should be at least 1; got 0"),
    ],
)
def test_a_description_that_is_none_names_the_option(words, message):
    result = run(f"layers.py:and_more {words}")
    assert (result.exit_code, result.stdout) == (2, "")
    assert message in result.stderr


@pytest.mark.parametrize(
    ("target", "keys"),
    [
        ("layers.py:affine_forward", {"backward": "affine_backward",
                                      "inputs": {"x": "[N, D]", "w": "normal(0, 0.5) [D, M]", "b": "[M]"}}),
        ("layers.py:affine_backward", {"losses": ["layers.py:affine_forward"], "backward": "affine_backward"}),
        ("layers.py:cubes", {"gradient": "cubes_der", "inputs": {"x": "[D]"}}),
        ("layers.py:Net", {"inputs": {"X": "[N, D]", "y": "labels"}}),
        ("layers.py:Tanh", {"inputs": {"x": "[N, D]"}}),
        ("scores.py", {"inputs": {}}),
        ("nb.ipynb:affine_forward", {"backward": "affine_backward"}),
    ],
)  # fmt: skip
def test_init_describes_a_function_and_the_run_of_what_it_writes_passes(target, keys):
    Path("scores.py").write_text("def loss(scores, labels):\n    return (scores**2).sum() / 2, scores\n")
    cells = [{"cell_type": "code", "source": text} for text in LAYERS.split("\n\n")]
    Path("nb.ipynb").write_text(json.dumps({"cells": cells}))
    assert gradcheck("init", target).exit_code == 0
    written = yaml.safe_load(Path("gradcheck.yaml").read_text())
    assert {"losses": [target], **keys}.items() <= written.items()
    result = run("")
    assert result.exit_code == 0, result.stdout


def test_init_of_what_cannot_be_described_says_so_and_writes_nothing():
    assert "nothing in it is called affine" in gradcheck("init", "layers.py:affine").stderr
    result = gradcheck("init", "layers.py")
    assert result.exit_code == 2
    assert "defines several functions\nname one of them:\ngradcheck run layers.py:softmax_loss --inp" in result.stderr
    assert not Path("gradcheck.yaml").exists()
