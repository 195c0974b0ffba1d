"""The console script ``gradcheck``, and ``python -m gradcheck``."""

import gc
import sys

if __name__ == "__main__" and not sys.flags.safe_path:
    del sys.path[0]  # the working directory: a file random.py in it is not for the packages that are imported here
gc.disable()  # collecting garbage while modules are imported finds none, and takes a fifth of a short run
try:
    from gradcheck.cli import main
except KeyboardInterrupt:
    sys.exit(130)
gc.freeze()
gc.enable()

if __name__ == "__main__":
    main()
