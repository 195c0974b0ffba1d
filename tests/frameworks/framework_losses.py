"""Losses of PyTorch and JAX that several files check."""

from frameworks.conftest import F, jax, jnp


def torch_by_backward_of_its_own(S, y):
    value = F.cross_entropy(S, y)
    value.backward()
    return value, S.grad


def jax_rows(S, y):
    return -jax.nn.log_softmax(S)[jnp.arange(len(y)), y]


def jax_mean(S, y):
    return jax_rows(S, y).mean()


def jax_reduced(S, y, reduction="mean"):
    return jax_rows(S, y) if reduction == "none" else jax_mean(S, y)


def jax_hinge(S, y):
    rows = jnp.arange(len(y))
    margins = jnp.maximum(0, S - S[rows, y][:, None] + 1)
    return margins.at[rows, y].set(0).sum() / len(y)
