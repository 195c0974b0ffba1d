"""Which framework a loss is of: recognised or asked for, in Python and on the command line, installed or not."""

import numpy as np
import pytest
from frameworks.conftest import SMALL, S, Y, adapted, each, torch

import gradcheck
from gradcheck.errors import UsageError
from gradcheck.functions.function import Function


def of_either(S, y):
    return (torch.as_tensor(S) ** 2).sum() / 2


def is_no_answer_either_way(S, y):
    return torch.tensor(1.0) if isinstance(S, np.ndarray) else {"loss": 1}


def is_mistaken(S, y):
    raise ValueError("a mistake")


def is_mistaken_within(S, y):
    return S.logsumexp(1).sum().item(), "mistake" + 1


@pytest.mark.parametrize(
    ("of", "loss", "options", "framework", "message"),
    each(
        "torch",
        either=(of_either, {}, "torch", ""),
        asked_for_numpy=(of_either, {"framework": "numpy"}, "numpy", "returns a Tensor, not a pair"),
        no_answer=(is_no_answer_either_way, {}, "torch", "returns a dict, neither"),
        refused=(lambda S, y: S.logsumexp(1).sum(), {}, "torch", ""),
        mistaken=(is_mistaken, {}, "numpy", "raises ValueError: a mistake"),
        mistaken_within=(is_mistaken_within, {}, "torch", 'can only concatenate str (not "int") to str'),
    ),
)
def test_a_framework_is_recognised_by_what_a_loss_returns_or_by_the_arrays_that_it_refuses(
    of, loss, options, framework, message
):
    pytest.importorskip(of)
    report = gradcheck.check(loss, SMALL, **options).losses[0]
    assert (report.framework, report.passed) == (framework, not message)
    assert not message or message in report.findings[0].message


@pytest.mark.torch
def test_after_its_first_call_a_loss_gets_its_frameworks_arrays_alone_and_by_name_no_others():
    pytest.importorskip("torch")
    for framework, first in (("auto", ["ndarray"]), ("torch", [])):
        kinds = []

        def loss(S, y, kinds=kinds):
            kinds.append(type(S).__name__)
            return of_either(S, y)

        assert gradcheck.check(loss, SMALL, framework=framework).passed
        assert kinds == first + ["Tensor"] * (len(kinds) - len(first))


@pytest.mark.torch
def test_scores_and_labels_are_left_untouched_while_adapters_are_tried_and_the_usual_one_is_left_if_none_works():
    pytest.importorskip("torch")

    def spoils(S, y):
        S.detach()[:], y[:] = 7, 0
        raise KeyError("usual")

    scores, labels = S.copy(), Y.copy()
    loss = adapted(Function("mine", spoils), "torch", scores, labels)
    assert (scores.tolist(), labels.tolist()) == (S.tolist(), Y.tolist())
    assert (loss.framework, loss.adapter.__name__) == ("torch", "by_autodiff")


def test_a_framework_that_does_not_exist_is_a_usage_error():
    with pytest.raises(UsageError, match="framework: should be 'auto', 'numpy'"):
        gradcheck.check("svm", framework="tensorflow")


TORCH = "from torch.nn.functional import cross_entropy as right\n"
JAX = """\
import jax

@jax.jit
def right(S, y):
    return -jax.nn.log_softmax(S)[jax.numpy.arange(len(y)), y].mean()
"""
WRONG = """
def wrong(S, y):
    return right(S, y), 2 * S
"""


@pytest.mark.parametrize("options", [False, True], ids=["auto", "named"])
@pytest.mark.parametrize(("name", "source"), each("torch", source=TORCH) + each("jax", source=JAX))
def test_the_command_line_checks_losses_of_a_framework(name, source, options, run_json):
    framework = ("--framework", name) if options else ()
    code, report, _ = run_json(source + WRONG, "mine:right", "mine:wrong", "svm", "--batch-size", "2", *framework)
    assert code == 1
    right, wrong, svm = report["losses"]
    of_each = [(loss["passed"], loss["framework"]) for loss in (right, wrong, svm)]
    assert of_each == [(True, name), (False, name), (True, "numpy")]
    assert wrong["batches"][0]["wrong"] == 10
    assert wrong["rerun"].endswith(f"--framework {name}") is options


MIXED = """\
import jax.numpy as jnp
import numpy as np
class Settings(dict):
    __getattr__ = dict.__getitem__
settings = Settings(column=7)
def of_numpy(S, y):
    return S[:, settings.column].sum()
def total(part):
    return jnp.sum(part)
def helped(S, y):
    return total(S[:, 7])
def by_import(S, y):
    part = S[:, 7]
    from jax import numpy
    return numpy.sum(part)
def enclosing(function):
    return lambda S, y: function(S[:, 7])
class Both:
    def of_numpy(self, S, y):
        return S[:, 7].sum()
    def helped(self, S, y):
        return self.total(S[:, 7])
    def total(self, part):
        return jnp.sum(part)
of_closure, numpy_closure, both = enclosing(jnp.sum), enclosing(np.sum), Both()
"""


@pytest.mark.parametrize(
    ("of", "name", "framework"),
    each(
        "jax",
        **{name: (name, "numpy") for name in ("of_numpy", "numpy_closure", "both.of_numpy")},
        **{name: (name, "jax") for name in ("helped", "by_import", "of_closure", "both.helped")},
    ),
)
def test_what_a_loss_that_raises_uses_counts_and_not_what_its_module_imports(of, name, framework, tmp_path):
    """NumPy raises for an index out of bounds, and JAX takes the last column."""
    (tmp_path / "mixed.py").write_text(MIXED)
    assert gradcheck.check(f"{tmp_path / 'mixed.py'}:{name}", batch_sizes=[2]).losses[0].framework == framework


@pytest.mark.parametrize("name", ["torch", "jax"])
def test_one_that_is_not_installed_is_exit_code_2_with_what_to_install(name, run_json, tmp_path):
    (tmp_path / "without").mkdir()
    (tmp_path / "without" / f"{name}.py").write_text(f"raise ModuleNotFoundError('No module named {name}')")
    code, report, said = run_json("", "svm", "--framework", name, PYTHONPATH=str(tmp_path / "without"))
    assert (code, report) == (2, None)
    assert f"pip install 'gradcheck[{name}]'" in said
    assert "Traceback" not in said


@pytest.mark.torch
def test_methods_that_the_arrays_of_numpy_lack_are_tried_on_those_of_a_framework_that_is_imported(tmp_path):
    pytest.importorskip("torch")
    source = "import torch\ndef loss(S, y):\n    return S.max(1, keepdim=True).values.mean()\n"
    (tmp_path / "methods.py").write_text(source)
    assert gradcheck.check(f"{tmp_path / 'methods.py'}:loss", batch_sizes=[2]).losses[0].framework == "torch"
