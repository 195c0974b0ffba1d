"""gradcheck beside its peers: the same losses at the same problems, in one run.

    python tests/benchmarks/peers.py [--seeds N]

- false alarms: every right loss at four kinds of scores; the percentage of these problems called wrong.
- 1e-2 to 1e-9: every smooth loss at normal scores, with one entry of dS too large by this much, relatively;
  the percentage called wrong. The entry is one of at least 1e-3 of the largest. Where all of dS is 0 (a loss
  that couples rows, at one row) no defect can be planted.
- calls: of the loss (value and gradient together are one), mean over the problems of the right losses.

Every checker is used as its own documentation describes it, with its own defaults. Where it answers with numbers and
leaves the verdict to its user, the tolerance is the one in its docstring. All get float64 scores, and the loss's
answers as float64: a loss that is float32 inside is so for everyone.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
import warnings
import zlib
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ProcessPoolExecutor
from importlib.metadata import version
from importlib.util import find_spec
from multiprocessing import get_context
from pathlib import Path
from platform import python_version
from typing import Any, NamedTuple

import numpy as np

sys.path.append(str(Path(__file__).parent.parent))
from corpora import RIGHT, SCORES, SMOOTH, Loss, draw, one_entry_off

#: Relative sizes of planted defects.
DEFECTS = (1e-2, 1e-5, 3e-7, 1e-7, 1e-9)


class Peer(NamedTuple):
    """A gradient checker: whether it calls a gradient wrong, which an AssertionError says too, and what it imports."""

    says_wrong: Callable[[Loss, np.ndarray, np.ndarray], bool]
    library: str


PEERS: dict[str, Peer] = {}


def peer(name: str, library: str) -> Callable[[Callable[..., bool]], Callable[..., bool]]:
    """Enter a function into ``PEERS``."""

    def register(says_wrong: Callable[..., bool]) -> Callable[..., bool]:
        PEERS[name] = Peer(says_wrong, library)
        return says_wrong

    return register


def both_of(loss: Loss, S: np.ndarray, y: np.ndarray) -> tuple[float, np.ndarray]:
    value, dS = loss(S.copy(), y)
    return float(value), np.array(dS, dtype=np.float64)


def value_of(loss: Loss, S: np.ndarray, y: np.ndarray) -> float:
    return both_of(loss, S, y)[0]


@peer("gradcheck, rtol 1e-7", "gradcheck")
def gradcheck_at_default(loss, S, y, rtol=1e-7):
    from gradcheck import Config, check_at

    return not check_at(loss, S, y, Config(rtol=rtol)).passed


@peer("gradcheck, rtol 1e-9", "gradcheck")
def gradcheck_sharp(loss, S, y):
    return gradcheck_at_default(loss, S, y, rtol=1e-9)


@peer("scipy check_grad", "scipy")
def scipy_check_grad(loss, S, y):
    """Wrong where the norm of the difference is above 1e-6 of the gradient's: its users' tolerance, made relative."""
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


@peer("torch gradcheck", "torch")
def torch_gradcheck(loss, S, y, fast_mode=False):
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


@peer("torch gradcheck, fast_mode", "torch")
def torch_gradcheck_fast(loss, S, y):
    return torch_gradcheck(loss, S, y, fast_mode=True)


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
    return bool(np.any(np.abs(dS - numerical) > 1e-7 * largest))


def ask(peer: Peer, loss: Loss, S: np.ndarray, y: np.ndarray) -> tuple[str, int]:
    """``right``, ``wrong``, or ``error`` where it raised anything but a verdict; and how many calls it took."""
    calls = 0

    def counted(S: Any, y: Any) -> tuple[Any, Any]:
        nonlocal calls
        calls += 1
        return loss(S, y)

    try:
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            answer = "wrong" if peer.says_wrong(counted, S.copy(), y.copy()) else "right"
    except AssertionError:
        answer = "wrong"
    except Exception:
        answer = "error"
    return answer, calls


def compared(peer_name: str, loss_name: str, seeds: int) -> Counter[Any]:
    """One peer on one loss: counts of problems, calls, false alarms, errors and, by their size, defects found."""
    peer, loss = PEERS[peer_name], RIGHT[loss_name]
    count: Counter[Any] = Counter()
    for seed in range(seeds):
        for kind in SCORES:
            answer, calls = ask(peer, loss, *draw(kind, seed))
            count.update({"right losses": 1, "calls": calls})
            count.update({"false alarms": answer == "wrong", "errors": answer == "error"})
        S, y = draw("normal", seed)
        dS = np.abs(loss(S, y)[1])
        if loss_name in SMOOTH and dS.any():
            entry = np.random.default_rng(seed).choice(np.argwhere(dS >= 1e-3 * dS.max()))
            count["defects"] += 1
            for size in DEFECTS:
                answer, _ = ask(peer, one_entry_off(loss, S, entry, lambda x, size=size: x * (1 + size)), S, y)
                count.update({size: answer == "wrong", "errors": answer == "error"})
    return count


def compare(losses: Iterable[str], seeds: int) -> dict[str, Counter[Any]]:
    """Every installed peer on every loss, spread over processes: counts by the peer's name."""
    losses = list(losses)
    with ProcessPoolExecutor(os.cpu_count(), mp_context=get_context("spawn")) as pool:
        at_work = {
            name: [pool.submit(compared, name, loss, seeds) for loss in losses]
            for name, peer in PEERS.items()
            if find_spec(peer.library)
        }
        return {name: sum((future.result() for future in futures), Counter()) for name, futures in at_work.items()}


def table_of(counts: Mapping[str, Counter[Any]]) -> str:
    """A table in Markdown with a row for each peer of ``PEERS``."""
    header = ["checker", "problems", "false alarms", *(f"{size:.0e}".replace("e-0", "e-") for size in DEFECTS), "calls"]
    rows = [[*header, "errors"], ["---"] * (len(header) + 1)]
    for name in PEERS:
        if name not in counts:
            rows.append([name, "not installed"])
            continue
        count = counts[name]
        right, defects = count["right losses"], count["defects"]
        shares = [_percent(count["false alarms"], right), *(_percent(count[size], defects) for size in DEFECTS)]
        calls = f"{count['calls'] / right:.0f}"
        rows.append([name, f"{right:,} + {defects:,}", *shares, calls, f"{count['errors']:,}"])
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _percent(part: int, whole: int) -> str:
    """Rounded towards the middle, so that 100.0% and 0.0% mean all and none."""
    exact = 100 * part / whole
    return f"{exact if part in (0, whole) else min(max(exact, 0.1), 99.9):.1f}%"


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--seeds", type=int, default=20, metavar="N", help="draws of each kind (default: %(default)s)")
    seeds = max(parser.parse_args().seeds, 1)
    # The processes fill the machine; threads of the libraries' own would only get in their way.
    os.environ.update(dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1"))
    print(table_of(compare(RIGHT, seeds)))
    versions = (f"{name} {version(name)}" for name in {each.library: 0 for each in PEERS.values()} if find_spec(name))
    print(f"{len(RIGHT)} right losses, {len(SMOOTH)} of them smooth; {len(SCORES)} kinds of scores x {seeds} seeds.")
    print(f"{time.strftime('%Y-%m-%d')}; Python {python_version()}, {', '.join(versions)}.")


if __name__ == "__main__":
    main()
