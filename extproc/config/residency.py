"""What may leave, what follows where it may not, and the proof, as an operator writes it."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field

from extproc.config import spelling
from extproc.config.limits import Mode
from extproc.config.section import MEBIBYTE, Name, Seconds, Section

ScopePattern = Annotated[str, AfterValidator(spelling.scope_pattern)]
Text = Annotated[str, Field(min_length=1, max_length=1024)]
HeaderName = Annotated[str, AfterValidator(spelling.header)]


class Action(StrEnum):
    """What follows from a kind."""

    ON_PREM = "on_prem"
    BLOCK = "block"
    ALLOW = "allow"


class ResidencyRule(Section):
    """What follows from some kinds, for some callers. For each kind found, the first rule that fits it counts."""

    scope: ScopePattern = Field("*", description="Whose requests it is for: a scope and all below it, `*` for any name.")
    kinds: tuple[Text, ...] = Field(
        ("*",),
        min_length=1,
        description=(
            "Kinds it is for; `*` is every kind. `unread:image` and so on are parts that could not be read, `custom:name` your own "
            "patterns, `label` what a label says, `session` what the conversation has carried before."
        ),
    )
    tasks: tuple[Text, ...] = Field((), description="Task families it is for, such as `extract`. Default: all.")
    claims: dict[Text, tuple[Text, ...]] = Field(
        default_factory=dict, description="Claims of a verified token that the caller must have, as shell globs of their values."
    )
    action: Action = Field(
        Action.ON_PREM, description="`on_prem`: only on-premises backends. `block`: refused with 403. `allow`: may go anywhere."
    )
    force: dict[str, Any] = Field(
        default_factory=dict,
        description="Parameters written into the body of a request that this rule keeps here: `temperature: 0`, `seed: 7`, a JSON schema.",
    )
    spill: Literal["never", "audited"] = Field(
        "never",
        description=(
            "`audited`: while every on-premises backend that could answer is saturated, the request may leave after all, once the "
            "audit log has durably said so."
        ),
    )


class Label(Section):
    """Something beside the body that says a request is sensitive. All that is given here must hold."""

    scope: ScopePattern = Field("*", description="Callers it speaks of: a namespace's or workload's scope, for instance.")
    header: Annotated[str, AfterValidator(spelling.optional_header)] = Field(
        "", description="Header it reads. Anybody may say so: it can only make things stricter."
    )
    claim: Annotated[str, Field(max_length=512)] = Field(
        "", description="Claim of a verified token it reads. A dot leads into an inner object."
    )
    values: tuple[Text, ...] = Field(("*",), min_length=1, description="Values of the header or claim, as shell globs.")


class Pattern(Section):
    """A kind of your own, `custom:` and its name."""

    pattern: Text = Field(description="Regular expression without look-around and back-references, matched on normalised text.")
    is_caseless: bool = Field(True, description="Whether upper and lower case are the same.")


class Dictionary(Section):
    """Words and phrases that are a kind of their own, `custom:` and its name."""

    file: str = Field("", max_length=4096, description="File with one word or phrase a line.")
    words: tuple[Text, ...] = Field((), max_length=10_000, description="Words and phrases.")


class Allowed(Section):
    """Findings that are none: test data, public numbers, a host that may be named."""

    texts: tuple[Text, ...] = Field(min_length=1, description="What was found, as shell globs, upper and lower case alike.")
    kinds: tuple[Text, ...] = Field(("*",), min_length=1, description="Kinds it is for.")
    scope: ScopePattern = Field("*", description="Whose requests it is for.")
    paths: tuple[Text, ...] = Field(("*",), min_length=1, description="Request paths it is for, as shell globs.")


class Residency(Section):
    """What of a request may not leave. Everything of it is read: all turns, tools, results, files, encodings."""

    mode: Mode = Field(Mode.ENFORCE, description="`shadow` reads and records and changes nothing; `off` does not read.")
    default: Action = Field(Action.ON_PREM, description="What follows from a kind that no rule is for.")
    rules: dict[Name, ResidencyRule] = Field(
        default_factory=dict,
        max_length=200,
        description="What follows from which kind, by a name of your choice; the first that fits counts.",
    )
    labels: dict[Name, Label] = Field(default_factory=dict, max_length=50, description="What else says that a request is sensitive.")
    patterns: dict[Name, Pattern] = Field(default_factory=dict, max_length=200, description="Kinds of your own, as patterns.")
    dictionaries: dict[Name, Dictionary] = Field(default_factory=dict, max_length=50, description="Kinds of your own, as words.")
    allowed: dict[Name, Allowed] = Field(default_factory=dict, max_length=200, description="Findings that are none.")
    internal_hosts: tuple[Text, ...] = Field(
        (), max_length=500, description="Host names that must not leave, as shell globs, besides the usual internal ones."
    )
    internal_networks: tuple[Annotated[str, AfterValidator(spelling.network)], ...] = Field(
        (), max_length=500, description="Networks whose addresses must not leave, such as `10.20.0.0/16`, wherever they stand."
    )
    scan_timeout_s: Annotated[float, Field(gt=0, le=10)] = Field(
        0.25, description="How long reading may take. What is unread by then is `unread:deadline`."
    )
    when_saturated: Literal["wait", "refuse"] = Field(
        "wait",
        description=(
            "What becomes of a request that must stay while every on-premises backend is saturated: `wait` sends it there, `refuse` "
            "answers 503 with `retry-after`."
        ),
    )
    retry_after_s: Annotated[int, Field(ge=1, le=3600)] = Field(5, description="The `retry-after` of such an answer.")


class Sessions(Section):
    """What a conversation is known by and how long it is remembered, in the store."""

    headers: tuple[HeaderName, ...] = Field(
        ("x-session-id",), max_length=8, description="Headers that name the conversation; the first that is there counts."
    )
    kept_s: Annotated[int, Field(ge=60, le=30 * 86_400)] = Field(
        86_400, description="How long a conversation is remembered after its last turn."
    )
    timeout_s: Annotated[float, Field(gt=0, le=10)] = Field(0.1, description="How long a decision waits for the store.")
    when_store_is_away: Literal["on_prem", "allow"] = Field(
        "on_prem",
        description=(
            "Whether a later turn of a conversation whose past is not known stays on-premises. First turns have no past and are not held."
        ),
    )


class Audit(Section):
    """The log that proves what left: one record before each request that a cloud backend may see, chained by hashes and signed."""

    enabled: bool = Field(True, description="Whether it is kept. Without it nothing can be proved, and `spill: audited` never spills.")
    directory: str = Field("", max_length=4096, description="Where its files are. Default: `audit` in the processor's `run_dir`.")
    key_file: str = Field(
        "", max_length=4096, description="File with its secret, made when it is not there. Default: `audit.key` beside the directory."
    )
    rotate_bytes: Annotated[int, Field(ge=64 * 1024, le=4096 * MEBIBYTE)] = Field(
        64 * MEBIBYTE, description="Size at which a new file begins."
    )
    durable: Literal["fsync", "written"] = Field(
        "fsync",
        description="When a record counts as written: `fsync` when the disk has it, `written` when the operating system has it.",
    )
    timeout_s: Seconds = Field(1.0, description="How long a request waits for its record.")
    on_failure: Literal["on_prem", "refuse"] = Field(
        "on_prem",
        description="What becomes of cloud-bound requests while no record can be written: the on-premises backends or 503.",
    )
