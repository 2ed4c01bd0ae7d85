"""The mesh's side of TierMesh: proxy configuration rendered from `tiermesh.yaml`.

Here lives everything that turns a `Config` into what Envoy reads, as pure functions from data to messages; nothing here
opens a socket, reads a key or runs on the request path. The messages are `envoy-data-plane` types, whose import is slow
and large: only the rendering modules import them, and only inside `render_envoy`, so that a worker that needs a header's
name pays nothing for it.
"""

from __future__ import annotations

import warnings
from pathlib import Path

from extproc.config import Config
from extproc.mesh import names
from extproc.mesh.rendered import Rendered

__all__ = ["Rendered", "names", "render_envoy"]


def render_envoy(config: Config, run_dir: Path, *, workers: int) -> Rendered:
    """Envoy's bootstrap for `config`, with one endpoint for each of `workers` sockets in `run_dir`.

    Raises ConfigError when the configuration cannot be compiled.
    """
    with warnings.catch_warnings():
        # The generated types use a decorator form that pydantic calls deprecated; the caller can do nothing about it.
        warnings.simplefilter("ignore", DeprecationWarning)
        from extproc.mesh import bootstrap

    return bootstrap.render(config, run_dir, workers=workers)
