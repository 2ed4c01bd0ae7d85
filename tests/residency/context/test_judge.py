"""The context model as shipped: whose facts it finds, and what it lets pass."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from extproc.residency.context import ContextJudge
from extproc.residency.context.judge import (
    AFTER_BYTES,
    BEFORE_BYTES,
    EVERY_BYTES,
    LEAST_BYTES,
    MORE_WINDOWS,
    MOST_WINDOWS,
    WHOLE_BYTES,
    windows,
)

JUDGE = ContextJudge.load()

ABOUT_SOMEBODY = [
    ("health", "Could you tell Marta's team that she was diagnosed with breast cancer and starts chemo in May?"),
    ("health", "Patient Oliver Crane, 61, is on warfarin after a stroke."),
    ("health", "Meine Frau Karin hat Diabetes und nimmt seit Juni Metformin."),
    ("health", "У моей жены Веры диабет, она принимает метформин"),  # noqa: RUF001
    ("health", "同僚の佐藤さんがうつ病で休職しています"),
    ("health", "我妻子刘芳确诊乳腺癌，下周开始化疗"),  # noqa: RUF001
    ("health", "Moje maminka má cukrovku a píchá si inzulin"),
    ("health", "Min kollega Silje er gravid og sykmeldt ut måneden"),
    ("health", "แม่ของฉันเป็นโรคเบาหวานและต้องฉีดอินซูลิน"),
    ("health", "Rekan saya Dewi cuti sakit karena depresi"),
    ("health", "Η μητέρα μου έχει διαβήτη"),  # noqa: RUF001
    ("salary", "Priya Raman earns $91,000 a year, and Tom Becker asks for the same salary."),
    ("salary", "name,title,salary\nJoe Marsh,Engineer,84000\nAnn Poole,Analyst,71000"),
    ("salary", "Herr Lindner verdient 5.400 Euro brutto im Monat"),
    ("salary", "Anders Berg tjänar 38 500 kr i månaden"),
    ("salary", "Оксана Коваленко отримує 32 000 грн на місяць"),
    ("criminal", "Background check of Dean Foster: convicted of burglary in 2017."),
    ("criminal", "Mi hermano Luis está en la cárcel por fraude"),
    ("special_category", "Our colleague Yusuf is a Muslim and asks for a prayer room."),
    ("special_category", "Employee 4411 joined the union; his manager wants to know."),
    ("address", "Joan Pike lives at 14 Quarry Close, the house with the blue door, in Leeds"),
    ("privileged", "Our outside counsel thinks we lose the patent case and advises us to settle for 2 million."),
    ("confidential", "Minutes of the board meeting: resolved to close the Leeds plant and lay off 240 people; not public yet."),
    ("confidential", "We plan to acquire Halden Group for $40 million, nobody may know before the announcement."),
    ("source_code", "// Copyright (c) 2024 Halden Group. All rights reserved. Internal use only.\npackage com.halden.internal.rates;"),
]

ABOUT_NOBODY = [
    "What are the side effects of metformin?",
    "How much does a nurse earn in Ohio?",
    "Napoleon had stomach cancer, according to many historians.",
    "What is the difference between a felony and a misdemeanor?",
    "Job ad: backend engineer, salary range $90,000 - $120,000, apply now",
    "Dear [NAME], your appointment for [PROCEDURE] is on [DATE].",
    "SELECT name, salary FROM employees WHERE id = 4",
    "In my novel Detective Marlow has cancer and hides it from his partner.",
    "Permission is hereby granted, free of charge, to any person obtaining a copy (MIT License)",
    "Joan Pike presents the roadmap on Friday, invite Tom Becker.",
    "Explain the difference between a merger and an acquisition.",
    "Welche Nebenwirkungen hat Metformin?",
    "糖尿病について小学生に説明してください",
    "Jaké jsou příznaky cukrovky?",
    "Vad är medellönen i Sverige?",
    "อาการของโรคเบาหวานมีอะไรบ้าง",
    "Berapa gaji rata-rata perawat di Jakarta?",
]


def kinds_of(text: str) -> set[str]:
    return {kind for kind, _, _ in JUDGE.judge(text.encode())}


@pytest.mark.parametrize(("kind", "text"), ABOUT_SOMEBODY)
def test_a_fact_about_somebody_is_found(kind: str, text: str) -> None:
    assert kind in kinds_of(text)


@pytest.mark.parametrize("text", ABOUT_NOBODY)
def test_what_is_about_nobody_passes(text: str) -> None:
    assert kinds_of(text) == set()


def test_a_fact_is_found_in_the_midst_of_a_long_text() -> None:
    filler = "The river winds through the valley and the mill turns. " * 200
    assert "health" in kinds_of(filler + "Patient Oliver Crane is on warfarin after a stroke. " + filler)


@given(st.text(max_size=400))
@settings(max_examples=60, deadline=None)
def test_any_text_has_an_answer(text: str) -> None:
    data = text.encode(errors="replace")
    for kind, start, end in JUDGE.judge(data):
        assert kind in JUDGE.kinds
        assert 0 <= start <= end <= len(data)


def test_windows_are_bounded_however_many_words_there_are() -> None:
    data = b"cancer salary convicted " * 4_000
    found = JUDGE.windows(data)
    assert len(found) == MOST_WINDOWS + MORE_WINDOWS * (len(data) // EVERY_BYTES)
    assert found[-1][1] > len(data) * 0.9
    assert max(end - start for start, end in found) <= BEFORE_BYTES + AFTER_BYTES


def test_a_window_begins_where_a_word_does() -> None:
    data = b"x" * 950 + b" and then " + b"word " * 40 + b"cancer and more"
    (start, end), _ = windows(data, [data.index(b"cancer") + 6])
    assert data[start - 1 : start] == b" "
    assert end == len(data)


@pytest.mark.parametrize("ends", [[], [150], [20, 700], [899]])
def test_short_bodies_are_read_as_a_whole(ends: list[int]) -> None:
    data = "wörd ".encode() * (WHOLE_BYTES // 6)
    covered = {place for start, end in windows(data, ends) for place in range(start, end)}
    assert len(covered) > len(data) - LEAST_BYTES
    assert windows(data + b"more", []) == []
    assert windows(b"word " * 100, []) == []


def test_windows_read_together_say_what_each_says_alone() -> None:
    texts = [text for _, text in ABOUT_SOMEBODY]
    together = JUDGE.probabilities(texts)
    assert [row for text in texts for row in JUDGE.probabilities([text])] == [pytest.approx(row, abs=1e-5) for row in together]
