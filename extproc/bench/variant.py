"""The same Envoy without us: a rendered bootstrap with its processor taken out, or with another in its place.

Pure functions over the bootstrap's JSON shape. Listener, routes, chains and clusters stay as they were, so that what differs
between two systems is the processor and what serves it: its filters, its access log, its tracing, the usage filters.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

from extproc.mesh import names

_EXT_PROC = "extensions.filters.http.ext_proc.v3.ExternalProcessor"
_OURS = (_EXT_PROC, "json_to_metadata.v3.JsonToMetadata", "sse_to_metadata.v3.SseToMetadata")

Document = dict[str, Any]


def plain(document: Document) -> Document:
    """No processor: requests of the LLM APIs go to the safe chain."""
    made = _without_extras(document)
    for filters in _filter_lists(made):
        filters[:] = [each for each in filters if not _is_ours(each)]
    made["static_resources"]["clusters"] = [each for each in _clusters(made) if each["name"] != names.PROCESSOR_CLUSTER]
    return made


def with_processor(document: Document, socket_path: str) -> Document:
    """Another processor on that Unix socket, asked as ours is at the request; nothing is asked of it at the answer."""
    made = _without_extras(document)
    kept = _request_filter(made)
    for filters in _filter_lists(made):
        filters[:] = [each for each in filters if each is kept or not _is_ours(each)]
    for cluster in _clusters(made):
        if cluster["name"] == names.PROCESSOR_CLUSTER:
            endpoints = [{"endpoint": {"address": {"pipe": {"path": socket_path}}}}]
            cluster["load_assignment"]["endpoints"] = [{"lb_endpoints": endpoints}]
            cluster.pop("health_checks", None)  # not every processor has a health service
    return made


def on_ports(document: Document, port: int, admin_port: int) -> Document:
    """The same on other ports."""
    made = copy.deepcopy(document)
    made["static_resources"]["listeners"][0]["address"]["socket_address"]["port_value"] = port
    made["admin"]["address"]["socket_address"]["port_value"] = admin_port
    return made


def _without_extras(document: Document) -> Document:
    made = copy.deepcopy(document)
    for manager in _managers(made):
        manager.pop("access_log", None)
        manager.pop("tracing", None)
        for route in (route for host in manager["route_config"]["virtual_hosts"] for route in host["routes"]):
            route.pop("typed_per_filter_config", None)
    return made


def _request_filter(document: Document) -> Document:
    for manager in _managers(document):
        for each in manager["http_filters"]:
            if str(each.get("typed_config", {}).get("@type", "")).endswith(_EXT_PROC):
                found: Document = each
                return found
    raise ValueError("the bootstrap has no ext_proc filter of its own on the listener")


def _managers(document: Document) -> Iterator[Document]:
    for listener in document["static_resources"]["listeners"]:
        for chain in listener["filter_chains"]:
            for each in chain["filters"]:
                if "http_filters" in each["typed_config"]:
                    yield each["typed_config"]


def _filter_lists(document: Document) -> Iterator[list[Document]]:
    for manager in _managers(document):
        yield manager["http_filters"]
    for cluster in _clusters(document):
        for protocol in cluster.get("typed_extension_protocol_options", {}).values():
            if "http_filters" in protocol:
                yield protocol["http_filters"]


def _clusters(document: Document) -> list[Document]:
    clusters: list[Document] = document["static_resources"]["clusters"]
    return clusters


def _is_ours(http_filter: Document) -> bool:
    # A filter may stand inside a matcher that decides whether it runs.
    settings = http_filter.get("typed_config", {})
    inner = settings.get("extension_config", {}).get("typed_config", settings)
    return any(str(inner.get("@type", "")).endswith(kind) for kind in _OURS)
