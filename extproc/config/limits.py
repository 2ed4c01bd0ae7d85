"""Who may spend how much, as an operator writes it: limits, what holds when the store is away, and who is told."""

from __future__ import annotations

from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from extproc.config import spelling
from extproc.config.section import Name, Seconds, Section


class Measure(StrEnum):
    """What a limit counts."""

    USD = "usd"
    REQUESTS = "requests"
    INPUT_TOKENS = "input_tokens"
    OUTPUT_TOKENS = "output_tokens"
    TOKENS = "tokens"
    IN_FLIGHT = "in_flight"


class Per(StrEnum):
    """How long a limit counts before it begins anew. Seconds and minutes refill evenly, the rest follow the calendar."""

    SECOND = "second"
    MINUTE = "minute"
    HOUR = "hour"
    DAY = "day"
    WEEK = "week"
    MONTH = "month"


class Mode(StrEnum):
    """What becomes of a request beyond a limit."""

    OFF = "off"
    SHADOW = "shadow"
    ENFORCE = "enforce"


ScopePattern = Annotated[str, AfterValidator(spelling.scope_pattern)]
Percent = Annotated[int, Field(ge=1, le=100)]


class Downgrade(Section):
    """The soft action: beyond a share of the limit, requests go to a cheaper tier."""

    at: Percent = Field(80, description="Percent of the limit from which on requests are downgraded.")
    tier: Name = Field(description="The most capable tier they may still have.")


class Limit(Section):
    """One limit. Each scope that its pattern matches has a count of its own, and every request counts in all that match."""

    scope: ScopePattern = Field(
        description=(
            "Whom it counts: `organisation/department/team/app/user`, cut where you like. `acme/retail` is one count for all of retail; "
            "`acme/*/*` is one for each team."
        )
    )
    of: Measure = Field(description="What it counts. `tokens` is input and output together, `in_flight` requests that have not ended.")
    limit: Annotated[Decimal, Field(ge=0, le=1_000_000_000_000, decimal_places=6)] = Field(
        description="The most there may be; US dollars for `usd`, else a whole number. 0 lets nothing pass."
    )
    per: Per | None = Field(None, description="Over which time; required but for `in_flight`. `usd` needs `hour` or longer.")
    burst: Annotated[int, Field(ge=1, le=1_000_000_000_000)] | None = Field(
        None, description="For `second` and `minute`: how much may come at once. Default: the limit itself."
    )
    timezone: Annotated[str, AfterValidator(spelling.timezone)] = Field(
        "UTC", description="Where days, weeks (from Monday) and months begin, such as `Europe/Berlin`."
    )
    mode: Mode = Field(
        Mode.ENFORCE,
        description="`enforce` refuses what is beyond it, `shadow` only counts and records what it would refuse, `off` does neither.",
    )
    thresholds: Annotated[tuple[Percent, ...], AfterValidator(spelling.ascending)] = Field(
        (50, 80, 95), description="Percentages that are reported once each as they are reached, in a calendar window or within an hour."
    )
    downgrade: Downgrade | None = Field(None, description="What happens before the limit is reached.")


class Admission(Section):
    """How long requests wait at the limits, and what holds while nobody can say."""

    when_store_is_away: Literal["open", "closed"] = Field(
        "open",
        description=(
            "`open` serves on, counts in each worker, and charges when the store is back; `closed` refuses with 503. "
            "Concerns only requests to which a limit applies."
        ),
    )
    blind_percent: Annotated[int, Field(ge=0, le=100)] = Field(
        5, description="With `open`: how much of each limit one worker may let pass while the store is away."
    )
    store_timeout_s: Annotated[float, Field(gt=0, le=5)] = Field(0.02, description="How long a request waits for the store.")
    lease_s: Annotated[float, Field(ge=1, le=86_400)] = Field(
        900.0,
        description="Time in which the end of a request must be heard of. After it the request is charged at its estimate, and marked.",
    )
    output_tokens: Annotated[int, Field(ge=1, le=1_000_000)] = Field(
        500, description="Estimated length of an answer of an app that nothing is known of yet. Later ones are learnt."
    )


class Notices(Section):
    """Who is told when a threshold is reached: the log and the metrics always, and one web address."""

    webhook: Annotated[str, AfterValidator(spelling.receiver_url)] = Field(
        "", description="Address that gets each event as JSON by POST, again until it answers 2xx. Empty: none."
    )
    secret_file: str = Field(
        "", max_length=4096, description="File with a secret that signs each post (HMAC-SHA256, `x-tiermesh-signature`)."
    )
    timeout_s: Seconds = Field(5.0, description="How long one post may take.")
    keep_trying_s: Seconds = Field(3600.0, description="How long an undelivered event is tried again.")
