"""Losses of scores and labels in PyTorch and JAX: right ones pass, wrong backwards are found, misuse is named."""

import importlib
import itertools

import numpy as np
import pytest
from frameworks.conftest import SMALL, F, S, Y, adapted, each, jax, jnp, only_finding, report_of, torch
from frameworks.framework_losses import jax_hinge, jax_mean, jax_reduced, jax_rows, torch_by_backward_of_its_own

import gradcheck
from gradcheck.functions.function import Function


def torch_mean(S, y):
    return (S.logsumexp(1) - S[torch.arange(len(S)), y]).mean()


def torch_by_hand(S, y):
    rows, log_p = torch.arange(len(S)), torch.log_softmax(S, 1)
    p = torch.exp(log_p)
    p[rows, y] -= 1
    return -log_p[rows, y].mean(), p / len(S)


def torch_from_arrays(S, y):
    leaf = torch.from_numpy(S).requires_grad_()
    value = F.cross_entropy(leaf, torch.from_numpy(y))
    return value, torch.autograd.grad(value, leaf)[0]


def jax_by_hand(S, y):
    dS = jax.nn.softmax(S).at[jnp.arange(len(y)), y].add(-1) / len(y)
    return jax_mean(S, y), dS


def jax_from_arrays(S, y):
    T = S.copy()
    T[T < 0] = 0  # no array of JAX's takes that
    return jnp.sum(jnp.asarray(T) ** 2) / 2, jnp.asarray(T)


@pytest.mark.parametrize("by_name", [False, True])
@pytest.mark.parametrize(
    ("of", "make"),
    each(
        "torch",
        function=lambda: F.cross_entropy,
        criterion=lambda: torch.nn.CrossEntropyLoss(label_smoothing=0.1),
        written_out=lambda: torch_mean,
        each_row=lambda: lambda S, y: F.cross_entropy(S, y, reduction="none"),
        by_hand=lambda: torch_by_hand,
        by_backward_of_its_own=lambda: torch_by_backward_of_its_own,
        from_arrays=lambda: torch_from_arrays,
    )
    + each(
        "jax",
        written_out=lambda: jax_mean,
        compiled=lambda: jax.jit(jax_mean),
        each_row=lambda: jax_rows,
        by_hand=lambda: jax.jit(jax_by_hand),
        by_grad_of_its_own=lambda: jax.value_and_grad(jax.jit(jax_mean)),
        from_arrays=lambda: jax_from_arrays,
    ),
)
def test_a_right_loss_passes_however_it_is_written(of, make, by_name):
    config = gradcheck.Config(batch_sizes=[1, 3], classes=4)
    report = report_of(make(), of, config, framework=of if by_name else "auto")
    assert (report.passed, report.findings) == (True, ())
    assert sum(batch.entries for batch in report.batches) == 32
    assert not any(batch.unresolved or batch.max_relative_error >= 1e-9 for batch in report.batches)


LABELS = {
    "binary_cross_entropy_with_logits": "multi-hot", "multilabel_soft_margin_loss": "multi-hot",
    "cross_entropy": "one-hot", "mse_loss": "real", "smooth_l1_loss": "real", "multi_margin_loss": "class",
}  # fmt: skip


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize(("of", "name"), each("torch", **{name: name for name in LABELS}))
def test_torchs_own_losses_pass_with_the_labels_they_take(of, name, dtype):
    config = gradcheck.Config(batch_sizes=[1, 3], classes=4, labels={"kind": LABELS[name]}, dtype=dtype)
    report = report_of(getattr(F, name), of, config)
    assert (report.passed, report.findings) == (True, ())


@pytest.mark.parametrize(
    ("of", "make"), each("torch", hinge=lambda: F.multi_margin_loss) + each("jax", hinge=lambda: jax.jit(jax_hinge))
)
def test_a_subgradient_at_a_tie_is_no_false_alarm(of, make):
    report = report_of(make(), of, gradcheck.Config(batch_sizes=[3, 8], classes=5, scores="integers", trials=3))
    assert report.passed
    assert sum(batch.subgradient for batch in report.batches) > 10


