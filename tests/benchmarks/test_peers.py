"""The comparison itself: gradcheck's row on a few losses, and that every peer can answer what it is asked."""

from collections import Counter

import peers
import pytest
from corpora import RIGHT, broken, draw
from peers import PEERS, Peer

pytestmark = pytest.mark.benchmark


@pytest.mark.parametrize("name", PEERS)
def test_every_peer_passes_softmax_and_sees_a_sign_flip(name):
    library = pytest.importorskip(PEERS[name].library)
    jax_had_float64 = library.config.jax_enable_x64 if name.startswith("jax") else None
    try:
        S, y = draw("normal", 1)
        assert peers.ask(PEERS[name], RIGHT["softmax"], S, y)[0] == "right"
        assert peers.ask(PEERS[name], broken(RIGHT["softmax"], "sign", 0), S, y)[0] == "wrong"
    finally:
        if jax_had_float64 is not None:  # the switch is for the whole process
            library.config.update("jax_enable_x64", jax_had_float64)


def test_gradcheck_has_no_false_alarm_and_sees_every_defect_of_1e_7_at_rtol_1e_9():
    count = peers.compared("gradcheck, rtol 1e-9", "softmax", seeds=2)
    assert (count["right losses"], count["false alarms"], count["errors"]) == (8, 0, 0)
    assert count["defects"] == count[1e-7] == count[3e-7] == count[1e-5] == count[1e-2] == 2


def test_errors_missing_libraries_and_single_misses_are_shown_as_such(monkeypatch):
    monkeypatch.setitem(PEERS, "broken", Peer(lambda loss, S, y: bool(1 / 0), "numpy"))
    monkeypatch.setitem(PEERS, "missing", Peer(lambda loss, S, y: False, "no_such_library"))
    count = peers.compared("broken", "softmax", 1)
    assert count["errors"] == 4 + len(peers.DEFECTS)
    assert count["false alarms"] == 0
    many = Counter({"right losses": 80_000, "false alarms": 1, "defects": 80_000, 1e-2: 79_999})
    rows = peers.table_of({"broken": count, "gradcheck, rtol 1e-7": many}).splitlines()
    assert "| missing | not installed |" in rows
    assert any("| 0.1% | 99.9% |" in row for row in rows)
