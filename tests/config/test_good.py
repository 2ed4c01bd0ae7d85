"""What a sound file gives: defaults, the reading of plain YAML, and advice."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from extproc import config
from extproc.config import Api, Config, Location, compile_config, load, parse, warnings

SHIPPED = Path(config.__file__).parent
LOCAL = "local: {url: http://127.0.0.1:8000/, model: qwen, tier: simple, location: on_prem}"
CLOUD = "cloud: {url: https://llm.example/base, model: big, tier: complex, price: {input: 1, output: 2}}"


def backends(*lines: str) -> str:
    return "\n  ".join(("backends:", *lines)) + "\n"


@pytest.mark.parametrize("name", ["minimal", "example"])
def test_the_examples_are_sound_and_raise_no_doubt(name: str) -> None:
    assert warnings(load(SHIPPED / f"{name}.yaml")) == ()


def test_ten_lines_are_enough() -> None:
    assert len((SHIPPED / "minimal.yaml").read_text().splitlines()) == 10


def test_one_backend_is_enough() -> None:
    read = parse(backends(LOCAL))
    local = read.backends["local"]
    assert (local.url, local.location, list(read.tiers)) == ("http://127.0.0.1:8000", Location.ON_PREM, ["simple", "standard", "complex"])
    assert local.apis == (Api.CHAT, Api.COMPLETIONS, Api.RESPONSES, Api.MESSAGES)


def test_quoted_text_stays_text_and_numbers_stay_exact() -> None:
    read = parse(
        """
backends:
  "no":
    url: 'http://127.0.0.1:8000'
    model: "3.5"
    tier: simple
    location: on_prem
    revision: '1e3'
    price: {input: 0.15, output: 0.000001, cached_input: 7}
    force: {"on": "off", n: 1, f: .5, e: 1.0e+3, t: true, z: null, l: [a, {b: -1}]}
