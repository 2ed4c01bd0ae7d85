"""`tiermesh audit`."""

from __future__ import annotations

import argparse
import contextlib
import json
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

from extproc import audit
from extproc.cli import audit_shapes
from extproc.cli.table import page
from extproc.errors import StartError
from extproc.report import Filter

_FOREVER_US = 2**62
_SHOWN_PROBLEMS = 20


def run(args: argparse.Namespace) -> int:
    """0 when all is as it should be, 1 when it is not."""
    if getattr(args, "directory", None) and args.directory.is_file():
        args.directory = _configured(args.directory)
    command: Callable[[argparse.Namespace], int] = {"verify": _verify, "report": _report, "show": _show, "digest": _digest}[args.what]
    return command(args)


def _configured(file: Path) -> Path:
    """Where a gateway of this tiermesh.yaml keeps its log."""
    from extproc.config import load
    from extproc.server.keeping import audit_directory
    from extproc.server.supervisor import run_dir_of

    config = load(file)
    return audit_directory(config, run_dir_of(config))


def _verify(args: argparse.Namespace) -> int:
    key = _key(args)
    found = _read(args, key)
    if args.json:
        print(json.dumps(audit_shapes.verification_json(found, key)))
    else:
        _print_verification(found, key, page(), is_held=bool(args.against))
    return 0 if found.verdict == "intact" else 1


def _report(args: argparse.Namespace) -> int:
    key = _key(args)
    tally = audit.Tally(_span(args))
    found = _read(args, key, tally.add)
    statement = tally.statement()
    conclusion = audit.conclusion(statement, found)
    if args.json:
        print(json.dumps(audit_shapes.report_json(statement, conclusion, found, key)))
    elif args.csv:
        sys.stdout.write(audit_shapes.sheet(statement))
    else:
        console = page()
        console.print(*audit_shapes.report_tables(statement))
        console.print(conclusion.text, style="bold", highlight=False)
        _print_verification(found, key, console, is_held=bool(args.against))
    return 1 if found.verdict == "broken" or statement.unruled else 0


def _show(args: argparse.Namespace) -> int:
    try:
        entries = audit.latest(args.directory, args.last, lambda entry: _is_asked_for(entry, args))
    except OSError as error:
        raise _unreadable(args.directory, error) from error
    if args.json:
        for entry in entries:
            print(json.dumps(entry))
    else:
        page().print(audit_shapes.entry_table(entries))
    return 0


def _is_asked_for(entry: dict[str, Any], args: argparse.Namespace) -> bool:
    return (not args.event or entry.get("event") in args.event) and (not args.request or entry.get("request_id") == args.request)


def _digest(args: argparse.Namespace) -> int:
    keys = audit.load_keys(args.key_file, may_create=False)
    try:
        body = sys.stdin.buffer.read() if args.file == "-" else Path(args.file).read_bytes()
    except OSError as error:
        raise _unreadable(Path(args.file), error) from error
    print(keys.digest(body))
    return 0


def _key(args: argparse.Namespace) -> audit.PublicKey:
    path = args.public_key or args.directory / "audit.pub"
    try:
        found = audit.read_public_key(path)
    except OSError as error:
        raise _unreadable(path, error) from error
    if found is None:
        raise StartError(f"{path} is no public key, or has been altered")
    return found


def _read(args: argparse.Namespace, key: audit.PublicKey, visit: Callable[[bytes], object] | None = None) -> audit.Verification:
    try:
        against = tuple((str(path), audit.read_checkpoint(path)) for path in args.against)
        beside = audit.read_public_key(args.directory / "audit.pub") if args.public_key else key
        with _progress() as progress:
            found = audit.verify(args.directory, audit.Wanted(key, against, args.pruned), visit=visit, progress=progress)
    except OSError as error:
        raise _unreadable(args.directory, error) from error
    if beside != key:
        found.problems.append(audit.Problem("audit.pub", f"is not the key in {args.public_key}"))
    return found


def _unreadable(path: Path, error: OSError) -> StartError:
    return StartError(f"{error.filename or path} cannot be read: {error.strerror}")


def _span(args: argparse.Namespace) -> audit.Span:
    try:
        pattern = Filter.parse(args.scope).pattern
    except ValueError as error:
        raise StartError(str(error)) from error
    if args.first and args.to and args.first > args.to:
        raise StartError(f"the first day, {args.first}, comes after the last, {args.to}")
    first, last = args.first, args.to
    return audit.Span(
        int(datetime.combine(first, time(), UTC).timestamp()) * 1_000_000 if first else 0,
        int(datetime.combine(last + timedelta(days=1), time(), UTC).timestamp()) * 1_000_000 if last else _FOREVER_US,
        pattern,
    )


def _print_verification(found: audit.Verification, key: audit.PublicKey, console: Console, *, is_held: bool) -> None:
    console.print(audit_shapes.evidence_table(found, key))
    for problem in found.problems[:_SHOWN_PROBLEMS]:
        console.print(f"  {problem}", markup=False, highlight=False, soft_wrap=True)
    more = len(found.problems) - _SHOWN_PROBLEMS + found.problems_left
    if more > 0:
        console.print(f"  and {more:,} more", highlight=False)
    console.print(audit_shapes.verdict(found, is_held=is_held), style="bold" if found.verdict == "intact" else "bold red", highlight=False)


@contextlib.contextmanager
def _progress() -> Iterator[Callable[[int, int], object]]:
    if not sys.stderr.isatty():
        yield lambda *_: None
        return
    columns = (TextColumn("verifying"), BarColumn(), DownloadColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("verifying")
        yield lambda done, total: bar.update(task, completed=done, total=total)
