"""Many points in one call, of functions of every kind: what is said of them is what single calls say."""

from __future__ import annotations

import functools
import itertools
import sys
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

import gradcheck
from gradcheck.config.settings import Settings
from gradcheck.errors import LossDefect, OutOfTime
from gradcheck.evaluation import batched
from gradcheck.evaluation.objective import Objective
from gradcheck.functions.budget import Budget
from gradcheck.functions.frameworks import first_that_works, forms_of
from gradcheck.functions.function import Function
from gradcheck.report import LossReport

BY_ONE, BY_MANY = "one point in each call", "many points in one call"
#: Of framework and whether its gradient is to be wrong: a loss.
Make = Callable[[Any, bool], Callable[..., Any]]
CONFIG = gradcheck.Config(batch_sizes=4, classes=3, scores="integers")


def report_of(loss: Any, is_batched: bool, config: gradcheck.Config, **options: Any) -> LossReport:
    with pytest.MonkeyPatch.context() as patch:
        if "torch" in sys.modules:
            sys.modules["torch"].manual_seed(0)
        patch.setattr(batched, "_WORTHWHILE", 4 if is_batched else 10**9)
        patch.setattr(batched, "_PLAIN", 20 if is_batched else 10**9)
        return gradcheck.check(loss, config, **options).losses[0]


def seen(report: LossReport) -> list[Any]:
    """What must not depend on how values were obtained."""
    findings = [(finding.code, finding.severity) for finding in report.findings]
    if "not-deterministic" in dict(findings):  # then verdicts depend on how many calls there were
        return [findings, report.error]
    batches = [(batch.plan, None if batch.verdicts is None else batch.verdicts.tolist()) for batch in report.batches]
    return [findings, report.error, *batches]


def whys(report: LossReport) -> str:
    return "\n".join(batch.why for batch in report.batches)


def same_as_by_one(make: Callable[[], Any], config: gradcheck.Config = CONFIG, **options: Any) -> LossReport:
    """The report by many points in one call; a loss of its own for each report, because it may keep state."""
    one, many = (report_of(make(), is_batched, config, **options) for is_batched in (False, True))
    assert seen(many) == seen(one)
    assert BY_MANY not in whys(one)
    return many


