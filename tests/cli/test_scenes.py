"""Small scenes: what a person types, and what they must read; each in a directory of its own."""

import os
import re
import subprocess
import sys
import time
from typing import NamedTuple

import pytest

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the scenes are written for a POSIX shell")

HEAD = "import atexit, ctypes, itertools, os, signal, sys, threading, time, warnings\nimport numpy as np\n\n"
RIGHT = HEAD + "def loss(S, y):\n    return (S**2).sum() / 2, S\n"
WRONG = HEAD + "def loss(S, y):\n    return (S**2).sum() / 2, 2 * S\n"
SOFTMAX = """\
def softmax(S, y):
    P = np.exp(S) / np.exp(S).sum(axis=1, keepdims=True)
    value, dS = -np.log(P[np.arange(len(S)), y]).mean(), (P - np.eye(S.shape[1])[y]) / len(S)
    return value, dS
"""
SHADOWS = ("random", "json", "html", "rich", "yaml", "queue", "statistics", "matplotlib", "gradcheck", "numpy/__init__")


def softmax(old, new):
    """A softmax loss with one thing in it changed."""
    assert old in SOFTMAX
    return HEAD + SOFTMAX.replace(old, new)


def calls(lines):
    """A loss that is right, and does something beside at every call."""
    return RIGHT.replace("    return", f"    {lines}\n    return")


class Scene(NamedTuple):
    """What is typed where, and what is read."""

    name: str
    code: int  # exit code
    command: str  # for bash, ``mine.py`` being there
    reads: tuple[str, ...]  # all of these
    never: tuple[str, ...] = ()  # none of these
    mine: str = WRONG  # the text of mine.py
    seconds: float = 20.0  # it is over by then, start and end included
    files: tuple[str, ...] = ()  # modules beside it, which fail where they are imported


