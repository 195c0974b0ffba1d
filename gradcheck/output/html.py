"""The report as one self-contained page for a browser: no network, no other file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gradcheck.output import Options
from gradcheck.output.marks import counted
from gradcheck.output.page.data import data, with_grid
from gradcheck.output.page.document import document
from gradcheck.output.page.legend import legend
from gradcheck.output.page.losses import WORDS, Room, loss, verdict
from gradcheck.output.page.markup import NEW_LINE, Html, joined, lines, tag, text
from gradcheck.output.page.problems import to_show
from gradcheck.output.shortening import shortened
from gradcheck.output.words import Sentence, sentences
from gradcheck.report import Report

_MOST_OF_A_CONFIG = 200


def render(report: Report, options: Options) -> str:
    """A report as an HTML document in ASCII that ends with a newline.

    What it shows can be read without scripts: verdicts, findings, totals and worst entries. Its script draws the
    grids of relative errors, with every entry's numbers at hand, and the error of an entry in doubt against the step.

    Args:
        report: any.
        options: ``entries``, ``verbose``, ``quiet`` and ``worst`` count.
    """
    said = sentences(report)
    shown = [to_show(each.batches, options) for each in report.losses]
    problems = [each.problem for several in shown for each in several]
    grids = with_grid(problems) if options.entries != "worst" else set()
    sections, first = [], 0
    for number, (each, several) in enumerate(zip(report.losses, shown, strict=True), 1):
        sentence = said[number - 1] if len(said) > 1 else None
        is_open = len(report.losses) == 1 or not each.passed
        sections.append(loss(each, sentence, Room(number, several, first, grids, is_open), options))
        first += len(several)
    body = joined(
        [
            _header(report, said),
            tag("main", joined(sections, NEW_LINE)),
            _footer(report),
            tag("p", id="told", class_="out-of-sight", aria_live="polite"),
            legend() if grids else None,
        ],
        NEW_LINE,
    )
    return document(_title(report, said[-1]), WORDS[said[-1].word][1], body, data(problems, grids))


def _title(report: Report, said: Sentence) -> Html:
    of = report.losses[0].target if len(report.losses) == 1 else counted(len(report.losses), "loss")
    return joined([f"{said.word}: ", text(of, 200), " - gradcheck"])


def _header(report: Report, said: tuple[Sentence, ...]) -> Html:
    alone = report.losses[0].target if len(report.losses) == 1 else ""
    contents = [
        tag("li", tag("a", tag("code", text(each.target, 300)), href=f"#loss-{number}"), " ", _word(sentence))
        for number, (each, sentence) in enumerate(zip(report.losses, said, strict=False), 1)
    ]
    return tag(
        "header",
        tag("p", "gradcheck", class_="maker"),
        verdict(said[-1], alone, "h1"),
        tag("nav", tag("ol", joined(contents)), aria_label="Losses") if len(contents) > 1 else None,
        class_="top",
    )


def _word(sentence: Sentence) -> Html:
    sign, class_ = WORDS[sentence.word]
    return tag("span", tag("span", sign, class_="sign", aria_hidden="true"), sentence.word, class_=f"word {class_}")


def _footer(report: Report) -> Html:
    import yaml

    config = yaml.safe_dump(_plain(report.config), sort_keys=False, default_flow_style=None, width=100)
    return tag(
        "footer",
        tag("p", f"gradcheck {report.version}"),
        tag("details", tag("summary", "Configuration"), tag("pre", lines(config, _MOST_OF_A_CONFIG), tabindex=0)),
    )


def _plain(value: Any) -> Any:
    """In YAML's own types, and every text held to a length."""
    match value:
        case None | bool() | int() | float():
            return value
        case Mapping():
            return {shortened(str(key)): _plain(item) for key, item in value.items()}
        case list() | tuple():
            return [_plain(item) for item in value]
        case _:
            return shortened(str(value))
