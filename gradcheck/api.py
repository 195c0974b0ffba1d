"""The public way in from Python: ``check``, ``check_at`` and ``assert_gradients``."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from gradcheck.config import Config
from gradcheck.config.settings import Settings
from gradcheck.errors import TargetError, UsageError, did_you_mean
from gradcheck.functions.function import Function
from gradcheck.functions.loading import load_target
from gradcheck.functions.signatures import is_layer, is_model, parameters_of, takes_scores_and_labels, where
from gradcheck.functions.suggestions import guessed_inputs
from gradcheck.output import FORMATS, Options
from gradcheck.output.html import NotebookReport
from gradcheck.output.summary import sentences
from gradcheck.report import Report
from gradcheck.run import check_targets
from gradcheck.sampling import Problem

#: Keys that mean something at a given point, and those that name functions beside the one that is checked.
_OF_A_POINT = ("seed", "rtol", "atol", "plan", "max_entries", "hessian", "order")
_BESIDE = ("gradient", "backward", "value", "hvp")
LossLike = str | Function | Callable[[Any, Any], Any]


def check(losses: LossLike | Sequence[LossLike], config: Config | None = None, **keywords: Any) -> Report:
    """Check losses, or other functions with their gradients, at the problems of a configuration.

    Args:
        losses: a target (``"svm"``, ``"module:callable"``), a callable ``(S, y) -> (value, dS)``, or several of them.
            Or a function of named inputs, a layer or a model, whose ``inputs`` the configuration describes;
            ``gradient``, ``backward`` and ``value`` may be callables then.
        config: problems and tolerances; the defaults if it is None. Its ``losses`` are not used.
        keywords: keys of `Config`, which win over ``config``, and options of the run, which mean what
            ``gradcheck run --help`` says: ``strict``, ``fail_fast``, ``framework``, ``reference``, ``worst``, ``jobs``,
            ``backend``, ``scheduler``, ``max_seconds``, ``timeout``, ``entry``; and ``like``, also called ``against``,
            which may be a callable.

    Returns:
        What was found. Nothing is printed, and a wrong gradient does not raise: see ``Report.passed``.

    Raises:
        TargetError: a target that does not lead to a loss.
        UsageError: a keyword has a wrong value, or what it asks for is not installed.
        TypeError: there is no such keyword.

    Example:
        >>> report = check("softmax", batch_sizes=[3], scores="normal")
        >>> report.passed, report.losses[0].batches[0].entries
        (True, 15)
    """
    several = losses if isinstance(losses, Sequence) and not isinstance(losses, str) else [losses]
    keys = [key for key in Config.model_fields if key != "losses"]
    config, settings = _read(config, keywords, keys)
    is_described = config.inputs or any(getattr(config, key) for key in _BESIDE)
    functions = [as_function(each) if is_described else as_loss(each) for each in several]
    return _uninterrupted(check_targets(functions, config, settings))


def check_at(
    function: LossLike,
    S: npt.ArrayLike | Mapping[str, Any],
    y: npt.ArrayLike | None = None,
    config: Config | None = None,
    **keywords: Any,
) -> Report:
    """Check a function at one given point.

    Args:
        function: a target or a callable: ``(S, y) -> (value, dS)``; or any function, layer or model of named inputs.
        S: N x C finite scores; float32 stays float32, other numbers become float64. Or, of a function of named inputs,
            all of its arguments by name: ``{"W": W, "X": X, "y": y, "reg": 0.1}``, where lists become arrays.
        y: N labels in [0, C), or other labels that the loss takes; None where the arguments are given by name.
        config: tolerances; its distributions are not used.
        keywords: as for `check`, without the keys that say how problems are drawn.

    Raises:
        UsageError: S is not N x C finite numbers, y is not an array, or the arguments do not fit the function.
        UsageError, TargetError, TypeError: as for `check`.

    Example:
        >>> check_at("svm", [[1.0, 2.0, 0.0]], [1]).passed
        True
        >>> check_at(lambda W, X: (float((X @ W).sum()), X.sum(axis=0)), {"W": [1.0, 2.0], "X": [[3.0, 4.0]]}).passed
        True
    """
    if isinstance(S, Mapping):
        arguments = {name: np.asarray(each) if isinstance(each, list) else each for name, each in S.items()}
        keys = (*_OF_A_POINT, *_BESIDE, "wrt", "only", "reseed")
        config, settings = _read(config, keywords, keys)
        return _uninterrupted(check_targets([as_function(function)], config, settings, given=arguments))
    config, settings = _read(config, keywords, _OF_A_POINT)
    try:
        scores, labels = np.asarray(S), np.asarray([] if y is None else y)
    except Exception as error:  # anything that an __array__ of the user's raises
        raise UsageError(f"S or y is not an array: {error}") from None
    if not np.can_cast(scores.dtype, np.float64, "same_kind"):
        raise UsageError(f"S is not made of numbers: its dtype is {scores.dtype}")
    if scores.ndim != 2 or not scores.size:
        raise UsageError(f"S has shape {scores.shape}; it must be N x C, with at least one of each")
    scores = scores if scores.dtype == np.float32 else scores.astype(np.float64, copy=False)
    if not np.all(np.isfinite(scores)):
        raise UsageError("S is infinite or NaN somewhere; there is no gradient to check there")
    problem = Problem(scores, labels, seed=config.seed, trial=0, scores="given")
    return _uninterrupted(check_targets([as_loss(function)], config, settings, given=problem))


def assert_gradients(losses: LossLike | Sequence[LossLike], config: Config | None = None, **keywords: Any) -> None:
    """Check as `check` does, and raise if a gradient does not pass; for tests.

    Raises:
        AssertionError: with the verdict, the findings and the worst entries in words.
        UsageError, TargetError, TypeError: as for `check`.
    """
    __tracebackhide__ = True  # pytest shows the test that called
    if not (report := check(losses, config, **keywords)):
        look = Options(width=100, entries="worst", worst=keywords.get("worst", Options.worst))
        raise AssertionError(f"{sentences(report)[-1]}\n\n{FORMATS['table'](report, look)}")


def as_loss(loss: LossLike) -> Function:
    """A loss from its target or a callable; a TargetError where that does not lead to a loss."""
    function = as_function(loss)
    thing = function.function
    if not (isinstance(loss, Function) or is_layer(thing) or is_model(thing) or takes_scores_and_labels(thing)):
        hint = f"describe its parameters: inputs={guessed_inputs(parameters_of(thing)[0])}"
        raise TargetError(f"{function.target}: cannot be called with (S, y)", hint=hint)
    return function


def as_function(function: LossLike) -> Function:
    """A function of any arguments from its target or a callable; a TargetError where a target leads nowhere."""
    if isinstance(function, Function):
        return function
    if isinstance(function, str):
        return load_target(function)
    return Function(getattr(function, "__qualname__", type(function).__qualname__), function, *where(function))


def _read(config: Config | None, keywords: dict[str, Any], keys: Sequence[str]) -> tuple[Config, Settings]:
    """What ``config`` and keywords stand for: a configuration, and settings."""
    known = (*Settings.model_fields, "against", *keys)
    for name in keywords:
        if name not in known:
            near = f": {near}" if (near := did_you_mean(name, known)) else ""
            raise TypeError(f"unknown keyword {name!r}{near} (there are {', '.join(sorted(known))})")
    changed = {key: keywords.pop(key) for key in keys if key in keywords}
    if "against" in keywords:
        keywords["like"] = keywords.pop("against")
    return Config(**dict(config or Config()) | changed), Settings(**keywords)


def _uninterrupted(report: Report) -> NotebookReport:
    if report.interrupted:
        raise KeyboardInterrupt
    return NotebookReport(**vars(report))