def torch_losses() -> dict[str, tuple[Make, bool | None]]:
    """Losses of PyTorch's; whether vmap takes them, None where no gradient is judged."""

    def plain(torch: Any, wrong: bool) -> Any:
        def loss(S: Any, y: Any) -> Any:
            log_p = torch.log_softmax(S.detach() if wrong else S, 1)
            return -log_p[torch.arange(len(S)), y].mean() + 0.1 * (S**3).sum() ** 2

        return loss

    def each_row(torch: Any, wrong: bool) -> Any:
        def loss(S: Any, y: Any, reduction: str = "mean") -> Any:
            each = S.logsumexp(1) - (S.detach() if wrong else S)[torch.arange(len(S)), y]
            return each if reduction == "none" else each.mean()

        return loss

    def hinge(torch: Any, wrong: bool) -> Any:
        def loss(S: Any, y: Any) -> Any:
            rows = torch.arange(len(S))
            margins = torch.clamp(S - S[rows, y][:, None] + 1, min=0)
            return ((margins.sum(1) - 1) * (2 if wrong else 1) - (margins.sum(1) - 1).detach() * int(wrong)).mean()

        return loss

    def control_flow(torch: Any, wrong: bool) -> Any:
        def loss(S: Any, y: Any) -> Any:
            return (S**2).sum() if S.sum() > 0 or wrong else (S.detach() ** 3 + S**2).sum()

        return loss

    def loop_over_labels(torch: Any, wrong: bool) -> Any:
        def loss(S: Any, y: Any) -> Any:
            T = S.detach() if wrong else S
            return sum(S[i].logsumexp(0) - T[i, int(y[i])] for i in range(len(S))) * S.exp().sum()

        return loss

    def function(rule: str) -> Make:
        def make(torch: Any, wrong: bool) -> Any:
            def gradient(S: Any) -> Any:
                return 2 * S * (1 + 1e-4 * S if wrong else 1)

            class Old(torch.autograd.Function):
                @staticmethod
                def forward(ctx: Any, S: Any) -> Any:
                    ctx.save_for_backward(S)
                    return (S**2).sum()

                @staticmethod
                def backward(ctx: Any, upstream: Any) -> Any:
                    return upstream * gradient(ctx.saved_tensors[0])

            class New(torch.autograd.Function):
                generate_vmap_rule = rule == "generated"

                @staticmethod
                def forward(S: Any) -> Any:
                    return (S**2).sum()

                @staticmethod
                def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
                    ctx.save_for_backward(*inputs)

                backward = Old.backward

            class Wrong(New):  # type: ignore[misc, valid-type]
                @staticmethod
                def vmap(info: Any, in_dims: Any, S: Any) -> Any:
                    return (S**2).sum(), None

            kind = {"old": Old, "none": New, "generated": New, "wrong": Wrong}[rule]
            return lambda S, y: kind.apply(S) * S.sum().sin()

        return make

    def in_place(torch: Any, wrong: bool) -> Any:
        def loss(S: Any, y: Any) -> Any:
            T = S.clone()
            T -= T.max(1, keepdim=True).values
            T.exp_()
            return T.sum().log() + (S.sum().detach() * S.sum() if wrong else S.sum())

        return loss

    def changes_its_input(torch: Any, wrong: bool) -> Any:
        def loss(S: Any, y: Any) -> Any:
            S -= 1
            return (S**2).sum() ** 2 + (S.detach() * S).sum() * int(wrong)

        return loss

    def buffer(torch: Any, wrong: bool) -> Any:
        kept: dict[Any, Any] = {}

        def loss(S: Any, y: Any) -> Any:
            own = kept.setdefault(S.shape, torch.zeros(S.shape, dtype=S.dtype))
            own[:] = S.detach()
            return (S * own).sum() * (1 if wrong else 0.5) + (S**2).sum() ** 2 / 7 + (own**2).sum() * 0

        return loss

    def keeps_what_it_saw(torch: Any, wrong: bool) -> Any:
        seen: list[Any] = []

        def loss(S: Any, y: Any) -> Any:
            before = seen[-1].sum() if seen else 0
            seen[:] = [S.detach()]
            return (S**2).sum() ** 2 + (0 * before) + (S * S.detach()).sum() * int(wrong)

        return loss

    def counts(torch: Any, wrong: bool) -> Any:
        calls = itertools.count()
        return lambda S, y: (S**2).sum() * (1 + (next(calls) > 20)) + (S * S.detach()).sum() * int(wrong)

    def dropout(torch: Any, wrong: bool) -> Any:
        return lambda S, y: torch.nn.functional.dropout(S, 0.5).sum() ** 2

    def prints(torch: Any, wrong: bool) -> Any:
        def loss(S: Any, y: Any) -> Any:
            print(S, S.shape)  # noqa: T201
            return (S**2).sum() ** 2 + (S * S.detach()).sum() * int(wrong)

        return loss

    def shapes_by_values(torch: Any, wrong: bool) -> Any:
        return lambda S, y: (S[S > 0.1] ** 2).sum() ** 2 + (S.detach() * S).sum() * int(wrong)

    def by_hand(torch: Any, wrong: bool) -> Any:
        def loss(S: Any, y: Any) -> Any:
            rows = torch.arange(len(S))
            log_p = torch.log_softmax(S, 1)
            p = log_p.exp()
            p[rows, y] -= 1
            total = S.sum()
            return -log_p[rows, y].mean() + total**2, p / len(S) + (1 if wrong else 2) * total

        return loss

    def own_backward(torch: Any, wrong: bool) -> Any:
        def loss(S: Any, y: Any) -> Any:
            value = (S**2).sum() ** 2
            value.backward()
            return value.detach(), S.grad * (1.01 if wrong else 1)

        return loss

    def numpy_between(torch: Any, wrong: bool) -> Any:
        def loss(S: Any, y: Any) -> Any:
            T = np.asarray(S.detach())
            factor = float((T**2).sum())
            return (S**2).sum() * factor if wrong else (S**2).sum() + 0 * factor

        return loss

    def cast(name: str) -> Make:
        def make(torch: Any, wrong: bool) -> Any:
            def loss(S: Any, y: Any) -> Any:
                T = S.to(getattr(torch, name))
                return ((T**2).sum() + (T * T.detach()).sum() * int(wrong)).to(S.dtype) * S.sum().exp()

            return loss

        return make

    return {
        "plain": (plain, True),
        "each row": (each_row, None),
        "hinge": (hinge, True),
        "control flow": (control_flow, False),
        "loop over labels": (loop_over_labels, None),
        "old Function": (function("old"), False),
        "Function without a rule": (function("none"), False),
        "Function with a rule": (function("generated"), True),
        "Function with a wrong rule": (function("wrong"), False),
        "in place": (in_place, True),
        "changes its input": (changes_its_input, True),
        "buffer": (buffer, False),
        "keeps what it saw": (keeps_what_it_saw, False),
        "counts": (counts, None),
        "dropout": (dropout, None),
        "prints": (prints, True),
        "shapes by values": (shapes_by_values, False),
        "by hand": (by_hand, True),
        "own backward": (own_backward, False),
        "NumPy between": (numpy_between, False),
        "float32": (cast("float32"), None),
        "float16": (cast("float16"), None),
        "bfloat16": (cast("bfloat16"), None),
    }


