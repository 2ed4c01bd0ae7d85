"""Harmless text of the kind that real requests are full of, for rows whose one sentence is somewhere in the middle."""

from __future__ import annotations

from pathlib import Path

PARAGRAPHS = tuple((Path(__file__).parent / "sources" / "filler.txt").read_text(encoding="utf-8").strip().split("\n\n"))

TOOLS: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    ("create_ticket", "Open a ticket in the tracker. Titles are short; priority is low, normal or urgent.", ("title", "body", "priority")),
    ("list_orders", "Orders of the signed-in customer, newest first. Pages hold fifty.", ("status", "cursor", "limit")),
    ("update_profile", "Change contact preferences: email, phone or post. Never asks for a password.", ("channel", "language")),
    ("convert_currency", "Convert an amount at today's reference rate. Codes are ISO 4217.", ("amount", "source", "target")),
    ("validate_iban", "Check the length and the check digits of an IBAN. Stores nothing.", ("iban",)),
    ("geocode", "Coordinates of a place name. Street addresses are not supported.", ("place", "country")),
    ("run_tests", "Run the test suite of a branch and return the failures.", ("branch", "pattern", "timeout_s")),
    ("rotate_token", "Ask the vault for a new token. The token itself is not returned.", ("service", "reason")),
)
