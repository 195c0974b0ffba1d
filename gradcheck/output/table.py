"""The report for a terminal or a log: for each loss a compact grid, the worst entry, how to repeat it, and why."""

from collections.abc import Sequence
from dataclasses import replace

from rich.columns import Columns
from rich.text import Text

from gradcheck.output import grid, summary
from gradcheck.output.pages import page, show_page
from gradcheck.output.screen import SEVERITY_SIGNS, SEVERITY_STYLES, VERDICT_STYLES, Screen
from gradcheck.output.text import SIGNS, Options, counted, derivatives, digits_of, number, place_of, relative, shorten
from gradcheck.report import BatchReport, Finding, LossReport, Report, SmallestCase, Verdict

#: Columns that a narrow terminal does without, the first ones first.
_OPTIONAL = (
    "rounding", "problems", "time", "calls", "score", "label", "bound", "step", "reference", "plain", "central"
)  # fmt: skip
_STYLES = {f"{SIGNS[verdict]} {verdict.value}": style for verdict, style in VERDICT_STYLES.items()}
#: Columns with text from outside, and those of them that begin at the left and may be cut.
_FROM_OUTSIDE, _NAMES = {"scores", "input", "entry"}, {"input", "entry"}
#: Unless all is shown: inputs in a table, inputs of which entries are shown, and entries of one of these.
_MOST_LINES, _MOST_INPUTS, _MOST_WORST = 16, 2, 5
_DOUBTFUL = (Verdict.WRONG, Verdict.UNRESOLVED)
_LEGEND = {Verdict.SUBGRADIENT: "kink", Verdict.UNRESOLVED: "unresolved", Verdict.WRONG: "wrong"}
_WORD_STYLES = {"right": "bold green", "wrong": "bold red", "failed": "bold red", "not checked": "bold red"}


def render(report: Report, options: Options) -> str:
    """A report as text that ends with a newline; only numbers and commands to copy may be wider than the width."""
    screen, sentences = Screen(options), summary.sentences(report)
    for loss in () if options.quiet else report.losses:
        _loss(loss, screen)
    for sentence in sentences[-1:] if options.quiet else sentences:
        style = _WORD_STYLES.get(sentence.verdict, "bold yellow")
        screen.say(Text.assemble((sentence.verdict, style), ": ", screen.escape(sentence.summary)))
    return screen.text


