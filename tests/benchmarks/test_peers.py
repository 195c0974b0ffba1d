"""The comparison itself: gradcheck's row on a few cases, and that every peer can answer what it is asked."""

from collections import Counter

import numpy as np
import peers
import pytest
from peers import KINDS, PEERS, Derivatives, Peer
from readme import README

pytestmark = pytest.mark.benchmark
CASES = {"losses": "softmax", "layers": "lstm_step", "Hessians": "softmax_blocks"}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", PEERS)
def test_every_peer_passes_a_right_one_and_sees_an_entry_twice_too_large(name, kind):
    library = pytest.importorskip(PEERS[name].library)
    jax_had_float64 = library.config.jax_enable_x64 if name.startswith("jax") else None
    try:
        case, passed_on = KINDS[kind].cases[CASES[kind]], Derivatives()
        right = KINDS[kind].problem(case, "normal", 1, passed_on)
        right.both(right.x)
        entry, n = int(np.abs(passed_on.seen).argmax()), passed_on.seen.size
        assert peers.ask(PEERS[name], right) == "right"
        assert peers.ask(PEERS[name], KINDS[kind].problem(case, "normal", 1, Derivatives(n, entry, 1.0))) == "wrong"
    finally:
        if jax_had_float64 is not None:  # the switch is for the whole process
            library.config.update("jax_enable_x64", jax_had_float64)


@pytest.mark.parametrize(
    ("kind", "name"), [(kind, name) for kind in ("layers", "Hessians") for name in KINDS[kind].cases]
)
def test_derivatives_are_those_of_the_values(kind, name):
    problem = KINDS[kind].problem(KINDS[kind].cases[name], "normal", 2, Derivatives())
    value, derivative = problem.both(problem.x)
    assert derivative.shape == (*value.shape, problem.x.size)
    direction, h = np.cos(np.arange(problem.x.size)), 1e-4
    along = (problem.value(problem.x + h * direction) - problem.value(problem.x - h * direction)) / (2 * h)
    np.testing.assert_allclose(derivative @ direction, along, rtol=1e-5, atol=1e-5 * np.abs(derivative).max())


@pytest.mark.parametrize("kind", KINDS)
def test_gradcheck_has_no_false_alarm_and_sees_every_defect_of_1e_7_at_rtol_1e_9(kind):
    count = peers.compared("gradcheck, rtol 1e-9", kind, CASES[kind], seeds=2 * KINDS[kind].part)
    assert (count["right"], count["false alarms"], count["errors"]) == (8, 0, 0)
    assert count["defects"] == count[1e-7] == count[3e-7] == count[1e-5] == count[1e-2] == 2


def test_errors_missing_libraries_and_single_misses_are_shown_as_such(monkeypatch):
    monkeypatch.setitem(PEERS, "broken", Peer("numpy", lambda problem: bool(1 / 0)))
    monkeypatch.setitem(PEERS, "missing", Peer("no_such_library", lambda problem: False))
    count = peers.compared("broken", "losses", "softmax", 1)
    assert count["errors"] == 4 + len(peers.DEFECTS)
    assert count["false alarms"] == 0
    many = Counter({"right": 80_000, "false alarms": 1, "defects": 80_000, 1e-2: 79_999})
    rows = peers.table_of({("broken", "losses"): count, ("gradcheck, rtol 1e-7", "layers"): many}).splitlines()
    assert "| missing | not installed |" in rows
    assert any("| 0.0%, 8 errors |" in row for row in rows)
    assert any("| 0.1% | 99.9 / 0.0 / 0.0 / 0.0 |" in row for row in rows)


def test_the_readme_shows_every_peer_and_kind():
    header, _, *rows = peers.table_of({}).splitlines()
    shown = README.read_text(encoding="utf-8").partition(f"{header}\n")[2].partition("\n\n")[0].splitlines()[1:]
    assert [row.split(" | ")[0] for row in shown] == [row.split(" | ")[0] for row in rows]
