"""What every test may rely on."""

import os
import signal

from hypothesis import settings

# A shell without job control starts what runs in its background with SIGINT ignored, and children inherit that.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# A property is tried on a few draws, and no clock runs. On CI they are the same in every run, elsewhere they are not.
settings.register_profile(
    "few", settings.get_profile("ci" if "CI" in os.environ else "default"), max_examples=25, deadline=None
)
settings.load_profile("few")

pytest_plugins = ["pytester"]  # the plugin is tried by runs of pytest's own
