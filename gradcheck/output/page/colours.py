"""The colours of the heat map: one for each power of ten of the relative error, in order of lightness.

Two scales, one for light and one for dark pages. On both, the hue goes from blue to amber, which no kind of colour
vision confuses, and the lightness away from the page's: what is right is quiet. Steps of lightness are even in OKLab
(Björn Ottosson, "A perceptual color space for image processing", 2020).
"""

from __future__ import annotations

import itertools

import numpy as np

from gradcheck.report import FloatArray

#: Relative errors below this power of ten, and 0, have the first colour; those above 0.1 have the last.
LOWEST = -16
LEVELS = 1 - LOWEST

#: The lightness of the anchors falls on a light page, and rises on a dark one.
LIGHT = {"mist": "#eff5fa", "steel": "#7fa3c4", "ochre": "#b98134", "rust": "#964514", "umber": "#451806"}
DARK = {"night": "#182635", "steel": "#47749f", "bronze": "#b48434", "amber": "#e0a738", "lemon": "#ffeb9c"}

_BLACK, _WHITE = "#000000", "#ffffff"

# From linear RGB to the cones' answers, and from their cube roots to OKLab.
_CONES = np.array(
    [
        [0.4122214708, 0.5363325363, 0.0514459929],
        [0.2119034982, 0.6806995451, 0.1073969566],
        [0.0883024619, 0.2817188376, 0.6299787005],
    ]
)
_LAB = np.array(
    [
        [0.2104542553, 0.7936177850, -0.0040720468],
        [1.9779984951, -2.4285922050, 0.4505937099],
        [0.0259040371, 0.7827717662, -0.8086757660],
    ]
)


def scale(anchors: dict[str, str], levels: int = LEVELS) -> list[str]:
    """Colours from the first anchor to the last, in even steps of lightness.

    Args:
        anchors: two or more colours as ``#rrggbb``, by name; each lighter than the one before, or each darker.
        levels: how many colours.
    """
    lab = np.array([_to_lab(colour) for colour in anchors.values()])
    along = np.abs(lab[:, 0] - lab[0, 0])
    at = np.linspace(0, along[-1], levels)
    return [_from_lab(np.array(point)) for point in zip(*(np.interp(at, along, axis) for axis in lab.T), strict=True)]


def linear(colour: str) -> FloatArray:
    """Linear red, green and blue in [0, 1] of ``#rrggbb``."""
    values = np.array([int(colour[at : at + 2], 16) for at in (1, 3, 5)]) / 255
    return np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)


def contrast(one: str, other: str) -> float:
    """The contrast of two colours, from 1 to 21 (WCAG 2.2)."""
    darker, lighter = sorted(float(linear(colour) @ [0.2126, 0.7152, 0.0722]) for colour in (one, other))
    return (lighter + 0.05) / (darker + 0.05)


def styles() -> str:
    """CSS: the classes ``level-0`` and on, with text that can be read on them."""
    dark = "\n".join(f"  {rule}" for rule in _rules(DARK))
    return "\n".join([*_rules(LIGHT), "@media screen and (prefers-color-scheme: dark) {", dark, "}", ""])


def _rules(anchors: dict[str, str]) -> list[str]:
    def rule(level: int, colour: str) -> str:
        on_it = max(_BLACK, _WHITE, key=lambda ink: contrast(ink, colour))
        return f".level-{level} {{ background-color: {colour}; color: {on_it}; }}"

    return list(itertools.starmap(rule, enumerate(scale(anchors))))


def _to_lab(colour: str) -> FloatArray:
    return np.asarray(_LAB @ np.cbrt(_CONES @ linear(colour)))


def _from_lab(lab: FloatArray) -> str:
    values = np.clip(np.linalg.solve(_CONES, np.linalg.solve(_LAB, lab) ** 3), 0, 1)
    coded = np.where(values <= 0.0031308, 12.92 * values, 1.055 * values ** (1 / 2.4) - 0.055)
    return "#" + "".join(f"{round(255 * value):02x}" for value in coded.tolist())