def _loss(loss: LossReport, screen: Screen) -> None:
    """All of one loss but the verdict, which comes at the end."""
    entries, full = screen.options.entries, screen.options.entries == "all"
    bad = [each for each in loss.batches if each.wrong or each.unresolved]
    shown = loss.batches if full else summary.worst_of_each((entries == "worst" and bad) or loss.batches)
    rows = summary.input_rows(loss.batches) if any(each.input for each in loss.batches) else []
    if rows and not full:
        told = bad or [each for each in loss.batches if each.projections is not None]
        shown = sorted(summary.worst_of_each(told, "input"), key=summary.severity_key)
        shown = shown[-_MOST_INPUTS:] if entries == "auto" else shown
    drawn = [each for each in shown if each.verdicts is not None]
    with_grid = [each for each in drawn if full or not each.input or len(each.shape) in (1, 2)]
    legend = _legend(with_grid if full or entries == "auto" else [], screen)
    head = Text(screen.escape(loss.target), "bold")
    head.append(f" ({loss.framework})" if loss.framework != "numpy" else "", "not bold")
    head.append(f"  {screen.escape(place_of(loss.file, loss.line))}" if loss.file is not None else "", "not bold dim")
    if not rows and legend.cell_len and head.cell_len + 3 + legend.cell_len <= screen.width:
        head, legend = Text.assemble(head, "   ", legend), Text()
    screen.say(head)
    if rows:
        if hidden := 0 if full else max(len(rows) - _MOST_LINES, 0):
            screen.say(f"{counted(hidden, 'input')} and these, which are no better:", style="dim")
        _table(rows[hidden:], screen)
    if legend.cell_len:
        screen.say(legend, "  ")
    for problem in shown:
        if full or entries == "worst" or (entries == "auto" and problem not in with_grid):
            _problem(problem, screen)
    if full and loss.batches:
        screen.say()
        _table(summary.total_rows(loss.batches), screen)
    for line in summary.loss_remarks(loss) if full or loss.unchecked else ():
        screen.say(screen.escape(line), style="yellow")
    if entries == "auto":
        screen.keep(Columns([grid.compact(each, screen) for each in with_grid], padding=(0, 2, 0, 0)))
        worst = max(loss.batches, key=summary.severity_key, default=None)
        if worst and worst.worst and worst.worst[0].verdict in _DOUBTFUL:
            _worst_entry(worst, screen)
    if loss.smallest_case is not None:
        _smallest_case(loss.smallest_case, screen)
    if loss.rerun and (full or not loss.passed or bad):
        screen.keep(Text.assemble(("rerun: ", "dim"), screen.escape(loss.rerun)))
    screen.say()
    if loss.error:
        screen.say("could not be checked", f"{SEVERITY_SIGNS['error']} ", SEVERITY_STYLES["error"])
        for line in _shown(loss.error, screen).split("\n"):
            screen.keep(Text(f"  {line}")) if line.startswith("gradcheck run ") else screen.say(line, "  ")
        screen.say()
    for k, finding in enumerate(loss.findings):
        # What is beside an error, or is said of another input again, comes without its hint.
        is_beside = finding.severity == "note" and loss.findings[0].severity == "error"
        is_brief = not full and (is_beside or finding.code in [each.code for each in loss.findings[:k]])
        if k and not is_brief:
            screen.say()
        _finding(replace(finding, hint="") if is_brief else finding, screen)
    if symbols := summary.symbols(loss):
        screen.say(symbols, "  ", "dim")
    if loss.findings:
        screen.say()
    for steps in loss.steps:
        dS = number(steps.entry.analytic, digits_of(steps.entry))
        at = f" is {dS} at {screen.escape(steps.where)}; the error of a difference should fall with order 2"
        screen.say(Text.assemble((screen.escape(steps.entry.name), "bold"), at))
        _table(summary.step_rows(steps), screen)
        screen.say(screen.escape(steps.reading), "→ ")
        screen.say()
    if screen.options.explain:
        for code in dict.fromkeys(finding.code for finding in loss.findings):
            show_page(page(code), screen)
            screen.say()


def _legend(with_grid: Sequence[BatchReport], screen: Screen) -> Text:
    """What the grids mean; empty where there are none."""
    if not with_grid:
        return Text()
    parts = ["relative error of each entry" if screen.width >= 50 else "relative errors"]
    parts += ["[ ] label"] if any(each.labels is not None for each in with_grid) else []
    parts += [f"{SIGNS[v]} {word}" for v, word in _LEGEND.items() if any(each.count(v) for each in with_grid)]
    parts += [f"{grid.TINY}: small beside its bound"] if any(grid.tiny(each).any() for each in with_grid) else []
    return Text("   ".join(parts), "dim")


def _problem(problem: BatchReport, screen: Screen) -> None:
    """One problem: what it is drawn from, and its worst entries if they matter; in full also its grid."""
    full = screen.options.entries == "all"
    screen.say()
    what = screen.escape(f"{summary.kind_of(problem)}, seed {problem.seed}")
    text = Text.assemble((f"batch size {problem.batch_size}", "bold"), f": {what}")
    if full:
        text.append(f", trial {problem.trial}, value {number(problem.value, 6)}, plan {screen.escape(problem.plan)}")
    for verdict in _DOUBTFUL:
        if count := problem.count(verdict):
            text.append(", ").append(f"{count:,} {verdict.value}", VERDICT_STYLES[verdict])
    screen.say(text)
    for line in summary.problem_remarks(problem):
        screen.say(screen.escape(line))
    for piece in grid.whole(problem, screen) if full and problem.verdicts is not None else ():
        screen.keep(piece)
    doubtful = tuple(entry for entry in problem.worst if entry.verdict is not Verdict.OK)
    most = _MOST_WORST if screen.options.entries == "auto" and problem.input else screen.options.worst
    entries = problem.worst if full else (doubtful if problem.wrong else problem.worst)[:most]
    if entries and (screen.options.entries != "auto" or problem.wrong or problem.unresolved):
        _table(summary.entry_rows(entries, full), screen)
        if more := problem.wrong - sum(entry.verdict is Verdict.WRONG for entry in entries):
            screen.say(f"and {counted(more, 'more wrong entry')}", style="dim")


