"""The kinds of sensitive content: the closed list that detectors report and rules name.

A kind says what was found, never the text of it. What could not be read at all is a kind too, `unread:` and why, so that one
set of rules covers both; so is what a trusted label says.
"""

from __future__ import annotations

KINDS = frozenset(
    {
        "address",
        "api_key",
        "bank_account",
        "confidential",
        "connection_string",
        "criminal",
        "date_of_birth",
        "driving_licence",
        "email",
        "health",
        "iban",
        "insurance_id",
        "internal_host",
        "internal_ip",
        "jwt",
        "medical_record",
        "national_id",
        "passport",
        "password",
        "payment_card",
        "person_name",
        "phone",
        "private_key",
        "privileged",
        "salary",
        "source_code",
        "special_category",
        "uk_nino",
        "us_ssn",
    }
)

# Why a part of a request could not be read.
UNREAD = frozenset(
    {
        "audio",
        "deadline",
        "depth",
        "encoding",
        "encrypted",
        "error",
        "file",
        "image",
        "other_path",
        "session",
        "token_ids",
        "too_many",
    }
)

CUSTOM = "custom:"  # the operator's own patterns and dictionaries, by name
LABEL = "label"  # what a trusted label says, whatever was found
SESSION = "session"  # what the conversation has carried before
UNREAD_PREFIX = "unread:"


def is_kind(word: str) -> bool:
    """Whether a rule may name `word`; names of `custom:` kinds are checked elsewhere."""
    return word in KINDS or word in (LABEL, SESSION) or (word.removeprefix(UNREAD_PREFIX) in UNREAD and word.startswith(UNREAD_PREFIX))
