"""What every test may rely on."""

from __future__ import annotations

import signal

# A shell without job control starts what runs in its background with SIGINT ignored, and children inherit that.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

pytest_plugins = ["pytester"]  # the plugin is tried by runs of pytest's own
