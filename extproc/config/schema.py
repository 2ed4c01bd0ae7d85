"""The JSON Schema of `tiermesh.yaml`, for editors. `python -m extproc.config.schema [FILE]` writes it anew."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from extproc.config.types import Config

FILE = Path("docs/tiermesh.schema.json")


def schema() -> dict[str, Any]:
    """A JSON Schema (2020-12) that a tiermesh.yaml satisfies; the checks between fields are not in it."""
    body = _tidied(Config.model_json_schema())
    head = {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "tiermesh.yaml"}
    return {**head, **{key: value for key, value in body.items() if key != "title"}}


def text() -> str:
    """The schema as the committed file has it."""
    return json.dumps(schema(), indent=2) + "\n"


def _tidied(node: Any) -> Any:
    if isinstance(node, list):
        return [_tidied(item) for item in node]
    if not isinstance(node, dict):
        return node
    # A key called "title" among a section's properties would be a dict; as text it is pydantic's echo of the key.
    tidy = {key: _tidied(value) for key, value in node.items() if key != "title" or not isinstance(value, str)}
    if "patternProperties" in tidy:
        tidy.setdefault("additionalProperties", False)
    return _number_for_decimal(tidy)


def _number_for_decimal(node: dict[str, Any]) -> dict[str, Any]:
    # pydantic describes a Decimal as a number or text. People write numbers.
    choices = node.get("anyOf", [])
    if not {"number", "string"} <= {choice.get("type") for choice in choices}:
        return node
    left = [choice for choice in choices if choice.get("type") != "string"]
    rest = {key: value for key, value in node.items() if key not in ("anyOf", "default")}
    default = {} if "default" not in node else {"default": None if node["default"] is None else float(node["default"])}
    return {**(left[0] if len(left) == 1 else {"anyOf": left}), **default, **rest}


def write(file: Path = FILE) -> None:
    """Writes the schema to `file`."""
    file.write_text(text(), encoding="utf-8")


if __name__ == "__main__":
    write(*(Path(argument) for argument in sys.argv[1:2]))
