"""Targets: what leads to a loss, and what is said of what does not."""

import json
import pickle
import sys

import numpy as np
import pytest

from gradcheck.errors import TargetError
from gradcheck.functions.loading import load_target

LOSSES = """\
import functools
from dataclasses import dataclass

import neighbour

def loss(S, y):
    return neighbour.VALUE, S

def with_default(S, y, margin=1.0):
    return margin, S

def with_three(S, y, scale, *, cap, floor=0):
    return scale, S

def variadic(*arguments):
    return 0.0, arguments[0]

@dataclass
class Hinge:
    margin: float = 1.0

    def __call__(self, S, y):
        return self.margin, S

    def method(self, S, y):
        return -self.margin, S

    @property
    def broken(self):
        return 1 / 0

@functools.wraps(loss)
def decorated(*arguments):
    return loss(*arguments)

hinge = Hinge()
partial = functools.partial(with_three, scale=2.0, cap=3)
print("noise")
"""


CELLS = [
    "import numpy as np\n%matplotlib inline",
    "!pip install nothing\nimport sys\nsys.path.append('extra')",
    "%%bash\nexit 3",
    "scale = 2.0\ndef helper(x):\n    return scale * x",
    "raise RuntimeError('an hour of training')\nmodel = 3",
    "def forward(x, model=None):\n    return later(helper(x)), x",
    "def backward(dout, cache):\n    return 1 / 0",
    "def backward(dout, cache):\n    return scale * dout",
    "def later(x):\n    return np.asarray(x)",
    "print(forward(np.ones(2)))",
    "this is not valid Python",
]


@pytest.fixture
def here(tmp_path, monkeypatch):
    """A working directory with my_losses.py, its neighbour and a notebook; its modules are forgotten after."""
    (tmp_path / "my_losses.py").write_text(LOSSES)
    (tmp_path / "neighbour.py").write_text("VALUE = 0.5\n")
    cells = [{"cell_type": "code", "source": text.splitlines(keepends=True)} for text in CELLS]
    notes = {"cell_type": "markdown", "source": "def f(: ..."}
    (tmp_path / "nb.ipynb").write_text(json.dumps({"cells": [notes, *cells]}))
    (tmp_path / "broken.ipynb").write_text("[]")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    before = set(sys.modules)
    yield tmp_path
    for name in set(sys.modules) - before:
        if str(getattr(sys.modules[name], "__file__", None)).startswith(str(tmp_path)):
            del sys.modules[name]


def refused(target):
    with pytest.raises(TargetError) as caught:
        load_target(target)
    return str(caught.value)


def value_of(target):
    function = load_target(target).function
    return float(function(np.zeros((1, 2)), np.array([0]))[0])


@pytest.mark.parametrize("place", ["my_losses", "my_losses.py", "./my_losses.py:"])
@pytest.mark.parametrize(
    ("name", "value", "line"),
    [
        ("loss", 0.5, "def loss"),
        ("with_default", 1.0, "def with_default"),
        ("variadic", 0.0, "def variadic"),
        ("hinge", 1.0, "def __call__"),
        ("hinge.method", -1.0, "def method"),
        ("partial", 2.0, "def with_three"),
        ("decorated", 0.5, "def loss"),
    ],
)
def test_a_callable_of_a_module_or_file_loads_with_its_line(here, place, name, value, line):
    loss = load_target(f"{place}:{name}")
    assert (loss.target, loss.file) == (f"{place}:{name}", str(here / "my_losses.py"))
    assert value_of(loss.target) == value
    assert LOSSES.splitlines()[loss.line - 1].strip().startswith(line)


def test_a_module_of_a_package_loads_and_a_file_of_it_is_told_its_module_form(here):
    (here / "package" / "inner").mkdir(parents=True)
    (here / "package" / "inner" / "losses.py").write_text("from ..base import loss\n")
    (here / "package" / "base.py").write_text("def loss(S, y): return 2.0, S\n")
    assert value_of("package.inner.losses:loss") == 2.0
    said = "the file is part of a package: name it package.module:callable"
    assert said in refused("package/inner/losses.py:loss")


