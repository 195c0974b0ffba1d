"""What the colours and signs of a grid mean: kept aside in the page, for its script to put below each grid."""

from __future__ import annotations

from gradcheck.output.marks import UNICODE
from gradcheck.output.page.colours import LEVELS, LOWEST
from gradcheck.output.page.markup import Html, tag
from gradcheck.report import Verdict

#: The sign of what is right, and too small for its relative error to count.
NEGLIGIBLE = "\N{MIDDLE DOT}"
#: Powers of ten that are written at the scale.
_WRITTEN = (-16, -12, -8, -4, 0)


def legend() -> Html:
    """A template: the scale of relative errors, and the signs."""

    def step(level: int) -> Html:
        power = LOWEST + level - 1  # where this colour begins
        words = "0" if level == 0 else f"1e{power}" if power in _WRITTEN[:-1] else ""
        return tag("li", tag("i", class_=f"level-{level}"), tag("span", words) if words else None)

    end = tag("li", tag("i"), tag("span", "1"))
    scale = tag(
        "ol",
        *(step(level) for level in range(LEVELS)),
        end,
        role="img",
        aria_label=f"Colours of relative errors, one for each power of ten: 0, then 1e{LOWEST} to 1",
    )
    signs = tag(
        "ul",
        _sign(UNICODE.verdicts[Verdict.WRONG], "wrong"),
        _sign(UNICODE.verdicts[Verdict.SUBGRADIENT], "subgradient, at a kink"),
        _sign(UNICODE.verdicts[Verdict.UNRESOLVED], "unresolved"),
        _sign(NEGLIGIBLE, "right, too small to compare"),
        tag("li", tag("span", class_="is-label"), "the label's class"),
    )
    return tag("template", tag("div", scale, signs, class_="legend"), id="legend")


def _sign(sign: str, meaning: str) -> Html:
    return tag("li", tag("b", sign), f" {meaning}")
