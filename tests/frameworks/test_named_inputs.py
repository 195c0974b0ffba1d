"""Functions of named inputs in PyTorch and JAX: modules, custom backwards and pytrees, right ones and wrong ones."""

import functools
import importlib

import pytest
from frameworks.conftest import F, each, jax, jnp, torch

import gradcheck


def report_of(function, of, inputs=None, **keywords):
    importlib.import_module(of)
    inputs = inputs or {"x": "[N, D]"}
    return gradcheck.check(function, inputs=inputs, batch_sizes=[3], **keywords).losses[0]


def verdicts(report):
    """By input, whether all of it is right."""
    assert not report.error, report.error
    return {batch.input: not batch.wrong and not batch.unresolved for batch in report.batches}


def codes(report):
    return [finding.code for finding in report.findings]


#: Backwards of x * sigmoid(x), from its sigmoid and the upstream gradient.
SWISHES = {
    "right": lambda g, x, s: g * (s + x * s * (1 - s)),
    "term forgotten": lambda g, x, s: g * s,
    "square forgotten": lambda g, x, s: g * (s + x * s),
    "upstream gradient ignored": lambda g, x, s: s + x * s * (1 - s),
    "upstream gradient's sign": lambda g, x, s: abs(g) * (s + x * s * (1 - s)),
}
WRONG = [name for name in SWISHES if name != "right"]


