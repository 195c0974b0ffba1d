"""How a function may be checked: its parameters' shapes and kinds, guessed from their names."""

import json
import re
import shlex
from collections.abc import Iterable, Sequence
from typing import Any

from gradcheck.config import Config, Labels
from gradcheck.config.settings import DEFAULTS, Settings
from gradcheck.functions.signatures import parameters_of, takes_scores_and_labels

#: By name, the first that matches: what an input is likely to be.
_GUESSES: tuple[tuple[str, Any], ...] = (
    (r"y|ys|labels?|target|targets|y_true|t", "labels"),
    (r"reg|reg_?strength|lam|lambda_|lamda|alpha|l2|weight_decay|margin|delta|eps|epsilon|temperature|tau", 0.1),
    (r"gamma|scale", "uniform(0.5, 2) [D]"),
    (r"beta|shift|theta|beta0|params?_vector", "[D]"),
    (r"bn_?params?|batchnorm_params?", {"mode": "train"}),
    (r"(ln|gn|layernorm)_?params?", {}),
    (r"conv_?params?", {"stride": 1, "pad": 1}),
    (r"pool_?params?", {"pool_height": 2, "pool_width": 2, "stride": 2}),
    (r"dropout_?params?", {"mode": "train", "p": 0.5, "seed": 0}),
    (r"stride|n_?groups|g|k", 1),
    (r"pad|padding", 0),
    (r"prev_h|h_prev|h0|prev_c|c_prev|c0|h|c", "[N, H]"),
    (r"Wx|W_?xh|W1|w1", "normal(0, 0.5) [D, H]"),
    (r"Wh|W_?hh", "normal(0, 0.5) [H, H]"),
    (r"W2|w2", "normal(0, 0.5) [H, C]"),
    (r"b1|bh|b_h", "[H]"),
    (r"b2", "[C]"),
    (r"(sample|row)_?weights?|sw", "uniform(0.5, 2) [N]"),
    (r"W|Theta|weights?", "normal(0, 0.5) [D, C]"),
    (r"w", "normal(0, 0.5) [D, M]"),
    (r"b|bias", "[M]"),
    (r"mask", "integers(0, 1) [N]"),
    (r"idx|index|indices|ids|tokens|words", "integers(0, 3) [N]"),
    (r"S|scores|logits|Z|z|dout|dscores|dZ|dz", "[N, C]"),
    (r"params|parameters", {"W": "normal(0, 0.5) [D, C]", "b": "[C]"}),
)
#: The keys and settings that a command names, in this order.
_WRITTEN = (
    "gradient", "backward", "value", "inputs", "sizes", "scores", "classes", "wrt", "only", "reseed", "hessian", "hvp",
    "order", "dtype", "rtol", "atol", "plan", "labels", "max_entries", "framework", "reference", "like", "timeout",
)  # fmt: skip
_VECTOR = "[D]"  # what a function of one vector, as scipy's users have, is given


def guessed_inputs(parameters: Sequence[str]) -> dict[str, Any]:
    """For each parameter of a function, what it is likely to be, as in the key ``inputs``."""
    if len(parameters) == 1 and parameters[0] in ("x", "w", "theta", "p", "v", "beta", "params"):
        return {parameters[0]: _VECTOR}
    found: dict[str, Any] = {
        name: next((guess for pattern, guess in _GUESSES if re.fullmatch(pattern, name)), "[N, D]")
        for name in parameters
    }
    if "W" in found and "b" in found and "C]" in str(found["W"]):
        found["b"] = "[C]"  # the bias has the width of its weights
    if "w" in found and not {"b", "bias"} & {*found} and {"y", "X", "x"} & {*found} and "labels" in found.values():
        found["w"] = "normal(0, 0.5) [D]"  # logistic regression
    if "[N, C]" in [*found.values()][:1]:  # beside scores they are those of the rows
        found |= {name: "uniform(0.5, 2) [N]" for name in ("w", "weight", "weights") if name in found}
    return found


def proposed(name: str, thing: Any, names: Iterable[str], known: Config) -> Config:
    """A configuration that describes a function, unless it is a loss of scores and labels; what is ``known`` stays.

    Of the parameters with a default only labels are described: without them, a model returns scores.
    """
    keys: dict[str, Any] = dict(known)
    if not (keys["gradient"] or keys["backward"] or keys["value"]):
        keys |= partner(name, names)
    required, optional = parameters_of(thing)
    guesses = guessed_inputs(required)
    if [*guesses.values()] == [_VECTOR] and (keys["backward"] or hasattr(thing, "forward")):
        guesses = dict.fromkeys(required, "[N, D]")
    guesses |= {each: given for each, given in guessed_inputs(optional).items() if given == "labels"}
    if [*guesses.values()][1:] == ["labels"] and takes_scores_and_labels(thing) and keys == dict(known):
        guesses = {}
    return Config(**keys | {"inputs": guesses | keys["inputs"]})


def partner(name: str, names: Iterable[str]) -> dict[str, str]:
    """The backward or the gradient of a function among these names, by its key; empty if there is none."""
    tries = {
        "backward": (name.replace("forward", "backward"), name.replace("_fwd", "_bwd"), f"{name}_backward"),
        "gradient": tuple(form.format(name) for form in ("{}_grad", "{}_gradient", "{}_der", "{}_prime", "grad_{}")),
    }
    others = {*names} - {name}
    return next(({key: each} for key, several in tries.items() for each in several if each in others), {})


def forward_of(backward: str) -> str:
    """What the forward of this backward is called, most likely."""
    forward = backward.replace("backward", "forward").replace("_bwd", "_fwd")
    return forward if forward != backward else f"{backward.rpartition(':')[0]}:FORWARD"


def command(target: str, config: Config, settings: Settings = DEFAULTS, problem: Sequence[object] = ()) -> str:
    """The command for a shell that checks a target as it is configured; of one problem alone, by options for it."""
    words = [*problem]
    chosen, usual = vars(config) | vars(settings), vars(Config.model_construct()) | vars(DEFAULTS)
    for key in _WRITTEN:
        if (value := chosen[key]) == usual[key] or callable(value) or f"--{key}" in problem:
            continue
        texts = value if isinstance(value, tuple) else [value]
        if isinstance(value, dict):
            given = ((name, each, isinstance(each, str)) for name, each in value.items())
            texts = [f"{name}={each if is_text else json.dumps(each, default=repr)}" for name, each, is_text in given]
        elif isinstance(value, Labels):
            texts = [f"labels.{part}={own}" for part, own in vars(value).items() if own != vars(usual[key])[part]]
        elif key == "max_entries":
            texts = [f"{key}={value}"]
        names = {"inputs": "input", "sizes": "size", "labels": "set", "max_entries": "set"}
        option = f"--{names.get(key, key)}"
        words += [option] if value is True else [word for text in texts for word in (option, text)]
    return shlex.join(["gradcheck", "run", target, *map(str, words)])
