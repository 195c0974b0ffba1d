"""The public way in from Python: ``check``, ``check_at`` and ``assert_gradients``."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from gradcheck.config import Config
from gradcheck.config.settings import Backend, Framework, Reference, Settings
from gradcheck.errors import UsageError
from gradcheck.functions.function import Function
from gradcheck.functions.loading import load_loss
from gradcheck.functions.signatures import refuse_what_is_no_loss, where
from gradcheck.output.html import NotebookReport
from gradcheck.report import Report
from gradcheck.run import check_given, check_targets

LossLike = str | Function | Callable[[Any, Any], Any]


def check(
    losses: LossLike | Sequence[LossLike],
    config: Config | None = None,
    *,
    strict: bool = False,
    fail_fast: bool = False,
    framework: Framework = "auto",
    reference: Reference = "auto",
    worst: int = 10,
    jobs: int = 1,
    backend: Backend = "loky",
    scheduler: str | None = None,
    max_seconds: float | None = None,
    timeout: float | None = None,
    like: str | None = None,
) -> Report:
    """Check losses at the problems of a configuration.

    Args:
        losses: a target (``"svm"``, ``"module:callable"``), a callable ``(S, y) -> (value, dS)``, or several of them.
        config: which problems and tolerances; the defaults where it is None. Its ``losses`` are not looked at.
        strict: unresolved entries and warnings fail.
        fail_fast: stop after the first problem that fails.
        framework: whose arrays the losses get: ``numpy``, ``torch``, ``jax``; ``auto`` sees it by what a loss returns.
        reference: what judges an entry: ``central`` differences, ``complex`` steps where the loss takes complex
            scores, or ``auto``: these where those are less precise than rtol asks for.
        worst: so many of a problem's worst entries are looked for and kept.
        jobs: so many processes call the losses, where that is quicker; 0 for one on each core. They answer the same. A
            callable that no target leads to is pickled for them.
        backend, scheduler: ``dask`` and the address of a cluster's scheduler: then its workers call the losses.
        max_seconds: no call of a loss is begun after this time; what is left is told (``LossReport.unchecked``), and
            the report does not pass.
        timeout: seconds that a call of a loss may take: one that hangs is ended, and is a finding. One in compiled code
            that cannot be ended ends the process.
        like: the built-in loss that the values are meant to be: one that is not, is a finding.

    Returns:
        What was found. Nothing is printed, and a wrong gradient raises nothing: see ``Report.passed``.

    Raises:
        TargetError: a target that leads to no loss.
        UsageError: the framework cannot be imported, there can be no such jobs, a time cannot be kept, worst is
            below 1, or like names no built-in.

    Example:
        >>> report = check("softmax", Config(batch_sizes=[3], scores="normal"))
        >>> report.passed, report.losses[0].batches[0].entries
        (True, 15)
    """
    several = [losses] if isinstance(losses, str | Function) or callable(losses) else list(losses)
    report = check_targets(
        [as_loss(loss) for loss in several],
        config or Config(),
        Settings(
            strict, fail_fast, framework, reference, _at_least_1(worst), jobs=jobs, backend=backend,
            scheduler=scheduler, max_seconds=max_seconds, timeout=timeout, like=like,
        ),
    )  # fmt: skip
    if report.interrupted:
        raise KeyboardInterrupt
    return NotebookReport(**vars(report))


def check_at(
    loss: LossLike,
    S: npt.ArrayLike,
    y: npt.ArrayLike,
    config: Config | None = None,
    *,
    strict: bool = False,
    framework: Framework = "auto",
    reference: Reference = "auto",
    worst: int = 10,
    jobs: int = 1,
    backend: Backend = "loky",
    scheduler: str | None = None,
    max_seconds: float | None = None,
    timeout: float | None = None,
    like: str | None = None,
) -> Report:
    """Check a loss at one given problem.

    Args:
        loss: a target or a callable ``(S, y) -> (value, dS)``.
        S: N x C finite scores; float32 stays so, all else is taken as float64.
        y: N labels in [0, C), or whatever the loss takes for its labels.
        config: tolerances; its problems are not looked at.
        strict: unresolved entries and warnings fail.
        framework, reference, worst, jobs, backend, scheduler, max_seconds, timeout, like: as for ``check``.

    Raises:
        TargetError: a target that leads to no loss.
        UsageError: S is not N x C finite numbers, or y is no array; or as for ``check``.

    Example:
        >>> check_at("svm", [[1.0, 2.0, 0.0]], [1]).passed
        True
    """
    scores, labels = _array(S, "S"), _array(y, "y")
    if scores.dtype.kind not in "fiubO":
        raise UsageError(f"S has dtype {scores.dtype}: it is not made of numbers")
    if scores.dtype != np.float32:
        try:
            scores = scores.astype(np.float64, copy=False)
        except (TypeError, ValueError, OverflowError) as error:
            raise UsageError(f"S is not made of numbers: {error}") from None
    if scores.ndim != 2 or not scores.size:
        raise UsageError(f"S has shape {scores.shape}; it must be N x C, with at least one of each")
    if not np.all(np.isfinite(scores)):
        raise UsageError("S is not finite everywhere; there is no gradient to check there")
    settings = Settings(
        strict, False, framework, reference, _at_least_1(worst), jobs=jobs, backend=backend, scheduler=scheduler,
        max_seconds=max_seconds, timeout=timeout, like=like,
    )  # fmt: skip
    report = check_given(as_loss(loss), scores, labels, config or Config(), settings)
    return NotebookReport(**vars(report))


def assert_gradients(
    losses: LossLike | Sequence[LossLike],
    config: Config | None = None,
    *,
    strict: bool = False,
    framework: Framework = "auto",
    reference: Reference = "auto",
    worst: int = 10,
    jobs: int = 1,
    backend: Backend = "loky",
    scheduler: str | None = None,
    max_seconds: float | None = None,
    timeout: float | None = None,
    like: str | None = None,
) -> None:
    """For a test: as ``check``, but a gradient that does not pass raises.

    Raises:
        AssertionError: with the findings and the worst entries in words.
        TargetError: a target that leads to no loss.
        UsageError: as for ``check``.

    Example:
        >>> assert_gradients("svm")
    """
    report = check(
        losses, config, strict=strict, framework=framework, reference=reference, worst=worst, jobs=jobs,
        backend=backend, scheduler=scheduler, max_seconds=max_seconds, timeout=timeout, like=like,
    )  # fmt: skip
    if not report.passed:
        from gradcheck.output import FORMATS, Options

        raise AssertionError("\n" + FORMATS["table"](report, Options(width=100, entries="worst", worst=worst)))


def as_loss(loss: LossLike) -> Function:
    """A loss from whatever names one.

    Raises:
        TargetError: it leads to no loss.
    """
    if isinstance(loss, Function):
        return loss
    if isinstance(loss, str):
        return load_loss(loss)
    name = getattr(loss, "__qualname__", type(loss).__qualname__)
    refuse_what_is_no_loss(loss, name, name)
    file, line = where(loss)
    return Function(name, loss, file, line)


def _at_least_1(worst: int) -> int:
    if worst < 1:
        raise UsageError(f"worst must be at least 1; got {worst}")
    return worst


def _array(thing: npt.ArrayLike, name: str) -> npt.NDArray[Any]:
    try:
        return np.asarray(thing)
    except Exception as error:  # whatever an __array__ of the user's raises
        raise UsageError(f"{name} is no array: {error}") from None
