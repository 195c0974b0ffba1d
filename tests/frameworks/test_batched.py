"""Many points in one call, of functions of every kind: what is said of them is what single calls say."""

import functools
import importlib
import itertools
import sys
from dataclasses import replace

import numpy as np
import pytest
from frameworks.conftest import F, each, jax, jnp, torch
from frameworks.framework_losses import jax_hinge, jax_mean, jax_reduced, torch_by_backward_of_its_own

import gradcheck
from gradcheck.config.settings import Settings
from gradcheck.errors import LossDefect, OutOfTime
from gradcheck.evaluation.objective import Objective
from gradcheck.functions.budget import Budget
from gradcheck.functions.frameworks import first_that_works, forms_of
from gradcheck.functions.function import Function

BY_ONE, BY_MANY = "one point in each call", "many points in one call"
CONFIG = gradcheck.Config(batch_sizes=4, classes=3, scores="integers")


def report_of(loss, is_batched, config, **options):
    with pytest.MonkeyPatch.context() as patch:
        if "torch" in sys.modules:
            torch.manual_seed(0)
        patch.setattr("gradcheck.evaluation.objective._WORTHWHILE", 4 if is_batched else 10**9)
        patch.setattr("gradcheck.evaluation.objective._PLAIN", 20 if is_batched else 10**9)
        return gradcheck.check(loss, config, **options).losses[0]


def seen(report):
    """What must not depend on how values were obtained."""
    findings = [(finding.code, finding.severity) for finding in report.findings]
    if "not-deterministic" in dict(findings):  # then verdicts depend on how many calls there were
        return [findings, report.error]
    batches = [(batch.plan, None if batch.verdicts is None else batch.verdicts.tolist()) for batch in report.batches]
    return [findings, report.error, *batches]


def whys(report):
    return "\n".join(batch.why for batch in report.batches)


def same_as_by_one(make, config=CONFIG, **options):
    """The report by many points in one call; a loss of its own for each report, because it may keep state."""
    one, many = (report_of(make(), is_batched, config, **options) for is_batched in (False, True))
    assert seen(many) == seen(one)
    assert BY_MANY not in whys(one)
    return many


def fixed(S):
    """A constant to the framework."""
    return S.detach() if hasattr(S, "detach") else jax.lax.stop_gradient(S)


def spoilt(loss, wrong):
    """The loss; or the same with a term that has half of its gradient, or with another dS if it is by hand."""

    @functools.wraps(loss)
    def off(S, *others, **options):
        answer = loss(S, *others, **options)
        if isinstance(answer, tuple):
            return answer[0], 1.01 * answer[1]
        each_row = (fixed(S) * S).sum(1)
        return answer + (each_row if answer.ndim else each_row.mean())

    return off if wrong else loss


# --- PyTorch -------------------------------------------------------------------------------------------------


def torch_plain(S, y):
    return F.cross_entropy(S, y) + 0.1 * (S**3).sum() ** 2


def torch_hinge(S, y):
    margins = torch.clamp(S - S[torch.arange(len(S)), y][:, None] + 1, min=0)
    return (margins.sum(1) - 1).mean()


def torch_control_flow(S, y):
    return (S**2).sum() if S.sum() > 0 else (S.detach() ** 3 + S**2).sum()


def torch_loop_over_labels(S, y):
    return sum(S[i].logsumexp(0) - S[i, int(y[i])] for i in range(len(S))) * S.exp().sum()


def torch_in_place(S, y):
    T = S.clone()
    T -= T.max(1, keepdim=True).values
    T.exp_()
    return T.sum().log() + S.sum()


def torch_changes_its_input(S, y):
    S -= 1
    return (S**2).sum() ** 2


def prints(S, y):
    print(S, S.shape)  # noqa: T201
    return (S**2).sum() ** 2


def torch_by_hand(S, y):
    rows = torch.arange(len(S))
    log_p = torch.log_softmax(S, 1)
    p = log_p.exp()
    p[rows, y] -= 1
    return -log_p[rows, y].mean() + S.sum() ** 2, p / len(S) + 2 * S.sum()


def torch_cast(name):
    return lambda S, y: (S.to(getattr(torch, name)) ** 2).sum().to(S.dtype) * S.sum().exp()


