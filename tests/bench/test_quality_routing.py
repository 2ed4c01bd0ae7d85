"""The arithmetic of `tiermesh eval routing` and `tiermesh calibrate`, against examples worked out by hand."""

from __future__ import annotations

import json
import struct
import zlib
from itertools import pairwise
from math import isnan

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from extproc import dialects
from extproc.bench import shares
from extproc.bench.quality import pictures, raster, rivals, routellm, routing
from extproc.bench.quality.calibration import calibration_error, reliability, spearman
from extproc.bench.quality.chart import HEIGHT, WIDTH, Chart, Series, svg
from extproc.bench.quality.resample import estimate
from extproc.bench.quality.setting import Sample, Settings, ascending
from extproc.bench.quality.tiered import Tiered
from extproc.config import Api
from extproc.dialects import Request

AGENT = {
    "id": "g-1",
    "tier": "complex",
    "task": "agent",
    "lang": "en",
    "system": "You fix things.",
    "before": [["user", "Hello"], ["assistant", "Hello!"]],
    "ask": "Find the cause.",
    "tools": 3,
    "after": [["assistant", "", 2], ["tool", "one"], ["tool", "two"]],
}


def read(row: Tiered) -> Request:
    request = dialects.parse(row.api, row.body, max_body_bytes=1_000_000)
    assert isinstance(request, Request)
    return request


def test_a_compact_row_becomes_the_body_it_describes() -> None:
    row = Tiered.of(AGENT)
    request = read(row)
    assert (row.row_id, row.api, row.rank, row.language, row.task) == ("g-1", Api.CHAT, 2, "en", "agent")
    assert (request.ask, request.system, request.tool_count, request.schema_chars) == ("Find the cause.", "You fix things.", 3, 270)
    assert [(turn.role, turn.text, turn.tool_calls) for turn in request.turns[2:]] == [
        ("user", "Find the cause.", 0),
        ("assistant", "", 2),
        ("tool", "one", 0),
        ("tool", "two", 0),
    ]
    messages = json.loads(row.body)["messages"]
    assert [call["id"] for call in messages[4]["tool_calls"]] == [messages[5]["tool_call_id"], messages[6]["tool_call_id"]]