"""
    )
    backend = read.backends["no"]
    assert (backend.model, backend.revision) == ("3.5", "1e3")
    assert backend.price is not None
    assert (backend.price.input, backend.price.output, backend.price.cached_input) == (Decimal("0.15"), Decimal("0.000001"), 7)
    assert backend.force == {"on": "off", "n": 1, "f": 0.5, "e": 1000.0, "t": True, "z": None, "l": ["a", {"b": -1}]}


def test_anchors_may_be_used_within_reason() -> None:
    read = parse(backends("a: {url: http://127.0.0.1:1, model: x, tier: simple, price: &p {input: 1}}", LOCAL.replace("}", ", price: *p}")))
    assert read.backends["local"].price == read.backends["a"].price


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (backends(LOCAL), "open"),
        (backends(CLOUD), "closed"),
        (backends(CLOUD) + "processor: {on_failure: closed}", "closed"),
        (backends(LOCAL, CLOUD) + "processor: {on_failure: closed}", "closed"),
    ],
)
def test_with_nothing_to_fail_open_to_the_default_is_closed(text: str, expected: str) -> None:
    assert parse(text).processor.on_failure == expected


def test_header_names_are_made_small() -> None:
    headers = parse(backends(LOCAL) + "identity: {headers: {app: X-App}, trusted_peers: [any]}").identity.headers
    assert headers is not None
    assert headers.app == "x-app"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (backends(CLOUD), ["backends: none is `location: on_prem`"]),
        (backends(LOCAL, "cloud: {url: https://h, model: m, tier: complex}"), ["backends.cloud.price: is not set"]),
        (
            backends(LOCAL.replace("}", ", apis: [chat]}"), CLOUD),
            ["processor.on_failure: `open`, but no on-premises backend of the safe chain speaks `completions`, `messages` or `responses`"],
        ),
        (
            backends(LOCAL, CLOUD) + "tiers: {simple: {up_to: 0.5}, middle: {up_to: 0.6}, complex: {up_to: 0.9}}",
            ["tiers.middle: no backend says `tier: middle`; its requests go to `cloud`", "tiers.complex.up_to: has no effect"],
        ),
        (
            backends(LOCAL, CLOUD) + "tiers: {simple: {up_to: 0.5, chain: [local]}, complex: {chain: [local]}}",
            ["backends.cloud: is in no chain"],
        ),
        (
            backends(LOCAL) + "models: {routed: [gpt-*], pass_through: [claude-*], listed: [auto, gpt-5]}",
            ["models.pass_through[0]: `claude-*` is the name of no backend", "models.listed[0]: `auto` is listed, but"],
        ),
        (
            backends(LOCAL, CLOUD) + "tiers: {simple: {up_to: 0.5, chain: [local]}, complex: {}}",
            [],
        ),
        (
            backends(LOCAL.replace("}", ", apis: [chat]}"), CLOUD) + "tiers: {simple: {up_to: 0.5, chain: [local]}, complex: {}}",
            ["processor.on_failure: `open`, but", "tiers.simple: no backend of its chain speaks `completions`, `messages` or `responses`"],
        ),
    ],
)
def test_what_works_but_is_seldom_meant_is_a_warning(text: str, expected: list[str]) -> None:
    found = [str(problem) for problem in warnings(parse(text))]
    assert len(found) == len(expected), found
    assert all(one.startswith(start) for one, start in zip(found, expected, strict=True)), found


KEYS = f"keys: [{{sha256: {'0f' * 32}, scope: acme}}]"
CA = "listener: {tls: {certificate_file: /c, key_file: /k, client_ca_file: /ca}}\n"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            f"identity: {{{KEYS}, sources: [key], headers: {{team: x-team}}, trusted_peers: [any]}}\n",
            ["identity.headers: is configured, but"],
        ),
        ('identity: {mesh: {pattern: "spiffe://{trust}/{app}"}}\n', ["identity: reads certificates of peers"]),
        ('identity: {mesh: {pattern: "spiffe://{trust}/{app}"}}\n' + CA, []),
        ("identity: {headers: {team: x-team}, trusted_peers: [spiffe://a/b]}\n", ["identity: reads certificates of peers"]),
        ("identity: {headers: {team: x-team}, trusted_peers: [any]}\n", []),
        (f"identity: {{{KEYS}, unknown: refuse}}\n", ["identity.unknown: `refuse`, but processor.on_failure is `open`"]),
        (f"identity: {{{KEYS}, unknown: refuse}}\nprocessor: {{on_failure: closed}}\n", []),
        (f"identity: {{{KEYS}, unknown: refused}}\n", ["identity.unknown: `refused` is taken for the name of a scope"]),
        ("access: {a: {scope: acme}, b: {scope: acme, tiers: [simple]}}\n", ["access.a: denies nothing"]),
    ],
)
def test_doubts_about_who_calls(text: str, expected: list[str]) -> None:
    found = [str(problem) for problem in warnings(parse(backends(LOCAL) + text))]
    assert len(found) == len(expected), found
    assert all(one.startswith(start) for one, start in zip(found, expected, strict=True)), found


def test_sources_are_those_configured_in_the_usual_order_unless_an_order_is_given() -> None:
    text = backends(LOCAL) + f"identity: {{headers: {{team: x-team}}, trusted_peers: [any], {KEYS}, jwt: {{claims: {{user: sub}}}}}}\n"
    assert compile_config(parse(text)).identity.sources == ("jwt", "key", "header")
    assert compile_config(parse(text.replace("{headers:", "{sources: [header, key], headers:"))).identity.sources == ("header", "key")


def test_a_configuration_built_in_python_needs_no_text() -> None:
    built = Config.model_validate(
        {"backends": {"local": {"url": "http://127.0.0.1:8000", "model": "qwen", "tier": "simple", "location": "on_prem"}}}
    )
    assert built == parse(backends(LOCAL))
