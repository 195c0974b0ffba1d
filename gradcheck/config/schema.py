"""The configuration's JSON Schema, for editors and other readers of YAML."""

from __future__ import annotations

import json
from typing import Any

from gradcheck.config.keys import Keys
from gradcheck.config.model import ConfigModel

#: The dialect that pydantic writes.
DIALECT = "https://json-schema.org/draft/2020-12/schema"


def json_schema() -> dict[str, Any]:
    """What a configuration may say: every key with its type, range, default and description.

    Returns:
        A JSON Schema of an object.

    Example:
        >>> json_schema()["properties"]["trials"]["default"]
        1
    """
    schema = ConfigModel.model_json_schema()
    for key, default in Keys().as_data().items():
        schema["properties"][key] |= {"default": default, "description": ConfigModel.model_fields[key].description}
        schema["properties"][key].pop("minLength", None)  # which is of texts, and stands for the list's own minItems
    return {"$schema": DIALECT, **schema, "title": "gradcheck.yaml"}


def schema_text() -> str:
    """The same as JSON text that ends with a newline."""
    return f"{json.dumps(json_schema(), indent=2, default=list)}\n"
