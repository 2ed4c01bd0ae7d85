"""How a stand-in backend behaves: well, slowly, or in one of the ways real ones fail."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Literal, cast

Fault = Literal["", "reset", "close", "hang"]


@dataclass(frozen=True, slots=True)
class Behaviour:
    """What a stand-in does with a request. The defaults answer at once with sixteen tokens."""

    status: int = 200  # anything else: an error in the API's own shape
    retry_after_s: int | None = None
    fault: Fault = ""  # before the first byte: connection reset, closed, or silence
    first_byte_s: float = 0.0
    gap_s: float = 0.0  # between the events of a stream
    cut_after: int | None = None  # the connection ends after so many events; a plain answer after half its body
    tokens: int = 16  # visible ones; a smaller limit in the request wins
    text: str = ""  # said instead of the canned words
    padding_bytes: int = 0  # makes the answer's text this much longer without more tokens
    has_usage: bool = True
    cached_tokens: int = 0
    cache_write_tokens: int = 0
    reasoning_tokens: int = 0
    waiting: int = 0  # these three are said on `/metrics`, as vLLM does
    running: int = 0
    kv_cache: float = 0.0


def _fault(value: str) -> Fault:
    if value not in ("reset", "close", "hang"):
        raise ValueError(value)
    return cast("Fault", value)


def _seconds(value: str) -> float:
    return float(value) / 1000


def _claim(value: str) -> bool:
    return {"yes": True, "no": False}[value]


_SETTINGS: dict[str, tuple[str, Callable[[str], Any]]] = {
    "status": ("status", int),
    "retry_after_s": ("retry_after_s", int),
    "fault": ("fault", _fault),
    "first_byte_ms": ("first_byte_s", _seconds),
    "gap_ms": ("gap_s", _seconds),
    "cut_after": ("cut_after", int),
    "tokens": ("tokens", int),
    "padding_bytes": ("padding_bytes", int),
    "usage": ("has_usage", _claim),
    "cached": ("cached_tokens", int),
    "cache_write": ("cache_write_tokens", int),
    "reasoning": ("reasoning_tokens", int),
    "waiting": ("waiting", int),
    "running": ("running", int),
    "kv_cache": ("kv_cache", float),
}


def parse(text: str, *, name: str, default: Behaviour) -> Behaviour:
    """`default` changed as `text` says for the stand-in `name`. Raises ValueError naming the setting it does not know.

    `status=503` is for everyone; `on=small; status=503, on=mid; gap_ms=5` is for those two.
    """
    for part in filter(None, map(str.strip, text.split(","))):
        settings = dict(_setting(item) for item in part.split(";") if item.strip())
        if settings.pop("on", name) == name:
            default = replace(default, **dict(_read(key, value) for key, value in settings.items()))
    return default


def from_headers(headers: dict[str, str], *, name: str, default: Behaviour) -> Behaviour:
    """`default` changed by the request's `x-standin`, `x-tokens` and `x-gap-ms` headers. Raises ValueError."""
    if "x-tokens" in headers:
        default = replace(default, tokens=int(headers["x-tokens"]))
    if "x-gap-ms" in headers:
        default = replace(default, gap_s=_seconds(headers["x-gap-ms"]))
    if "x-standin" in headers:
        default = parse(headers["x-standin"], name=name, default=default)
    return default


def _setting(item: str) -> tuple[str, str]:
    key, _, value = item.partition("=")
    return key.strip(), value.strip()


def _read(key: str, value: str) -> tuple[str, Any]:
    if key not in _SETTINGS:
        raise ValueError(f"{key!r} is not one of on, {', '.join(_SETTINGS)}")
    field, read = _SETTINGS[key]
    try:
        return field, read(value)
    except (ValueError, KeyError):
        raise ValueError(f"{value!r} is no value for {key}") from None
