"""Rows of a table read like members of an object: `header: cell`, a line each.

What a cell is, its column's header says, a line or many above it. Only tables with a header that names something personal or secret
are read so, and of those the first rows: one finding is enough to know what the body carries.
"""

from __future__ import annotations

import re

from extproc.residency.engine import Engine, Pattern

_MAX_TABLES, _MAX_ROWS = 8, 6
_HEADER_BYTES, _ROWS_BYTES = 600, 1_600
_NAMES = (
    "ssn", "social(?: |_)security", "ni ?no", "nino", "tax(?: |_)?id", "tin", "steuer-?id", "national(?: |_)?id", "id(?: |_)card", "bsn",
    "dni", "nif", "cpf", "pesel", "aadhaar", "pan", "nhs", "passport", "reisepass", "pasaporte", "licen[cs]e", "dob", "d\\.o\\.b\\.?",
    "birth ?date", "date(?: |_)of(?: |_)birth", "born", "geburtsdatum", "geb\\.?", "naissance", "nacimiento", "nascita", "nascimento",
    "phone", "mobile", "cell", "tel", "telefon", "telephone", "handy", "movil", "telefono", "contact", "whatsapp", "fax",
    "address", "street", "adresse", "anschrift", "direccion", "indirizzo", "endereco", "home", "iban", "konto", "kontonummer", "account",
    "acct", "bank(?: |_)account", "cuenta", "compte", "conto", "card", "cc", "credit(?: |_)?card", "karte", "member", "policy",
    "subscriber", "insurance", "claim", "versicherungsnummer", "versichertennummer", "mrn", "patient", "chart", "password", "passwd",
    "pass", "pwd", "pw", "passwort", "kennwort", "mot de passe", "senha", "pin", "otp", "secret", "api(?: |_)?key", "key", "token",
    "credential", "host", "hostname", "ip", "server", "username", "login",
)  # fmt: skip
_WORD_BEFORE, _WORD_BEHIND = r"(?:[a-z]{2,14}[ _-])?", r"(?:[ _-]?(?:no|nr|num|number|id|ids|code|date|address|value|#))?\.?"
_PER_PATTERN = 24
_MARKS = (b"|", b"\t", b";", b",")

HEADERS = Engine(
    [
        Pattern(
            rf"(?:^|[,;\t|])[ \"'*]{{0,2}}{_WORD_BEFORE}(?:{'|'.join(_NAMES[at : at + _PER_PATTERN])})"
            rf"{_WORD_BEHIND}[ \"'*]{{0,2}}(?:[,;\t|]|$)"
        )
        for at in range(0, len(_NAMES), _PER_PATTERN)
    ],
    is_deferred=True,
)
_RULE = re.compile(rb"[\s|:+=-]*")
_QUOTED = re.compile(r'"((?:[^"]|"")*)"')


def rows(data: bytes) -> list[str]:
    """The tables in `data`, as members: a piece for each."""
    pieces: list[str] = []
    done = -1
    for found in sorted(HEADERS.find(data, 64).candidates, key=lambda found: found.start)[: 4 * _MAX_TABLES]:
        at = found.start + (data[found.start : found.start + 1] == b"\n")
        start = data.rfind(b"\n", max(0, at - _HEADER_BYTES), at) + 1 or max(0, at - _HEADER_BYTES)
        end = data.find(b"\n", at, at + _HEADER_BYTES)
        if end < 0 or start <= done or len(pieces) >= _MAX_TABLES:
            continue
        done = start
        piece = _members(data[start:end], data[end + 1 : end + 1 + _ROWS_BYTES].split(b"\n")[: _MAX_ROWS + 1])
        if piece:
            pieces.append(piece)
    return pieces


def _members(header: bytes, lines: list[bytes]) -> str:
    mark = next((mark for mark in _MARKS if mark in header), None)
    if mark is None:
        return ""
    names = _cells(header, mark)
    members: list[str] = []
    for line in lines[:_MAX_ROWS]:
        cells = _cells(line, mark)
        if _RULE.fullmatch(line):
            continue
        if abs(len(cells) - len(names)) > 1:
            break
        members += [f"{name}: {cell}" for name, cell in zip(names, cells, strict=False) if name and cell]
        members.append("")
    return "\n".join(members)


def _cells(line: bytes, mark: bytes) -> list[str]:
    text = line.decode(errors="ignore").strip(" \r" + ("|" if mark == b"|" else ""))
    if '"' in text:  # a mark inside of a quoted cell is none
        text = _QUOTED.sub(lambda quoted: quoted[1].replace(mark.decode(), " "), text)
    return [cell.strip(" \"'`*") for cell in text.split(mark.decode())]
