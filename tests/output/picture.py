"""Draws the README's picture: ``python tests/output/picture.py`` writes .github/table.svg."""

import io
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.text import Text

import gradcheck
from gradcheck.api import as_loss
from gradcheck.functions.function import Function
from gradcheck.output import FORMATS, Options

PICTURE = Path(__file__).parents[2] / ".github" / "table.svg"


def off_by_a_thousandth(S, y):
    """Softmax cross-entropy with a slip in one column of dS."""
    N, i = len(S), np.arange(len(S))
    p = np.exp(S - S.max(axis=1, keepdims=True))
    p /= p.sum(axis=1, keepdims=True)
    value = -np.log(p[i, y]).mean()
    p[i, y] -= 1
    p[:, 0] *= 1.001
    return value, p / N


def draw():
    """The picture as SVG; its times are those of the run that drew it."""
    target = Function("mymodule:myloss", as_loss(off_by_a_thousandth).function, "mymodule.py", 4)
    report = gradcheck.check(target, gradcheck.Config(batch_sizes=[3], scores="normal"))
    console = Console(record=True, width=100, file=io.StringIO())
    console.print(Text.from_ansi(FORMATS["table"](report, Options(width=100, color=True))))
    return console.export_svg(title="gradcheck run mymodule:myloss")


if __name__ == "__main__":
    PICTURE.parent.mkdir(exist_ok=True)
    PICTURE.write_text(draw(), encoding="utf-8")
