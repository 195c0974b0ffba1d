"""Functions made from others by a diff: of the corpora, where a wrong one is a right one but for a line or two."""

import inspect
import linecache
import re
import sys


def edited(code, name, diff, source=""):
    """The function or class under another name, with the diff applied; it stands in the same module.

    A line after "- " stands once in the source, and is left out. One after "~ " replaces the only line that assigns to
    the same, or returns; if there is none, it stands before the next. Those after "+ " follow, the first assignment if
    they come first.
    """
    lines = (source or inspect.getsource(code)).splitlines()
    lines[0] = re.sub(rf"\b{code.__name__}\b", name, lines[0])
    before, indent, at = [], " " * 4, 1 + next((i for i, line in enumerate(lines) if " = " in line), 0)
    for sign, text in ((line[:2], line[2:]) for line in diff):
        if sign == "~ " and _target(text) not in map(_target, map(str.strip, lines)):
            before.append(text)
            continue
        if sign != "+ ":
            is_it = text.__eq__ if sign == "- " else lambda old, new=text: _target(old) == _target(new)
            (at,) = [i for i, old in enumerate(lines) if is_it(old.strip())]
            old = lines.pop(at)
            indent = old[: len(old) - len(old.lstrip())]
        if sign != "- ":
            lines[at:at] = [indent + new for new in [*before, text]]
            at, before = at + len(before) + 1, []
    made = "\n".join(lines) + "\n"
    file = f"<{code.__module__}.{name}>"
    linecache.cache[file] = (len(made), None, made.splitlines(keepends=True), file)
    scope = vars(sys.modules[code.__module__])
    exec(compile(made, file, "exec"), scope)
    return scope[name]


def _target(line):
    """What a statement assigns to, with its operator; "return" of one that returns, else all of it."""
    found = re.match(r"return\b|[\w\[\], .:]+ [-+*/]{0,2}= ", line)
    return found.group() if found else line
