"""Gradients as tests of pytest's: of a ``gradcheck.yaml``, and of losses marked in test files.

    pytest --gradcheck                    each loss and batch size of gradcheck.yaml is a test
    pytest --gradcheck-seed 7             other draws

    @pytest.mark.gradcheck(batch_sizes=[1, 3], rtol=1e-9)
    def test_my_loss(S, y):               # no fixtures: the scores and labels of a problem
        return my_loss(S, y)              # (value, dS)

Every pytest run in the environment imports this module, so it imports nothing of gradcheck's before it is needed.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from gradcheck.config import Config
    from gradcheck.report import Report

FILE = "gradcheck.yaml"
MARK = "gradcheck"
_WIDTH = 100


def pytest_addoption(parser: pytest.Parser) -> None:
    """The options of the command line."""
    group = parser.getgroup("gradcheck")
    group.addoption("--gradcheck", action="store_true", help=f"check the gradients of the losses in {FILE} as well")
    group.addoption("--gradcheck-seed", type=int, metavar="SEED", help="seed of the first trial of every gradient")


def pytest_configure(config: pytest.Config) -> None:
    """Register the mark; and see to it that the project's file is collected, whatever else was asked for."""
    config.addinivalue_line("markers", f"{MARK}(**keys): check the gradient of a loss (S, y); keys as in {FILE}")
    file = config.rootpath / FILE
    if config.getoption("gradcheck") and file.is_file():
        named = [config.invocation_params.dir / argument.split("::")[0] for argument in config.args]
        if not any(file == path or path in file.parents for path in named):
            config.args.append(str(file))


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    """A project's ``gradcheck.yaml``, if its gradients are to be checked."""
    if file_path.name != FILE or not parent.config.getoption("gradcheck"):
        return None
    return GradcheckFile.from_parent(parent, path=file_path)


def pytest_pycollect_makeitem(collector: pytest.Module | pytest.Class, name: str, obj: object) -> Any:
    """A marked function is a loss, and no test with fixtures called S and y."""
    marks = getattr(obj, "pytestmark", None)
    marks = [mark for mark in marks if getattr(mark, "name", "") == MARK] if isinstance(marks, list) else []
    if not marks or not callable(obj) or not isinstance(collector, pytest.Module) or not collector.funcnamefilter(name):
        return None
    return list(_items(collector, obj, name, collector.path.parent, None, marks[-1].kwargs))


class GradcheckFile(pytest.File):
    """A ``gradcheck.yaml``: a test for each loss and batch size in it."""

    def collect(self) -> Iterator[pytest.Item]:
        """The tests of this file.

        Raises:
            CollectError: the file is not valid, or names no losses.
        """
        from gradcheck.config import load_config
        from gradcheck.errors import UsageError

        try:
            losses = load_config(self.path, {}).losses
        except UsageError as error:
            raise self.CollectError(str(error)) from None
        if not losses:
            raise self.CollectError(f"{FILE} names no losses: nothing would be checked")
        for target in losses:
            yield from _items(self, target, target, self.path.parent, self.path, {})


class GradcheckItem(pytest.Item):
    """One loss at one batch size.

    All batch sizes of a loss that were selected are checked together, when the first of them is run: only so can a
    report tell N from a constant.
    """

    def __init__(self, *, run: _LossRun, batch_size: int, **arguments: Any) -> None:
        super().__init__(**arguments)
        self.run, self.batch_size = run, batch_size
        self.add_marker(MARK)

    def runtest(self) -> None:
        """Check the gradient.

        Raises:
            GradcheckFailure: it is wrong, or could not be checked.
        """
        sizes = [
            item.batch_size for item in self.session.items if isinstance(item, GradcheckItem) and item.run is self.run
        ]
        text, passed = self.run.outcome(tuple(sizes), self.batch_size)
        if not passed:
            raise GradcheckFailure(text)
        self.add_report_section("call", "gradcheck", text)

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        """The table, and no traceback: the fault is not in a line of the test."""
        if isinstance(excinfo.value, GradcheckFailure):
            return str(excinfo.value)
        return super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[Path, int | None, str]:
        """Where the test stands."""
        return self.path, self.run.line, self.name


class GradcheckFailure(Exception):  # noqa: N818  (as pytest's own outcomes are called)
    """A gradient did not pass; with the report."""


class _LossRun:
    """The check of one loss, done once for all the batch sizes that are asked of it."""

    def __init__(self, target: Any, directory: Path, config: Config) -> None:
        self._target, self._directory, self._config = target, directory, config
        self._reports: dict[tuple[int, ...], Report] = {}
        code = getattr(target, "__code__", None)
        self.line = code.co_firstlineno - 1 if code is not None else None

    def outcome(self, sizes: tuple[int, ...], batch_size: int) -> tuple[str, bool]:
        """The report of one batch size as text, and whether it passed."""
        from dataclasses import replace

        from gradcheck.output import FORMATS, Options
        from gradcheck.output.junit import cases
        from gradcheck.output.summary import loss_sentence

        if sizes not in self._reports:
            self._reports[sizes] = self._checked(sizes)
        report = self._reports[sizes]
        (loss,) = report.losses
        case = {case.name: case for case in cases(report, loss)}[f"batch size {batch_size}"]
        own = replace(
            loss,
            batches=tuple(batch for batch in loss.batches if batch.batch_size == batch_size),
            rerun=loss.rerun if isinstance(self._target, str) else "",
        )
        # What no batch size shows by itself, an error of the contract say, fails each of them.
        passed = case.outcome == "passed" and (loss.passed or any(not batch.passed for batch in loss.batches))
        text = FORMATS["table"](replace(report, losses=(own,)), Options(width=_WIDTH))
        return f"{loss_sentence(own)}\n\n{text}", passed  # pytest's summary shows the first line

    def _checked(self, sizes: tuple[int, ...]) -> Report:
        from gradcheck.api import as_loss
        from gradcheck.config import Config
        from gradcheck.run import check_targets

        keys = self._config.as_data() | {"batch_sizes": sizes, "losses": []}
        with contextlib.chdir(self._directory):  # targets are named from there
            target = self._target if isinstance(self._target, str) else as_loss(self._target)
            report = check_targets([target], Config(**keys))
        if report.interrupted:
            raise KeyboardInterrupt
        return report


def _items(
    parent: pytest.Collector, target: Any, name: str, directory: Path, file: Path | None, keys: Mapping[str, Any]
) -> Iterable[pytest.Item]:
    """A test for each batch size of a loss.

    Args:
        parent: of the tests.
        target: a target's name, or the loss itself.
        name: of the tests.
        directory: what targets are named from.
        file: the configuration; None for the project's, if there is one.
        keys: what is put over it.
    """
    from gradcheck.config import Config, load_config
    from gradcheck.errors import UsageError

    file = file or (parent.config.rootpath / FILE)
    seed = parent.config.getoption("gradcheck_seed")
    over = dict(keys) | ({} if seed is None else {"seed": seed})
    try:
        with contextlib.chdir(directory):
            config = load_config(file if file.is_file() else None, {})
            config = Config(**(config.as_data() | over)) if over else config
    except UsageError as error:
        raise parent.CollectError(f"{name}: {error}") from None
    run = _LossRun(target, directory, config)
    for batch_size in config.batch_sizes:
        spelt = f"{name}[batch size {batch_size}]"
        yield GradcheckItem.from_parent(parent, name=spelt, run=run, batch_size=batch_size)