def test_two_files_of_one_name_are_two_modules_and_may_import_their_neighbours_later(here):
    for directory, value in (("a", 1.0), ("b", 2.0)):
        (here / directory).mkdir()
        (here / directory / f"late_{directory}.py").write_text(f"VALUE = {value}\n")
        late = f"late_{directory}"
        (here / directory / "same.py").write_text(f"def loss(S, y):\n    import {late}\n    return {late}.VALUE, S\n")
    assert [value_of("a/same.py:loss"), value_of("b/same.py:loss")] == [1.0, 2.0]


def test_a_file_runs_once_for_several_targets_and_again_once_it_was_edited(here, capsys):
    file = here / "edited.py"
    file.write_text("print('ran')\ndef f(S, y): return 1.0, S\ndef g(S, y): return 2.0, S\n")
    assert [value_of("edited.py:f"), value_of("edited.py:g")] == [1.0, 2.0]
    assert capsys.readouterr().err.count("ran") == 1
    file.write_text("print('ran')\ndef f(S, y): return 3.0, S\ndef g(S, y): return 2.0, S\n")
    assert value_of("edited.py:f") == 3.0


def test_an_object_of_a_file_can_be_pickled_and_what_a_module_prints_goes_to_standard_error(here, capsys):
    load_target("my_losses:loss")
    hinge = load_target("my_losses.py:hinge").function
    assert pickle.loads(pickle.dumps(hinge)) == hinge
    assert capsys.readouterr() == ("", "noise\nnoise\n")


@pytest.mark.parametrize(
    ("target", "message"),
    [
        ("svn", "svn: no built-in loss has this name\ndid you mean svm? `gradcheck list` shows all"),
        ("qqqqqq", "qqqqqq: no built-in loss has this name\n`gradcheck list` shows all"),
        ("", "an empty target: no built-in loss has this name"),
        ("my_losses", "for a loss in that file: my_losses.py:function"),
        ("neighbour.py", "neighbour.py: defines no function\nname what it imports: neighbour.py:function"),
        (":", "does not name a function\nwrite module:function or path/to/file.py:function"),
        ("my_losses:loss()", "does not name a function"),
        ("my_losses:lss", "my_losses:lss: nothing in it is called lss\ndid you mean loss?"),
        ("my_losses:qqqqqq", "nothing in it is called qqqqqq\nit has Hinge, decorated, hinge, loss,"),
        ("my_losses:hinge.broken", "looking up broken raises ZeroDivisionError"),
        ("my_loses:loss", "there is no module my_loses\ndid you mean my_losses?"),
        ("my_losses.sub:loss", "there is no module my_losses.sub\ndid you mean my_losses?"),
        ("..:loss", "is not the name of a module"),
        ("a\0b:loss", r"a\x00b:loss: is not the name of a module"),
        ("my_loses.py:loss", "there is no file my_loses.py\ndid you mean my_losses?"),
        ("nowhere/at/all.py:loss", "there is no file nowhere/at/all.py"),
        (r"C:\code\losses.py:loss", r"there is no file C:\code\losses.py"),
        ("/:loss", "/ cannot be read: Is a directory"),
        ("/dev/zero:loss", "/dev/zero is not a Python file (.py)"),
        ("a\0.py:loss", r"a\x00.py cannot be read"),
        ("\ud800.py:f", r"\ud800.py"),
        ("\ud800:f", r"\ud800"),
        ("x" * 5000 + ".py:loss", "cannot be read: File name too long"),
        ("nb.ipynb:forwrd", "no cell of nb.ipynb defines forwrd\ndid you mean forward?"),
        ("nb.ipynb:model", 'nb.ipynb, cell 6", line 1, in <module>\n    raise RuntimeError('),
        ("none.ipynb:f", "there is no file none.ipynb"),
        ("broken.ipynb:f", "broken.ipynb is not a notebook of Jupyter, version 4"),
    ],
)
def test_a_target_that_leads_nowhere_is_told_what_to_do(here, target, message):
    said = refused(target)
    assert message in said
    assert said.replace("\n", "").isprintable()


