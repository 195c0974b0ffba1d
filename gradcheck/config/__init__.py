"""The configuration: from a file, options and ``--set`` to a `Config`, or to an error that names each mistake."""

from gradcheck.config.loading import DEFAULT_FILE, load_config
from gradcheck.config.model import Config, Integers, Labels, Normal, ScoresKind, StudentT, Uniform

__all__ = ["DEFAULT_FILE", "Config", "Integers", "Labels", "Normal", "ScoresKind", "StudentT", "Uniform", "load_config"]
