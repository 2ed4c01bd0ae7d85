"""How requests are chosen a tier, as an operator writes it: modes, rules, what binds a conversation."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from extproc.config import spelling
from extproc.config.section import ModelName, Name, Section

ScopePattern = Annotated[str, AfterValidator(spelling.scope_pattern)]
Text = Annotated[str, Field(min_length=1, max_length=512)]
HeaderName = Annotated[str, AfterValidator(spelling.header)]
Script = Literal["latin", "cyrillic", "han", "kana", "hangul", "arabic", "hebrew", "devanagari", "greek", "thai", "other"]
Percent = Annotated[float, Field(ge=0, le=100)]


class RoutingMode(StrEnum):
    """How far a choice is followed."""

    OFF = "off"
    SHADOW = "shadow"
    CANARY = "canary"
    ENFORCE = "enforce"


class RoutingRule(Section):
    """What holds for some requests whatever their score. Of the rules that fit a request, the first that says a thing has the word."""

    scope: ScopePattern = Field("*", description="Whose requests it is for: a scope and all below it, `*` for any name.")
    models: tuple[ModelName, ...] = Field(("*",), min_length=1, description="Requested names it is for, as shell globs.")
    paths: tuple[Text, ...] = Field(("*",), min_length=1, description="Request paths it is for, as shell globs.")
    tasks: tuple[Text, ...] = Field((), description="Task families it is for. Default: all.")
    scripts: tuple[
        Literal["latin", "cyrillic", "han", "kana", "hangul", "arabic", "hebrew", "devanagari", "greek", "thai", "other"], ...
    ] = Field((), description="Writing systems of what is asked that it is for. Default: all.")
    headers: dict[HeaderName, tuple[Text, ...]] = Field(
        default_factory=dict, description="Headers that the request must have, such as a tag of the app's, as shell globs of their values."
    )
    tier: Name | None = Field(None, description="The tier it goes to.")
    min_tier: Name | None = Field(None, description="The least capable tier it may go to.")
    max_tier: Name | None = Field(None, description="The most capable tier it may go to.")
    backend: Name | None = Field(None, description="The backend that is tried first.")
    never: tuple[Name, ...] = Field((), description="Backends it never goes to.")
    mode: RoutingMode | None = Field(None, description="The mode that holds for it instead of `routing.mode`.")
    canary_percent: Percent | None = Field(None, description="Share of conversations that are routed in its mode `canary`.")


class RoutingShare(Section):
    """A share of a scope's requests that is held, whatever they are like: the scores up to which tiers are wanted follow live traffic.

    It is the share of scores. What else says which tier a request goes to (rules, conversations that stay, agents' loops) still does.
    """

    scope: ScopePattern = Field("*", description="Where it is held: in each scope of this form by itself, `acme/*` in each department.")
    tier: Name = Field(description="The tier that the share is of, with all more capable ones. Not the first.")
    percent: Percent = Field(description="How many of a hundred requests score for `tier` or a more capable one.")
    window_s: Annotated[int, Field(ge=60, le=604_800)] = Field(
        3600, description="How far back requests count. Older ones count less and less, as if it were a window of this length on average."
    )
    min_requests: Annotated[int, Field(ge=20, le=1_000_000)] = Field(
        200, description="How many requests have to count before thresholds follow them. Until then `up_to` of the tiers holds."
    )


class Routing(Section):
    """How the score becomes a choice."""

    mode: RoutingMode = Field(
        RoutingMode.ENFORCE,
        description=(
            "`shadow`: requests go where they would without TierMesh, to the backend of the name asked for or else to the baseline, and "
            "records say what would have been. `canary`: a share of conversations is routed, the rest as in shadow. `off`: as in "
            "shadow, and nothing is scored."
        ),
    )
    canary_percent: Percent = Field(10, description="Share of conversations that are routed in mode `canary`.")
    rules: dict[Name, RoutingRule] = Field(
        default_factory=dict, max_length=200, description="What holds whatever the score, by a name of your choice."
    )
    sticky: bool = Field(
        True,
        description=(
            "Whether a conversation keeps its tier until a user's turn needs a better one, or a cheaper one pays for reading the "
            "conversation anew. What a provider keeps of it binds it in any case."
        ),
    )
    warm_s: Annotated[int, Field(ge=0, le=86_400)] = Field(
        300, description="How long a provider is taken to keep the prefix of a prompt after it was last sent."
    )
    loops: bool = Field(True, description="Whether agents' loops are read: trouble goes up a tier, settled mechanical work down.")
    housekeeping: bool = Field(
        True, description="Whether calls that agents make for themselves (titles, topics, summaries) go to the first tier."
    )
    shares: dict[Name, RoutingShare] = Field(
        default_factory=dict,
        max_length=50,
        description="Shares of requests that are held by moving the tiers' `up_to`, by a name of your choice. They need a store.",
    )
    ask_header: Annotated[str, AfterValidator(spelling.optional_header)] = Field(
        "", description="Header in which callers of `ask_scopes` may name a tier. It is taken off everybody's requests."
    )
    ask_scopes: tuple[ScopePattern, ...] = Field((), description="Who may ask for a tier.")
