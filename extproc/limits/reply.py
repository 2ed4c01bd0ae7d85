"""What callers are told of their limits: headers as OpenAI and Anthropic send them, and a refusal in their terms.

    OpenAI      x-ratelimit-{limit,remaining}-{requests,tokens}, -reset- as a duration (`6m0s`, `120ms`)
    Anthropic   anthropic-ratelimit-{requests,tokens,input-tokens,output-tokens}-{limit,remaining}, -reset in RFC 3339

https://platform.openai.com/docs/guides/rate-limits, https://docs.claude.com/en/api/rate-limits. Where several limits count the
same, the one with the least left speaks.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace

from extproc.config import Api
from extproc.config.limits import Measure, Per
from extproc.dialects import Refusal
from extproc.limits.ask import Ask, Grant, Standing
from extproc.limits.tab import MEASURES, Count
from extproc.limits.window import rfc3339

_OPENAI = {Measure.REQUESTS: "requests", Measure.TOKENS: "tokens"}
_ANTHROPIC = {
    Measure.REQUESTS: "requests",
    Measure.TOKENS: "tokens",
    Measure.INPUT_TOKENS: "input-tokens",
    Measure.OUTPUT_TOKENS: "output-tokens",
}
_UNITS = {
    Measure.REQUESTS: "requests",
    Measure.INPUT_TOKENS: "input tokens",
    Measure.OUTPUT_TOKENS: "output tokens",
    Measure.TOKENS: "tokens",
    Measure.IN_FLIGHT: "requests in flight",
}


def headers(api: Api, ask: Ask, grant: Grant, wall_s: float) -> tuple[tuple[str, str], ...]:
    """The headers that tell how the caller's limits stand; none where no limit of a kind that has headers is enforced."""
    names = _ANTHROPIC if api is Api.MESSAGES else _OPENAI
    tightest: dict[Measure, Standing] = {}
    for count, standing in zip(ask.tab.counts, grant.standings, strict=False):
        measure = count.limit.of
        if measure in names and count.limit.is_enforced and _is_tighter(standing, tightest.get(measure)):
            tightest[measure] = standing
    write = _anthropic if api is Api.MESSAGES else _openai
    return tuple(header for measure, standing in tightest.items() for header in write(names[measure], standing, wall_s))


def refusal(ask: Ask, grant: Grant) -> Refusal:
    """Why the request may not pass, and when it may."""
    if grant.refused_by is None:
        message = "Limits cannot be checked at the moment; try again soon."
        return Refusal(503, "limits_unavailable", message, retry_after_s=_seconds(grant.wait_ms))
    count = ask.tab.counts[grant.refused_by]
    standing = grant.standings[grant.refused_by]
    is_money = count.limit.of is Measure.USD
    wanted = ask.amounts[0][MEASURES.index(count.limit.of)]
    is_too_large = not is_money and wanted > _most(count, standing)
    message = f"{_limit_of(count, standing)} {_reason(count, grant, wanted=wanted if is_too_large else 0)}"
    if is_money:
        refused = Refusal(429, "insufficient_quota", message, kind="insufficient_quota")
    else:
        refused = Refusal(429, "rate_limit_exceeded", message, kind="tokens" if "token" in count.limit.of else "requests")
    if is_too_large:
        return replace(refused, headers=(("x-should-retry", "false"),))
    again = (("retry-after-ms", str(max(grant.wait_ms, 1))),)
    return replace(refused, retry_after_s=_seconds(grant.wait_ms), headers=again)


def _is_tighter(one: Standing, other: Standing | None) -> bool:
    return other is None or one.left * max(other.cap, 1) < other.left * max(one.cap, 1)


def _openai(name: str, standing: Standing, _: float) -> Iterator[tuple[str, str]]:
    yield f"x-ratelimit-limit-{name}", str(standing.cap)
    yield f"x-ratelimit-remaining-{name}", str(standing.left)
    yield f"x-ratelimit-reset-{name}", duration(standing.back_ms)


def _anthropic(name: str, standing: Standing, wall_s: float) -> Iterator[tuple[str, str]]:
    yield f"anthropic-ratelimit-{name}-limit", str(standing.cap)
    yield f"anthropic-ratelimit-{name}-remaining", str(standing.left)
    yield f"anthropic-ratelimit-{name}-reset", rfc3339(wall_s + standing.back_ms / 1000)


def duration(ms: int) -> str:
    """`120ms`, `1.5s`, `6m0s`, `2h0m0s`: as Go writes it, which is what OpenAI sends."""
    if 0 < ms < 1000:
        return f"{ms}ms"
    minutes, rest_ms = divmod(ms, 60_000)
    seconds = f"{rest_ms / 1000:g}s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours}h{minutes}m{seconds}" if hours else f"{minutes}m{seconds}" if minutes else seconds


def _most(count: Count, standing: Standing) -> int:
    """The largest amount that could ever pass at once."""
    return standing.cap - count.limit.amount + count.limit.burst if count.limit.per in (Per.SECOND, Per.MINUTE) else standing.cap


def _limit_of(count: Count, standing: Standing) -> str:
    limit = count.limit
    most = f"{standing.cap / 1e6:,.2f} USD" if limit.of is Measure.USD else f"{standing.cap:,} {_UNITS[limit.of]}"
    per = f" per {limit.per}" if limit.per else ""
    return f"The limit '{limit.name}' of {count.name.partition('|')[2] or 'the mesh'} ({most}{per}) is reached."


def _reason(count: Count, grant: Grant, *, wanted: int) -> str:
    if wanted:
        return f"This request alone needs about {wanted:,}."
    if count.limit.per is None:
        return "Try again when one of them has ended."
    if count.end:
        return f"It resets at {rfc3339(count.end, count.limit.timezone)}."
    return f"Try again in {duration(grant.wait_ms)}."


def _seconds(wait_ms: int) -> int:
    return max(1, math.ceil(wait_ms / 1000))
