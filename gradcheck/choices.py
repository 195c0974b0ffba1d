"""What the command line's options may say; a member's value is what the rest of gradcheck calls it."""

from enum import StrEnum


class Format(StrEnum):
    """Values of --format."""

    TABLE = "table"
    JSON = "json"


class Framework(StrEnum):
    """Values of --framework."""

    AUTO = "auto"
    NUMPY = "numpy"
    TORCH = "torch"
    JAX = "jax"


class Reference(StrEnum):
    """Values of --reference."""

    AUTO = "auto"
    CENTRAL = "central"
    COMPLEX = "complex"


class Backend(StrEnum):
    """Values of --backend."""

    LOKY = "loky"
    DASK = "dask"


class Entries(StrEnum):
    """Values of --entries."""

    AUTO = "auto"
    ALL = "all"
    WORST = "worst"
    NONE = "none"
