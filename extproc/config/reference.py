"""The configuration reference, docs/configuration.md, made from the types. `python -m extproc.config.reference [FILE]` writes it anew."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from types import MappingProxyType
from typing import Any

from extproc.config.running import is_live
from extproc.config.schema import schema

FILE = Path("docs/configuration.md")
_HERE = Path(__file__).parent

# The heading of each section, in reading order.
_HEADINGS = MappingProxyType(
    {
        "Config": "The whole file",
        "Backend": "`backends.NAME`",
        "Price": "`backends.NAME.price` and `prices.MODEL`",
        "Change": "`price.then`",
        "Long": "`price.long_prompt`",
        "Gpu": "`price.gpu`",
        "Credential": "`backends.NAME.credential`",
        "Saturation": "`backends.NAME.saturation`",
        "Tier": "`tiers.NAME`",
        "Models": "`models`",
        "Identity": "`identity`",
        "Mesh": "`identity.mesh`",
        "Jwt": "`identity.jwt`",
        "Key": "`identity.keys`",
        "TrustedHeaders": "`identity.headers`",
        "Access": "`access.NAME`",
        "Limit": "`limits.NAME`",
        "Downgrade": "`limits.NAME.downgrade`",
        "Admission": "`admission`",
        "Notices": "`notices`",
        "Routing": "`routing`",
        "RoutingRule": "`routing.rules.NAME`",
        "RoutingShare": "`routing.shares.NAME`",
        "Residency": "`residency`",
        "ResidencyRule": "`residency.rules.NAME`",
        "Label": "`residency.labels.NAME`",
        "Pattern": "`residency.patterns.NAME`",
        "Dictionary": "`residency.dictionaries.NAME`",
        "Allowed": "`residency.allowed.NAME`",
        "Sessions": "`sessions`",
        "Audit": "`audit`",
        "Health": "`health`",
        "Listener": "`listener`",
        "Tls": "`listener.tls`",
        "Processor": "`processor`",
        "Classifier": "`classifier`",
        "Telemetry": "`telemetry`",
        "Store": "`store`",
    }
)

_INTRODUCTION = """\
<!-- Made by `python -m extproc.config.reference` from extproc/config/types.py. -->
# Configuration

One file, `tiermesh.yaml`, says everything. `tiermesh check FILE` reports all that is wrong with it at once, each problem with
its place and line, what was expected and what was found. Editors that read JSON Schema complete and check it with
[tiermesh.schema.json](tiermesh.schema.json).

## Ten lines are enough

```yaml
{minimal}```

## Everything there is

```yaml
{example}```

## How it is read

- Keys that are not known here are refused, and so is a key that appears twice.
- `yes`, `no`, `on`, `off`, `017`, `12:30`, `1e3` and bare dates mean different things to different YAML readers. They are refused
  with a note on what to write instead.
- Money is US dollars with at most six digits after the point, so that it is exact in whole millionths.
- A key for a provider is never in this file: `credential.file` names the file that holds it, and Envoy reads that.
- The workers look at `tiermesh.yaml` every second; a change counts once two looks in a row agree. A file with problems changes
  nothing: the old configuration stays in force and the problems are logged.
- In the tables below, *at once* means that the next request follows a changed value; *restart* means that Envoy or the workers
  only follow it entirely when they start again. A backend whose connection changed stays as it was until then, price and model
  included. Decisions never name a chain of backends that the running Envoy does not have: a change that needs one waits as a whole.
- Requests in flight finish with the configuration they began with.
"""


def markdown() -> str:
    """The reference as the committed file has it."""
    minimal, example = ((_HERE / name).read_text(encoding="utf-8") for name in ("minimal.yaml", "example.yaml"))
    whole = schema()
    sections = {"Config": whole, **whole["$defs"]}
    parts = [_INTRODUCTION.format(minimal=minimal, example=example)]
    parts += ["\n".join(_section(name, sections[name], whole["$defs"])) for name in _HEADINGS]
    return "\n".join(parts)


def _section(name: str, section: dict[str, Any], definitions: dict[str, Any]) -> Iterator[str]:
    yield f"## {_HEADINGS[name]}\n"
    yield f"{section['description']}\n"
    yield "| Key | Value | Default | Change | Meaning |"
    yield "|---|---|---|---|---|"
    required = section.get("required", ())
    for key, node in section["properties"].items():
        default = "**required**" if key in required else _default(node)
        is_group = _names_a_section(node)
        change = "" if is_group else ("at once" if is_live(name, key) else "restart")
        yield f"| `{key}` | {_value(node, definitions)} | {default} | {change} | {node['description'].replace('|', chr(92) + '|')} |"
    yield ""


def _names_a_section(node: dict[str, Any]) -> bool:
    return _reference(node) in _HEADINGS or any(_reference(inner) in _HEADINGS for inner in _entries(node))


def _entries(node: dict[str, Any]) -> list[dict[str, Any]]:
    extra = node.get("additionalProperties")
    return [*node.get("patternProperties", {}).values(), *([extra] if isinstance(extra, dict) else []), *node.get("anyOf", [])]


def _reference(node: dict[str, Any]) -> str:
    return str(node.get("$ref", "")).rpartition("/")[2]


def _default(node: dict[str, Any]) -> str:
    if _reference(node) in _HEADINGS or node.get("default", node) is node:
        return ""
    return _shown(node["default"])


def _shown(value: Any) -> str:
    match value:
        case None:
            return ""
        case []:
            return "none"
        case "":
            return "empty"
        case list():
            return ", ".join(f"`{item}`" for item in value)
        case float():
            return f"`{value:g}`"
    return f"`{value}`"


def _value(node: dict[str, Any], definitions: dict[str, Any]) -> str:
    if "anyOf" in node:
        return " or ".join(_value(choice, definitions) for choice in node["anyOf"] if choice.get("type") != "null")
    if reference := _reference(node):
        return _referenced(reference, definitions)
    if "const" in node or "enum" in node:
        return " or ".join(f"`{choice}`" for choice in node.get("enum", [node.get("const")]))
    match node.get("type"):
        case "array":
            return f"list of {_value(node['items'], definitions)}"
        case "object":
            inner = next((_value(entry, definitions) for entry in _entries(node)), "")
            return f"mapping of names to {inner}" if inner else "mapping"
        case "integer" | "number" as kind:
            return ("whole number" if kind == "integer" else "number") + _range(node)
    return "text"


def _referenced(name: str, definitions: dict[str, Any]) -> str:
    if name in _HEADINGS:
        anchor = "".join(c for c in _HEADINGS[name].lower().replace(" ", "-") if c.isalnum() or c in "-_")
        return f"[{name.lower()}](#{anchor})"
    return " or ".join(f"`{choice}`" for choice in definitions[name]["enum"])


def _range(node: dict[str, Any]) -> str:
    low = (
        f" from {node['minimum']:g}" if "minimum" in node else f" above {node['exclusiveMinimum']:g}" if "exclusiveMinimum" in node else ""
    )
    high = f" to {node['maximum']:,}".removesuffix(".0") if "maximum" in node else ""
    return low + high


def write(file: Path = FILE) -> None:
    """Writes the reference to `file`."""
    file.write_text(markdown(), encoding="utf-8")


if __name__ == "__main__":
    write(*(Path(argument) for argument in sys.argv[1:2]))
