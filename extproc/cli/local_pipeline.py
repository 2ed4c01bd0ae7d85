"""A pipeline in this process, for commands that decide without serving."""

from __future__ import annotations

import os
from pathlib import Path

from extproc.cli.sample import sample_config
from extproc.clock import SystemClock
from extproc.config import compile_config, load
from extproc.pipeline import Pipeline, scorer_of


def pipeline_of(config_path: Path | None) -> Pipeline:
    """The pipeline of a configuration, or of the demo's where none is given. Raises ConfigError, ModelError."""
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    config = load(config_path) if config_path else sample_config()
    return Pipeline(compile_config(config), scorer_of(config), SystemClock())
