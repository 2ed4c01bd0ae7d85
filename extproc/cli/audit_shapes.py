"""What is said of an audit log, as tables, JSON and CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from rich.markup import escape
from rich.table import Table

from extproc import audit
from extproc.audit.sentence import iso
from extproc.report import printable
from extproc.report.sheet import cell

_COLUMNS = ("requests", "event", "scope", "kinds", "unread", "rules", "traded", "backend", "location", "model")


def verdict(found: audit.Verification, *, is_held: bool) -> str:
    """The last line, in words. `is_held`: against a checkpoint that was kept elsewhere."""
    if found.verdict == "broken":
        count = len(found.problems) + found.problems_left
        return f"This log has been touched or damaged: {count:,} {'problem' if count == 1 else 'problems'}."
    if found.verdict == "torn":
        return (
            f"Whole up to record {found.last_seq:,}. After it come {found.torn_bytes:,} bytes without a signature: a crash in the middle "
            "of a write leaves that, and so does who cuts off the end. The next writer takes them off and says so in the log."
        )
    whole = f"This log is whole: {found.records:,} records, nothing altered, moved or put in, and nothing removed before the last."
    return whole if is_held else f"{whole} That it was not longer once, only a checkpoint that was kept elsewhere can tell: --against."


def verification_json(found: audit.Verification, key: audit.PublicKey) -> dict[str, Any]:
    """All of it. Times are microseconds since the epoch."""
    return {"verdict": found.verdict, "key": key.fingerprint, **asdict(found)}


def evidence_table(found: audit.Verification, key: audit.PublicKey) -> Table:
    """What was read and checked."""
    table = Table(title="evidence", title_justify="left", show_header=False)
    table.add_column()
    table.add_column(overflow="fold")
    rows = [
        ("records", f"{found.records:,}: {found.first_seq:,} to {found.last_seq:,}, in {found.files:,} files"),
        ("written", f"{iso(found.first_us)} to {iso(found.last_us)}"),
        ("last hash", found.hash),
        ("key", key.fingerprint),
        ("signatures checked", f"{found.signatures:,}"),
        ("checkpoints passed", f"{found.checkpoints:,}"),
    ]
    if found.recovered:
        rows.append(("unfinished writes taken off", ", ".join(f"before record {seq:,}" for seq in found.recovered[:10])))
    for name, value in rows:
        table.add_row(name, value)
    return table


def report_json(
    statement: audit.Statement, conclusion: audit.Conclusion, found: audit.Verification, key: audit.PublicKey
) -> dict[str, Any]:
    """Conclusion, rows and evidence."""
    return {
        "conclusion": conclusion.text,
        "is_clean": conclusion.is_clean,
        "first_seq": statement.first_seq,
        "last_seq": statement.last_seq,
        "first": iso(statement.first_us),
        "last": iso(statement.last_us),
        "cloud_bound": statement.left,
        "sensitive": sum(count for _, count in statement.sensitive),
        "without_rule": statement.unruled,
        "events": statement.events,
        "findings": dict(statement.findings),
        "policies": [asdict(policy) for policy in statement.policies],
        "rows": [{"requests": count, **asdict(row)} for row, count in statement.rows],
        "verification": verification_json(found, key),
    }


def report_tables(statement: audit.Statement) -> list[Table]:
    """What left or did not, and under which policies."""
    rows = Table(title=f"{iso(statement.first_us)} to {iso(statement.last_us)}", title_justify="left")
    for name in _COLUMNS:
        rows.add_column(name, justify="right" if name == "requests" else "left", overflow="fold")
    for row, count in statement.rows:
        rows.add_row(f"{count:,}", *(escape(printable(text)) if text else "" for text in _texts(row)))
    policies = Table(title="policies in force", title_justify="left")
    for name in ("policy", "records", "first", "last"):
        policies.add_column(name, justify="right" if name == "records" else "left", overflow="fold")
    for policy in statement.policies:
        policies.add_row(escape(printable(policy.policy)), f"{policy.records:,}", iso(policy.first_us), iso(policy.last_us))
    return [rows, policies]


def sheet(statement: audit.Statement) -> str:
    """The rows as CSV (RFC 4180)."""
    out = io.StringIO(newline="")
    writer = csv.writer(out)
    writer.writerow(_COLUMNS)
    writer.writerows((count, *map(cell, _texts(row))) for row, count in statement.rows)
    return out.getvalue()


def entry_table(entries: Sequence[dict[str, Any]]) -> Table:
    """One line a record."""
    table = Table("seq", "time", "event", "scope", "kinds", "rules", "backend", "model", "request")
    for entry in entries:
        kinds = [f"{kind} {count}" for kind, count in entry.get("kinds", ())] + [f"unread {reason}" for reason in entry.get("unread", ())]
        cells = (
            iso(int(entry.get("time_us", 0))),
            entry.get("event", ""),
            entry.get("scope", ""),
            ", ".join(kinds),
            ", ".join(entry.get("rules", ())),
            entry.get("backend", ""),
            entry.get("model", ""),
            entry.get("request_id", ""),
        )
        table.add_row(str(entry.get("seq", "")), *(escape(printable(cell)) if cell else "" for cell in cells))
    return table


def _texts(row: audit.Row) -> tuple[str, ...]:
    lists = (row.kinds, row.unread, row.rules, row.traded)
    return (row.event, row.scope, *(", ".join(names) for names in lists), row.backend, row.location, row.model)
