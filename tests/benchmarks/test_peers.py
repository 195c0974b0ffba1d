"""The comparison itself: gradcheck's row on a few losses, and that every peer can answer what it is asked."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

import numpy as np
import peers
import pytest
from corpora import RIGHT, draw
from peers import PEERS, Peer
from rich.console import Console

pytestmark = pytest.mark.benchmark

GRADCHECK = [name for name in PEERS if name.startswith("gradcheck")]
TEMPTING = [
    "sin(40 s)", "hinge with >=", "largest score, the first at ties", "ramp between 0 and 2", "softmax offset by 1e6",
    "float32 inside, returned as a Python float",
]  # fmt: skip
#: Smooth losses whose rounding leaves 1e-7 of a gradient to be seen: that of one offset by 1e6 does not.
RESOLVING = ["softmax", "one-vs-all", "sin(40 s)", "softmax times 1e-9", "softmax times 1e9", "softmax with a ridge"]


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


def test_every_peer_passes_softmax_and_sees_a_sign_flip(installed: Peer) -> None:
    S, y = draw("normal", 1)
    answer, calls = peers.ask(installed, RIGHT["softmax"], S, y)
    assert answer == "right"
    assert calls >= 3
    assert peers.ask(installed, sign_flipped, S, y)[0] == "wrong"


@pytest.mark.parametrize("loss", TEMPTING)
@pytest.mark.parametrize("name", GRADCHECK)
def test_gradcheck_has_no_false_alarm(name: str, loss: str) -> None:
    count = peers.compared(name, loss, seeds=2)
    assert count["right losses"] == 8
    assert count["false alarms"] == count["errors"] == 0


@pytest.mark.parametrize("loss", RESOLVING)
def test_gradcheck_sees_every_defect_of_1e_7_at_rtol_1e_9(loss: str) -> None:
    count = peers.compared("gradcheck, rtol 1e-9", loss, seeds=2)
    assert count["defects"] == count[1e-7] == count[3e-7] == count[1e-5] == count[1e-2] == 2


def test_a_defect_is_planted_in_one_entry_that_matters_or_not_at_all_where_the_gradient_is_0() -> None:
    S, y = draw("normal", 1)
    softmax = RIGHT["softmax"]
    entry = peers.entry_for_defect(softmax, S, y, seed=1)
    assert entry is not None
    (value, dS), (same, defective) = softmax(S, y), peers.with_defect(softmax, 1e-2, entry)(S, y)
    assert value == same
    assert np.argwhere(defective != dS).tolist() == [list(entry)]
    assert defective[entry] / dS[entry] == pytest.approx(1.01)
    assert peers.entry_for_defect(lambda S, y: (0.0, 0 * S), S, y, seed=0) is None


def test_errors_missing_libraries_and_single_misses_are_shown_as_such(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(loss: Any, S: Any, y: Any) -> bool:
        raise ZeroDivisionError

    monkeypatch.setitem(PEERS, "broken", Peer(broken, "numpy"))
    monkeypatch.setitem(PEERS, "missing", Peer(broken, "no_such_library"))
    count = peers.compared("broken", "softmax", 1)
    assert count["errors"] == 4 + len(peers.DEFECTS)
    assert count["false alarms"] == 0
    many = Counter({"right losses": 80_000, "false alarms": 1, "defects": 80_000, 1e-2: 79_999})
    console = Console(width=120, color_system=None)
    with console.capture() as capture:
        console.print(peers.table_of({"broken": count, GRADCHECK[0]: many}))
    rows = {line[1:28].strip(): line for line in capture.get().splitlines()}
    assert "not installed" in rows["missing"]
    assert "99.9%" in rows[GRADCHECK[0]]
    assert "0.1%" in rows[GRADCHECK[0]]
    assert "errors" in capture.get()
