"""Losses for workers, as the text of files that tests write; and what it takes to compare reports."""

import dataclasses
import sys
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from gradcheck.evaluation import parallel

NEIGHBOUR = """\
import numpy as np

def softmax(S, y, reduction="mean"):
    N, rows = len(S), np.arange(len(S))
    p = np.exp(S - S.max(axis=1, keepdims=True))
    total = p.sum(axis=1, keepdims=True)
    values = np.log(total[:, 0]) + S.max(axis=1) - S[rows, y]
    p /= total
    p[rows, y] -= 1
    return (values, p) if reduction == "none" else (values.mean(), p / N)
"""

LOSSES = """\
import multiprocessing
import os
import time

import numpy as np

import neighbour

IN_A_WORKER = multiprocessing.current_process().name != "MainProcess"
DRAWN = np.random.default_rng(int.from_bytes(os.urandom(4), "big")).random()

def right(S, y):
    return neighbour.softmax(S, y)

def in_rows(S, y, reduction="mean"):
    from lately import softmax  # found only beside this file
    return softmax(S, y, reduction)

def wrong(S, y):
    value, dS = neighbour.softmax(S, y)
    dS[-1, 0] *= 1.001
    return value, dS

def kinked(S, y):
    return np.abs(S).mean(), np.sign(S) / S.size

def coupled(S, y):
    return (S.sum() ** 2) / 2, np.full(S.shape, S.sum())

def in_float32(S, y):
    S = S.astype(np.float32)
    return (S**2).sum() / 2, S

def raises(S, y):
    if S[-1, -1] > 3 and S[-1, 0] == 2:
        raise ValueError(f"{S[-1, -1]:.3f} is more than 3")
    return (S**2).sum() / 2, S

def chatty(S, y):
    print("from the loss")
    if IN_A_WORKER:
        os.write(1, b"straight from the worker")
    return right(S, y)

def times(x, w):
    return x * neighbour.np.exp(w), (x, w)

def times_backward(dout, cache):
    x, w = cache
    return dout * np.exp(w), (dout * x * np.exp(w)).sum(axis=0)

class Linear:
    def __init__(self):
        self.params = {"W": np.linspace(-1, 1, 12).reshape(4, 3)}

    def loss(self, X, y):
        value, dS = neighbour.softmax(X @ self.params["W"], y)
        return value, {"W": X.T @ dS}

def dies(S, y):
    if IN_A_WORKER and len(S) == 3:
        os._exit(7)
    return right(S, y)

def is_killed(S, y):
    if IN_A_WORKER and len(S) == 3:
        import signal
        os.kill(os.getpid(), signal.SIGKILL)
    return right(S, y)

def squares(S, y):
    return (S**2).sum() / 2, S.copy(), np.ones(S.shape)

def drawn(S, y):
    value, dS = right(S, y)
    return DRAWN * value, DRAWN * dS

def raises_elsewhere(S, y):
    if IN_A_WORKER:
        raise RuntimeError("not at home")
    return right(S, y)

def hangs(S, y):
    while S[-1, -1] > 3 and S[-1, 0] == 2:
        time.sleep(0.01)
    return (S**2).sum() / 2, S

def stops(S, y):
    if IN_A_WORKER and S[-1, -1] > 3 and S[-1, 0] == 2:
        import ctypes
        mutex, lock = ctypes.create_string_buffer(64), ctypes.CDLL(None).pthread_mutex_lock
        lock(mutex), lock(mutex)
    return (S**2).sum() / 2, S

def slow(S, y):
    time.sleep(0.005)
    return right(S, y)

def where(S, y):
    with open("here.txt") as file:
        return float(file.read()) * (S**2).sum() / 2, S

def one_thread(S, y):
    if IN_A_WORKER and {os.environ.get(f"{name}_NUM_THREADS") for name in ("OMP", "OPENBLAS", "MKL")} != {"1"}:
        raise RuntimeError("more than one thread")
    return right(S, y)

def divides_there(S, y):
    return right(S + 0 * np.divide(1.0, 0.0 if IN_A_WORKER else 1.0), y)
"""

FILES = {"mine.py": LOSSES, "neighbour.py": NEIGHBOUR, "lately.py": NEIGHBOUR, "here.txt": "1.0"}


@contextmanager
def losses_in(place):
    """A working directory with these files, and tasks as small as can be, so that there are some."""
    for name, text in FILES.items():
        (place / name).write_text(text)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(place)
        patch.setattr(sys, "path", [*sys.path])
        patch.setattr(parallel, "WORTH_SENDING", 0.0)
        _forget()
        yield
        _forget()


def _forget():
    """Other tests have modules of these names."""
    for name in FILES:
        sys.modules.pop(Path(name).stem, None)


def facts(report):
    """All that a report says, to the last bit, but for how long it took."""

    def plain(thing):
        if isinstance(thing, np.ndarray):
            return thing.dtype.str, thing.shape, thing.tobytes()
        if isinstance(thing, dict):
            return {key: plain(value) for key, value in thing.items() if key != "seconds"}
        return [plain(each) for each in thing] if isinstance(thing, list | tuple) else repr(thing)

    return plain(dataclasses.asdict(report))
