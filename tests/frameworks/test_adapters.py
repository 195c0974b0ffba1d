"""What all frameworks share, none of which is needed here: recognition, labels, pairs."""

from __future__ import annotations

import types
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from gradcheck.errors import LossDefect
from gradcheck.functions.frameworks import made_by, refuses_arrays
from gradcheck.functions.frameworks.adapters import converted_labels, converted_pair

PACKAGES = ("fakeframework",)


class Tensor:
    """Of a framework, by the name of its module."""


Tensor.__module__ = "fakeframework.core"


def raised_by(function: Callable[[], Any]) -> BaseException:
    with pytest.raises((ZeroDivisionError, TypeError, AttributeError)) as caught:
        function()
    assert caught.value.__traceback__ is not None
    return caught.value.with_traceback(caught.value.__traceback__.tb_next)  # without this file's own frame


def in_module(name: str, source: str, **names: Any) -> Callable[[], Any]:
    """The function ``f`` of a module of this name and source."""
    module = types.ModuleType(name)
    vars(module).update(names)
    exec(source, vars(module))
    function: Callable[[], Any] = vars(module)["f"]
    return function


@pytest.mark.parametrize(
    "answer", [Tensor(), (Tensor(), np.zeros(2)), (1.0, Tensor()), [1.0, Tensor()]], ids=["lone", "value", "dS", "list"]
)
def test_a_value_or_a_gradient_of_the_framework_names_it(answer: Any) -> None:
    assert made_by(PACKAGES, answer)
    assert not made_by(("another",), answer)


@pytest.mark.parametrize("answer", [None, 1.0, np.float32(1), (1.0, np.zeros(2)), ("fakeframework", 1), {}])
def test_answers_of_python_and_numpy_name_none(answer: Any) -> None:
    assert not made_by(PACKAGES, answer)


DIVIDES = "def f():\n    return 1 / 0"


@pytest.mark.parametrize(
    ("function", "refuses"),
    [
        (in_module("mine", "def f():\n    return g()", g=in_module("fakeframework.ops", DIVIDES)), True),
        (in_module("mine", "def f():\n    raise TypeError('exp(): must be Tensor, not numpy.ndarray')"), True),
        (in_module("mine", "import numpy\ndef f():\n    return numpy.zeros(2).log_softmax(1)"), True),
        (in_module("mine", DIVIDES, Tensor=Tensor), False),
    ],
    ids=["inside", "words", "attribute", "other"],
)
def test_whether_arrays_were_the_trouble(function: Callable[[], Any], refuses: bool) -> None:
    assert refuses_arrays(PACKAGES, raised_by(function)) is refuses


S32, S64 = np.zeros((2, 3), np.float32), np.zeros((2, 3))


@pytest.mark.parametrize("dtype", [np.int8, np.uint8, np.int32, np.uint64])
def test_classes_become_int64(dtype: Any) -> None:
    labels = converted_labels(np.array([2, 0], dtype), S64)
    assert labels.dtype == np.int64
    assert labels.tolist() == [2, 0]


@pytest.mark.parametrize(("scores", "dtype"), [(S32, np.float32), (S64, np.float64), (S64.astype(complex), np.float64)])
def test_numbers_get_the_precision_of_the_scores(scores: Any, dtype: Any) -> None:
    for given in (np.float16, np.float32, np.float64):
        assert converted_labels(np.ones((2, 3), given), scores).dtype == dtype


def test_a_gradient_of_none_is_a_defect_that_says_what_to_do() -> None:
    assert converted_pair((1.0, S64), lambda thing, what: (what, thing)) == (("the value", 1.0), ("dS", S64))
    with pytest.raises(LossDefect, match=r"call backward first"):
        converted_pair((1.0, None), lambda thing, what: thing)
    with pytest.raises(LossDefect, match=r"returns a dict, not a pair"):
        converted_pair({}, lambda thing, what: thing)
