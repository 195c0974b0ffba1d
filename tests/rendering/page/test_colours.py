"""The colours: in order for every kind of colour vision, and text can be read on them."""

from __future__ import annotations

import re
from importlib.resources import files

import numpy as np
import pytest

from gradcheck.output.page.colours import DARK, LEVELS, LIGHT, contrast, linear, scale, styles

#: What is seen of linear red, green and blue where one kind of cone is missing (Machado, Oliveira & Fernandes 2009,
#: severity 1), and where all colour is.
VISION = {
    "all cones": np.eye(3),
    "no red": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "no green": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
    "no blue": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]],
    "no colour": [[0.2126, 0.7152, 0.0722]] * 3,
}


def lightness(colour: str, vision: object) -> float:
    """CIE L* of what is seen."""
    luminance = float(np.clip(np.asarray(vision) @ linear(colour), 0, 1) @ [0.2126, 0.7152, 0.0722])
    return 116 * luminance ** (1 / 3) - 16 if luminance > 0.008856 else 903.3 * luminance


@pytest.mark.parametrize("vision", VISION)
@pytest.mark.parametrize(("anchors", "direction"), [(LIGHT, -1), (DARK, 1)], ids=["light", "dark"])
def test_each_power_of_ten_is_told_from_the_next_by_lightness(anchors, direction, vision):
    steps = direction * np.diff([lightness(colour, VISION[vision]) for colour in scale(anchors)])
    assert len(steps) == LEVELS - 1
    assert steps.min() > 2.3  # a just noticeable difference


@pytest.mark.parametrize("anchors", [LIGHT, DARK], ids=["light", "dark"])
def test_the_steps_of_lightness_are_even(anchors):
    steps = np.abs(np.diff([lightness(colour, VISION["all cones"]) for colour in scale(anchors)]))
    assert steps.max() < 2 * steps.min()


@pytest.mark.parametrize("anchors", [LIGHT, DARK], ids=["light", "dark"])
def test_a_scale_begins_and_ends_at_its_anchors(anchors):
    colours = list(anchors.values())
    assert [scale(anchors)[0], scale(anchors)[-1]] == [colours[0], colours[-1]]


def test_every_colour_has_text_that_can_be_read():
    rules = re.findall(r"\.level-(\d+) { background-color: (#\w+); color: (#\w+); }", styles())
    assert [int(level) for level, _, _ in rules] == [*range(LEVELS)] * 2
    assert min(contrast(ground, ink) for _, ground, ink in rules) >= 4.5


def test_what_is_right_is_quiet_beside_the_page():
    themes = page_colours()
    for anchors, theme in ((LIGHT, themes[0]), (DARK, themes[1])):
        quiet, loud = scale(anchors)[0], scale(anchors)[-1]
        assert contrast(quiet, theme["card"]) < 1.3
        assert contrast(loud, theme["card"]) > 10


def test_the_words_of_the_page_can_be_read_on_every_ground_light_and_dark():
    for theme in page_colours():
        for ink in ("ink", "soft", "link", "good", "bad", "doubt", "kink"):
            for ground in ("paper", "card", "shade"):
                assert contrast(theme[ink], theme[ground]) >= 4.5, (ink, ground)


def page_colours() -> list[dict[str, str]]:
    css = files("gradcheck.output.page").joinpath("base.css").read_text()
    themes = [dict(re.findall(r"--(\w+): (#\w{6});", block)) for block in re.findall(r":root {(.*?)}", css, re.DOTALL)]
    assert len(themes) == 2
    return themes
