"""The committed reference and schema are those of the types, and say all there is."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from extproc import config
from extproc.config import reference, schema

ROOT = Path(__file__).parents[2]
SECTIONS = {name: node for name, node in {"Config": schema.schema(), **schema.schema()["$defs"]}.items() if "properties" in node}


@pytest.mark.parametrize(("module", "text"), [(schema, schema.text()), (reference, reference.markdown())], ids=["schema", "reference"])
def test_the_committed_file_is_fresh(module: Any, text: str) -> None:
    assert (ROOT / module.FILE).read_text() == text, f"run `python -m {module.__name__}`"


def test_writing_anew_writes_the_same(tmp_path: Path) -> None:
    schema.write(tmp_path / "s.json")
    reference.write(tmp_path / "r.md")
    assert json.loads((tmp_path / "s.json").read_text()) == schema.schema()
    assert (tmp_path / "r.md").read_text() == reference.markdown()


@pytest.mark.parametrize("name", SECTIONS)
def test_every_section_refuses_unknown_keys_and_explains_the_known_ones(name: str) -> None:
    assert SECTIONS[name]["additionalProperties"] is False
    for key, node in SECTIONS[name]["properties"].items():
        assert node.get("description", "").endswith("."), f"{name}.{key} has no sentence"
        assert f"| `{key}` |" in reference.markdown()


def keys(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for key, inner in value.items():
            yield str(key)
            yield from keys(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from keys(inner)


def test_the_full_example_shows_every_key() -> None:
    example = yaml.safe_load((Path(config.__file__).parent / "example.yaml").read_text())
    assert {key for section in SECTIONS.values() for key in section["properties"]} - set(keys(example)) == set()