RUN, TWICE = "gradcheck run mine.py", "dS = 2·s_j"
PIPE, INTERRUPT = "; exit ${PIPESTATUS[0]}", "os.kill(os.getpid(), signal.SIGINT)"
SLOW = calls(f"time.sleep(0.05); time.monotonic() - S0 > 2.5 and {INTERRUPT}")
SLOW = SLOW.replace("def", "S0 = time.monotonic()\n\ndef")
LONG = calls("raise ValueError('x' * 10**7)")
AT_THREE = "if len(S) == 3: "
LOCK = "m = ctypes.create_string_buffer(99); f = ctypes.CDLL(None).pthread_mutex_lock; f(m); f(m)"
HURRIED = "import gradcheck.functions.budget as budget; budget.GRACE = budget.CHECK_EVERY = 0.3"
AT_EXIT = """
right = lambda S, y: (loss(S, y)[0], S)
threading.Timer(0.5, lambda: open("late", "w").close()).start()
atexit.register(lambda: open("last", "w").close())
"""
FULL = "standard output cannot be written: No space left on device\n"
SCENES = (
    Scene("a loss that is right", 0, "gradcheck run mine:loss", ("right: 120 entries of mine:loss agree",), (), RIGHT),
    Scene("a loss that is wrong", 1, RUN, ("mine.py:4", TWICE, "rerun: gradcheck run mine.py --", "wrong: 109")),
    Scene("labels first", 1, RUN, ("arguments are (y, S)", "function of (S, y)"), (), softmax("(S, y)", "(y, S)")),
    Scene("gradient first", 1, RUN, ("the other way round",), (), softmax("value, dS\n", "dS, value\n")),
    Scene("no gradient", 1, RUN, ("a number, not a pair",), (), softmax("return value, dS", "return value")),
    Scene("one-hot labels", 1, RUN, ("kind=one-hot",), (), softmax("P[np.arange(len(S)), y]", "(P * y).sum(1)")),
    Scene("labels of -1 and 1", 0, f"{RUN} --set labels.kind=sign", ("right: ",), (), calls("assert y.max()")),
    Scene("a call hangs", 1, f"{RUN} svm --timeout 1", ("within 1 s: it is", "mine.py:5 (at batch size 3",
          "10 of 10 entries", "--timeout 1.0\n", "120 entries of svm"), (), calls(f"{AT_THREE}time.sleep(99)"), 10),
    Scene("compiled code hangs", 1, "gradcheck run svm mine.py softmax --timeout 0.5", ("120 entries of svm",
          "mine.py:5 (at batch size 3", "10 of 10 entries", "\nsoftmax\n6 problems were not", "cannot be ended"),
          (), calls(AT_THREE + LOCK), 10),
    Scene("compiled code hangs, from Python", 2,
          f"python -c '{HURRIED}; import gradcheck, mine; gradcheck.check(mine.loss, timeout=0.2); print(8)'",
          ("mine.py:5", "cannot be ended"), ("8\n",), calls(LOCK), 10),
    Scene("no other thread may run", 1,
          f"python -c '{HURRIED}; from gradcheck.__main__ import main; main()' run mine.py --timeout 0.2",
          ('mine.py", line 5 in loss',), (), calls("sum(itertools.repeat(0))"), 10),
    Scene("time is up in a call", 2, "gradcheck run svm mine.py softmax --max-seconds 2",
          ("\nright: 120", "\nright so far: 10 entries of mine.py", "4 problems were not checked; cut short at "
           "batch size 3, normal(0, 1), seed 0, after 1 call, at", "mine.py:5", "\nsoftmax\n6 problems were not",
           "out of time: "), (), calls(f"{AT_THREE}time.sleep(99)"), 10),
    Scene("Ctrl-C in a call", 130, f"{RUN} -f json >out; e=$?; python -m json.tool out; exit $e",
          ('"interrupted": true', "mine.py:5"), (),
          calls(f"threading.Timer(0.2, lambda: {INTERRUPT}).start(); time.sleep(99)"), 10),
    Scene("a slow loss", 130, f"{RUN} 2>err; e=$?; cat err; grep -c 'may take' err; exit $e",
          ("mine.py may take ", " s more; sooner: --batch-size 2, ", "interrupted: ", "\n1\n"), (), SLOW),
    Scene("the loss prints and warns", 0, f"{RUN} -f json >out 2>err && python -m json.tool out >json && "
          "grep -c ^hello err && grep -c UserWarning err", ("1\n1\n",), (), calls("print('hello'); warnings.warn('')")),
    Scene("the loss warns", 0, RUN, ("divide by zero",), (), calls("np.log(0 * S)")),
    Scene("the loss exits", 1, f"{RUN} svm", ("raises SystemExit: 3", "mine.py", "right: 120 entries of svm"), (),
          calls("sys.exit(3)")),
    Scene("something is left to do at exit", 2,
          "for name in right loss no; do gradcheck run mine.py:$name; e=$?; echo code $e; rm late last; done; exit $e",
          ("code 0\n", "code 1\n", "code 2\n"), ("rm: ",), WRONG + AT_EXIT),
    Scene("the file exits", 2, RUN, ("exits when it is imported", "__main__"), (), RIGHT + "\nsys.exit(3)\n"),
    Scene("no end of recursion", 1, f"{RUN} | head -40{PIPE}", ("RecursionError", "wrong: "), (), calls("loss(S, y)")),
    Scene("a Chinese name", 1, "cp mine.py 损失.py; gradcheck run 损失.py:loss", ("run '损失.py:loss' --batch", TWICE)),
    Scene("a blank", 1, "mkdir 'a b'; cp mine.py 'a b/c.py'; gradcheck run 'a b/c.py'", ("run 'a b/c.py' --",)),
    Scene("files that are called as modules are", 1,
          f"{RUN} -o html=p.html -o json=p.json -o junit=p.xml -o markdown=p.md --plot p.png", (TWICE, "p.md", "p.png"),
          ("shadow",), files=SHADOWS),
    Scene("such a file is the target", 1, "for at in random yaml; do cp mine.py $at.py; gradcheck run $at:loss; done",
          tuple(f"109 of 120 entries of {name}:loss disagree" for name in ("random", "yaml"))),
    Scene("as a module of Python", 1, "python -m gradcheck run mine:loss", (TWICE,), ("shadow",), files=SHADOWS[:7]),
    Scene("no input", 1, f"{RUN} <&-", (TWICE,)),
    Scene("no output", 1, f"{RUN} -o json=a.json >&-; e=$?; ls; exit $e", ("a.json",)),
    Scene("no place for errors", 1, f"{RUN} 2>&-", (TWICE,)),
    Scene("no stream at all", 1, f"{RUN} <&- >&- 2>&-", ()),
    Scene("a reader that leaves", 1, f"set -o pipefail; gradcheck list | true && {RUN} | head -1", ("mine.py",),
          ("Broken",)),
    Scene("a full disk", 2, "for words in 'run mine.py' 'run svm -f json' list schema; do "
          "gradcheck $words >/dev/full; e=$?; echo $e; done; exit $e", (4 * f"{FULL}2\n",)),
    Scene("a directory to read only", 2, f"{RUN} -o json=/proc/a.json", ("'/proc/a.json' cannot be written",)),
    Scene("a strange terminal", 1, "TERM=vt9000 script -qec 'gradcheck run mine.py' /dev/null", (TWICE,)),
    Scene("a terminal of 70 columns", 1,
          "unset COLUMNS; TERM=xterm script -qec 'stty cols 70; gradcheck run mine.py' /dev/null >out; e=$?; cat out; "
          r"sed -E 's/\x1b\[[0-9;]*m|\r//g' out | grep -v ': grad' | wc -L; exit $e", (TWICE, "\x1b[", "70\n")),
    Scene("a dumb terminal", 1, "TERM=dumb script -qec 'gradcheck run mine.py' /dev/null", (TWICE,), ("\x1b",)),
    Scene("no UTF-8", 1, f"LC_ALL=C PYTHONUTF8=0 PYTHONCOERCECLOCALE=0 {RUN}", ("x error",), ("✗", "\\u")),
    Scene("a narrow terminal", 1, f"COLUMNS=40 {RUN} >out; e=$?; grep -v ': grad' out | wc -L; exit $e", ("40\n",)),
    Scene("very much text", 1, f"{RUN} | wc -c | grep -E '^.{{1,5}}$'{PIPE}", (), (), LONG),
    Scene("a great many classes", 1, f"{RUN} --classes 400 | wc -l | grep -E '^[1-4].$'{PIPE}", ()),
    Scene("an ending that is none", 2, f"{RUN} -o x.pdf", (".json (json)", ".xml (junit)", "--plot x.pdf draws")),
    Scene("one file that fails", 2, f"{RUN} -o json=a.json -o html=/dev/full -o markdown=c.md; e=$?; ls; exit $e",
          ("a.json", "c.md", "'/dev/full' cannot be written", "wrong: "), ("nothing was", "not checked")),
    Scene("a named pipe", 1, f"mkfifo pipe; cat pipe & {RUN} -q -o json=pipe; e=$?; wait; ls -F; exit $e",
          ('"schema": 1', "pipe|\n", "wrong: ")),
    Scene("quiet, with a page", 1, f"{RUN} -q -o html=p.html -o table=t.txt; e=$?; wc -l <t.txt; exit $e", ("24\n",)),
    Scene("the version", 0, "gradcheck --version", ("gradcheck 0.",)),
)  # fmt: skip


