"""Pytest plugin: gradients as tests, for the losses of ``gradcheck.yaml`` and for marked functions.

    pytest --gradcheck                    each loss and batch size of gradcheck.yaml is a test
    pytest --gradcheck-seed 7             other draws

    @pytest.mark.gradcheck(batch_sizes=[1, 3], rtol=1e-9)
    def test_my_loss(S, y):               # no fixtures: the scores and labels of a problem
        return my_loss(S, y)              # (value, dS)

Every pytest run in the environment imports this module; it imports the rest of gradcheck only when that is needed.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from gradcheck.config import Config
    from gradcheck.report import Report

FILE, MARK = "gradcheck.yaml", "gradcheck"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options."""
    group = parser.getgroup("gradcheck")
    group.addoption("--gradcheck", action="store_true", help=f"check the gradients of the losses in {FILE} too")
    group.addoption("--gradcheck-seed", type=int, metavar="SEED", help="seed of the first trial of every gradient")


def pytest_configure(config: pytest.Config) -> None:
    """Register the mark, and add the project's gradcheck.yaml to the paths that are collected."""
    config.addinivalue_line("markers", f"{MARK}(**keys): check the gradient of a loss (S, y); keys as in {FILE}")
    file = config.rootpath / FILE
    if config.getoption("gradcheck") and file.is_file():
        named = [config.invocation_params.dir / argument.split("::")[0] for argument in config.args]
        if not any(file == path or path in file.parents for path in named):
            config.args.append(str(file))


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    """Collect a gradcheck.yaml, if ``--gradcheck`` is given."""
    wanted = file_path.name == FILE and parent.config.getoption("gradcheck")
    return GradcheckFile.from_parent(parent, path=file_path) if wanted else None


def pytest_pycollect_makeitem(collector: pytest.Module | pytest.Class, name: str, obj: object) -> Any:
    """Collect a marked function as a loss, not as a test with fixtures called S and y."""
    marks = getattr(obj, "pytestmark", None)
    marks = [mark for mark in marks if getattr(mark, "name", "") == MARK] if isinstance(marks, list) else []
    if not marks or not callable(obj) or not isinstance(collector, pytest.Module) or not collector.funcnamefilter(name):
        return None
    config = _config(collector, collector.config.rootpath / FILE, marks[-1].kwargs, f"{name}: ")
    return list(_items(collector, name, obj, config))


class GradcheckFile(pytest.File):
    """A gradcheck.yaml: a test for each of its losses and batch sizes; naming no losses is an error."""

    def collect(self) -> Iterator[pytest.Item]:
        config = _config(self, self.path, {})
        if not config.losses:
            raise self.CollectError(f"{FILE} names no losses: nothing would be checked")
        for target in config.losses:
            yield from _items(self, target, target, config)


class GradcheckItem(pytest.Item):
    """One loss at one batch size; the test fails with the report if it is wrong or could not be checked."""

    def __init__(self, *, target: Any, report: Callable[[], Report], batch_size: int, **arguments: Any) -> None:
        super().__init__(**arguments)
        self.target, self.report, self.batch_size = target, report, batch_size
        self.add_marker(MARK)

    def runtest(self) -> None:
        from gradcheck.output import FORMATS, Options
        from gradcheck.output.summary import loss_sentence

        report = self.report()
        if report.interrupted:
            raise KeyboardInterrupt
        (loss,) = report.losses
        batches = tuple(batch for batch in loss.batches if batch.batch_size == self.batch_size)
        # What fails and is not an entry, such as a broken contract, fails every batch size.
        fails_elsewhere = not loss.error and any(not batch.passed for batch in loss.batches)
        if not batches or not all(batch.passed for batch in batches) or not (loss.passed or fails_elsewhere):
            own = replace(loss, batches=batches, rerun=loss.rerun if isinstance(self.target, str) else "")
            text = FORMATS["table"](replace(report, losses=(own,)), Options(width=100))
            pytest.fail(f"{loss_sentence(own)}\n\n{text}", pytrace=False)  # pytest's summary shows the first line

    def reportinfo(self) -> tuple[Path, int | None, str]:
        code = getattr(self.target, "__code__", None)
        return self.path, code and code.co_firstlineno - 1, self.name


def _config(node: pytest.Collector, file: Path, keys: Mapping[str, Any], where: str = "") -> Config:
    """The file's configuration, if there is one; ``keys`` and ``--gradcheck-seed`` win over it."""
    from gradcheck.config import Config, load_config
    from gradcheck.errors import UsageError

    seed = node.config.getoption("gradcheck_seed")
    try:
        config = load_config(file) if file.is_file() else Config()
        return Config(**config.as_data() | dict(keys) | ({} if seed is None else {"seed": seed}))
    except UsageError as error:
        raise node.CollectError(f"{where}{error}") from None


def _items(parent: pytest.Collector, name: str, target: Any, config: Config) -> Iterator[pytest.Item]:
    @cache
    def report() -> Report:
        """The check of all batch sizes, done once: only together do they tell N from a constant."""
        from gradcheck.api import as_loss
        from gradcheck.run import check_targets

        with contextlib.chdir(parent.path.parent):
            return check_targets([target if isinstance(target, str) else as_loss(target)], config)

    for size in config.batch_sizes:
        named = f"{name}[batch size {size}]"
        yield GradcheckItem.from_parent(parent, name=named, target=target, report=report, batch_size=size)
