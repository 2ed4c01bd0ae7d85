"""What left: an append-only log of every decision that is cloud-bound, blocked or spilled, which shows when it was touched.

    Entry       what the pipeline says of one decision: names, counts and digests, never a text
    Log         appends entries for one process; a record is on the disk before the answer is `Written`
    verify      reads a whole log and finds what was altered, removed, moved or cut off
    statement   what left in a time, by whom, where to, and the evidence for it

Each record carries the SHA-256 of the one before (a hash chain, as in Schneier and Kelsey, "Secure Audit Logs to Support
Computer Forensics", 1999), and the last of every write is signed with Ed25519 (RFC 8032). So whoever owns the disk but not the
key can take records off the end, and nothing else without being found. What was cut off the end is found by a checkpoint: a
signed statement of how long the log was and what its last hash was, the signed tree head of RFC 6962 for a list instead of a
tree. The newest lies beside the log; a copy that is kept elsewhere finds a cut of both. Who owns the key too, as one who has
taken over the gateway, can rewrite everything since the last checkpoint that was kept elsewhere, and nothing before it.

What lives here: the format, the keys, the one way to the disk. What must not: what a decision is made of, and where the log is.
"""

from extproc.audit.chain import Durable
from extproc.audit.checkpoint import Checkpoint, read_checkpoint
from extproc.audit.entry import CLOUD_BOUND, EVENTS, Entry, Event
from extproc.audit.key import Keys, PublicKey, load_keys, read_public_key
from extproc.audit.latest import latest
from extproc.audit.log import Log
from extproc.audit.outcome import Outcome, Reason, Unwritten, Written
from extproc.audit.problem import Problem
from extproc.audit.sentence import Conclusion, conclusion
from extproc.audit.statement import Row, Span, Statement, Tally
from extproc.audit.verify import Verification, Wanted, verify

__all__ = [
    "CLOUD_BOUND",
    "EVENTS",
    "Checkpoint",
    "Conclusion",
    "Durable",
    "Entry",
    "Event",
    "Keys",
    "Log",
    "Outcome",
    "Problem",
    "PublicKey",
    "Reason",
    "Row",
    "Span",
    "Statement",
    "Tally",
    "Unwritten",
    "Verification",
    "Wanted",
    "Written",
    "conclusion",
    "latest",
    "load_keys",
    "read_checkpoint",
    "read_public_key",
    "verify",
]
