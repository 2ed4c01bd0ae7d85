"""What tokens cost, as an operator writes it."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated

from pydantic import AfterValidator, Field

from extproc.config.section import Section, UsdPerMillion
from extproc.pricebook.day import DAY, day_s


def _day(value: str) -> str:
    day_s(value)
    return value


Day = Annotated[str, AfterValidator(_day), Field(json_schema_extra={"pattern": DAY})]
TokensPerSecond = Annotated[Decimal, Field(gt=0, le=1_000_000_000)]

_CACHED = "Prompt tokens read from the provider's prompt cache. Default: `input`."
_WRITTEN = "Prompt tokens written to the provider's prompt cache. Default: `input`."
_REASONING = "Reasoning tokens, where they have a price of their own. Default: `output`."


class Gpu(Section):
    """What a server of our own costs, from what its GPUs cost and how much they do when they are busy. `tiermesh measure` measures it."""

    usd_per_hour: Annotated[Decimal, Field(ge=0, le=1_000_000, decimal_places=6)] = Field(description="One GPU for an hour, in US dollars.")
    count: Annotated[int, Field(ge=1, le=100_000)] = Field(1, description="GPUs that serve this model together.")
    input_tokens_per_s: TokensPerSecond = Field(description="Prompt tokens a second that all of them read when they do nothing else.")
    output_tokens_per_s: TokensPerSecond = Field(description="Completion tokens a second that all of them write when they do nothing else.")


class Long(Section):
    """What a request costs instead, answer and all, when its prompt is long."""

    above: Annotated[int, Field(ge=1, le=1_000_000_000)] = Field(description="Prompts of more tokens than this are long.")
    input: UsdPerMillion = Field(Decimal(0), description="Prompt tokens.")
    output: UsdPerMillion = Field(Decimal(0), description="Completion tokens, reasoning included.")
    cached_input: UsdPerMillion | None = Field(None, description=_CACHED)
    cache_write: UsdPerMillion | None = Field(None, description=_WRITTEN)
    reasoning: UsdPerMillion | None = Field(None, description=_REASONING)


class Rates(Section):
    """Prices that hold at the same time."""

    input: UsdPerMillion = Field(Decimal(0), description="Prompt tokens.")
    output: UsdPerMillion = Field(Decimal(0), description="Completion tokens, reasoning included.")
    cached_input: UsdPerMillion | None = Field(None, description=_CACHED)
    cache_write: UsdPerMillion | None = Field(None, description=_WRITTEN)
    reasoning: UsdPerMillion | None = Field(None, description=_REASONING)
    request_usd: Annotated[Decimal, Field(ge=0, le=1_000_000, decimal_places=6)] = Field(
        Decimal(0), description="Fee for each request, in US dollars."
    )
    long_prompt: Long | None = Field(None, description="Another price for requests with long prompts.")
    gpu: Gpu | None = Field(None, description="Hours of GPUs instead of all other prices here.")


class Change(Rates):
    """A price that follows another one; whole, so it names all that the one before it names."""

    since: Day = Field(description='The day it holds from, midnight UTC, in quotes: `"2027-01-01"`.')


class Price(Rates):
    """US dollars per million tokens (and a fee per request). What is not set costs what `input` or `output` costs."""

    then: tuple[Change, ...] = Field((), max_length=100, description="Prices that follow, each from a day on.")
