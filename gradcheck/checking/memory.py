"""Memory between two calls of a loss: kept at hand, where the system would have to be asked for it anew."""

from __future__ import annotations

import numpy as np

#: Arrays of the shape of S that a check may hold at once, with those of the loss.
_ARRAYS = 64
#: glibc learns nothing from blocks above 32 MB; a little is for its own bookkeeping.
_LARGEST = 2**25 - 2**16


def keep_at_hand(nbytes: int) -> None:
    """Let the allocator keep what a call frees for the next one.

    By default glibc returns to the system what lies free on top of its heap, and at the next call fetches it again,
    page by page: which takes longer than many a loss. How much may stay it learns from the largest block that was
    freed so far. So one is freed that nobody ever wrote to, and that took no memory therefore.

    Args:
        nbytes: of one N x C array.
    """
    np.empty(min(_ARRAYS * nbytes, _LARGEST), dtype=np.uint8)