@pytest.mark.parametrize("chars", [300, 1000])
def test_schemas_have_the_length_that_is_said(chars: int) -> None:
    assert read(Tiered.of(AGENT | {"schema_chars": chars})).schema_chars == chars


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ({"ask": "x", "tier": "hard"}, "tier must be one of"),
        ({"ask": "x"}, "tier must be one of"),
        ({"tier": "simple"}, "neither body nor ask"),
        ({"tier": "simple", "body": {}, "api": "telegraph"}, "api must be one of"),
        ({"tier": "simple", "ask": "x", "before": [["sage", "y"]]}, "a turn must be"),
    ],
)
def test_what_is_no_row(row: dict[str, object], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        Tiered.of(row)


def test_a_row_without_a_tier_will_do_where_none_is_asked() -> None:
    assert Tiered.of({"ask": "x"}, is_labelled=False).rank == -1


def test_mistakes_are_weighed_by_their_table() -> None:
    pairs = [(needed, chosen) for needed in range(3) for chosen in range(3)]
    costs = [routing.group(np.array([needed]), np.array([chosen])).cost.value for needed, chosen in pairs]
    assert costs == [0, 1, 2, 3, 0, 1, 8, 4, 0]


def test_a_group_counts_by_what_is_needed() -> None:
    group = routing.group(np.array([0, 0, 1, 2, 2]), np.array([0, 2, 1, 0, 2]))
    assert group.confusion == ((1, 0, 1), (0, 1, 0), (1, 0, 1))
    assert (group.accuracy.count, group.accuracy.of) == (3, 5)
    assert (group.complex_to_simple.share, group.simple_to_complex.share) == (0.5, 0.5)
    assert group.cost.value == pytest.approx(10 / 5)


def test_the_error_of_calibration_is_the_mean_distance_over_bins() -> None:
    stated, found = np.array([0.05, 0.05, 0.95, 1.0]), np.array([0.0, 1.0, 1.0, 1.0])
    bins = reliability(stated, found)
    assert [(round(one.stated, 3), one.found, one.count) for one in bins] == [(0.05, 0.5, 2), (0.975, 1.0, 2)]
    assert calibration_error(stated, found) == pytest.approx((0.45 * 2 + 0.025 * 2) / 4)


@pytest.mark.parametrize(
    ("scores", "ranks", "correlation"),
    [([0.1, 0.2, 0.9], [0, 1, 2], 1.0), ([0.9, 0.2, 0.1], [0, 1, 2], -1.0), ([0.1, 0.1, 0.4, 0.4], [0, 1, 0, 1], 0.0)],
)
def test_spearman(scores: list[float], ranks: list[int], correlation: float) -> None:
    assert spearman(np.array(scores), np.array(ranks)) == pytest.approx(correlation, abs=1e-9)
    assert isnan(spearman(np.array([0.5, 0.5]), np.array([0, 1])))


def test_an_interval_is_the_same_for_the_same_rows_and_narrower_for_more() -> None:
    values = np.random.default_rng(3).random(1000)
    few, many = (estimate(lambda at, n=n: float(values[:n][at].mean()), n) for n in (50, 1000))
    assert few == estimate(lambda at: float(values[:50][at].mean()), 50)
    assert few.low < few.value < few.high
    assert many.high - many.low < (few.high - few.low) / 2


def test_length_gets_the_cuts_that_suit_it_best() -> None:
    scores, needed = np.array([1.0, 2, 10, 20, 100, 200]), np.array([0, 0, 1, 1, 2, 2])
    assert list(rivals.tiers(scores, rivals.best_cuts(scores, needed))) == [0, 0, 1, 1, 2, 2]


def test_words_are_learnt_and_learnt_alike() -> None:
    texts = ["prove the theorem", "prove that it converges", "translate this word", "translate hello", "write a letter", "write an email"]
    ranks = [2, 2, 0, 0, 1, 1]
    one, other = (rivals.WordModel(texts, ranks).probabilities(["please prove it", "translate it", "write it", ""]) for _ in range(2))
    assert list(one[:3].argmax(1)) == [2, 0, 1]
    assert np.allclose(one.sum(1), 1)
    assert (one == other).all()


def test_routellms_metrics_at_their_ends() -> None:
    chance = np.random.default_rng(0)
    weak, strong = chance.integers(0, 2, 1000).astype(float), np.ones(1000)
    oracle, random = strong - weak + chance.random(1000) / 10, chance.random(1000)
    assert routellm.apgr(weak, strong, oracle) > 0.7
    assert routellm.apgr(weak, strong, random) == pytest.approx(0.5, abs=0.04)
    assert routellm.apgr(weak, strong, -oracle) < 0.3
    assert routellm.cpt(weak, strong, oracle, 0.5) == pytest.approx(25, abs=3)
    assert routellm.cpt(weak, strong, random, 0.8) == pytest.approx(80, abs=4)
    assert isnan(routellm.apgr(weak, weak, random))


def test_ties_are_broken_the_same_way_each_time() -> None:
    tied = np.array([0.5, 0.5, 0.1, 0.9, 0.5])
    ranks = routellm.untied(tied)
    assert sorted(ranks) == [0, 1, 2, 3, 4]
    assert (ranks[2], ranks[3]) == (0, 4)
    assert list(ranks) == list(routellm.untied(tied))


def test_contaminated_questions_are_left_out_and_others_must_have_outcomes() -> None:
    row = {"prompt": "2 + 2?", "outcomes": {routellm.WEAK: 0, routellm.STRONG: 1}}
    assert len(routellm.Questions.of("x", [row, row | {"contaminated": True}]).prompts) == 1
    with pytest.raises(ValueError, match="RouteLLM"):
        routellm.Questions.of("x", [{"prompt": "2 + 2?"}])


COSTS = (1.0, 10.0, 100.0)


@st.composite
def samples(draw: st.DrawFn) -> tuple[list[float], list[int]]:
    count = draw(st.integers(1, 40))
    scores = draw(st.lists(st.floats(0, 1), min_size=count, max_size=count))
    return scores, draw(st.lists(st.integers(0, 2), min_size=count, max_size=count))


def settings_of(scores: list[float], needed: list[int]) -> Settings:
    return Settings(Sample(np.array(scores), np.tile(COSTS, (len(scores), 1)), np.array(needed)))


@given(samples(), st.tuples(st.floats(0, 1), st.floats(0, 1)).map(sorted))
def test_a_setting_is_what_counting_one_by_one_gives(sample: tuple[list[float], list[int]], ends: list[float]) -> None:
    scores, needed = sample
    chosen = [next((rank for rank, end in enumerate(ends) if score <= end), 2) for score in scores]
    setting = settings_of(scores, needed).of(ends)
    assert setting.cost == pytest.approx(sum(COSTS[rank] for rank in chosen) / len(scores))
    assert setting.shares == pytest.approx([chosen.count(rank) / len(scores) for rank in range(3)])
    assert setting.quality is not None
    assert setting.quality.count == sum(rank >= need for rank, need in zip(chosen, needed, strict=True))


@given(st.lists(st.floats(-1, 2), min_size=1, max_size=7))
def test_thresholds_are_such_as_a_configuration_takes(ends: list[float]) -> None:
    moved = (*ascending(ends), 1.0)
    assert moved[0] >= 0
    assert all(low < high for low, high in pairwise(moved))


def even(count: int = 300) -> Settings:
    """Scores that are right about everything: a third needs each tier."""
    scores = [(place + 0.5) / count for place in range(count)]
    return settings_of(scores, [min(int(score * 3), 2) for score in scores])


def test_a_share_of_strong_calls_is_met() -> None:
    for percent in (0, 5, 33, 100):
        assert even().of_strong((0.35, 0.7), percent).shares[-1] == pytest.approx(percent / 100, abs=0.01)


def test_money_buys_as_much_quality_as_there_is_for_it() -> None:
    settings = even()
    found = settings.within_cost((0.35, 0.7), 20.0)
    assert found is not None
    assert found.quality is not None
    assert found.cost <= 20
    better = [one for one in settings.all() if one.cost <= 20 and one.quality and one.quality.count > found.quality.count]
    assert not better
    assert settings.within_cost((0.35, 0.7), 0.5) is None


def test_without_labels_money_buys_strong_calls() -> None:
    scores = np.linspace(0, 1, 300)
    settings = Settings(Sample(scores, np.tile(COSTS, (300, 1))))
    found = settings.within_cost((0.35, 0.7), 20.0)
    assert found is not None
    assert (found.quality, found.cost <= 20) == (None, True)
    assert settings.of_strong((0.35, 0.7), 100 * found.shares[-1] + 1).cost > 20


def test_a_quality_is_kept_at_the_least_cost() -> None:
    found = even().of_quality(1.0)
    assert found is not None
    assert found.quality is not None
    assert (found.quality.share, found.up_to) == (1.0, pytest.approx((1 / 3, 2 / 3), abs=0.02))


def test_nothing_on_the_frontier_is_beaten() -> None:
    frontier = even(60).frontier()
    costs = [one.cost for one in frontier]
    counts = [one.quality.count for one in frontier if one.quality]
    assert (costs, counts) == (sorted(set(costs)), sorted(set(counts)))
    assert counts[-1] == 60


def test_a_picture_is_a_sound_png_with_the_lines_in_it() -> None:
    chart = Chart("t", "x", "y", (Series("line", ((0.0, 0.0), (100.0, 100.0))), Series("mark", ((50.0, 50.0),), is_line=False)))
    file = raster.png(chart)
    assert file[:8] == b"\x89PNG\r\n\x1a\n"
    chunks, at = {}, 8
    while at < len(file):
        length, kind = struct.unpack(">I4s", file[at : at + 8])
        data = file[at + 8 : at + 8 + length]
        assert struct.unpack(">I", file[at + 8 + length : at + 12 + length])[0] == zlib.crc32(kind + data)
        chunks[kind], at = data, at + 12 + length
    assert struct.unpack(">IIBBBBB", chunks[b"IHDR"]) == (WIDTH, HEIGHT, 8, 2, 0, 0, 0)
    pixels = zlib.decompress(chunks[b"IDAT"])
    assert len(pixels) == HEIGHT * (1 + 3 * WIDTH)
    x, y = (round(value) for value in chart.at((25.0, 25.0)))
    assert pixels[y * (1 + 3 * WIDTH) + 1 + 3 * x :][:3] == bytes.fromhex("1f5fa8")


def test_a_page_escapes_what_it_shows_and_fetches_nothing() -> None:
    chart = Chart("<b>", "x & y", "y", (Series("<i>", ((0.0, 0.0),)),))
    page = pictures.page([chart], "{<figures>}", "<about>")
    assert "<b>" not in page
    assert "<i>" not in page
    assert "&lt;about&gt;" in page
    assert "http" not in page
    assert svg(chart) in page


def test_a_share_is_held_where_a_fixed_threshold_drifts_away() -> None:
    report = shares.run(shares.Options())
    assert report.is_held
    assert report.worst_held <= 5
    assert report.worst_fixed > 20
    assert len(report.blocks) == 20


def test_other_streams_are_held_too() -> None:
    for seed, percent, last in ((1, 10.0, 0.6), (2, 50.0, 0.1), (3, 20.0, 0.35)):
        report = shares.run(shares.Options(percent=percent, first=0.35, last=last, seed=seed))
        assert report.worst_held <= 5, (seed, report.worst_held)