@pytest.mark.parametrize(
    ("of", "make"),
    each("torch", function=lambda: F.cross_entropy)
    + each("jax", function=lambda: jax_reduced, compiled=lambda: jax.jit(jax_reduced, static_argnames="reduction")),
)
def test_a_reduction_is_offered_and_taken(of, make):
    loss = adapted(Function("mine", make()), of, S, Y)
    assert loss.each_row_options == {"reduction": "none"}
    values, gradient = loss.call(S.copy(), Y, reduction="none")
    p = np.exp(S) / np.exp(S).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(values, -np.log(p[[0, 1], Y]))
    np.testing.assert_allclose(gradient, p - np.eye(3)[Y])
    assert {batch.plan for batch in report_of(make(), of).batches} == {"per-sample"}


def torch_with_backward(backward):
    """Cross-entropy whose rows are an ``autograd.Function``: dS from the upstream gradient, N x 1, and p - t."""

    class Rows(torch.autograd.Function):
        @staticmethod
        def forward(ctx, S, y):
            ctx.save_for_backward(len(y) * torch_by_hand(S, y)[1])
            return F.cross_entropy(S, y, reduction="none")

        @staticmethod
        def backward(ctx, upstream):
            return backward(upstream[:, None], *ctx.saved_tensors), None

    return lambda S, y: F.mse_loss(S, 0 * S) + Rows.apply(S, y).mean()


def jax_with_backward(backward):
    """Cross-entropy with a backward of its own: dS from the upstream gradient, a number, and the right dS."""
    loss = jax.custom_vjp(jax_mean)
    loss.defvjp(jax_by_hand, lambda dS, upstream: (backward(upstream, dS), None))
    return loss


WITH_BACKWARD = each("torch", backward=torch_with_backward) + each("jax", backward=jax_with_backward)
SPOILS = {"sign": lambda dS: -dS, "mean": lambda dS: dS * len(dS), "millionth": lambda dS: dS * (1 + 1e-6)}


@pytest.mark.parametrize("by_name", [False, True])
@pytest.mark.parametrize("how", SPOILS)
@pytest.mark.parametrize(("of", "with_backward"), WITH_BACKWARD)
def test_a_wrong_backward_is_found(of, with_backward, how, by_name):
    loss = with_backward(lambda g, dS: SPOILS[how](g * dS))
    report = report_of(loss, of, framework=of if by_name else "auto")
    assert (report.passed, report.batches[0].wrong) == (False, 6)


@pytest.mark.parametrize(
    ("of", "make", "follows"),
    each(
        "torch",
        followed=(lambda: torch_with_backward(lambda g, dS: g * dS), True),
        ignored=(lambda: torch_with_backward(lambda g, dS: dS / len(dS)), False),
        sign=(lambda: torch_with_backward(lambda g, dS: abs(g) * dS), False),
        square=(lambda: torch_with_backward(lambda g, dS: len(dS) * g**2 * dS), False),
    )
    + each(
        "jax",
        followed=(lambda: jax_with_backward(lambda g, dS: g * dS), True),
        ignored=(lambda: jax_with_backward(lambda g, dS: dS), False),
        compiled=(lambda: jax.jit(jax_with_backward(lambda g, dS: dS)), False),
    ),
)
def test_a_backward_in_a_loss_must_follow_its_upstream_gradient(of, make, follows):
    report = report_of(make(), of, gradcheck.Config(batch_sizes=[3], classes=4, scores="normal"))
    assert not any(batch.wrong for batch in report.batches)
    found = [finding.code for finding in report.findings]
    assert (report.passed, found) == ((True, []) if follows else (False, ["ignores-upstream-gradient"]))
    assert follows or "-0.5 times the value" in report.findings[0].message
    assert follows or report.smallest_case is not None


def torch_clipped(S, y):
    S.register_hook(lambda dS: dS.clamp(-1, 1))
    return F.cross_entropy(S, y)


@pytest.mark.parametrize(
    ("of", "loss"),
    each(
        "torch",
        half=lambda S, y: F.cross_entropy(30 * S.half(), y),
        bfloat16=lambda S, y: F.cross_entropy(30 * S.bfloat16(), y),
        clipped=torch_clipped,
    ),
)
def test_half_precision_inside_and_clipped_gradients_are_not_accused_of_ignoring_it(of, loss):
    findings = report_of(loss, of, gradcheck.Config(batch_sizes=[3], classes=4)).findings
    assert "ignores-upstream-gradient" not in [finding.code for finding in findings]


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("kind", ["class", "real"])
@pytest.mark.parametrize(
    ("of", "compile"), each("torch", plain=False) + each("jax", plain=False) + each("jax", compiled=True)
)
def test_scores_come_in_the_dtype_of_the_config_and_classes_as_int64(of, compile, kind, dtype):
    seen = set()

    def loss(S, y):
        assert isinstance(y, (torch.Tensor if of == "torch" else jax.Array))
        seen.add((str(S.dtype).removeprefix("torch."), str(y.dtype).removeprefix("torch.")))
        return (S**2).sum()

    config = gradcheck.Config(batch_sizes=2, classes=3, scores="normal", labels={"kind": kind}, dtype=dtype)
    assert report_of(jax.jit(loss) if compile else loss, of, config, framework=of).passed
    # The reference is taken in float64.
    assert seen == {(one, "int64" if kind == "class" else one) for one in ("float64", dtype)}


