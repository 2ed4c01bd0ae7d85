"""Reading a whole log, and finding what is not as its writers left it.

Of every line the bytes are compared with what they must be: the frame, the hash of the entry, the hash before it, the number. So
a flipped byte, a line that is gone, moved, doubled or put in is found where it is, without parsing any JSON. A signature covers
all that comes before it through the chain; the last of each file is checked, and one of every thousand records.

What cannot be found in a log alone: records that are gone from its end, back to a signed one that no checkpoint lies behind. The
newest checkpoint lies beside the log; one that was kept elsewhere is given as `against`.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Final

from extproc.audit.checkpoint import Checkpoint, parse_checkpoint
from extproc.audit.folder import CHECKPOINT, Folder, LogFile, look
from extproc.audit.key import PublicKey
from extproc.audit.line import (
    END,
    HASH,
    PREFIX,
    RECOVERED,
    ROTATED,
    SIGNED,
    entry_of,
    sequence_of,
    signature_of,
    signed_text,
    time_us_of,
)
from extproc.audit.problem import Problem

MOST_PROBLEMS: Final = 100
_SIGNATURE_EVERY = 1_000
_ANY_LINK = b'"previous":"'

Visit = Callable[[bytes], object]
Progress = Callable[[int, int], object]


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a log is held to. `against` are checkpoints by the names of their files; `is_pruned` lets it begin later than it did."""

    key: PublicKey
    against: tuple[tuple[str, Checkpoint | None], ...] = ()
    is_pruned: bool = False


@dataclass(slots=True)
class Verification:
    """What was found. Times are microseconds since the epoch; `torn_bytes` come after the last signed record, as a crash in the
    middle of a write leaves them; the `torn_records` that are whole among them do not count as records."""

    files: int = 0
    records: int = 0
    first_seq: int = 0
    last_seq: int = 0
    first_us: int = 0
    last_us: int = 0
    hash: str = ""  # of the last record
    signatures: int = 0  # that were checked
    checkpoints: int = 0  # that lie on the chain
    recovered: list[int] = field(default_factory=list)  # numbers of the records that say so
    torn_bytes: int = 0
    torn_records: int = 0
    problems: list[Problem] = field(default_factory=list)
    problems_left: int = 0  # found and not listed

    @property
    def verdict(self) -> str:
        """`intact`; `torn` where nothing is wrong but for an unfinished write at the end; `broken`."""
        return "broken" if self.problems else "torn" if self.torn_bytes else "intact"


def verify(directory: Path, wanted: Wanted, *, visit: Visit | None = None, progress: Progress = lambda *_: None) -> Verification:
    """Reads every file of the log. `visit` gets the bytes of each entry that is in its place. Raises OSError."""
    folder = look(directory)
    reading = _Reading(wanted, visit or (lambda _: None))
    _check_names(folder, reading, is_pruned=wanted.is_pruned)
    _check_promise(folder, reading)
    reading.expect(_checkpoints(folder, wanted, reading))
    # A writer that died while it changed files has left the next one empty, and may not have said yet that it goes on there.
    is_begun = len(folder.files) > 1 and not folder.files[-1].size_bytes
    filled = folder.files[:-1] if is_begun else folder.files
    reading.is_next_there = is_begun
    total = sum(file.size_bytes for file in filled)
    done = 0
    for file in filled:
        reading.read(file, is_last=file is filled[-1], progress=lambda read, done=done: progress(done + read, total))  # type: ignore[misc]
        done += file.size_bytes
    reading.finish()
    return reading.found


def _check_promise(folder: Folder, reading: _Reading) -> None:
    """The first checkpoint is made together with the first record."""
    if folder.checkpoint is None and any(file.size_bytes for file in folder.files):
        reading.problem(CHECKPOINT, "is missing")


def _check_names(folder: Folder, reading: _Reading, *, is_pruned: bool) -> None:
    for name in folder.strangers:
        reading.problem(name, "is no file of this log")
    if not folder.files:
        reading.problem("audit-000001.jsonl", "is missing, as is every other file")
        return
    number = folder.files[0].number
    if number != 1 and not is_pruned:
        reading.problem(folder.files[0].path.name, f"is the first file, and the {number - 1} before it are missing")
    for before, file in zip(folder.files, folder.files[1:], strict=False):
        if file.number == before.number:
            reading.problem(file.path.name, f"has the number of {before.path.name} too")
        elif file.number != before.number + 1:
            reading.problem(file.path.name, f"comes after {before.path.name}: files between them are missing")


def _checkpoints(folder: Folder, wanted: Wanted, reading: _Reading) -> Iterator[tuple[str, Checkpoint]]:
    given = list(wanted.against)
    if folder.checkpoint is not None:
        given.append((CHECKPOINT, parse_checkpoint(folder.checkpoint)))
    for name, checkpoint in given:
        if checkpoint is None:
            reading.problem(name, "is no checkpoint, or has been altered")
        elif not checkpoint.is_signed_by(wanted.key):
            reading.problem(name, "is not signed with the key of this log")
        else:
            yield name, checkpoint


