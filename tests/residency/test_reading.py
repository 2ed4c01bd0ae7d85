"""All text of a body is read, wherever it stands; what cannot be read is said."""

from __future__ import annotations

import base64
import gzip
from typing import Any

import pytest

from extproc.config.section import Api
from extproc.residency import Scanner, ScanPolicy, reading
from extproc.residency.detector import Detector
from extproc.testing import ManualClock
from tests.residency.bodies import PLACES, request_of

SCANNER = Scanner(ScanPolicy(), ManualClock(), (Detector("email", "planted"),))
PNG = base64.b64encode(b"\x89PNG\r\n\x1a\n" + bytes(64)).decode()
PDF = base64.b64encode(b"%PDF-1.7\n" + bytes(range(64))).decode()
WAV = base64.b64encode(b"RIFF\x00\x00\x00\x00WAVEfmt " + bytes(64)).decode()


@pytest.mark.parametrize("place", PLACES)
def test_text_is_read_wherever_it_stands(place: str) -> None:
    api, body_of = PLACES[place]
    assert any("planted" in piece for piece in reading.read(request_of(api, body_of("planted here"))).pieces)


def _chat(part: Any) -> dict[str, Any]:
    return {"model": "m", "messages": [{"role": "user", "content": [part]}]}


UNREAD = [
    ("image", Api.CHAT, _chat({"type": "image_url", "image_url": {"url": "https://x.test/a.png"}})),
    ("image", Api.CHAT, _chat({"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PNG}"}})),
    ("image", Api.RESPONSES, {"model": "m", "input": [{"role": "user", "content": [{"type": "input_image", "file_id": "f-1"}]}]}),
    ("image", Api.MESSAGES, _chat({"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PNG}})),
    ("image", Api.CHAT, _chat({"type": "image_url", "image_url": {"url": f"data:text/plain;base64,{PNG}"}})),
    ("audio", Api.CHAT, _chat({"type": "input_audio", "input_audio": {"data": WAV, "format": "wav"}})),
    ("audio", Api.CHAT, {"model": "m", "messages": [{"role": "assistant", "audio": {"id": "audio_1"}}]}),
    ("file", Api.CHAT, _chat({"type": "file", "file": {"file_id": "file-1"}})),
    ("file", Api.CHAT, _chat({"type": "file", "file": {"filename": "a.txt", "file_data": f"data:text/plain;base64,{PDF}"}})),
    ("file", Api.MESSAGES, _chat({"type": "document", "source": {"type": "url", "url": "https://x.test/a.pdf"}})),
    ("file", Api.MESSAGES, _chat({"type": "document", "source": {"type": "base64", "media_type": "application/pdf", "data": PDF}})),
    ("encrypted", Api.RESPONSES, {"model": "m", "input": [{"type": "reasoning", "id": "r", "summary": [], "encrypted_content": "gAAA"}]}),
    (
        "encrypted",
        Api.MESSAGES,
        {"model": "m", "messages": [{"role": "assistant", "content": [{"type": "redacted_thinking", "data": "Ab"}]}]},
    ),
    ("token_ids", Api.COMPLETIONS, {"model": "m", "prompt": [1, 2, 3]}),
    ("token_ids", Api.EMBEDDINGS, {"model": "m", "input": [[1, 2], [3]]}),
    ("token_ids", Api.EMBEDDINGS, {"model": "m", "input": [1.0, 2]}),
    ("token_ids", Api.COMPLETIONS, {"model": "m", "prompt": [[], [1, 2]]}),
    ("token_ids", Api.COMPLETIONS, {"model": "m", "prompt": ["text", [1, 2]]}),
    ("image", Api.CHAT, _chat({"type": "media", "data": base64.b64encode(b"\x89PNG\r\n\x1a\n" + bytes(60)).decode()})),
    ("file", Api.CHAT, _chat({"type": "media", "inline": {"data": base64.b64encode(b"%PDF-1.7\n" + bytes(60)).decode()}})),
    ("encoding", Api.CHAT, _chat({"type": "text", "text": "unpack " + base64.b64encode(gzip.compress(b"planted" * 9)).decode()})),
]


@pytest.mark.parametrize(("word", "api", "body"), UNREAD)
def test_what_cannot_be_read_is_said(word: str, api: Api, body: dict[str, Any]) -> None:
    assert SCANNER.scan(request_of(api, body)).unread == (word,)


def test_a_signature_is_no_text() -> None:
    thinking = {"type": "thinking", "thinking": "so", "signature": "planted"}
    body = {"model": "m", "messages": [{"role": "assistant", "content": [thinking]}]}
    assert SCANNER.scan(request_of(Api.MESSAGES, body)).is_clean


def test_a_signature_anywhere_else_is() -> None:
    body = _chat({"type": "text", "text": "a", "signature": "planted"})
    assert SCANNER.scan(request_of(Api.CHAT, body)).has("email")


def test_members_keep_their_keys() -> None:
    request = request_of(Api.CHAT, {"model": "m", "messages": [], "metadata": {"card": 4111, "ok": True, "none": None, "list": [1, 2.5]}})
    assert reading.read(request).pieces == [
        "model: m",
        "metadata:",
        "card: 4111",
        "ok: true",
        "none",
        "list:",
        "1, 2.5",
    ]


@pytest.mark.parametrize("value", [None, "user", "text", {}, [], "", "data:,x", 1, True])
def test_keys_are_read_whatever_stands_under_them(value: object) -> None:
    body = {"model": "m", "messages": [], "metadata": {"planted": value}}
    assert "planted" in " ".join(reading.read(request_of(Api.CHAT, body)).pieces)


def test_text_in_the_place_of_a_signature_is_read() -> None:
    thinking = {"type": "thinking", "thinking": "so", "signature": "it is planted"}
    encoded = {"type": "thinking", "thinking": "so", "signature": base64.b64encode(b"so it is planted, too").decode()}
    for block in (thinking, encoded):
        body = {"model": "m", "messages": [{"role": "assistant", "content": [block]}]}
        assert "planted" in " ".join(reading.read(request_of(Api.MESSAGES, body)).pieces)


def test_texts_beside_token_numbers_are_read() -> None:
    assert "planted" in reading.read(request_of(Api.COMPLETIONS, {"model": "m", "prompt": [1, ["planted"]]})).pieces
