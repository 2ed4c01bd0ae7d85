"""How single values must be spelled: what is taken, what it becomes, what is refused."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extproc.config import spelling

CHECKS: tuple[Callable[[str], str], ...] = (
    spelling.name,
    spelling.http_url,
    spelling.backend_url,
    spelling.receiver_url,
    spelling.ip,
    spelling.host_port,
    spelling.header,
    spelling.identity_header,
    spelling.token_header,
    spelling.scope,
    spelling.scope_or_refuse,
    spelling.workload_pattern,
    spelling.key_digest,
    spelling.optional_date,
    spelling.header_text,
    spelling.sha256,
    spelling.store_url,
)


@pytest.mark.parametrize(
    ("check", "value", "becomes"),
    [
        (spelling.name, "local-1_b", "local-1_b"),
        (spelling.backend_url, "https://h:8443/openai/", "https://h:8443/openai"),
        (spelling.backend_url, "http://[::1]:8000", "http://[::1]:8000"),
        (spelling.backend_url, "https://h/v1beta", "https://h/v1beta"),
        (spelling.receiver_url, "", ""),
        (spelling.receiver_url, "http://127.0.0.1:4317", "http://127.0.0.1:4317"),
        (spelling.ip, "::", "::"),
        (spelling.host_port, "", ""),
        (spelling.host_port, "[::1]:9464", "[::1]:9464"),
        (spelling.host_port, "metrics.internal:80", "metrics.internal:80"),
        (spelling.identity_header, "", ""),
        (spelling.identity_header, "X-App", "x-app"),
        (spelling.token_header, "Authorization", "authorization"),
        (spelling.scope, "acme/-/search", "acme/-/search"),
        (spelling.scope, "acme/caf%C3%A9", "acme/caf%C3%A9"),
        (spelling.scope_or_refuse, "refuse", "refuse"),
        (spelling.workload_pattern, "spiffe://{trust}/ns/{department}/sa/{app}", "spiffe://{trust}/ns/{department}/sa/{app}"),
        (spelling.workload_pattern, "spiffe://acme.example/*/{user}", "spiffe://acme.example/*/{user}"),
        (spelling.key_digest, "0f" * 32, "0f" * 32),
        (spelling.optional_date, "", ""),
        (spelling.optional_date, "2028-02-29", "2028-02-29"),
        (spelling.header, "API-Key", "api-key"),
        (spelling.header_text, "Bearer ", "Bearer "),
        (spelling.header_text, "", ""),
        (spelling.sha256, "", ""),
        (spelling.sha256, "0f" * 32, "0f" * 32),
        (spelling.store_url, "none", "none"),
        (spelling.store_url, "unix:///run/valkey.sock", "unix:///run/valkey.sock"),
        (spelling.store_url, "rediss+cluster://a,b:1?ca_file=/ca", "rediss+cluster://a,b:1?ca_file=/ca"),
    ],
)
def test_what_is_well_spelled_is_taken(check: Callable[[str], str], value: str, becomes: str) -> None:
    assert check(value) == becomes


@pytest.mark.parametrize(
    ("check", "value"),
    [
        (spelling.name, ""),
        (spelling.name, "a" * 64),
        (spelling.name, "a+b"),
        (spelling.name, "a\n"),
        (spelling.name, "ä"),
        (spelling.http_url, "https://h:0"),
        (spelling.http_url, "https://h:port"),
        (spelling.http_url, "https://@h"),
        (spelling.http_url, "https://h/#x"),
        (spelling.http_url, "https://h\n.example"),
        (spelling.http_url, "https://ä"),
        (spelling.backend_url, "https://h/v1"),
        (spelling.ip, "example.com"),
        (spelling.host_port, "127.0.0.1"),
        (spelling.host_port, "127.0.0.1:0"),
        (spelling.host_port, "127.0.0.1:80/metrics"),
        (spelling.host_port, "me@host:80"),
        (spelling.header, "a b"),
        (spelling.header, ""),
        (spelling.identity_header, "Cookie"),
        (spelling.identity_header, "X-TierMesh-Chain"),
        (spelling.identity_header, "Content-Type"),
        (spelling.token_header, ""),
        (spelling.scope, ""),
        (spelling.scope, "acme/*"),
        (spelling.scope, "a/b/c/d/e/f"),
        (spelling.scope, "a//b"),
        (spelling.scope_or_refuse, "refuse/all/*"),
        (spelling.workload_pattern, "https://acme.example/{app}"),
        (spelling.workload_pattern, "spiffe://acme.example/{app}/"),
        (spelling.workload_pattern, "spiffe://acme.example//{app}"),
        (spelling.workload_pattern, "spiffe://acme.example/{application}"),
        (spelling.workload_pattern, "spiffe://acme.example/sa-{app}"),
        (spelling.workload_pattern, "spiffe://acme.example/{app}*"),
        (spelling.workload_pattern, "spiffe://acme.example/{app}/{app}"),
        (spelling.workload_pattern, "spiffe://caf\u00e9/{app}"),
        (spelling.key_digest, ""),
        (spelling.key_digest, "0F" * 32),
        (spelling.optional_date, "2027-02-29"),
        (spelling.optional_date, "2027-2-3"),
        (spelling.optional_date, "31.03.2027"),
        (spelling.header_text, "Bearer\n"),
        (spelling.sha256, "0F" * 32),
        (spelling.store_url, "redis://"),
    ],
)
def test_what_is_misspelled_is_refused(check: Callable[[str], str], value: str) -> None:
    with pytest.raises(ValueError, match=r"must|has"):
        check(value)


@given(st.sampled_from(CHECKS), st.text(max_size=30) | st.from_regex(r"https?://[^ ]{0,20}", fullmatch=True))
def test_a_check_refuses_or_returns_what_it_would_take_again(check: Callable[[str], str], value: str) -> None:
    try:
        taken = check(value)
    except ValueError:
        return
    assert check(taken) == taken
