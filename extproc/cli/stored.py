"""The store as commands find it: the one that is configured, or the embedded one, which is started where no gateway runs it."""

from __future__ import annotations

import contextlib
import socket
import sys
from collections.abc import AsyncIterator, Iterator, Sequence
from pathlib import Path

from extproc.config import Config, Limit
from extproc.errors import StartError, StoreError
from extproc.limits import Account, read_accounts
from extproc.local.valkey import ValkeyProcess
from extproc.report import Filter, Lines, Sink, feed, read_hours, read_organisations
from extproc.scope import parse
from extproc.server.settlement import store_url
from extproc.server.supervisor import run_dir_of
from extproc.store import Store


@contextlib.contextmanager
def found(config: Config) -> Iterator[str]:
    """The URL of the store, which answers there while the block runs. Raises StartError when there is none.

    An embedded store whose gateway has ended is started for as long as the block takes; a gateway cannot start meanwhile.
    """
    run_dir = run_dir_of(config)
    url = store_url(config, run_dir)
    if not url:
        raise StartError("store.url is `none`: nothing is kept, so there is nothing to report")
    if config.store.url != "embedded" or _answers(run_dir / "valkey.sock"):
        yield url
        return
    if not (run_dir / "state").is_dir():
        raise StartError(f"nothing is kept in {run_dir}: no gateway has run there with `store.url: embedded` (see processor.run_dir)")
    print(f"tiermesh: no gateway runs in {run_dir}; its store is started to be read", file=sys.stderr, flush=True)
    with ValkeyProcess(run_dir) as valkey:
        yield valkey.url


async def read(url: str, wanted: Filter, hours: Sequence[int], lines: Lines, sinks: Sequence[Sink]) -> None:
    """Show every sink what the filter takes of these hours. Raises StartError when the store cannot be read."""
    async with opened(url) as store:
        async for hour in read_hours(store, await _organisations(store, wanted), hours):
            feed(hour, lines, sinks)


async def accounts(url: str, wanted: Filter, limits: Sequence[Limit], wall_s: float) -> list[Account]:
    """The counts of these limits that lie in what the filter takes or around it. Raises StartError as above."""
    async with opened(url) as store:
        found = [await read_accounts(store, organisation, limits, wall_s) for organisation in await _organisations(store, wanted)]
    return [account for rows in found for account in rows if wanted.concerns(levels_of(account))]


def levels_of(account: Account) -> tuple[str, ...]:
    """The names of what an account counts, one for each level of its limit."""
    return parse(account.scope)[: len(account.limit.pattern)]


async def _organisations(store: Store, wanted: Filter) -> Sequence[str]:
    return [wanted.organisation] if wanted.organisation is not None else await read_organisations(store)


@contextlib.asynccontextmanager
async def opened(url: str) -> AsyncIterator[Store]:
    """The store at `url`, closed afterwards. Raises StartError when it does not answer."""
    store = Store.connect(url)
    try:
        yield store
    except StoreError as error:
        raise StartError(f"the store at {store.address} cannot be read: {error}") from error
    finally:
        await store.close()


def _answers(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as probe:
        return probe.connect_ex(str(path)) == 0