class _Reading:
    """A log from its first line on."""

    def __init__(self, wanted: Wanted, visit: Visit) -> None:
        self.found = Verification()
        self._wanted = wanted
        self._visit = visit
        self._link = _link(wanted.key.origin)  # what the next entry has to have in it
        self._expected: dict[int, list[tuple[str, Checkpoint]]] = {}
        self._signed: tuple[str, int, int, bytes] | None = None  # the last signed record: file, line, number, entry
        self._checked_seq = 0
        self._unsigned: list[int] = []  # bytes of each line after it
        self._is_rotated = False
        self.is_next_there = False  # an empty file after the last one that is read

    def problem(self, file: str, what: str, line: int = 0, seq: int = 0) -> None:
        """One more, of which the first hundred are listed."""
        if len(self.found.problems) < MOST_PROBLEMS:
            self.found.problems.append(Problem(file, what, line, seq))
        else:
            self.found.problems_left += 1

    def expect(self, checkpoints: Iterable[tuple[str, Checkpoint]]) -> None:
        """Checkpoints that the chain has to go through."""
        for name, checkpoint in checkpoints:
            self._expected.setdefault(checkpoint.seq, []).append((name, checkpoint))

    def read(self, file: LogFile, *, is_last: bool, progress: Callable[[int], object]) -> None:
        """One file. What cannot be read of it is a problem of its own."""
        self.found.files += 1
        name = file.path.name
        self._is_rotated = False
        rest = b""
        number = 0
        try:
            for number, line in enumerate(file.lines(progress), 1):
                if line[-1:] != b"\n":
                    rest = line
                    break
                self._line(name, number, line)
        except (OSError, EOFError, zlib.error) as error:
            self.problem(name, f"cannot be read: {getattr(error, 'strerror', None) or 'it is not what gzip wrote'}", number + 1)
        self._check_signature()
        self._end(name, number, rest, is_last=is_last)

    def finish(self) -> None:
        """After the last file."""
        for seq, checkpoints in self._expected.items():
            for name, checkpoint in checkpoints:
                if seq < self.found.first_seq and self._wanted.is_pruned:
                    continue
                is_there = seq <= self.found.last_seq
                what = (
                    "the record of this number is not as it was"
                    if is_there
                    else f"the log had more records, and ends with {self.found.last_seq}"
                )
                self.problem(name, what, 0, checkpoint.seq)

    def _line(self, name: str, number: int, line: bytes) -> None:
        found = self.found
        entry = entry_of(line)
        digest = sha256(entry).hexdigest()
        seq = found.last_seq + 1
        if line != b"".join((PREFIX, entry, HASH, digest.encode(), END)):
            self._altered(name, number, line)
            return
        if self._link not in entry or b'"seq":%d,' % seq not in entry:
            seq = self._moved(name, number, entry, seq)
        if not found.records:
            found.first_seq, found.first_us = seq, time_us_of(entry) or 0
        found.records += 1
        found.last_seq = seq
        self._link = _link(digest)
        if SIGNED in entry:
            self._note_signed(name, number, seq, entry)
        else:
            self._unsigned.append(len(line))
        if seq in self._expected:
            self._pass_checkpoints(seq, digest)
        self._visit(entry)

    def _altered(self, name: str, number: int, line: bytes) -> None:
        """What comes after it is judged by itself."""
        is_framed = line.startswith(PREFIX) and line[-len(END) - 64 - len(HASH) :].startswith(HASH) and line.endswith(END)
        what = "the hash is not that of the record: one of the two has been altered" if is_framed else "is no record"
        self.found.last_seq = sequence_of(line) or self.found.last_seq + 1
        self.problem(name, what, number, self.found.last_seq)
        self._link = _ANY_LINK

    def _moved(self, name: str, number: int, entry: bytes, expected: int) -> int:
        """A record that is whole, and does not follow on the one before it. Its own number, to go on from."""
        seq = sequence_of(entry) or expected
        if not self.found.records and not self.found.problems and self._wanted.is_pruned:
            return seq  # what it follows on is not here any more
        self.problem(name, _gap(expected, seq), number, seq)
        return seq

    def _note_signed(self, name: str, number: int, seq: int, entry: bytes) -> None:
        self._signed = (name, number, seq, entry)
        self._unsigned.clear()
        self._is_rotated = ROTATED in entry
        if RECOVERED in entry:
            self.found.recovered.append(seq)
        if seq - self._checked_seq >= _SIGNATURE_EVERY:
            self._check_signature()

    def _check_signature(self) -> None:
        if self._signed is None:
            return
        name, number, seq, entry = self._signed
        self._signed = None
        self._checked_seq = seq
        self.found.hash, self.found.last_us = sha256(entry).hexdigest(), time_us_of(entry) or 0
        signature = signature_of(entry)
        self.found.signatures += 1
        if signature is None or not self._wanted.key.has_signed(signature, signed_text(entry)):
            self.problem(name, "is not signed with the key of this log", number, seq)

    def _pass_checkpoints(self, seq: int, digest: str) -> None:
        for name, checkpoint in self._expected.pop(seq):
            if checkpoint.hash == digest:
                self.found.checkpoints += 1
            else:
                self.problem(name, "the log had another record of this number then", 0, seq)

    def _end(self, name: str, number: int, rest: bytes, *, is_last: bool) -> None:
        if is_last and self._is_rotated and not self.is_next_there:
            self.problem(name, "says that the log goes on in another file, which is missing", number, self.found.last_seq)
        elif is_last:
            self.found.torn_bytes = sum(self._unsigned) + len(rest)
            self.found.torn_records = len(self._unsigned)
            self.found.records -= self.found.torn_records
            self.found.last_seq -= self.found.torn_records
        elif rest:
            self.problem(name, "the last line is cut off", number, self.found.last_seq + 1)
        elif not self._is_rotated:
            self.problem(name, "the end is missing: it does not say that the log goes on in another file", number, self.found.last_seq)


def _link(digest: str) -> bytes:
    return b'"previous":"%b"' % digest.encode()


def _gap(expected: int, seq: int) -> str:
    if seq > expected:
        gone = seq - expected
        return f"{gone} {'record is' if gone == 1 else 'records are'} missing before it"
    if seq < expected:
        return f"does not belong here: the record before it has the number {expected - 1}"
    return "does not follow on the record before it"