def jax_losses() -> dict[str, tuple[Make, bool | None]]:
    """Losses of JAX's; as those of PyTorch's."""

    def plain(jax: Any, wrong: bool) -> Any:
        def loss(S: Any, y: Any) -> Any:
            log_p = jax.nn.log_softmax(jax.lax.stop_gradient(S) if wrong else S)
            return -log_p[jax.numpy.arange(len(y)), y].mean() + 0.1 * (S**3).sum() ** 2

        return loss

    def compiled(jax: Any, wrong: bool) -> Any:
        return jax.jit(plain(jax, wrong))

    def each_row(jax: Any, wrong: bool) -> Any:
        def loss(S: Any, y: Any, reduction: str = "mean") -> Any:
            log_p = jax.nn.log_softmax(jax.lax.stop_gradient(S) if wrong else S)
            each = -log_p[jax.numpy.arange(len(y)), y]
            return each if reduction == "none" else each.mean()

        return loss

    def hinge(jax: Any, wrong: bool) -> Any:
        def loss(S: Any, y: Any) -> Any:
            rows = jax.numpy.arange(len(y))
            margins = jax.numpy.maximum(0, S - S[rows, y][:, None] + 1).at[rows, y].set(0)
            own = jax.lax.stop_gradient(margins) if wrong else margins
            return (margins + own).sum() / len(y)

        return loss

    def control_flow(jax: Any, wrong: bool) -> Any:
        def loss(S: Any, y: Any) -> Any:
            return (S**2).sum() if S.sum() > 0 else (jax.lax.stop_gradient(S) ** (3 * int(wrong)) * S**2).sum()

        return loss

    def lax_flow(jax: Any, wrong: bool) -> Any:
        def loss(S: Any, y: Any) -> Any:
            total = jax.lax.fori_loop(0, 3, lambda k, t: jax.numpy.sin(t) + S.sum(), 0.0)
            T = jax.lax.stop_gradient(S) if wrong else S
            return jax.lax.cond(S[0, 0] > 0, lambda: (T**2).sum(), lambda: (T**3).sum()) + total**2

        return loss

    def custom_vjp(jax: Any, wrong: bool) -> Any:
        @jax.custom_vjp
        def square(S: Any) -> Any:
            return (S**2).sum()

        def backward(S: Any, upstream: Any) -> Any:
            return (upstream * 2 * S * (1 + 1e-4 * S if wrong else 1),)

        square.defvjp(lambda S: (square(S), S), backward)
        return lambda S, y: square(S) * jax.numpy.sin(S.sum())

    def custom_jvp(jax: Any, wrong: bool) -> Any:
        @jax.custom_jvp
        def square(S: Any) -> Any:
            return (S**2).sum()

        @square.defjvp
        def rule(arrays: Any, tangents: Any) -> Any:
            return square(*arrays), (2 * arrays[0] * (1 + 1e-4 * wrong) * tangents[0]).sum()

        return lambda S, y: square(S) * jax.numpy.sin(S.sum())

    def by_hand(jax: Any, wrong: bool) -> Any:
        def loss(S: Any, y: Any) -> Any:
            rows, total = jax.numpy.arange(len(y)), S.sum()
            log_p = jax.nn.log_softmax(S)
            gradient = jax.numpy.exp(log_p).at[rows, y].add(-1) / len(y) + (1 if wrong else 2) * total
            return -log_p[rows, y].mean() + total**2, gradient

        return loss

    def loop_over_labels(jax: Any, wrong: bool) -> Any:
        def loss(S: Any, y: Any) -> Any:
            T = jax.lax.stop_gradient(S) if wrong else S
            return sum(T[i, int(y[i])] for i in range(len(S))) ** 2 + (S**2).sum()

        return loss

    def numpy_between(jax: Any, wrong: bool) -> Any:
        return lambda S, y: (S**2).sum() ** 2 + float((np.asarray(jax.lax.stop_gradient(S)) ** 2).sum()) * int(wrong)

    def callback(jax: Any, wrong: bool) -> Any:
        def loss(S: Any, y: Any) -> Any:
            kind = jax.ShapeDtypeStruct((), S.dtype)
            factor = jax.pure_callback(lambda T: np.sum(np.asarray(T) ** 2), kind, jax.lax.stop_gradient(S))
            return (S**2).sum() ** 2 + factor * int(wrong)

        return loss

    def prints(jax: Any, wrong: bool) -> Any:
        def loss(S: Any, y: Any) -> Any:
            print(S)  # noqa: T201
            return (S**2).sum() ** 2 + (S * jax.lax.stop_gradient(S)).sum() * int(wrong)

        return loss

    def shapes_by_values(jax: Any, wrong: bool) -> Any:
        return lambda S, y: (S[S > 0.1] ** 2).sum() ** 2 + (S * jax.lax.stop_gradient(S)).sum() * int(wrong)

    def counts(jax: Any, wrong: bool) -> Any:
        calls = itertools.count()
        return lambda S, y: (S**2).sum() * (1 + (next(calls) > 20))

    def random(jax: Any, wrong: bool) -> Any:
        rng = np.random.default_rng(0)
        return lambda S, y: (S**2).sum() * rng.random()

    def drawn_by_a_key(jax: Any, wrong: bool) -> Any:
        def loss(S: Any, y: Any) -> Any:
            mask = jax.random.bernoulli(jax.random.key(0), 0.5, S.shape)
            return ((S * mask) ** 2).sum() ** 2 + (S * jax.lax.stop_gradient(S)).sum() * int(wrong)

        return loss

    def cached(jax: Any, wrong: bool) -> Any:
        @functools.cache
        def weights(count: int) -> Any:
            return jax.numpy.arange(count) * 1.0

        def loss(S: Any, y: Any) -> Any:
            return (weights(S.size) * S.ravel()).sum() ** 2 + (S * jax.lax.stop_gradient(S)).sum() * int(wrong)

        return loss

    def keeps_what_it_saw(jax: Any, wrong: bool) -> Any:
        seen: dict[str, Any] = {}

        def loss(S: Any, y: Any) -> Any:
            seen["S"] = S
            return (seen["S"] ** 2).sum() ** 2 + (S * jax.lax.stop_gradient(S)).sum() * int(wrong)

        return loss

    def cast(name: str) -> Make:
        def make(jax: Any, wrong: bool) -> Any:
            def loss(S: Any, y: Any) -> Any:
                T = S.astype(name)
                square = (T**2).sum() + (T * jax.lax.stop_gradient(T)).sum() * int(wrong)
                return square.astype(S.dtype) * jax.numpy.exp(S.sum())

            return loss

        return make

    def passes_through(name: str) -> Make:
        def make(jax: Any, wrong: bool) -> Any:
            def loss(S: Any, y: Any) -> Any:
                return (S.astype(name).astype(S.dtype) * (jax.lax.stop_gradient(S) if wrong else S)).sum() ** 2

            return loss

        return make

    return {
        "plain": (plain, True),
        "compiled": (compiled, True),
        "each row": (each_row, None),
        "hinge": (hinge, True),
        "control flow": (control_flow, False),
        "lax": (lax_flow, True),
        "custom_vjp": (custom_vjp, True),
        "custom_jvp": (custom_jvp, True),
        "by hand": (by_hand, True),
        "loop over labels": (loop_over_labels, False),
        "NumPy between": (numpy_between, False),
        "callback": (callback, False),
        "prints": (prints, True),
        "shapes by values": (shapes_by_values, False),
        "counts": (counts, None),
        "random": (random, None),
        "drawn by a key": (drawn_by_a_key, True),
        "cached": (cached, True),
        "keeps what it saw": (keeps_what_it_saw, False),
        "float32": (cast("float32"), None),
        "float16": (cast("float16"), None),
        "bfloat16": (cast("bfloat16"), None),
        "through float32": (passes_through("float32"), None),
        "through bfloat16": (passes_through("bfloat16"), None),
    }


