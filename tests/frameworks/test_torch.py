"""Losses of PyTorch's: right ones pass, wrong backwards are found, and what breaks the contract is named."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import pytest
from frameworks import conftest
from frameworks.conftest import CONFIG, SMALL, SPOILS, Make, Run, S, Y, adapted, is_all_right, shows_only_lines_of

import gradcheck
from gradcheck.functions.function import Function

pytestmark = pytest.mark.torch

report_of, only_finding = partial(conftest.report_of, of="torch"), partial(conftest.only_finding, of="torch")


@pytest.fixture(scope="module")
def torch() -> Any:
    return pytest.importorskip("torch")


def cross_entropy(torch: Any) -> Any:
    return torch.nn.functional.cross_entropy


def criterion(torch: Any) -> Any:
    return torch.nn.CrossEntropyLoss(label_smoothing=0.1)


def written_out(torch: Any) -> Any:
    return lambda S, y: (S.logsumexp(1) - S[torch.arange(len(S)), y]).mean()


def each_row(torch: Any) -> Any:
    return lambda S, y: torch.nn.functional.cross_entropy(S, y, reduction="none")


def by_hand(torch: Any) -> Any:
    def loss(S: Any, y: Any) -> Any:
        rows = torch.arange(len(S))
        log_p = torch.log_softmax(S, 1)
        p = torch.exp(log_p)
        p[rows, y] -= 1
        return -log_p[rows, y].mean(), p / len(S)

    return loss


def by_backward_of_its_own(torch: Any) -> Any:
    def loss(S: Any, y: Any) -> Any:
        value = torch.nn.functional.cross_entropy(S, y)
        value.backward()
        return value, S.grad

    return loss


def from_arrays(torch: Any) -> Any:
    def loss(S: Any, y: Any) -> Any:
        leaf = torch.from_numpy(S).requires_grad_()
        value = torch.nn.functional.cross_entropy(leaf, torch.from_numpy(y))
        (gradient,) = torch.autograd.grad(value, leaf)
        return value, gradient

    return loss


@pytest.mark.parametrize("framework", ["auto", "torch"])
@pytest.mark.parametrize(
    "make",
    [cross_entropy, criterion, written_out, each_row, by_hand, by_backward_of_its_own, from_arrays],
)  # fmt: skip
def test_a_right_loss_passes_however_it_is_written(make: Make, framework: Any, torch: Any) -> None:
    report = report_of(make(torch), CONFIG, framework=framework)
    assert is_all_right(report)
    assert sum(batch.entries for batch in report.batches) == 32


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("binary_cross_entropy_with_logits", "multi-hot"),
        ("multilabel_soft_margin_loss", "multi-hot"),
        ("cross_entropy", "one-hot"),
        ("mse_loss", "real"),
        ("smooth_l1_loss", "real"),
        ("multi_margin_loss", "class"),
    ],
)
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_torchs_own_losses_pass_with_the_labels_they_take(name: str, kind: str, dtype: str, torch: Any) -> None:
    config = gradcheck.Config(batch_sizes=[1, 3], classes=4, labels={"kind": kind}, dtype=dtype)
    report = report_of(getattr(torch.nn.functional, name), config)
    assert report.passed
    assert not report.findings


def test_a_subgradient_of_torchs_at_a_tie_is_no_false_alarm(torch: Any) -> None:
    config = gradcheck.Config(batch_sizes=[3, 8], classes=5, scores="integers", trials=3)
    report = report_of(lambda S, y: torch.nn.functional.multi_margin_loss(S, y), config)
    assert report.passed
    assert sum(batch.subgradient for batch in report.batches) > 10


def test_a_reduction_is_offered_and_taken(torch: Any) -> None:
    loss = adapted(Function("mine", torch.nn.functional.cross_entropy), "torch", S, Y)
    assert loss.each_row_options == {"reduction": "none"}
    values, gradient = loss.call(S.copy(), Y, reduction="none")
    p = np.exp(S) / np.exp(S).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(values, -np.log(p[[0, 1], Y]))
    np.testing.assert_allclose(gradient, p - np.eye(3)[Y])
    assert {batch.plan for batch in report_of(torch.nn.functional.cross_entropy).batches} == {"per-sample"}


def softmax_with_backward(torch: Any, spoil: Callable[[Any], Any]) -> Callable[[Any, Any], Any]:
    """Cross-entropy as a ``torch.autograd.Function`` whose backward is ``spoil`` of the right one."""

    class Softmax(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, S: Any, y: Any) -> Any:
            p = torch.softmax(S, 1)
            ctx.save_for_backward(p, y)
            return -torch.log(p[torch.arange(len(S)), y]).mean()

        @staticmethod
        def backward(ctx: Any, upstream: Any) -> Any:
            p, y = ctx.saved_tensors
            p = p.clone()
            p[torch.arange(len(p)), y] -= 1
            return upstream * spoil(p / len(p)), None

    def loss(S: Any, y: Any) -> Any:
        return Softmax.apply(S, y)

    return loss


@pytest.mark.parametrize("framework", ["auto", "torch"])
@pytest.mark.parametrize("spoil", SPOILS.values(), ids=SPOILS)
def test_a_wrong_backward_is_found(spoil: Any, framework: Any, torch: Any) -> None:
    report = report_of(softmax_with_backward(torch, spoil), SMALL, framework=framework)
    assert not report.passed
    assert report.batches[0].wrong == 6


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("kind", ["class", "real"])
def test_scores_come_in_the_dtype_of_the_config_and_classes_as_int64(dtype: str, kind: str, torch: Any) -> None:
    seen = set()

    def loss(S: Any, y: Any) -> Any:
        seen.add((str(S.dtype), str(y.dtype)))
        return (S**2).sum()

    config = gradcheck.Config(batch_sizes=2, classes=3, scores="normal", labels={"kind": kind}, dtype=dtype)
    assert report_of(loss, config, framework="torch").passed
    scores = {"torch.float64", f"torch.{dtype}"}  # the reference is taken in float64
    assert seen == {(one, "torch.int64" if kind == "class" else one) for one in scores}


def test_complex_scores_get_a_complex_value(torch: Any) -> None:
    function = written_out(torch)
    value, _ = adapted(Function("mine", function), "torch", S, Y).call(S + 1e-3j, Y)
    assert value == pytest.approx(complex(np.log(np.exp(S + 1e-3j).sum(axis=1)).mean() - (S[[0, 1], Y] + 1e-3j).mean()))


def subtracts_and_goes_on(torch: Any) -> Any:
    def loss(S: Any, y: Any) -> Any:
        S -= S.max(dim=1, keepdim=True).values
        return torch.nn.functional.cross_entropy(S, y)

    return loss


def subtracts_behind_the_graph(torch: Any) -> Any:
    def loss(S: Any, y: Any) -> Any:
        S.data -= S.data.max(dim=1, keepdim=True).values
        return torch.nn.functional.cross_entropy(S, y)

    return loss


@pytest.mark.parametrize("framework", ["auto", "torch"])
@pytest.mark.parametrize("make", [subtracts_and_goes_on, subtracts_behind_the_graph])
def test_scores_changed_in_place_are_noticed_through_the_tensor(make: Make, framework: Any, torch: Any) -> None:
    findings = report_of(make(torch), framework=framework).findings
    assert "mutates-input" in [finding.code for finding in findings]
    assert any("changes S in place" in finding.message for finding in findings)


def test_dropout_is_not_deterministic(torch: Any) -> None:
    finding = only_finding(lambda S, y: torch.nn.functional.dropout(S, 0.5).sum())
    assert finding.code == "not-deterministic"


def test_a_gradient_that_is_not_finite_is_named(torch: Any) -> None:
    finding = only_finding(lambda S, y: torch.sqrt(S - S.detach()).sum())
    assert finding.code == "not-finite"
    assert "dS[0, 0] is inf" in finding.message


def shape_of_backward(torch: Any) -> Any:
    return softmax_with_backward(torch, lambda dS: dS[0])


def none_of_backward(torch: Any) -> Any:
    class Nothing(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, S: Any) -> Any:
            return S.sum()

        @staticmethod
        def backward(ctx: Any, upstream: Any) -> Any:
            return None

    return lambda S, y: Nothing.apply(S)


@pytest.mark.parametrize(
    ("make", "code", "words"),
    [
        (lambda torch: lambda S, y: S.sum().item(), "wrong-shape", "returns a float, and no gradient"),
        (lambda torch: lambda S, y: S.sum().detach(), "wrong-shape", "returns a tensor without a graph"),
        (lambda torch: lambda S, y: torch.tensor(1.0), "wrong-shape", "compute the value by operations of torch"),
        (lambda torch: lambda S, y: torch.ones(1, requires_grad=True), "wrong-shape", "does not lead to S"),
        (none_of_backward, "wrong-shape", "a backward return None"),
        (lambda torch: lambda S, y: (S.sum(), S.grad), "wrong-shape", "call backward first"),
        (lambda torch: lambda S, y: (S.sum(), torch.ones(3)), "wrong-shape", "dS has shape (3,)"),
        (lambda torch: lambda S, y: S.sum(0), "wrong-shape", "the value has shape (3,)"),
        (lambda torch: lambda S, y: {"loss": S.sum()}, "wrong-shape", "returns a dict, neither"),
        (lambda torch: lambda S, y: None, "wrong-shape", "returns None, neither"),
        (lambda torch: lambda S, y: (S + 1j).sum(), "wrong-dtype", "complex128"),
        (shape_of_backward, "wrong-shape", "expected shape compatible with [2, 3]"),
    ],
    ids=["item", "detached", "constant", "elsewhere", "None", "grad", "shape", "rows", "dict", "nothing",
         "complex", "backward"],
)  # fmt: skip
def test_an_answer_that_is_no_use_is_named_with_what_to_do(make: Make, code: str, words: str, torch: Any) -> None:
    finding = only_finding(make(torch), framework="torch")
    assert (finding.code, finding.details) == (code, "")
    assert words in finding.message


def inside_torch(torch: Any) -> Any:
    return lambda S, y: torch.nn.functional.cross_entropy(S, y[:, None, None])


def inside_backward(torch: Any) -> Any:
    return softmax_with_backward(torch, lambda dS: dS.reshape(7))


@pytest.mark.parametrize("framework", ["auto", "torch"])
@pytest.mark.parametrize(
    ("make", "line"),
    [(inside_torch, "cross_entropy(S, y[:, None, None])"), (inside_backward, "lambda dS: dS.reshape(7)")],
)
def test_the_users_lines_are_shown_and_none_of_torchs(make: Make, line: str, framework: Any, torch: Any) -> None:
    finding = only_finding(make(torch), framework=framework)
    assert finding.code == "raises"
    assert line in finding.details
    assert shows_only_lines_of(finding, __file__)


def test_a_clash_of_dtypes_says_what_the_scores_are(torch: Any) -> None:
    weight = torch.ones(3)

    def loss(S: Any, y: Any) -> Any:
        return torch.nn.functional.cross_entropy(S, y, weight=weight)

    assert "--dtype float32" in only_finding(loss).details
    in_float32 = gradcheck.Config(batch_sizes=2, classes=3, scores="normal", dtype="float32")
    assert report_of(loss, in_float32).passed


LATE = """\
def loss(S, y):
    from torch.nn.functional import cross_entropy

    print("heard")
    return cross_entropy(S, y)
"""


@pytest.mark.usefixtures("torch")
def test_a_framework_imported_by_the_first_call_is_recognised_too(run_json: Run) -> None:
    code, report, said = run_json(LATE, "mine:loss", "--batch-size", "2")
    assert (code, report["losses"][0]["framework"]) == (0, "torch")
    assert 1 <= said.count("heard") <= 2
