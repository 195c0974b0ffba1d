"""The public way in from Python: ``check``, ``check_at`` and ``assert_gradients``."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from gradcheck.config import Config
from gradcheck.config.settings import SETTINGS, Settings, read_settings
from gradcheck.errors import UsageError, did_you_mean
from gradcheck.functions.function import Function
from gradcheck.functions.loading import load_loss
from gradcheck.functions.signatures import refuse_what_is_no_loss, where
from gradcheck.output import FORMATS, Options
from gradcheck.output.html import NotebookReport
from gradcheck.report import Report
from gradcheck.run import check_targets
from gradcheck.sampling import Problem

LossLike = str | Function | Callable[[Any, Any], Any]


def check(losses: LossLike | Sequence[LossLike], config: Config | None = None, **keywords: Any) -> Report:
    """Check losses at the problems of a configuration.

    Args:
        losses: a target (``"svm"``, ``"module:callable"``), a callable ``(S, y) -> (value, dS)``, or several of them.
        config: problems and tolerances; the defaults if it is None. Its ``losses`` are not used.
        keywords: keys of `Config`, which win over ``config``, and options of the run, which mean what
            ``gradcheck run --help`` says: ``strict``, ``fail_fast``, ``framework``, ``reference``, ``worst``, ``jobs``,
            ``backend``, ``scheduler``, ``max_seconds``, ``timeout`` and ``like``.

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
    several = [losses] if isinstance(losses, str | Function) or callable(losses) else list(losses)
    config, settings = _read(config, keywords, [key for key in Config.model_fields if key != "losses"])
    return _uninterrupted(check_targets([as_loss(loss) for loss in several], config, settings))


def check_at(
    loss: LossLike, S: npt.ArrayLike, y: npt.ArrayLike, config: Config | None = None, **keywords: Any
) -> Report:
    """Check a loss at one given problem.

    Args:
        loss: a target or a callable ``(S, y) -> (value, dS)``.
        S: N x C finite scores; float32 stays float32, other numbers become float64.
        y: N labels in [0, C), or other labels that the loss takes.
        config: tolerances; its distributions are not used.
        keywords: as for `check`, without the keys that say how problems are drawn.

    Raises:
        UsageError: S is not N x C finite numbers, or y is not an array.
        UsageError, TargetError, TypeError: as for `check`.

    Example:
        >>> check_at("svm", [[1.0, 2.0, 0.0]], [1]).passed
        True
    """
    config, settings = _read(config, keywords, ("seed", "rtol", "atol", "plan", "max_entries"))
    scores, labels = _array(S, "S"), _array(y, "y")
    if not np.can_cast(scores.dtype, np.float64, "same_kind"):
        raise UsageError(f"S is not made of numbers: its dtype is {scores.dtype}")
    if scores.ndim != 2 or not scores.size:
        raise UsageError(f"S has shape {scores.shape}; it must be N x C, with at least one of each")
    if scores.dtype != np.float32:
        scores = scores.astype(np.float64, copy=False)
    if not np.all(np.isfinite(scores)):
        raise UsageError("S is not finite everywhere; there is no gradient to check there")
    problem = Problem(scores, labels, seed=config.seed, trial=0, scores="given")
    return _uninterrupted(check_targets([as_loss(loss)], config, settings, given=problem))


def assert_gradients(losses: LossLike | Sequence[LossLike], config: Config | None = None, **keywords: Any) -> None:
    """Check as `check` does, and raise if a gradient does not pass; for tests.

    Raises:
        AssertionError: with the findings and the worst entries in words.
        UsageError, TargetError, TypeError: as for `check`.
    """
    report = check(losses, config, **keywords)
    if not report.passed:
        look = Options(width=100, entries="worst", worst=keywords.get("worst", Settings.worst))
        raise AssertionError("\n" + FORMATS["table"](report, look))


def as_loss(loss: LossLike) -> Function:
    """A loss from its target or a callable; a TargetError where that does not lead to a loss."""
    if isinstance(loss, Function):
        return loss
    if isinstance(loss, str):
        return load_loss(loss)
    name = getattr(loss, "__qualname__", type(loss).__qualname__)
    refuse_what_is_no_loss(loss, name, name)
    return Function(name, loss, *where(loss))


def _read(config: Config | None, keywords: dict[str, Any], keys: Sequence[str]) -> tuple[Config, Settings]:
    """The configuration and the settings that ``config`` and the keywords of a public function stand for."""
    if not keywords:
        return config or Config(), Settings()
    known = (*SETTINGS, *keys)
    for name in keywords:
        if name not in known:
            parts = f"unknown keyword {name!r}", f"there are {', '.join(known)}", did_you_mean(name, known)
            raise TypeError("; ".join(filter(None, parts)))
    changed = {key: value for key, value in keywords.items() if key in keys}
    config = Config(**(config or Config()).as_data() | changed)
    return config, read_settings({name: value for name, value in keywords.items() if name not in keys})


def _uninterrupted(report: Report) -> NotebookReport:
    if report.interrupted:
        raise KeyboardInterrupt
    return NotebookReport(**vars(report))


def _array(value: npt.ArrayLike, name: str) -> npt.NDArray[Any]:
    try:
        return np.asarray(value)
    except Exception as error:  # anything that an __array__ of the user's raises
        raise UsageError(f"{name} is not an array: {error}") from None
