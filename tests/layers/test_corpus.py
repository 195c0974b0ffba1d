"""Every case is what it says it is, by plain central differences and without the checker."""

from __future__ import annotations

import copy
import re
from typing import Any

import numpy as np
import pytest

from layers import RIGHT, WRONG, LayerCase

STEP = 1e-5
TEXT = re.compile(r"(?:(\w+)\((.*?)\))?\s*(?:\[(.*)\])?")


def test_there_are_enough_cases() -> None:
    assert len(RIGHT) >= 45
    assert len(WRONG) >= 70


@pytest.mark.parametrize("name", RIGHT)
def test_gradient_of_a_right_case_is_that_of_its_value(name: str) -> None:
    assert wrong_inputs(RIGHT[name], N=3) == set()
    assert wrong_inputs(RIGHT[name], N=1) == set()


@pytest.mark.parametrize("name", WRONG)
def test_gradient_of_a_wrong_case_is_wrong_in_its_place_alone(name: str) -> None:
    case = WRONG[name]
    assert case.slip
    assert case.causes
    assert wrong_inputs(case, N=3) == set(case.place)


def wrong_inputs(case: LayerCase, N: int) -> set[str]:
    """The inputs whose gradient is not the one of central differences, or has another shape."""
    inputs = drawn(case, N)
    _, gradients = answer(case, inputs)
    assert gradients, "no gradient came back"
    return {name for name, gradient in gradients.items() if not agree(gradient, numerical(case, inputs, name))}


def agree(gradient: Any, expected: np.ndarray) -> bool:
    """Whether the gradient is right to 1e-6 of its largest entry, with an allowance for rounding."""
    if np.shape(gradient) != expected.shape:
        return False
    return bool(np.max(np.abs(gradient - expected), initial=0.0) <= 1e-6 * np.max(np.abs(expected), initial=0.0) + 1e-9)


def numerical(case: LayerCase, inputs: dict[str, Any], name: str) -> np.ndarray:
    """The central differences of one input."""
    result = np.zeros_like(inputs[name])
    for index in np.ndindex(result.shape):
        values = []
        for step in (STEP, -STEP):
            moved = {**inputs, name: inputs[name].copy()}
            moved[name][index] += step
            values.append(answer(case, moved)[0])
        result[index] = (values[0] - values[1]) / (2 * STEP)
    return result


def drawn(case: LayerCase, N: int) -> dict[str, Any]:
    """The inputs at seed 0; for a model its parameters too."""
    rng = np.random.default_rng(0)
    sizes = {"N": N, "C": 5, **case.sizes}
    inputs = {name: draw(text, sizes, rng) for name, text in case.inputs.items()}
    for name, array in getattr(case.function, "params", {}).items():
        inputs[f"params.{name}"] = rng.normal(0, 0.5, array.shape)
    return inputs


def draw(text: Any, sizes: dict[str, int], rng: np.random.Generator) -> Any:
    """What one input's text says; a constant as it is."""
    if isinstance(text, str) and text == "labels":
        return rng.integers(0, sizes["C"], sizes["N"])
    match = TEXT.fullmatch(text) if isinstance(text, str) else None
    if match is None:
        return text
    kind, numbers, letters = match.groups()
    arguments = [float(number) for number in (numbers or "0, 1").split(",")]
    shape = [int(letter) if letter.isdigit() else sizes.get(letter, 4) for letter in re.findall(r"\w+", letters or "")]
    if kind == "integers":
        return rng.integers(int(arguments[0]), int(arguments[1]), shape, endpoint=True)
    return np.asarray(getattr(rng, kind or "normal")(*arguments, shape))


def answer(case: LayerCase, inputs: dict[str, Any]) -> tuple[float, dict[str, Any]]:
    """The value, sum(out * dout) where there is a backward, and the gradients by name."""
    names = case.wrt or [name for name, array in inputs.items() if np.asarray(array).dtype == float]
    target = case.function() if isinstance(case.function, type) else copy.deepcopy(case.function)
    arguments: dict[str, Any] = {}
    for name, array in copy.deepcopy(inputs).items():
        group, _, part = name.rpartition(".")
        (arguments.setdefault(group, {}) if group else arguments)[part] = array
    if hasattr(target, "params"):
        target.params = arguments.pop("params")
    backward = case.backward or getattr(target, "backward", None)
    call = getattr(target, "forward", None) or getattr(target, "loss", None) or target
    if case.reseed:
        np.random.seed(0)
    result = call(**arguments)
    if backward:
        *outputs, cache = result if isinstance(result, tuple) else (result, None)
        upstream = [np.random.default_rng(100 + i).normal(size=np.shape(out)) for i, out in enumerate(outputs)]
        value = sum(np.sum(out * dout) for out, dout in zip(outputs, upstream, strict=True))
        gradients = backward(*upstream, *([cache] if isinstance(result, tuple) else []))
    elif case.gradient:
        value, gradients = result, case.gradient(**arguments)
    elif case.value:
        value, gradients = case.value(**arguments), result[0]
    else:
        value, *gradients = result
        gradients = gradients[0] if isinstance(gradients[0], dict | tuple) else gradients
    if isinstance(gradients, dict):
        return value, {name: gradients[name.rpartition(".")[2]] for name in names}
    each = gradients if isinstance(gradients, tuple | list) else [gradients]
    return value, {name: gradient for name, gradient in zip(names, each, strict=False) if gradient is not None}
