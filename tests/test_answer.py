"""What of a loss's answers is taken: every number and array that means one thing."""

from __future__ import annotations

import array
import decimal
import fractions
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from gradcheck.errors import LossDefect
from gradcheck.functions.answer import validated
from gradcheck.functions.function import Function

S = np.array([[0.5, -1.0, 2.0], [0.25, 0.0, -0.75]])
Y = np.array([2, 0])
EPS = {dtype: float(np.finfo(dtype).eps) for dtype in (np.float16, np.float32, np.float64)}


def of_its_kind(thing: object) -> str | None:
    """A parameter's name that is the same in every process: the address of an object is not."""
    return None if isinstance(thing, str | int | float) else type(thing).__name__


class WithArray:
    """What ``np.asarray`` takes by its ``__array__``."""

    def __init__(self, numbers: Any) -> None:
        self.numbers = numbers

    def __array__(self, dtype: Any = None, copy: Any = None) -> npt.NDArray[Any]:
        return np.array(self.numbers, dtype=dtype)


class Broken:
    def __array__(self, dtype: Any = None, copy: Any = None) -> npt.NDArray[Any]:
        raise RuntimeError("still on the device")


def returning(answer: Any) -> Function:
    return Function("test", lambda scores, labels: answer)


def defect(answer: Any, code: str) -> LossDefect:
    with pytest.raises(LossDefect) as caught:
        returning(answer).evaluate(S, Y)
    assert caught.value.code == code
    return caught.value


def eps_of(given: Any) -> float:
    """Of the dtypes that are coarser than float64; of all else that of float64."""
    return EPS.get(getattr(given, "dtype", np.dtype(float)).type, EPS[np.float64])


HALVES = (
    1.5, fractions.Fraction(3, 2), decimal.Decimal("1.5"), np.float64(1.5), np.float32(1.5), np.float16(1.5),
    np.longdouble(1.5), np.array(1.5), np.array(1.5, dtype=np.float32), WithArray(1.5),
)  # fmt: skip
WHOLE = (2, np.int64(2), np.array(2))


@pytest.mark.parametrize("value", [*HALVES, *WHOLE, -0.0], ids=of_its_kind)
def test_a_value_is_any_single_real_number(value: Any) -> None:
    evaluation = validated((value, S), S.shape)
    assert type(evaluation.value) is float
    expected = 1.5 if any(value is each for each in HALVES) else float(value)
    assert (evaluation.value, evaluation.value_eps) == (expected, eps_of(value))


GRADIENTS = {
    "lists": S.tolist(),
    "tuples": tuple(map(tuple, S.tolist())),
    "list of rows": [S[0], S[1].tolist()],
    "memoryview": memoryview(S),
    "Fortran order": np.asfortranarray(S),
    "strided": np.repeat(S, 2, axis=1)[:, ::2],
    "big-endian": S.astype(">f8"),
    "float32": S.astype(np.float32),
    "float16": S.astype(np.float16),
    "longdouble": S.astype(np.longdouble),
    "objects": S.astype(object),
    "array.array": [array.array("d", S[0]), array.array("d", S[1])],
    "__array__": WithArray(S),
    "masked array without a mask": np.ma.masked_array(S),
}


@pytest.mark.parametrize("dS", GRADIENTS.values(), ids=GRADIENTS)
def test_ds_is_anything_that_np_asarray_takes(dS: Any) -> None:
    evaluation = returning((0.0, dS)).evaluate(S, Y)
    assert (type(evaluation.gradient), evaluation.gradient.dtype) == (np.ndarray, np.float64)
    assert evaluation.gradient.tolist() == S.tolist()
    assert evaluation.gradient_eps == eps_of(dS)


def test_the_gradient_is_memory_of_its_own_that_can_be_written_to() -> None:
    buffer = S.copy()
    buffer.flags.writeable = False
    gradient = validated((0.0, buffer), S.shape).gradient
    gradient[0, 0] = 99.0
    assert buffer.tolist() == S.tolist()


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (None, "returns None, not a pair"),
        (1.0, "returns a float"),
        ((1.0, S, 2), "a tuple of 3"),
        ((), "a tuple of 0"),
        (S, "returns a ndarray"),
        ({"value": 1.0, "dS": S}, "returns a dict"),
        ((np.ones(3), S), "shape (3,)"),
        ((np.ones((1, 1)), S), "shape (1, 1)"),
        (([1.0], S), "shape (1,)"),
        ((1.0, S.T), "dS has shape (3, 2); S has shape (2, 3)"),
        ((1.0, S.ravel()), "dS has shape (6,)"),
        ((1.0, S[np.newaxis]), "dS has shape (1, 2, 3)"),
        ((1.0, 0.0), "dS has shape ()"),
        ((1.0, []), "dS has shape (0,)"),
    ],
    ids=str,
)
def test_a_wrong_shape_is_named(answer: Any, words: str) -> None:
    assert words in defect(answer, "wrong-shape").message


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ((True, S), "the value has dtype bool"),
        ((np.True_, S), "the value has dtype bool"),
        ((1 + 0j, S), "complex"),
        ((np.complex64(1), S), "complex"),
        (("1.5", S), "the value has dtype"),
        ((None, S), "the value has dtype object"),
        ((object(), S), "the value has dtype object"),
        ((1.0, S + 0j), "dS has dtype complex128"),
        ((1.0, S > 0), "dS has dtype bool"),
        ((1.0, S.astype(str)), "dS has dtype <U"),
        ((1.0, np.full(S.shape, None)), "dS has dtype object"),
        ((1.0, S.astype(str).astype(object)), "holds a str"),
        ((1.0, [[1.0, 2.0, 3.0], [4.0, None, 6.0]]), "holds None"),
        ((1.0, [[1.0, 2.0, 3.0], [4.0, decimal.Decimal(5), True]]), "holds a bool"),
        ((1.0, S.astype("datetime64[s]")), "dS has dtype datetime64[s]"),
        ((1.0, [[1.0, 2.0], [3.0]]), "dS is a list of 2, no array"),
        ((1.0, Broken()), "still on the device"),
        ((Broken(), S), "still on the device"),
        ((1.0, np.full(S.shape, 1j, dtype=object)), "cannot be converted"),
    ],
    ids=of_its_kind,
)
def test_a_wrong_dtype_is_named(answer: Any, words: str) -> None:
    assert words in defect(answer, "wrong-dtype").message


def test_an_integer_beyond_every_float_is_not_finite() -> None:
    assert "too large" in defect((10**400, S), "not-finite").message
