"""What rendering returns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Rendered:
    """A bootstrap and the files it names.

    `bootstrap` is YAML for `envoy --config-yaml` or `--config-path`. `files` maps an absolute path to its text; they must
    exist before Envoy starts. They hold paths of key files, never a key.
    """

    bootstrap: str
    files: Mapping[Path, str] = field(default_factory=dict)