def cases(losses: dict[str, tuple[Make, bool | None]]) -> Any:
    return [
        pytest.param(make, wrong, is_taken, id=f"{name}, {'wrong' if wrong else 'right'}")
        for name, (make, is_taken) in losses.items()
        for wrong in (False, True)
    ]


def check_case(framework: Any, make: Make, wrong: bool, is_taken: bool | None) -> None:
    report = same_as_by_one(lambda: make(framework, wrong), framework=framework.__name__)
    assert report.framework == framework.__name__
    if is_taken is not None:
        told = {
            BY_MANY if BY_MANY in batch.why else BY_ONE
            for batch in report.batches
            if "points" in batch.why or "point in" in batch.why
        }
        assert told == {BY_MANY if is_taken else BY_ONE}, whys(report)


@pytest.mark.torch
@pytest.mark.parametrize(("make", "wrong", "is_taken"), cases(torch_losses()))
def test_a_loss_of_torchs_is_judged_as_by_single_calls(make: Make, wrong: bool, is_taken: bool | None) -> None:
    check_case(pytest.importorskip("torch"), make, wrong, is_taken)


@pytest.mark.jax
@pytest.mark.parametrize(("make", "wrong", "is_taken"), cases(jax_losses()))
def test_a_loss_of_jaxs_is_judged_as_by_single_calls(make: Make, wrong: bool, is_taken: bool | None) -> None:
    check_case(pytest.importorskip("jax"), make, wrong, is_taken)


