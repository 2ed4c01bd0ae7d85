"""How full one vLLM server is by its own metrics, with two marks so that it does not flutter between full and free.

    free --(`readings_full` in a row at or above a high mark)--> full
    full --(`readings_free` in a row at or below both low marks)--> free

A reading between the marks begins the count anew. One that could not be had changes nothing, until the last is so old that
nothing is known; then what is configured for that holds.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from math import isfinite

from extproc.config.compiled_health import Saturation

# The share of the KV cache in use, from 0 to 1, has the second name in older versions of vLLM.
_WAITING = "vllm:num_requests_waiting"
_RUNNING = "vllm:num_requests_running"
_KV_CACHE = ("vllm:kv_cache_usage_perc", "vllm:gpu_cache_usage_perc")


@dataclass(frozen=True, slots=True)
class Reading:
    """What a server said of itself. Engines behind one server are added up, and the fullest KV cache counts."""

    waiting: float
    running: float
    kv_cache: float


@dataclass(frozen=True, slots=True)
class Load:
    """What is known of one server. `in_a_row` are readings that speak for the other state."""

    is_full: bool = False
    in_a_row: int = 0
    read_at_s: float = float("-inf")
    reading: Reading | None = None


def after(load: Load, reading: Reading | None, now_s: float, marks: Saturation) -> Load:
    """`load` after one look; None where nothing could be read."""
    if reading is None:
        return load
    if load.read_at_s + marks.stale_s <= now_s:  # what it was then says nothing about now
        load = Load()
    speaks = _is_below(reading, marks) if load.is_full else _is_above(reading, marks)
    in_a_row = load.in_a_row + 1 if speaks else 0
    needed = marks.readings_free if load.is_full else marks.readings_full
    if in_a_row >= needed:
        return Load(not load.is_full, 0, now_s, reading)
    return replace(load, in_a_row=in_a_row, read_at_s=now_s, reading=reading)


def is_full(load: Load, now_s: float, marks: Saturation) -> bool:
    """Whether it counts as full at `now_s`."""
    return load.is_full if now_s < load.read_at_s + marks.stale_s else marks.is_full_unread


def reading_of(page: str) -> Reading | None:
    """What vLLM's page in Prometheus' text format says; None where it does not say how many wait."""
    waiting = list(_values(page, _WAITING))
    if not waiting:
        return None
    kv_cache = [value for name in _KV_CACHE for value in _values(page, name)]
    return Reading(sum(waiting), sum(_values(page, _RUNNING)), max(kv_cache, default=0.0))


def _is_above(reading: Reading, marks: Saturation) -> bool:
    return reading.waiting >= marks.waiting or reading.kv_cache >= marks.kv_cache


def _is_below(reading: Reading, marks: Saturation) -> bool:
    return reading.waiting <= marks.waiting_low and reading.kv_cache <= marks.kv_cache_low


def _values(page: str, name: str) -> Iterator[float]:
    """The values of every series of `name`: `name{labels} value` or `name value`, with or without a time behind."""
    start = 0
    while (found := page.find(name, start)) >= 0:
        end = page.find("\n", found)
        line = page[found : end if end >= 0 else len(page)]
        start = found + len(line)
        if found and page[found - 1] != "\n":
            continue  # in a comment, or the end of a longer name
        value = _value(line[len(name) :])
        if value is not None:
            yield value


def _value(rest: str) -> float | None:
    if rest.startswith("{"):
        rest = rest[rest.rfind("}") + 1 :]
    elif not rest.startswith((" ", "\t")):
        return None  # a longer name
    words = rest.split()
    try:
        value = float(words[0]) if words else float("nan")
    except ValueError:
        return None
    return value if isfinite(value) and value >= 0 else None
