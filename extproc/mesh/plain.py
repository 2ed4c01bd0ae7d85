"""YAML as people read it: no anchors, fields in the order they were put in, a comment on top. Light: it knows none of Envoy's types."""

from __future__ import annotations

from typing import Any

import yaml


class _PlainDumper(yaml.SafeDumper):
    """YAML without anchors: a reader of the file should not have to look elsewhere for a value."""

    def ignore_aliases(self, _data: Any) -> bool:
        return True


def plain_yaml(document: Any, heading: str = "") -> str:
    """`document` as YAML under `heading` as a comment."""
    return comment(heading) + yaml.dump(document, Dumper=_PlainDumper, sort_keys=False, width=140, allow_unicode=True)


def comment(text: str) -> str:
    """`text` as lines of a YAML comment."""
    return "".join(f"# {line}".rstrip() + "\n" for line in text.splitlines())
