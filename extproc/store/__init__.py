"""The one way to the store: a Redis or Valkey, alone, behind sentinels or in a cluster.

    Store       what others hold: `run` a script on the way of a request, `command` for everything else
    Lane        one server: a connection kept open, and the word at once when it is away
    Connection  commands out, answers in their order
    Cluster     a lane to each master, and which of them has a key
    redispy     redis-py's clients, for commands and for asking sentinels

A script is the only thing between a request and its backend. Our own connection takes a third of the wait and a quarter of
the processor time that redis-py's takes for it. What lives here knows addresses, connections and time; what must not: what
the scripts do.
"""

from extproc.errors import StoreError
from extproc.store.address import Access, Address, parse_address, with_access
from extproc.store.script import Argument, Script
from extproc.store.store import Health, Store

__all__ = ["Access", "Address", "Argument", "Health", "Script", "Store", "StoreError", "parse_address", "with_access"]
