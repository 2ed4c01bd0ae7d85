"""The day read back: by the code of reports, by the commands of operators, and how much room it takes."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from extproc.bench import valkey
from extproc.bench.day.configuration import COUNTED, FLIGHT, SPENT
from extproc.bench.day.report import Books, Size
from extproc.bench.day.traffic import ORGANISATION
from extproc.config import Policy
from extproc.errors import StartError
from extproc.limits import Account, read_accounts
from extproc.limits.script import key_of
from extproc.local.valkey import ValkeyProcess
from extproc.report import Hour, Lines, Period, Tally, feed, read_hours, read_organisations, statement_of, zone_of
from extproc.store import Store
from extproc.usage.rollup import OTHER, SECONDS_AN_HOUR, SUMS, hour_key

_COMMAND_TIMEOUT_S = 300.0


@dataclass(frozen=True, slots=True)
class Read:
    """What was found, and how many seconds it took to add up by each dimension."""

    books: Books
    size: Size
    took_s: dict[str, float]


async def read(server: ValkeyProcess, policy: Policy, first_hour: int, reports: tuple[str, ...]) -> Read:
    """All of the day. Raises StoreError."""
    store = Store.connect(server.url)
    try:
        sums: dict[str, int] = {}
        took_s = {}
        for by in reports:
            took_s[by], sums = await _statement(store, by, first_hour)
        hours = [hour async for hour in read_hours(store, [ORGANISATION], _hours(first_hour))]
        accounts = await read_accounts(store, ORGANISATION, policy.limits, (first_hour + 1) * SECONDS_AN_HOUR)
        leases = await store.command("ZCARD", key_of(ORGANISATION, "leases"))
        sizes = [await store.command("MEMORY", "USAGE", hour_key(ORGANISATION, hour.hour), "SAMPLES", "0") for hour in hours]
        return Read(_books(sums, accounts, leases), _size(server, hours, sum(sizes)), took_s)
    finally:
        await store.close()


async def _statement(store: Store, by: str, first_hour: int) -> tuple[float, dict[str, int]]:
    began = time.perf_counter()
    lines = Lines()
    tally = Tally(lines, (by,), zone_of("UTC"))
    async for hour in read_hours(store, await read_organisations(store), _hours(first_hour)):
        feed(hour, lines, [tally])
    total = statement_of((by,), tally.rows()).total
    return time.perf_counter() - began, {name: getattr(total, name) for name in SUMS}


def _hours(first_hour: int) -> range:
    first = datetime.fromtimestamp(first_hour * SECONDS_AN_HOUR, UTC).date()
    return Period(first, first, UTC).hours


def _books(sums: dict[str, int], accounts: list[Account], leases: int) -> Books:
    by_name = {account.limit.name: account for account in accounts if account.scope == ORGANISATION}
    spent, flight = by_name.get(SPENT), by_name.get(FLIGHT)
    return Books(
        sums=sums,
        spent_micro_usd=spent.spent if spent else 0,
        reserved_micro_usd=spent.reserved if spent else 0,
        counted_requests=by_name[COUNTED].spent if COUNTED in by_name else 0,
        in_flight=flight.reserved if flight else 0,
        open_leases=leases,
    )


def _size(server: ValkeyProcess, hours: list[Hour], hour_bytes: int) -> Size:
    memory = valkey.info(server.socket_path, "memory")
    folded = sum(sums.requests for hour in hours for line, sums in hour.lines() if line.app == OTHER)
    state = server.run_dir / "state"
    return Size(
        lines=sum(len(hour.fields) for hour in hours),
        most_lines_an_hour=max((len(hour.fields) for hour in hours), default=0),
        folded_requests=folded,
        hour_bytes=hour_bytes,
        store_bytes=int(memory.get("used_memory", "0")),
        log_bytes=sum(path.stat().st_size for path in state.rglob("*") if path.is_file()),
    )


def command(file: Path, by: str, first_hour: int) -> tuple[float, int]:
    """Seconds that `tiermesh report` takes, and the total it prints, in micro-USD. Raises StartError when it fails."""
    day = datetime.fromtimestamp(first_hour * SECONDS_AN_HOUR, UTC).date().isoformat()
    argv = (sys.executable, "-m", "extproc", "report", str(file), "--by", by, "--from", day, "--to", day, "--json")
    began = time.perf_counter()
    done = subprocess.run(argv, capture_output=True, text=True, timeout=_COMMAND_TIMEOUT_S, check=False)
    took_s = time.perf_counter() - began
    if done.returncode:
        raise StartError(f"tiermesh report ended with status {done.returncode}:\n{done.stderr}")
    return took_s, int(json.loads(done.stdout)["total"]["cost_micro_usd"])
