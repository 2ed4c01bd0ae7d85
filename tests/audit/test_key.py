"""The secret and what is made of it."""

from __future__ import annotations

import hashlib
import hmac
import os
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from extproc.audit import Checkpoint, Keys, load_keys, read_checkpoint, read_public_key
from extproc.errors import StartError
from tests.audit.logs import KEYS, SECRET


def test_a_secret_is_made_once_for_its_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "keys" / "audit.key"
    with ThreadPoolExecutor(8) as threads:
        found = {keys.public for keys in threads.map(lambda _: load_keys(path), range(32))}
    assert len(found) == 1
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [each.name for each in path.parent.iterdir()] == ["audit.key"]


def test_no_two_secrets_are_alike(tmp_path: Path) -> None:
    assert len({load_keys(tmp_path / str(number)).public.raw for number in range(5)}) == 5


@pytest.mark.parametrize("text", ["", "00", "x" * 64, "0" * 65, "0" * 64 + "\n\n", "\xe4" * 64])
def test_what_is_no_secret_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "audit.key"
    path.write_text(text)
    path.chmod(0o600)
    with pytest.raises(StartError):
        load_keys(path)


@pytest.mark.parametrize(("mode", "is_taken"), [(0o400, True), (0o440, True), (0o640, True), (0o644, False), (0o606, False)])
def test_a_secret_that_everyone_may_read_is_refused(tmp_path: Path, mode: int, is_taken: bool) -> None:
    path = tmp_path / "audit.key"
    path.write_text(SECRET.hex())
    path.chmod(mode)
    if is_taken:
        assert load_keys(path).public == KEYS.public
    else:
        with pytest.raises(StartError, match=f"{mode:o}"):
            load_keys(path)


def test_no_secret_is_made_where_others_may_put_another(tmp_path: Path) -> None:
    tmp_path.chmod(0o777)
    with pytest.raises(StartError, match="others may write"):
        load_keys(tmp_path / "audit.key")
    assert list(tmp_path.iterdir()) == []


def test_none_is_made_where_none_may_be(tmp_path: Path) -> None:
    with pytest.raises(StartError, match="cannot be read"):
        load_keys(tmp_path / "audit.key", may_create=False)


def test_a_digest_needs_the_key(tmp_path: Path) -> None:
    body = b'{"messages":[]}'
    assert KEYS.digest(body) == Keys.of(SECRET).digest(body)
    assert KEYS.digest(body) not in {
        hashlib.sha256(body).hexdigest(),
        hmac.digest(SECRET, body, "sha256").hex(),
        Keys.of(b"o" * 32).digest(body),
    }


def test_nothing_secret_is_shown() -> None:
    assert SECRET.hex() not in repr(KEYS)
    assert "_signing" not in repr(KEYS)


def test_a_public_key_is_read_back_as_it_was_written_and_in_no_other_spelling(tmp_path: Path) -> None:
    path = tmp_path / "audit.pub"
    path.write_text(KEYS.public.line)
    assert read_public_key(path) == KEYS.public
    for text in (KEYS.public.line.upper(), KEYS.public.line.strip(), KEYS.public.line + "\n", " " + KEYS.public.line):
        path.write_text(text)
        assert read_public_key(path) is None


def test_a_checkpoint_is_read_back_as_it_was_written_and_in_no_other_spelling(tmp_path: Path) -> None:
    path = tmp_path / "checkpoint.json"
    made = Checkpoint(7, "a" * 64, 123, KEYS.public.fingerprint).signed(KEYS.sign)
    path.write_bytes(made.line)
    assert read_checkpoint(path) == made
    path.write_bytes(made.line.rstrip())  # as it is in a line of a log
    assert read_checkpoint(path) == made
    assert made.is_signed_by(KEYS.public)
    assert not made.is_signed_by(Keys.of(b"o" * 32).public)
    for text in (
        b" " + made.line,
        made.line.replace(b":7,", b": 7,"),
        made.line.replace(b":7,", b":7.0,"),
        made.line.upper(),
        b"[]",
        b"\xff",
        b"",
    ):
        path.write_bytes(text)
        assert read_checkpoint(path) is None


def test_files_are_written_for_a_group_at_most(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        load_keys(tmp_path / "new" / "audit.key")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "new").stat().st_mode) & 0o007 == 0