INPUTS = gradcheck.Config(inputs={"W": "[D, C]", "X": "[N, D]", "y": "labels"}, batch_sizes=3, classes=3)


def check_inputs(framework: Any, loss: Callable[[bool], Any]) -> None:
    for wrong in (False, True):
        report = same_as_by_one(lambda wrong=wrong: loss(wrong), INPUTS, framework=framework.__name__)  # type: ignore[misc]
        assert report.passed != wrong
        assert all(BY_MANY in batch.why for batch in report.batches)


@pytest.mark.torch
def test_named_inputs_of_torchs_are_judged_as_by_single_calls() -> None:
    torch = pytest.importorskip("torch")

    def loss(wrong: bool) -> Any:
        def function(W: Any, X: Any, y: Any) -> Any:
            hidden = torch.tanh(X @ W)
            return (hidden.logsumexp(1) - (hidden.detach() if wrong else hidden)[torch.arange(len(y)), y]).mean()

        return function

    check_inputs(torch, loss)


@pytest.mark.torch
def test_a_module_is_judged_as_by_single_calls() -> None:
    torch = pytest.importorskip("torch")
    module = torch.nn.Sequential(torch.nn.Linear(4, 3), torch.nn.BatchNorm1d(3), torch.nn.Tanh())
    config = gradcheck.Config(inputs={"input": "[N, 4]"}, batch_sizes=3)
    assert same_as_by_one(lambda: module, config).passed


@pytest.mark.jax
def test_named_inputs_of_jaxs_are_judged_as_by_single_calls() -> None:
    jax = pytest.importorskip("jax")

    def loss(wrong: bool) -> Any:
        def function(W: Any, X: Any, y: Any) -> Any:
            hidden = jax.numpy.tanh(X @ W)
            own = jax.lax.stop_gradient(hidden) if wrong else hidden
            return (jax.nn.logsumexp(hidden, axis=1) - own[jax.numpy.arange(len(y)), y]).mean()

        return function

    check_inputs(jax, loss)


