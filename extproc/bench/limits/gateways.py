"""Two gateways that differ in one thing: the limits."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from extproc.bench import options as plain
from extproc.bench.fleet import configuration, gateway, start_upstream
from extproc.bench.system import EnvoySystem

WITHOUT, WITH = "without", "with"
HEADERS = {"x-org": "acme", "x-department": "retail", "x-team": "search", "x-app": "indexer", "x-user": "alice"}

_IDENTITY = {
    "sources": ["header"],
    "headers": {"organisation": "x-org", "department": "x-department", "team": "x-team", "app": "x-app", "user": "x-user"},
    "trusted_peers": ["any"],
}
# Ten limits, two a level, which refuse nobody.
_MUCH = 1_000_000_000
LIMITS: dict[str, dict[str, Any]] = {
    "organisation-month": {"scope": "*", "of": "usd", "limit": 1_000_000, "per": "month", "timezone": "Europe/Berlin"},
    "organisation-tokens": {"scope": "*", "of": "tokens", "limit": _MUCH, "per": "minute"},
    "department-week": {"scope": "*/*", "of": "usd", "limit": 1_000_000, "per": "week"},
    "department-flight": {"scope": "*/*", "of": "in_flight", "limit": 100_000},
    "team-day": {"scope": "*/*/*", "of": "usd", "limit": 1_000_000, "per": "day", "timezone": "Europe/Berlin"},
    "team-requests": {"scope": "*/*/*", "of": "requests", "limit": _MUCH, "per": "minute"},
    "app-pace": {"scope": "*/*/*/*", "of": "requests", "limit": 1_000_000, "per": "second"},
    "app-input": {"scope": "*/*/*/*", "of": "input_tokens", "limit": _MUCH, "per": "minute"},
    "user-hour": {"scope": "*/*/*/*/*", "of": "usd", "limit": 1_000_000, "per": "hour"},
    "user-output": {"scope": "*/*/*/*/*", "of": "output_tokens", "limit": _MUCH, "per": "minute"},
}


@dataclass(frozen=True, slots=True)
class Pair:
    """Both gateways, started, by whether they have limits, and what configured the one that has."""

    systems: tuple[EnvoySystem, ...]
    limited: str
    run_dirs: dict[str, Path]


@contextlib.contextmanager
def pair(upstream: Path | None, directory: Path) -> Iterator[Pair]:
    """The two, in front of the same upstream, `directory` theirs. Ended when the block is left."""
    with contextlib.ExitStack() as stack:
        url = start_upstream(upstream, directory, stack)
        texts = {WITHOUT: _text(url, directory / WITHOUT, {}), WITH: _text(url, directory / WITH, LIMITS)}
        systems = []
        for name, text in texts.items():
            (directory / name).mkdir()
            file = directory / name / "tiermesh.yaml"
            file.write_text(text)
            systems.append(gateway(name, file, directory / name))
            stack.callback(systems[-1].stop)
            systems[-1].start()
        yield Pair(tuple(systems), texts[WITH], {name: directory / name / "run" for name in texts})


def _text(upstream_url: str, directory: Path, limits: dict[str, dict[str, Any]]) -> str:
    document = yaml.safe_load(configuration(plain.Options(), upstream_url, directory, otlp_port=None))
    return yaml.safe_dump({**document, "identity": _IDENTITY, "limits": limits}, sort_keys=False)
