"""Pytest plugin, which every pytest run imports: gradients of ``gradcheck.yaml`` and of marked functions as tests."""

from __future__ import annotations

import contextlib
import functools
import inspect
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from gradcheck.config import Config
    from gradcheck.functions.function import Function
    from gradcheck.report import Report

FILE, MARK = "gradcheck.yaml", "gradcheck"
#: Keys that say nothing of a marked function in the file.
_OF_A_FUNCTION = ("inputs", "wrt", "gradient", "backward", "value", "only", "reseed")
#: Of each target at all of its batch sizes, checked once: only together do they tell N from a constant.
_REPORTS = pytest.StashKey[dict[str, "Report"]]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options."""
    group = parser.getgroup("gradcheck")
    group.addoption("--gradcheck", action="store_true", help=f"check the gradients of the losses in {FILE} too")
    group.addoption("--gradcheck-seed", type=int, metavar="SEED", help="seed of the first trial of every gradient")


def pytest_configure(config: pytest.Config) -> None:
    """Register the mark, and add the project's gradcheck.yaml to the paths that are collected."""
    config.stash[_REPORTS] = {}
    config.addinivalue_line("markers", f"{MARK}(**keys): check the gradient of a function; keys as in {FILE}")
    file = config.rootpath / FILE
    if config.getoption("gradcheck") and file.is_file():
        named = [config.invocation_params.dir / argument.split("::")[0] for argument in config.args]
        if not any(file == path or path in file.parents for path in named):
            config.args.append(str(file))


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    """Collect a gradcheck.yaml, if ``--gradcheck`` is given."""
    wanted = file_path.name == FILE and parent.config.getoption("gradcheck")
    return GradcheckFile.from_parent(parent, path=file_path) if wanted else None


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Make a test of each batch size of a marked function; its inputs are no fixtures."""
    if metafunc.definition.get_closest_marker(MARK):
        config = _of_mark(metafunc.definition)
        sizes, names = _batch_sizes("", config), _inputs_of(metafunc.definition, config)
        if names:
            metafunc.parametrize(names, [[N] * len(names) for N in sizes], ids=[f"batch size {N}" for N in sizes])


def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """Check a marked function instead of calling it once."""
    if not pyfuncitem.get_closest_marker(MARK):
        return None
    from gradcheck.functions.function import Function
    from gradcheck.functions.signatures import where

    config = _of_mark(pyfuncitem)
    names, function = _inputs_of(pyfuncitem, config), pyfuncitem.obj
    given: dict[str, Any] = pyfuncitem.funcargs
    fixtures = {name: given[name] for name in _parameters(pyfuncitem) if name not in names}
    bound = functools.partial(function, **fixtures) if fixtures else function
    target = Function(pyfuncitem.originalname, bound, *where(function))
    _assert_right(pyfuncitem, target, config, given[names[0]] if names else None)
    return True


class GradcheckFile(pytest.File):
    """A gradcheck.yaml: a test for each of its losses and batch sizes; naming no losses is an error."""

    def collect(self) -> Iterator[pytest.Item]:
        config = _config(self, self.path, {})
        if not config.losses:
            raise self.CollectError(f"{FILE} names no losses: nothing would be checked")
        for target in config.losses:
            for size in _batch_sizes(target, config):
                name = f"{target}[batch size {size}]"
                yield GradcheckItem.from_parent(self, name=name, check=(target, config, size))


class GradcheckItem(pytest.Item):
    """One loss of gradcheck.yaml at one batch size."""

    def __init__(self, *, check: tuple[str, Config, int], **arguments: Any) -> None:
        super().__init__(**arguments)
        self.check = check
        self.add_marker(MARK)

    def runtest(self) -> None:
        _assert_right(self, *self.check)

    def reportinfo(self) -> tuple[Path, int | None, str]:
        return self.path, None, self.name


def _assert_right(item: pytest.Item, target: str | Function, config: Config, size: int | None) -> None:
    """Fail with the report if the target is wrong, or could not be checked, at a batch size; None for all of them."""
    from gradcheck.output import FORMATS, Options
    from gradcheck.output.summary import loss_sentence
    from gradcheck.run import check_targets

    reports, key = item.config.stash[_REPORTS], item.nodeid.replace(f"batch size {size}", "")
    if key not in reports:
        with contextlib.chdir(item.path.parent):
            reports[key] = check_targets([target], config)
    report = reports[key]
    if report.interrupted:
        raise KeyboardInterrupt
    (loss,) = report.losses
    batches = tuple(batch for batch in loss.batches if size in (batch.batch_size, None))
    # What fails and is not an entry, such as a broken contract, fails every batch size.
    fails_elsewhere = not loss.error and any(not batch.passed for batch in loss.batches)
    if not batches or not all(batch.passed for batch in batches) or not (loss.passed or fails_elsewhere):
        own = replace(loss, batches=batches)
        text = FORMATS["table"](replace(report, losses=(own,)), Options(width=100))
        pytest.fail(f"{loss_sentence(own)}\n\n{text}", pytrace=False)  # pytest's summary shows the first line


def _config(node: pytest.Collector | pytest.Item, file: Path, keys: Mapping[str, Any], where: str = "") -> Config:
    """The file's configuration, if there is one; ``keys`` and ``--gradcheck-seed`` win over it."""
    from gradcheck.config import Config, load_config
    from gradcheck.errors import UsageError

    seed = node.config.getoption("gradcheck_seed")
    try:
        config = load_config(file) if file.is_file() else Config()
        return Config(**config.as_data() | dict(keys) | ({} if seed is None else {"seed": seed}))
    except UsageError as error:
        raise pytest.Collector.CollectError(f"{where}{error}") from None


def _of_mark(function: pytest.Function) -> Config:
    """The configuration of a marked function."""
    from gradcheck.config import Config

    mark = function.get_closest_marker(MARK)
    keys = {key: Config.model_fields[key].default for key in _OF_A_FUNCTION} | (dict(mark.kwargs) if mark else {})
    file = function.config.rootpath / FILE
    return _config(function, file, keys, f"{function.originalname}: ")


def _inputs_of(function: pytest.Function, config: Config) -> list[str]:
    """The parameters that the check gives arguments to: those that are described, or else the scores and labels."""
    names, described = _parameters(function), {name.partition(".")[0] for name in config.inputs}
    return [name for name in names if name in described] if described else names[:2]


def _parameters(function: pytest.Function) -> list[str]:
    """The parameters for which pytest has values: not ``self``, and not those with a default."""
    return [name for name in inspect.signature(function.obj).parameters if name in function.fixturenames]


def _batch_sizes(target: str, config: Config) -> Sequence[int]:
    from gradcheck.functions.prepare import batch_sizes
    from gradcheck.losses import BUILT_INS

    return batch_sizes(config) if config.inputs and target not in BUILT_INS else config.batch_sizes
