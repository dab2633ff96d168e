"""The JSON Schema of training_config.yaml, which editors use to complete and check keys while one types."""

from __future__ import annotations

from typing import Any

from firstlight.config.schema import NUMBER_PATTERN, Config

DRAFT = "https://json-schema.org/draft/2020-12/schema"


def json_schema() -> dict[str, Any]:
    """The schema, in Draft 2020-12.

    It accepts what the reader accepts: an empty section, and a number in quotes ("1e-3").
    """
    schema = Config.model_json_schema()
    for section in schema["$defs"].values():
        section["type"] = ["object", "null"]
        for value in section["properties"].values():
            for option in value.get("anyOf", [value]):
                if option.get("type") == "number":
                    option |= {"type": ["number", "string"], "pattern": NUMBER_PATTERN}
    return {"$schema": DRAFT, **schema}
