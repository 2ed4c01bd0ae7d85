"""Users, passwords and certificates: what suffices, what does not, and that none of it is ever told."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from extproc.store import Access, Script, StoreError
from tests.store.certificates import authority, certificate, tls_in_front_of
from tests.store.servers import Server, connected

DOCS = Path(__file__).parents[2] / "docs" / "store.md"
SECRET = "hunter2/@:hunter2"
IN_A_URL = "hunter2%2F%40%3Ahunter2"
ADD = Script("redis.call('HINCRBY', KEYS[1], 'n', ARGV[1]) redis.call('EXPIRE', KEYS[1], 60) return redis.call('TIME')")
KEY = "tiermesh:{acme}:window:x"


def rights() -> list[str]:
    """The command that the operators' guide gives."""
    line = re.search(r"^ACL SETUSER .*$", DOCS.read_text(), re.MULTILINE)
    assert line
    return line[0].replace("PASSWORD", SECRET).split()


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Knows the documented user with the documented rights, and nobody else."""
    with Server(tmp_path_factory.mktemp("g")) as server:
        server.ask(*rights())
        server.ask("ACL", "SETUSER", "admin", "on", "nopass", "~*", "&*", "+@all")
        server.ask("CONFIG", "SET", "requirepass", "another")
        yield server


@pytest.fixture(scope="module")
def papers(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`ca.pem`; certificates of a server and a client by it; a client's by a stranger."""
    directory = tmp_path_factory.mktemp("c")
    authority(directory)
    authority(directory, "stranger")
    certificate(directory, "server", "IP:127.0.0.1,DNS:localhost")
    certificate(directory, "elsewhere", "DNS:elsewhere.example")
    certificate(directory, "client", "DNS:client")
    certificate(directory, "impostor", "DNS:client", by="stranger")
    return directory


async def test_the_documented_rights_are_enough(guarded: Server) -> None:
    async with connected(f"unix://tiermesh:{IN_A_URL}@{guarded.path}") as store:
        assert len(await store.run(ADD, [KEY], [5])) == 2
        assert await store.command("HGETALL", KEY) == {b"n": b"5"}
        assert await store.command("XADD", "tiermesh:records", "*", "r", "1")
        assert await store.command("XGROUP", "CREATE", "tiermesh:records", "g", "0")
        assert await store.command("XREADGROUP", "GROUP", "g", "me", "COUNT", 10, "STREAMS", "tiermesh:records", ">")
        assert await store.command("ZADD", "tiermesh:{acme}:leases", 1, "a") == 1
        assert await store.command("SADD", "tiermesh:organisations", "acme") == 1


@pytest.mark.parametrize("command", [("GET", "others"), ("FLUSHALL",), ("CONFIG", "GET", "requirepass"), ("KEYS", "*"), ("ACL", "LIST")])
async def test_and_not_more_than_that(guarded: Server, command: tuple[str, ...]) -> None:
    async with connected(f"unix://tiermesh:{IN_A_URL}@{guarded.path}") as store:
        with pytest.raises(StoreError, match="permissions"):
            await store.command(*command)
        if command[0] == "GET":
            with pytest.raises(StoreError) as refused:
                await store.run(Script("return redis.call('GET', KEYS[1])"), ["others"])
            assert refused.value.code == "NOPERM"


async def test_a_password_comes_from_a_file_and_may_change(guarded: Server, tmp_path: Path) -> None:
    file = tmp_path / "password"
    file.write_text(f"{SECRET}\n")
    async with connected(guarded.url, Access(password_file=str(file)), username="tiermesh") as store:
        assert await store.command("PING") in (True, b"PONG")
        changed = [word.replace(SECRET, "changed") for word in rights()]
        async with connected(f"unix://admin:x@{guarded.path}") as admin:
            await admin.command(*changed)
            file.write_text("changed")
            await admin.command("CLIENT", "KILL", "TYPE", "normal")
            await asyncio.sleep(0.05)
            assert await store.ready(5)
            assert len(await store.run(ADD, [KEY], [1])) == 2
            assert await store.command("PING") in (True, b"PONG")
            await admin.command("ACL", "SETUSER", "tiermesh", "resetpass", f">{SECRET}")


