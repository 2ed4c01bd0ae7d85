"""The page stands alone, is well formed, and shows names as what they are: text."""

from __future__ import annotations

import re
from datetime import UTC, date
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extproc.report import Gathering, Hour, Lines, Period, Tally, feed, html, statement_of
from extproc.report.chart import between_lines, stacked_bars, ticks
from extproc.usage.rollup import Line, Sums, field_of, value_of

DAY = Period(date(2026, 11, 3), date(2026, 11, 3), UTC)
EVIL = "<script>alert(1)</script>\"'&$body"
_VOID = {"meta", "wbr", "br"}


class _Reader(HTMLParser):
    """The elements and text of a document; every element that is opened must be closed in turn."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str]] = []
        self.words: list[str] = []
        self._open: list[str] = []
        self.feed(text)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(name, value or "") for name, value in attrs]
        if tag not in _VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in _VOID:
            self._open.pop()

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words.append(data)


def _page(period: Period = DAY, name: str = "search", hours: dict[int, Sums] | None = None, title: str = "LLM costs") -> str:
    lines = Lines()
    tally, gathering = Tally(lines, ("team", "asked_model"), UTC), Gathering(lines, period)
    line = Line("retail", name, asked_model=name, tier="simple", backend=name)
    for hour, sums in (hours or {}).items():
        fields = (field_of(line).encode(), field_of(line._replace(tier=name)).encode())
        feed(Hour("acme", hour, fields, (value_of(sums), value_of(sums))), lines, [tally, gathering])
    statement = statement_of(tally.by, tally.rows())
    return html(gathering.contents(statement, ("simple", "standard"), title=title, about="about", footer="made"))


def test_nothing_is_fetched_and_nothing_runs() -> None:
    page = _page(hours={DAY.hours[3]: Sums(5, cost_micro_usd=5_000_000, asked_cost_micro_usd=9_000_000)})
    read = _Reader(page)
    assert not {"script", "link", "img", "iframe", "object", "form", "a"} & set(read.tags)
    assert not [name for name, _ in read.attributes if name.startswith("on") or name in ("src", "href", "action")]
    assert not re.search(r"url\(|@import|https?://", page)
    assert "default-src 'none'" in page


def test_headline_numbers_are_the_totals() -> None:
    read = _Reader(_page(hours={DAY.hours[3]: Sums(5, prompt_tokens=700, cost_micro_usd=25_000_000, asked_cost_micro_usd=100_000_000)}))
    words = " ".join(read.words)
    assert all(number in words for number in ("$50.00", "$200.00", "75.0%", "$150.00", "requests, 1,400 tokens"))


@pytest.mark.parametrize("where", ["name", "title"])
def test_names_are_text(where: str) -> None:
    page = _page(hours={DAY.hours[3]: Sums(5, cost_micro_usd=1)}, **{where: EVIL})  # type: ignore[arg-type]
    read = _Reader(page)
    assert "script" not in read.tags
    assert EVIL in "".join(read.words)


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20), st.integers(0, 10**14), st.integers(0, 10**14))
def test_any_name_and_amount_give_a_whole_page(name: str, cost: int, asked: int) -> None:
    _Reader(_page(name=name, hours={DAY.hours[0]: Sums(1, cost_micro_usd=cost, asked_cost_micro_usd=asked)}))


def test_a_page_about_nothing_is_a_page() -> None:
    assert "$0.00" in " ".join(_Reader(_page()).words)


@pytest.mark.parametrize(
    ("last", "per", "bars"), [(date(2026, 11, 3), "hour", 24), (date(2026, 11, 30), "day", 28), (date(2027, 11, 2), "month", 13)]
)
def test_a_long_period_is_shown_by_longer_steps(last: date, per: str, bars: int) -> None:
    lines = Lines()
    gathering = Gathering(lines, Period(date(2026, 11, 3), last, UTC))
    contents = gathering.contents(statement_of((), ()), (), title="", about="", footer="")
    assert (contents.per, len(contents.labels)) == (per, bars)
    assert len(contents.over_time) == len(contents.by_tier) == bars


def test_tiers_are_in_the_configurations_order_then_those_that_are_gone() -> None:
    lines = Lines()
    gathering = Gathering(lines, DAY)
    fields = tuple(field_of(Line(tier=tier)).encode() for tier in ("zoo", "complex", "simple", "", "idle"))
    costs = (1, 1, 1, 1, 0)
    feed(Hour("acme", DAY.hours[0], fields, tuple(value_of(Sums(1, cost_micro_usd=cost)) for cost in costs)), lines, [gathering])
    contents = gathering.contents(statement_of((), ()), ("simple", "idle", "complex"), title="", about="", footer="")
    assert contents.tiers == ("simple", "complex", "", "zoo")


@pytest.mark.parametrize(
    ("largest", "marks"),
    [(0, (0, 1)), (1, (0, 1)), (7, (0, 2, 4, 6, 8)), (100, (0, 50, 100)), (5_200_000, (0, 2_000_000, 4_000_000, 6_000_000))],
)
def test_marks_are_round(largest: int, marks: tuple[int, ...]) -> None:
    assert ticks(largest) == marks


@given(st.integers(0, 10**18))
def test_marks_reach_the_largest_and_are_few(largest: int) -> None:
    marks = ticks(largest)
    assert marks[-1] >= largest
    assert 2 <= len(marks) <= 6


@given(st.lists(st.integers(-(10**9), 10**12), min_size=1, max_size=40))
def test_no_bar_and_no_point_leaves_the_picture(amounts: list[int]) -> None:
    labels = [str(place) for place in range(len(amounts))]
    pictures = stacked_bars(labels, [("a", amounts), ("b", amounts)]), between_lines(labels, ("a", amounts), ("b", amounts[::-1]))
    for picture in pictures:
        numbers = re.findall(r'\b(x|y|x1|x2|y1|y2|cx|cy|width|height)="([^"]+)"', picture)
        assert all(0 <= float(number) <= 960 for _, number in numbers)
        assert all(float(number) <= 260 for name, number in numbers if name.startswith(("y", "cy", "height")))


def test_a_bar_says_what_it_is_made_of() -> None:
    assert "<title>11-03: $3.00 (simple $1.00, complex $2.00)</title>" in stacked_bars(
        ["11-03"], [("simple", [1_000_000]), ("complex", [2_000_000]), ("idle", [0])]
    )
