"""When a backend is left alone for a while: because it is full, or because it fails."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from extproc.config import spelling
from extproc.config.section import Fraction, Seconds, Section

_Times = Annotated[int, Field(ge=1, le=1_000)]


class Saturation(Section):
    """How full a vLLM server may be before requests that others can answer go to others."""

    metrics_url: Annotated[str, AfterValidator(spelling.http_url)] = Field(
        description="Where the server shows its metrics, such as `http://vllm.internal:8000/metrics`. Each worker reads it."
    )
    waiting: Annotated[int, Field(ge=1, le=1_000_000)] = Field(8, description="Requests in its queue from which on it is full.")
    kv_cache: Annotated[float, Field(gt=0, le=1)] = Field(0.95, description="Share of its KV cache in use from which on it is full.")
    release: Fraction = Field(0.75, description="It has room again once both are below this share of those marks.")
    readings_full: _Times = Field(2, description="Readings in a row above a mark until it counts as full.")
    readings_free: _Times = Field(5, description="Readings in a row below both until it has room again.")
    every_s: Annotated[float, Field(ge=0.1, le=3_600)] = Field(1.0, description="Time between readings.")
    stale_s: Seconds = Field(10.0, description="Age from which on the last reading says nothing any more.")
    unknown: Literal["free", "full"] = Field("free", description="What it counts as while it cannot be read.")


class Health(Section):
    """How long a backend that fails is left alone. Each worker tells the others what it saw."""

    mode: Literal["enforce", "off"] = Field(
        "enforce", description="`enforce` leaves out backends that are full or fail, where others are left; `off` tries all, always."
    )
    error_share: Annotated[float, Field(gt=0, le=1)] = Field(0.5, description="Share of failed attempts from which on a backend rests.")
    min_requests: _Times = Field(10, description="Attempts there must have been for that, older ones counting less.")
    window_s: Seconds = Field(30.0, description="Time in which the weight of an attempt halves.")
    failures_in_a_row: _Times = Field(5, description="So many failures one after another are enough, however long ago the first was.")
    rest_s: Annotated[float, Field(gt=0, le=3_600)] = Field(
        5.0, description="The first rest. After it one request is let through; while those fail too, each rest is twice the one before."
    )
    longest_rest_s: Annotated[float, Field(gt=0, le=86_400)] = Field(120.0, description="The longest rest.")
