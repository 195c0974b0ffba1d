"""The command that repeats one problem alone."""

from __future__ import annotations

import shlex

from gradcheck.config import Config


def rerun_command(
    target: str,
    config: Config,
    batch_size: int,
    classes: int,
    scores: str,
    seed: int,
    framework: str = "auto",
    reference: str = "auto",
    like: str | None = None,
) -> str:
    """A command line for a shell.

    Args:
        target: the loss.
        config: of the whole run; what it says beside the problems is kept.
        batch_size, classes, scores, seed: the problem.
        framework, reference, like: as the whole run was asked to take.
    """
    options: list[object] = ["--batch-size", batch_size, "--classes", classes, "--scores", scores, "--seed", seed]
    if config.trials != 1:
        options += ["--trials", 1]
    default = Config()
    for key in ("rtol", "atol", "dtype", "plan"):
        value = getattr(config, key)
        if value != getattr(default, key):
            options += [f"--{key}", value]
    if config.labels != default.labels:
        options += ["--set", f"labels.kind={config.labels.kind}"]
        options += ["--set", f"labels.distribution={config.labels.distribution}"]
    if config.max_entries != default.max_entries:
        options += ["--set", f"max_entries={config.max_entries}"]
    if framework != "auto":
        options += ["--framework", framework]
    if reference != "auto":
        options += ["--reference", reference]
    if like is not None:
        options += ["--like", like]
    return shlex.join(["gradcheck", "run", target, *map(str, options)])
