"""The configuration: from a file, options and ``--set`` to a `Config`, or to an error that names each mistake."""

from gradcheck.config.distributions import Integers, Labels, Normal, ScoresKind, StudentT, Uniform
from gradcheck.config.model import DEFAULT_FILE, Config, load_config

__all__ = ["DEFAULT_FILE", "Config", "Integers", "Labels", "Normal", "ScoresKind", "StudentT", "Uniform", "load_config"]
