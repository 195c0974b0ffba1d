"""gradcheck beside its peers: the same losses at the same problems, in one run.

    python tests/benchmarks/peers.py [--seeds N]

- false alarms: every right loss at four kinds of scores; the percentage of these problems called wrong.
- 1e-2 to 1e-9: every smooth loss at normal scores, with one entry of dS too large by this much, relatively;
  the percentage called wrong. The entry is one of at least 1e-3 of the largest. Where all of dS is 0 (a loss
  that couples rows, at one row) no defect can be planted.
- calls: of the loss (value and gradient together are one), mean over the problems of the right losses.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
import warnings
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from importlib.metadata import PackageNotFoundError, version
from multiprocessing import get_context
from platform import python_version
from typing import Any

import numpy as np
from peer_checkers import PEERS, Peer
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from right_losses import RIGHT, SMOOTH, Loss
from score_kinds import SCORES, draw

#: Relative sizes of planted defects.
DEFECTS = (1e-2, 1e-5, 3e-7, 1e-7, 1e-9)

_CAPTION = (
    "problems: of right losses + of smooth ones with a defect; 1e-2 to 1e-9: such defects called wrong.\n"
    "What calls a right loss wrong does so with a defect too: read these columns beside false alarms."
)


def with_defect(loss: Loss, size: float, entry: tuple[int, int]) -> Loss:
    """The loss with one entry of dS too large, relatively, by ``size``, wherever it is called."""

    def defective(S: Any, y: Any) -> tuple[Any, Any]:
        value, dS = loss(S, y)
        dS = np.array(dS)
        dS[entry] *= 1 + size
        return value, dS

    return defective


def entry_for_defect(loss: Loss, S: np.ndarray, y: np.ndarray, seed: int) -> tuple[int, int] | None:
    """An entry of at least 1e-3 of the largest, the same for every peer and size; None where dS is 0."""
    dS = np.abs(loss(S, y)[1])
    if not dS.any():
        return None
    row, column = np.random.default_rng(seed).choice(np.argwhere(dS >= 1e-3 * dS.max()))
    return int(row), int(column)


def ask(peer: Peer, loss: Loss, S: np.ndarray, y: np.ndarray) -> tuple[str, int]:
    """Ask a peer about a loss at S.

    Returns:
        ``right``, ``wrong``, or ``error`` where it raised what is no verdict; and how many calls it took.
    """
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
    """One peer on one loss.

    Returns:
        Counts of ``right losses`` and ``defects`` (problems of each), ``false alarms``, ``calls``, ``errors``
        and, under each size of defect, of those called wrong.
    """
    peer, loss = PEERS[peer_name], RIGHT[loss_name]
    count: Counter[Any] = Counter()
    for seed in range(seeds):
        for kind in SCORES:
            answer, calls = ask(peer, loss, *draw(kind, seed))
            count.update({"right losses": 1, "calls": calls})
            count.update({"false alarms": answer == "wrong", "errors": answer == "error"})
        S, y = draw("normal", seed)
        entry = entry_for_defect(loss, S, y, seed) if loss_name in SMOOTH else None
        if entry is not None:
            count["defects"] += 1
            for size in DEFECTS:
                answer, _ = ask(peer, with_defect(loss, size, entry), S, y)
                count.update({size: answer == "wrong", "errors": answer == "error"})
    return count


def compare(
    losses: Iterable[str], seeds: int, workers: int, progress: Callable[[str], None]
) -> dict[str, Counter[Any]]:
    """Every installed peer on every loss, spread over processes: counts by the peer's name."""
    losses = list(losses)
    counts: dict[str, Counter[Any]] = {}
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        at_work = {
            name: [pool.submit(compared, name, loss, seeds) for loss in losses]
            for name, peer in PEERS.items()
            if peer.installed
        }
        for name, futures in at_work.items():
            counts[name] = sum((future.result() for future in futures), Counter())
            progress(name)
    return counts


def table_of(counts: Mapping[str, Counter[Any]]) -> Table:
    """A row for each peer of ``PEERS``; the column of errors is there if there was one."""
    errors = any(count["errors"] for count in counts.values())
    table = Table(box=SIMPLE_HEAD, caption=_CAPTION, caption_justify="left")
    table.add_column("", no_wrap=True)
    sizes = (f"{size:.0e}".replace("e-0", "e-") for size in DEFECTS)
    for header in ("problems", "false alarms", *sizes, "calls", *["errors"] * errors):
        table.add_column(header, justify="right")
    for name in PEERS:
        if name not in counts:
            table.add_row(name, "not installed")
            continue
        count = counts[name]
        right, defects = count["right losses"], count["defects"]
        table.add_row(
            name,
            f"{right:,} + {defects:,}",
            _percent(count["false alarms"], right),
            *(_percent(count[size], defects) for size in DEFECTS),
            f"{count['calls'] / right:.0f}",
            *[f"{count['errors']:,}"] * errors,
        )
    return table


def versions() -> Iterator[str]:
    """What took part, each with its version."""
    yield f"Python {python_version()}"
    for library in dict.fromkeys(["gradcheck", "numpy", *(peer.library for peer in PEERS.values())]):
        try:
            yield f"{library} {version(library)}"
        except PackageNotFoundError:
            yield f"{library} not installed"


def _percent(part: int, whole: int) -> str:
    """Rounded towards the middle, so that 100.0% and 0.0% mean all and none."""
    if not whole:
        return "-"
    exact = 100 * part / whole
    return f"{exact if part in (0, whole) else min(max(exact, 0.1), 99.9):.1f}%"


def _at_least_one(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("must be at least 1")
    return number


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument(
        "--seeds",
        type=_at_least_one,
        default=20,
        metavar="N",
        help="draws of each kind (default: %(default)s)",
    )
    seeds = parser.parse_args().seeds
    # The processes below fill the machine; threads of the libraries' own would only get in their way.
    os.environ.update(dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1"))
    workers = os.cpu_count() or 1
    counts = compare(RIGHT, seeds, workers, lambda name: print(f"{name}: done", file=sys.stderr, flush=True))
    console = Console(width=120, highlight=False)
    console.print(table_of(counts))
    losses = f"{len(RIGHT)} right losses, {len(SMOOTH)} of them smooth"
    console.print(f"{losses}; {len(SCORES)} kinds of scores x {seeds} seeds.")
    console.print(f"{time.strftime('%Y-%m-%d')}; {', '.join(versions())}.")


if __name__ == "__main__":
    main()
