"""The scores of live traffic, counted in the store, and the thresholds that hold configured shares of it.

What lives here brings counts to the store and back, behind the requests. What must not: the arithmetic from counts to thresholds
and what follows from them (`routing`).
"""

from extproc.shares.shares import Shares

__all__ = ["Shares"]
