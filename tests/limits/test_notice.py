"""One web address hears of every event at least once: again until it says that it has it, whoever tries, signed."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import redis

from extproc.config.limits import Notices
from extproc.limits import Event, Herald, Sweeper
from extproc.limits.notice import SIGNATURE_HEADER, post
from extproc.limits.script import key_of
from extproc.store import Store
from extproc.testing import ManualClock

EVENT = Event("threshold", "purse", "acme", "usd", 80, 80_000_000, 100_000_000, "2030-12-31T12:00:00Z")
MEMBERS = {
    "kind": "threshold", "count": "purse|acme", "percent": 80, "measure": 1, "used": "80", "cap": "100",
    "at_ms": "1924948800000", "enforced": True, "ends_at": "1924992000",
}  # fmt: skip


@dataclass
class Receiver:
    """A web server that answers with `answers`, then 204: a status, a raw answer, or None to hang up."""

    url: str = ""
    answers: list[int | bytes | None] = field(default_factory=list)
    got: list[tuple[str, dict[str, str], bytes]] = field(default_factory=list)
    wait_s: float = 0.0

    @property
    def ids(self) -> list[str]:
        return [json.loads(body)["id"] for _, _, body in self.got]


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    found = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            found.got.append((self.path, {name.lower(): value for name, value in self.headers.items()}, body))
            time.sleep(found.wait_s)
            answer = found.answers.pop(0) if found.answers else 204
            if isinstance(answer, int):
                self.send_response(answer)
                self.send_header("location", found.url)
                self.send_header("content-length", "0")
                self.end_headers()
            elif answer:
                self.wfile.write(answer)

        def do_GET(self) -> None:
            found.got.append(("GET", {}, b""))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None: ...

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        found.url = f"http://127.0.0.1:{server.server_port}/hook"
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield found
        server.shutdown()
        thread.join()


@pytest.fixture
def notices(receiver: Receiver, tmp_path: Path) -> Callable[..., Notices]:
    secret = tmp_path / "secret"
    secret.write_text("hush hush\n")

    def build(**fields: Any) -> Notices:
        return Notices(**{"webhook": receiver.url, "secret_file": str(secret), "timeout_s": 2.0, **fields})

    return build


# ---- one post ----


def test_a_post_is_signed_with_the_secret(receiver: Receiver, notices: Callable[..., Notices]) -> None:
    body = json.dumps({"id": "1-0", **EVENT.to_json()}).encode()
    post(notices(), body)
    ((path, headers, got),) = receiver.got
    assert (path, got, headers["content-type"]) == ("/hook", body, "application/json")
    assert headers[SIGNATURE_HEADER] == "sha256=" + hmac.new(b"hush hush", body, hashlib.sha256).hexdigest()


def test_without_a_secret_it_is_not(receiver: Receiver, notices: Callable[..., Notices]) -> None:
    post(notices(secret_file=""), b"{}")
    assert SIGNATURE_HEADER not in receiver.got[0][1]


@pytest.mark.parametrize(
    "answer", [400, 404, 500, 503, 301, 302, 307, None, b"nonsense\r\n\r\n", b"HTTP/1.1 x\r\n\r\n", b"HTTP/1.1 204" * 9_999]
)
def test_anything_but_a_plain_yes_is_a_no(answer: int | bytes | None, receiver: Receiver, notices: Callable[..., Notices]) -> None:
    receiver.answers.append(answer)
    with pytest.raises(OSError):
        post(notices(), b"{}")
    assert len(receiver.got) == 1  # a redirect is not followed: it would be a GET that says nothing


def test_nobody_there_or_no_secret_is_a_no(notices: Callable[..., Notices]) -> None:
    with pytest.raises(OSError):
        post(notices(webhook="http://127.0.0.1:1/"), b"{}")
    with pytest.raises(OSError):
        post(notices(secret_file="/nowhere/secret"), b"{}")


def test_one_that_takes_too_long_is_a_no(receiver: Receiver, notices: Callable[..., Notices]) -> None:
    receiver.wait_s = 0.3
    with pytest.raises(OSError):
        post(notices(timeout_s=0.05), b"{}")


# ---- delivering ----


@pytest.mark.parametrize(("age_s", "is_done", "given_up"), [(0, False, 0), (59, False, 0), (60, True, 1)])
async def test_an_event_is_tried_for_as_long_as_it_is_to_be(
    age_s: float, is_done: bool, given_up: int, receiver: Receiver, notices: Callable[..., Notices]
) -> None:
    receiver.answers.append(500)
    herald = Herald(notices(keep_trying_s=60), lambda _: None)
    assert await herald.deliver("1-0", EVENT, age_s) == is_done
    assert herald.undelivered == given_up


async def test_where_there_is_no_address_nothing_is_sent(receiver: Receiver) -> None:
    assert await Herald(Notices(), lambda _: None).deliver("1-0", EVENT, 0)
    assert receiver.got == []


def test_everybody_else_hears_of_it_at_once(caplog: pytest.LogCaptureFixture) -> None:
    counted: list[Event] = []
    herald = Herald(Notices(), counted.append)
    herald.announce(EVENT)
    herald.announce(Event("threshold", "pace", "acme", "tokens", 50, 600, 1_200, ""))
    herald.announce(Event("raise", "purse", "acme", "usd", 0, 0, 500_000_000, "", reason="launch"))
    assert [event.limit for event in counted] == ["purse", "pace"]  # what is raised is no threshold
    assert "threshold of limit purse for acme: 80 % of 100.00 USD used" in caplog.text
    assert "threshold of limit pace for acme: 50 % of 1,200 tokens used" in caplog.text
    assert "raise of limit purse for acme: now 500.00 USD: launch" in caplog.text


# ---- from the stream ----

KEY = key_of("acme", "events")


@pytest.fixture
def sweeper(store: Store, notices: Callable[..., Notices]) -> Callable[..., Sweeper]:
    def build(**fields: Any) -> Sweeper:
        sweeper = Sweeper(store, Herald(notices(**fields), lambda _: None), ManualClock(time.time()), lambda _: None)
        sweeper._organisations = ["acme"]
        return sweeper

    return build


def happen(client: redis.Redis) -> str:
    return str(client.xadd(KEY, {"e": json.dumps(MEMBERS)}).decode())


def pass_time(client: redis.Redis, seconds: int) -> None:
    """What is pending has been for this much longer."""
    for entry in client.xpending_range(KEY, "tiermesh", "-", "+", 100):
        client.xclaim(KEY, "tiermesh", "worker", 0, [entry["message_id"]], idle=entry["time_since_delivered"] + 1_000 * seconds)


async def test_it_fails_twice_and_is_there_the_third_time(receiver: Receiver, sweeper: Callable[..., Sweeper], client: redis.Redis) -> None:
    receiver.answers = [500, None]
    one, other, entry = sweeper(), sweeper(), happen(client)
    await one.hear()
    assert receiver.ids == [entry]
    for place in (other, one, other):
        pass_time(client, 6)
        await place.hear(10)
    assert receiver.ids == [entry] * 3  # and no fourth time
    assert client.xpending(KEY, "tiermesh")["pending"] == 0
    assert json.loads(receiver.got[-1][2]) == {
        "id": entry, "kind": "threshold", "limit": "purse", "scope": "acme", "measure": "usd", "percent": 80, "used": 80, "cap": 100,
        "at": "2030-12-31T12:00:00Z", "window_ends": "2031-01-01T00:00:00Z", "is_enforced": True, "reason": "",
    }  # fmt: skip


async def test_what_a_worker_had_in_hand_when_it_died_is_delivered_by_another(
    receiver: Receiver, sweeper: Callable[..., Sweeper], client: redis.Redis
) -> None:
    receiver.wait_s = 0.2
    dying, other = sweeper(), sweeper()
    entries = [happen(client) for _ in range(3)]
    task = asyncio.create_task(dying.hear())
    while not receiver.got:  # noqa: ASYNC110 - it answers in a thread of its own
        await asyncio.sleep(0.01)
    task.cancel()
    receiver.wait_s = 0.0
    await other.hear(0)
    assert set(receiver.ids) == {entries[0]}  # it may yet be alive
    pass_time(client, 6)
    await other.hear(10)
    assert set(receiver.ids) == set(entries)
    assert client.xpending(KEY, "tiermesh")["pending"] == 0


async def test_one_that_is_not_taken_keeps_none_behind_it(receiver: Receiver, sweeper: Callable[..., Sweeper], client: redis.Redis) -> None:
    receiver.answers = [500]
    one, entries = sweeper(), [happen(client) for _ in range(3)]
    await one.hear()
    assert receiver.ids == entries
    assert client.xpending(KEY, "tiermesh")["pending"] == 1


async def test_what_is_given_up_is_not_tried_again(receiver: Receiver, sweeper: Callable[..., Sweeper], client: redis.Redis) -> None:
    receiver.answers = [500] * 9
    one = sweeper(keep_trying_s=1)
    one._clock.advance(5)  # type: ignore[attr-defined]
    happen(client)
    await one.hear()
    pass_time(client, 6)
    await one.hear(10)
    assert len(receiver.got) == 1
    assert one._herald.undelivered == 1


async def test_events_of_the_time_before_anybody_listened_are_heard(
    receiver: Receiver, sweeper: Callable[..., Sweeper], client: redis.Redis
) -> None:
    entries = [happen(client) for _ in range(2)]
    await sweeper().hear()
    assert receiver.ids == entries
