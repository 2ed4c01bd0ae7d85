"""`tiermesh key`: keys and their digests."""

from __future__ import annotations

import hashlib

import pytest
import yaml

from extproc.config import parse
from tests.cli.conftest import Tiermesh

BACKENDS = "backends: {local: {url: http://127.0.0.1:8000, model: m, tier: simple, location: on_prem}}\n"


def entry_in(text: str) -> str:
    return text[text.index("- ") :]


def test_a_key_is_made_whose_lines_go_into_the_configuration(tiermesh: Tiermesh) -> None:
    done = tiermesh("key", "--scope", "acme/retail/-/bot", "--name", 'the "bot"', "--expires", "2027-03-31")
    key = done.out.strip()
    (entry,) = yaml.safe_load(entry_in(done.err))
    assert done.status == 0
    assert len(key) > 40
    assert key not in done.err
    assert entry["sha256"] == hashlib.sha256(key.encode()).hexdigest()
    lines = "\n".join(f"    {line}" for line in entry_in(done.err).splitlines())
    (read,) = parse(f"{BACKENDS}identity:\n  keys:\n{lines}\n").identity.keys
    assert (read.scope, read.name, read.expires) == ("acme/retail/-/bot", 'the "bot"', "2027-03-31")


def test_no_two_keys_are_alike(tiermesh: Tiermesh) -> None:
    assert len({tiermesh("key", "--scope", "acme").out for _ in range(20)}) == 20


def test_the_digest_of_a_key_is_that_which_a_request_with_it_has(tiermesh: Tiermesh) -> None:
    done = tiermesh("key", "--hash", stdin=b"sk-secret\n")
    assert done.out == hashlib.sha256(b"sk-secret").hexdigest() + "\n"
    assert "sk-secret" not in done.out + done.err


@pytest.mark.parametrize(
    ("arguments", "stdin"),
    [
        ((), None),
        (("--scope", "acme/*"), None),
        (("--scope", ""), None),
        (("--scope", "acme", "--expires", "soon"), None),
        (("--scope", "acme", "--hash"), None),
        (("--hash",), b""),
        (("--hash",), b"\n"),
    ],
)
def test_what_cannot_be_done_is_said_and_no_key_is_made(tiermesh: Tiermesh, arguments: tuple[str, ...], stdin: bytes | None) -> None:
    done = tiermesh("key", *arguments, stdin=stdin)
    assert (done.status, done.out) == (2, "")
    assert done.err