def torch_buffer(wrong):
    kept = {}

    def loss(S, y):
        own = kept.setdefault(S.shape, torch.zeros(S.shape, dtype=S.dtype))
        own[:] = S.detach()
        return (S * own).sum() / 2 + (S**2).sum() ** 2 / 7 + (own**2).sum() * 0

    return spoilt(loss, wrong)


def torch_keeps_what_it_saw(wrong):
    seen = []

    def loss(S, y):
        before = seen[-1].sum() if seen else 0
        seen[:] = [S.detach()]
        return (S**2).sum() ** 2 + 0 * before

    return spoilt(loss, wrong)


def counts(wrong):
    calls = itertools.count()
    return spoilt(lambda S, y: (S**2).sum() * (1 + (next(calls) > 20)), wrong)


def torch_function(rule, wrong):
    """A Function whose backward may be wrong, with a rule for vmap or without."""

    class Old(torch.autograd.Function):
        @staticmethod
        def forward(ctx, S):
            ctx.save_for_backward(S)
            return (S**2).sum()

        @staticmethod
        def backward(ctx, upstream):
            (S,) = ctx.saved_tensors
            return upstream * 2 * S * (1 + 1e-4 * S if wrong else 1)

    class New(torch.autograd.Function):
        generate_vmap_rule = rule == "generated"
        backward = Old.backward

        @staticmethod
        def forward(S):
            return (S**2).sum()

        @staticmethod
        def setup_context(ctx, inputs, output):
            ctx.save_for_backward(*inputs)

    class Wrong(New):
        @staticmethod
        def vmap(info, in_dims, S):
            return (S**2).sum(), None

    kind = {"old": Old, "none": New, "generated": New, "wrong": Wrong}[rule]
    return lambda S, y: kind.apply(S) * S.sum().sin()


# --- JAX -----------------------------------------------------------------------------------------------------


def jax_plain(S, y):
    return jax_mean(S, y) + 0.1 * (S**3).sum() ** 2


def jax_lax_flow(S, y):
    total = jax.lax.fori_loop(0, 3, lambda k, t: jnp.sin(t) + S.sum(), 0.0)
    return jax.lax.cond(S[0, 0] > 0, lambda: (S**2).sum(), lambda: (S**3).sum()) + total**2


def jax_by_hand(S, y):
    rows, log_p = jnp.arange(len(y)), jax.nn.log_softmax(S)
    dS = jnp.exp(log_p).at[rows, y].add(-1) / len(y) + 2 * S.sum()
    return -log_p[rows, y].mean() + S.sum() ** 2, dS


def jax_loop_over_labels(S, y):
    return sum(S[i, int(y[i])] for i in range(len(S))) ** 2 + (S**2).sum()


def jax_callback(S, y):
    kind = jax.ShapeDtypeStruct((), S.dtype)
    return (S**2).sum() ** 2 + jax.pure_callback(lambda T: np.sum(np.asarray(T) ** 2), kind, fixed(S))


def jax_drawn_by_a_key(S, y):
    return ((S * jax.random.bernoulli(jax.random.key(0), 0.5, S.shape)) ** 2).sum() ** 2


@functools.cache
def jax_weights(count):
    return jnp.arange(count) * 1.0


def jax_cast(name):
    return lambda S, y: (S.astype(name) ** 2).sum().astype(S.dtype) * jnp.exp(S.sum())


def jax_through(name):
    return lambda S, y: (S.astype(name).astype(S.dtype) * S).sum() ** 2


def jax_custom_vjp(wrong):
    square = jax.custom_vjp(lambda S: (S**2).sum())
    square.defvjp(lambda S: (square(S), S), lambda S, g: (g * 2 * S * (1 + 1e-4 * S if wrong else 1),))
    return lambda S, y: square(S) * jnp.sin(S.sum())


def jax_custom_jvp(wrong):
    square = jax.custom_jvp(lambda S: (S**2).sum())
    square.defjvp(lambda at, by: (square(*at), (2 * at[0] * (1 + 1e-4 * wrong) * by[0]).sum()))
    return lambda S, y: square(S) * jnp.sin(S.sum())


def jax_random(wrong):
    rng = np.random.default_rng(0)
    return lambda S, y: (S**2).sum() * rng.random()


