"""`tiermesh render envoy`."""

from __future__ import annotations

from pathlib import Path

import yaml

from extproc.local.envoy import validate
from tests.cli.conftest import Tiermesh


def test_it_prints_a_bootstrap_that_envoy_accepts(tiermesh: Tiermesh, good: Path, tmp_path: Path) -> None:
    key = tmp_path / "key"
    key.write_text("sk")
    good.write_text(good.read_text().replace("/etc/key", str(key)))
    done = tiermesh("render", "envoy", good, "--run-dir", tmp_path / "run", "--workers", "3", "--write-secrets")
    assert (done.status, done.err) == (0, "")
    clusters = {cluster["name"]: cluster for cluster in yaml.safe_load(done.out)["static_resources"]["clusters"]}
    assert {"tiermesh", "backend.local", "backend.cloud", "chain.local+cloud", "chain.local", "chain.cloud"} <= set(clusters)
    for index in range(3):
        assert f"{tmp_path}/run/worker-{index}.sock" in done.out
    assert "sk" not in (tmp_path / "run" / "credential.cloud.yaml").read_text().replace(str(tmp_path), "").split()
    bootstrap = tmp_path / "envoy.yaml"
    bootstrap.write_text(done.out)
    validate(bootstrap)


def test_it_says_which_files_it_has_not_written(tiermesh: Tiermesh, good: Path, tmp_path: Path) -> None:
    done = tiermesh("render", "envoy", good, "--run-dir", tmp_path / "run")
    assert done.status == 0
    assert f"{tmp_path}/run/credential.cloud.yaml" in done.err
    assert not (tmp_path / "run").exists()


def test_the_same_file_gives_the_same_text(tiermesh: Tiermesh, good: Path) -> None:
    assert tiermesh("render", "envoy", good).out == tiermesh("render", "envoy", good).out
