"""A pipeline in this process, for commands that decide without serving."""

from __future__ import annotations

import os
from pathlib import Path

from extproc.cli.sample import sample_config
from extproc.clock import SystemClock
from extproc.config import compile_config, load
from extproc.custody import Custody
from extproc.pipeline import Pipeline, scorer_of
from extproc.residency import Scanner, scan_policy


def pipeline_of(config_path: Path | None) -> Pipeline:
    """The pipeline of a configuration, or of the demo's where none is given. Raises ConfigError, ModelError."""
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    config = load(config_path) if config_path else sample_config()
    policy = compile_config(config)
    inspector = Scanner(scan_policy(policy.residency), SystemClock()) if policy.residency.reads else None
    return Pipeline(policy, scorer_of(config), SystemClock(), outside=Custody(inspector))
