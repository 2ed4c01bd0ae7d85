"""May this scope afford it? Limits and budgets: asked before a request is released, settled when it has ended.

What lives here knows counts, leases and the scripts that run in the store. What must not live here: who a caller is
(`identity`), and which backend is chosen (`routing`); a downgrade is only one more row of amounts.
"""

from extproc.limits.ask import Ask, Expected, Grant, Occasion, Standing, actual_of, ask_of, output_field
from extproc.limits.door import Door
from extproc.limits.event import Event
from extproc.limits.gate import Gate
from extproc.limits.notice import Herald
from extproc.limits.raising import put_raise, read_raised
from extproc.limits.reply import headers, refusal
from extproc.limits.settler import Bounds, Settler
from extproc.limits.standing import Account, Raise, read_accounts
from extproc.limits.sweeper import Sweeper
from extproc.limits.tab import Count, Tab, Tabs, count_of, tab_of

__all__ = [
    "Account",
    "Ask",
    "Bounds",
    "Count",
    "Door",
    "Event",
    "Expected",
    "Gate",
    "Grant",
    "Herald",
    "Occasion",
    "Raise",
    "Settler",
    "Standing",
    "Sweeper",
    "Tab",
    "Tabs",
    "actual_of",
    "ask_of",
    "count_of",
    "headers",
    "output_field",
    "put_raise",
    "read_accounts",
    "read_raised",
    "refusal",
    "tab_of",
]