@pytest.mark.parametrize("place", ["broken", "broken.py"])
@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("def f(S, y:\n    pass\n", "is not valid Python: {file}:1: '(' was never closed\ndef f(S, y:"),
        ("x = '\0'", "cannot contain null bytes"),
        (b"x = '\xff'", "is not valid Python"),
        ("(" * 500 + ")" * 500, "is not valid Python"),
        ("import qqqqqq\n", 'File "{file}", line 1, in <module>\n    import qqqqqq'),
        ("def g():\n    1 / 0\ng()\n", '  File "{file}", line 2, in g\n    1 / 0'),
        ("raise SystemExit\n", 'put what runs the script under `if __name__ == "__main__":`'),
        ("raise BaseException('x')\n", "raises BaseException when it is imported"),
        ("raise ModuleNotFoundError('x')\n", "imports a module, which cannot be found"),
        ("raise SyntaxError('x')\n", "is not valid Python: x"),
        ("class E(Exception):\n    def __str__(self): return 1 / 0\nraise E\n", "raises E when it is imported"),
        ("def __getattr__(name): raise KeyError(name)\n", "looking up f raises KeyError"),
    ],
)
def test_a_module_that_does_not_import_is_told_with_its_own_traceback(here, place, source, message):
    file = here / "broken.py"
    file.write_bytes(source if isinstance(source, bytes) else source.encode())
    said = refused(f"{place}:f")
    assert said.startswith(f"{place}:f: ")
    assert message.format(file=file) in said
    assert "loading.py" not in said
    assert "importlib" not in said


@pytest.mark.parametrize("place", ["slow", "slow.py"])
def test_ctrl_c_during_an_import_is_no_target_error(here, place):
    (here / "slow.py").write_text("raise KeyboardInterrupt\n")
    with pytest.raises(KeyboardInterrupt):
        load_target(f"{place}:f")


HOSTILE = """\
class A:
    def __getattr__(self, name): raise RuntimeError(name)
    def __call__(self, S, y): return 1.0, S
class B:
    __signature__ = 3
    def __call__(self, S, y): return 2.0, S
class C:
    def __getattr__(self, name): return self
    def __call__(self, S, y): return 3.0, S
a, b, c = A(), B(), C()
def circle(S, y): return 4.0, S
circle.__wrapped__ = circle
"""


def test_hostile_objects_are_refused_or_loaded_without_a_traceback(here):
    (here / "hostile.py").write_text(HOSTILE)
    assert [value_of(f"hostile:{name}") for name in ("a", "b", "c", "circle")] == [1.0, 2.0, 3.0, 4.0]


@pytest.mark.parametrize(
    ("source", "name"),
    [
        ("from my_losses import loss as other\ndef only(S, y): ...\n", "only"),
        ("def _p(S): ...\ndef f(z): ...\ndef loss(scores, labels): ...\n", "loss"),
        ("def affine_forward(x, w): ...\ndef affine_backward(dout, cache): ...\n", "affine_forward"),
    ],
)
def test_a_file_alone_names_its_only_loss_and_two_colons_are_as_good_as_one(here, source, name):
    (here / "single.py").write_text(source)
    assert load_target("single.py").function.__name__ == name
    assert load_target(f"single.py::{name}").function.__name__ == name


def test_a_file_of_several_functions_lists_the_command_for_each(here):
    heads = ["loss(S, y)", "svm_loss(x, y)", "affine_forward(x, w, b)", "affine_backward(dout, cache)"]
    heads += ["rosen(x)", "rosen_der(x)"]
    functions = "".join(f"def {head}: ...\n" for head in heads)
    (here / "several.py").write_text(f"{functions}class Net:\n    def loss(self, X, y=None): ...\n")
    assert refused("several.py").splitlines() == [
        "several.py: defines several functions",
        "name one of them:",
        "gradcheck run several.py:loss",
        "gradcheck run several.py:svm_loss",
        "gradcheck run several.py:affine_forward --backward affine_backward --input 'x=[N, D]' "
        "--input 'w=normal(0, 0.5) [D, M]' --input 'b=[M]'",
        "gradcheck run several.py:rosen --gradient rosen_der --input 'x=[D]'",
        "gradcheck run several.py:Net --input 'X=[N, D]' --input y=labels",
    ]


def test_of_a_notebook_the_cells_run_that_define_a_name_and_what_it_needs_and_no_others(here, capsys):
    forward = load_target("nb.ipynb:forward").function
    assert forward(np.ones(2))[0].tolist() == [2.0, 2.0]
    assert load_target("nb.ipynb::backward").function(3.0, None) == 6.0
    assert "extra" in sys.path
    assert capsys.readouterr() == ("", "")
    assert "gradcheck run nb.ipynb:forward --backward backward" in refused("nb.ipynb")