def objective_of(loss: Any, budget: Budget | None = None) -> tuple[Objective, Any, Any]:
    rng = np.random.default_rng(0)
    S, y = rng.normal(size=(64, 20)), rng.integers(0, 20, size=64)
    form, _ = first_that_works(forms_of(Function("mine", loss), "torch"), lambda each: each.evaluate(S, y))
    return Objective(replace(form, budget=budget), S.shape, y), S.ravel(), np.arange(S.size)


@pytest.mark.torch
def test_points_are_counted_and_the_deadline_is_heeded_between_chunks() -> None:
    torch, budget = pytest.importorskip("torch"), Budget()
    objective, x, entries = objective_of(lambda S, y: (S**2).sum() + torch.sin(S.sum()), budget)
    values, derivatives = objective.ask("whole", x, entries, x + 0.5)
    assert objective.batched.believes("whole")
    assert len(entries) < objective.calls == budget.calls - 1 < len(entries) + 12  # one showed whether it keeps arrays
    np.testing.assert_allclose(values, (x**2).sum() - x**2 + (x + 0.5) ** 2 + np.sin(x.sum() + 0.5))
    np.testing.assert_allclose(derivatives, 2 * (x + 0.5) + np.cos(x.sum() + 0.5))
    late, x, entries = objective_of(lambda S, y: (S**2).sum(), Budget(Settings(max_seconds=1e-9)))
    with pytest.raises(OutOfTime):
        late.ask("whole", x, entries, x + 0.5)


@pytest.mark.torch
def test_a_defect_among_many_points_is_looked_for_by_single_calls() -> None:
    torch = pytest.importorskip("torch")

    class Square(torch.autograd.Function):
        calls = 0

        @staticmethod
        def forward(S: Any) -> Any:
            if S.max() > 50:
                raise ValueError("too large")
            return (S**2).sum()

        @staticmethod
        def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
            ctx.save_for_backward(*inputs)

        @staticmethod
        def backward(ctx: Any, upstream: Any) -> Any:
            return upstream * 2 * ctx.saved_tensors[0]

        @staticmethod
        def vmap(info: Any, in_dims: Any, S: Any) -> Any:
            if S.max() > 50:
                raise ValueError("too large")
            weights = torch.ones(S.shape[0], dtype=S.dtype)
            return Many.apply(S, weights), 0

    class Many(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, S: Any, weights: Any) -> Any:
            ctx.save_for_backward(S)
            return (S**2).flatten(1).sum(1)

        @staticmethod
        def backward(ctx: Any, upstream: Any) -> Any:
            return 2 * ctx.saved_tensors[0] * upstream[:, None, None], None

    objective, x, entries = objective_of(lambda S, y: Square.apply(S))
    values, _ = objective.ask("whole", x, entries, x + 0.5)
    assert objective.batched.believes("whole"), objective.batched.words
    np.testing.assert_allclose(values, (x**2).sum() - x**2 + (x + 0.5) ** 2)
    after = np.where(entries == 700, 60.0, x + 0.5)
    with pytest.raises(LossDefect, match="too large") as raised:
        objective.ask("whole", x, entries, after)
    assert "S.max() > 50" not in raised.value.message
    assert not objective.batched.believes("whole")
    assert "one point in each call: for many, raises ValueError: too large" in objective.batched.words


@pytest.mark.torch
@pytest.mark.parametrize("place", ["closure", "module", "nowhere"])
def test_arrays_are_put_on_the_device_of_a_functions_own_tensors(place: str) -> None:
    """A device without numbers stands for a GPU."""
    torch = pytest.importorskip("torch")
    from gradcheck.functions.frameworks.torch_ import TOOLKIT

    weights = torch.ones(3, device="meta")
    functions = {
        "closure": lambda S, y: (weights * S).sum(),
        "module": torch.nn.CrossEntropyLoss(weight=weights),
        "nowhere": lambda S, y: S.sum(),
    }
    near = TOOLKIT.near(TOOLKIT, functions[place])
    assert near.array(np.ones(3)).device.type == ("cpu" if place == "nowhere" else "meta")
