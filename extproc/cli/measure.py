"""`tiermesh measure`."""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from decimal import Decimal, InvalidOperation
from pathlib import Path
from urllib.parse import urlsplit

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from extproc.bench.throughput import Rate, Server, measure_reading, measure_writing
from extproc.cli.table import page
from extproc.config import Price
from extproc.config.compile_prices import price
from extproc.config.prices import Gpu, Rates
from extproc.errors import StartError


def run(args: argparse.Namespace) -> int:
    """0, or 1 when so many requests failed that the figures mean nothing."""
    server, hour = _server(args), _amount(args.usd_per_hour)
    with _progress(args.seconds, "reading long prompts") as tick:
        read = measure_reading(server, seconds=args.seconds, concurrency=args.concurrency, tick=tick)
    with _progress(args.seconds, "writing long answers") as tick:
        written = measure_writing(server, seconds=args.seconds, concurrency=args.concurrency, tick=tick)
    gpu = _gpu(read, written, hour, args.gpus)
    if gpu is None:
        raise StartError(
            f"no answer came in {args.seconds:g} s; measure for longer, or with fewer clients ({read.trouble or written.trouble})"
        )
    charged = price(Rates(gpu=gpu)) if hour is not None else None
    if args.json:
        print(json.dumps(_json(read, written, gpu, charged)))
    else:
        _show(read, written, gpu, charged)
    return 1 if any(rate.failures > rate.answers for rate in (read, written)) else 0


def _server(args: argparse.Namespace) -> Server:
    parts = urlsplit(args.url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise StartError(f"{args.url} is no http:// or https:// address")
    if not 0 < args.seconds <= 86_400 or not 1 <= args.concurrency <= 4096 or args.gpus < 1:
        raise StartError("--seconds, --concurrency and --gpus must be more than nothing, and less than a day and 4096 clients")
    return Server(args.url, args.model, args.api, _key(args.key_file))


def _key(file: Path | None) -> str:
    try:
        return file.read_text(encoding="utf-8").strip() if file else ""
    except OSError as error:
        raise StartError(f"{file} cannot be read: {error.strerror}") from error


def _amount(text: str | None) -> Decimal | None:
    try:
        amount = None if text is None else round(Decimal(text), 6)
        if amount is None or 0 <= amount <= 1_000_000:
            return amount
    except InvalidOperation:
        pass
    raise StartError(f"{text} is no amount of money")


def _gpu(read: Rate, written: Rate, hour: Decimal | None, count: int) -> Gpu | None:
    """The figures as the configuration takes them; None where nothing was measured."""
    if not read.tokens_per_s or not written.tokens_per_s:
        return None
    rates = [Decimal(f"{rate.tokens_per_s:.4g}") for rate in (read, written)]
    return Gpu(usd_per_hour=hour or Decimal(0), count=count, input_tokens_per_s=rates[0], output_tokens_per_s=rates[1])


@contextmanager
def _progress(seconds: float, what: str) -> Iterator[Callable[[], None]]:
    """A bar on a terminal, nothing elsewhere. Gives what is to be called at each answer."""
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), TimeRemainingColumn(), TextColumn("{task.fields[answers]} answers"))
    with Progress(*columns, console=console, transient=True, disable=not sys.stderr.isatty()) as progress:
        task = progress.add_task(what, total=seconds, answers=0)
        began_s, answers = time.monotonic(), 0

        def tick() -> None:
            nonlocal answers
            answers += 1
            progress.update(task, completed=min(time.monotonic() - began_s, seconds), answers=answers)

        yield tick


def _show(read: Rate, written: Rate, gpu: Gpu, charged: Price | None) -> None:
    table = Table("", "tokens a second", "answers", "failures")
    for column in (1, 2, 3):
        table.columns[column].justify = "right"
    for name, rate in (("reading prompts", read), ("writing answers", written)):
        table.add_row(name, f"{rate.tokens_per_s:,.1f}", str(rate.answers), str(rate.failures))
    console = page()
    console.print(table)
    for trouble in dict.fromkeys(filter(None, (read.trouble, written.trouble))):
        console.print(f"the last failure: {trouble}", highlight=False, markup=False)
    hour = f"{gpu.usd_per_hour:f}" if charged else "0"
    print("    price:")
    print(
        f"      gpu: {{usd_per_hour: {hour}, count: {gpu.count}, "
        f"input_tokens_per_s: {gpu.input_tokens_per_s:f}, output_tokens_per_s: {gpu.output_tokens_per_s:f}}}"
    )
    if charged is None:
        print("Write what one GPU costs for an hour in place of the 0, or say --usd-per-hour to see the price.")
    else:
        print(f"That is ${charged.input / 1e6:f} for a million tokens of prompt and ${charged.output / 1e6:f} for a million of answer.")


def _json(read: Rate, written: Rate, gpu: Gpu, charged: Price | None) -> dict[str, object]:
    members = {key: float(value) if isinstance(value, Decimal) else value for key, value in gpu.model_dump().items()}
    if charged is None:
        del members["usd_per_hour"]
    costs = {"input": charged.input, "output": charged.output} if charged else None
    return {"reading": asdict(read), "writing": asdict(written), "gpu": members, "micro_usd_per_million": costs}
