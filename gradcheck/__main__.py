"""``python -m gradcheck`` is ``gradcheck``."""

from gradcheck.cli import main

main()
