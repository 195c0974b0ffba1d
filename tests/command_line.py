"""The command line in this process."""

import io
import json
import shlex

from typer.testing import CliRunner

from gradcheck.cli import app


class Terminal(io.StringIO):
    def isatty(self):
        return True


def gradcheck(*arguments):
    """What a command answers: an exit code, and never a traceback of gradcheck's own."""
    result = CliRunner().invoke(app, list(arguments))
    assert result.exception is None or isinstance(result.exception, SystemExit), repr(result.exception)
    assert "Traceback" not in result.stderr
    return result


def run(words, *arguments):
    return gradcheck("run", *shlex.split(words), *arguments)


def report_of(words, *arguments):
    """The JSON report of a run."""
    return json.loads(run(words, *arguments, "--format", "json").stdout)
