"""Functions made from others by a diff: of the corpora, where a wrong one is a right one but for a line or two."""

import inspect
import linecache
import re
import sys


def edited(code, name, diff, source=""):
    """The function or class under another name, with the diff applied; it stands in the same module.

    A line after "- " stands once in the source; those after "+ " that follow replace it, or it is left out.
    """
    lines = (source or inspect.getsource(code)).splitlines()
    lines[0] = re.sub(rf"\b{code.__name__}\b", name, lines[0])
    for line in diff:
        sign, text = line[:2], line[2:]
        if sign == "- ":
            (at,) = [i for i, old in enumerate(lines) if old.strip() == text]
            indent = lines.pop(at).removesuffix(text)
        else:
            lines.insert(at, indent + text)
            at += 1
    made = "\n".join(lines) + "\n"
    file = f"<{code.__module__}.{name}>"
    linecache.cache[file] = (len(made), None, made.splitlines(keepends=True), file)
    scope = vars(sys.modules[code.__module__])
    exec(compile(made, file, "exec"), scope)
    return scope[name]
