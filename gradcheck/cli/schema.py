"""``gradcheck schema``."""

from gradcheck.cli.surroundings import a_reader_may_leave, errors_for_people
from gradcheck.cli.terminal import write_out


def schema() -> None:
    """Print the JSON Schema of gradcheck.yaml, for an editor or a validator.

    For example: [bold]gradcheck schema > gradcheck.schema.json[/bold]
    """
    from gradcheck.config.model import schema_text

    with errors_for_people(), a_reader_may_leave():
        write_out(schema_text(), None)
