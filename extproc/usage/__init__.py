"""What did it cost? The ticket that travels with a request, and the one record made of it when Envoy logs its end.

What lives here reads access-log entries, counts tokens, multiplies by prices, and appends records to the store. What must
not live here: anything about how a backend was chosen, and anything that shows a record to people (that is `telemetry`).
"""

from extproc.usage.attempts import attempt_key
from extproc.usage.entry import record_of
from extproc.usage.ledger import RECORDS_KEY, Ledger, read_records
from extproc.usage.price import asked_price, cost_micro_usd
from extproc.usage.record import Record
from extproc.usage.ticket import Ticket
from extproc.usage.token import Tokens

__all__ = [
    "RECORDS_KEY",
    "Ledger",
    "Record",
    "Ticket",
    "Tokens",
    "asked_price",
    "attempt_key",
    "cost_micro_usd",
    "read_records",
    "record_of",
]
