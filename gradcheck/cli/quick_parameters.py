"""A Typer command that asks pydantic nothing where there is nothing to convert.

Typer converts each parameter by an adapter of pydantic's, even one that was not given, or is text and shall
stay so; importing and building that costs every run a tenth of a second. Here those keep their value. What
needs a conversion, or a refusal, still gets Typer's own.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from typing import Any


def quickened(command: Any) -> Any:
    """The same command; its parameters and those of its subcommands are changed in place.

    Args:
        command: as ``typer.main.get_command`` returns it.
    """
    parameters_of = command.get_params

    # Not once and for all: Typer makes the option --help only when a command is run.
    def get_params(context: Any) -> Any:
        parameters = parameters_of(context)
        for parameter in parameters:
            if "process_value" not in vars(parameter):
                parameter.process_value = _quickly(parameter)
        return parameters

    command.get_params = get_params
    for inner in getattr(command, "commands", {}).values():
        quickened(inner)
    return command


def _quickly(parameter: Any) -> Callable[[Any, Any], Any]:
    """The parameter's ``process_value(context, value)``, with a way around the conversion."""
    process: Callable[[Any, Any], Any] = parameter.process_value
    several = parameter.multiple or parameter.nargs != 1
    # An older Typer, without pydantic, has no such attribute: it is in no need of this way either.
    is_text = getattr(getattr(parameter, "type_descriptor", None), "annotation", None) in (str, list[str])

    def process_value(context: Any, value: Any) -> Any:
        if value is None and not parameter.required:
            value = () if several else None
        elif is_text and value and all(type(item) is str for item in (value if several else (value,))):
            pass
        elif not (isinstance(value, Enum) or type(value) in (int, float)):  # those are defaults: what is typed is text
            return process(context, value)
        return parameter.callback(context, parameter, value) if parameter.callback else value

    return process_value