def jax_keeps_what_it_saw(wrong):
    seen = {}

    def loss(S, y):
        seen["S"] = S
        return (seen["S"] ** 2).sum() ** 2

    return spoilt(loss, wrong)


def shapes_by_values(S, y):
    return (S[S > 0.1] ** 2).sum() ** 2


def numpy_between(S, y):
    return (S**2).sum() ** 2 + float((np.asarray(fixed(S)) ** 2).sum())


# --- all of them ---------------------------------------------------------------------------------------------

#: By framework: losses, and whether vmap takes them, None where no gradient is judged.
LOSSES = {
    "torch": {
        "plain": (torch_plain, True),
        "each row": (lambda S, y, reduction="mean": F.cross_entropy(S, y, reduction=reduction), None),
        "hinge": (torch_hinge, True),
        "control flow": (torch_control_flow, False),
        "loop over labels": (torch_loop_over_labels, None),
        "in place": (torch_in_place, True),
        "changes its input": (torch_changes_its_input, True),
        "dropout": (lambda S, y: F.dropout(S, 0.5).sum() ** 2, None),
        "prints": (prints, True),
        "shapes by values": (shapes_by_values, False),
        "by hand": (torch_by_hand, True),
        "own backward": (torch_by_backward_of_its_own, False),
        "NumPy between": (numpy_between, False),
        **{name: (torch_cast(name), None) for name in ("float32", "float16", "bfloat16")},
    },
    "jax": {
        "plain": (jax_plain, True),
        "each row": (jax_reduced, None),
        "hinge": (jax_hinge, True),
        "control flow": (lambda S, y: (S**2).sum() if S.sum() > 0 else (fixed(S) ** 3 * S**2).sum(), False),
        "lax": (jax_lax_flow, True),
        "by hand": (jax_by_hand, True),
        "loop over labels": (jax_loop_over_labels, False),
        "NumPy between": (numpy_between, False),
        "callback": (jax_callback, False),
        "prints": (prints, True),
        "shapes by values": (shapes_by_values, False),
        "drawn by a key": (jax_drawn_by_a_key, True),
        "cached": (lambda S, y: (jax_weights(S.size) * S.ravel()).sum() ** 2, True),
        **{name: (jax_cast(name), None) for name in ("float32", "float16", "bfloat16")},
        **{f"through {name}": (jax_through(name), None) for name in ("float32", "bfloat16")},
    },
}
#: The same of what makes a loss, right or wrong: those that keep something, and those with a backward of their own.
MAKERS = {
    "torch": {
        "buffer": (torch_buffer, False),
        "keeps what it saw": (torch_keeps_what_it_saw, False),
        "counts": (counts, None),
        "old Function": (functools.partial(torch_function, "old"), False),
        "Function without a rule": (functools.partial(torch_function, "none"), False),
        "Function with a rule": (functools.partial(torch_function, "generated"), True),
        "Function with a wrong rule": (functools.partial(torch_function, "wrong"), False),
    },
    "jax": {
        "compiled": (lambda wrong: jax.jit(spoilt(jax_plain, wrong)), True),
        "custom_vjp": (jax_custom_vjp, True),
        "custom_jvp": (jax_custom_jvp, True),
        "counts": (counts, None),
        "random": (jax_random, None),
        "keeps what it saw": (jax_keeps_what_it_saw, False),
    },
}


def cases(of):
    losses = {name: (functools.partial(spoilt, loss), taken) for name, (loss, taken) in LOSSES[of].items()}
    return each(of, **losses, **MAKERS[of])


@pytest.mark.parametrize("wrong", [False, True], ids=["right", "wrong"])
@pytest.mark.parametrize(("of", "make", "is_taken"), cases("torch") + cases("jax"))
def test_a_loss_is_judged_as_by_single_calls(of, make, is_taken, wrong):
    importlib.import_module(of)
    report = same_as_by_one(lambda: make(wrong), framework=of)
    assert report.framework == of
    if is_taken is not None:
        told = [batch.why for batch in report.batches if "points" in batch.why or "point in" in batch.why]
        assert {BY_MANY if BY_MANY in why else BY_ONE for why in told} == {BY_MANY if is_taken else BY_ONE}, told


