"""Sensitive data stays on-premises through real Envoy, and the audit log can prove it: records before arrivals, under faults too."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import anthropic
import openai
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from extproc.audit import Verification, Wanted, read_public_key, verify
from extproc.cli.stored import opened
from extproc.server.settlement import store_url
from extproc.testing import Arrival, Behaviour
from tests.dataplane.harness import Stack, chat_body, running, until
from tests.dataplane.test_lifecycle import supervised

pytestmark = pytest.mark.dataplane

MARKER = "DE89 3704 0044 0532 0130 00"
CLOUD = ("mid", "frontier")
RULES = """
residency:
  scan_timeout_s: 5
  rules:
    keys: {kinds: [private_key, api_key], action: block}
    extraction: {kinds: [email], tasks: [other], force: {temperature: 0, seed: 11}, spill: audited}
"""
KEY = (
    Ed25519PrivateKey.generate()
    .private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    .decode()
)


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    with running(residency=RULES) as stack:
        yield stack


def audit(stack: Stack) -> Path:
    return stack.gateway.supervisor.run_dir / "audit"


def entries(stack: Stack) -> list[dict[str, Any]]:
    """Every record, in the order of the chain."""
    found: list[dict[str, Any]] = []
    for path in sorted(audit(stack).glob("audit-*.jsonl")):
        found += [json.loads(line)["entry"] for line in path.read_text().splitlines() if line.endswith("}")]
    return found


def verified(stack: Stack) -> Verification:
    key = read_public_key(audit(stack) / "audit.pub")
    assert key is not None
    return verify(audit(stack), Wanted(key))


def in_the_cloud(stack: Stack) -> list[tuple[str, Arrival]]:
    return [(name, arrival) for name in CLOUD for arrival in tuple(stack.standins[name].arrivals) if arrival.method == "POST"]


def check_proof(stack: Stack) -> int:
    """No arrival in the cloud carries the marker, and each has its record, which is older than it. How many there were."""
    recorded = [(entry["request_id"], entry["backend"], entry["time_us"]) for entry in entries(stack) if entry.get("backend")]
    arrivals = in_the_cloud(stack)
    for name, arrival in arrivals:
        assert MARKER.encode() not in arrival.body
        times = [time_us for request_id, backend, time_us in recorded if (request_id, backend) == (arrival.headers["x-request-id"], name)]
        assert times, f"{name} was reached without a record"
        assert min(times) / 1e6 <= arrival.at_s
    return len(arrivals)


def test_what_is_clean_reaches_the_cloud_after_its_record(stack: Stack) -> None:
    answer = stack.chat("a hard one")
    assert stack.arrival(answer.id)[0] == "frontier"
    (entry,) = [entry for entry in entries(stack) if entry["request_id"] == answer.id]
    assert (entry["event"], entry["backend"], entry["location"]) == ("released", "frontier", "cloud")
    assert check_proof(stack) >= 1


@pytest.mark.parametrize(
    "body",
    [
        chat_body(f"a hard one about {MARKER}"),
        {"model": "auto", "messages": [{"role": "system", "content": MARKER}, {"role": "user", "content": "a hard one"}]},
        chat_body(
            "a hard one", tools=[{"type": "function", "function": {"name": "pay", "description": f"pays to {MARKER}", "parameters": {}}}]
        ),
        chat_body("a hard one", metadata={"note": json.dumps({"account": MARKER})}),
    ],
)
def test_what_is_sensitive_is_answered_on_premises(stack: Stack, body: dict[str, Any]) -> None:
    answer = stack.post("/v1/chat/completions", body)
    assert answer.status == 200
    assert stack.arrival(answer.id)[0] == "local"
    record = stack.record(answer.id)
    assert (record.residency, record.backend, record.location) == ("on_prem", "local", "on_prem")
    assert [kind.partition(":")[0] for kind in record.kinds] == ["iban"]


def test_a_path_that_nobody_reads_is_closed_where_it_leads_to_the_cloud() -> None:
    paths = ("/v1/files", "/v1/chat/completions/", "/V1/chat/completions", "/v1/chat%2fcompletions", "/v1/messages/count_tokens")
    with running(listener=", other_paths: mid", workers=1) as stack:
        for path in paths:
            assert stack.post(path, chat_body(f"about {MARKER}")).status == 403
        assert stack.post("/v1/chat/completions", chat_body(MARKER), method="PUT").status == 403
        assert stack.get(f"/v1/files?after={MARKER.replace(' ', '')}").status == 403
        assert in_the_cloud(stack) == []
        assert not [arrival for name in CLOUD for arrival in tuple(stack.standins[name].arrivals) if arrival.path.startswith("/v1")]


def test_it_stays_when_ours_fails(stack: Stack) -> None:
    stack.standins["local"].then(Behaviour(status=503))
    answer = stack.chat(f"a hard one about {MARKER}")
    assert answer.status == 503
    assert list(stack.arrivals(answer.id)) == ["local"]


def test_what_is_blocked_is_an_error_that_the_clients_know(stack: Stack) -> None:
    with stack.openai() as client, pytest.raises(openai.PermissionDeniedError) as caught:
        client.chat.completions.create(**chat_body(KEY))
    assert caught.value.code == "sensitive_content"
    assert "private_key" in str(caught.value)
    with stack.anthropic() as client, pytest.raises(anthropic.PermissionDeniedError) as other:
        client.messages.create(model="auto", max_tokens=9, messages=[{"role": "user", "content": KEY}])
    assert other.value.body["error"]["type"] == "permission_error"
    assert [entry["event"] for entry in entries(stack)].count("blocked") == 2


def test_a_rule_forces_its_parameters_in_failover_too(stack: Stack) -> None:
    answer = stack.chat("a hard one of jane.roe@example.com", temperature=0.9)
    body = json.loads(stack.arrival(answer.id)[1].body)
    assert (body["temperature"], body["seed"], body["model"]) == (0, 11, "local-model")


def test_a_fallback_to_the_cloud_is_on_record_first(stack: Stack) -> None:
    stack.standins["local"].then(Behaviour(status=503))
    answer = stack.chat("an easy one")
    assert answer.status == 200
    assert set(stack.arrivals(answer.id)) == {"local", "mid"}
    assert [(entry["event"], entry["backend"]) for entry in entries(stack) if entry["request_id"] == answer.id] == [("fell_back", "mid")]
    check_proof(stack)


def test_a_conversation_that_carried_something_stays(stack: Stack) -> None:
    session = {"x-session-id": "conversation-1"}
    assert stack.arrival(stack.chat("a hard one", headers=session).id)[0] == "frontier"
    assert stack.arrival(stack.chat(f"a hard one about {MARKER}", headers=session).id)[0] == "local"
    later = stack.chat("a hard one", headers=session)
    assert stack.arrival(later.id)[0] == "local"
    assert stack.record(later.id).kinds == ("session:1",)
    assert stack.arrival(stack.chat("a hard one", headers={"x-session-id": "conversation-2"}).id)[0] == "frontier"


def test_the_log_verifies(stack: Stack) -> None:
    assert verified(stack).verdict == "intact"


def test_nothing_leaves_while_nothing_can_be_recorded(tmp_path: Path) -> None:
    with running(extra=f'audit: {{directory: "/proc/no-such-place", key_file: "{tmp_path}/audit.key"}}\n') as stack:
        answer = stack.chat("a hard one")
        assert answer.status == 200
        assert stack.arrival(answer.id)[0] == "local"
        assert "frontier!stays:audit" in stack.record(answer.id).reasons
        stack.standins["local"].then(Behaviour(status=503))
        failed = stack.chat("an easy one")
        assert (failed.status, failed.json()["error"]["code"]) == (503, "audit_unavailable")
        assert list(stack.arrivals(failed.id)) == ["local"]
        assert in_the_cloud(stack) == []


def test_the_marker_never_leaves_whatever_fails() -> None:
    """Requests with and without the marker, while backends fail, the store dies, workers are killed and the file is reloaded."""
    with running(residency=RULES, patience_s=3) as stack:
        is_over = threading.Event()
        with supervised(stack), ThreadPoolExecutor(8) as players:
            played = [players.submit(_play, stack, number, is_over) for number in range(6)]
            with contextlib.ExitStack() as over:
                over.callback(is_over.set)
                _break_things(stack)
            statuses = [status for one in played for status in one.result()]
        assert statuses.count(200) > 50
        assert check_proof(stack) > 20
        assert verified(stack).verdict == "intact"


def _play(stack: Stack, number: int, is_over: threading.Event) -> list[int]:
    statuses: list[int] = []
    serial = 0
    while not is_over.is_set():
        serial += 1
        carries = (serial + number) % 3 == 0
        ask = ("an easy one", "a medium one", "a hard one")[serial % 3] + (f" about {MARKER}" if carries else "")
        stream = {"stream": True} if serial % 4 == 0 else {}
        with contextlib.suppress(OSError):
            statuses.append(stack.chat(ask, headers={"x-session-id": f"{number}-{serial // 5}"}, **stream).status)
    return statuses


def _break_things(stack: Stack) -> None:
    supervisor = stack.gateway.supervisor
    text = stack.config_path.read_text()
    for _ in range(2):
        for name in ("local", "mid", "frontier"):
            stack.standins[name].then(*[Behaviour(status=503), Behaviour(fault="reset"), Behaviour(status=429)] * 4)
        _pause(stack, 30)
        os.kill(supervisor.pids[0], signal.SIGKILL)
        _pause(stack, 30)
        stack.config_path.write_text(text + "\nadmission: {blind_percent: 7}\n")
        _pause(stack, 30)
        store = asyncio.run(_store_pid(stack))
        os.kill(store, signal.SIGSTOP)
        _pause(stack, 30)
        os.kill(store, signal.SIGCONT)
        stack.config_path.write_text(text)


async def _store_pid(stack: Stack) -> int:
    async with opened(store_url(stack.gateway.config, stack.gateway.supervisor.run_dir)) as store:
        return int((await store.command("INFO", "server"))["process_id"])


def _pause(stack: Stack, requests: int) -> None:
    """Until so many more requests have arrived anywhere."""
    served = sum(standin.served for standin in stack.standins.values())
    until(lambda: sum(standin.served for standin in stack.standins.values()) >= served + requests, "nothing is served any more", 60)
