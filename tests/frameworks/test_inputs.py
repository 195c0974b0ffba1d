"""Functions of named inputs in PyTorch and JAX: modules, custom backwards and pytrees, right ones and wrong ones."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

import gradcheck
from gradcheck.report import LossReport

Net = Callable[..., Any]
DENSE = {"W": "normal(0, 0.5) [D, C]", "X": "[N, D]", "y": "labels"}


def report_of(function: Any, inputs: dict[str, Any] | None = None, **keywords: Any) -> LossReport:
    given = {"x": "[N, D]"} if inputs is None else inputs
    return gradcheck.check(function, inputs=given, batch_sizes=[3], **keywords).losses[0]


def verdicts(report: LossReport) -> dict[str, bool]:
    """By input, whether all of it is right."""
    assert not report.error, report.error
    return {batch.input: not batch.wrong and not batch.unresolved for batch in report.batches}


def codes(report: LossReport) -> list[str]:
    return [finding.code for finding in report.findings]


@pytest.fixture(scope="module")
def torch() -> Any:
    return pytest.importorskip("torch")


@pytest.fixture(scope="module")
def jax() -> Any:
    return pytest.importorskip("jax")


#: Backwards of x * sigmoid(x), from its sigmoid and the upstream gradient.
SWISHES: dict[str, Callable[[Any, Any, Any], Any]] = {
    "right": lambda g, x, s: g * (s + x * s * (1 - s)),
    "term forgotten": lambda g, x, s: g * s,
    "square forgotten": lambda g, x, s: g * (s + x * s),
    "upstream gradient ignored": lambda g, x, s: s + x * s * (1 - s),
    "upstream gradient's sign": lambda g, x, s: abs(g) * (s + x * s * (1 - s)),
}
WRONG = [name for name in SWISHES if name != "right"]


def swish_of_torch(torch: Any, kind: str) -> Any:
    class Swish(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            s = torch.sigmoid(x)
            ctx.save_for_backward(x, s)
            return x * s

        @staticmethod
        def backward(ctx: Any, grad_output: Any) -> Any:
            return SWISHES[kind](grad_output, *ctx.saved_tensors)

    return Swish


def swish_of_jax(jax: Any, kind: str) -> Any:
    @jax.custom_vjp
    def swish(x: Any) -> Any:
        return x * jax.nn.sigmoid(x)

    swish.defvjp(lambda x: (swish(x), x), lambda x, g: (SWISHES[kind](g, x, jax.nn.sigmoid(x)),))
    return swish


def net_of_torch(torch: Any, kind: str) -> Any:
    """A class that is made without arguments."""

    class Net(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first, self.norm = torch.nn.Linear(4, 5), torch.nn.LayerNorm(5)
            self.heads = torch.nn.ModuleList([torch.nn.Linear(5, 2, bias=False)])
            self.register_buffer("scale", torch.tensor([0.5, 2.0]))

        def forward(self, x: Any) -> Any:
            return self.scale * self.heads[0](swish_of_torch(torch, kind).apply(self.norm(self.first(x))))

    return Net


@pytest.mark.torch
class TestTorch:
    @pytest.mark.parametrize("framework", ["auto", "torch"])
    def test_a_right_function_passes_in_every_form(self, framework: Any, torch: Any) -> None:
        swish = swish_of_torch(torch, "right")
        for function in (swish.apply, swish, lambda x: swish.apply(x)):
            report = report_of(function, framework=framework)
            assert (report.framework, verdicts(report), report.findings) == ("torch", {"x": True}, ())

    @pytest.mark.parametrize("kind", WRONG)
    def test_a_wrong_backward_is_found_alone_and_in_a_module(self, kind: str, torch: Any) -> None:
        assert verdicts(report_of(swish_of_torch(torch, kind).apply)) == {"x": False}
        found = verdicts(report_of(net_of_torch(torch, kind)))
        assert found == {
            "params.first.weight": False, "params.first.bias": False, "params.norm.weight": False,
            "params.norm.bias": False, "params.heads.0.weight": True, "x": False,
        }  # fmt: skip

    def test_a_module_passes_as_class_and_object_and_stays_as_it_is(self, torch: Any) -> None:
        Net = net_of_torch(torch, "right")
        net = Net()
        before = {name: each.clone() for name, each in net.state_dict().items()}
        for thing in (Net, net):
            assert all(verdicts(report_of(thing)).values())
        assert all(torch.equal(each, before[name]) for name, each in net.state_dict().items())
        assert [*verdicts(report_of(net, only="params.heads*"))] == ["params.heads.0.weight"]

    def test_a_class_that_is_made_anew_has_the_same_parameters(self, torch: Any) -> None:
        one, other = (report_of(net_of_torch(torch, "right")).batches[0].value for _ in range(2))
        assert one == other

    def test_running_statistics_do_not_change_from_call_to_call(self, torch: Any) -> None:
        net = torch.nn.Sequential(torch.nn.BatchNorm1d(4), torch.nn.Tanh())
        assert all(verdicts(report_of(net, {"input": "[N, D]"})).values())
        assert not net[0].num_batches_tracked

    def test_dropout_needs_its_generator_seeded(self, torch: Any) -> None:
        net = torch.nn.Sequential(torch.nn.Linear(4, 8), torch.nn.Dropout(0.5))
        assert codes(report_of(net, {"input": "[N, D]"})) == ["not-deterministic"]
        assert all(verdicts(report_of(net, {"input": "[N, D]"}, reseed=True)).values())

    def test_a_function_with_context_set_apart_and_several_inputs(self, torch: Any) -> None:
        class Linear(torch.autograd.Function):
            @staticmethod
            def forward(x: Any, w: Any, b: Any) -> Any:
                return x @ w.t() + b

            @staticmethod
            def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
                ctx.save_for_backward(*inputs)

            @staticmethod
            def backward(ctx: Any, g: Any) -> Any:
                x, w, _ = ctx.saved_tensors
                return g @ w, g.t() @ x, g.mean(0)

        report = report_of(Linear.apply, {"x": "[N, D]", "w": "[M, D]", "b": "[M]"})
        assert verdicts(report) == {"x": True, "w": True, "b": False}
        assert report.findings[0].code in ("averaged-twice", "constant-factor")

    @pytest.mark.parametrize("reg_factor", [2, 1])
    def test_functions_of_tensors_by_autograd_and_by_hand(self, reg_factor: int, torch: Any) -> None:
        def loss(W: Any, X: Any, y: Any, reg: float) -> Any:
            return torch.nn.functional.cross_entropy(X @ W, y) + reg * (W * W).sum()

        def by_hand(W: Any, X: Any, y: Any, reg: float) -> Any:
            p = torch.softmax(X @ W, dim=1)
            value = -torch.log(p[torch.arange(len(y)), y]).mean() + reg * (W * W).sum()
            p[torch.arange(len(y)), y] -= 1
            return value, X.t() @ p / len(y) + reg_factor * reg * W

        assert verdicts(report_of(loss, DENSE | {"reg": 0.1}, wrt=["W"])) == {"W": True}
        report = report_of(by_hand, DENSE | {"reg": 0.1})
        assert verdicts(report) == {"W": reg_factor == 2}
        assert codes(report) == ([] if reg_factor == 2 else ["missing-regularizer"])

    def test_layers_and_models_of_tensors(self, torch: Any) -> None:
        class Affine:
            @staticmethod
            def forward(x: Any, w: Any) -> Any:
                return x.mm(w), (x, w)

            @staticmethod
            def backward(dout: Any, cache: Any) -> Any:
                x, w = cache
                return dout.mm(w.t()), x.t().mm(dout)

        class Model:
            def __init__(self) -> None:
                self.params = {"W": torch.ones(4, 3, dtype=torch.float64)}

            def loss(self, X: Any) -> Any:
                out = X.mm(self.params["W"])
                return (out**2).sum(), {"W": X.t().mm(out)}

        assert verdicts(report_of(Affine, {"x": "[N, D]", "w": "[D, M]"})) == {"x": True, "w": True}
        assert codes(report_of(Model, {"X": "[N, D]", "params": {"W": "[D, M]"}})) == ["constant-factor"]

    def test_what_leaves_the_graph_is_found_or_said(self, torch: Any) -> None:
        def forgets(x: Any) -> Any:
            with torch.no_grad():
                norm = x.norm(dim=1, keepdim=True)
            return x / norm

        def detaches(W: Any, x: Any) -> Any:
            return W.detach() @ x, W.detach()

        assert verdicts(report_of(forgets)) == {"x": False}
        both = {"W": "[M, D]", "x": "[D]"}
        report = report_of(detaches, both)
        assert verdicts(report) == {"x": True}
        assert "gradient of W is None" in report.findings[0].message
        assert "does not lead to W" in report_of(detaches, both, wrt=["W", "x"]).error
        assert "without a graph" in report_of(lambda x: x.detach(), framework="torch").error

    def test_inputs_changed_in_place_are_noticed(self, torch: Any) -> None:
        def loss(x: Any) -> Any:
            x -= x.max(dim=1, keepdim=True).values
            return torch.log_softmax(x, 1)

        assert "mutates-input" in codes(report_of(loss))

    def test_several_outputs_count_and_integers_do_not(self, torch: Any) -> None:
        def step(x: Any, h: Any) -> Any:
            both = x + h
            return torch.tanh(both), {"cell": both**2}, both.argmax(dim=1)

        assert verdicts(report_of(step, {"x": "[N, D]", "h": "[N, D]"})) == {"x": True, "h": True}

    def test_a_mistake_of_the_users_own_is_told_as_it_is(self, torch: Any) -> None:
        def loss(x: Any, w: Any) -> Any:
            return torch.tanh(x) @ w.nothing

        report = report_of(loss, {"x": "[N, D]", "w": "[D]"})
        assert "'Tensor' object has no attribute 'nothing'" in report.error
        with pytest.raises(gradcheck.errors.TargetError, match=r"describe its parameters.*input"):
            gradcheck.check(torch.nn.Linear(3, 3))


PARAMS = {"layers": [{"W": "[D, H]", "b": "[H]"}, {"W": "[H, C]", "b": "[C]"}]}


def net_of_jax(jax: Any, kind: str) -> Net:
    swish = swish_of_jax(jax, kind)

    def loss(params: Any, X: Any, y: Any) -> Any:
        first, last = params["layers"]
        scores = swish(X @ first["W"] + first["b"]) @ last["W"] + last["b"]
        return -jax.numpy.mean(jax.nn.log_softmax(scores)[jax.numpy.arange(len(y)), y])

    return loss


@pytest.mark.jax
class TestJax:
    @pytest.mark.parametrize("framework", ["auto", "jax"])
    @pytest.mark.parametrize("compiled", [False, True])
    def test_a_right_function_of_a_pytree_passes(self, framework: Any, compiled: bool, jax: Any) -> None:
        loss = net_of_jax(jax, "right")
        inputs = {"params": PARAMS, "X": "[N, D]", "y": "labels"}
        report = report_of(jax.jit(loss) if compiled else loss, inputs, framework=framework, wrt=["params"])
        assert report.framework == "jax"
        names = [f"params.layers[{k}].{name}" for k in (0, 1) for name in "Wb"]
        assert verdicts(report) == dict.fromkeys(names, True)
        assert max(batch.max_relative_error for batch in report.batches) < 1e-7  # computed in float64

    @pytest.mark.parametrize("kind", WRONG)
    def test_a_wrong_custom_vjp_is_found_alone_and_within(self, kind: str, jax: Any) -> None:
        report = report_of(swish_of_jax(jax, kind))
        assert verdicts(report) == {"x": False}
        found = verdicts(report_of(net_of_jax(jax, kind), {"params": PARAMS, "X": "[N, D]", "y": "labels"}))
        assert [name for name, is_right in found.items() if is_right] == ["params.layers[1].W", "params.layers[1].b"]

    def test_tuples_and_gradients_by_hand(self, jax: Any) -> None:
        def by_hand(params: Any, X: Any) -> Any:
            return jax.value_and_grad(lambda own: jax.numpy.sum(jax.numpy.tanh(X @ own[0] + own[1]) ** 2))(params)

        def wrong(params: Any, X: Any) -> Any:
            value, (dW, db) = by_hand(params, X)
            return value, (dW, db / len(X))  # a tuple where the parameters are a list

        inputs = {"params": ["[D, C]", "[C]"], "X": "[N, D]"}
        assert verdicts(report_of(by_hand, inputs)) == {"params[0]": True, "params[1]": True}
        assert verdicts(report_of(wrong, inputs)) == {"params[0]": True, "params[1]": False}

    def test_data_without_a_cotangent_is_not_accused(self, jax: Any) -> None:
        @jax.custom_vjp
        def loss(W: Any, X: Any) -> Any:
            return jax.numpy.sum(jax.numpy.tanh(X @ W))

        def backward(saved: Any, g: Any) -> Any:
            W, X = saved
            return g * X.T @ (1 - jax.numpy.tanh(X @ W) ** 2), None

        loss.defvjp(lambda W, X: (loss(W, X), (W, X)), backward)
        inputs = {"W": "[D, C]", "X": "[N, D]"}
        report = report_of(loss, inputs)
        assert verdicts(report) == {"W": True}
        assert "gradient of X is None, or 0 everywhere" in report.findings[0].message
        assert verdicts(report_of(loss, inputs, wrt=["X"])) == {"X": False}

    def test_a_gradient_that_is_stopped_is_found(self, jax: Any) -> None:
        report = report_of(lambda x: x / jax.lax.stop_gradient(jax.numpy.linalg.norm(x)), framework="jax")
        assert verdicts(report) == {"x": False}


@pytest.mark.torch
def test_a_numpy_function_beside_torch_stays_numpys(torch: Any) -> None:
    report = report_of(lambda W, X: ((X @ W).sum(), X.sum(0)), {"W": "[D]", "X": "[N, D]"})
    assert (report.framework, verdicts(report)) == ("numpy", {"W": True})
    report = report_of(lambda W, X: ((X @ W).sum(), X.sum(0)[1:]), {"W": "[D]", "X": "[N, D]"})
    assert "gradient of W has shape (3,)" in report.error


# --- score losses ----------------------------------------------------------------------------------------------


def cross_entropies(torch: Any, backward: Callable[[Any, Any, int], Any]) -> Any:
    """Cross-entropy of each row as an ``autograd.Function``; dS from the upstream gradient and p - t."""

    class Rows(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, S: Any, y: Any) -> Any:
            log_p = torch.log_softmax(S, 1)
            ctx.save_for_backward(torch.exp(log_p), y)
            return -log_p[torch.arange(len(y)), y]

        @staticmethod
        def backward(ctx: Any, upstream: Any) -> Any:
            p, y = ctx.saved_tensors
            return backward(upstream, p - torch.nn.functional.one_hot(y, p.shape[1]), len(y)), None

    return Rows


@pytest.mark.torch
@pytest.mark.parametrize(
    ("backward", "follows"),
    [
        (lambda g, dS, N: g[:, None] * dS, True),
        (lambda g, dS, N: dS / N, False),
        (lambda g, dS, N: abs(g[:, None]) * dS, False),
        (lambda g, dS, N: N * g[:, None] ** 2 * dS, False),
    ],
)
def test_a_backward_in_a_loss_must_follow_its_upstream_gradient(backward: Any, follows: bool, torch: Any) -> None:
    rows = cross_entropies(torch, backward)
    for loss in (
        lambda S, y: rows.apply(S, y).mean(),
        lambda S, y: torch.nn.functional.mse_loss(S, 0 * S) + rows.apply(S, y).mean(),
    ):
        report = gradcheck.check(loss, batch_sizes=[3], classes=4, scores="normal").losses[0]
        assert not any(batch.wrong for batch in report.batches)
        assert (report.passed, codes(report)) == ((True, []) if follows else (False, ["ignores-upstream-gradient"]))
    if not follows:
        assert "-0.5 times the value" in report.findings[0].message


@pytest.mark.jax
@pytest.mark.parametrize("follows", [True, False])
@pytest.mark.parametrize("compiled", [True, False])
def test_a_custom_vjp_in_a_loss_must_follow_its_upstream_gradient(follows: bool, compiled: bool, jax: Any) -> None:
    @jax.custom_vjp
    def loss(S: Any, y: Any) -> Any:
        return -jax.numpy.mean(jax.nn.log_softmax(S)[jax.numpy.arange(len(y)), y])

    def backward(saved: Any, upstream: Any) -> Any:
        S, y = saved
        dS = jax.nn.softmax(S).at[jax.numpy.arange(len(y)), y].add(-1) / len(y)
        return upstream * dS if follows else dS, None

    loss.defvjp(lambda S, y: (loss(S, y), (S, y)), backward)
    report = gradcheck.check(jax.jit(loss) if compiled else loss, batch_sizes=[3], scores="normal").losses[0]
    assert not any(batch.wrong for batch in report.batches)
    assert codes(report) == ([] if follows else ["ignores-upstream-gradient"])
    if not follows:
        assert report.smallest_case is not None


@pytest.mark.torch
@pytest.mark.parametrize("name", ["half", "bfloat16"])
def test_half_precision_inside_and_clipped_gradients_are_not_accused(name: str, torch: Any) -> None:
    def half(S: Any, y: Any) -> Any:
        return torch.nn.functional.cross_entropy(30 * getattr(S, name)(), y)

    def clipped(S: Any, y: Any) -> Any:
        S.register_hook(lambda dS: dS.clamp(-1, 1))
        return torch.nn.functional.cross_entropy(S, y)

    for loss in (half, clipped):
        report = gradcheck.check(loss, batch_sizes=[3], classes=4).losses[0]
        assert "ignores-upstream-gradient" not in codes(report)