def _table(rows: Sequence[summary.Row], screen: Screen) -> None:
    """Print a table without blank columns, nor those that a narrow terminal can do without; no number is cut."""
    rows = [row | {head: screen.escape(row[head]) for head in _FROM_OUTSIDE & row.keys()} for row in rows]
    widths = {head: max(len(head), *(len(row[head]) for row in rows)) for head in rows[0] if any(r[head] for r in rows)}
    for head in _OPTIONAL:
        if sum(widths.values()) + 2 * len(widths) - 2 > screen.width:
            widths.pop(head, None)
    for head in _NAMES & widths.keys():  # names are cut where the columns that are left are too wide
        room = screen.width - sum(widths.values()) - 2 * len(widths) + 2 + widths[head]
        widths[head] = min(widths[head], max(room, 12))
        rows = [{**row, head: screen.name(row[head], widths[head]).ljust(widths[head])} for row in rows]
    for row in ({head: head.ljust(wide) if head in _NAMES else head for head, wide in widths.items()}, *rows):
        verdict = row.get("verdict", "").strip()
        line = Text("  ".join(row[head].rjust(wide) for head, wide in widths.items() if head != "verdict"))
        screen.keep(line.append(f"  {verdict}", _STYLES.get(verdict, "")))


def _worst_entry(problem: BatchReport, screen: Screen) -> None:
    """The worst entry of a problem on one line."""
    entry = problem.worst[0]
    analytic, numerical = derivatives(entry)
    label = " (label)" if entry.label == entry.class_ else ""
    unresolved = "   unresolved" if entry.verdict is Verdict.UNRESOLVED else ""
    place = screen.escape(entry.name) if entry.input else f"row {entry.row} class {entry.class_}{label}   dS"
    numbers = f"{analytic}   numerical {numerical} ± {relative(entry.bound, 1)}{unresolved}"
    screen.say(f"N={problem.batch_size} {place} {numbers}", Text("worst: ", "dim"))


def _smallest_case(case: SmallestCase, screen: Screen) -> None:
    """A call to paste, and what comes of it; the whole snippet where that is too much for a line."""
    label = "smallest case: "
    call, gap, outcome = screen.escape(case.line).rpartition("   ")
    if not call:
        call = f"\n{screen.escape(case.snippet.strip(), lines=True)}".replace("\n\n", "\n")
    if len(label) + len(case.line) <= screen.width:
        call, outcome = f"{call}{gap}{outcome}", ""
    screen.keep(Text.assemble((label, "dim"), call))
    if outcome:
        screen.say(outcome, " " * len(label))


def _finding(finding: Finding, screen: Screen) -> None:
    """What is wrong and why; what to look at; the user's own traceback."""
    style, sign = SEVERITY_STYLES[finding.severity], SEVERITY_SIGNS[finding.severity]
    message = Text(f"{_shown(finding.message, screen)} ").append(f"({screen.escape(finding.code)})", style)
    screen.say(Text.assemble((f"{finding.severity}: ", style), message), Text(f"{sign} ", style))
    if finding.hint:
        screen.say(_shown(finding.hint, screen), "→ ")
    if finding.details:
        screen.say(_shown(finding.details, screen), "    ", "dim")


def _shown(text: str, screen: Screen) -> str:
    """Text from outside; not all of its lines where they are very many, unless in full."""
    return screen.escape(text.strip("\r\n") if screen.options.entries == "all" else shorten(text), lines=True)
