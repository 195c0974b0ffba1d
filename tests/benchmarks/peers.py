"""gradcheck beside its peers: the same losses, layers and Hessians at the same points, in one run.

    python tests/benchmarks/peers.py [--seeds N]

- false alarms: every right one at four kinds of scores; the percentage of these problems called wrong.
- seen: at normal scores, with one entry of the gradient (or of hess) too large by these parts of itself; the percentage
  called wrong. The entry is one of at least 1e-3 of the largest, of a loss it is a smooth one; where all are 0, none.
- calls: of the function (with its derivatives it is one), mean over the problems of the right ones.

gradcheck gets a function as its author wrote it: a loss, a layer's forward and backward, a loss with its ``hess``. The
peers get what their documentation asks for, a function of one vector x and its derivative. Of a layer x has all inputs
with a gradient, and the value is the sum of the outputs times gradcheck's upstream gradient; of a Hessian the values
are the entries of the gradient. Each has its own defaults, or where it leaves the verdict to its user the tolerance in
its docstring. All get float64 numbers: a loss that is float32 inside is so for everyone.
"""

import argparse
import os
import sys
import time
import warnings
import zlib
from collections import Counter
from collections.abc import Callable, Collection, Mapping
from concurrent.futures import ProcessPoolExecutor
from functools import partial, wraps
from importlib.metadata import version
from importlib.util import find_spec
from itertools import product
from multiprocessing import get_context
from pathlib import Path
from textwrap import fill
from typing import Any, NamedTuple

import numpy as np

sys.path.append(str(Path(__file__).parent.parent))
import layers
from corpora import RIGHT, SCORES, SMOOTH, Loss, draw, hessians

from gradcheck import Config, Report, check, check_at
from gradcheck.api import as_function
from gradcheck.evaluation.objective import Objective
from gradcheck.functions.prepare import prepare

#: Relative sizes of planted defects.
DEFECTS = (1e-2, 1e-5, 3e-7, 1e-7)
#: What layers get where losses get a kind of scores.
DISTRIBUTIONS = dict(zip(SCORES, ["normal", "integers(-2, 2)", "normal(0, 1e-3)", "normal(0, 1e3)"], strict=True))
Array = np.ndarray


class Derivatives:
    """What a function's arrays of derivatives pass through: calls are counted, and one entry may be made wrong."""

    def __init__(self, n: int = -1, entry: int = 0, by: float = 0.0) -> None:
        """Where there are n numbers (of a part of a batch there are fewer), one becomes 1 + ``by`` times itself."""
        self.calls, self.seen, self._off = 0, np.zeros(0), (n, entry, by)

    def __call__(self, arrays: Any) -> Any:
        """Pass on an array, or a tuple of arrays and None."""
        several = arrays if isinstance(arrays, tuple) else (arrays,)
        several = tuple(None if each is None else np.array(each) for each in several)
        given = [each for each in several if each is not None]
        self.calls, self.seen = self.calls + 1, np.concatenate([each.reshape(-1) for each in given])
        n, entry, by = self._off
        for each in given if len(self.seen) == n else ():
            if 0 <= entry < each.size:
                each.flat[entry] *= 1 + by
            entry -= each.size
        return several if isinstance(arrays, tuple) else several[0]


class Problem(NamedTuple):
    """A function at a point."""

    check: Callable[[float], Report]  # by gradcheck, at an rtol
    both: Callable[[Array], tuple[Array, Array]]  # of x (n,): its value () or (m,), its derivative (n,) or (m, n)
    x: Array

    def value(self, x: Array) -> Array:
        return self.both(x)[0]


