"""`tiermesh render egress`."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from tests.cli.conftest import Tiermesh


def test_it_prints_resources_that_can_be_applied_as_they_are(tiermesh: Tiermesh, good: Path) -> None:
    done = tiermesh(
        "render", "egress", good, "--app-namespace", "shop", "--app-namespace", "search", "--gateway-selector", "app=edge,x/y=z"
    )
    assert (done.status, done.err) == (0, "")
    made = [one for one in yaml.safe_load_all(done.out) if one]
    assert [one["kind"] for one in made] == ["ServiceEntry", *["NetworkPolicy"] * 3, *["Sidecar"] * 2]
    (gateway,) = [one for one in made if one["metadata"]["name"] == "tiermesh-egress-gateway"]
    assert gateway["spec"]["podSelector"] == {"matchLabels": {"app": "edge", "x/y": "z"}}
    assert gateway["metadata"]["namespace"] == "tiermesh"


def test_it_writes_a_file_for_each_kind(tiermesh: Tiermesh, good: Path, tmp_path: Path) -> None:
    options = ("--app-namespace", "shop", "--egress-gateway", "istio-system", "--namespace", "registry", "--out", tmp_path / "a" / "b")
    done = tiermesh("render", "egress", good, *options)
    assert done.status == 0
    files = sorted((tmp_path / "a" / "b").iterdir())
    assert [path.stem for path in files] == ["authorization-policies", "network-policies", "service-entries", "sidecars"]
    assert sorted(done.out.split()) == [str(path) for path in files]
    assert "namespace: registry" in files[2].read_text()


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ((), "--app-namespace"),
        (("--app-namespace", "tiermesh"), "a namespace of its own"),
        (("--app-namespace", "Shop"), "no Kubernetes name"),
        (("--app-namespace", "shop", "--gateway-selector", "edge"), "not like app=tiermesh"),
        (("--app-namespace", "shop", "--reach", "a b"), "no Kubernetes name"),
    ],
)
def test_it_says_what_it_needs(tiermesh: Tiermesh, good: Path, options: tuple[str, ...], complaint: str) -> None:
    done = tiermesh("render", "egress", good, *options)
    assert (done.status, done.out) == (2, "")
    assert complaint in done.err
