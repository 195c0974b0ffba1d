"""The comparison itself: gradcheck's row on a few losses, and that every peer can answer what it is asked."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

import numpy as np
import peers
import pytest
from peer_checkers import PEERS, Peer
from rich.console import Console
from right_losses import RIGHT, SMOOTH
from score_kinds import draw

pytestmark = pytest.mark.benchmark

SEEDS = 2
GRADCHECK = [name for name in PEERS if name.startswith("gradcheck")]
TEMPTING = [
    "softmax",
    "sin(40 s)",
    "hinge with >=",
    "hinge with >",
    "largest score, the first at ties",
    "ramp between 0 and 2",
    "softmax offset by 1e6",
    "float32 inside, returned as a Python float",
]
#: Smooth losses whose rounding leaves 1e-7 of a gradient to be seen: that of one offset by 1e6 does not.
RESOLVING = [
    "softmax",
    "one-vs-all",
    "sin(40 s)",
    "softmax times 1e-9",
    "softmax times 1e9",
    "softmax with a ridge",
]


@pytest.fixture(params=PEERS)
def installed(request: pytest.FixtureRequest) -> Iterator[Peer]:
    """Each peer, its library at hand; JAX's switch to float64 is for the whole process, and put back."""
    peer = PEERS[request.param]
    library = pytest.importorskip(peer.library)
    before = library.config.jax_enable_x64 if peer.library == "jax" else None
    yield peer
    if before is not None:
        library.config.update("jax_enable_x64", before)


def sign_flipped(S: Any, y: Any) -> tuple[Any, Any]:
    value, dS = RIGHT["softmax"](S, y)
    return value, -dS


@pytest.mark.parametrize("seed", range(SEEDS))
def test_every_peer_passes_softmax_at_normal_scores(installed, seed):
    answer, calls = peers.ask(installed, RIGHT["softmax"], *draw("normal", seed))
    assert answer == "right"
    assert calls >= 3


@pytest.mark.parametrize("seed", range(SEEDS))
def test_every_peer_sees_a_sign_flip(installed, seed):
    assert peers.ask(installed, sign_flipped, *draw("normal", seed))[0] == "wrong"


@pytest.mark.parametrize("loss", TEMPTING)
@pytest.mark.parametrize("name", GRADCHECK)
def test_gradcheck_has_no_false_alarm(name, loss):
    count = peers.compared(name, loss, SEEDS)
    assert count["right losses"] == 4 * SEEDS
    assert count["false alarms"] == count["errors"] == 0


@pytest.mark.parametrize("loss", RESOLVING)
def test_gradcheck_sees_every_defect_of_1e_7_at_rtol_1e_9(loss):
    count = peers.compared("gradcheck, rtol 1e-9", loss, SEEDS)
    assert count["defects"] == SEEDS
    assert count[1e-7] == count[3e-7] == count[1e-5] == count[1e-2] == SEEDS


@pytest.mark.parametrize("loss", SMOOTH)
def test_a_defect_is_planted_in_one_entry_that_matters(loss):
    S, y = draw("normal", 1)
    entry = peers.entry_for_defect(RIGHT[loss], S, y, seed=1)
    assert entry is not None
    (value, dS), (same, defective) = RIGHT[loss](S, y), peers.with_defect(RIGHT[loss], 1e-2, entry)(S, y)
    assert value == same
    assert np.argwhere(defective != dS).tolist() == [list(entry)]
    assert defective[entry] / dS[entry] == pytest.approx(1.01)
    assert abs(dS[entry]) >= 1e-3 * np.abs(dS).max()


def test_where_the_gradient_is_0_no_defect_is_planted():
    assert peers.entry_for_defect(lambda S, y: (0.0, 0 * S), *draw("normal", 0), seed=0) is None


def test_what_is_no_verdict_is_counted_as_an_error_and_not_as_an_alarm(monkeypatch):
    def broken(loss, S, y):
        raise ZeroDivisionError

    monkeypatch.setitem(PEERS, "broken", Peer(broken, "numpy"))
    count = peers.compared("broken", "softmax", 1)
    assert count["errors"] == 4 + len(peers.DEFECTS)
    assert count["false alarms"] == 0
    assert "errors" in printed({"broken": count})


def test_a_library_that_is_missing_is_said_to_be_not_installed(monkeypatch):
    missing = Peer(lambda loss, S, y: False, "no_such_library")
    monkeypatch.setitem(PEERS, "missing", missing)
    assert not missing.installed
    row = next(line for line in printed({}).splitlines() if line.strip().startswith("missing"))
    assert "not installed" in row


def test_one_miss_of_many_is_never_shown_as_none():
    count = Counter({"right losses": 80_000, "false alarms": 1, "defects": 80_000, 1e-2: 79_999})
    text = printed({GRADCHECK[0]: count})
    assert "99.9%" in text
    assert "0.1%" in text
    assert "100.0%" not in text


def printed(counts: dict[str, Counter[Any]]) -> str:
    console = Console(width=120, color_system=None)
    with console.capture() as capture:
        console.print(peers.table_of(counts))
    return capture.get()
