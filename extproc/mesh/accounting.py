"""Rules that lift token counts, the model's name and the answer's id out of answers, inside Envoy, into the access log's metadata.

Each count keeps its JSON type. A rule whose path is absent, or leads through a null as in the ordinary chunks of a
stream (`"usage": null`), writes nothing. In a stream every event is looked at and a later value replaces an earlier
one: OpenAI's last chunk and Anthropic's `message_delta` carry totals. What only `message_start` says has keys of its
own, because its output count is a beginning, not a total.
"""

from __future__ import annotations

from envoy_data_plane.envoy.extensions.content_parsers.json import v3 as parser
from envoy_data_plane.envoy.extensions.filters.http.json_to_metadata import v3 as json_filter
from envoy_data_plane.envoy.extensions.filters.http.sse_to_metadata import v3 as sse_filter
from envoy_data_plane.envoy.type.matcher import v3 as matcher

from extproc.mesh.message import extension
from extproc.mesh.names import USAGE_NAMESPACE

Path = tuple[str, ...]

# Keys of the metadata, and where each is found below the usage object. OpenAI's chat and completions, then its
# responses, then Anthropic's messages. `cached_tokens` and `reasoning_tokens` have two homes.
_USAGE: tuple[tuple[str, Path], ...] = (
    ("prompt_tokens", ("prompt_tokens",)),
    ("completion_tokens", ("completion_tokens",)),
    ("total_tokens", ("total_tokens",)),
    ("cached_tokens", ("prompt_tokens_details", "cached_tokens")),
    ("reasoning_tokens", ("completion_tokens_details", "reasoning_tokens")),
    ("input_tokens", ("input_tokens",)),
    ("output_tokens", ("output_tokens",)),
    ("cached_tokens", ("input_tokens_details", "cached_tokens")),
    ("reasoning_tokens", ("output_tokens_details", "reasoning_tokens")),
    ("cache_read_input_tokens", ("cache_read_input_tokens",)),
    ("cache_creation_input_tokens", ("cache_creation_input_tokens",)),
)

# `response.completed` of the responses API wraps the usage of a plain answer in `response`.
_RESPONSES_STREAM = tuple(
    (key, path)
    for key, path in _USAGE
    if path[0] in ("input_tokens", "output_tokens", "total_tokens", "input_tokens_details", "output_tokens_details")
)
_START = ("input_tokens", "output_tokens", "cache_read_input_tokens", "cache_creation_input_tokens")

JSON_PATHS: tuple[tuple[str, Path], ...] = (
    *((key, ("usage", *path)) for key, path in _USAGE),
    ("model", ("model",)),
    ("id", ("id",)),
)
SSE_PATHS: tuple[tuple[str, Path], ...] = (
    *JSON_PATHS,
    *((key, ("response", "usage", *path)) for key, path in _RESPONSES_STREAM),
    ("model", ("response", "model")),
    ("id", ("response", "id")),
    *((f"start_{key}", ("message", "usage", key)) for key in _START),
    ("model", ("message", "model")),
    ("id", ("message", "id")),
)

# The last event of a responses stream repeats the whole answer, so the limit of one event is the filter's largest.
_MAX_EVENT_BYTES = 10 * 1024 * 1024

# By default the filter wants `application/json` and nothing after it, and misses `; charset=utf-8`.
_JSON_TYPES = r"(?i)application/json\s*(;.*)?"


def json_rules() -> json_filter.JsonToMetadata:
    """Usage of answers that are one JSON document."""
    rules = [_rule(key, path) for key, path in JSON_PATHS]
    kinds = matcher.RegexMatcher(regex=_JSON_TYPES)
    return json_filter.JsonToMetadata(response_rules=json_filter.JsonToMetadataMatchRules(rules=rules, allow_content_types_regex=kinds))


def sse_rules() -> sse_filter.SseToMetadata:
    """Usage of answers that are event streams."""
    rules = [parser.JsonContentParserRuleConfig(rule=_rule(key, path)) for key, path in SSE_PATHS]
    content = extension("envoy.content_parsers.json", parser.JsonContentParser(rules=rules))
    return sse_filter.SseToMetadata(
        response_rules=sse_filter.SseToMetadataProcessingRules(content_parser=content, max_event_size=_MAX_EVENT_BYTES)
    )


def _rule(key: str, path: Path) -> json_filter.JsonToMetadataRule:
    return json_filter.JsonToMetadataRule(
        selectors=[json_filter.JsonToMetadataSelector(key=step) for step in path],
        on_present=json_filter.JsonToMetadataKeyValuePair(metadata_namespace=USAGE_NAMESPACE, key=key),
    )
