"""The keys of a config and what each may hold, in words and as JSON Schema: all from the schema."""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from functools import cache
from typing import Any

from firstlight.config.kinds import NUMBER_PATTERN, OWN_METRIC_PATTERN
from firstlight.config.schema import Config

DRAFT = "https://json-schema.org/draft/2020-12/schema"
LONGEST_NAME = 80  # characters of an unknown key that are compared; longer ones are no typing errors

Path = tuple[str, ...]  # ("training", "epochs") or ("seed",)


def json_schema() -> dict[str, Any]:
    """The JSON Schema (Draft 2020-12) of training_config.yaml, for editors.

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


@cache
def sections() -> Mapping[str, tuple[str, ...]]:
    """The keys of each section, in the order of a written file; `seed` is a key without a section: ()."""
    return {
        name: tuple(getattr(field.annotation, "model_fields", ()))
        for name, field in Config.model_fields.items()
    }


def is_key(path: Path) -> bool:
    """Whether the path is a key that holds a value (not a section)."""
    if len(path) == 1:
        return sections().get(path[0]) == ()
    return len(path) == 2 and path[1] in sections().get(path[0], ())


def meaning(path: Path) -> str:
    """One line that says what a section or key is, with its unit."""
    return str(_schema_of(path)["description"]).splitlines()[0]


def allowed(path: Path) -> str:
    """What a section or key may hold, in words: `adamw, sgd, muon`, `a number above 0 or null`."""
    if not is_key(path):
        return f"the keys {', '.join(sections()[path[0]])}"
    return " or ".join(_words(option) for option in _options(path))


def is_choice(path: Path) -> bool:
    """Whether the key takes one of a few fixed words."""
    return any("enum" in option or "const" in option for option in _options(path))


def wants_text(path: Path) -> bool:
    """Whether the key holds free text or a list of it: there `007` and `no` are taken as they are written."""
    fixed = {"enum", "const", "pattern"}
    return any(
        kind.get("type") == "string" and not fixed & set(kind)
        for option in _options(path)
        for kind in (option, option.get("items", {}))
    )


def nearest(path: Path) -> Path:
    """The known key or section most like an unknown one; a right name in a wrong place is found first."""
    home, name = path[:-1], path[-1][:LONGEST_NAME]
    here = sections()[home[0]] if home else tuple(sections())
    elsewhere = {key: (section, key) for section, keys in reversed(list(sections().items())) for key in keys}
    if not home and name in elsewhere:
        return elsewhere[name]
    if found := get_close_matches(name, here, n=1):
        return (*home, found[0])
    if found := get_close_matches(name, elsewhere, n=1):
        return elsewhere[found[0]]
    return (*home, get_close_matches(name, here, n=1, cutoff=0.0)[0])


@cache
def _schema() -> dict[str, Any]:
    return Config.model_json_schema()


def _schema_of(path: Path) -> dict[str, Any]:
    schema = _schema()["properties"][path[0]]
    if "$ref" in schema:
        schema = _schema()["$defs"][schema["$ref"].rpartition("/")[2]]
    return dict(schema["properties"][path[1]] if len(path) > 1 else schema)


def _options(path: Path) -> list[dict[str, Any]]:
    schema = _schema_of(path)
    return list(schema.get("anyOf", [schema]))


def _words(option: Mapping[str, Any]) -> str:
    if "enum" in option:
        return ", ".join(map(str, option["enum"]))
    if "const" in option:
        return str(option["const"])
    if option.get("pattern") == OWN_METRIC_PATTERN:
        return "own_NAME for a metric of your own"
    if "pattern" in option:
        return "a time span such as 45m, 1h or 2h30"
    simple = {"boolean": "true or false", "null": "null", "string": "text", "array": "a list of names"}
    if option["type"] in simple:
        return simple[option["type"]]
    bounds = {
        "above {}": option.get("exclusiveMinimum"),
        "at least {}": option.get("minimum"),
        "below {}": option.get("exclusiveMaximum"),
        "at most {}": option.get("maximum"),
    }
    noun = "a whole number" if option["type"] == "integer" else "a number"
    limits = [text.format(f"{bound:,.0f}") for text, bound in bounds.items() if bound is not None]
    return " ".join([noun, " and ".join(limits)]).strip()
