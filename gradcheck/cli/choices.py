"""What the command line's options may say; a member's value is what the rest of gradcheck calls it."""

from enum import StrEnum


class Format(StrEnum):
    """Values of --format; ``auto`` is the table, and GitHub's annotations where a workflow runs."""

    AUTO = "auto"
    TABLE = "table"
    JSON = "json"
    JUNIT = "junit"
    GITHUB = "github"
    HTML = "html"
    MARKDOWN = "markdown"


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


def complete_targets(args: list[str], incomplete: str) -> list[str]:
    """What a target that was begun may be: for the shell."""
    from gradcheck.cli.completion import targets

    return targets(args, incomplete)
