"""What travels on beside the body, the query and the headers, is read like the body."""

from __future__ import annotations

import pytest

from extproc.config import Api, compile_config, parse
from extproc.custody import occasion_of, ruling_of
from extproc.dialects import Request
from extproc.dialects import parse as parse_body
from extproc.pipeline import Head
from extproc.residency import Scanner, ScanPolicy
from extproc.testing import ManualClock

CHAT = "/v1/chat/completions"
BACKENDS = 'backends: {local: {url: "http://127.0.0.1:1", model: m, tier: simple, location: on_prem}}'
SCANNER = Scanner(ScanPolicy(), ManualClock())


@pytest.mark.parametrize(
    ("path", "headers", "kinds"),
    [
        (CHAT + "?user=joe%40acme.com", {}, ("email",)),
        (CHAT, {"x-openwebui-user-email": "joe@acme.com"}, ("email",)),
        (CHAT, {"user-agent": "curl of joe@acme.com"}, ("email",)),
        (CHAT, {"traceparent": "DE89370400440532013000"}, ("iban",)),
        (CHAT + "?beta=true", {"user-agent": "OpenAI/Python 1.54.3", "x-stainless-runtime-version": "3.11.9"}, ()),
        (CHAT, {"x-forwarded-for": "10.0.0.7", "authorization": "Bearer sk-abcdefghijklmnopqrstuvwx", "x-real-ip": "10.0.0.7"}, ()),
    ],
)
def test_what_travels_on_beside_the_body_is_read_too(path: str, headers: dict[str, str], kinds: tuple[str, ...]) -> None:
    policy = compile_config(parse(BACKENDS))
    request = parse_body(Api.CHAT, b'{"model": "auto", "messages": [{"role": "user", "content": "hi"}], "": "x"}', max_body_bytes=1000)
    assert isinstance(request, Request)
    head = Head("POST", path, {":path": path, "host": "gateway.corp", **headers}, has_body=True)
    assert ruling_of(policy, SCANNER, request, occasion_of(head)).held == kinds