@pytest.mark.parametrize("wrong", [False, True], ids=["right", "wrong"])
@pytest.mark.parametrize(
    ("of", "loss"),
    each("torch", inputs=lambda W, X, y: F.cross_entropy(torch.tanh(X @ W), y))
    + each("jax", inputs=lambda W, X, y: jax_mean(jnp.tanh(X @ W), y)),
)
def test_named_inputs_are_judged_as_by_single_calls(of, loss, wrong):
    importlib.import_module(of)
    config = gradcheck.Config(inputs={"W": "[D, C]", "X": "[N, D]", "y": "labels"}, batch_sizes=3, classes=3)
    report = same_as_by_one(lambda: spoilt(loss, wrong), config, framework=of)
    assert report.passed != wrong
    assert all(BY_MANY in batch.why for batch in report.batches)


@pytest.mark.torch
class TestTorch:
    @pytest.fixture(autouse=True)
    def _torch(self):
        pytest.importorskip("torch")

    def test_a_module_is_judged_as_by_single_calls(self):
        module = torch.nn.Sequential(torch.nn.Linear(4, 3), torch.nn.BatchNorm1d(3), torch.nn.Tanh())
        config = gradcheck.Config(inputs={"input": "[N, 4]"}, batch_sizes=3)
        assert same_as_by_one(lambda: module, config).passed

    def test_points_are_counted_and_the_deadline_is_heeded_between_chunks(self):
        budget = Budget()
        objective, x, entries = objective_of(lambda S, y: (S**2).sum() + torch.sin(S.sum()), budget)
        values, derivatives = objective.ask("whole", x, entries, x + 0.5)
        assert objective.batched.believes("whole")
        # One call showed whether it keeps arrays.
        assert len(entries) < objective.calls == budget.calls - 1 < len(entries) + 12
        np.testing.assert_allclose(values, (x**2).sum() - x**2 + (x + 0.5) ** 2 + np.sin(x.sum() + 0.5))
        np.testing.assert_allclose(derivatives, 2 * (x + 0.5) + np.cos(x.sum() + 0.5))
        late, x, entries = objective_of(lambda S, y: (S**2).sum(), Budget(Settings(max_seconds=1e-9)))
        with pytest.raises(OutOfTime):
            late.ask("whole", x, entries, x + 0.5)

    def test_a_defect_among_many_points_is_looked_for_by_single_calls(self):
        def loss(S, y):
            return (S**2).sum() + 0 * torch.linalg.cholesky((50 - S.max()).reshape(1, 1)).sum()

        objective, x, entries = objective_of(loss)
        values, _ = objective.ask("whole", x, entries, x + 0.5)
        assert objective.batched.believes("whole"), objective.batched.words
        np.testing.assert_allclose(values, (x**2).sum() - x**2 + (x + 0.5) ** 2)
        after = np.where(entries == 700, 60.0, x + 0.5)
        with pytest.raises(LossDefect, match="not positive-definite") as raised:
            objective.ask("whole", x, entries, after)
        assert "Batch element" not in raised.value.message
        assert not objective.batched.believes("whole")
        assert "one point in each call: for many, raises _LinAlgError: linalg" in objective.batched.words

    @pytest.mark.parametrize("place", ["closure", "module", "nowhere"])
    def test_arrays_are_put_on_the_device_of_a_functions_own_tensors(self, place):
        """A device without numbers stands for a GPU."""
        from gradcheck.functions.frameworks.torch_ import TOOLKIT

        weights = torch.ones(3, device="meta")
        functions = {
            "closure": lambda S, y: (weights * S).sum(),
            "module": torch.nn.CrossEntropyLoss(weight=weights),
            "nowhere": lambda S, y: S.sum(),
        }
        near = TOOLKIT.near(TOOLKIT, functions[place])
        assert near.array(np.ones(3)).device.type == ("cpu" if place == "nowhere" else "meta")


def objective_of(loss, budget=None):
    rng = np.random.default_rng(0)
    S, y = rng.normal(size=(64, 20)), rng.integers(0, 20, size=64)
    form, _ = first_that_works(forms_of(Function("mine", loss), "torch"), lambda each: each.evaluate(S, y))
    return Objective(replace(form, budget=budget or Budget()), S.shape, y), S.ravel(), np.arange(S.size)