@pytest.mark.parametrize("scene", SCENES, ids=lambda scene: scene.name)
def test_what_a_person_reads(scene, tmp_path):
    if "--plot p.png" in scene.command:
        pytest.importorskip("matplotlib")
    (tmp_path / "bin").mkdir()
    for name, words in (("gradcheck", "-P -m gradcheck "), ("python", "")):
        script = tmp_path / "bin" / name
        script.write_text(f'#!/bin/sh\nexec {sys.executable} {words}"$@"\n')
        script.chmod(0o755)
    home = tmp_path / "home"
    for file in scene.files:
        (home / file).parent.mkdir(parents=True, exist_ok=True)
        (home / f"{file}.py").write_text("raise RuntimeError('shadow')\n")
    home.mkdir(exist_ok=True)
    (home / "mine.py").write_text(scene.mine)
    kept = {key: value for key, value in os.environ.items() if not re.match("COLUMNS|LINES|.*COLOR|GITHUB|LC_", key)}
    env = kept | {"PATH": f"{tmp_path / 'bin'}:{os.environ['PATH']}", "LANG": "C.UTF-8", "COLUMNS": "120"}
    begun = time.monotonic()
    streams = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
    done = subprocess.run(["bash", "-c", scene.command], cwd=home, env=env, timeout=60, check=False, **streams)
    seconds, text = time.monotonic() - begun, done.stdout.decode("utf-8", "backslashreplace")
    assert done.returncode == scene.code, text
    assert [words for words in scene.reads if words not in text] == [], text
    assert [words for words in (*scene.never, "Traceback") if words in text] == [], text
    assert seconds <= scene.seconds, text
