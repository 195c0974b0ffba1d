"""The console script ``gradcheck``, and ``python -m gradcheck``."""

from gradcheck.cli import main

if __name__ == "__main__":
    main()
