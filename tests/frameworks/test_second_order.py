"""Second derivatives by differentiating twice, in PyTorch and JAX."""

import pytest
from frameworks.framework_losses import jax_mean

import gradcheck


@pytest.mark.torch
def test_double_backward_in_torch():
    torch = pytest.importorskip("torch")

    def cube(keeps):
        class Cube(torch.autograd.Function):  # type: ignore[name-defined, misc]
            @staticmethod
            def forward(ctx, x):
                ctx.save_for_backward(x)
                return x**3

            @staticmethod
            def backward(ctx, upstream):
                (x,) = ctx.saved_tensors
                return upstream * 3 * (x if keeps else x.detach()) ** 2

        return lambda S, y: Cube.apply(S).mean()

    for right in (torch.nn.functional.cross_entropy, cube(keeps=True), lambda S, y: (3 * S).mean()):
        report = gradcheck.check(right, order=2, framework="torch", batch_sizes=[2])
        assert report.passed
        assert len(report.losses) == 2
    first, second = gradcheck.check(cube(keeps=False), order=2, framework="torch").losses
    assert first.passed
    assert "the second derivatives are 0 everywhere" in second.findings[0].message
    module = torch.nn.Sequential(torch.nn.Linear(4, 3), torch.nn.Tanh())
    assert gradcheck.check(module, order=2, inputs={"input": "[N, 4]"}, batch_sizes=[2]).passed


@pytest.mark.jax
def test_twice_in_jax():
    jax = pytest.importorskip("jax")
    jnp = jax.numpy

    @jax.custom_jvp  # type: ignore[untyped-decorator]
    def sine(x):
        return jnp.sin(x)

    @sine.defjvp  # type: ignore[untyped-decorator]
    def _(primals, tangents):
        (x,), (t,) = primals, tangents
        return jnp.sin(x), jax.lax.stop_gradient(jnp.cos(x)) * t

    small = {"order": 2, "framework": "jax", "batch_sizes": [2], "classes": [3], "scores": "normal"}
    assert gradcheck.check(jax_mean, **small).passed
    first, second = gradcheck.check(lambda S, y: sine(S).mean(), **small).losses
    assert first.passed
    assert second.findings[0].code == "wrong-hessian"
