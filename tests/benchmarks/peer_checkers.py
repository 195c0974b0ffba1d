"""The checkers that gradcheck is measured beside, each a small function in ``PEERS``.

Every one is used as its own documentation has it, with its own defaults. Where it answers with numbers
and leaves the verdict to its user, the tolerance is the one in its docstring. All get float64 scores, and
the loss's answers as float64: a loss that is float32 inside is so for everyone.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec

import numpy as np
from right_losses import Loss


@dataclass(frozen=True)
class Peer:
    """A gradient checker.

    Attributes:
        says_wrong: (loss, S, y) -> whether it calls the gradient wrong; an AssertionError says so too.
        library: what must be installed, as it is imported.
    """

    says_wrong: Callable[[Loss, np.ndarray, np.ndarray], bool]
    library: str

    @property
    def installed(self) -> bool:
        return find_spec(self.library) is not None


PEERS: dict[str, Peer] = {}


def peer(name: str, library: str) -> Callable[[Callable[..., bool]], Callable[..., bool]]:
    """Enter a function into ``PEERS``."""

    def register(says_wrong: Callable[..., bool]) -> Callable[..., bool]:
        PEERS[name] = Peer(says_wrong, library)
        return says_wrong

    return register


def value_of(loss: Loss, S: np.ndarray, y: np.ndarray) -> float:
    """The loss's value at S, of any shape that numpy can copy, as a Python float."""
    return float(loss(S.copy(), y)[0])


def both_of(loss: Loss, S: np.ndarray, y: np.ndarray) -> tuple[float, np.ndarray]:
    """The loss's value and its dS, N x C float64."""
    value, dS = loss(S.copy(), y)
    return float(value), np.array(dS, dtype=np.float64)


def gradcheck_says_wrong(loss: Loss, S: np.ndarray, y: np.ndarray, rtol: float) -> bool:
    from gradcheck import Config, check_at

    return not check_at(loss, S, y, Config(rtol=rtol)).passed


@peer("gradcheck, rtol 1e-7", "gradcheck")
def gradcheck_at_default(loss, S, y):
    return gradcheck_says_wrong(loss, S, y, rtol=1e-7)


@peer("gradcheck, rtol 1e-9", "gradcheck")
def gradcheck_sharp(loss, S, y):
    return gradcheck_says_wrong(loss, S, y, rtol=1e-9)


@peer("scipy check_grad", "scipy")
def scipy_check_grad(loss, S, y):
    """Its answer is the norm of the difference; wrong above 1e-6 of the gradient's norm.

    That is what its users compare with, made relative: absolute, it would pass anything of a loss times 1e-9.
    """
    from scipy.optimize import check_grad

    _, dS = both_of(loss, S, y)
    error = check_grad(lambda x: value_of(loss, x.reshape(S.shape), y), lambda x: dS.ravel(), S.ravel())
    return not error <= 1e-6 * np.linalg.norm(dS)


@peer("numdifftools Gradient", "numdifftools")
def numdifftools_gradient(loss, S, y):
    """Compared by numpy.testing.assert_allclose with its default, rtol 1e-7."""
    from numdifftools import Gradient

    _, dS = both_of(loss, S, y)
    numerical = Gradient(lambda x: value_of(loss, x.reshape(S.shape), y))(S.ravel())
    np.testing.assert_allclose(dS.ravel(), numerical)
    return False


def torch_says_wrong(loss: Loss, S: np.ndarray, y: np.ndarray, *, fast_mode: bool) -> bool:
    import torch

    class OfNumPy(torch.autograd.Function):
        @staticmethod
        def forward(ctx, scores):
            value, dS = both_of(loss, scores.detach().numpy(), y)
            ctx.save_for_backward(torch.from_numpy(dS))
            return torch.tensor(value, dtype=torch.float64)

        @staticmethod
        def backward(ctx, upstream):
            return upstream * ctx.saved_tensors[0]

    scores = torch.tensor(S, dtype=torch.float64, requires_grad=True)
    return not torch.autograd.gradcheck(OfNumPy.apply, scores, fast_mode=fast_mode, raise_exception=False)


@peer("torch gradcheck", "torch")
def torch_gradcheck(loss, S, y):
    return torch_says_wrong(loss, S, y, fast_mode=False)


@peer("torch gradcheck, fast_mode", "torch")
def torch_gradcheck_fast(loss, S, y):
    return torch_says_wrong(loss, S, y, fast_mode=True)


@peer("autograd check_grads", "autograd")
def autograd_check_grads(loss, S, y):
    from autograd.extend import defvjp, primitive
    from autograd.test_util import check_grads

    of_numpy = primitive(lambda scores: value_of(loss, scores, y))
    defvjp(of_numpy, lambda value, scores: lambda upstream: upstream * both_of(loss, scores, y)[1])
    # It draws its direction from NumPy's global state: one for each problem, the same in every run.
    np.random.seed(zlib.crc32(S.tobytes()))
    check_grads(of_numpy, modes=["rev"], order=1)(S)
    return False


@peer("jax check_grads", "jax")
def jax_check_grads(loss, S, y):
    import jax
    from jax.test_util import check_grads

    jax.config.update("jax_enable_x64", True)

    @jax.custom_vjp
    def of_numpy(scores):  # nothing here is traced, so that the host can be called as it is
        return jax.numpy.asarray(value_of(loss, np.asarray(scores), y))

    def forward(scores):
        return tuple(map(jax.numpy.asarray, both_of(loss, np.asarray(scores), y)))

    of_numpy.defvjp(forward, lambda dS, upstream: (upstream * dS,))
    check_grads(of_numpy, (S,), order=1, modes=["rev"])
    return False


@peer("plain loop, h = 1e-5", "numpy")
def plain_loop(loss, S, y):
    """Wrong where abs(a - n) / max(abs(a), abs(n)), or 0 where both are 0, is above 1e-7."""
    _, dS = both_of(loss, S, y)
    numerical, h = np.zeros(S.shape), 1e-5
    for entry in np.ndindex(S.shape):
        step = np.zeros(S.shape)
        step[entry] = h
        numerical[entry] = (value_of(loss, S + step, y) - value_of(loss, S - step, y)) / (2 * h)
    largest = np.maximum(np.abs(dS), np.abs(numerical))
    relative_error = np.abs(dS - numerical) / np.where(largest == 0, 1, largest)
    return bool(np.any(relative_error > 1e-7))
