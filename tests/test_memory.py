"""Memory that calls free stays at hand for the next ones."""

from __future__ import annotations

import platform
import subprocess
import sys

import pytest

PROGRAM = """
import resource
import numpy as np
from gradcheck.checking.memory import keep_at_hand

def call():
    return [np.ones(25_600) for _ in range(12)]

def faults():
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt

keep_at_hand(8 * 25_600)
call(), call()
before = faults()
for _ in range(20):
    call()
print(faults() - before)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="other allocators keep memory by rules of their own")
def test_calls_do_not_fetch_their_memory_from_the_system_again() -> None:
    run = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True)
    pages = 12 * 25_600 * 8 // 4096
    assert int(run.stdout) < pages  # in 20 calls: had each fetched it, they would be 20 times as many
