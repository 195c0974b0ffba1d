"""The console script ``gradcheck``, and ``python -m gradcheck``."""

import gc

gc.disable()  # collecting garbage while modules are imported finds none, and takes a sixth of a short run

from gradcheck.cli import main  # noqa: E402

gc.freeze()
gc.enable()

if __name__ == "__main__":
    main()
