"""What of a loss's answers is taken: every number and array that means one thing."""

import array
import decimal
import fractions

import numpy as np
import pytest

from gradcheck.errors import LossDefect
from gradcheck.functions.answer import validated, values_and_derivatives
from gradcheck.functions.function import Function

S = np.array([[0.5, -1.0, 2.0], [0.25, 0.0, -0.75]])
EPS = {dtype: float(np.finfo(dtype).eps) for dtype in (np.float16, np.float32, np.float64)}


class WithArray:
    """What ``np.asarray`` takes by its ``__array__``."""

    def __init__(self, numbers):
        self.numbers = numbers

    def __array__(self, dtype=None, copy=None):
        return np.array(self.numbers, dtype=dtype)


class Broken:
    def __array__(self, dtype=None, copy=None):
        raise RuntimeError("still on the device")


def eps_of(given):
    """Of the dtypes that are coarser than float64; of all else that of float64."""
    return EPS.get(getattr(given, "dtype", np.dtype(float)).type, EPS[np.float64])


HALVES = (
    1.5, fractions.Fraction(3, 2), decimal.Decimal("1.5"), np.float64(1.5), np.float32(1.5), np.float16(1.5),
    np.longdouble(1.5), np.array(1.5), np.array(1.5, dtype=np.float32), WithArray(1.5),
)  # fmt: skip


def test_a_value_is_any_single_real_number():
    for number, values in ((1.5, HALVES), (2.0, (2, np.int64(2), np.array(2))), (0.0, (-0.0,))):
        for value in values:
            answer = validated((value, S), S.shape)
            assert (type(answer.value), answer.value, answer.value_eps) == (float, number, eps_of(value)), type(value)


GRADIENTS = {
    "lists": S.tolist(), "tuples": tuple(map(tuple, S.tolist())), "list of rows": [S[0], S[1].tolist()],
    "memoryview": memoryview(S), "array.array": [array.array("d", S[0]), array.array("d", S[1])],
    "Fortran order": np.asfortranarray(S), "strided": np.repeat(S, 2, axis=1)[:, ::2], "big-endian": S.astype(">f8"),
    "float32": S.astype(np.float32), "float16": S.astype(np.float16), "longdouble": S.astype(np.longdouble),
    "objects": S.astype(object), "__array__": WithArray(S), "masked array without a mask": np.ma.masked_array(S),
}  # fmt: skip


@pytest.mark.parametrize("dS", GRADIENTS.values(), ids=GRADIENTS)
def test_ds_is_anything_that_np_asarray_takes_and_the_gradient_is_memory_of_its_own(dS):
    answer = validated((0.0, dS), S.shape)
    assert (type(answer.gradient), answer.gradient.dtype, answer.gradient_eps) == (np.ndarray, np.float64, eps_of(dS))
    assert answer.gradient.tolist() == S.tolist()
    answer.gradient[0, 0] = 99.0
    assert np.asarray(dS, dtype=float).tolist() == S.tolist()


@pytest.mark.parametrize(
    ("code", "answer", "words"),
    [
        ("wrong-shape", None, "returns None, not a pair"),
        ("wrong-shape", 1.0, "returns a number"),
        ("wrong-shape", (1.0, S, 2), "a tuple of 3"),
        ("wrong-shape", S, "returns an array of shape (2, 3)"),
        ("wrong-shape", {"value": 1.0, "dS": S}, "returns a dict"),
        ("wrong-shape", (np.ones(3), S), "shape (3,)"),
        ("wrong-shape", ([1.0], S), "shape (1,)"),
        ("wrong-shape", (1.0, S.T), "dS has shape (3, 2); S has shape (2, 3)"),
        ("wrong-shape", (1.0, S[np.newaxis]), "dS has shape (1, 2, 3)"),
        ("wrong-shape", (1.0, 0.0), "dS has shape ()"),
        ("wrong-dtype", (True, S), "the value has dtype bool"),
        ("wrong-dtype", (1 + 0j, S), "complex"),
        ("wrong-dtype", ("1.5", S), "the value has dtype"),
        ("wrong-dtype", (None, S), "the value has dtype object"),
        ("wrong-dtype", (1.0, S + 0j), "dS has dtype complex128"),
        ("wrong-dtype", (1.0, S > 0), "dS has dtype bool"),
        ("wrong-dtype", (1.0, S.astype(str)), "dS has dtype <U"),
        ("wrong-dtype", (1.0, S.astype(str).astype(object)), "holds a str"),
        ("wrong-dtype", (1.0, [[1.0, 2.0, 3.0], [4.0, None, 6.0]]), "holds None"),
        ("wrong-dtype", (1.0, [[1.0, 2.0, 3.0], [4.0, decimal.Decimal(5), True]]), "holds a bool"),
        ("wrong-dtype", (1.0, S.astype("datetime64[s]")), "dS has dtype datetime64[s]"),
        ("wrong-dtype", (1.0, [[1.0, 2.0], [3.0]]), "dS is a list of 2, not an array"),
        ("wrong-dtype", (1.0, Broken()), "still on the device"),
        ("wrong-dtype", (Broken(), S), "still on the device"),
        ("wrong-dtype", (1.0, np.full(S.shape, 1j, dtype=object)), "cannot be converted"),
        ("not-finite", (10**400, S), "too large"),
    ],
)
def test_an_answer_that_is_no_value_and_gradient_is_named(code, answer, words):
    with pytest.raises(LossDefect) as caught:
        Function("test", lambda scores, labels: answer).evaluate(S, np.array([2, 0]))
    assert caught.value.code == code
    assert words in caught.value.message


def test_one_number_is_no_value_of_each_row():
    with pytest.raises(LossDefect, match=r"returns a tuple of 2, not \(N values, N x C derivatives\)"):
        values_and_derivatives((1.0, S), S.shape)
