"""Marks of saturation and rules of rest, resolved."""

from __future__ import annotations

from extproc.config import compiled_health as compiled
from extproc.config import health, types


def saturation_of(settings: types.Backend) -> compiled.Saturation | None:
    """The marks of one backend; None where nobody asks."""
    marks = settings.saturation
    if marks is None:
        return None
    return compiled.Saturation(
        metrics_url=marks.metrics_url,
        ca_file=settings.ca_file,
        waiting=marks.waiting,
        waiting_low=marks.waiting * marks.release,
        kv_cache=marks.kv_cache,
        kv_cache_low=marks.kv_cache * marks.release,
        readings_full=marks.readings_full,
        readings_free=marks.readings_free,
        every_s=marks.every_s,
        stale_s=marks.stale_s,
        is_full_unread=marks.unknown == "full",
    )


def health_of(settings: health.Health) -> compiled.Health:
    """The rules."""
    return compiled.Health(
        is_enforced=settings.mode == "enforce",
        error_share=settings.error_share,
        min_requests=settings.min_requests,
        window_s=settings.window_s,
        failures_in_a_row=settings.failures_in_a_row,
        rest_s=settings.rest_s,
        longest_rest_s=settings.longest_rest_s,
    )