@pytest.mark.parametrize(
    ("of", "make"),
    each("torch", plain=lambda: torch_mean) + each("jax", plain=lambda: jax_mean, compiled=lambda: jax.jit(jax_mean)),
)
def test_complex_scores_get_a_complex_value(of, make):
    Z = S + 1e-3j
    value, _ = adapted(Function("mine", make()), of, S, Y).call(Z, Y)
    assert complex(value) == pytest.approx(complex(np.log(np.exp(Z).sum(axis=1)).mean() - Z[[0, 1], Y].mean()))


def subtracts_and_goes_on(S, y):
    S -= S.max(dim=1, keepdim=True).values
    return F.cross_entropy(S, y)


def subtracts_behind_the_graph(S, y):
    S.data -= S.data.max(dim=1, keepdim=True).values
    return F.cross_entropy(S, y)


@pytest.mark.parametrize("framework", ["auto", "torch"])
@pytest.mark.parametrize(("of", "loss"), each("torch", on=subtracts_and_goes_on, behind=subtracts_behind_the_graph))
def test_scores_changed_in_place_are_noticed_through_the_tensor(of, loss, framework, monkeypatch):
    monkeypatch.setitem(globals(), "F", importlib.import_module("torch.nn.functional"))  # as its import does
    findings = report_of(loss, of, framework=framework).findings
    assert "mutates-input" in [finding.code for finding in findings]
    assert any("changes S in place" in finding.message for finding in findings)


RNG, CALLS = np.random.default_rng(0), itertools.count()


@pytest.mark.parametrize(
    ("of", "loss"),
    each("torch", dropout=lambda S, y: F.dropout(S, 0.5).sum())
    + each(
        "jax",
        random=lambda S, y: jnp.sum(S) * RNG.random(),
        state=lambda S, y: jnp.sum(S**2) * (1 + (next(CALLS) > 20)),
    ),
)
def test_what_is_random_or_keeps_a_state_is_not_deterministic(of, loss):
    assert only_finding(loss, of, framework=of).code == "not-deterministic"


@pytest.mark.parametrize(
    ("of", "loss", "code", "words"),
    each(
        "torch",
        item=(lambda S, y: S.sum().item(), "wrong-shape", "returns a float, and no gradient"),
        detached=(lambda S, y: S.sum().detach(), "wrong-shape", "returns a tensor without a graph"),
        constant=(lambda S, y: torch.tensor(1.0), "wrong-shape", "compute the value by operations of torch"),
        other=(
            lambda S, y: torch.ones(1, requires_grad=True),
            "wrong-shape",
            "does not lead to S, so it has no gradient",
        ),
        grad=(lambda S, y: (S.sum(), S.grad), "wrong-shape", "call backward first"),
        shape=(lambda S, y: (S.sum(), torch.ones(3)), "wrong-shape", "dS has shape (3,)"),
        rows=(lambda S, y: S.sum(0), "wrong-shape", "the value has shape (3,)"),
        dict=(lambda S, y: {"loss": S.sum()}, "wrong-shape", "returns a dict, neither"),
        nothing=(lambda S, y: None, "wrong-shape", "returns None, neither"),
        complex=(lambda S, y: (S + 1j).sum(), "wrong-dtype", "complex128"),
        backward=(lambda S, y: torch_with_backward(lambda g, dS: dS[0])(S, y), "wrong-shape", "compatible with [2, 3]"),
        infinite=(lambda S, y: torch.sqrt(S - S.detach()).sum(), "not-finite", "dS[0, 0] is inf"),
    )
    + each(
        "jax",
        integer=(lambda S, y: jnp.sum(y), "wrong-dtype", "the value has dtype int64"),
        none=(lambda S, y: (jnp.sum(S), None), "wrong-shape", "dS is None"),
        shape=(lambda S, y: (jnp.sum(S), jnp.ones(3)), "wrong-shape", "dS has shape (3,)"),
        rows=(lambda S, y: jnp.sum(S, axis=0), "wrong-shape", "the value has shape (3,)"),
        dict=(lambda S, y: {"loss": jnp.sum(S)}, "wrong-shape", "returns a dict, neither"),
        key=(lambda S, y: (jnp.sum(S), jax.random.key(0)), "wrong-dtype", "dS is no array of numbers"),
    ),
)
def test_an_answer_that_is_no_use_is_named_with_what_to_do(of, loss, code, words):
    finding = only_finding(loss, of, framework=of)
    assert (finding.code, finding.details) == (code, "")
    assert words in finding.message