@pytest.mark.parametrize(
    ("userinfo", "why"),
    [
        ("", "NOAUTH"),
        (f"nobody:{IN_A_URL}@", "WRONGPASS"),
        (f"tiermesh:{IN_A_URL}x@", "WRONGPASS"),
        (f":{IN_A_URL}@", "WRONGPASS"),
    ],
)
async def test_who_is_not_let_in_is_told_why_and_no_secret_is(
    guarded: Server, caplog: pytest.LogCaptureFixture, userinfo: str, why: str
) -> None:
    async with connected(f"unix://{userinfo}{guarded.path}", is_ready=False) as store:
        with pytest.raises(StoreError, match=why) as refused:
            await store.run(ADD, [KEY], [1])
        with pytest.raises(StoreError) as refused_too:
            await store.command("PING")
    said = caplog.text + str(refused.value) + str(refused_too.value) + repr(refused.value.__context__)
    assert why in caplog.text
    assert "redis.credentials" not in caplog.text
    assert "hunter2" not in said


async def test_a_password_file_that_is_not_there_is_named(guarded: Server, tmp_path: Path) -> None:
    access = Access(password_file=str(tmp_path / "nothing"))
    async with connected(guarded.url, access, username="tiermesh", is_ready=False) as store:
        with pytest.raises(StoreError, match=r"No such file or directory \(.*nothing\)"):
            await store.run(ADD, [KEY], [1])
        with pytest.raises(StoreError):
            await store.command("PING")


async def test_tls_to_a_server_that_is_known(server: Server, papers: Path) -> None:
    access = Access(ca_file=str(papers / "ca.pem"))
    async with tls_in_front_of(server.path, (papers / "server.pem", papers / "server.key")) as port:
        for host in ("127.0.0.1", "localhost"):
            async with connected(f"rediss://{host}:{port}", access) as store:
                calls = [store.run(Script("return ARGV[1]"), [], [str(n) * 2000]) for n in range(100)]
                assert await asyncio.gather(*calls) == [str(n).encode() * 2000 for n in range(100)]
                assert await store.command("ECHO", "x") == b"x"


async def test_tls_where_both_sides_show_papers(server: Server, papers: Path) -> None:
    theirs = papers / "server.pem", papers / "server.key"
    async with tls_in_front_of(server.path, theirs, clients_by=papers / "ca.pem") as port:
        ours = Access(ca_file=str(papers / "ca.pem"), certificate_file=str(papers / "client.pem"), key_file=str(papers / "client.key"))
        async with connected(f"rediss://127.0.0.1:{port}", ours) as store:
            assert await store.run(Script("return 1"), []) == 1
            assert await store.command("ECHO", "x") == b"x"
        for access in (
            Access(ca_file=str(papers / "ca.pem")),
            Access(ca_file=str(papers / "ca.pem"), certificate_file=str(papers / "impostor.pem"), key_file=str(papers / "impostor.key")),
        ):
            await _cannot(f"rediss://127.0.0.1:{port}", access)


@pytest.mark.parametrize(
    ("shown", "trusted"),
    [("server", "stranger.pem"), ("server", ""), ("elsewhere", "ca.pem"), ("server", "missing.pem"), ("server", "ca.key")],
)
async def test_no_connection_to_who_cannot_prove_to_be_the_server(server: Server, papers: Path, shown: str, trusted: str) -> None:
    async with tls_in_front_of(server.path, (papers / f"{shown}.pem", papers / f"{shown}.key")) as port:
        await _cannot(f"rediss://127.0.0.1:{port}", Access(ca_file=str(papers / trusted) if trusted else ""))


async def test_no_tls_where_none_is_spoken_and_none_given_up(server: Server, papers: Path, tmp_path: Path) -> None:
    reached = []

    async def plain(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        reached.append(await reader.read(1000))
        writer.close()

    listening = await asyncio.start_server(plain, "127.0.0.1", 0)
    port = listening.sockets[0].getsockname()[1]
    await _cannot(f"rediss://u:{IN_A_URL}@127.0.0.1:{port}", Access(ca_file=str(papers / "ca.pem")))
    listening.close()
    assert reached
    assert all(b"hunter2" not in said for said in reached)


async def _cannot(url: str, access: Access) -> None:
    async with connected(url, access, is_ready=False) as store:
        with pytest.raises(StoreError) as failed:
            await store.run(Script("return 1"), [], timeout_s=5.0)
        assert (failed.value.reason, failed.value.may_have_run) == ("away", False)
        with pytest.raises(StoreError) as failed:
            await store.command("PING")
        assert failed.value.reason == "lost"
