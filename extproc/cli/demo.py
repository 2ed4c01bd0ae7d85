"""`tiermesh demo`: the whole of TierMesh on one machine, with stand-ins where the models would be."""

from __future__ import annotations

import argparse
import contextlib
import http.client
import json
import os
import signal
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.progress import Progress

from extproc.cli.gateway import Gateway
from extproc.cli.sample import sample_config, sample_text
from extproc.cli.stored import opened
from extproc.cli.table import page, record_table, totals
from extproc.cli.workload import SAMPLES, Sample
from extproc.local.directory import private_directory, take_lock
from extproc.local.port import check_port, free_port
from extproc.server.settlement import store_url
from extproc.server.supervisor import run_dir_of
from extproc.testing import Behaviour, Standin, StandinThread
from extproc.usage import Record, read_records

_RECORD_PATIENCE_S = 5.0
_TIMEOUT_S = 20.0

_CURLS = """\
Try it (the answers are canned: nothing here is a model):

  curl -i {url}/v1/chat/completions -H 'content-type: application/json' \\
    -d '{{"model":"gpt-4o","messages":[{{"role":"user","content":"Is 17 prime? Answer yes or no."}}]}}'

  curl -N {url}/v1/messages -H 'content-type: application/json' -H 'anthropic-version: 2023-06-01' \\
    -d '{{"model":"claude-sonnet-4-5","max_tokens":300,"stream":true,
         "messages":[{{"role":"user","content":"Prove that the square root of 2 is irrational."}}]}}'

  curl {url}/v1/models
  curl http://{metrics}/metrics

The answer's headers x-tiermesh-tier, x-tiermesh-backend and x-tiermesh-model say who answered. Ctrl-C ends everything.
"""


@dataclass(frozen=True, slots=True)
class Sent:
    """A sample that was sent, and what came back."""

    sample: Sample
    request_id: str
    status: int


def run(args: argparse.Namespace) -> int:
    """0 when every request of the workload went as it should, 1 when not."""
    console = Console(stderr=True)
    with _terminated_like_ctrl_c(), _stack(args.port) as (gateway, standins):
        with Progress(console=console, transient=True) as progress:
            task = progress.add_task("sending the workload", total=len(SAMPLES))
            sent = []
            for sample in SAMPLES:
                sent.append(_send(gateway, standins, sample))
                progress.advance(task)
        records = _records(gateway, sent)
        problems = list(_problems(sent, records))
        _show(args, console, gateway, sent, records)
        for problem in problems:
            console.print(f"[red]{problem}[/]")
        if not args.once:
            _linger(console, gateway)
    return 1 if problems else 0


@contextlib.contextmanager
def _terminated_like_ctrl_c() -> Iterator[None]:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


@contextlib.contextmanager
def _stack(port: int) -> Iterator[tuple[Gateway, Mapping[str, StandinThread]]]:
    """Stand-ins, workers, store and Envoy, all running."""
    run_dir = run_dir_of(sample_config()) / "demo"
    private_directory(run_dir.parent)
    os.close(take_lock(private_directory(run_dir) / "serve.lock"))  # another demo is named as such before its port is
    check_port("127.0.0.1", port, setting="--port")
    with contextlib.ExitStack() as stack:
        standins = {name: stack.enter_context(StandinThread(Standin(name))) for name in ("local", "mid", "frontier")}
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="tiermesh-demo-")))
        text = sample_text(
            {name: standin.url for name, standin in standins.items()},
            port=port,
            admin_port=free_port(),
            metrics=f"127.0.0.1:{free_port()}",
            run_dir=run_dir,
            log="none",
        )
        path = directory / "tiermesh.yaml"
        path.write_text(text)
        yield stack.enter_context(Gateway(path, logs_to_files=True)), standins


def _send(gateway: Gateway, standins: Mapping[str, StandinThread], sample: Sample) -> Sent:
    if sample.fails_first:
        standins["local"].standin.then(Behaviour(status=503))
    listener = gateway.config.listener
    connection = http.client.HTTPConnection(listener.address, listener.port, timeout=_TIMEOUT_S)
    try:
        body = b"{not JSON" if not sample.body else json.dumps(sample.body).encode()
        connection.request(
            "POST", sample.path, body, {"content-type": "application/json", "authorization": "Bearer demo", **sample.headers}
        )
        answer = connection.getresponse()
        answer.read()
        return Sent(sample, answer.headers.get("x-request-id", ""), answer.status)
    except OSError:
        return Sent(sample, "", 0)
    finally:
        connection.close()


def _records(gateway: Gateway, sent: list[Sent]) -> dict[str, Record]:
    """The records of what was sent, by request, once all are there."""
    import asyncio

    wanted = {one.request_id for one in sent if one.request_id}
    return asyncio.run(_read(store_url(gateway.config, gateway.supervisor.run_dir), wanted))


async def _read(url: str, wanted: set[str]) -> dict[str, Record]:
    import asyncio

    found: dict[str, Record] = {}
    since = ""
    deadline = time.monotonic() + _RECORD_PATIENCE_S
    async with opened(url) as store:
        while set(found) != wanted and time.monotonic() < deadline:
            records, since = await read_records(store, since)
            found.update({record.request_id: record for record in records if record.request_id in wanted})
            if not records:
                await asyncio.sleep(0.05)
    return found


def _problems(sent: list[Sent], records: Mapping[str, Record]) -> Iterator[str]:
    for one in sent:
        if one.status != one.sample.status:
            yield f"{one.sample.title}: status {one.status}, expected {one.sample.status}"
        elif one.request_id not in records:
            yield f"{one.sample.title}: no record"
        elif one.sample.fails_first and len(records[one.request_id].attempts) < 2:
            yield f"{one.sample.title}: the failed backend was not replaced"
        elif one.sample.stays and records[one.request_id].location != "on_prem":
            yield f"{one.sample.title}: it left the premises"


def _show(args: argparse.Namespace, console: Console, gateway: Gateway, sent: list[Sent], records: Mapping[str, Record]) -> None:
    rows = [(one.sample.title, records[one.request_id]) for one in sent if one.request_id in records]
    if args.json:
        print(json.dumps({"records": [{"request": title, **record.to_json()} for title, record in rows], "totals": totals(rows)}))
        return
    out = page()
    out.print(record_table(rows))
    summary = totals(rows)
    out.print(
        f"[bold]{summary['requests']} requests cost ${summary['cost_micro_usd'] / 1e6:.6f}; the models they asked for would have cost "
        f"${summary['asked_cost_micro_usd'] / 1e6:.6f}.[/]",
        highlight=False,
    )
    console.print("The backends are stand-ins on this machine: canned words, real prices, real Envoy.", highlight=False)
    if not args.once:
        console.print(
            _CURLS.format(url=gateway.url, metrics=gateway.config.telemetry.metrics_address), markup=False, highlight=False, soft_wrap=True
        )


def _linger(console: Console, gateway: Gateway) -> None:
    try:
        while True:
            gateway.watch()
            time.sleep(0.1)
    except KeyboardInterrupt:
        console.print("ending")
    sys.stderr.flush()