def torch_swish(kind="right"):
    class Swish(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            s = torch.sigmoid(x)
            ctx.save_for_backward(x, s)
            return x * s

        @staticmethod
        def backward(ctx, grad_output):
            return SWISHES[kind](grad_output, *ctx.saved_tensors)

    return Swish


def torch_net(kind="right"):
    """A class that is made without arguments."""

    class Net(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.first, self.norm = torch.nn.Linear(4, 5), torch.nn.LayerNorm(5)
            self.heads = torch.nn.ModuleList([torch.nn.Linear(5, 2, bias=False)])
            self.register_buffer("scale", torch.tensor([0.5, 2.0]))

        def forward(self, x):
            return self.scale * self.heads[0](torch_swish(kind).apply(self.norm(self.first(x))))

    return Net


def jax_swish(kind="right"):
    swish = jax.custom_vjp(lambda x: x * jax.nn.sigmoid(x))
    swish.defvjp(lambda x: (swish(x), x), lambda x, g: (SWISHES[kind](g, x, jax.nn.sigmoid(x)),))
    return swish


def jax_net(kind="right"):
    swish = jax_swish(kind)

    def loss(params, X, y):
        first, last = params["layers"]
        scores = swish(X @ first["W"] + first["b"]) @ last["W"] + last["b"]
        return -jnp.mean(jax.nn.log_softmax(scores)[jnp.arange(len(y)), y])

    return loss


OF_NET = {
    "params": {"layers": [{"W": "[D, H]", "b": "[H]"}, {"W": "[H, C]", "b": "[C]"}]},
    "X": "[N, D]",
    "y": "labels",
}


@pytest.mark.parametrize("by_name", [False, True])
@pytest.mark.parametrize(
    ("of", "make", "inputs"),
    each(
        "torch",
        apply=(lambda: torch_swish().apply, None),
        function=(torch_swish, None),
        call=(lambda: lambda x: torch_swish().apply(x), None),
    )
    + each("jax", tree=(jax_net, OF_NET), compiled=(lambda: jax.jit(jax_net()), OF_NET)),
)
def test_a_right_function_passes_in_every_form(of, make, inputs, by_name):
    wrt = ["params" if inputs else "x"]
    report = report_of(make(), of, inputs, framework=of if by_name else "auto", wrt=wrt)
    names = [f"params.layers[{k}].{name}" for k in (0, 1) for name in "Wb"] if inputs else ["x"]
    assert (report.framework, verdicts(report), codes(report)) == (of, dict.fromkeys(names, True), [])
    assert max(batch.max_relative_error for batch in report.batches) < 1e-7  # computed in float64


@pytest.mark.parametrize("kind", WRONG)
@pytest.mark.parametrize(
    ("of", "alone", "net", "inputs", "right"),
    each("torch", module=(lambda kind: torch_swish(kind).apply, torch_net, None, ["params.heads.0.weight"]))
    + each("jax", tree=(jax_swish, jax_net, OF_NET, ["params.layers[1].W", "params.layers[1].b"])),
)
def test_a_wrong_backward_is_found_alone_and_within_a_net(of, alone, net, inputs, right, kind):
    assert verdicts(report_of(alone(kind), of)) == {"x": False}
    found = verdicts(report_of(net(kind), of, inputs))
    assert [name for name, is_right in found.items() if is_right] == right
    assert len(found) == (6 if of == "torch" else 5)


@functools.cache
def torch_linear():
    class Linear(torch.autograd.Function):
        """Its context is set apart, and its bias is averaged."""

        @staticmethod
        def forward(x, w, b):
            return x @ w.t() + b

        @staticmethod
        def setup_context(ctx, inputs, output):
            ctx.save_for_backward(*inputs)

        @staticmethod
        def backward(ctx, g):
            x, w, _ = ctx.saved_tensors
            return g @ w, g.t() @ x, g.mean(0)

    return Linear.apply


class Affine:
    @staticmethod
    def forward(x, w):
        return x.mm(w), (x, w)

    @staticmethod
    def backward(dout, cache):
        x, w = cache
        return dout.mm(w.t()), x.t().mm(dout)


class Model:
    """Its gradient lacks a factor of 2."""

    def __init__(self):
        self.params = {"W": torch.ones(4, 3, dtype=torch.float64)}

    def loss(self, X):
        out = X.mm(self.params["W"])
        return (out**2).sum(), {"W": X.t().mm(out)}


def torch_softmax(W, X, y, reg):
    return F.cross_entropy(X @ W, y) + reg * (W * W).sum()


def torch_softmax_by_hand(W, X, y, reg, factor=2):
    p = torch.softmax(X @ W, dim=1)
    p[torch.arange(len(y)), y] -= 1
    return torch_softmax(W, X, y, reg), X.t() @ p / len(y) + factor * reg * W


def torch_half_the_regularizer():
    return functools.partial(torch_softmax_by_hand, factor=1)


def torch_without_a_graph(x):
    with torch.no_grad():
        norm = x.norm(dim=1, keepdim=True)
    return x / norm


def torch_step(x, h):
    both = x + h
    return torch.tanh(both), {"cell": both**2}, both.argmax(dim=1)


def jax_by_hand(params, X):
    return jax.value_and_grad(lambda own: jnp.sum(jnp.tanh(X @ own[0] + own[1]) ** 2))(params)


def jax_wrong_bias(params, X):
    value, (dW, db) = jax_by_hand(params, X)
    return value, (dW, db / len(X))  # a tuple where the parameters are a list


LINEAR = {"x": "[N, D]", "w": "[M, D]", "b": "[M]"}
DENSE = {"W": "normal(0, 0.5) [D, C]", "X": "[N, D]", "y": "labels", "reg": 0.1}
LAYER = {"params": ["[D, C]", "[C]"], "X": "[N, D]"}


@pytest.mark.parametrize(
    ("of", "make", "inputs", "found", "code"),
    each(
        "torch",
        context=(torch_linear, LINEAR, {"x": True, "w": True, "b": False}, "averag"),
        autograd=(lambda: torch_softmax, DENSE, {"W": True, "X": True}, ""),
        by_hand=(lambda: torch_softmax_by_hand, DENSE, {"W": True}, ""),
        regularizer=(torch_half_the_regularizer, DENSE, {"W": False}, "missing-regularizer"),
        layer=(lambda: Affine, {"x": "[N, D]", "w": "[D, M]"}, {"x": True, "w": True}, ""),
        model=(lambda: Model, {"X": "[N, D]", "params": {"W": "[D, M]"}}, {"params.W": False}, "constant-factor"),
        without_a_graph=(lambda: torch_without_a_graph, None, {"x": False}, None),
        outputs=(lambda: torch_step, {"x": "[N, D]", "h": "[N, D]"}, {"x": True, "h": True}, ""),
    )
    + each(
        "jax",
        tuples=(lambda: jax_by_hand, LAYER, {"params[0]": True, "params[1]": True}, ""),
        wrong_bias=(lambda: jax_wrong_bias, LAYER, {"params[0]": True, "params[1]": False}, None),
        stopped=(lambda: lambda x: x / jax.lax.stop_gradient(jnp.linalg.norm(x)), None, {"x": False}, None),
    ),
)
def test_what_is_right_passes_and_what_is_wrong_is_found_by_its_input(of, make, inputs, found, code):
    report = report_of(make(), of, inputs, framework=of)
    assert verdicts(report) == found
    assert code is None or (codes(report) or [""])[0].startswith(code)
    assert bool(codes(report)) is not all(found.values())


@pytest.mark.torch
class TestModules:
    @pytest.fixture(autouse=True)
    def _torch(self):
        pytest.importorskip("torch")

    def test_a_module_passes_as_class_and_object_and_stays_as_it_is(self):
        Net = torch_net()
        net = Net()
        before = {name: each.clone() for name, each in net.state_dict().items()}
        reports = [report_of(thing, "torch") for thing in (Net, net, Net)]
        assert all(all(verdicts(report).values()) for report in reports)
        assert all(torch.equal(each, before[name]) for name, each in net.state_dict().items())
        assert [*verdicts(report_of(net, "torch", only="params.heads*"))] == ["params.heads.0.weight"]
        # A class that is made anew has the same parameters.
        assert reports[0].batches[0].value == reports[2].batches[0].value

    def test_running_statistics_do_not_change_and_dropout_needs_its_generator_seeded(self):
        net = torch.nn.Sequential(torch.nn.BatchNorm1d(4), torch.nn.Tanh())
        assert all(verdicts(report_of(net, "torch", {"input": "[N, D]"})).values())
        assert not net[0].num_batches_tracked
        net = torch.nn.Sequential(torch.nn.Linear(4, 8), torch.nn.Dropout(0.5))
        assert codes(report_of(net, "torch", {"input": "[N, D]"})) == ["not-deterministic"]
        assert all(verdicts(report_of(net, "torch", {"input": "[N, D]"}, reseed=True)).values())

    def test_what_leaves_the_graph_or_is_a_mistake_of_the_users_own_is_said(self):
        def detaches(W, x):
            return W.detach() @ x, W.detach()

        both = {"W": "[M, D]", "x": "[D]"}
        report = report_of(detaches, "torch", both)
        assert verdicts(report) == {"x": True}
        assert "gradient of W is None" in report.findings[0].message
        assert "does not lead to W" in report_of(detaches, "torch", both, wrt=["W", "x"]).error
        assert "without a graph" in report_of(lambda x: x.detach(), "torch", framework="torch").error
        report = report_of(lambda W, x: W @ x.nothing, "torch", both)
        assert "'Tensor' object has no attribute 'nothing'" in report.error
        with pytest.raises(gradcheck.errors.TargetError, match=r"describe its parameters.*input"):
            gradcheck.check(torch.nn.Linear(3, 3))

    def test_inputs_changed_in_place_are_noticed(self):
        def loss(x):
            x -= x.max(dim=1, keepdim=True).values
            return torch.log_softmax(x, 1)

        assert "mutates-input" in codes(report_of(loss, "torch"))

    def test_a_numpy_function_beside_torch_stays_numpys(self):
        inputs = {"W": "[D]", "X": "[N, D]"}
        report = report_of(lambda W, X: ((X @ W).sum(), X.sum(0)), "torch", inputs)
        assert (report.framework, verdicts(report)) == ("numpy", {"W": True})
        report = report_of(lambda W, X: ((X @ W).sum(), X.sum(0)[1:]), "torch", inputs)
        assert "gradient of W has shape (3,)" in report.error


@pytest.mark.jax
def test_data_without_a_cotangent_is_not_accused():
    loss = pytest.importorskip("jax").custom_vjp(lambda W, X: jnp.sum(jnp.tanh(X @ W)))

    def backward(saved, g):
        W, X = saved
        return g * X.T @ (1 - jnp.tanh(X @ W) ** 2), None

    loss.defvjp(lambda W, X: (loss(W, X), (W, X)), backward)
    inputs = {"W": "[D, C]", "X": "[N, D]"}
    report = report_of(loss, "jax", inputs)
    assert verdicts(report) == {"W": True}
    assert "gradient of X is None, or 0 everywhere" in report.findings[0].message
    assert verdicts(report_of(loss, "jax", inputs, wrt=["X"])) == {"X": False}