def of_scores(loss: Loss, scores: str, seed: int, passed_on: Derivatives, hessian: bool = False) -> Problem:
    """A loss, or with ``hessian`` its gradient, whose derivative is the whole matrix of the ``hess`` it returns."""
    S, y = draw(scores, seed)

    @wraps(loss)
    def function(S: Array, y: Array) -> Any:
        *first, last = loss(S, y)
        return *first, passed_on(last)

    def both(x: Array) -> tuple[Array, Array]:
        *_, value, derivative = (np.array(each, dtype=np.float64) for each in function(x.reshape(S.shape).copy(), y))
        if not hessian:
            return value, derivative.reshape(-1)
        width = derivative.size // x.size  # of the blocks on the diagonal: 1, C or n
        blocks = derivative.reshape(-1, 1, width, width) * np.eye(x.size // width)[:, :, None, None]
        return value.reshape(-1), blocks.swapaxes(1, 2).reshape(x.size, x.size)

    return Problem(lambda rtol: check_at(function, S, y, rtol=rtol, hessian=hessian), both, S.reshape(-1))


def of_layer(case: layers.LayerCase, scores: str, seed: int, passed_on: Derivatives) -> Problem:
    """A layer at 1, 2 or 3 rows; inputs that have a distribution of their own keep it."""
    layer = case.function() if isinstance(case.function, type) else case.function
    forward, backward = (layer, case.backward) if case.backward else (layer.forward, layer.backward)

    @wraps(backward)
    def derived(*given: Any) -> Any:
        return passed_on(backward(*given))

    keywords = {**case.keywords, "backward": derived}
    config = Config(scores=DISTRIBUTIONS[scores], batch_sizes=1 + seed % 3, seed=seed, **keywords)
    of_x, (at,), _ = prepare(as_function(forward), config)
    objective = Objective(of_x, at.S.shape, at.y)

    def both(x: Array) -> tuple[Array, Array]:
        return np.array((answer := objective(x)).value), answer.gradient

    return Problem(lambda rtol: check(forward, config, rtol=rtol), both, at.S[0])


class Kind(NamedTuple):
    """What is checked."""

    cases: Mapping[str, Any]  # all are right
    planted: Collection[str]  # names of those in which defects are planted
    problem: Callable[[Any, str, int, Derivatives], Problem]  # of a case, a kind of scores and a seed
    part: int  # of the seeds that losses get: a half, ...


LAYERS = {name: case for name, case in layers.RIGHT.items() if case.backward or hasattr(case.function, "backward")}
#: All but the one that has second derivatives beside the diagonal that it returns: that is no derivative of a function.
HESSIANS = {each.__name__: each for each in hessians.RIGHT if each is not hessians.softmax_diagonal}
KINDS = {
    "losses": Kind(RIGHT, SMOOTH, of_scores, 1),
    "layers": Kind(LAYERS, LAYERS, of_layer, 5),
    "Hessians": Kind(HESSIANS, HESSIANS, partial(of_scores, hessian=True), 2),
}


def scipy_check_grad(problem):
    """Wrong where the norm of the difference is above 1e-6 of the derivative's: its users' tolerance, made relative."""
    from scipy.optimize import check_grad

    _, derivative = problem.both(problem.x)
    error = check_grad(problem.value, lambda x: derivative, problem.x)
    return not error <= 1e-6 * np.linalg.norm(derivative)


def numdifftools_gradient(problem):
    """Compared by numpy.testing.assert_allclose with its default, rtol 1e-7."""
    from numdifftools import Gradient, Jacobian

    value, derivative = problem.both(problem.x)
    numerical = (Jacobian if value.ndim else Gradient)(problem.value)(problem.x)
    np.testing.assert_allclose(derivative, numerical)
    return False


def torch_gradcheck(problem, fast_mode=False):
    import torch

    class OfNumPy(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            value, derivative = map(torch.from_numpy, map(np.array, problem.both(x.detach().numpy())))
            ctx.save_for_backward(derivative)
            return value

        @staticmethod
        def backward(ctx, upstream):
            return torch.tensordot(upstream, ctx.saved_tensors[0], dims=upstream.ndim)

    x = torch.tensor(problem.x, dtype=torch.float64, requires_grad=True)
    return not torch.autograd.gradcheck(OfNumPy.apply, x, fast_mode=fast_mode, raise_exception=False)


def autograd_check_grads(problem):
    from autograd.extend import defvjp, primitive
    from autograd.test_util import check_grads

    of_numpy = primitive(lambda x: problem.value(x)[()])
    defvjp(of_numpy, lambda value, x: lambda upstream: np.tensordot(upstream, problem.both(x)[1], np.ndim(value)))
    # It draws its direction from NumPy's global state: one for each problem, the same in every run.
    np.random.seed(zlib.crc32(problem.x.tobytes()))
    check_grads(of_numpy, modes=["rev"], order=1)(problem.x)
    return False


def jax_check_grads(problem):
    import jax
    from jax.test_util import check_grads

    jax.config.update("jax_enable_x64", True)

    @jax.custom_vjp
    def of_numpy(x):  # nothing here is traced, so that the host can be called as it is
        return jax.numpy.asarray(problem.value(np.asarray(x)))

    def forward(x):
        return tuple(map(jax.numpy.asarray, problem.both(np.asarray(x))))

    of_numpy.defvjp(forward, lambda derivative, upstream: (jax.numpy.tensordot(upstream, derivative, upstream.ndim),))
    check_grads(of_numpy, (problem.x,), order=1, modes=["rev"])
    return False


def plain_loop(problem):
    """Wrong where abs(a - n) / max(abs(a), abs(n)), or 0 where both are 0, is above 1e-7."""
    (_, derivative), h = problem.both(problem.x), 1e-5
    moves = h * np.eye(len(problem.x))
    differences = [problem.value(problem.x + move) - problem.value(problem.x - move) for move in moves]
    numerical = np.stack(differences, axis=-1) / (2 * h)
    return bool(np.any(np.abs(derivative - numerical) > 1e-7 * np.maximum(np.abs(derivative), np.abs(numerical))))


class Peer(NamedTuple):
    """A checker: what it imports, and whether it calls a derivative wrong, which an AssertionError says too."""

    library: str
    says_wrong: Callable[[Problem], bool]


PEERS = {
    "gradcheck, rtol 1e-7": Peer("gradcheck", lambda problem: not problem.check(1e-7).passed),
    "gradcheck, rtol 1e-9": Peer("gradcheck", lambda problem: not problem.check(1e-9).passed),
    "scipy check_grad, 1e-6 of the norm": Peer("scipy", scipy_check_grad),
    "numdifftools, rtol 1e-7": Peer("numdifftools", numdifftools_gradient),
    "torch gradcheck": Peer("torch", torch_gradcheck),
    "torch gradcheck, fast mode": Peer("torch", partial(torch_gradcheck, fast_mode=True)),
    "autograd check_grads": Peer("autograd", autograd_check_grads),
    "jax check_grads": Peer("jax", jax_check_grads),
    "plain loop, h = 1e-5": Peer("numpy", plain_loop),
}


def ask(peer: Peer, problem: Problem) -> str:
    """``right``, ``wrong``, or ``error`` where it raised anything but a verdict."""
    try:
        return "wrong" if peer.says_wrong(problem) else "right"
    except AssertionError:
        return "wrong"
    except Exception:
        return "error"


def compared(peer_name: str, kind_name: str, case_name: str, seeds: int) -> Counter[Any]:
    """One peer on one case: counts of problems, calls, false alarms, errors and, by their size, defects found."""
    peer, kind = PEERS[peer_name], KINDS[kind_name]
    case, count = kind.cases[case_name], Counter[Any]()
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        for scores, seed in product(SCORES, range(max(seeds // kind.part, 1))):
            problem = kind.problem(case, scores, seed, passed_on := Derivatives())
            if not all(np.all(np.isfinite(each)) for each in problem.both(problem.x)):
                continue  # exp(1000)
            given, passed_on.calls = np.abs(passed_on.seen), 0
            answer = ask(peer, problem)
            count.update({"right": 1, "calls": passed_on.calls, "false alarms": answer == "wrong"})
            count["errors"] += answer == "error"
            if scores == "normal" and case_name in kind.planted and given.any():
                entry = int(np.random.default_rng(seed).choice(np.flatnonzero(given >= 1e-3 * given.max())))
                count["defects"] += 1
                for size in DEFECTS:
                    answer = ask(peer, kind.problem(case, scores, seed, Derivatives(len(given), entry, size)))
                    count.update({size: answer == "wrong", "errors": answer == "error"})
    return count


def compare(seeds: int) -> dict[tuple[str, str], Counter[Any]]:
    """Every installed peer on every case, spread over processes: counts by the names of the peer and the kind."""
    with ProcessPoolExecutor(os.cpu_count(), mp_context=get_context("spawn")) as pool:
        at_work = {
            (name, kind): [pool.submit(compared, name, kind, case, seeds) for case in KINDS[kind].cases]
            for kind, (name, peer) in product(KINDS, PEERS.items())
            if find_spec(peer.library)
        }
        return {key: sum((future.result() for future in futures), Counter()) for key, futures in at_work.items()}


def table_of(counts: Mapping[tuple[str, str], Counter[Any]]) -> str:
    """A table in Markdown with a row for each peer of ``PEERS``."""
    sizes = " / ".join(f"{size:.0e}".replace("e-0", "e-") for size in DEFECTS)
    header = ["checker", *(head for kind in KINDS for head in (f"{kind}: false alarms", f"seen: {sizes}", "calls"))]
    rows = [header, ["---"] * len(header)]
    for name in PEERS:
        row = [name]
        for count in (counts[name, kind] for kind in KINDS if (name, kind) in counts):
            errors = f", {count['errors']:,} errors" if count["errors"] else ""
            seen = " / ".join(_percent(count[size], count["defects"]) for size in DEFECTS)
            alarms = _percent(count["false alarms"], count["right"])
            row += [f"{alarms}%{errors}", seen, f"{count['calls'] / count['right']:.0f}"]
        rows.append(row if len(row) > 1 else [name, "not installed"])
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _percent(part: int, whole: int) -> str:
    """Rounded towards the middle, so that 100.0 and 0.0 mean all and none."""
    exact = 100 * part / whole
    return f"{exact if part in (0, whole) else min(max(exact, 0.1), 99.9):.1f}"


def words(seeds: int) -> str:
    """What the README says above the table."""
    cases = ", ".join(f"{len(kind.cases)} {name} x {max(seeds // kind.part, 1)}" for name, kind in KINDS.items())
    names = {each.library: 0 for each in PEERS.values() if each.library != "gradcheck" and find_spec(each.library)}
    versions = ", ".join(f"{name} {version(name).partition('+')[0]}" for name in names)
    text = f"""Side by side, by `python tests/benchmarks/peers.py`: {cases} draws at each of {len(SCORES)} kinds of
        scores. False alarms: right ones that are called wrong. Seen, in per cent: wrong ones, with one entry of the
        gradient or hess off by such a part of itself. gradcheck misses what is not above its rtol, as it should, or is
        within the bound that it shows. Measured on {time.strftime("%Y-%m-%d")} with {versions}."""
    return fill(" ".join(text.split()), 130, break_on_hyphens=False)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--seeds", type=int, default=10, metavar="N", help="draws of each loss (default: %(default)s)")
    seeds = max(parser.parse_args().seeds, 1)
    # The processes fill the machine; threads of the libraries' own would only get in their way.
    os.environ.update(dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1"))
    print(f"{words(seeds)}\n\n{table_of(compare(seeds))}")


if __name__ == "__main__":
    main()