def jax_dot(S, y):
    return jnp.dot(S, jnp.ones(7)).sum()


def jax_writes(S, y):
    S[0] = 0
    return jnp.sum(S)


@pytest.mark.parametrize("by_name", [False, True])
@pytest.mark.parametrize(
    ("of", "make", "line"),
    each(
        "torch",
        inside=(lambda: lambda S, y: F.cross_entropy(S, y[:, None]), "cross_entropy(S, y[:, None])"),
        backward=(lambda: torch_with_backward(lambda g, dS: dS.reshape(7)), "dS: dS.reshape(7)"),
    )
    + each(
        "jax",
        inside=(lambda: jax_dot, "jnp.dot(S, jnp.ones(7))"),
        compiled=(lambda: jax.jit(jax_dot), "jnp.dot(S, jnp.ones(7))"),
        immutable=(lambda: jax_writes, "S[0] = 0"),
    ),
)
def test_the_users_lines_are_shown_and_none_of_the_frameworks(of, make, line, by_name):
    finding = only_finding(make(), of, framework=of if by_name else "auto")
    assert finding.code == "raises"
    assert line in finding.details
    assert finding.details.count("File ") == finding.details.count(f'File "{__file__}"') > 0
    assert "FILTERING" not in finding.details


@pytest.mark.torch
def test_a_clash_of_dtypes_says_what_the_scores_are():
    weight = pytest.importorskip("torch").ones(3)

    def loss(S, y):
        return F.cross_entropy(S, y, weight=weight)

    assert "--dtype float32" in only_finding(loss, "torch").details
    in_float32 = gradcheck.Config(batch_sizes=2, classes=3, scores="normal", dtype="float32")
    assert report_of(loss, "torch", in_float32).passed


LATE = """\
def loss(S, y):
    from torch.nn.functional import cross_entropy

    print("heard")
    return cross_entropy(S, y)
"""


@pytest.mark.torch
def test_a_framework_imported_by_the_first_call_is_recognised_too(run_json):
    pytest.importorskip("torch")
    code, report, said = run_json(LATE, "mine:loss", "--batch-size", "2")
    assert (code, report["losses"][0]["framework"]) == (0, "torch")
    assert 1 <= said.count("heard") <= 2


@pytest.mark.jax
def test_jax_computes_in_64_bits_and_the_users_own_setting_stays_as_it_is():
    pytest.importorskip("jax")
    assert report_of(jax.jit(jax_mean), "jax").passed
    assert jnp.zeros(1).dtype == np.float32
    with jax.enable_x64(True):
        ones = jnp.ones((2, 3))
    report = report_of(lambda S, y: (jnp.sum(S), ones), "jax")  # nobody can write to what is returned twice
    assert (report.passed, report.findings) == (True, ())


@pytest.mark.jax
def test_a_loss_that_returns_arrays_of_numpys_computes_by_the_users_own_setting_of_jax(monkeypatch):
    monkeypatch.setitem(globals(), "jax", pytest.importorskip("jax"))  # as `import jax` does
    dtypes = []

    def loss(S, y):
        value, dS = jax.value_and_grad(jax_mean)(jnp.asarray(S, dtype=float), y)
        dtypes.append(value.dtype)
        return float(value), np.asarray(dS)

    report = gradcheck.check(loss, SMALL).losses[0]
    assert (report.framework, report.passed, report.findings) == ("numpy", True, ())
    assert dtypes[:2] == [np.float64, np.float64]
    assert {*dtypes[2:]} == {np.dtype(np.float32)}
