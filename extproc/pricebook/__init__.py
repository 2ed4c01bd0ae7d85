"""What does a token cost? Prices by date, and the book of what well-known models cost that is shipped with TierMesh.

What lives here is data (`book.yaml`, with its sources) and pure functions that read and search it. What must not live here:
anything about which backend charges a price, and the arithmetic of a bill.
"""

from extproc.pricebook.book import Book, Listing, Quote, book, canonical, find, tariff_of
from extproc.pricebook.day import day_s
from extproc.pricebook.price import FREE, Price, Tariff

__all__ = ["FREE", "Book", "Listing", "Price", "Quote", "Tariff", "book", "canonical", "day_s", "find", "tariff_of"]
