"""A pipeline in this process, for commands that decide without serving."""

from __future__ import annotations

import os
from pathlib import Path

from extproc.bench.quality.router import Router
from extproc.cli.sample import sample_config
from extproc.clock import Clock, SystemClock
from extproc.config import compile_config, load
from extproc.custody import Custody
from extproc.local.directory import cache_directory
from extproc.pipeline import Pipeline, scorer_of
from extproc.residency import Scanner, scan_policy


def judging_of(config_path: Path | None, clock: Clock) -> tuple[Router, str]:
    """What judges rows as a configuration would, or the demo's where none is given, and the revision of its model.

    Raises ConfigError, ModelError.
    """
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    config = load(config_path) if config_path else sample_config()
    scorer = scorer_of(config)
    return Router(compile_config(config), scorer, clock), scorer.manifest.revision


def pipeline_of(config_path: Path | None) -> Pipeline:
    """The pipeline of a configuration, or of the demo's where none is given. Raises ConfigError, ModelError."""
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    config = load(config_path) if config_path else sample_config()
    policy = compile_config(config)
    inspector = Scanner(scan_policy(policy.residency), SystemClock(), cache=cache_directory()) if policy.residency.reads else None
    return Pipeline(policy, scorer_of(config), SystemClock(), outside=Custody(inspector))
