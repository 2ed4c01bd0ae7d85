"""What was spent, by whom, on what, and what the month will come to: rollups read back, added up and shown.

What lives here turns the store's hours into rows, CSV, JSON, one HTML page and forecasts, all of them pure functions of the
rollups, and one adapter that fetches those (`hours.py`). What must not live here: how a rollup is written (that is `usage`),
command lines, and where the store is.
"""

from extproc.report.column import SHOWN, Column, money, money_digits, texts
from extproc.report.dimension import BY, TIME, Filter, path_of, printable
from extproc.report.forecast import MIN_DAYS, Forecast, Past, forecast_of
from extproc.report.gather import Gathering
from extproc.report.history import History, Now
from extproc.report.hours import Commands, Hour, read_hours, read_organisations
from extproc.report.page import page as html
from extproc.report.period import Period, moment, month_of, today, zone_of
from extproc.report.sheet import sheet
from extproc.report.statement import SORTS, Row, Statement, statement_of
from extproc.report.tally import Lines, Sink, Tally, feed

__all__ = [
    "BY",
    "MIN_DAYS",
    "SHOWN",
    "SORTS",
    "TIME",
    "Column",
    "Commands",
    "Filter",
    "Forecast",
    "Gathering",
    "History",
    "Hour",
    "Lines",
    "Now",
    "Past",
    "Period",
    "Row",
    "Sink",
    "Statement",
    "Tally",
    "feed",
    "forecast_of",
    "html",
    "moment",
    "money",
    "money_digits",
    "month_of",
    "path_of",
    "printable",
    "read_hours",
    "read_organisations",
    "sheet",
    "statement_of",
    "texts",
    "today",
    "zone_of",
]
