"""The demo's configuration: three backends, one a tier. `demo` fills in the stand-ins' ports."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from extproc.config import Config, parse

_TEXT = """\
version: 1
backends:
  local:                       # plays a self-hosted vLLM
    tier: simple
    url: {local}
    model: qwen3-8b
    location: on_prem
    context_tokens: 32000
    price: {{input: 0.04, output: 0.12}}
  mid:                         # plays a mid-priced cloud model
    tier: standard
    url: {mid}
    model: gpt-5-mini
    capabilities: [tools, json_schema, images]
    price: {{input: 0.25, cached_input: 0.025, output: 2.00}}
  frontier:                    # plays a frontier model
    tier: complex
    url: {frontier}
    model: claude-opus-4-5
    aliases: [gpt-5.1]
    capabilities: [tools, json_schema, images, files]
    price: {{input: 5.00, cached_input: 0.50, cache_write: 6.25, output: 25.00}}
  vectors:                     # embeddings go by name, never by score
    tier: simple
    url: {local}
    model: bge-m3
    aliases: [text-embedding-3-small]
    apis: [embeddings]
    location: on_prem
    price: {{input: 0.01}}
prices:                        # models that apps ask for and nobody here serves: what they would have cost
  gpt-4o: {{input: 2.50, cached_input: 1.25, output: 10.00}}
  claude-sonnet-4-5: {{input: 3.00, cached_input: 0.30, cache_write: 3.75, output: 15.00}}
listener: {{port: {port}, admin_port: {admin_port}}}
processor: {{run_dir: {run_dir}, workers: {workers}}}
telemetry: {{metrics_address: "{metrics}", log: {log}}}
"""

_UNUSED = "http://127.0.0.1:1"


def sample_text(
    urls: Mapping[str, str],
    *,
    port: int = 8080,
    admin_port: int = 9901,
    metrics: str = "127.0.0.1:9464",
    run_dir: Path | str = "",
    workers: int = 0,
    log: str = "json",
) -> str:
    """`tiermesh.yaml` of the demo, with the addresses of its stand-ins `local`, `mid` and `frontier`."""
    return _TEXT.format(
        local=urls["local"],
        mid=urls["mid"],
        frontier=urls["frontier"],
        port=port,
        admin_port=admin_port,
        metrics=metrics,
        run_dir=f'"{run_dir}"',
        workers=workers,
        log=log,
    )


def sample_config() -> Config:
    """The same, for commands that reach no backend."""
    return parse(sample_text(dict.fromkeys(("local", "mid", "frontier"), _UNUSED)))
